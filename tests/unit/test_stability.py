"""Relative stability: the statistics of random warps, and R in closed form."""

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from invariscope import stability, warp
from invariscope.seeds import generator

SIDE = 24
MODES = [(i, j) for i in range(1, 9) for j in range(1, 9) if i * i + j * j < 3.5**2]


def wave(i, place, side=SIDE):
    return np.sin(i * np.pi * (place + 0.5) / side)


def variance(side, size):
    """T sum sin^2(i pi y) sin^2(j pi x) / (i^2 + j^2), (y, x), for a root mean square of `size`."""
    at = np.arange(side)
    terms = [
        np.outer(wave(i, at, side), wave(j, at, side)) ** 2 / (i * i + j * j) for i, j in MODES
    ]
    return 2 * size**2 / sum(1 / (i * i + j * j) for i, j in MODES) * sum(terms)


@pytest.mark.parametrize(("side", "size"), [(24, 0.5), (24, 2.0), (10, 1.0)])
def test_velocities_have_the_variance_of_the_closed_form(side, size):
    """At every pixel, in both components alike, and uncorrelated between them."""
    drawn = stability.maximum_entropy_velocities(generator("v"), (8000,), side, size)
    expected = variance(side, size)
    for component in (0, 1):
        found = drawn[:, component].var(0)
        # A sample variance of n normal values is off by sqrt(2 / n).
        assert abs(found / expected - 1).max() < 6 * np.sqrt(2 / 8000)
    assert abs(drawn.mean(0)).max() < 5 * np.sqrt(expected.max() / 8000)
    cross = (drawn[:, 0] * drawn[:, 1]).mean(0) / expected
    assert abs(cross).max() < 5 / np.sqrt(8000)


@pytest.mark.parametrize("size", stability.SIZES)
def test_root_mean_square_length_is_as_stated(size):
    """In closed form, as sin^2 has mean 1/2 on the pixels' centres."""
    for side in (8, 24, 68):
        assert 2 * variance(side, size).mean() == pytest.approx(size**2)


def test_neighbours_vary_together_as_the_closed_form_says():
    """Covariance of two places: T sum sin sin sin sin / (i^2 + j^2), worked out by hand."""
    drawn = stability.maximum_entropy_velocities(generator("c"), (20000,), SIDE, 1.0)
    y, x, p, q = 7, 11, 10, 15
    assert len(MODES) == 6
    t = 2 / sum(1 / (i * i + j * j) for i, j in MODES)
    expected = t * sum(
        wave(i, y) * wave(j, x) * wave(i, p) * wave(j, q) / (i * i + j * j) for i, j in MODES
    )
    found = (drawn[:, 0, y, x] * drawn[:, 0, p, q]).mean()
    assert found == pytest.approx(expected, abs=0.03 * variance(SIDE, 1).max())


def test_a_mode_is_the_integral_of_the_gradient():
    """The energy of bending is the same for all modes: that is what maximum entropy means."""
    for i, j in ((1, 1), (2, 3)):
        energy, _ = integrate.dblquad(
            lambda y, x, i=i, j=j: (
                (np.pi * i * np.cos(i * np.pi * y) * np.sin(j * np.pi * x)) ** 2
                + (np.pi * j * np.sin(i * np.pi * y) * np.cos(j * np.pi * x)) ** 2
            ),
            0,
            1,
            0,
            1,
        )
        assert energy / (i * i + j * j) == pytest.approx(np.pi**2 / 4)


def template():
    return torch.from_numpy(generator("t").standard_normal((3, SIDE, SIDE))).float()


def linear(weights):
    def observe(stimuli, units):
        return torch.einsum("uichw,chw->ui", stimuli, weights), stimuli

    return observe


@pytest.fixture(scope="module")
def seen():
    weights = template()
    stimuli = torch.from_numpy(generator("s").standard_normal((2, 3, 3, SIDE, SIDE))).float()
    return weights, stimuli, stability.responses(linear(weights), stimuli, [4, 7], 40, 0, "n")


def test_noise_has_the_pixel_norm_of_the_warp(seen):
    """The change under noise of a linear unit is normal with a variance known in closed form."""
    weights, stimuli, (warped, noisy, moved) = seen
    assert warped.shape == noisy.shape == moved.shape == (3, 2, 3, 40)
    itself = torch.einsum("uichw,chw->ui", stimuli, weights)[..., None]
    one = generator(0, "n", "stability", 4)  # the first unit's first draw, worked out again
    field = stability.maximum_entropy_velocities(one, (3,), SIDE, 1)
    noise = torch.from_numpy(one.standard_normal((3, 3, SIDE, SIDE), np.float32))
    for index, size in enumerate(stability.SIZES):
        displaced = warp.displacement(torch.from_numpy(size * field).float())
        changed = warp.warp(warp.upsample(stimuli[0]), displaced) - stimuli[0]
        expected = torch.einsum("ichw,chw->i", changed, weights)
        torch.testing.assert_close(
            (warped - itself)[index, 0, :, 0], expected, atol=0.02, rtol=1e-3
        )
        scaled = (
            noise
            * (changed.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1))[:, None, None, None]
        )
        expected = torch.einsum("ichw,chw->i", scaled, weights)
        torch.testing.assert_close((noisy - itself)[index, 0, :, 0], expected, atol=0.02, rtol=1e-3)
        torch.testing.assert_close(
            moved[index, 0, :, 0], displaced.square().sum(1).mean((1, 2)).sqrt()
        )


def test_relative_stability_is_the_ratio_of_mean_squares(seen):
    weights, stimuli, (warped, noisy, _) = seen
    itself = torch.einsum("uichw,chw->ui", stimuli, weights).numpy()
    found = stability.relative_stability(itself, warped.numpy(), noisy.numpy())
    assert found.shape == (3, 3, 2)
    over = ((warped.numpy() - itself[..., None]) ** 2).mean((2, 3))
    under = ((noisy.numpy() - itself[..., None]) ** 2).mean((2, 3))
    np.testing.assert_allclose(found[0], over / under, rtol=1e-5)
    assert (found[1] < found[0]).all()
    assert (found[0] < found[2]).all()


def test_of_white_stimuli_a_linear_unit_is_as_stable_to_warps_as_to_noise(seen):
    """White noise stays nearly white under warps, so that R is near 1."""
    weights, stimuli, (warped, noisy, _) = seen
    itself = torch.einsum("uichw,chw->ui", stimuli, weights).numpy()
    found = stability.relative_stability(itself, warped.numpy(), noisy.numpy())
    assert (found[0, 1] > 0.5).all()
    assert (found[0, 1] < 2).all()


def test_the_interval_covers_the_ratio_as_often_as_it_says():
    """Of 300 samples with a true ratio of 4."""
    rng = np.random.default_rng(0)
    warped, noisy = 2 * rng.standard_normal((300, 1, 100)), rng.standard_normal((300, 1, 100))
    _, low, high = stability.relative_stability(np.zeros((300, 1)), warped, noisy)
    assert 0.88 < ((low < 4) & (high > 4)).mean() < 0.99


def test_no_change_under_noise_is_no_number():
    found = stability.relative_stability(
        np.ones((1, 2)), np.ones((3, 1, 2, 5)), np.ones((3, 1, 2, 5))
    )
    assert np.isnan(found).all()


def test_warps_are_drawn_by_name():
    weights, stimuli = template(), torch.ones(2, 1, 3, SIDE, SIDE)
    both = stability.responses(linear(weights), stimuli, [4, 7], 2, 0, "n")
    alone = stability.responses(linear(weights), stimuli[:1], [7], 2, 0, "n")
    for two, one in zip(both, alone, strict=True):
        torch.testing.assert_close(two[:, 1:], one, atol=1e-3, rtol=1e-4)
        assert (two[:, 0] != two[:, 1]).any()


def test_nothing_folds_even_in_small_fields():
    drawn = stability.maximum_entropy_velocities(generator("f"), (200,), 10, 2.0)
    _, _, least = warp.unfolded(torch.from_numpy(drawn).float())
    assert (least > 0).all()


def test_what_would_fold_is_made_weaker(monkeypatch):
    steep = 8 * generator("steep").standard_normal((3, 2, SIDE, SIDE))
    monkeypatch.setattr(stability, "maximum_entropy_velocities", lambda *_: steep)
    stimuli = torch.ones(1, 3, 3, SIDE, SIDE)
    _, _, moved = stability.responses(linear(template()), stimuli, [4], 1, 0, "n")
    _, expected, least = warp.unfolded(torch.from_numpy(2 * steep).float())
    assert (least > 0).all()
    torch.testing.assert_close(moved[2, 0, :, 0], expected.square().sum(1).mean((1, 2)).sqrt())
    folding = warp.displacement(torch.from_numpy(2 * steep).float())
    assert (warp.jacobian(folding) < 0).any()


def test_the_interval_is_scipys_of_pairs_of_warp_and_noise():
    """Paired: where both change alike the ratio is sure. And the same at every call."""
    rng = np.random.default_rng(0)
    changes = rng.standard_normal((1, 2, 20))
    found = stability.relative_stability(np.zeros((1, 2)), changes, 2 * changes)
    np.testing.assert_allclose(found, 0.25)
    warped, noisy = rng.standard_normal((2, 1, 1, 60))
    found = stability.relative_stability(np.zeros((1, 1)), warped[None], noisy[None])
    again = stability.relative_stability(np.zeros((1, 1)), warped[None], noisy[None])
    np.testing.assert_array_equal(found, again)
    expected = stats.bootstrap(
        (warped[0, 0] ** 2, noisy[0, 0] ** 2),
        lambda a, b: a.mean() / b.mean(),
        paired=True,
        vectorized=False,
        confidence_level=0.95,
        method="percentile",
        n_resamples=9999,
        rng=1,
    ).confidence_interval
    np.testing.assert_allclose(found[1:].ravel(), expected, rtol=0.06)
