"""The pair of stimuli that stands for a unit's warps, and what its warp leaves of it."""

import numpy as np


def example(diverse, source, target, warped):
    """Pictures of each unit's example pair.

    Parameters
    ----------
    diverse : numpy.ndarray, (unit, image, channel, y, x)
        Stimuli in grey levels around 0.
    source, target : numpy.ndarray of int, (unit,)
        Which image is warped, and which it is to become.
    warped : numpy.ndarray, (unit, channel, y, x)
        The source under its warp.

    Returns
    -------
    numpy.ndarray, (unit, 4, channel, y, x)
        Source, target, the warped source at the gain that fits best (0 if it is uniform), and
        target less that.
    """
    rows = np.arange(len(diverse))
    source, target = diverse[rows, source], diverse[rows, target]
    axes = dict(axis=(1, 2, 3), keepdims=True)
    product, power = (warped * target).sum(**axes), (warped**2).sum(**axes)
    gain = np.divide(product, power, out=np.zeros_like(product), where=power > 0)
    return np.stack([source, target, gain * warped, target - gain * warped], 1)


def grid_lines(displacement, lines):
    """Where a straight grid of the warped stimulus lies in the source.

    Parameters
    ----------
    displacement : numpy.ndarray, (..., 2, y, x)
        In pixels, vertical part first.
    lines : int
        Lines each way, from the first to the last pixel.

    Returns
    -------
    numpy.ndarray, (..., 2 * lines, side, 2)
        Points of the rows, then of the columns: x, then y, in pixels from the first one's centre.
    """
    side = displacement.shape[-1]
    at = np.arange(side)
    y = at[:, None] + displacement[..., 0, :, :]
    x = at + displacement[..., 1, :, :]
    points = np.stack([x, y], -1)
    chosen = np.linspace(0, side - 1, lines).round().astype(int)
    rows = points[..., chosen, :, :]
    columns = np.swapaxes(points[..., :, chosen, :], -3, -2)
    return np.concatenate([rows, columns], -3)
