"""Tables: one row a unit."""

import numpy as np
import pandas as pd

COLUMNS = (
    "network",
    "layer",
    "channel",
    "truth",
    "rf",
    "a_max",
    "activation_ratio",
    "min_distance",
    "diversity_gain",
)


def unit_rows(stimuli):
    """Rows of units.csv for the units of one stimuli file.

    Parameters
    ----------
    stimuli : xarray.Dataset
        As the synthesis stage leaves it.

    Returns
    -------
    pandas.DataFrame
        Columns as in `COLUMNS`.
    """
    diverse, restarts = (stimuli.sel(condition=c) for c in ("diverse", "restarts"))
    a_max = stimuli.a_max.values.astype(float)
    shortest = {c: d.distance.min("pair").values for c, d in (("d", diverse), ("r", restarts))}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(a_max > 0, diverse.response.mean("image").values / a_max, np.nan)
    return pd.DataFrame(
        {
            "network": stimuli.attrs["network"],
            "layer": stimuli.attrs["layer"],
            "channel": stimuli.unit.values,
            "truth": stimuli.truth.values.astype(str),
            "rf": stimuli.sizes["y"],
            "a_max": a_max,
            "activation_ratio": ratio,
            "min_distance": shortest["d"],
            "diversity_gain": shortest["d"] - shortest["r"],
        },
        columns=list(COLUMNS),
    )
