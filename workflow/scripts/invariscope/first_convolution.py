"""Convolutions of an image: few input channels, for which libraries are slow at the gradient.

They compute it as if there were as many inputs as outputs. Here a matrix product gives what each
output asks of the inputs in its window, and these are summed where windows overlap.
"""

import numba
import torch
import torch.nn.functional as F
from numba import prange
from torch.autograd.function import once_differentiable

FEW = 4  # input channels, at most


class Convolution(torch.autograd.Function):
    """Valid convolution of few channels on the CPU, without dilation.

    Parameters
    ----------
    images : torch.Tensor, (image, inputs, y, x)
        Single precision.
    weight : torch.Tensor, (outputs, inputs, vertical, horizontal)
        It gets no gradient, nor does the bias.
    bias : torch.Tensor, (outputs,), or None
    stride : (int, int)

    Returns
    -------
    torch.Tensor, (image, outputs, y, x)
    """

    @staticmethod
    def forward(ctx, images, weight, bias, stride):
        ctx.save_for_backward(weight)
        ctx.stride, ctx.size = stride, images.shape
        return F.conv2d(images, weight, bias, stride)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (weight,) = ctx.saved_tensors
        images, inputs, height, width = ctx.size
        rows = gradient.permute(0, 2, 3, 1).flatten(0, 2)
        windows = rows @ weight.permute(0, 2, 3, 1).flatten(1)
        windows = windows.view(images, *gradient.shape[2:], weight.shape[2], -1)
        found = torch.zeros(images, height, width * inputs)
        _sum_windows(windows.numpy(), ctx.stride[0], ctx.stride[1] * inputs, found.numpy())
        return found.view(images, height, width, inputs).permute(0, 3, 1, 2), None, None, None


@numba.njit(parallel=True, nogil=True, cache=True, error_model="numpy")
def _sum_windows(windows, down, across, found):
    """Add windows (image, y, x, row, place), of places within a row, to found (image, row, place).

    The next window is `down` rows below, or `across` places to the right.
    """
    images, height, width, rows, places = windows.shape
    for image in prange(images):
        for y in range(height):
            for x in range(width):
                for row in range(rows):
                    window = windows[image, y, x, row]
                    line = found[image, y * down + row]
                    for place in range(places):
                        line[x * across + place] += window[place]
