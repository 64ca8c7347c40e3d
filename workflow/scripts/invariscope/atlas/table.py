"""The atlas's table of units: columns of units.csv, and what each is called on a page."""

import numpy as np
import seaborn as sns

from ..comparison import INDICES as COMPARED
from ..comparison import measured
from ..labels import CLEAR, LABELS
from ..tables import KEYS
from ..tuning import BORDER

# Title of each index, and its unit of measure or range.
INDICES = {
    "f1_f0": ("F1/F0", "0 for a complex cell, π/2 for a simple one"),
    "phase_invariance": ("mean over maximum of the response over phases", "0 to 1"),
    "phase_minimum": ("minimum over maximum of the response over phases", "0 to 1"),
    "f1_f0_monogenic": ("F1/F0, monogenic form", "0 to 2"),
    "texture_mean": ("mean response over the texture's crops", "share of a_max under the mask"),
    "texture_min": ("least response over the texture's crops", "share of a_max under the mask"),
    "warp_gain": ("variance explained by warps beyond affine maps", "share of variance"),
    "warp_p": ("p that warps gain no more than between units", "corrected"),
    "path_retention": ("response kept along own warps", "share of the response at the start"),
    "control_retention": (
        "response kept along control warps",
        "share of the response at the start",
    ),
    "retention_above_controls": (
        "response kept along own warps, above controls",
        "share of the response at the start",
    ),
    "relative_stability": ("relative stability R", "below 1: more stable to warps than to noise"),
    "a_max": ("largest response, a_max", "mean response of the channel to photos"),
    "activation_ratio": ("mean response of the diverse set", "share of a_max"),
    "min_distance": ("least distance within the diverse set", "in units of the features compared"),
    "diversity_gain": (
        "least distance, above that of restarts",
        "in units of the features compared",
    ),
    "label_agreement": ("share of further seeds with the same label", "0 to 1"),
    "rf": ("receptive field", "pixels"),
}
# Borders that labels and figures draw, by index.
BORDERS = {"f1_f0": [BORDER], "retention_above_controls": [CLEAR]}
LOGARITHMIC = ["a_max", "relative_stability"]


def meanings():
    """What the page needs to know of indices, labels and colours."""
    return dict(
        indices=INDICES,
        borders=BORDERS,
        logarithmic=LOGARITHMIC,
        # Where a model cell's value tells something of a unit's: distances are in other features.
        calibrated=[name for name in INDICES if name in COMPARED and name != "a_max"],
        strips=[name for name in INDICES if name not in ("rf", "label_agreement")],
        labels=LABELS,
        palette=sns.color_palette("colorblind").as_hex(),
    )


def columns(units):
    """The table as lists of plain values by name of column; numbers to six digits.

    Parameters
    ----------
    units : pandas.DataFrame
        units.csv.

    Returns
    -------
    dict of str to list
        Numbers that are missing are None.
    """
    chosen = measured(units)[[*KEYS, "truth", "label", "missing", *INDICES]]
    return {
        name: _rounded(values) if values.dtype == np.float64 else values.tolist()
        for name, values in chosen.items()
    }


def _rounded(values):
    """Six digits each, which is what units.csv has; what is not a number is None."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]
