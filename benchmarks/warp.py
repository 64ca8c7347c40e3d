"""Seconds to fit warps between all pairs of images of a block of units, and what they explain.

conv3_1 of VGG-16: 15 pairs of 6 diverse stimuli for each of 16 units, 24 pixels. Beside it, pairs
of stimuli of different units, fitted alike.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from invariscope import device, files, warp_fit  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default="results/quickstart", help="where a study lies")
    parser.add_argument("--block", default="0016-0031")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    device.prepare(options.threads)
    path = Path(options.results) / "stimuli" / "vgg16" / "conv3_1" / f"{options.block}.nc"
    stimuli = files.read_dataset(path).stimulus.sel(condition="diverse")
    images = torch.from_numpy(stimuli.values)
    units, count = images.shape[:2]
    first, second = np.triu_indices(count, 1)
    sources = images[:, first].flatten(0, 1)
    own = images[:, second].flatten(0, 1)
    other = images.roll(1, 0)[:, second].flatten(0, 1)

    warp_fit.fit(sources[:2], own[:2], steps=2)
    found = {}
    for name, targets in (("own", own), ("other unit's", other)):
        began = time.perf_counter()
        fits = warp_fit.fit(sources, targets)
        found[name] = time.perf_counter() - began, fits

    side = images.shape[-1]
    print(
        f"{len(sources)} pairs, {side} pixels, {options.threads} threads, torch {torch.__version__}"
    )
    print(
        f"{'target':14} {'seconds':>8} {'none':>6} {'trans.':>7} {'affine':>7} {'warp':>6} "
        f"{'least Jacobian':>15}"
    )
    for name, (seconds, fits) in found.items():
        none, translation, affine, free = (float(f.explained.mean()) for f in fits.values())
        least = float(fits["warp"].jacobian.min())
        print(
            f"{name:14} {seconds:8.1f} {none:6.2f} {translation:7.2f} {affine:7.2f} {free:6.2f} "
            f"{least:15.2f}"
        )
    print("explained by the warp, by unit (own, other unit's):")
    by_unit = [fits["warp"].explained.view(units, -1).mean(1) for _, fits in found.values()]
    for unit, mine, null in zip(stimuli.unit.values, *by_unit, strict=True):
        print(f"{unit:6d} {mine:6.2f} {null:6.2f}")


if __name__ == "__main__":
    main()
