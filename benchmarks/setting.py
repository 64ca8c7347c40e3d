"""The paper's setting, which the benchmarks share, on the weights and means of a finished study.

conv3_1 of VGG-16, normalised weights, 6 images of 24 pixels, features conv2_2, lambda 5.
"""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from invariscope import device, files, natural, weights
from invariscope.observer import observer
from invariscope.receptive_field import receptive_field
from invariscope.synthesis import start
from invariscope.trunk import Trunk

NETWORK, LAYER, FEATURES, IMAGES, WEIGHT = "vgg16", "conv3_1", "conv2_2", 6, 5
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Setting:
    """What a benchmark measures on.

    Attributes
    ----------
    results : Path
        Folder of the study.
    trunk : Trunk
    scales : dict of str to numpy.ndarray, (channels,)
        What responses of each layer are divided by.
    side : int
        Of a stimulus, in pixels.
    norm : float
        Of a stimulus.
    units : list of int
        Channels of the layer.
    threads, repeats : int
    """

    results: Path
    trunk: Trunk
    scales: dict
    side: int
    norm: float
    units: list
    threads: int
    repeats: int

    def observe(self, units):
        """The engine's `observer` of some units."""
        scales = [self.scales[layer] for layer in (LAYER, FEATURES)]
        return observer(self.trunk, LAYER, units, scales[0], FEATURES, scales[1])

    def start(self, units):
        """Random stimuli, (unit, image, 3, side, side), from which every optimiser starts."""
        return start(self.side, IMAGES, units, "benchmark")

    def stimuli(self, block):
        """A block of stimuli of the study, as an xarray.Dataset."""
        return files.read_dataset(self.results / "stimuli" / NETWORK / LAYER / f"{block}.nc")


def read(results, units, threads, repeats):
    """Set up torch and read a study.

    Parameters
    ----------
    results : Path
    units : int
        How many to measure on.
    threads, repeats : int

    Returns
    -------
    Setting
    """
    device.prepare(threads)
    architecture, parameters = weights.load(results / "weights" / f"{NETWORK}.safetensors")
    means = files.read_dataset(results / "natural" / f"{NETWORK}.nc")
    side = receptive_field(architecture, LAYER)
    return Setting(
        results,
        Trunk(architecture, parameters, STD),
        {name: natural.normalisers(means[name].values) for name in architecture.layers},
        side,
        natural.stimulus_norm(side),
        list(range(units)),
        threads,
        repeats,
    )


def timed(function, *arguments):
    """Seconds that `function` takes, and what it gives."""
    began = time.perf_counter()
    found = function(*arguments)
    return time.perf_counter() - began, found


def in_turn(functions, repeats):
    """Median seconds of each of several functions, called in turn so that all share the noise.

    Parameters
    ----------
    functions : dict of str to function of no argument
        Each is called once before, unmeasured.
    repeats : int

    Returns
    -------
    dict of str to float
    """
    for function in functions.values():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            seconds[name].append(timed(function)[0])
    return {name: statistics.median(values) for name, values in seconds.items()}
