"""Texture test: how well one texture drives a unit wherever it is cut out (Cadena et al. 2018).

A texture of side 2 * rf - 1 is optimised so that each of its (rf - 1)^2 crops of side rf, under a
round mask, drives the unit. A phase-invariant unit finds one; a simple cell cannot.

Mean squares over the crops need not visit them: they are a weighted sum over the texture's pixels,
the weight being how much of the crops' masks lies on each. So the norm costs next to nothing, and
each step sees only the crops of a coarse lattice. Lattices lie between those of the steps before,
so that a few steps see crops from all places, and every crop counts as much.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from .observer import at_once, evaluate
from .seeds import generator
from .spectrum import length, precondition, preconditioner

ANGLE = 1.2  # of the first step, in radians; it falls to 0 along half a cosine
MOMENTUM = 0.5
# From one place to the next in a square that they fill evenly: powers of the plastic number's
# inverse, as the golden ratio's is for a line.
SPREAD = 0.7548776662466927, 0.5698402909980532
BEST = 2  # of a unit's stimuli are optimised on under the mask: no other ended higher


def crop_mask(side, device="cpu"):
    """Round mask of a crop: exp(-(r / sigma)^4), r from its centre, sigma = side / 2.4.

    Returns
    -------
    torch.Tensor, (side, side)
    """
    r = torch.arange(side, dtype=torch.float64, device=device) - (side - 1) / 2
    radius = torch.hypot(r[:, None], r[None, :])
    return torch.exp(-((radius * 2.4 / side) ** 4)).float()


def positions(size, side):
    """How many positions of crops there are along each axis of a texture, one pixel apart.

    The published side - 1 for a texture of size 2 * side - 1, which leaves its last row and column
    unused; one for a texture that is a single crop.
    """
    return max(size - side, 1)


def crop_weight(mask, size):
    """How much each pixel of a texture counts in the mean square of its masked crops.

    Parameters
    ----------
    mask : torch.Tensor, (side, side)
    size : int
        Side of the texture.

    Returns
    -------
    torch.Tensor, (size, size)
    """
    crops = positions(size, len(mask))
    everywhere = torch.ones(1, 1, crops, crops, dtype=mask.dtype, device=mask.device)
    weight = F.conv_transpose2d(everywhere, mask.square()[None, None])[0, 0] / crops**2
    unused = size - len(weight)
    return F.pad(weight, (0, unused, 0, unused))


def cut(textures, mask, first=(0, 0), stride=1):
    """Masked crops on a lattice.

    Parameters
    ----------
    textures : torch.Tensor, (unit, channel, y, x)
    mask : torch.Tensor, (side, side)
    first : (int, int)
        Where the first crop begins, vertically and horizontally.
    stride : int
        Between crops, in pixels.

    Returns
    -------
    torch.Tensor, (unit, crop, channel, y, x)
        As many as fit the published `positions`.
    """
    side = len(mask)
    end = positions(textures.shape[-1], side) + side - 1
    windows = textures[..., first[0] : end, first[1] : end]
    windows = windows.unfold(-2, side, stride).unfold(-2, side, stride)
    return (windows * mask).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)


def lattices(steps, count, stride, *names):
    """Where the lattices of crops begin, step by step: each between those of the steps before.

    Parameters
    ----------
    steps : int
    count : int
        Positions of crops along each axis.
    stride : int
        Between crops of a lattice.
    *names : str or int
        What the first is drawn from.

    Returns
    -------
    numpy.ndarray, (steps, 2)
        Below `stride`. A lattice is as likely as it has crops, for its mean counts those of a
        smaller one for more.
    """
    at = generator(*names, "crops").random(2) + np.arange(steps)[:, None] * SPREAD
    return np.sort(np.arange(count) % stride)[(at % 1 * count).astype(int)]


def climb(observe, raw, mask, norm, steps, crops, weight_min, names, progress=None, angle=ANGLE):
    """Optimise the textures of many units, as many at a time as memory has room for.

    Maximises (1 - weight_min) * mean + weight_min * min of the responses over crops, while the root
    mean square norm of the masked crops stays `norm`. The gradient at each crop is preconditioned,
    as the published method has it. Steps have a set angle, as those of `optimiser.Sphere`.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    raw : torch.Tensor, (unit, channel, y, x)
        Where to start; its length does not matter.
    mask : torch.Tensor, (side, side)
    norm : float
    steps : int
    crops : int
        Crops seen at each step, along each axis, at most.
    weight_min : float
        0 to 1. The minimum is that over the crops seen.
    names : sequence of str or int
        What the lattices are drawn from.
    progress : function of (step, mean response), optional
    angle : float
        Of the first step, in radians.

    Returns
    -------
    torch.Tensor, (unit, channel, y, x)
    """
    count = positions(raw.shape[-1], len(mask))
    stride = -(-count // crops)
    firsts = lattices(steps, count, stride, *names).tolist()
    units = torch.arange(len(raw), device=raw.device)
    parts = units.split(at_once((-(-count // stride)) ** 2, len(mask), raw.device))

    def one(index, part):
        def told(step, response):
            progress((steps * index + step) // len(parts), response)

        rest = norm, firsts, stride, weight_min, progress and told, angle
        return _together(observe, part, raw[part], mask, *rest)

    return torch.cat([one(index, part) for index, part in enumerate(parts)])


def _together(observe, units, raw, mask, norm, firsts, stride, weight_min, progress, angle):
    """Optimise the textures of some units in one batch, see `climb`."""
    factor = preconditioner(len(mask), raw.device)
    weight = crop_weight(mask, raw.shape[-1])
    # In the direction of steps, pixels that hardly any mask shows would else move most of all.
    floor = weight.max() * 1e-3

    def scaled(textures):
        mean_square = (weight * textures.square()).sum((-3, -2, -1), keepdim=True)
        return textures * norm / mean_square.sqrt()

    def along(textures, vectors):
        """`vectors` without what changes the norm of `textures`, to first order."""
        product = (weight * vectors * textures).sum((-3, -2, -1), keepdim=True)
        return vectors - product / norm**2 * textures

    textures = scaled(raw)
    velocity = torch.zeros_like(textures)
    for step, first in enumerate(firsts):
        textures.requires_grad_()
        masked = cut(textures, mask, first, stride)
        seen = masked.detach().requires_grad_()
        responses = observe(seen, units)[0]
        value = (1 - weight_min) * responses.mean(1) + weight_min * responses.amin(1)
        (gradient,) = torch.autograd.grad(value.sum(), seen)
        # As if the sum were differentiated; giving `grad` the vector makes it import SymPy, 2 s.
        pulled = masked * precondition(gradient, factor)
        (ascent,) = torch.autograd.grad(pulled.sum(), textures)
        with torch.no_grad():
            textures = textures.detach()
            # At rest, the ascent is parallel to the gradient of the norm, weight * texture.
            radial = (ascent * textures).sum((-3, -2, -1), keepdim=True) / norm**2
            direction = along(textures, (ascent - radial * weight * textures) / (weight + floor))
            size = (weight * direction.square()).sum((-3, -2, -1), keepdim=True).sqrt()
            turn = angle * (1 + math.cos(math.pi * step / len(firsts))) / 2
            velocity = MOMENTUM * velocity + (1 - MOMENTUM) * turn * norm * direction / size.clamp(
                min=1e-30
            )
            textures = scaled(textures + velocity)
        if progress is not None and (step % 10 == 9 or step == len(firsts) - 1):
            progress(step + 1, float(responses.detach().mean()))
    return textures


def masked_a_max(observe, stimuli, mask, norm, steps=20):
    """Largest response of each unit under the mask.

    Its best stimuli are optimised on under the mask, each as a texture of a single crop.

    Parameters
    ----------
    observe, mask, norm
        See `climb`.
    stimuli : torch.Tensor, (unit, image, channel, y, x)
        Where to start: the unit's best. From there, 20 narrow steps reach what 70 wide ones reach
        from noise.
    steps : int

    Returns
    -------
    torch.Tensor, (unit,)
        Before the ReLU.
    """
    best = evaluate(observe, _at_norm(stimuli * mask, norm)).topk(min(BEST, stimuli.shape[1]), 1)[1]
    chosen = torch.take_along_dim(stimuli, best[..., None, None, None], 1)

    def one_each(crops, rows):
        return observe(crops, rows // chosen.shape[1])

    flat = chosen.flatten(0, 1)
    found = climb(one_each, flat, mask, norm, steps, 1, 0, (), angle=ANGLE / 4)
    return evaluate(observe, found.unflatten(0, chosen.shape[:2]) * mask).amax(1)


def crop_responses(observe, textures, mask, norm):
    """Responses to every crop, as it is and brought to the norm.

    Parameters
    ----------
    observe, mask, norm
        See `climb`.
    textures : torch.Tensor, (unit, channel, y, x)

    Returns
    -------
    torch.Tensor, (2, unit, crop y, crop x)
        Before the ReLU. First of the crops as they are, whose norms differ; then each at `norm`.
    """
    side = len(mask)
    count = positions(textures.shape[-1], side)
    rows = []
    for row in range(count):
        strip = textures[..., row : row + side, : count + side - 1].unfold(-1, side, 1)
        parts = []
        # Cut a few at a time: together they are many times the texture.
        for part in strip.split(at_once(len(textures), side, textures.device), 3):
            crops = (part * mask[:, None]).permute(0, 3, 1, 2, 4)
            normed = _at_norm(crops, norm)
            parts.append(torch.stack([evaluate(observe, crops), evaluate(observe, normed)]))
        rows.append(torch.cat(parts, 2))
    return torch.stack(rows, 2)


def _at_norm(crops, norm):
    """Crops brought to the norm; those without any contrast stay as they are."""
    return crops * norm / length(crops).clamp(min=1e-30)
