"""Filters in the Fourier plane; above all the preconditioner, which keeps images free of noise."""

import math

import torch


def preconditioner(side, device="cpu", dtype=torch.float32):
    """Factor by which each spatial frequency of the gradient is multiplied.

    F = 1 / max(1, sqrt|k|), k the integer frequency, divided by its mean: half of the whitening
    that the 1/f amplitude of natural images would ask for (Cadena et al. 2018, released code).

    Parameters
    ----------
    side : int
        In pixels.

    Returns
    -------
    torch.Tensor, (side, side // 2 + 1)
        For the half plane that `torch.fft.rfft2` gives; the mean is over the full plane.
    """
    k = torch.fft.fftfreq(side, 1 / side, dtype=torch.float64)
    factor = 1 / torch.hypot(k[:, None], k[None, :]).sqrt().clamp(min=1)
    factor = factor / factor.mean()
    return factor[:, : side // 2 + 1].to(device, dtype)


def precondition(gradient, factor):
    """Multiply the 2-D Fourier transform of `gradient`, (..., y, x), by `factor`."""
    return torch.fft.irfft2(torch.fft.rfft2(gradient) * factor, s=gradient.shape[-2:])


def low_pass(images, sigma):
    """Images under a round Gaussian blur.

    Parameters
    ----------
    images : torch.Tensor, (..., side, side)
    sigma : float or torch.Tensor
        Standard deviation in pixels; a tensor broadcasts against `images`.
    """
    side = images.shape[-1]
    ky = torch.fft.fftfreq(side, dtype=images.dtype, device=images.device)[:, None]
    kx = torch.fft.rfftfreq(side, dtype=images.dtype, device=images.device)[None, :]
    return torch.fft.irfft2(
        torch.fft.rfft2(images) * torch.exp(-2 * (math.pi * sigma) ** 2 * (ky**2 + kx**2)),
        s=(side, side),
    )


def tangent(stimuli, gradient, factor):
    """Direction in which stimuli climb on the sphere of their norm, and how far from rest they are.

    The direction is P F g: the gradient g, preconditioned by F, then projected by P on the plane
    tangent to the sphere. It vanishes where F g is parallel to the stimulus, as the published
    method has it, whose preconditioner sits behind the projection on the norm.

    Parameters
    ----------
    stimuli, gradient : torch.Tensor, (..., channel, y, x)
    factor : torch.Tensor
        From `preconditioner`.

    Returns
    -------
    direction : torch.Tensor, (..., channel, y, x)
    sine : torch.Tensor, (...)
        Of the angle between F g and the stimulus: 0 at rest, and where there is no gradient.
    """
    filtered = precondition(gradient, factor)
    along = (filtered * stimuli).sum((-3, -2, -1), keepdim=True) / length(stimuli) ** 2
    direction = filtered - along * stimuli
    size = length(filtered)
    sine = torch.where(size > 0, length(direction) / size, 0)
    return direction, sine[..., 0, 0, 0]


def length(stimuli):
    """L2 norm of each stimulus, kept to broadcast: (..., 1, 1, 1) for (..., channel, y, x)."""
    return torch.linalg.vector_norm(stimuli, dim=(-3, -2, -1), keepdim=True)
