"""The baselines file: what other methods show of each unit, and how diverse it is."""

import numpy as np
import xarray as xr

# Each method, and the diverse set of the same mean response.
MATCHED = {"restarts": "diverse", "gram": "diverse", "patches": "diverse_as_patches"}
YARDSTICKS = "feature_distance", "pixel_distance", "gram_distance"


def baselines_dataset(found, stimuli, **attributes):
    """Put what `found` holds of one block's units in a self-describing dataset.

    Parameters
    ----------
    found : dict of str to dict of str to numpy.ndarray
        By condition: 'stimulus' (unit, image, channel, y, x), 'response' (unit, image) and the
        `YARDSTICKS` (unit,).
    stimuli : xarray.Dataset
        As the synthesis stage leaves it.
    **attributes : str or number

    Returns
    -------
    xarray.Dataset
        Dims condition, unit, image, channel, y, x.
    """

    def stack(name):
        return np.stack([each[name] for each in found.values()])

    units = stimuli.distance.attrs["units"], "8-bit grey levels", "1 less the cosine"
    measures = dict(zip(YARDSTICKS, units, strict=True))
    each = ("condition", "unit")
    return xr.Dataset(
        {
            "stimulus": (stimuli.stimulus.dims, stack("stimulus"), stimuli.stimulus.attrs),
            "response": ((*each, "image"), stack("response"), stimuli.response.attrs),
            "a_max": stimuli.a_max,
            **{name: (each, stack(name), {"units": unit}) for name, unit in measures.items()},
        },
        {"condition": list(found), "unit": stimuli.unit, "channel": stimuli.channel},
        attributes,
    )
