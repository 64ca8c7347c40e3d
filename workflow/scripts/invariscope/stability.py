"""Relative stability: does a response change less under small random warps than under noise?

After Petrini et al. (2021): warps of maximum entropy at a given size, and Gaussian noise that
changes the stimulus as much, in pixel norm. R is the mean squared change of the response under the
warps over that under the noise; below 1, the unit is more stable to warps than to noise.
"""

import numpy as np
import torch
from scipy import stats

from .observer import evaluate
from .seeds import generator
from .spectrum import length
from .warp import unfolded, upsample, warp
from .warp_path import root_mean_square

SIZES = 0.5, 1.0, 2.0  # root-mean-square lengths of the velocities, in pixels
CUT = 3  # (i, j) with i^2 + j^2 < (CUT + 1/2)^2
CONFIDENCE = 0.95
RESAMPLES = 2000


def _waves(side):
    """1 / (i^2 + j^2) of the waves that count, and sin(i pi x) at the pixels' centres."""
    index = np.arange(1, CUT + 1)
    squares = index[:, None] ** 2 + index[None, :] ** 2
    waves = np.sin(np.pi * np.outer(index, (np.arange(side) + 0.5) / side))
    return np.where(squares < (CUT + 0.5) ** 2, 1 / squares, 0), waves


def maximum_entropy_velocities(rng, shape, side, size):
    """Random velocity fields that vanish at the edges of the stimulus.

    Each component is a sum of sin(i pi y) sin(j pi x) with independent normal amplitudes of
    variance T / (i^2 + j^2), up to `CUT`: of all fields of that much bending the most random.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
        How many.
    side : int
        In pixels.
    size : float
        Root-mean-square length over fields and pixels, in pixels.

    Returns
    -------
    numpy.ndarray, (*shape, 2, y, x)
    """
    spectrum, waves = _waves(side)
    # Each sin^2 has mean 1/2, and there are two components.
    temperature = 2 * size**2 / spectrum.sum()
    amplitude = np.sqrt(temperature * spectrum)
    drawn = amplitude * rng.standard_normal((*shape, 2, CUT, CUT))
    return np.einsum("...ij,iy,jx->...yx", drawn, waves, waves)


def responses(observe, stimuli, units, draws, *names):
    """Responses to stimuli under random warps, and under noise of the same pixel norm.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    units : sequence of int
        Channels, by whose names warps and noise are drawn. Those of different sizes are the same
        up to their strength.
    draws : int
        Per image.
    *names : str or int

    Returns
    -------
    warped, noisy : torch.Tensor, (size, unit, image, draw)
        Before the ReLU.
    moved : torch.Tensor, (size, unit, image, draw)
        Root-mean-square displacement of each warp, in pixels.
    """
    images, side = stimuli.shape[1], stimuli.shape[-1]
    rngs = [generator(*names, "stability", unit) for unit in units]
    fine, flat = upsample(stimuli.flatten(0, 1)), stimuli.flatten(0, 1)
    found = []
    for _ in range(draws):
        fields = [maximum_entropy_velocities(rng, (images,), side, 1) for rng in rngs]
        noises = [rng.standard_normal(stimuli.shape[1:], np.float32) for rng in rngs]
        fields = torch.from_numpy(np.concatenate(fields)).to(stimuli)
        noise = torch.from_numpy(np.concatenate(noises)).to(stimuli)
        for size in SIZES:
            _, moved, _ = unfolded(size * fields)
            warped = warp(fine, moved)
            strength = length(warped - flat) / length(noise)
            seen = [
                evaluate(observe, s.view_as(stimuli)) for s in (warped, flat + strength * noise)
            ]
            found.append((*seen, root_mean_square(moved).view(stimuli.shape[:2])))
    return tuple(
        torch.stack(values).unflatten(0, (draws, len(SIZES))).movedim(0, -1)
        for values in zip(*found, strict=True)
    )


def relative_stability(response, warped, noisy):
    """R of each unit, with a bootstrap interval over the draws of warps and noise.

    Parameters
    ----------
    response : numpy.ndarray, (unit, image)
        To the stimuli themselves.
    warped, noisy : numpy.ndarray, (..., unit, image, draw)

    Returns
    -------
    numpy.ndarray, (3, ..., unit)
        R and the limits of its interval. NaN where noise changes nothing.
    """
    changes = [
        ((seen - response[..., None]) ** 2).reshape(*seen.shape[:-2], -1)
        for seen in (warped, noisy)
    ]

    def ratio(over, under, axis=-1):
        over, under = over.mean(axis), under.mean(axis)
        return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)

    interval = stats.bootstrap(
        changes,
        ratio,
        n_resamples=RESAMPLES,
        batch=100,
        axis=-1,
        paired=True,
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=generator("stability", "bootstrap"),
    ).confidence_interval
    return np.stack([ratio(*changes), interval.low, interval.high])
