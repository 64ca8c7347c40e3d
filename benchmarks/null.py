"""How often the test of warp gain calls units that are none: each image is another unit's.

A made-up unit has one diverse stimulus each of several units of conv3_1 of VGG-16, so that its
pairs share stimuli as those of a real unit do, but are no more related than those of its null.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from invariscope import device, files, pairs, warp_dataset, warp_fit  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", default="results/quickstart", help="where a study lies")
    parser.add_argument("--units", type=int, default=128, help="how many to make up")
    options = parser.parse_args()

    device.prepare(2)
    paths = sorted((Path(options.results) / "stimuli" / "vgg16" / "conv3_1").glob("*.nc"))
    stimuli = [files.read_dataset(path).stimulus.sel(condition="diverse").values for path in paths]
    images = torch.from_numpy(np.concatenate(stimuli))
    units, count = images.shape[:2]
    rng = np.random.default_rng(0)
    own = pairs.own_pairs(count)
    rows = []
    for _ in range(options.units):
        order = rng.permutation(units)
        chosen = order * count + rng.integers(count, size=units)
        null = chosen[count + rng.permutation(units - count)[: len(own)]]
        rows.append([chosen[own], np.stack([chosen[own[:, 0]], null], 1)])
    fits = warp_fit.fit_pairs(images.flatten(0, 1), np.array(rows).reshape(-1, 2))
    gain = (fits["warp"].explained - fits["affine"].explained).view(options.units, 2, -1).numpy()
    _, p = warp_dataset.gain_test(gain[:, 0], gain[:, 1])
    own_gain, null_gain = gain.mean((0, 2))
    print(f"{options.units} made-up units, mean gain {own_gain:.3f}, null {null_gain:.3f}")
    for level in (0.01, 0.05, 0.1):
        print(f"p below {level}: {(p < level).mean():.3f}")


if __name__ == "__main__":
    main()
