"""Made-up blocks of units whose phase indices can be worked out by hand."""

import numpy as np
import torch

from invariscope import cells
from invariscope.phase_dataset import phase_dataset
from invariscope.stimuli import stimuli_dataset
from invariscope.synthesis import Synthesis

PHASES = np.arange(8) * 2 * np.pi / 8
SIDE = cells.SIDE


def stimuli_block(units, a_max=None, images=3, truth="", stimuli=None):
    """Restarts of one phase, all at a_max, and a diverse set of phases spread evenly."""
    count = len(units)
    a_max = np.full(count, 10.0) if a_max is None else np.asarray(a_max, float)

    def condition(phases, share):
        shown = np.stack([[100 * cells.gabor(p) for p in phases]] * count)
        return Synthesis(
            torch.as_tensor(shown if stimuli is None else np.asarray(stimuli, float)),
            torch.as_tensor(share * a_max[:, None] * np.linspace(0.9, 1, images)),
            torch.as_tensor(np.full((count, images * (images - 1) // 2), 5 * share)),
            torch.full((count,), 7),
        )

    spread = np.arange(images) * 2 * np.pi / max(images, 1)
    found = {"diverse": condition(spread, 0.8), "restarts": condition(0 * spread, 1.0)}
    attributes = dict(network="n", layer="l", features="pixels", norm=9.0)
    return stimuli_dataset(found, units, [truth] * count, **attributes)


def phase_block(
    stimuli,
    curves=None,
    blank=None,
    crops=(8.0, 2.0),
    a_max_masked=10.0,
    crop_count=2,
    **changed,
):
    """Phase file of a block: half-rectified tuning and a texture of two sorts of crops."""
    count, images = stimuli.sizes["unit"], stimuli.sizes["image"]
    if curves is None:
        curves = 10 * np.cos(PHASES)
    response = np.broadcast_to(curves, (2, count, images, 8)).copy()
    tuned = dict(
        response=response,
        direction=np.full((count, images), -np.pi / 6),
        strength=np.full((count, images), 0.9),
        modulation=np.ones((count, images)),
        flat=np.zeros((count, images), bool),
        frequency=np.tile(np.linspace(0.1, 0.2, images), (count, 1)),
        series=np.zeros((count, 8, 3, SIDE, SIDE), np.float32),
    )
    tuned.update(changed)
    cut = np.tile(np.array([crops] * crop_count), (count, 1, 1))
    texture = dict(
        texture=np.zeros((count, 3, 2 * SIDE - 1, 2 * SIDE - 1), np.float32),
        response=np.stack([cut, 0.5 * cut]),
        a_max=np.full(count, a_max_masked),
    )
    blank = np.zeros(count) if blank is None else np.asarray(blank, float)
    attributes = dict(network="n", layer="l", seed=0)
    return phase_dataset(stimuli, blank, PHASES, tuned, texture, **attributes)
