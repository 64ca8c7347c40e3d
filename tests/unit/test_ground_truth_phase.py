"""What the phase stage must find on cells whose invariances are known.

The cells' own templates say what to expect, worked out here by numpy and by hand, without the
library's shifts and textures.
"""

import numpy as np
import pytest
import torch

from invariscope import cells, phase, texture, tuning
from invariscope.natural import stimulus_norm
from invariscope.objective import Penalty
from invariscope.observer import observer
from invariscope.optimiser import Sphere
from invariscope.synthesis import start, synthesise

CELLS = cells.ground_truth()
TRUTH = [cell.truth for cell in CELLS]
NORM = stimulus_norm(cells.SIDE)
PHASES = np.arange(16) * 2 * np.pi / 16
# Half-rectified cosine over 16 phases that meet the peak; pi / 2 over continuous ones.
RECTIFIED = 8 * np.tan(np.pi / 16)


@pytest.fixture(scope="module")
def restarts(cell_trunk):
    observe = observer(cell_trunk, cells.LAYER, range(7), np.ones(7))
    raw = start(24, 6, range(7), "r")
    return synthesise(observe, raw, NORM, Penalty(0), Sphere(), 70).stimuli


@pytest.fixture(scope="module")
def curves(cell_trunk, restarts):
    """Response after the ReLU, {truth: (form, image, phase)}."""
    observe = observer(cell_trunk, cells.LAYER, range(7), np.ones(7))
    seen = phase.direction(restarts)[0], phase.frequency(restarts)
    responses = phase.tune(observe, restarts, torch.from_numpy(PHASES), *seen).numpy()
    return dict(zip(TRUTH, np.moveaxis(responses.clip(min=0), 1, 0), strict=True))


@pytest.fixture(scope="module")
def textures(cell_trunk, restarts):
    """Ratios of the texture's crops to a_max under their mask, {truth: (crop y, crop x)}."""
    observe = observer(cell_trunk, cells.LAYER, range(7), np.ones(7))
    mask = texture.crop_mask(24)
    a_max = texture.masked_a_max(observe, restarts, mask, NORM)
    raw = start(47, 1, range(7), "t")[:, 0]
    found = texture.climb(observe, raw, mask, NORM, 200, 6, 0, ("x",))
    crops = texture.crop_responses(observe, found, mask, NORM)[0]
    return dict(zip(TRUTH, (crops / a_max[:, None, None]).numpy(), strict=True))


def overlap(sigma):
    """Cosine between the crops' mask and a round Gaussian envelope.

    A texture fills the mask evenly, so that a unit with that envelope gets this share of what a
    stimulus of the same norm and of its own envelope gives it.
    """
    r = np.hypot(*np.meshgrid(np.arange(24) - 11.5, np.arange(24) - 11.5))
    mask, envelope = np.exp(-((r / 10) ** 4)), np.exp(-(r**2) / (2 * sigma**2))
    return (mask * envelope).sum() / np.linalg.norm(mask) / np.linalg.norm(envelope)


@pytest.mark.parametrize("truth", ["simple", "linear", "orientation_invariant"])
def test_cells_of_one_phase_rectify_half_the_cycle(curves, truth):
    """The projection goes as the cosine. So does that on even Gabors of any orientation: at the
    opposite phase each of them is driven below zero, or hardly above where two are orthogonal."""
    found = tuning.f1_f0(curves[truth][0])
    np.testing.assert_allclose(found, RECTIFIED, rtol=0.01)
    np.testing.assert_allclose(found, np.pi / 2, rtol=0.02)
    np.testing.assert_allclose(tuning.f1_f0(curves[truth][1]), np.pi / 2, rtol=0.04)


def test_complex_cell_does_not_see_phase(curves):
    """cos^2 + sin^2 = 1 at every phase."""
    assert (tuning.f1_f0(curves["complex"]) < 0.05).all()
    assert (tuning.mean_max(curves["complex"]) > 0.99).all()
    assert (tuning.min_max(curves["complex"]) > 0.99).all()


def test_polarity_invariant_cell_sees_every_phase_but_its_sign(curves):
    """|cos| repeats twice a cycle: nothing is at the first harmonic, and the mean is 2 / pi."""
    found = curves["polarity_invariant"]
    assert (tuning.f1_f0(found) < 0.02).all()
    np.testing.assert_allclose(tuning.mean_max(found), 2 / np.pi, rtol=0.02)
    assert (tuning.min_max(found) < 0.02).all()


def test_shift_invariant_cell_meets_the_phase_at_another_place(curves, restarts):
    """A shift by phase is one by phase / (2 pi f) pixels, but for the envelope, which stays.

    The template d pixels away fits with exp(-d^2 / (4 sigma^2)) times the cosine of what is left of
    the phase; the cell takes the best of those positions that it has.
    """
    unit = TRUTH.index("shift_invariant")
    places = cells.winners(CELLS[unit], restarts[unit].numpy())[:, 1]
    for place, curve in zip(places, curves["shift_invariant"][0], strict=True):
        d = np.arange(-5, 6) - place
        fit = np.exp(-(d**2) / (4 * 3.2**2))[:, None]
        left = PHASES[None] + 2 * np.pi * cells.FREQUENCY * d[:, None]
        expected = tuning.f1_f0((fit * np.cos(left)).max(0).clip(min=0))
        assert tuning.f1_f0(curve) == pytest.approx(expected, abs=0.03)
    assert 0.1 < tuning.f1_f0(curves["shift_invariant"][0]).mean() < 0.4


def test_warp_invariant_cell_answers_hardly_more_phases_than_one_of_its_templates(curves):
    """Bends move the phase here one way and there the other, so that no bend undoes a phase shift.

    What is left of the response is the best fit of a shifted template among all of them, worked out
    by numpy for every split of the Fourier plane in steps of 15 degrees.
    """
    templates = CELLS[TRUTH.index("warp_invariant")].templates
    k = np.fft.fftfreq(24)
    expected = []
    for angle in np.deg2rad(np.arange(0, 180, 15)):
        across = k[:, None] * np.sin(angle + 1e-3) + k[None, :] * np.cos(angle + 1e-3)
        spectra = np.fft.fft2(templates[::12])
        turned = [np.fft.ifft2(spectra * np.exp(1j * p * np.sign(across))).real for p in PHASES]
        fit = np.einsum("pncyx,tcyx->npt", np.stack(turned), templates).max(2)
        expected.append(tuning.f1_f0(fit.clip(min=0)))
    found = tuning.f1_f0(curves["warp_invariant"][0])
    assert 1.4 < np.min(expected) < np.max(expected) < RECTIFIED
    assert (found > np.min(expected) - 0.05).all()
    assert found.mean() == pytest.approx(np.mean(expected), abs=0.06)


def test_complex_cell_has_a_texture(textures):
    """A plain grating: every crop is a grating at some phase. Expected: the overlap, 0.98."""
    assert overlap(cells.SIGMA) == pytest.approx(0.978, abs=0.002)
    assert textures["complex"].mean() > 0.95
    assert textures["complex"].mean() == pytest.approx(overlap(cells.SIGMA), abs=0.015)
    assert textures["complex"].min() > 0.6


@pytest.mark.parametrize(("truth", "optimum"), [("simple", 0.175), ("linear", 0.133)])
def test_cells_of_one_phase_have_none(textures, truth, optimum):
    """The mean over crops is a linear functional, whose optimum `test_texture` works out."""
    assert 0.8 * optimum < textures[truth].mean() < 1.01 * optimum
    assert textures[truth].min() < 0


def test_polarity_invariant_cell_gets_the_mean_of_the_absolute_cosine(textures):
    """2 / pi times the overlap: 0.62. Crops lie on whole pixels, eight to the cycle, which can be
    laid for up to 0.653 instead of 0.637."""
    expected = 2 / np.pi * overlap(cells.SIGMA)
    assert textures["polarity_invariant"].mean() == pytest.approx(expected, abs=0.04)


def test_shift_invariant_cell_has_a_texture(textures):
    """A grating gives it the overlap of its smaller envelope, 0.75; patches in a row give more."""
    assert overlap(3.2) == pytest.approx(0.753, abs=0.002)
    assert overlap(3.2) < textures["shift_invariant"].mean() < 1


def test_orientation_invariant_cell_gets_more_than_a_simple_one(textures):
    """Bull's-eyes offer some orientation to crops around, but each has one phase still: the
    response is positive at most on half of the places, and a half-rectified cosine has 1 / pi."""
    assert textures["simple"].mean() + 0.1 < textures["orientation_invariant"].mean() < 0.5


def test_warp_invariant_cell_gets_little_more_than_one_of_its_templates(textures):
    """Crops around see the texture shifted, which no bend undoes."""
    assert textures["simple"].mean() < textures["warp_invariant"].mean() < 0.3
