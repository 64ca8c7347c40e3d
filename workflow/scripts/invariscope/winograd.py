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
_inlined = numba.njit(fastmath=True)


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


@_inlined
def _inputs(six):
    """Six inputs, transformed."""
    a, b, c, d, e, f = six
    even, odd, wide, slope = e - 4 * c, d - 4 * b, e - c, 2 * (d - b)
    return (
        4 * a - 5 * c + e,
        even + odd,
        even - odd,
        wide + slope,
        wide - slope,
        4 * b - 5 * d + f,
    )


@_inlined
def _inputs_adjoint(six):
    """Gradients of six inputs, from those of the transformed."""
    a, b, c, d, e, f = six
    near, nearby, far, away = b + c, c - b, d + e, 2 * (d - e)
    return (
        4 * a,
        4 * (nearby + f) - away,
        -5 * a - 4 * near - far,
        away - nearby - 5 * f,
        a + near + far,
        f,
    )


@_inlined
def _outputs(six):
    """Four outputs, from the six transformed."""
    a, b, c, d, e, f = six
    near, nearby, far, away = b + c, b - c, d + e, d - e
    return a + near + far, nearby + 2 * away, near + 4 * far, nearby + 8 * away + f


@_inlined
def _outputs_adjoint(four):
    """Gradients of the six transformed, from those of four outputs."""
    a, b, c, d = four
    even, odd, wide, slope = a + c, b + d, a + 4 * c, 2 * b + 8 * d
    return a, even + odd, even - odd, wide + slope, wide - slope, d


# In what follows, the innermost loops run along channels, the last axis. A tile's places are
# numbered row by row, six to a row, also where only the values of one tile are held: a row is
# 1 apart, a column 6.


@_inlined
def _six(places, first, apart, tile, i):
    """Channel `i` of six places of a tile, `apart` from one another."""
    return (
        places[first, tile, i],
        places[first + apart, tile, i],
        places[first + 2 * apart, tile, i],
        places[first + 3 * apart, tile, i],
        places[first + 4 * apart, tile, i],
        places[first + 5 * apart, tile, i],
    )


@_inlined
def _put(six, places, first, apart, tile, i):
    """Have six places of a tile hold six values, see `_six`."""
    places[first, tile, i] = six[0]
    places[first + apart, tile, i] = six[1]
    places[first + 2 * apart, tile, i] = six[2]
    places[first + 3 * apart, tile, i] = six[3]
    places[first + 4 * apart, tile, i] = six[4]
    places[first + 5 * apart, tile, i] = six[5]


@_compiled
def _gather(rows, rectified, down, across, tiles):
    """Transformed inputs of all tiles, (PLACES, tile, channel), from (image, y, x, channel)."""
    images, height, width, channels = rows.shape
    floor = np.float32(0) if rectified else LOWEST
    for strip in prange(images * down):
        image, top = strip // down, TILE * (strip % down)
        half = np.empty((PLACES, 1, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for y in range(6):
                # What lies beyond the edge has no part in outputs within it.
                line = rows[image, min(top + y, height - 1)]
                a, b, c = line[left], line[left + 1], line[left + 2]
                d, e = line[min(left + 3, width - 1)], line[min(left + 4, width - 1)]
                f = line[min(left + 5, width - 1)]
                for i in range(channels):
                    seen = (
                        max(a[i], floor),
                        max(b[i], floor),
                        max(c[i], floor),
                        max(d[i], floor),
                        max(e[i], floor),
                        max(f[i], floor),
                    )
                    _put(_inputs(seen), half, 6 * y, 1, 0, i)
            for x in range(6):
                for i in range(channels):
                    _put(_inputs(_six(half, x, 6, 0, i)), tiles, x, 6, tile, i)


@_compiled
def _scatter(products, bias, down, across, found):
    """Outputs (image, y, x, channel) of all tiles, from their products, (PLACES, tile, channel)."""
    images, height, width, channels = found.shape
    for strip in prange(images * down):
        image, top = strip // down, TILE * (strip % down)
        half = np.empty((6 * TILE, 1, channels), np.float32)
        whole = np.empty((TILE, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for x in range(6):
                for i in range(channels):
                    four = _outputs(_six(products, x, 6, tile, i))
                    half[x, 0, i], half[6 + x, 0, i] = four[0], four[1]
                    half[12 + x, 0, i], half[18 + x, 0, i] = four[2], four[3]
            for y in range(min(TILE, height - top)):
                for i in range(channels):
                    whole[0, i], whole[1, i], whole[2, i], whole[3, i] = _outputs(
                        _six(half, 6 * y, 1, 0, i)
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
        half = np.empty((6 * TILE, 1, channels), np.float32)
        for column in range(across):
            tile, left = strip * across + column, TILE * column
            for y in range(TILE):
                for x in range(TILE):
                    inside = top + y < height and left + x < width
                    line = rows[image, min(top + y, height - 1), min(left + x, width - 1)]
                    for i in range(channels):
                        whole[x, i] = line[i] if inside else np.float32(0)
                for i in range(channels):
                    four = whole[0, i], whole[1, i], whole[2, i], whole[3, i]
                    _put(_outputs_adjoint(four), half, 6 * y, 1, 0, i)
            for x in range(6):
                for i in range(channels):
                    four = half[x, 0, i], half[6 + x, 0, i], half[12 + x, 0, i], half[18 + x, 0, i]
                    _put(_outputs_adjoint(four), tiles, x, 6, tile, i)


@_compiled
def _scatter_gradient(products, seen, rectified, down, across, found):
    """Adjoint of `_gather`: (image, y, x, channel) from (PLACES, tile, channel).

    Where the ReLU cut what was `seen`, there is no gradient.
    """
    images, height, width, channels = found.shape
    floor = np.float32(0) if rectified else LOWEST
    for image in prange(images):
        half = np.empty((PLACES, 1, channels), np.float32)
        whole = np.empty((6, 1, channels), np.float32)
        found[image] = 0
        for row in range(down):
            for column in range(across):
                tile = (image * down + row) * across + column
                top, left = TILE * row, TILE * column
                for x in range(6):
                    for i in range(channels):
                        _put(_inputs_adjoint(_six(products, x, 6, tile, i)), half, x, 6, 0, i)
                for y in range(min(6, height - top)):
                    for i in range(channels):
                        _put(_inputs_adjoint(_six(half, 6 * y, 1, 0, i)), whole, 0, 1, 0, i)
                    for x in range(min(6, width - left)):
                        at = found[image, top + y, left + x]
                        what = seen[image, top + y, left + x]
                        for i in range(channels):
                            at[i] += whole[x, 0, i] if what[i] > floor else np.float32(0)
