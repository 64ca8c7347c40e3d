"""Why an index is missing: what is no number in a table has a reason beside it."""

import numpy as np

from .tuning import driven


def why_missing(units, *reasons):
    """For each unit the first reason that holds, or ''.

    Parameters
    ----------
    units : int
    *reasons : (bool or numpy.ndarray of bool (unit,), str)
        Whether it holds, and its text.

    Returns
    -------
    numpy.ndarray of str, (unit,)
    """
    found = np.full(units, "", dtype=object)
    for holds, text in reversed(reasons):
        found[np.broadcast_to(holds, units)] = text
    return found.astype(str)


def undriven(a_max, blank):
    """Reasons for which a unit has no indices at all, for `why_missing`."""
    return (
        (a_max <= 0, "never responds"),
        (~driven(a_max, blank), "does not clearly respond above the blank"),
    )
