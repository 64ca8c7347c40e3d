"""The natural patches that drive each unit most, at the norm of its stimuli.

Only where a unit is read at its stride are patches looked at. A network of ReLUs is nearly
homogeneous: a patch brought to the norm drives a unit about as many times more as its norm grows.
So one pass over each photo ranks all patches; the best few are then seen exactly.
"""

import numpy as np
import torch
import torch.nn.functional as F

from .errors import UserError
from .natural import fitting
from .observer import evaluate
from .receptive_field import receptive_field, stride
from .spectrum import length

FAINT = 0.1  # of the norm; fainter patches would show little but the noise of compression
CANDIDATES = 4  # times as many patches as are wanted are seen exactly


def most_activating(trunk, observe, layer, channels, photos, mean, norm, images):
    """The patches of natural photos that drive each unit most, none overlapping another.

    Parameters
    ----------
    trunk : Trunk
    observe : function
        As made by `observer.observer`, of the same units.
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
    offset = 255 * np.array(mean, np.float32)[:, None, None]
    windows, scores, places = [], [], []
    for index, photo in enumerate(photos):
        size, crop = fitting(trunk.architecture, layer, photo)
        stimulus = torch.from_numpy(crop - offset).to(trunk.device)
        windows.append(stimulus.unfold(1, side, step).unfold(2, side, step).movedim(0, 2))
        score = _scores(trunk, layer, channels, stimulus, size, side, step, norm)
        scores.append(score.flatten(1))
        places.append(torch.from_numpy(np.indices(size).reshape(2, -1)))
        places[-1] = F.pad(places[-1], (0, 0, 1, 0), value=index)
    places = torch.cat(places, 1).to(trunk.device)
    far = -(-side // step)  # so many positions apart, patches share no pixel
    chosen = places[:, _apart(torch.cat(scores, 1), places, far, CANDIDATES * images)]
    if chosen.shape[2] < images:
        raise UserError(
            f"photos: they hold {chosen.shape[2]} patches of {side} pixels that do not overlap and "
            f"are not faint; layer '{layer}' needs {images}; give more photos"
        )
    patches = torch.empty(*chosen.shape[1:], 3, side, side, device=trunk.device)
    for index, window in enumerate(windows):
        here = chosen[0] == index
        patches[here] = window[chosen[1][here], chosen[2][here]]
    patches = norm * patches / length(patches)
    order = evaluate(observe, patches).argsort(dim=1, descending=True, stable=True)[:, :images]
    return torch.take_along_dim(patches, order[:, :, None, None, None], 1)


def _scores(trunk, layer, channels, stimulus, size, side, step, norm):
    """What each patch would give if responses grew with the norm: (unit, y, x); faint ones -inf."""
    with torch.inference_mode():
        response = trunk.run(stimulus[None], layer, size)[0][0, list(channels)]
        energy = F.avg_pool2d(stimulus.square().sum(0)[None], side, step)[0] * side**2
    own = energy.sqrt()
    return torch.where(own > FAINT * norm, response * norm / own, -torch.inf)


def _apart(scores, places, far, count):
    """Positions of the best patches of each unit, the best first, that lie apart.

    Parameters
    ----------
    scores : torch.Tensor, (unit, patch)
    places : torch.Tensor, (3, patch)
        Photo, row and column.
    far : int
        Patches of one photo that are as many rows or columns apart do not overlap.
    count : int
        At most. Fewer if any unit has fewer.

    Returns
    -------
    torch.Tensor, (unit, at most `count`)
    """
    scores, chosen = scores.clone(), []
    for _ in range(count):
        value, best = scores.max(1)
        if not torch.isfinite(value).all():
            break
        chosen.append(best)
        near = (places[:, None] - places[:, best][:, :, None]).abs()
        scores[(near[0] == 0) & (near[1:].amax(0) < far)] = -torch.inf
    return torch.stack(chosen, 1) if chosen else places.new_empty((len(scores), 0))
