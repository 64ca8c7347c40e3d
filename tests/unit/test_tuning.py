"""Indices of phase tuning against closed forms."""

import numpy as np
import pytest

from invariscope import tuning

PHASES = np.arange(16) * 2 * np.pi / 16


@pytest.mark.parametrize("shift", [0.0, 2 * np.pi / 16, 3 * 2 * np.pi / 16])
def test_half_rectified_simple_cell(shift):
    """pi / 2 over continuous phases; 8 tan(pi / 16) = 1.591 over 16 that meet the peak."""
    curve = np.maximum(np.cos(PHASES - shift), 0)
    assert tuning.f1_f0(curve) == pytest.approx(8 * np.tan(np.pi / 16))
    assert tuning.f1_f0(curve) == pytest.approx(np.pi / 2, rel=0.02)
    fine = np.maximum(np.cos(np.arange(4096) * 2 * np.pi / 4096), 0)
    assert tuning.f1_f0(fine) == pytest.approx(np.pi / 2, rel=1e-6)
    assert tuning.mean_max(fine) == pytest.approx(1 / np.pi, rel=1e-5)


@pytest.mark.parametrize(
    ("curve", "f1_f0", "mean_max", "min_max"),
    [
        (np.full(16, 3.0), 0, 1, 1),  # ideal complex cell
        (np.abs(np.cos(PHASES)), 0, np.abs(np.cos(PHASES)).mean(), 0),  # polarity invariant
        (5 + 5 * np.cos(PHASES), 1, 0.5, 0),  # the classical border
        (5 + 2 * np.sin(PHASES), 0.4, 5 / 7, 3 / 7),
        (np.eye(16)[3], 2, 1 / 16, 0),  # the largest there is
    ],
)
def test_closed_forms(curve, f1_f0, mean_max, min_max):
    found = tuning.f1_f0(curve), tuning.mean_max(curve), tuning.min_max(curve)
    assert found == pytest.approx((f1_f0, mean_max, min_max), abs=1e-12)


def test_batches_and_no_response():
    curves = np.stack([np.zeros(16), 1 + np.cos(PHASES)]).reshape(2, 1, 16)
    for index, expected in ((tuning.f1_f0, 1), (tuning.mean_max, 0.5), (tuning.min_max, 0)):
        found = index(curves)
        assert found.shape == (2, 1)
        assert np.isnan(found[0, 0])
        assert found[1, 0] == pytest.approx(expected)


def test_responses_count_above_the_blank_only():
    responses = np.array([[[5.0, -1.0, 2.0]], [[5.0, -1.0, 2.0]]])
    found = tuning.above_blank(responses, np.array([2.5, -4.0])[:, None, None])
    assert found.tolist() == [[[2.5, 0, 0]], [[5, 0, 2]]]


def test_a_simple_cell_on_a_pedestal_is_a_simple_cell():
    curve = tuning.above_blank((7 + 3 * np.cos(PHASES))[None], np.array([7.0]))
    assert tuning.f1_f0(curve)[0] == pytest.approx(8 * np.tan(np.pi / 16))


def test_driven():
    a_max = np.array([10.0, 10.0, 10.0, 10.0, 0.0, -3.0])
    blank = np.array([0.0, 8.9, 9.1, -50.0, -1.0, -5.0])
    assert tuning.driven(a_max, blank).tolist() == [True, True, False, True, False, False]
