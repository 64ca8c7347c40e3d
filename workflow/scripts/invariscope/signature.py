"""The signature of phase invariance in a diverse set, read off the stimuli without any response.

A phase-invariant unit's stimuli share their amplitude spectrum, which those of other units do not
have, while their phases are spread around the circle.
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
        Each unit's mean over its stimuli of `amplitude_spectra`.

    Returns
    -------
    numpy.ndarray, (unit,)
        Missing (NaN) for a single unit.
    """
    units = len(means)
    if units < 2:
        return np.full(units, np.nan)
    product = np.einsum("uyx,yx->u", means, means.sum(0)) - (means**2).sum((1, 2))
    return product / (units - 1)


def peak_phases(stimuli, best):
    """Phase of each stimulus at the unit's peak frequency, where its best stimuli have most power.

    The best stimuli also weigh the colours: as they have most power there, so that opponent colours
    do not cancel. A diverse set itself would not do: it puts power where the unit does not look.
    Phases are defined up to one constant for each unit.

    Parameters
    ----------
    stimuli : numpy.ndarray, (unit, image, channel, y, x)
    best : numpy.ndarray, (unit, image, channel, y, x)
        For example the random restarts.

    Returns
    -------
    numpy.ndarray, (unit, image)
        Radians.
    """
    reference = np.fft.fft2(np.asarray(best, float))
    power = (np.abs(reference) ** 2).sum((1, 2))
    power[:, 0, 0] = 0
    peak = power.reshape(len(power), -1).argmax(1)[:, None, None, None]

    def at_peak(spectra):
        flat = spectra.reshape(*spectra.shape[:3], -1)
        return np.take_along_axis(flat, peak, 3)[..., 0]  # unit, image, channel

    colours = at_peak(reference)
    _, vectors = np.linalg.eigh(np.einsum("uic,uid->ucd", colours, colours.conj()))
    found = at_peak(np.fft.fft2(np.asarray(stimuli, float)))
    return np.angle(np.einsum("uic,uc->ui", found, vectors[..., -1].conj()))


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
    # The series in 1 / images can leave 0..1 by less than 1e-4, where p itself is smaller still.
    p = np.clip(circstats.rayleightest(phases, axis=1), 0, 1)
    return resultant, p
