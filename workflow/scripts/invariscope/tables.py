"""Tables: one row a unit."""

import pandas as pd


def unit_rows(stimuli):
    """Rows of units.csv for the units of one stimuli file.

    Parameters
    ----------
    stimuli : xarray.Dataset
        As the synthesis stage leaves it.

    Returns
    -------
    pandas.DataFrame
        The last three columns are missing where a_max is not above 0.
    """
    a_max = stimuli.a_max.values.astype(float)
    # What a unit that nothing drives ends with means nothing.
    driven = stimuli.sel(condition="diverse").where(stimuli.a_max > 0)
    distance = driven.distance.min("pair").values
    alone = stimuli.sel(condition="restarts").distance.min("pair").values
    return pd.DataFrame(
        {
            "network": stimuli.attrs["network"],
            "layer": stimuli.attrs["layer"],
            "channel": stimuli.unit.values,
            "truth": stimuli.truth.values.astype(str),
            "rf": stimuli.sizes["y"],
            "a_max": a_max,
            "activation_ratio": driven.response.mean("image").values / a_max,
            "min_distance": distance,
            "diversity_gain": distance - alone,
        }
    )
