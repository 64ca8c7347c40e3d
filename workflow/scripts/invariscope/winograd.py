"""Convolutions of 3 by 3 with a quarter of the multiplications (Winograd 1980; Lavin & Gray 2016).

Outputs are computed in tiles of 4 by 4, each from 6 by 6 inputs: 36 multiplications for each pair
of an input and an output channel, in place of 144. Inputs and outputs are transformed, which is
cheap where there are many channels, and products over channels become 36 matrix products. The
gradient of the input is the exact adjoint, transform by transform.
"""

import numba
import numpy as np
import torch
from numba import prange
from torch.autograd.function import once_differentiable

TILE = 4  # outputs along each axis
PLACES = (TILE + 2) ** 2  # inputs of a tile, and matrix products
# What transforming a tile costs for each channel, in multiplications of the matrix products.
TRANSFORM = 20
# Tiles to have in memory at once, in bytes, so that they stay within a CPU's caches.
CACHE = 2**22
LOWEST = np.finfo(np.float32).min  # compiled code takes it that nothing is infinite

# The kernel's transform along one axis, for the points 0, 1, -1, 2, -2 and infinity.
KERNEL = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)

_compiled = numba.njit(parallel=True, fastmath=True, nogil=True, cache=True, error_model="numpy")


def is_cheaper(weight, size):
    """Whether a convolution is worth transforming.

    Parameters
    ----------
    weight : torch.Tensor, (outputs, inputs, vertical, horizontal)
        Applied with stride and dilation 1, to all channels at once.
    size : (int, int)
        Height and width of the output.

    Returns
    -------
    bool
    """
    if weight.shape[2:] != (3, 3):
        return False
    outputs, inputs = weight.shape[:2]
    tiles = -(-size[0] // TILE) * -(-size[1] // TILE)
    transformed = tiles * PLACES * (outputs * inputs + TRANSFORM * (outputs + inputs))
    return transformed < size[0] * size[1] * 9 * outputs * inputs


def transform(weight):
    """Kernels as the matrix products need them.

    Parameters
    ----------
    weight : torch.Tensor, (outputs, inputs, 3, 3)

    Returns
    -------
    torch.Tensor, (PLACES, inputs, outputs)
    """
    kernel = KERNEL.to(weight.device)
    product = torch.einsum("ai,bj,ocij->abco", kernel, kernel, weight.double())
    return product.flatten(0, 1).to(weight.dtype).contiguous()


class Convolution(torch.autograd.Function):
    """Valid convolution of channels-last images on the CPU, optionally of their positive part.

    Parameters
    ----------
    images : torch.Tensor, (image, inputs, y, x)
        Single precision.
    kernels : torch.Tensor, (PLACES, inputs, outputs)
        From `transform`. They get no gradient.
    bias : torch.Tensor, (outputs,)
    rectified : bool
        Whether a ReLU is applied to the images first.

    Returns
    -------
    torch.Tensor, (image, outputs, y - 2, x - 2)
    """

    @staticmethod
    def forward(ctx, images, kernels, bias, rectified):
        rows = _channels_last(images)
        found = torch.empty(len(rows), rows.shape[1] - 2, rows.shape[2] - 2, kernels.shape[2])
        down, across = _along(found.shape[1]), _along(found.shape[2])
        count = _at_once(down * across, kernels)
        for seen, into in zip(rows.split(count), found.split(count), strict=True):
            tiles = torch.empty(PLACES, len(seen) * down * across, seen.shape[3])
            _gather(seen.numpy(), rectified, down, across, tiles.numpy())
            _scatter(torch.bmm(tiles, kernels).numpy(), bias.numpy(), down, across, into.numpy())
        ctx.save_for_backward(rows, kernels)
        ctx.rectified = rectified
        return found.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        rows, kernels = ctx.saved_tensors
        gradient = _channels_last(gradient)
        found = torch.empty_like(rows)
        down, across = _along(gradient.shape[1]), _along(gradient.shape[2])
        count = _at_once(down * across, kernels)
        parts = (each.split(count) for each in (gradient, rows, found))
        for part, seen, into in zip(*parts, strict=True):
            tiles = torch.empty(PLACES, len(part) * down * across, part.shape[3])
            _gather_gradient(part.numpy(), down, across, tiles.numpy())
            products = torch.bmm(tiles, kernels.mT).numpy()
            _scatter_gradient(products, seen.numpy(), ctx.rectified, down, across, into.numpy())
        return found.permute(0, 3, 1, 2), None, None, None


def _channels_last(images):
    """Images (image, channel, y, x) as (image, y, x, channel), without gradient."""
    return images.detach().permute(0, 2, 3, 1).contiguous()


def _along(length):
    """How many tiles cover a length."""
    return -(-length // TILE)


def _at_once(tiles, kernels):
    """How many images, of some tiles each, to take at once: as many as the caches hold.

    More where there are many kernels, for those are read once each time.
    """
    channels = kernels.shape[1] + kernels.shape[2]
    size = kernels.element_size()
    room = max(CACHE, 2 * kernels.numel() * size)
    return max(1, room // (tiles * PLACES * channels * size))


# The transforms along one axis, and their adjoints, which the gradient needs.


@numba.njit(fastmath=True)
def _inputs(a, b, c, d, e, f):
    """Six inputs, transformed."""
    even, odd, wide, slope = e - 4 * c, d - 4 * b, e - c, 2 * (d - b)
    return (
        4 * a - 5 * c + e,
        even + odd,
        even - odd,
        wide + slope,
        wide - slope,
        4 * b - 5 * d + f,
    )


@numba.njit(fastmath=True)
def _inputs_adjoint(a, b, c, d, e, f):
    """Gradients of six inputs, from those of the transformed."""
    near, nearby, far, away = b + c, c - b, d + e, 2 * (d - e)
    return (
        4 * a,
        4 * (nearby + f) - away,
        -5 * a - 4 * near - far,
        away - nearby - 5 * f,
        a + near + far,
        f,
    )


@numba.njit(fastmath=True)
def _outputs(a, b, c, d, e, f):
    """Four outputs, from the six transformed."""
    near, nearby, far, away = b + c, b - c, d + e, d - e
    return a + near + far, nearby + 2 * away, near + 4 * far, nearby + 8 * away + f


@numba.njit(fastmath=True)
def _outputs_adjoint(a, b, c, d):
    """Gradients of the six transformed, from those of four outputs."""
    even, odd, wide, slope = a + c, b + d, a + 4 * c, 2 * b + 8 * d
    return a, even + odd, even - odd, wide + slope, wide - slope, d


# In what follows, the innermost loops run along channels, the last axis.


@_compiled
def _gather(rows, rectified, down, across, tiles):
    """Transformed inputs of all tiles, (PLACES, tile, channel), from (image, y, x, channel)."""
    images, height, width, channels = rows.shape
    floor = np.float32(0) if rectified else LOWEST
    for strip in prange(images * down):
        image, top = strip // down, TILE * (strip % down)
        half = np.empty((6, 6, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for y in range(6):
                # What lies beyond the edge has no part in outputs within it.
                line = rows[image, min(top + y, height - 1)]
                a, b, c = line[left], line[left + 1], line[left + 2]
                d, e = line[min(left + 3, width - 1)], line[min(left + 4, width - 1)]
                f = line[min(left + 5, width - 1)]
                for i in range(channels):
                    (
                        half[0, y, i],
                        half[1, y, i],
                        half[2, y, i],
                        half[3, y, i],
                        half[4, y, i],
                        half[5, y, i],
                    ) = _inputs(
                        max(a[i], floor),
                        max(b[i], floor),
                        max(c[i], floor),
                        max(d[i], floor),
                        max(e[i], floor),
                        max(f[i], floor),
                    )
            for x in range(6):
                for i in range(channels):
                    (
                        tiles[x, tile, i],
                        tiles[6 + x, tile, i],
                        tiles[12 + x, tile, i],
                        tiles[18 + x, tile, i],
                        tiles[24 + x, tile, i],
                        tiles[30 + x, tile, i],
                    ) = _inputs(
                        half[x, 0, i],
                        half[x, 1, i],
                        half[x, 2, i],
                        half[x, 3, i],
                        half[x, 4, i],
                        half[x, 5, i],
                    )


@_compiled
def _scatter(products, bias, down, across, found):
    """Outputs (image, y, x, channel) of all tiles, from their products, (PLACES, tile, channel)."""
    images, height, width, channels = found.shape
    for strip in prange(images * down):
        image, top = strip // down, TILE * (strip % down)
        half = np.empty((6, TILE, channels), np.float32)
        whole = np.empty((TILE, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for x in range(6):
                for i in range(channels):
                    half[x, 0, i], half[x, 1, i], half[x, 2, i], half[x, 3, i] = _outputs(
                        products[x, tile, i],
                        products[6 + x, tile, i],
                        products[12 + x, tile, i],
                        products[18 + x, tile, i],
                        products[24 + x, tile, i],
                        products[30 + x, tile, i],
                    )
            for y in range(min(TILE, height - top)):
                for i in range(channels):
                    whole[0, i], whole[1, i], whole[2, i], whole[3, i] = _outputs(
                        half[0, y, i],
                        half[1, y, i],
                        half[2, y, i],
                        half[3, y, i],
                        half[4, y, i],
                        half[5, y, i],
                    )
                for x in range(min(TILE, width - left)):
                    for i in range(channels):
                        found[image, top + y, left + x, i] = whole[x, i] + bias[i]


@_compiled
def _gather_gradient(rows, down, across, tiles):
    """Adjoint of `_scatter` without bias: (PLACES, tile, channel) from (image, y, x, channel)."""
    images, height, width, channels = rows.shape
    for strip in prange(images * down):
        image, top = strip // down, TILE * (strip % down)
        whole = np.empty((TILE, channels), np.float32)
        half = np.empty((6, TILE, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for y in range(TILE):
                for x in range(TILE):
                    inside = top + y < height and left + x < width
                    line = rows[image, min(top + y, height - 1), min(left + x, width - 1)]
                    for i in range(channels):
                        whole[x, i] = line[i] if inside else np.float32(0)
                for i in range(channels):
                    (
                        half[0, y, i],
                        half[1, y, i],
                        half[2, y, i],
                        half[3, y, i],
                        half[4, y, i],
                        half[5, y, i],
                    ) = _outputs_adjoint(whole[0, i], whole[1, i], whole[2, i], whole[3, i])
            for x in range(6):
                for i in range(channels):
                    (
                        tiles[x, tile, i],
                        tiles[6 + x, tile, i],
                        tiles[12 + x, tile, i],
                        tiles[18 + x, tile, i],
                        tiles[24 + x, tile, i],
                        tiles[30 + x, tile, i],
                    ) = _outputs_adjoint(half[x, 0, i], half[x, 1, i], half[x, 2, i], half[x, 3, i])


@_compiled
def _scatter_gradient(products, seen, rectified, down, across, found):
    """Adjoint of `_gather`: (image, y, x, channel) from (PLACES, tile, channel).

    Where the ReLU cut what was `seen`, there is no gradient.
    """
    images, height, width, channels = found.shape
    floor = np.float32(0) if rectified else LOWEST
    for image in prange(images):
        half = np.empty((6, 6, channels), np.float32)
        whole = np.empty((6, channels), np.float32)
        found[image] = 0
        for row in range(down):
            for column in range(across):
                tile = (image * down + row) * across + column
                top, left = TILE * row, TILE * column
                for x in range(6):
                    for i in range(channels):
                        (
                            half[0, x, i],
                            half[1, x, i],
                            half[2, x, i],
                            half[3, x, i],
                            half[4, x, i],
                            half[5, x, i],
                        ) = _inputs_adjoint(
                            products[x, tile, i],
                            products[6 + x, tile, i],
                            products[12 + x, tile, i],
                            products[18 + x, tile, i],
                            products[24 + x, tile, i],
                            products[30 + x, tile, i],
                        )
                for y in range(min(6, height - top)):
                    for i in range(channels):
                        (
                            whole[0, i],
                            whole[1, i],
                            whole[2, i],
                            whole[3, i],
                            whole[4, i],
                            whole[5, i],
                        ) = _inputs_adjoint(
                            half[y, 0, i],
                            half[y, 1, i],
                            half[y, 2, i],
                            half[y, 3, i],
                            half[y, 4, i],
                            half[y, 5, i],
                        )
                    for x in range(min(6, width - left)):
                        at = found[image, top + y, left + x]
                        what = seen[image, top + y, left + x]
                        for i in range(channels):
                            at[i] += whole[x, i] if what[i] > floor else np.float32(0)
