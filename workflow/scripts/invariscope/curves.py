"""Curves of a unit's response over phase and along paths of warps, as figures show them."""

import numpy as np

from .tuning import above_blank, ratio


def tuning_curves(responses, blank, used):
    """Response over phase, as a share of its largest, mean over the images that count.

    Parameters
    ----------
    responses : numpy.ndarray, (..., unit, image, phase)
        Before the ReLU.
    blank : numpy.ndarray, (unit,)
    used : numpy.ndarray of bool, (..., unit, image)

    Returns
    -------
    each : numpy.ndarray, (..., unit, image, phase)
        NaN for images that do not count.
    mean : numpy.ndarray, (..., unit, phase)
        NaN where none counts.
    """
    curves = above_blank(responses, blank[:, None, None])
    each = ratio(curves, np.broadcast_to(curves.max(-1, keepdims=True), curves.shape))
    each = np.where(used[..., None], each, np.nan)
    count = used.sum(-1)[..., None]
    total = np.nansum(each, -2)
    return each, np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def path_curve(responses, blank):
    """Response along the paths of all pairs together, as a share of that at their start.

    Parameters
    ----------
    responses : numpy.ndarray, (unit, ..., step)
        Before the ReLU.
    blank : numpy.ndarray, (unit,)

    Returns
    -------
    numpy.ndarray, (unit, step)
        NaN where a unit does not respond at the start.
    """
    units, steps = len(blank), responses.shape[-1]
    seen = above_blank(responses.reshape(units, -1, steps), blank[:, None, None]).sum(1)
    return ratio(seen, np.broadcast_to(seen[:, :1], seen.shape))
