"""Warps: seconds to fit all pairs of images of a block of units, and what they explain.

15 pairs of 6 diverse stimuli for each of 16 units. Beside them, pairs of stimuli of different
units, fitted alike.
"""

import numpy as np
import torch

from invariscope import warp_fit

from .setting import timed

BLOCK = "0016-0031"


def measure(setting):
    """Rows, one for each kind of target, and notes."""
    images = torch.from_numpy(setting.stimuli(BLOCK).stimulus.sel(condition="diverse").values)
    first, second = np.triu_indices(images.shape[1], 1)
    sources = images[:, first].flatten(0, 1)
    targets = {
        "own": images[:, second].flatten(0, 1),
        "another unit's": images.roll(1, 0)[:, second].flatten(0, 1),
    }
    pairs = np.arange(2 * len(sources)).reshape(2, -1).T
    warp_fit.fit(sources[:2], targets["own"][:2], steps=2)
    rows = []
    for name, target in targets.items():
        seconds, fits = timed(warp_fit.fit_pairs, torch.cat([sources, target]), pairs)
        explained = [float(fit.explained.mean()) for fit in fits.values()]
        none, translation, affine, warp = explained
        rows.append(
            dict(
                target=name,
                pairs=len(sources),
                seconds=seconds,
                none=none,
                translation=translation,
                affine=affine,
                warp=warp,
                least_jacobian=float(fits["warp"].jacobian.min()),
            )
        )
    notes = ["none, translation, affine, warp: share of the variance that each explains"]
    return dict(rows=rows, notes=notes)
