"""Diffeomorphic warps: smooth, invertible deformations of stimuli.

A warp is the flow of a stationary velocity field for unit time, computed by scaling and squaring
(Arsigny et al. 2006). Fields are in pixels, vertical part first, and say where to look: the warped
image at x is the image at x + displacement(x). Velocities are sums of a few smooth basis fields, so
translation, affine map and free warp are one engine with three bases.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.interpolate import BSpline

from .spectrum import low_pass

SQUARINGS = 6  # 2**6 small steps make up a warp
UPSAMPLING = 4  # of images before they are sampled, exact for what their pixels hold
# Coarse to fine: knots of the free warp along each axis, and the blur of both images in pixels.
LEVELS = (6, 1.5), (10, 0)
SMOOTHNESS = 0.1  # weight of the bending against the explained variance
STEPS = 40  # of each level
RATE = 0.15  # of Adam at the first step, in pixels; it falls to 0 along half a cosine


def affine_basis(side):
    """Constant, vertical and horizontal ramp; with the first alone, velocities are translations.

    Returns
    -------
    torch.Tensor, (3, side, side)
        Ramps run from -1 to 1.
    """
    ramp = torch.linspace(-1, 1, side)
    one = torch.ones(side)
    return torch.stack([torch.outer(one, one), torch.outer(ramp, one), torch.outer(one, ramp)])


def spline_basis(side, knots):
    """Cubic B-splines on a grid of knots that spans the field.

    Parameters
    ----------
    side : int
    knots : int
        Control points along each axis, at least 4; three of them lie beyond the field's edges.

    Returns
    -------
    torch.Tensor, (knots**2, side, side)
    """
    positions = np.linspace(0, knots - 3, side)
    grid = np.arange(-3, knots + 1, dtype=float)
    # The last position lies on the end of the last interval.
    inside = np.minimum(positions, np.nextafter(knots - 3, 0))
    along = torch.from_numpy(BSpline.design_matrix(inside, grid, 3).toarray()).float()
    return torch.einsum("ya,xb->abyx", along, along).flatten(0, 1)


def velocity(coefficients, basis):
    """Velocity fields, (pair, 2, y, x), from coefficients (pair, 2, basis)."""
    return torch.einsum("pcb,byx->pcyx", coefficients, basis)


def look_up(fields, displacement):
    """Fields (pair, channel, y, x) at x + displacement(x), linearly; the edge goes on outside."""
    return _grid_sample(fields, displacement, 1, "bilinear", "border")


def displacement(velocities, squarings=SQUARINGS):
    """Displacement of the flow of each velocity field for unit time.

    Parameters
    ----------
    velocities : torch.Tensor, (pair, 2, y, x)
        In pixels per unit of time.
    squarings : int

    Returns
    -------
    torch.Tensor, (pair, 2, y, x)
        In pixels.
    """
    moved = velocities / 2**squarings
    for _ in range(squarings):
        moved = compose(moved, moved)
    return moved


def compose(first, second):
    """Displacement of looking up `first` at where `second` looks: an image warped by both."""
    return second + look_up(first, second)


def upsample(images, factor=UPSAMPLING):
    """Images on a finer grid, by Fourier interpolation: exact for what their pixels hold.

    Returns
    -------
    torch.Tensor, (..., factor * y, factor * x)
    """
    side = images.shape[-1]
    spectrum = torch.fft.fft2(images)
    kept = side // 2 + 1
    rows = torch.fft.fftfreq(side, 1 / side).long()
    if side % 2 == 0:
        # The Nyquist frequency stands for both its signs.
        spectrum = torch.cat([spectrum, spectrum[..., kept - 1 : kept, :]], -2)
        spectrum = torch.cat([spectrum, spectrum[..., kept - 1 : kept]], -1)
        spectrum[..., [kept - 1, side], :] /= 2
        spectrum[..., [kept - 1, side]] /= 2
        rows = torch.cat([rows, -rows[kept - 1 : kept]])
    fine = torch.zeros(
        *images.shape[:-2], factor * side, factor * side, dtype=spectrum.dtype, device=images.device
    )
    rows = rows % (factor * side)
    fine[..., rows[:, None], rows[None, :]] = spectrum
    return torch.fft.ifft2(fine).real * factor**2


def warp(fine, moved):
    """Images warped by displacements.

    Parameters
    ----------
    fine : torch.Tensor, (pair, channel, UPSAMPLING * y, UPSAMPLING * x)
        From `upsample`, which keeps the detail that sampling the pixels themselves would blur.
    moved : torch.Tensor, (pair, 2, y, x)
        In pixels of the image. What lies outside it is 0, the grey of a blank.

    Returns
    -------
    torch.Tensor, (pair, channel, y, x)
    """
    return _grid_sample(fine, moved, fine.shape[-1] // moved.shape[-1], "bicubic", "zeros")


def _grid_sample(images, moved, factor, mode, padding):
    side = moved.shape[-1]
    at = torch.arange(side, dtype=moved.dtype, device=moved.device)
    places = torch.stack([moved[:, 1] + at, moved[:, 0] + at[:, None]], -1)
    scale = 2 * factor / (images.shape[-1] - 1)
    return F.grid_sample(images, places * scale - 1, mode, padding, align_corners=True)


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
        The squared cosine between the two.
    """
    return F.cosine_similarity(warped.flatten(1), targets.flatten(1), 1).square()


def bending(basis):
    """Quadratic form of a field's mean squared second derivatives, (basis, basis)."""
    yy, xx = basis.diff(n=2, dim=1), basis.diff(n=2, dim=2)
    yx = basis.diff(dim=1).diff(dim=2)
    form = 0
    for derivative, weight in ((yy, 1), (xx, 1), (yx, 2)):
        flat = derivative.flatten(1)
        form = form + weight * flat @ flat.T / flat.shape[1]
    return form


@dataclass(frozen=True)
class Fit:
    """The best warps of one family from sources to targets.

    Attributes
    ----------
    velocity, displacement : torch.Tensor, (pair, 2, y, x)
        In pixels.
    explained : torch.Tensor, (pair,)
        Share of the target's variance, see `explained`.
    jacobian : torch.Tensor, (pair,)
        See `jacobian`.
    """

    velocity: torch.Tensor
    displacement: torch.Tensor
    explained: torch.Tensor
    jacobian: torch.Tensor


def fit(sources, targets, smoothness=SMOOTHNESS, steps=STEPS):
    """Fit translation, affine map and free warp of each source to its target, coarse to fine.

    What is climbed is the explained variance, less the free warp's bending, with Adam, all pairs
    at once. Each family starts from the last one's fit and never ends below it.

    Parameters
    ----------
    sources, targets : torch.Tensor, (pair, channel, y, x)
        Their norms and the sign of their contrast do not matter.
    smoothness : float
    steps : int
        Of each level.

    Returns
    -------
    dict of str to Fit
        'none', 'translation', 'affine' and 'warp'.
    """
    side = sources.shape[-1]
    affine = affine_basis(side).to(sources)
    families = {
        "translation": [(affine[:1], blur) for _, blur in LEVELS],
        "affine": [(affine, blur) for _, blur in LEVELS],
        "warp": [(spline_basis(side, knots).to(sources), blur) for knots, blur in LEVELS],
    }
    fine = upsample(sources)
    last = _fitted(sources.new_zeros(len(sources), 2, side, side), fine, targets)
    found = {"none": last}
    for name, levels in families.items():
        fields = last.velocity
        for basis, blur in levels:
            blurred = low_pass(sources, blur), low_pass(targets, blur)
            fields = _climb(*blurred, fields, basis, smoothness, steps)
        new = _fitted(fields, fine, targets)
        worse = new.explained < last.explained
        last = Fit(
            *(
                torch.where(worse.reshape(-1, *[1] * (b.ndim - 1)), a, b)
                for a, b in zip(vars(last).values(), vars(new).values(), strict=True)
            )
        )
        found[name] = last
    return found


def _climb(sources, targets, fields, basis, smoothness, steps):
    """Velocities of the best warps among those that Adam visits from `fields`."""
    form = bending(basis)
    coefficients = (fields.flatten(2) @ torch.linalg.pinv(basis.flatten(1))).requires_grad_()
    fine = upsample(sources)
    adam = torch.optim.Adam([coefficients], lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    highest = sources.new_full((len(sources),), -math.inf)
    best = coefficients.detach().clone()
    for step in range(steps + 1):
        # Fewer squarings than in the end: steps of an eighth of a pixel are short enough to climb.
        moved = displacement(velocity(coefficients, basis), SQUARINGS - 2)
        bent = torch.einsum("pca,ab,pcb->p", coefficients, form, coefficients)
        value = explained(warp(fine, moved), targets) - smoothness * bent
        with torch.no_grad():
            better = value > highest
            highest = torch.where(better, value, highest)
            best = torch.where(better[:, None, None], coefficients, best)
        if step < steps:
            adam.zero_grad()
            (-value.sum()).backward()
            adam.step()
            schedule.step()
    return velocity(best, basis)


def _fitted(fields, fine, targets):
    """The warps of velocities, made a little weaker where they would fold."""
    for _ in range(50):
        moved = displacement(fields)
        least = jacobian(moved)
        folded = least <= 0
        if not folded.any():
            break
        fields = torch.where(folded[:, None, None, None], 0.9 * fields, fields)
    return Fit(fields, moved, explained(warp(fine, moved), targets), least)
