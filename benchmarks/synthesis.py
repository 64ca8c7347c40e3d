"""Seconds per unit and final objective: the fast optimiser against the published one.

Paper's setting: conv3_1 of VGG-16, normalised weights, 6 images, features conv2_2, lambda 5.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from invariscope import device, files, natural, weights  # noqa: E402
from invariscope.objective import Penalty  # noqa: E402
from invariscope.observer import observer  # noqa: E402
from invariscope.optimiser import Published, Sphere  # noqa: E402
from invariscope.receptive_field import receptive_field  # noqa: E402
from invariscope.synthesis import start, synthesise  # noqa: E402
from invariscope.trunk import Trunk  # noqa: E402

STD = (0.229, 0.224, 0.225)
LAYER, FEATURES, IMAGES, WEIGHT = "conv3_1", "conv2_2", 6, 5


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default="results/quickstart", help="where a study lies")
    parser.add_argument("--units", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    device.prepare(options.threads)
    results = Path(options.results)
    architecture, parameters = weights.load(results / "weights" / "vgg16.safetensors")
    means = files.read_dataset(results / "natural" / "vgg16.nc")
    trunk = Trunk(architecture, parameters, STD)
    side = receptive_field(architecture, LAYER)
    units = list(range(options.units))
    scales = [natural.normalisers(means[layer].values) for layer in (LAYER, FEATURES)]

    def run(chosen, optimiser, steps):
        observe = observer(trunk, LAYER, chosen, scales[0], FEATURES, scales[1])
        raw = start(side, IMAGES, chosen, "benchmark")
        began = time.perf_counter()
        found = synthesise(
            observe, raw, natural.stimulus_norm(side), Penalty(WEIGHT), optimiser, steps
        )
        seconds = time.perf_counter() - began
        response, distance = found.responses.mean(1), found.distances.amin(1)
        return seconds, response.numpy(), distance.numpy(), found.steps.numpy()

    run(units[:1], Published(), 20)
    run(units, Sphere(), 5)

    found = {}
    parts = [run([unit], Published(), 2000) for unit in tqdm(units, "published", unit="unit")]
    seconds = sum(part[0] for part in parts)
    found["published"] = (seconds, *(np.concatenate([p[i] for p in parts]) for i in (1, 2, 3)))
    for steps in (50, 70, 100):
        found[f"sphere, {steps} steps"] = run(units, Sphere(), steps)

    print(
        f"\n{LAYER}, {len(units)} units, {IMAGES} images, lambda {WEIGHT}, "
        f"{options.threads} threads, torch {torch.__version__}"
    )
    print(
        f"{'optimiser':18} {'s/unit':>8} {'steps':>7} {'response':>9} {'distance':>9} "
        f"{'objective':>10} {'faster':>7} {'better':>8}"
    )
    base = found["published"]
    goal = base[1] + WEIGHT * base[2]
    for name, (seconds, response, distance, steps) in found.items():
        objective = response + WEIGHT * distance
        print(
            f"{name:18} {seconds / len(units):8.3f} {steps.mean():7.0f} {response.mean():9.2f} "
            f"{distance.mean():9.2f} {objective.mean():10.2f} {base[0] / seconds:6.1f}x "
            f"{(objective >= goal).sum():3d} of {len(units)}"
        )


if __name__ == "__main__":
    main()
