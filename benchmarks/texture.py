"""Seconds per unit and final mean of the texture test: ours against the published one.

Paper's setting: conv3_1 of VGG-16, normalised weights. The published test sees all (rf - 1)^2 crops
at each of 700 steps of Adam, one unit at a time.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import torch
from tqdm import tqdm

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from invariscope import device, files, natural, texture, weights  # noqa: E402
from invariscope.observer import observer  # noqa: E402
from invariscope.receptive_field import receptive_field  # noqa: E402
from invariscope.spectrum import precondition, preconditioner  # noqa: E402
from invariscope.synthesis import start  # noqa: E402
from invariscope.trunk import Trunk  # noqa: E402

STD = (0.229, 0.224, 0.225)
LAYER = "conv3_1"


def published(observe, raw, mask, norm, steps=700, rate=0.1, patience=100):
    """The authors' loop for one unit, written plainly: the global scale is differentiated, too."""
    factor = preconditioner(len(mask))
    raw = raw.clone().requires_grad_()
    adam = torch.optim.Adam([raw], lr=rate)
    average, lowest, waited = None, math.inf, 0

    def scaled():
        crops = texture.cut(raw, mask)
        scale = norm / crops.square().sum((2, 3, 4)).mean().sqrt()
        return scale, scale * crops

    for _ in tqdm(range(steps), "published", leave=False):
        _, crops = scaled()
        crops.register_hook(lambda gradient: precondition(gradient, factor))
        loss = -observe(crops, torch.zeros(1, dtype=torch.long))[0].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        average = float(loss) if average is None else 0.9 * average + 0.1 * float(loss)
        lowest, waited = (average, 0) if average < lowest else (lowest, waited + 1)
        if waited > patience:
            break
    with torch.no_grad():
        return scaled()[0] * raw


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default="results/quickstart", help="where a study lies")
    parser.add_argument("--units", type=int, nargs="+", default=[16, 19, 22, 31])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    device.prepare(options.threads)
    results, units = Path(options.results), options.units
    architecture, parameters = weights.load(results / "weights" / "vgg16.safetensors")
    means = files.read_dataset(results / "natural" / "vgg16.nc")
    trunk = Trunk(architecture, parameters, STD)
    side = receptive_field(architecture, LAYER)
    norm, mask = natural.stimulus_norm(side), texture.crop_mask(side)
    scale = natural.normalisers(means[LAYER].values)
    raw = start(2 * side - 1, 1, units, "benchmark")[:, 0]

    def see(chosen):
        return observer(trunk, LAYER, chosen, scale)

    def mean_and_min(textures):
        crops = texture.crop_responses(see(units), textures, mask, norm)[0]
        return crops.mean((1, 2)), crops.amin((1, 2))

    def ours(steps):
        return texture.climb(see(units), raw, mask, norm, steps, 4, 0, ("benchmark",))

    published(see(units[:1]), raw[:1], mask, norm, 2)
    ours(5)

    found = {}
    for steps in options.steps:
        began = time.perf_counter()
        textures = ours(steps)
        reached = mean_and_min(textures)  # the evaluation over all crops is part of it
        found[f"ours, {steps} steps"] = time.perf_counter() - began, *reached
    began = time.perf_counter()
    textures = [
        published(see([unit]), raw[row : row + 1], mask, norm)
        for row, unit in enumerate(tqdm(units, "published", unit="unit"))
    ]
    reached = mean_and_min(torch.cat(textures))
    found["published"] = time.perf_counter() - began, *reached

    print(
        f"\n{LAYER}, units {units}, {options.threads} threads, torch {torch.__version__}\n"
        f"{'texture test':16} {'s/unit':>8} {'mean':>8} {'min':>8} {'faster':>8} {'better':>8}"
    )
    base = found["published"]
    for name, (seconds, mean, least) in found.items():
        print(
            f"{name:16} {seconds / len(units):8.2f} {mean.mean():8.2f} {least.mean():8.2f} "
            f"{base[0] / seconds:7.1f}x {int((mean >= base[1]).sum()):3d} of {len(units)}"
        )


if __name__ == "__main__":
    main()
