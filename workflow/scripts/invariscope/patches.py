"""The natural patches that drive each unit most, at the norm of its stimuli.

Only where a unit is read at its stride are patches looked at. A network of ReLUs is nearly
homogeneous: a patch brought to the norm drives a unit about as many times more as its norm grows.
So one pass over each photo ranks all patches; the best are then seen exactly, one by one.
"""

import numpy as np
import torch
import torch.nn.functional as F

from .errors import UserError
from .natural import fitting
from .observer import at_once
from .receptive_field import receptive_field, stride
from .spectrum import length

FAINT = 0.1  # of the norm; fainter patches would show little but the noise of compression
# Times as many patches as are wanted are seen exactly: the best ranked, whether they overlap or
# not (64 hold the best of all 32 units of conv3_1 that were tried, 16 those of 28) ...
RANKED = 64
# ... and the best that lie apart. A patch overlaps at most four that lie apart: there are enough.
APART = 4


def most_activating(trunk, layer, channels, photos, mean, norm, images, progress=None):
    """The patches of natural photos that drive each unit most, none overlapping another.

    Parameters
    ----------
    trunk : Trunk
    layer : str
    channels : sequence of int
        The units.
    photos : sequence of numpy.ndarray, (channel, y, x)
        8-bit units.
    mean : sequence of 3 floats
        The dataset's mean, as a fraction of 255.
    norm : float
        L2 norm of every stimulus.
    images : int
        How many of each unit.
    progress : function of no argument, optional
        Called after each photo.

    Returns
    -------
    torch.Tensor, (unit, image, channel, y, x)
        At the norm, dataset mean subtracted; the most activating first.

    Raises
    ------
    UserError
        If the photos hold too few patches that do not overlap.
    """
    side = receptive_field(trunk.architecture, layer)
    step = stride(trunk.architecture, layer)
    far = -(-side // step)  # so many positions apart, patches share no pixel
    places, scores, patch = _ranked(
        trunk, layer, channels, photos, mean, norm, images, far, progress
    )
    known, back = patch.unique(return_inverse=True)

    def windows(index):
        """All patches of one photo, by row and column."""
        stimulus, _ = _stimulus(trunk, layer, photos[index], mean)
        return stimulus.unfold(1, side, step).unfold(2, side, step).movedim(0, 2)

    def cut(windows, at):
        """Patches of one photo at the norm, from their places."""
        cut = windows[at[1], at[2]]
        return norm * cut / length(cut)

    at, seen = places(known), []
    with torch.inference_mode():
        for index in at[0].unique().tolist():
            photo, here = windows(index), at[:, at[0] == index]
            for part in here.split(at_once(1, side, trunk.device), 1):
                value, _ = trunk.run(cut(photo, part), layer)
                seen.append(value[:, list(channels), 0, 0])
    exact = torch.take_along_dim(torch.cat(seen).T, back, 1)
    exact = torch.where(scores > -torch.inf, exact, -torch.inf)
    value, best = _apart(exact, places(patch), far, images)
    if (fewest := int((value > -torch.inf).sum(1).min())) < images:
        raise UserError(
            f"photos: they hold {fewest} patches of {side} pixels that do not overlap and "
            f"are not faint; layer '{layer}' needs {images}; give more photos"
        )
    chosen = places(torch.take_along_dim(patch, best, 1))
    patches = torch.empty(*chosen.shape[1:], 3, side, side, device=trunk.device)
    for index in chosen[0].unique().tolist():
        here = chosen[0] == index
        patches[here] = cut(windows(index), chosen[:, here])
    return patches


def _ranked(trunk, layer, channels, photos, mean, norm, images, far, progress):
    """Patches of each unit that are worth to be seen exactly. No more are kept of any photo.

    Returns
    -------
    places : function
        Gives photo, row and column, (3, ...), of patches by their numbers.
    scores : torch.Tensor, (unit, candidate)
        -inf where a candidate is none.
    patch : torch.Tensor, (unit, candidate)
        Numbers of patches; one may stand there twice.
    """
    most = {"apart": APART * images, "ranked": RANKED * images}
    kept, firsts, across = {}, [0], []
    for index in range(len(photos)):
        stimulus, size = _stimulus(trunk, layer, photos[index], mean)
        score = _scores(trunk, layer, channels, stimulus, size, norm)
        at = torch.from_numpy(np.indices(size, np.int32).reshape(2, -1)).to(trunk.device)
        at = F.pad(at, (0, 0, 1, 0), value=index)
        best = {
            "apart": _apart(score, at[:, None].expand(-1, len(score), -1), far, most["apart"]),
            "ranked": score.topk(min(most["ranked"], score.shape[1]), 1),
        }
        for name, (value, patch) in best.items():
            found = value, patch + firsts[-1]
            if name in kept:
                found = [torch.cat(both, 1) for both in zip(kept[name], found, strict=True)]
            value, order = found[0].topk(min(most[name], found[0].shape[1]), 1)
            kept[name] = value, torch.take_along_dim(found[1], order, 1)
        firsts.append(firsts[-1] + score.shape[1])
        across.append(size[1])
        if progress is not None:
            progress()
    firsts, across = (torch.tensor(each, device=trunk.device) for each in (firsts[:-1], across))

    def places(patch):
        photo = torch.searchsorted(firsts, patch, right=True) - 1
        number = patch - firsts[photo]
        return torch.stack([photo, number // across[photo], number % across[photo]])

    scores, patches = zip(*kept.values(), strict=True)
    return places, torch.cat(scores, 1), torch.cat(patches, 1)


def _stimulus(trunk, layer, photo, mean):
    """The part of a photo that the layer sees, mean subtracted, and how many outputs see it."""
    size, crop = fitting(trunk.architecture, layer, photo)
    offset = 255 * np.array(mean, np.float32)[:, None, None]
    return torch.from_numpy(crop - offset).to(trunk.device), size


def _scores(trunk, layer, channels, stimulus, size, norm):
    """What patches would give if responses grew with the norm: (unit, patch); faint ones -inf."""
    side, step = receptive_field(trunk.architecture, layer), stride(trunk.architecture, layer)
    with torch.inference_mode():
        response = trunk.run(stimulus[None], layer, size)[0][0, list(channels)]
        energy = F.avg_pool2d(stimulus.square().sum(0)[None], side, step)[0] * side**2
    own = energy.sqrt()
    return torch.where(own > FAINT * norm, response * norm / own, -torch.inf).flatten(1)


def _apart(scores, places, far, count):
    """The best patches of each unit, the best first, that lie apart.

    Parameters
    ----------
    scores : torch.Tensor, (unit, patch)
    places : torch.Tensor, (3, unit, patch)
        Photo, row and column.
    far : int
        Patches of one photo that are as many rows or columns apart do not overlap.
    count : int

    Returns
    -------
    value : torch.Tensor, (unit, count)
        Their scores; -inf where a unit has no more.
    best : torch.Tensor, (unit, count)
        Their positions along `patch`.
    """
    scores, values, chosen = scores.clone(), [], []
    for _ in range(count):
        value, best = scores.max(1)
        values.append(value)
        chosen.append(best)
        at = torch.take_along_dim(places, best[None, :, None], 2)
        near = (places - at).abs()
        scores[(near[0] == 0) & (near[1:].amax(0) < far)] = -torch.inf
    return torch.stack(values, 1), torch.stack(chosen, 1)
