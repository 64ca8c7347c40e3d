"""Convolutions of an image: few input channels, for which libraries are slow at the gradient.

They compute it as if there were as many inputs as outputs. Here a matrix product gives what each
output asks of the inputs in its window, and these are summed where windows overlap.
"""

import numba
import numpy as np
import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from . import threads

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
        rows = gradient.permute(0, 2, 3, 1).contiguous()
        kernels = weight.permute(0, 2, 3, 1).reshape(len(weight), -1).contiguous()
        found = torch.zeros(images, height, width * inputs)
        down, across = ctx.stride[0], ctx.stride[1] * inputs
        threads.spread(_pull_back, (rows, found), kernels, weight.shape[2], down, across)
        return found.view(images, height, width, inputs).permute(0, 3, 1, 2), None, None, None


@numba.njit(fastmath=True, nogil=True, cache=True, error_model="numpy")
def _pull_back(gradient, found, kernels, vertical, down, across):
    """Add what outputs (image, y, x, channel) ask of images (image, row, place in it) to found.

    What an output's window asks for is `vertical` rows of places. The next window is `down` rows
    below, or `across` places to the right.
    """
    images, height, width, channels = gradient.shape
    places = kernels.shape[1] // vertical
    windows = np.empty((height * width, vertical, places), np.float32)
    for image in range(images):
        asked = windows.reshape(height * width, vertical * places)
        np.dot(gradient[image].reshape(height * width, channels), kernels, asked)
        for y in range(height):
            for x in range(width):
                for row in range(vertical):
                    window = windows[y * width + x, row]
                    line = found[image, y * down + row]
                    for place in range(places):
                        line[x * across + place] += window[place]
