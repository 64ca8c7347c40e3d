"""Made-up blocks of units whose indices can be worked out by hand."""

import numpy as np
import pandas as pd
import torch

from invariscope import cells, pairs
from invariscope.phase_dataset import phase_dataset
from invariscope.stimuli import stimuli_dataset
from invariscope.synthesis import Synthesis
from invariscope.warp_dataset import warp_dataset

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
    attributes = dict(network="n", layer="l", features="pixels", norm=9.0, seed=0)
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


def warp_found(units, images=3, **changed):
    """What the warp stage measured of units that keep all of their response but along controls.

    Pairs gain 0.3 over affine maps, those of the null 0.1. Controls lose the response evenly, those
    of the same displacement at once.
    """
    own = pairs.own_pairs(images)
    count, step = len(own), np.linspace(0, 1, 11)
    rng = np.random.default_rng(0)

    def explained(gain):
        found = (
            np.tile([0.0, 0.1, 0.2, 0.2 + gain], (units, count, 1))
            + 0.01 * rng.random(count)[:, None]
        )
        found[..., 3] += 0.01 * rng.random((units, count))
        return np.moveaxis(found, 2, 0)

    field = (units, count, 2, SIDE, SIDE)
    draws = (3, units, images, 4)
    found = dict(
        pairs=own,
        explained=explained(0.3),
        null_explained=explained(0.1),
        velocity=np.zeros(field, np.float32),
        displacement=np.zeros(field, np.float32),
        jacobian=np.full((units, count), 0.5),
        example=np.zeros(units, int),
        warped=np.ones((units, 3, SIDE, SIDE), np.float32),
        null=np.ones((units, count, 2), int),
        control=np.ones((units, count, 2, 2), int),
        own=np.full((units, count, 11), 8.0),
        blend=np.full((units, count, 11), 8.0) + 2 * step,
        turned=np.zeros((units, count), bool),
        control_response=np.stack(
            [np.tile(8 * kept, (units, count, 2, 1)) for kept in (step == 0, 1 - step)]
        ),
        itself=np.full((units, images), 8.0),
        interpolated=np.full((units, images), 7.6),
        warped_response=8 + np.tile([2.0, -2.0], 2) * np.ones(draws),
        noisy_response=8 + np.tile([1.0, -1.0], 2) * np.ones(draws),
        moved=np.ones(draws),
    )
    return {**found, **changed}


def warp_block(stimuli, blank=None, **changed):
    """Warp file of a block, of what `warp_found` gives."""
    count, images = stimuli.sizes["unit"], stimuli.sizes["image"]
    blank = np.zeros(count) if blank is None else np.asarray(blank, float)
    found = warp_found(count, images, **changed) if images > 1 else None
    return warp_dataset(stimuli, blank, found, network="n", layer="l", seed=0)


def units_table(sizes):
    """units.csv of layers with so many units each; every index 0.5, every label 'selective'.

    `sizes` is by (network, layer).
    """
    numbers = ["rf", "a_max", "activation_ratio", "f1_f0", "f1_f0_monogenic", "phase_invariance"]
    numbers += ["phase_minimum", "texture_mean", "texture_min", "warp_gain", "path_retention"]
    numbers += ["control_retention", "relative_stability"]
    rows = [
        dict(network=network, layer=layer, channel=channel, truth="", label="selective", missing="")
        for (network, layer), count in sizes.items()
        for channel in range(count)
    ]
    return pd.DataFrame(rows).assign(**dict.fromkeys(numbers, 0.5), label_agreement=np.nan)
