"""The label of a unit: what it is invariant to. The rule is written down here and nowhere else.

A unit is phase-invariant if
  1. its F1/F0 is below the classical border between complex and simple cells, and
  2. its least response over phases is at least `LEAST` of its maximum, on average over the best
     stimuli. (A cell that answers two opposite phases only has an F1/F0 of 0 and yet is not
     invariant.)
It is warp-invariant if
  1. warps explain more of its diverse stimuli, beyond affine maps, than of pairs with other units'
     stimuli: corrected p below `ALPHA`,
  2. along its own warps it keeps at least `RETAINED` of its response, and
  3. that is more by `CLEAR` or more than along control warps.

The thresholds lie between model cells that have the invariance and those that lack it. LEAST: the
shift-invariant cell's response stays above 0.5 of its maximum, the polarity-invariant cell's falls
to 0. RETAINED: the warp-invariant cell keeps 0.99, the orientation-invariant cell, whose stimuli
pass (1), 0.75. CLEAR: the warp-invariant cell lies 0.17 above its controls. The shift-invariant
cell, which passes (1), lies 0.05 above, the simple, linear and polarity-invariant cells as much or
less. The complex cell lies 0.09 above, but its stimuli are translations of one another and do not
pass (1). Cells lose nothing to sampling; real units lose some percent along either warp
(`interpolation` in warp.csv), so that RETAINED is a little stricter for them.
"""

import numpy as np

from .tuning import BORDER

LEAST = 0.1
ALPHA = 0.05
RETAINED = 0.8
CLEAR = 0.1
LABELS = "selective", "phase-invariant", "warp-invariant", "both"
# Each kind of invariance, and the labels that say a unit has it.
KINDS = {name.replace("-", "_"): (name, "both") for name in LABELS[1:3]}


def labels(table):
    """Label of each unit.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns f1_f0, phase_minimum, warp_p, path_retention and control_retention.

    Returns
    -------
    numpy.ndarray of str, (unit,)
        One of `LABELS`; '' where one of the columns is missing.
    """
    phase = (table.f1_f0 < BORDER) & (table.phase_minimum >= LEAST)
    warp = (
        (table.warp_p < ALPHA)
        & (table.path_retention >= RETAINED)
        & (table.path_retention - table.control_retention >= CLEAR)
    )
    read = ["f1_f0", "phase_minimum", "warp_p", "path_retention", "control_retention"]
    known = table[read].notna().all(axis=1)
    return np.where(known, np.array(LABELS)[phase.astype(int) + 2 * warp.astype(int)], "")
