"""Baselines of diversity: what other ways of showing a unit show, at equal activation.

Each method is held against a diverse set of the same mean response, unit by unit. Random restarts
are moved back towards their starts until they respond as the diverse set does; Gram diversity,
optimised from the restarts, is bound to do so; to natural patches, which drive units little, the
diverse set is brought down. None is judged by what it optimises alone: all are measured by the
least distance of features (which diverse sets optimise), the least distance of pixels (which none
does), and the mean distance of Gram matrices (which Gram diversity does).
"""

import torch

from .baselines_dataset import YARDSTICKS
from .objective import gram_distances, pairwise_distances
from .observer import evaluate
from .spectrum import length

BISECTIONS = 20  # to a millionth of the way


def moved_back(observe, stimuli, starts, norm, target):
    """Stimuli moved back towards their starts until each unit's mean response falls to `target`.

    All stimuli of a unit go the same part of the way, found by bisection.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    stimuli, starts : torch.Tensor, (unit, image, channel, y, x)
        The length of the starts does not matter.
    norm : float
        L2 norm of every stimulus.
    target : torch.Tensor, (unit,)

    Returns
    -------
    torch.Tensor, (unit, image, channel, y, x)
        At the norm. As given for a unit whose stimuli respond less than `target` on average.
    """
    starts = starts * norm / length(starts)

    def moved(part):
        between = torch.lerp(stimuli, starts, part[:, None, None, None, None])
        return norm * between / length(between)

    low, high = torch.zeros_like(target), torch.ones_like(target)
    with torch.inference_mode():
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            enough = evaluate(observe, moved(middle)).mean(1) >= target
            low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
        return moved(low)


def yardsticks(stimuli, features, channels):
    """How diverse each unit's stimuli are.

    Parameters
    ----------
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    features : torch.Tensor, (unit, image, feature)
    channels : int
        Of the features.

    Returns
    -------
    dict of str to numpy.ndarray, (unit,)
        By `YARDSTICKS`: least root-mean-square difference of features and of pixels, and mean
        distance of Gram matrices. Larger is more diverse.
    """
    # In double precision: distances of nearly equal stimuli are lost to rounding otherwise.
    pixels, features = stimuli.flatten(2).double(), features.double()
    found = (
        pairwise_distances(features).amin(1),
        pairwise_distances(pixels).amin(1),
        gram_distances(features, channels).mean(1),
    )
    return dict(zip(YARDSTICKS, (each.cpu().numpy() for each in found), strict=True))
