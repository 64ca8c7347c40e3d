"""The signature of phase invariance in a diverse set, read off the stimuli without any response.

The stimuli of a phase-invariant unit share their amplitude spectrum, which those of other units do
not have, and their phases are free to spread around the circle.
"""

import numpy as np
from astropy.stats import circstats


def amplitude_spectra(stimuli):
    """Amplitude spectra beyond DC, colours summed, each of length 1 as a vector.

    Parameters
    ----------
    stimuli : numpy.ndarray, (..., channel, y, x)

    Returns
    -------
    numpy.ndarray, (..., y, x)
        In the order of `numpy.fft.fft2`; all 0 for a stimulus without contrast.
    """
    spectra = np.fft.fft2(np.asarray(stimuli, float))
    amplitude = np.sqrt((np.abs(spectra) ** 2).sum(-3))
    amplitude[..., 0, 0] = 0
    size = np.linalg.norm(amplitude, axis=(-2, -1), keepdims=True)
    return np.divide(amplitude, size, out=np.zeros_like(amplitude), where=size > 0)


def similarity_within(spectra):
    """Mean cosine similarity of spectra over the pairs of stimuli of each unit.

    Parameters
    ----------
    spectra : numpy.ndarray, (unit, image, y, x)
        From `amplitude_spectra`.

    Returns
    -------
    numpy.ndarray, (unit,)
        Missing (NaN) for a single image.
    """
    images = spectra.shape[1]
    if images < 2:
        return np.full(len(spectra), np.nan)
    # The square of the sum holds every pair twice, and each spectrum with itself.
    square = (spectra.sum(1) ** 2).sum((-2, -1))
    own = (spectra**2).sum((1, -2, -1))
    return (square - own) / (images * (images - 1))


def similarity_between(means):
    """Mean cosine similarity of each unit's spectra with those of the other units.

    Parameters
    ----------
    means : numpy.ndarray, (unit, y, x)
        Each unit's mean over its stimuli of `amplitude_spectra`; NaN for units to pass over.

    Returns
    -------
    numpy.ndarray, (unit,)
        Missing (NaN) for units passed over, and where no other is left.
    """
    known = np.isfinite(means).all((1, 2))
    others = known.sum() - 1
    if others < 1:
        return np.full(len(means), np.nan)
    product = np.einsum("uyx,yx->u", means, means[known].sum(0)) - (means**2).sum((1, 2))
    return product / others


def peak_phases(stimuli, restarts):
    """Phase of each stimulus at the unit's peak frequency, where its restarts have most power.

    The restarts also weigh the colours: as they have most power there, so that opponent colours do
    not cancel. A diverse set itself would not do: it puts power where the unit does not look.
    Phases are those of the colour that weighs most.

    Parameters
    ----------
    stimuli : numpy.ndarray, (unit, image, channel, y, x)
    restarts : numpy.ndarray, (unit, image, channel, y, x)

    Returns
    -------
    numpy.ndarray, (unit, image)
        Radians.
    """
    # Of the half plane only: the other would give the same phases with the opposite sign.
    reference = np.fft.rfft2(np.asarray(restarts, float))
    power = (np.abs(reference) ** 2).sum((1, 2))
    # DC and, at even sides, three others are their own conjugate: real, they have no phase.
    side = restarts.shape[-1]
    own = np.array([0] if side % 2 else [0, side // 2])
    power[:, own[:, None], own] = 0
    peak = power.reshape(len(power), -1).argmax(1)[:, None, None, None]

    def at_peak(spectra):
        flat = spectra.reshape(*spectra.shape[:3], -1)
        return np.take_along_axis(flat, peak, 3)[..., 0]  # unit, image, channel

    colours = at_peak(reference)
    _, vectors = np.linalg.eigh(np.einsum("uic,uid->ucd", colours, colours.conj()))
    weights = vectors[..., -1]
    largest = np.take_along_axis(weights, np.abs(weights).argmax(1)[:, None], 1)
    weights = weights * np.exp(-1j * np.angle(largest))
    found = at_peak(np.fft.rfft2(np.asarray(stimuli, float)))
    return np.angle(np.einsum("uic,uc->ui", found, weights.conj()))


def rayleigh(phases):
    """Resultant length of phases and the Rayleigh test of uniformity.

    Parameters
    ----------
    phases : numpy.ndarray, (unit, image)
        Radians.

    Returns
    -------
    resultant : numpy.ndarray, (unit,)
        1 for equal phases, 0 for evenly spread ones.
    p : numpy.ndarray, (unit,)
        Small where phases cluster. Missing (NaN) for a single image, as is the resultant.
    """
    if phases.shape[1] < 2:
        return (np.full(len(phases), np.nan),) * 2
    resultant = circstats.circmoment(phases, axis=1)[1]
    # astropy's series in 1 / images falls a little below 0 where p itself is next to nothing.
    p = np.clip(circstats.rayleightest(phases, axis=1), 0, 1)
    return resultant, p
