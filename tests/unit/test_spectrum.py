"""The preconditioner against a numpy twin that loops over frequencies."""

import numpy as np
import pytest
import torch

from invariscope.spectrum import length, precondition, preconditioner, tangent


def twin(image):
    """F times the full 2-D transform, frequency by frequency."""
    side = image.shape[-1]
    factor = np.empty((side, side))
    for v in range(side):
        for u in range(side):
            k = np.hypot(min(v, side - v), min(u, side - u))
            factor[v, u] = 1 / max(1, np.sqrt(k))
    factor /= factor.mean()
    return np.fft.ifft2(np.fft.fft2(image) * factor).real


@pytest.mark.parametrize("side", [5, 24, 35])
def test_precondition(side):
    image = torch.randn(2, 3, side, side)
    found = precondition(image, preconditioner(side))
    np.testing.assert_allclose(found.numpy(), twin(image.numpy()), atol=2e-6)


def test_factor_of_the_mean_is_largest():
    factor = preconditioner(24)
    assert factor[0, 0] == factor.max()
    assert factor[12, 12] == factor.min()


def test_tangent_by_numpy():
    """The part of F g that is orthogonal to the stimulus, and the sine of their angle."""
    stimuli, gradient = 60 * torch.randn(2, 3, 24, 24), torch.randn(2, 3, 24, 24)
    direction, sine = tangent(stimuli, gradient, preconditioner(24))
    for x, g, found, angle in zip(stimuli, gradient, direction, sine, strict=True):
        filtered, unit = twin(g.numpy()), (x / x.norm()).numpy()
        expected = filtered - (filtered * unit).sum() * unit
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
        cosine = (filtered * unit).sum() / np.linalg.norm(filtered)
        assert float(angle) == pytest.approx(np.sqrt(1 - cosine**2), abs=1e-5)


def test_at_rest_where_f_g_is_parallel_to_x():
    factor = preconditioner(24)
    gradient = torch.randn(4, 3, 24, 24)
    assert tangent(7 * precondition(gradient, factor), gradient, factor)[1].max() < 1e-5
    direction, sine = tangent(gradient, torch.zeros_like(gradient), factor)
    assert not direction.any()
    assert not sine.any()


def test_length():
    assert length(torch.ones(2, 5, 3, 4, 4)).shape == (2, 5, 1, 1, 1)
    assert float(length(torch.ones(3, 4, 4)).squeeze()) == pytest.approx(np.sqrt(48))
