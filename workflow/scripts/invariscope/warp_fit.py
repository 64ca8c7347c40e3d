"""Fitting warps: the translation, affine map and free warp that take one stimulus to another.

Velocities are sums of a few smooth basis fields, so that the three families are one engine with
three bases.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import BSpline

from .observer import at_once
from .spectrum import low_pass
from .warp import SQUARINGS, displacement, explained, unfolded, upsample, warp

# Coarse to fine: knots of the free warp along each axis, and the blur of both images in pixels.
LEVELS = (8, 0.7), (10, 0)
SMOOTHNESS = 0.002  # weight of the bending against the explained variance
STEPS = 40  # of each level
FAMILIES = "none", "translation", "affine", "warp"  # each holds those before it
RATE = 1 / 160  # of Adam at the first step, in sides; it falls to 0 along half a cosine


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


KEYS = tuple(Fit.__dataclass_fields__)


def fit(sources, targets, smoothness=SMOOTHNESS, steps=STEPS):
    """Fit translation, affine map and free warp of each source to its target, coarse to fine.

    What is climbed is the explained variance, less the free warp's bending, with Adam, all pairs
    at once. The affine map starts from the translation. The free warp starts twice, from the affine
    map and from none, since the best affine map may lead astray; the better end counts. No family
    ends below the one before it.

    Parameters
    ----------
    sources, targets : torch.Tensor, (pair, channel, y, x)
        Their norms and the sign of their contrast do not matter.
    smoothness : float
        Weight of the bending: the mean squared second derivatives, lengths counted in sides.
    steps : int
        Of each level.

    Returns
    -------
    dict of str to Fit
        By family, see `FAMILIES`.
    """
    side = sources.shape[-1]
    affine = affine_basis(side).to(sources)
    splines = [spline_basis(side, knots).to(sources) for knots, _ in LEVELS]
    fine = upsample(sources)

    def climbed(fields, bases):
        for basis, (_, blur) in zip(bases, LEVELS, strict=True):
            blurred = low_pass(sources, blur), low_pass(targets, blur)
            fields = _climb(*blurred, fields, basis, smoothness, steps)
        return _fitted(fields, fine, targets)

    zero = sources.new_zeros(len(sources), 2, side, side)
    none = _fitted(zero, fine, targets)
    translation = _better(none, climbed(zero, [affine[:1]] * len(LEVELS)))
    fitted = _better(translation, climbed(translation.velocity, [affine] * len(LEVELS)))
    free = _better(climbed(fitted.velocity, splines), climbed(zero, splines))
    free = _better(fitted, free)
    return dict(zip(FAMILIES, (none, translation, fitted, free), strict=True))


def _better(first, second):
    """Of two fits of each pair the one that explains more, the first if equal."""
    worse = second.explained <= first.explained
    return Fit(
        *(
            torch.where(worse.reshape(-1, *[1] * (b.ndim - 1)), a, b)
            for a, b in zip(vars(first).values(), vars(second).values(), strict=True)
        )
    )


def fit_pairs(images, pairs, smoothness=SMOOTHNESS, steps=STEPS, progress=None):
    """Fit warps between many pairs of stimuli, some at a time so that memory stays bounded.

    Parameters
    ----------
    images : torch.Tensor, (stimulus, channel, y, x)
    pairs : integer array, (pair, 2)
        Source and target, as positions in `images`.
    smoothness, steps
        See `fit`.
    progress : function of (number of pairs), optional
        Called after each part.

    Returns
    -------
    dict of str to Fit
        See `fit`.
    """
    parts = []
    pairs = torch.as_tensor(pairs, device=images.device)
    for part in pairs.split(at_once(1, images.shape[-1], images.device)):
        parts.append(fit(images[part[:, 0]], images[part[:, 1]], smoothness, steps))
        if progress is not None:
            progress(len(part))
    return {
        family: Fit(**{key: torch.cat([vars(part[family])[key] for part in parts]) for key in KEYS})
        for family in FAMILIES
    }


def fit_plan(images, plan, smoothness=SMOOTHNESS, steps=STEPS, progress=None):
    """Fit all that a block of units needs.

    Parameters
    ----------
    images : torch.Tensor, (stimulus, channel, y, x)
        Of the whole layer, all of one unit after the other.
    plan : dict of str to numpy.ndarray
        From `pairs.plan`.
    smoothness, steps, progress
        See `fit_pairs`.

    Returns
    -------
    dict of str to torch.Tensor
        'explained' and 'null_explained' (family, unit, pair); of the free warps 'velocity',
        'displacement' (unit, pair, 2, y, x) and 'jacobian' (unit, pair), and 'control_velocity'
        (unit, pair, control, 2, y, x).
    """
    fits = fit_pairs(images, plan["fits"], smoothness, steps, progress)
    which = ("own_fit", "null_fit", "control_fit")
    own, null, control = (torch.from_numpy(plan[name]).to(images.device) for name in which)
    free = fits["warp"]
    return {
        "explained": torch.stack([fit.explained[own] for fit in fits.values()]),
        "null_explained": torch.stack([fit.explained[null] for fit in fits.values()]),
        "velocity": free.velocity[own],
        "displacement": free.displacement[own],
        "jacobian": free.jacobian[own],
        "control_velocity": free.velocity[control],
    }


def warp_gain(explained):
    """Variance that free warps explain beyond affine maps, from explained, (family, ...)."""
    return explained[FAMILIES.index("warp")] - explained[FAMILIES.index("affine")]


def examples(stimuli, pairs, fits):
    """Which free warps turn the contrast, and of each unit a typical warp.

    Parameters
    ----------
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    pairs : integer array, (pair, 2)
    fits : dict of str to torch.Tensor
        From `fit_plan`.

    Returns
    -------
    dict of str to torch.Tensor
        'turned' (unit, pair), whether the warped source resembles the target's negative. 'example'
        (unit,), the pair whose warp gains the median over the affine map, and 'warped' (unit,
        channel, y, x), its warped source.
    """
    sources, targets = (stimuli[:, end].flatten(0, 1) for end in pairs.T)
    warped = warp(upsample(sources), fits["displacement"].flatten(0, 1))
    turned = (warped * targets).flatten(1).sum(1) < 0
    gain = warp_gain(fits["explained"])
    chosen = gain.argsort(dim=1, stable=True)[:, (gain.shape[1] - 1) // 2]
    units = torch.arange(len(stimuli), device=stimuli.device)
    return {
        "turned": turned.view(gain.shape),
        "example": chosen,
        "warped": warped.unflatten(0, gain.shape)[units, chosen],
    }


def _climb(sources, targets, fields, basis, smoothness, steps):
    """Velocities of the best warps among those that Adam visits from `fields`."""
    side = sources.shape[-1]
    form = side**2 * bending(basis)  # lengths counted in sides
    coefficients = (fields.flatten(2) @ torch.linalg.pinv(basis.flatten(1))).requires_grad_()
    fine = upsample(sources)
    adam = torch.optim.Adam([coefficients], lr=RATE * side)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    highest = sources.new_full((len(sources),), -math.inf)
    best = coefficients.detach().clone()
    for step in range(steps + 1):
        # Fewer squarings than in the end: steps of an eighth of a pixel are short enough to climb.
        moved = displacement(velocity(coefficients, basis), SQUARINGS - 2)
        bent = torch.einsum("pca,ab,pcb->p", coefficients, form, coefficients)
        value = explained(warp(fine, moved, "bilinear"), targets) - smoothness * bent
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
    """The warps of velocities as a fit."""
    fields, moved, least = unfolded(fields)
    return Fit(fields, moved, explained(warp(fine, moved), targets), least)
