"""Fast convolutions, against torch's own in double precision."""

import pytest
import torch
import torch.nn.functional as F

from invariscope import first_convolution, winograd

SIZES = [(4, 4), (1, 1), (2, 3), (5, 9), (20, 20), (7, 4)]  # of outputs, whole tiles or not


def close(found, expected, tolerance):
    """See that two arrays differ by no more than a part of the largest value."""
    error = (found - expected).abs().max() / expected.abs().max()
    assert error < tolerance, error


def both(convolve, plain, images):
    """Outputs of both, and gradients of their input for the same random gradient of the output."""
    found = []
    gradient = None
    for function, value in ((convolve, images), (plain, images.double())):
        value = value.clone().requires_grad_()
        output = function(value)
        gradient = torch.randn_like(output) if gradient is None else gradient.to(output.dtype)
        found.append((output.detach(), *torch.autograd.grad(output, value, gradient)))
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("rectified", [False, True])
def test_transformed_convolution_is_the_plain_one(size, rectified):
    images = torch.randn(5, 7, size[0] + 2, size[1] + 2)
    weight, bias = torch.randn(11, 7, 3, 3), torch.randn(11)
    kernels = winograd.transform(weight)

    def plain(value):
        return F.conv2d(value.relu() if rectified else value, weight.double(), bias.double())

    (output, gradient), (expected, slope) = both(
        lambda value: winograd.Convolution.apply(value, kernels, bias, rectified), plain, images
    )
    close(output, expected, 1e-5)
    close(gradient, slope, 1e-5)
    if rectified:
        assert (gradient[images <= 0] == 0).all()


def test_parts_of_a_batch_are_computed_alike(monkeypatch):
    images, weight = torch.randn(9, 2, 10, 10), torch.randn(30, 2, 3, 3)

    def convolve(value):
        return winograd.Convolution.apply(value, kernels, torch.ones(30), True)

    def plain(value):
        return F.conv2d(value.relu(), weight.double(), torch.ones(30).double())

    kernels = winograd.transform(weight)
    # Room for the four tiles of two images, though not of three.
    monkeypatch.setattr(winograd, "CACHE", 11 * winograd.PLACES * 32 * 4)
    assert winograd._at_once(4, kernels) == 2
    for found, expected in zip(*both(convolve, plain, images), strict=True):
        close(found, expected, 1e-5)


def test_only_what_saves_multiplications_is_transformed():
    wide = torch.empty(64, 64, 3, 3)
    assert winograd.is_cheaper(wide, (20, 20))
    assert not winograd.is_cheaper(wide, (1, 1))
    assert not winograd.is_cheaper(torch.empty(4, 4, 3, 3), (20, 20))
    assert not winograd.is_cheaper(torch.empty(64, 64, 5, 5), (20, 20))
    assert not winograd.is_cheaper(torch.empty(64, 64, 1, 1), (20, 20))


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("kernel", [(3, 3), (7, 7), (2, 5)])
@pytest.mark.parametrize("inputs", [1, 3])
def test_convolution_of_an_image_is_the_plain_one(stride, kernel, inputs):
    images = torch.randn(4, inputs, 17, 20)  # beyond the last window, some pixels are not read
    weight, bias = torch.randn(6, inputs, *kernel), torch.randn(6)
    for given in (bias, None):
        (output, gradient), (expected, slope) = both(
            lambda value, given=given: first_convolution.Convolution.apply(
                value, weight, given, stride
            ),
            lambda value, given=given: F.conv2d(
                value, weight.double(), None if given is None else given.double(), stride
            ),
            images,
        )
        close(output, expected, 1e-5)
        close(gradient, slope, 1e-5)
