"""Convolutions of 3 by 3 with fewer multiplications (Winograd 1980; Lavin & Gray 2016).

Outputs are computed in square tiles. A tile of 4 by 4 needs 6 by 6 inputs, its places: these are
transformed, so that 36 multiplications for each pair of an input and an output channel do for 144.
Products over channels become one matrix product a place. The gradient of the input is the exact
adjoint, transform by transform.

A few images at a time go through all of that, so that their tiles stay within a core's caches.
"""

import math

import torch
from torch.autograd.function import once_differentiable

from . import threads
from .winograd_tiles import LANES, convolve, matrices, pull_back

TILES = (2, 4, 6)  # outputs along each axis, among which the cheapest is taken
# What transforming a tile costs for each channel, in multiplications of the matrix products.
TRANSFORM = 10
# Tiles to have in memory at once, in bytes.
CACHE = 2**20
LOWEST = torch.finfo(torch.float32).min  # compiled code takes it that nothing is infinite


def best_tile(weight, size):
    """With which tiles a convolution is cheapest.

    Parameters
    ----------
    weight : torch.Tensor, (outputs, inputs, vertical, horizontal)
        Applied with stride and dilation 1, to all channels at once.
    size : (int, int)
        Height and width of the output.

    Returns
    -------
    int
        Outputs along each axis of a tile; 0 if the plain convolution is cheaper than any.
    """
    outputs, inputs = weight.shape[:2]
    if weight.shape[2:] != (3, 3) or outputs % LANES or inputs % LANES:
        return 0

    def cost(tile):
        if not tile:
            return size[0] * size[1] * 9 * outputs * inputs
        places = math.prod(_along(length, tile) for length in size) * (tile + 2) ** 2
        return places * (outputs * inputs + TRANSFORM * (outputs + inputs))

    return min(0, *TILES, key=cost)


def transform(weight, tile):
    """Kernels as the matrix products need them.

    Parameters
    ----------
    weight : torch.Tensor, (outputs, inputs, 3, 3)
    tile : int

    Returns
    -------
    torch.Tensor, (place, inputs, outputs)
    torch.Tensor, (place, outputs, inputs)
        For the gradient.
    """
    kernel = torch.from_numpy(matrices(tile)[1])
    product = torch.einsum("ai,bj,ocij->abco", kernel, kernel, weight.double())
    forward = product.flatten(0, 1).to(weight.dtype).contiguous()
    return forward, forward.mT.contiguous()


class Convolution(torch.autograd.Function):
    """Valid convolution of channels-last images on the CPU, with what surrounds it at will.

    Parameters
    ----------
    images : torch.Tensor, (image, inputs, y, x)
        Single precision.
    forward, backward : torch.Tensor
        From `transform`. They get no gradient.
    bias : torch.Tensor, (outputs,)
    rectified : bool
        Whether a ReLU is applied to the images first.
    pooled : bool
        Whether the maximum of each 2 by 2 outputs is taken, as by max pooling with stride 2.

    Returns
    -------
    torch.Tensor, (image, outputs, y - 2, x - 2)
        Half of that height and width, rounded down, if pooled.
    """

    @staticmethod
    def forward(ctx, images, forward, backward, bias, rectified, pooled):
        rows = _channels_last(images)
        by = 2 if pooled else 1
        shape = len(rows), (rows.shape[1] - 2) // by, (rows.shape[2] - 2) // by, len(bias)
        found = torch.empty(shape)
        which = torch.empty(shape if pooled else (*shape[:3], 0), dtype=torch.int8)
        floor = torch.full(rows.shape[3:], 0.0 if rectified else LOWEST)
        tile, count = _setting(found, forward, by)
        threads.spread(convolve, (rows, found, which), floor, forward, bias, tile, count)
        ctx.save_for_backward(rows, which, floor, backward)
        ctx.by = by
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        rows, which, floor, kernels = ctx.saved_tensors
        gradient, found = _channels_last(gradient), torch.empty_like(rows)
        tile, count = _setting(gradient, kernels, ctx.by)
        batch = gradient, rows, found, which
        threads.spread(pull_back, batch, floor, kernels, tile, count)
        return found.permute(0, 3, 1, 2), None, None, None, None, None


def _channels_last(images):
    """Images (image, channel, y, x) as (image, y, x, channel), without gradient."""
    return images.detach().permute(0, 2, 3, 1).contiguous()


def _setting(found, kernels, by):
    """How the outputs (image, y, x, channel), of which each is pooled of `by` by `by`, are found.

    Returns
    -------
    tile : tuple of int
        Zeros, as many as a tile has outputs along an axis: code is compiled for their number.
    count : int
        How many images to take at once: as many as the cache holds, or more where there are many
        kernels, for those are read each time.
    """
    places, tile = len(kernels), math.isqrt(len(kernels)) - 2
    tiles = math.prod(_along(by * length, tile) for length in found.shape[1:3])
    size = kernels.element_size()
    each = tiles * places * sum(kernels.shape[1:]) * size
    return (0,) * tile, max(1, max(CACHE, 2 * kernels.numel() * size) // each)


def _along(length, tile):
    """How many tiles cover a length."""
    return -(-length // tile)
