"""Scaling: time and memory of synthesis against units, images and the size of the receptive field.

Each in a process of its own, of which the memory is the peak above what it held before the loop.
VGG-16 with random weights, which cost what trained ones cost. Linux only, which says what a process
held at most.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
import yaml
from tqdm import tqdm

from invariscope import device, models, natural
from invariscope.objective import Penalty
from invariscope.observer import observer
from invariscope.optimiser import Sphere
from invariscope.receptive_field import channels, receptive_field
from invariscope.synthesis import start, synthesise
from invariscope.tracing import trace
from invariscope.trunk import Trunk

from .setting import FEATURES, IMAGES, LAYER, NETWORK, STD, WEIGHT, in_turn

REGISTRY = Path(__file__).parents[1] / "config" / "networks.yaml"
UNITS = 1, 4, 16, 64
IMAGE_COUNTS = 2, 6, 12, 24
LAYERS = "conv1_2", "conv2_2", "conv3_1", "conv3_3", "conv4_1", "conv4_3"
STEPS, REPEATS = 5, 3


def settings():
    """What is varied, and the layer, units and images of each."""
    return [
        *(("units", LAYER, units, IMAGES) for units in UNITS),
        *(("images", LAYER, 16, images) for images in IMAGE_COUNTS),
        *(("field", layer, 16, IMAGES) for layer in LAYERS),
    ]


def measure(setting):
    """Rows, one for each size, and notes."""
    registry = yaml.safe_load(REGISTRY.read_text())
    architecture = trace(NETWORK, registry[NETWORK]["layers"])
    torch.manual_seed(0)
    state = models.build(NETWORK).state_dict()
    parameters = {name: state[name].numpy() for name in architecture.parameters()}
    rows = []
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as processes:
        for varied, layer, units, images in tqdm(settings(), "scaling", unit="process"):
            task = architecture, parameters, layer, units, images, setting.threads, REPEATS
            seconds, held = processes.submit(one, *task).result()
            rows.append(
                dict(
                    varied=varied,
                    units=units,
                    images=images,
                    px=receptive_field(architecture, layer),
                    ms_per_step=1e3 * seconds,
                    image_steps_per_s=units * images / seconds,
                    mb=held / 1e6,
                )
            )
    return dict(
        rows=rows, notes=[f"medians of {REPEATS} runs of {STEPS} steps; mb: peak, above the start"]
    )


def one(architecture, parameters, layer, units, images, threads, repeats):
    """Seconds of a step, and bytes held at most, in this process."""
    device.prepare(threads)
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    trunk = Trunk(architecture, tensors, STD)
    features = FEATURES if FEATURES in below(architecture, layer) else None
    ones = [np.ones(channels(architecture, name)) for name in (layer, features) if name]
    observe = observer(trunk, layer, range(units), ones[0], features, *ones[1:])
    side = receptive_field(architecture, layer)
    raw = start(side, images, range(units), "benchmark")
    norm = natural.stimulus_norm(side)
    run = partial(synthesise, observe, raw, norm, Penalty(WEIGHT), Sphere(), STEPS)
    Path("/proc/self/clear_refs").write_text("5")  # forget what reading took at most
    held = memory("VmHWM")
    seconds = in_turn({"run": run}, repeats)["run"] / STEPS
    return seconds, memory("VmHWM") - held


def below(architecture, layer):
    """Layers strictly below `layer`."""
    nodes = architecture.below(layer) - {architecture.layers[layer]}
    return {name for name, node in architecture.layers.items() if node in nodes}


def memory(name):
    """Bytes that this process holds (VmRSS), or held at most (VmHWM)."""
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(f"{name}:")
    )
    return int(line.split()[1]) * 1024
