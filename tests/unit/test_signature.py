"""The signature of phase invariance against brute force and known sets."""

import numpy as np
import pytest
from scipy import stats

from invariscope import cells, signature

RNG = np.random.default_rng(0)


def test_spectra_do_not_see_phase_nor_contrast_nor_mean():
    stimuli = np.stack(
        [cells.gabor(0.0), 5 * cells.gabor(np.pi / 2) + 3, np.roll(cells.gabor(), 5, 2)]
    )
    spectra = signature.amplitude_spectra(stimuli)
    np.testing.assert_allclose((spectra**2).sum((1, 2)), 1)
    np.testing.assert_allclose(spectra[2], spectra[0], atol=1e-12)
    assert (spectra[0] * spectra[1]).sum() > 0.995
    assert spectra[0].max() == spectra[0][0, 3]  # three cycles, horizontally
    assert not spectra[:, 0, 0].any()
    assert not signature.amplitude_spectra(np.full((3, 9, 9), 7.0)).any()


@pytest.mark.parametrize("side", [8, 9])
def test_spectra_and_phases_are_their_numpy_twins(side):
    """Colour by colour and frequency by frequency, on noise whose colours differ in phase."""
    diverse, restarts = RNG.standard_normal((2, 2, 4, 3, side, side)) + 3
    spectra = np.fft.fft2(diverse)
    amplitude = np.sqrt(sum(abs(spectra[:, :, c]) ** 2 for c in range(3)))
    amplitude[..., 0, 0] = 0
    amplitude /= np.sqrt((amplitude**2).sum((2, 3), keepdims=True))
    np.testing.assert_allclose(signature.amplitude_spectra(diverse), amplitude)
    found = signature.peak_phases(diverse, restarts)
    for unit in range(2):
        reference = np.fft.fft2(restarts[unit])
        power = (abs(reference) ** 2).sum((0, 1))
        allowed = [
            (ky, kx)
            for ky in range(side)
            for kx in range(side // 2 + 1)
            if (2 * ky % side, 2 * kx % side) != (0, 0)
        ]
        peak = max(allowed, key=lambda k: power[k])
        at_peak = reference[:, :, *peak]
        left, _, _ = np.linalg.svd(at_peak.T)
        weights = left[:, 0] * np.exp(-1j * np.angle(left[abs(left[:, 0]).argmax(), 0]))
        expected = [np.angle(np.vdot(weights, image)) for image in spectra[unit][:, :, *peak]]
        np.testing.assert_allclose(np.exp(1j * found[unit]), np.exp(1j * np.array(expected)))


def test_similarity_is_the_mean_over_pairs():
    spectra = signature.amplitude_spectra(RNG.standard_normal((3, 4, 3, 9, 9)))
    within = signature.similarity_within(spectra)
    between = signature.similarity_between(spectra.mean(1))
    for unit in range(3):
        pairs = [
            (spectra[unit, i] * spectra[unit, j]).sum()
            for i in range(4)
            for j in range(4)
            if i != j
        ]
        assert within[unit] == pytest.approx(np.mean(pairs))
        others = [
            (spectra[unit, i] * spectra[other, j]).sum()
            for other in range(3)
            if other != unit
            for i in range(4)
            for j in range(4)
        ]
        assert between[unit] == pytest.approx(np.mean(others))


def test_one_image_or_one_unit_has_no_similarity():
    spectra = signature.amplitude_spectra(RNG.standard_normal((2, 1, 3, 9, 9)))
    assert np.isnan(signature.similarity_within(spectra)).all()
    assert np.isnan(signature.similarity_between(spectra[:1, 0])).all()


def test_units_without_a_spectrum_are_passed_over():
    means = signature.amplitude_spectra(RNG.standard_normal((3, 3, 9, 9)))
    expected = signature.similarity_between(means[[0, 2]])
    means[1] = np.nan
    found = signature.similarity_between(means)
    np.testing.assert_allclose(found[[0, 2]], expected)
    assert np.isnan(found[1])


@pytest.mark.parametrize("colour", [(1, 1, 1), (1, -1, 0), (0.2, 0.5, -1)])
def test_peak_phases_are_those_of_the_gratings(colour):
    """Those of the colour that weighs most, also where colours are opponent and would cancel."""
    phases = np.array([0.0, 0.5, 2.0, -1.5, 3.0])
    weights = np.array(colour)[:, None, None]
    sets = np.stack([[weights * 9 * cells.gabor(p) for p in phases]])
    found = signature.peak_phases(sets, sets)[0]
    # Of the largest weight; 24 pixels hold three cycles and begin 11.5 before the middle.
    largest = weights.flat[np.abs(weights).argmax()]
    expected = phases - 2 * np.pi * cells.FREQUENCY * 11.5 + (np.pi if largest < 0 else 0)
    np.testing.assert_allclose(np.angle(np.exp(1j * (found - expected))), 0, atol=0.03)


def test_peak_is_where_the_best_stimuli_have_power():
    """The set may have more power where the unit does not look."""
    y = np.arange(24)[:, None]
    elsewhere = [50 * np.cos(2 * np.pi * 5 * y / 24 + p) for p in (0, 2, 4)]
    diverse = np.stack([[cells.gabor(0.7) * 20 + wave for wave in elsewhere]])
    best = np.stack([[cells.gabor(0.7)]])
    assert signature.rayleigh(signature.peak_phases(diverse, best))[0][0] == pytest.approx(
        1, abs=1e-3
    )
    assert signature.rayleigh(signature.peak_phases(diverse, diverse))[0][0] < 0.1


def test_rayleigh_of_equal_and_of_evenly_spread_phases():
    even = np.arange(6) * np.pi / 3
    resultant, p = signature.rayleigh(
        np.stack([np.full(6, 1.2), even, np.array([0, 0, 0, 1, 1, 1]) * np.pi])
    )
    np.testing.assert_allclose(resultant, [1, 0, 0], atol=1e-12)
    assert 0 <= p[0] < 1e-3
    np.testing.assert_allclose(p[1:], 1)


def test_rayleigh_p_against_simulation():
    simulated = np.abs(np.exp(2j * np.pi * RNG.random((200_000, 6))).mean(1))
    for spread in (0.8, 1.0, 1.2):
        phases = spread * np.array([[-1.0, -0.6, -0.2, 0.2, 0.6, 1.0]])
        resultant, p = signature.rayleigh(phases)
        assert resultant[0] == pytest.approx(abs(np.exp(1j * phases).mean()))
        share = (simulated >= resultant[0]).mean()
        assert p[0] == pytest.approx(share, abs=4e-3)


def test_rayleigh_p_is_uniform_without_a_signal():
    _, p = signature.rayleigh(RNG.random((4000, 6)) * 2 * np.pi)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_single_image_has_no_rayleigh_test():
    resultant, p = signature.rayleigh(np.zeros((2, 1)))
    assert np.isnan(resultant).all()
    assert np.isnan(p).all()
