"""Diffeomorphic warps: smooth, invertible deformations of stimuli.

A warp is the flow of a stationary velocity field for unit time, computed by scaling and squaring
(Arsigny et al. 2006). Fields are in pixels, vertical part first, and say where to look: the warped
image at x is the image at x + displacement(x).
"""

import functools

import torch
import torch.nn.functional as F

SQUARINGS = 6  # 2**6 small steps make up a warp
UPSAMPLING = 4  # of images before they are sampled, exact for what their pixels hold
# Pixels of stimuli to warp at once: what is sampled must stay within a CPU's caches.
PIXELS = {"cpu": 2**15, "cuda": 2**23}


def look_up(fields, displacement):
    """Fields (pair, channel, y, x) at x + displacement(x), linearly; the edge goes on outside."""
    return _grid_sample(fields, displacement, 1, "bilinear", "border")


def displacement(velocities):
    """Displacement of the flow of each velocity field for unit time.

    Parameters
    ----------
    velocities : torch.Tensor, (pair, 2, y, x)
        In pixels per unit of time.

    Returns
    -------
    torch.Tensor, (pair, 2, y, x)
        In pixels.
    """
    moved = velocities / 2**SQUARINGS
    for _ in range(SQUARINGS):
        moved = compose(moved, moved)
    return moved


def near_displacement(velocities):
    """Nearly the `displacement` of smooth fields, at a third of the cost: two midpoint steps."""
    half = velocities / 2
    moved = look_up(half, half / 2)
    return compose(moved, moved)


def compose(first, second):
    """Displacement of looking up `first` at where `second` looks: an image warped by both."""
    return second + look_up(first, second)


def upsample(images, factor=UPSAMPLING):
    """Images on a finer grid, by Fourier interpolation: exact for what their pixels hold.

    Returns
    -------
    torch.Tensor, (..., factor * y, factor * x)
    """
    along = _interpolation(images.shape[-1], factor).to(images)
    return along @ images @ along.T


@functools.cache
def _interpolation(side, factor):
    """What each of `side` pixels of a row gives to the finer ones, (factor * side, side)."""
    spectrum = torch.fft.rfft(torch.eye(side, dtype=torch.float64), dim=0)
    if side % 2 == 0:
        spectrum[-1] /= 2  # the Nyquist frequency stands for both its signs
    return torch.fft.irfft(spectrum, factor * side, dim=0) * factor


def warp(fine, moved, kernel="bicubic"):
    """Images warped by displacements.

    Parameters
    ----------
    fine : torch.Tensor, (pair, channel, UPSAMPLING * y, UPSAMPLING * x)
        From `upsample`, which keeps the detail that sampling the pixels themselves would blur.
    moved : torch.Tensor, (pair, 2, y, x)
        In pixels of the image. What lies outside it is 0, the grey of a blank.
    kernel : {'bicubic', 'bilinear'}
        Of the sampling between the fine pixels; the latter is quicker and nearly as good.

    Returns
    -------
    torch.Tensor, (pair, channel, y, x)
    """
    return _grid_sample(fine, moved, fine.shape[-1] // moved.shape[-1], kernel, "zeros")


def _grid_sample(images, moved, factor, mode, padding):
    scale = 2 * factor / (images.shape[-1] - 1)
    at = torch.arange(moved.shape[-1], dtype=moved.dtype, device=moved.device) * scale - 1
    places = torch.stack(torch.meshgrid(at, at, indexing="ij")).add(moved, alpha=scale)
    # Torch wants the horizontal part first. To turn the images over costs nothing.
    return F.grid_sample(images.mT, places.movedim(1, -1), mode, padding, align_corners=True)


def jacobian(moved):
    """Least Jacobian determinant of each warp over the pixel grid; above 0 if it folds nowhere.

    Between pixels the warp is taken as linear on triangles, either way of cutting each square.

    Parameters
    ----------
    moved : torch.Tensor, (pair, 2, y, x)

    Returns
    -------
    torch.Tensor, (pair,)
    """
    down = moved.diff(dim=-2)
    right = moved.diff(dim=-1)
    least = []
    for d in (down[..., :-1], down[..., 1:]):
        for r in (right[..., :-1, :], right[..., 1:, :]):
            determinant = (1 + d[:, 0]) * (1 + r[:, 1]) - d[:, 1] * r[:, 0]
            least.append(determinant.flatten(1).amin(1))
    return torch.stack(least).amin(0)


def explained(warped, targets):
    """Share of the targets' variance that warped images explain, with the best gain of any sign.

    Parameters
    ----------
    warped, targets : torch.Tensor, (pair, channel, y, x)

    Returns
    -------
    torch.Tensor, (pair,)
        The squared cosine between the two; 0 if one is blank.
    """
    warped, targets = warped.flatten(1), targets.flatten(1)
    dot = torch.linalg.vecdot
    power = (dot(warped, warped) * dot(targets, targets)).clamp(min=1e-12)
    return dot(warped, targets).square() / power


def unfolded(velocities):
    """Velocities, made a little weaker until their warps fold nowhere on the pixel grid.

    Flows never fold, but sampled on pixels a steep one may.

    Parameters
    ----------
    velocities : torch.Tensor, (pair, 2, y, x)

    Returns
    -------
    velocities, displacements : torch.Tensor, (pair, 2, y, x)
    least : torch.Tensor, (pair,)
        See `jacobian`; all above 0.
    """
    while True:
        moved = displacement(velocities)
        least = jacobian(moved)
        folded = least <= 0
        if not folded.any():
            return velocities, moved, least
        velocities = torch.where(folded[:, None, None, None], 0.9 * velocities, velocities)
