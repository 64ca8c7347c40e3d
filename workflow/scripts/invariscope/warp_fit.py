"""Fitting warps: the translation, affine map and free warp that take one stimulus to another.

Velocities are sums of a few smooth basis fields, so that the three families are one engine with
three bases.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import BSpline

from .observer import at_once
from .spectrum import low_pass
from .warp import PIXELS, SQUARINGS, explained, near_displacement, unfolded, upsample, warp

# Coarse to fine: knots of the free warp along each axis, and the blur of both images in pixels;
# at last none.
LEVELS = (8, 0.7), (10, 0)
SMOOTHNESS = 0.002  # weight of the bending against the explained variance
STEPS = 16  # of each level
FAMILIES = "none", "translation", "affine", "warp"  # each holds those before it
RATE = 3 / 160  # of Adam at the first step, in sides; it falls to 0 along half a cosine
MOMENTA = 0.5, 0.9  # of Adam: a climb of few steps must forget soon


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


def affine_displacement(coefficients, basis):
    """Displacement of the flow of affine velocity fields, as `displacement` but in closed form.

    Beyond the edges the fields go on as ramps, where look-ups take them for constant.

    Parameters
    ----------
    coefficients : torch.Tensor, (pair, 2, 3)
    basis : torch.Tensor, (3, side, side)
        From `affine_basis`.

    Returns
    -------
    torch.Tensor, (pair, 2, side, side)
        In pixels.
    """
    half = (basis.shape[-1] - 1) / 2  # pixels to the unit of the ramps
    small = coefficients / half / 2**SQUARINGS
    still = torch.eye(3, dtype=small.dtype, device=small.device)
    constant = torch.zeros_like(small[:, :1])
    flow = torch.linalg.matrix_power(torch.cat([constant, small], 1) + still, 2**SQUARINGS)
    return velocity(half * (flow - still)[:, 1:], basis)


def free_displacement(coefficients, basis):
    """Displacement of the flow of smooth velocity fields, see `near_displacement`."""
    return near_displacement(velocity(coefficients, basis))


# How the pixels of each family move while it is climbed; in the end, by `displacement`.
MOVES = {
    "translation": velocity,  # a constant field is its own flow
    "affine": affine_displacement,
    "warp": free_displacement,
}


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
    spaces = _spaces(side, sources.device, sources.dtype)
    levels = [(upsample(low_pass(sources, blur)), low_pass(targets, blur)) for _, blur in LEVELS]
    fine, _ = levels[-1]

    def fitted(family, fields):
        for level, space in zip(levels, spaces[family], strict=True):
            fields, _ = _climb(*level, fields, MOVES[family], *space, smoothness, steps)
        return _fitted(fields, fine, targets)

    zero = sources.new_zeros(len(sources), 2, side, side)
    none = _fitted(zero, fine, targets)
    translation = _better(none, fitted("translation", zero))
    affine = _better(translation, fitted("affine", translation.velocity))
    free = _better(fitted("warp", affine.velocity), fitted("warp", zero))
    free = _better(affine, free)
    return dict(zip(FAMILIES, (none, translation, affine, free), strict=True))


@functools.cache
def _spaces(side, device, dtype):
    """Velocities that each family may have at each level.

    Their basis; its pseudo-inverse, which gives a field's coefficients; and its bending, lengths
    counted in sides.
    """

    def space(basis):
        found = basis, torch.linalg.pinv(basis.flatten(1)), side**2 * bending(basis)
        return [part.to(device, dtype) for part in found]

    affine = affine_basis(side)
    return {
        "translation": [space(affine[:1])] * len(LEVELS),
        "affine": [space(affine)] * len(LEVELS),
        "warp": [space(spline_basis(side, knots)) for knots, _ in LEVELS],
    }


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
    for part in pairs.split(at_once(1, images.shape[-1], images.device, PIXELS)):
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


def _climb(fine, targets, fields, move, basis, inverse, form, smoothness, steps):
    """Velocities of the best warps among those that Adam visits from `fields`, and their value."""
    coefficients = fields.flatten(2) @ inverse
    mean, square = torch.zeros_like(coefficients), torch.zeros_like(coefficients)
    highest = targets.new_full((len(targets),), -math.inf)
    best = coefficients
    for step in range(steps + 1):
        here = coefficients.detach().requires_grad_()
        bent = torch.einsum("pca,ab,pcb->p", here, form, here)
        value = explained(warp(fine, move(here, basis), "bilinear"), targets) - smoothness * bent
        if step < steps:
            (gradient,) = torch.autograd.grad(value.sum(), here)
            rate = RATE * targets.shape[-1] * (1 + math.cos(math.pi * step / steps)) / 2
            coefficients = here.detach() + rate * _adam(gradient, mean, square, step + 1)
        with torch.no_grad():
            better = value > highest
            highest = torch.where(better, value, highest)
            best = torch.where(better[:, None, None], here, best)
    return velocity(best, basis), highest


def _adam(gradient, mean, square, step):
    """Direction of Adam's `step`-th step, from 1; `mean` and `square` are updated in place.

    Torch's own imports its compiler when first made, which takes longer than many climbs.
    """
    mean.lerp_(gradient, 1 - MOMENTA[0])
    square.lerp_(gradient.square(), 1 - MOMENTA[1])
    unbiased = [moment / (1 - m**step) for moment, m in zip((mean, square), MOMENTA, strict=True)]
    return unbiased[0] / (unbiased[1].sqrt() + 1e-8)


def _fitted(fields, fine, targets):
    """The warps of velocities as a fit."""
    fields, moved, least = unfolded(fields)
    return Fit(fields, moved, explained(warp(fine, moved), targets), least)
