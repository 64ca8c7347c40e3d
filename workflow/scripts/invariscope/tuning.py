"""Phase tuning: indices of how a unit's response changes with the phase of its stimulus.

All are taken of the response after the ReLU and above that to a blank stimulus, which some units
answer too.
"""

import numpy as np

FORMS = "fourier", "monogenic"  # of the phase shift, see `phase`
BORDER = 1  # of F1/F0, the classical one between complex and simple cells (Skottun et al. 1991)
DRIVEN = 0.1  # a_max must exceed the response to the blank by this part of itself
MODULATED = 0.5  # share of a stimulus's power that a phase shift must move, for phase to mean much
DIRECTED = 1e-3  # strength that a stimulus's direction must have, for the Fourier form to mean much


def above_blank(responses, blank):
    """Response after the ReLU, above that to the blank, and never below it.

    Parameters
    ----------
    responses : numpy.ndarray
        Before the ReLU.
    blank : numpy.ndarray
        Response to a stimulus of zero, before the ReLU; broadcasts against `responses`.
    """
    return np.maximum(responses - np.maximum(blank, 0), 0)


def relative(responses, a_max, blank):
    """Responses above that to the blank, as a share of what a_max has above it.

    Arrays broadcast. All are before the ReLU, so that shares may be negative.
    """
    floor = np.maximum(blank, 0)
    return (responses - floor) / (a_max - floor)


def driven(a_max, blank):
    """Which units respond at all, and clearly more than to a blank.

    Returns
    -------
    numpy.ndarray of bool, (unit,)
    """
    return (a_max > 0) & (a_max - np.maximum(blank, 0) > DRIVEN * a_max)


def f1_f0(curves):
    """Modulation ratio 2 |R1| / |R0| of responses over a cycle of phases.

    0 for an ideal complex cell, pi / 2 for a half-rectified simple cell, at most 2. It is 0, too,
    for what repeats twice a cycle, as |cos| does; that `mean_max` and `min_max` tell apart.

    Parameters
    ----------
    curves : numpy.ndarray, (..., phase)
        Phases evenly spaced. Not below 0.

    Returns
    -------
    numpy.ndarray, (...)
        Missing (NaN) where there is no response at all.
    """
    spectrum = np.abs(np.fft.rfft(curves))
    return ratio(2 * spectrum[..., 1], spectrum[..., 0])


def mean_max(curves):
    """Mean over phases over the maximum: 1 if phase does not matter; NaN without response."""
    return ratio(curves.mean(-1), curves.max(-1))


def min_max(curves):
    """Minimum over phases over the maximum: 1 if phase does not matter; NaN without response."""
    return ratio(curves.min(-1), curves.max(-1))


def ratio(part, whole):
    """Part over whole; NaN where the whole is not above 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
