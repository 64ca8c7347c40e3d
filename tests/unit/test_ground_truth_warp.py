"""What the warp stage must find on cells whose invariances are known, and how they are labelled."""

import numpy as np
import pandas as pd
import pytest
import torch
from blocks import phase_block

from invariscope import cells, pairs, phase, stability, tables, warp_path
from invariscope.labels import CLEAR, RETAINED
from invariscope.natural import stimulus_norm
from invariscope.objective import Constrained, Penalty
from invariscope.observer import observer
from invariscope.optimiser import Sphere
from invariscope.stimuli import stimuli_dataset
from invariscope.synthesis import start, synthesise
from invariscope.warp_dataset import warp_dataset
from invariscope.warp_fit import examples, fit_plan

TRUTH = [cell.truth for cell in cells.ground_truth()]
UNITS = list(range(len(TRUTH)))
NORM = stimulus_norm(cells.SIDE)
LABELS = {
    "simple": "selective",
    "complex": "phase-invariant",
    "orientation_invariant": "selective",
    "polarity_invariant": "selective",
    "shift_invariant": "phase-invariant",
    "warp_invariant": "warp-invariant",
    "linear": "selective",
}


@pytest.fixture(scope="module", params=[0, 1], ids=["seed 0", "seed 1"])
def found(request, cell_trunk):
    """Stimuli and warp file of the cells, and their tuning curves."""
    names = request.param, "ground_truth", "cells"
    observe = observer(cell_trunk, cells.LAYER, UNITS, np.ones(len(UNITS)))
    restarts = synthesise(
        observe, start(24, 6, UNITS, *names, "restarts"), NORM, Penalty(0), Sphere(), 70
    )
    goal = Constrained(0.85, restarts.responses.amax(1))
    diverse = synthesise(observe, start(24, 6, UNITS, *names, "diverse"), NORM, goal, Sphere(), 70)
    stimuli = stimuli_dataset(
        {"diverse": diverse, "restarts": restarts},
        UNITS,
        TRUTH,
        network="ground_truth",
        layer="cells",
        features="pixels",
        norm=NORM,
        seed=0,
    )
    images = diverse.stimuli
    plan = pairs.plan(UNITS, UNITS, [True] * len(UNITS), 6, *names)
    fits = fit_plan(images.flatten(0, 1), plan)
    measured = fits | examples(images, plan["pairs"], fits)
    measured |= warp_path.responses(observe, images, plan["pairs"], fits, NORM)
    perturbed = stability.responses(observe, images, UNITS, 8, *names)
    measured |= dict(zip(("warped_response", "noisy_response", "moved"), perturbed, strict=True))
    measured = {name: value.numpy() for name, value in measured.items()}
    measured |= {name: plan[name] for name in ("pairs", "null", "control")}
    warp = warp_dataset(
        stimuli, np.zeros(len(UNITS)), measured, network="ground_truth", layer="cells"
    )
    angles = torch.arange(8, dtype=torch.float64) * (2 * np.pi / 8)
    seen = phase.direction(restarts.stimuli)[0], phase.frequency(restarts.stimuli)
    curves = phase.tune(observe, restarts.stimuli, angles, *seen).numpy()
    rows = tables.unit_rows(stimuli, phase_block(stimuli, curves), warp)
    table = tables.labelled(rows).set_index("truth")
    return table.join(tables.warp_rows(warp).set_index(pd.Index(TRUTH)), rsuffix="_again")


def test_every_cell_is_labelled_right(found):
    assert found.label.to_dict() == LABELS


def test_the_warp_invariant_cell_keeps_its_response_clear_of_its_controls(found):
    cell = found.loc["warp_invariant"]
    assert cell.path_retention > 0.9
    assert cell.path_retention - cell.control_retention > 1.3 * CLEAR
    assert cell.warp_p < 0.01
    assert cell.gain_effect > 0.6


@pytest.mark.parametrize("truth", ["simple", "linear", "polarity_invariant"])
def test_cells_of_one_template_are_not_clear_of_their_controls(found, truth):
    cell = found.loc[truth]
    assert cell.path_retention > 0.95
    assert cell.path_retention - cell.control_retention < 0.75 * CLEAR


def test_rotation_is_no_path_of_the_orientation_invariant_cell(found):
    assert found.path_retention["orientation_invariant"] < RETAINED


def test_translations_and_affine_maps_explain_what_warps_explain_of_the_complex_cell(found):
    """Its stimuli are phases of one grating: translations, mostly."""
    complex_cell, warp_cell = found.loc["complex"], found.loc["warp_invariant"]
    assert complex_cell.explained_affine > complex_cell.explained_none + 0.3
    assert complex_cell.warp_gain < 0.15
    assert warp_cell.warp_gain > 0.3
    assert warp_cell.explained_affine < 0.4


def test_nothing_folds_and_sampling_costs_smooth_stimuli_nothing(found):
    assert (found.least_jacobian > 0).all()
    assert (abs(found.interpolation - 1) < 0.03).all()


def test_warps_of_a_linear_cell_change_it_more_than_noise(found):
    """Of noise in all directions alike it sees 1 / 1728 of the power; smooth changes lie nearer."""
    assert (found.relative_stability > 10).all()
    assert (found.stability_low_1 < found.relative_stability_1).all()
    assert (found.relative_stability_1 == found.relative_stability).all()
