"""The model cells against closed forms, and what synthesis must find on them."""

import numpy as np
import pytest
import torch
from test_spectrum import twin

from invariscope import cells
from invariscope.natural import stimulus_norm
from invariscope.objective import Constrained, Penalty
from invariscope.observer import observer
from invariscope.optimiser import Published, Sphere
from invariscope.synthesis import start, synthesise

CELLS = cells.ground_truth()
TRUTH = [cell.truth for cell in CELLS]
NORM = stimulus_norm(cells.SIDE)


def phase_span(degrees):
    """Smallest arc of the circle, in degrees, that holds all of the given phases."""
    ordered = np.sort(np.asarray(degrees) % 360)
    return 360 - np.diff(ordered, append=ordered[0] + 360).max()


@pytest.fixture(scope="module")
def found(cell_trunk):
    """Restarts and the constrained diverse set of all cells, on raw responses."""
    units = range(len(CELLS))
    observe = observer(cell_trunk, cells.LAYER, units, np.ones(len(CELLS)))
    restarts = synthesise(observe, start(24, 6, units, "r"), NORM, Penalty(0), Sphere(), 70)
    goal = Constrained(0.85, restarts.responses.amax(1))
    diverse = synthesise(observe, start(24, 6, units, "d"), NORM, goal, Sphere(), 70)
    return restarts, diverse


def test_classes_of_the_method():
    assert set(TRUTH) == {
        "simple",
        "complex",
        "orientation_invariant",
        "polarity_invariant",
        "shift_invariant",
        "warp_invariant",
        "linear",
    }


@pytest.mark.parametrize("cell", CELLS, ids=TRUTH)
def test_templates_have_norm_one(cell):
    np.testing.assert_allclose((cell.templates**2).sum((1, 2, 3)), 1)
    assert len(cell.positions) == (1 if len(cell.templates) <= 1 else len(cell.templates))


def test_quadrature_pair_is_orthonormal():
    pair = CELLS[TRUTH.index("complex")].templates.reshape(2, -1)
    np.testing.assert_allclose(pair @ pair.T, np.eye(2), atol=1e-12)


def test_quadrature_of_the_even_gabor_is_the_odd_one():
    odd = cells.quadrature(cells.gabor(0.0))
    assert (odd * cells.gabor(-np.pi / 2)).sum() > 0.999
    assert abs((odd * cells.gabor(0.0)).sum()) < 1e-9


def bends():
    """Displacement of each bend of one pixel, (y, x), by its formula: 2 pi / 24 cycles a pixel."""
    at = np.arange(24) - 11.5
    y, x = np.meshgrid(at, at, indexing="ij")
    power = np.exp(-(y**2 + x**2) / 5.5**2)
    down, across = -np.cos(np.pi * y / 12), -np.cos(np.pi * x / 12)
    return down - (down * power).sum() / power.sum(), across - (across * power).sum() / power.sum()


def test_bends_do_not_fold():
    """Vertical displacement depends on x alone and horizontal on y alone: J = 1 - dy/dx dx/dy."""
    down, across = bends()
    for amount in (2, -2):
        slopes = np.diff(amount * across[0]), np.diff(2 * down[:, 0])
        assert (1 - np.outer(*slopes)).min() > 0.7


def test_bends_are_neither_translations_nor_affine_maps():
    """Weighted by the envelope's power they have no mean and no slope."""
    at = np.arange(24) - 11.5
    y, x = np.meshgrid(at, at, indexing="ij")
    power = np.exp(-(y**2 + x**2) / 5.5**2)
    for field in bends():
        for ramp in (1, y, x):
            assert (
                abs((power * field * ramp).sum()) < 1e-9 * (power * abs(field * ramp)).sum() + 1e-9
            )


def test_warped_templates_are_the_bent_plaid():
    """The template of the largest bends, read off the plaid's formula at the bent places."""
    cell = CELLS[TRUTH.index("warp_invariant")]
    assert len(cell.templates) == 121
    assert cell.positions[[0, 60, 120]].tolist() == [[-2, -2], [0, 0], [2, 2]]
    at = np.arange(24) - 11.5
    y, x = np.meshgrid(at, at, indexing="ij")
    down, across = bends()
    envelope = np.exp(-(y**2 + x**2) / (2 * 5.5**2))
    y, x = y + 14 + 2 * across, x + 2 * down
    arcs = np.cos(np.pi / 4 * (np.hypot(y, x) - 14))
    rays = np.cos(np.pi / 4 * 14 * np.arctan2(x, y))
    expected = np.stack(
        [
            envelope * (arcs / 3**0.5 + rays / 2**0.5),
            envelope * (arcs / 3**0.5 - rays / 2**0.5),
            envelope * arcs / 3**0.5,
        ]
    )
    np.testing.assert_allclose(cell.templates[120], expected / np.linalg.norm(expected), atol=1e-12)


def test_neighbouring_bends_leave_no_gap():
    """Half-way between two templates lies one that both fit nearly as well as themselves."""
    templates = CELLS[TRUTH.index("warp_invariant")].templates.reshape(11, 11, -1)
    assert (templates[1:] * templates[:-1]).sum(-1).min() > 0.95
    assert (templates[:, 1:] * templates[:, :-1]).sum(-1).min() > 0.95


def test_responses_by_numpy(cell_trunk):
    rng = np.random.default_rng(0)
    stimuli = rng.standard_normal((4, 3, 24, 24)).astype(np.float32) * 30
    value, _ = cell_trunk.run(torch.from_numpy(stimuli), cells.LAYER)
    for unit, cell in enumerate(CELLS):
        projections = np.einsum("tcyx,icyx->it", cell.templates, stimuli)
        pooled = projections.max(1) if cell.pool == "max" else np.linalg.norm(projections, axis=1)
        np.testing.assert_allclose(value[:, unit, 0, 0], pooled, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("unit", range(len(CELLS)), ids=TRUTH)
def test_a_template_reaches_the_known_maximum(cell_trunk, unit):
    stimulus = torch.from_numpy(NORM * CELLS[unit].templates[:1]).float()
    assert float(cell_trunk.run(stimulus, cells.LAYER)[0][0, unit]) == pytest.approx(NORM, rel=1e-5)


@pytest.mark.parametrize("unit", range(len(CELLS)), ids=TRUTH)
def test_synthesis_reaches_the_known_maximum(found, unit):
    """a_max >= 0.98 N. The preconditioner keeps it a little below N: F g is not quite g."""
    a_max = found[0].responses[unit].max()
    assert 0.98 * NORM <= a_max <= 1.00001 * NORM


def test_linear_cell_rests_at_its_closed_form(found, cell_trunk):
    """For a linear response F g parallel to x means x = N F w / |F w|."""
    unit = TRUTH.index("linear")
    expected = twin(CELLS[unit].templates[0])
    expected *= NORM / np.linalg.norm(expected)
    for stimulus in found[0].stimuli[unit].numpy():
        assert np.linalg.norm(stimulus - expected) < 1e-3 * NORM


def test_published_optimiser_finds_the_same_point(cell_trunk):
    unit = TRUTH.index("linear")
    observe = observer(cell_trunk, cells.LAYER, [unit], np.ones(len(CELLS)))
    found = synthesise(observe, start(24, 2, [unit], "p"), NORM, Penalty(0), Published(), 500)
    expected = twin(CELLS[unit].templates[0])
    expected *= NORM / np.linalg.norm(expected)
    for stimulus in found.stimuli[0].numpy():
        assert np.linalg.norm(stimulus - expected) < 5e-3 * NORM


def test_constraint_holds(found):
    restarts, diverse = found
    kept = diverse.responses.mean(1) / restarts.responses.amax(1)
    assert (kept >= 0.85 - 1e-6).all()
    # A linear cell's response cannot grow with diversity: it is kept where it must be, no higher.
    assert kept[TRUTH.index("simple")] < 0.87


def test_complex_cell_covers_its_phases_and_simple_cell_does_not(found):
    span = {}
    for truth in ("simple", "complex"):
        unit = TRUTH.index(truth)
        phases = cells.phases(CELLS[unit], found[1].stimuli[unit].numpy())
        span[truth] = phase_span(phases)
    assert span["complex"] > 240  # six phases evenly on the circle span 300
    assert span["simple"] < 90  # at 0.85 of the maximum, |phase| <= acos(0.85) = 32 each way


@pytest.mark.parametrize(
    "truth", ["orientation_invariant", "shift_invariant", "warp_invariant", "polarity_invariant"]
)
def test_known_invariance_shows(found, truth):
    unit = TRUTH.index(truth)
    stimuli = found[1].stimuli[unit].numpy()
    if truth == "polarity_invariant":
        signs = np.sign(np.cos(np.deg2rad(cells.phases(CELLS[unit], stimuli))))
        assert set(signs) == {-1, 1}
    else:
        assert len(np.unique(cells.winners(CELLS[unit], stimuli), axis=0)) >= 5


def test_diverse_sets_are_more_distinct_than_restarts(found):
    restarts, diverse = found
    assert (diverse.distances.amin(1) > restarts.distances.amin(1)).all()


def test_phase_span():
    assert phase_span([0, 90, 180, 270]) == pytest.approx(270)
    assert phase_span([170, -170]) == pytest.approx(20)
    assert phase_span([5.0]) == 0


def test_gratings_have_the_stated_frequency_and_width():
    """Three cycles across 24 pixels, horizontally; an envelope of 5.5 pixels, cut by the field."""
    assert CELLS[0].positions.shape == (1, 1)
    amplitude = np.abs(np.fft.fft2(cells.gabor()[0]))[0, :12]
    assert amplitude.argmax() == 3
    power = cells.gabor(0.0) ** 2 + cells.gabor(np.pi / 2) ** 2  # the squared envelope, nearly
    profile = power.sum((0, 1))
    across = np.arange(24) - 11.5
    spread = np.sqrt((profile * across**2).sum() / profile.sum())
    gaussian = np.exp(-((across / 5.5) ** 2))
    assert spread == pytest.approx(np.sqrt((gaussian * across**2).sum() / gaussian.sum()), rel=0.01)


def test_shifted_templates_lie_where_their_positions_say():
    cell = CELLS[TRUTH.index("shift_invariant")]
    assert len(cell.positions) == 121
    power = (cell.templates**2).sum(1)
    axis = np.arange(24) - 11.5
    down = (power.sum(2) * axis).sum(1)
    across = (power.sum(1) * axis).sum(1)
    np.testing.assert_allclose(np.stack([down, across], 1), cell.positions, atol=0.3)


def test_orientations_are_those_of_the_stripes():
    """By the spectrum: a grating of orientation o has its peak at the angle o from horizontal."""
    cell = CELLS[TRUTH.index("orientation_invariant")]
    frequency = np.fft.fftfreq(24)
    for template, (degrees,) in zip(cell.templates, cell.positions, strict=True):
        power = np.abs(np.fft.fft2(template[0])) ** 2
        tensor = np.zeros((2, 2))
        tensor[0, 0] = (power * frequency[:, None] ** 2).sum()
        tensor[1, 1] = (power * frequency[None, :] ** 2).sum()
        tensor[0, 1] = tensor[1, 0] = (power * np.outer(frequency, frequency)).sum()
        vertical, horizontal = np.linalg.eigh(tensor)[1][:, -1]
        found = np.rad2deg(np.arctan2(vertical, horizontal))
        assert abs((found - degrees + 90) % 180 - 90) < 2
    similarity = np.einsum("acyx,bcyx->ab", cell.templates, cell.templates)
    assert similarity[~np.eye(32, dtype=bool)].max() < 0.999


@pytest.mark.parametrize("phase", [-60, -30, 0, 45, 120])
def test_phases_of_gratings(phase):
    stimulus = NORM * cells.gabor(np.deg2rad(phase))[None]
    assert cells.phases(CELLS[0], stimulus)[0] == pytest.approx(phase, abs=1)


def test_linear_cells_diversity_is_what_geometry_allows(found):
    """Six stimuli at the cosine tau from a fixed direction, as far apart as can be.

    Their other parts, of norm N sqrt(1 - tau^2), at the corners of a regular simplex, are at mutual
    distances sqrt(2 * 6 / 5) times that; a_max itself is short of N by the preconditioner.
    """
    unit = TRUTH.index("simple")
    tau = float(found[1].responses[unit].mean()) / NORM
    limit = NORM * np.sqrt((1 - tau**2) * 2 * 6 / 5) / np.sqrt(3 * 24**2)
    assert 0.93 * limit < found[1].distances[unit].min() <= 1.001 * limit
