"""Fast convolutions, against torch's own in double precision."""

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from invariscope import first_convolution, threads, winograd, winograd_tiles

SIZES = [(4, 4), (2, 2), (2, 3), (5, 9), (20, 20), (6, 12)]  # of outputs, whole tiles or not


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


@pytest.mark.parametrize("tile", winograd.TILES)
def test_transforms_along_one_axis_are_exact(tile):
    inputs, kernel, outputs = winograd_tiles.matrices(tile)
    x, k = np.random.default_rng(0).integers(-50, 50, (2, tile + 2))
    found = outputs @ ((kernel @ k[:3]) * (inputs @ x))
    np.testing.assert_allclose(found, np.correlate(x, k[:3]), rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tile", winograd.TILES)
@pytest.mark.parametrize("rectified", [False, True])
@pytest.mark.parametrize("pooled", [False, True])
def test_transformed_convolution_is_the_plain_one(size, tile, rectified, pooled):
    images = torch.randn(5, 16, size[0] + 2, size[1] + 2)
    weight, bias = torch.randn(48, 16, 3, 3), torch.randn(48)
    kernels = winograd.transform(weight, tile)

    def plain(value):
        output = F.conv2d(value.relu() if rectified else value, weight.double(), bias.double())
        return F.max_pool2d(output, 2) if pooled else output

    (output, gradient), (expected, slope) = both(
        lambda value: winograd.Convolution.apply(value, *kernels, bias, rectified, pooled),
        plain,
        images,
    )
    close(output, expected, 2e-5)
    close(gradient, slope, 2e-5)
    if rectified:
        assert (gradient[images <= 0] == 0).all()


def test_of_equal_outputs_the_first_is_pooled():
    """As PyTorch has it. Tiles of 2 are exact for small numbers."""
    weight = torch.zeros(16, 16, 3, 3)
    weight[range(16), range(16), 1, 1] = 1
    kernels = winograd.transform(weight, 2)
    images = torch.randint(3, (4, 16, 8, 10)).float()
    (output, gradient), (expected, slope) = both(
        lambda value: winograd.Convolution.apply(value, *kernels, torch.zeros(16), False, True),
        lambda value: F.max_pool2d(F.conv2d(value, weight.double()), 2),
        images,
    )
    assert (output == expected).all()
    close(gradient, slope, 1e-6)


@pytest.mark.parametrize("pooled", [False, True])
def test_parts_of_a_batch_are_computed_alike(monkeypatch, pooled):
    """A few images at a time, on one thread or several, to the same bits."""
    images, weight = torch.randn(9, 16, 18, 18), torch.randn(32, 16, 3, 3)
    kernels = winograd.transform(weight, 4)

    def convolve(value):
        return winograd.Convolution.apply(value, *kernels, torch.ones(32), True, pooled)

    def plain(value):
        output = F.conv2d(value.relu(), weight.double(), torch.ones(32).double())
        return F.max_pool2d(output, 2) if pooled else output

    # Room for the 16 tiles of two images, though not of three.
    monkeypatch.setattr(winograd, "CACHE", 47 * 36 * 48 * 4)
    assert winograd._setting(torch.empty(9, 16, 16, 32), kernels[0], 1) == ((0,) * 4, 2)
    assert winograd._setting(torch.empty(9, 8, 8, 32), kernels[0], 2) == ((0,) * 4, 2)
    found = {}
    for number in (1, 2, 4):
        torch.set_num_threads(number)
        torch.manual_seed(0)
        of_parts, expected = both(convolve, plain, images)
        for each, other in zip(of_parts, expected, strict=True):
            close(each, other, 1e-5)
        found[number] = of_parts
    for number in (2, 4):
        for each, other in zip(found[number], found[1], strict=True):
            assert (each == other).all()


def test_threads_share_a_batch():
    """Each image is seen once, by as many threads as there are, this one among them."""
    seen = []

    def function(images, into, add):
        seen.append((threading.get_ident(), len(images)))
        barrier.wait(timeout=30)
        into[:] = images + add

    torch.set_num_threads(3)
    images, into = torch.arange(11.0), torch.zeros(11)
    barrier = threading.Barrier(3)
    threads.spread(function, (images, into), 5)
    assert (into == images + 5).all()
    assert sorted(count for _, count in seen) == [3, 4, 4]
    assert len({thread for thread, _ in seen}) == 3
    assert threading.get_ident() in dict(seen)
    seen.clear()
    barrier = threading.Barrier(2)
    threads.spread(function, (images[:2], into[:2]), 5)  # fewer images than threads
    assert [count for _, count in seen] == [1, 1]
    seen.clear()
    barrier = threading.Barrier(1)
    threads.spread(function, (images[:0], into[:0]), 5)  # none
    assert [count for _, count in seen] == [0]


def test_the_cheapest_tile_is_taken():
    wide = torch.empty(64, 64, 3, 3)
    assert winograd.best_tile(wide, (20, 20)) == 4
    assert winograd.best_tile(wide, (6, 6)) == 6
    assert winograd.best_tile(wide, (2, 2)) == 2
    assert winograd.best_tile(wide, (1, 1)) == 0
    # Where there are few channels, transforms cost more than they save; some are no whole vectors.
    assert winograd.best_tile(torch.empty(16, 16, 3, 3), (3, 3)) == 0
    assert winograd.best_tile(torch.empty(64, 40, 3, 3), (20, 20)) == 0
    assert winograd.best_tile(torch.empty(40, 64, 3, 3), (20, 20)) == 0
    assert winograd.best_tile(torch.empty(64, 64, 5, 5), (20, 20)) == 0
    assert winograd.best_tile(torch.empty(64, 64, 1, 1), (20, 20)) == 0


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
