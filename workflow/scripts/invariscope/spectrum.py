"""The preconditioner: what keeps synthesised images free of high-frequency noise."""

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


def stationarity(stimuli, gradient, factor):
    """How far stimuli are from stationary: the sine of the angle between F g and x.

    With the preconditioner behind the projection on the norm, stationary points satisfy F g
    parallel to x.

    Parameters
    ----------
    stimuli, gradient : torch.Tensor, (..., channel, y, x)
    factor : torch.Tensor
        From `preconditioner`.

    Returns
    -------
    torch.Tensor, (...)
        0 where stationary, 1 at worst.
    """
    filtered = precondition(gradient, factor).flatten(-3)
    x = stimuli.flatten(-3)
    cosine = torch.nn.functional.cosine_similarity(filtered.double(), x.double(), dim=-1)
    return (1 - cosine.clamp(-1, 1) ** 2).sqrt()


def length(stimuli):
    """L2 norm of each stimulus, kept to broadcast: (..., 1, 1, 1) for (..., channel, y, x)."""
    return torch.linalg.vector_norm(stimuli, dim=(-3, -2, -1), keepdim=True)
