"""The stimuli file: what synthesis leaves for every later stage."""

import numpy as np
import xarray as xr


def stimuli_dataset(found, units, truth, **attributes):
    """Put the syntheses of one block's units in a self-describing dataset.

    Parameters
    ----------
    found : dict of str to Synthesis
        One per condition; 'restarts' gives a_max.
    units : list of int
        Channels of the layer.
    truth : list of str
        Class of each unit where it is a model cell, else ''.
    **attributes : str or number
        What else describes the file: network, layer, features, norm, ...

    Returns
    -------
    xarray.Dataset
        Dims condition, unit, image, channel, y, x, and pair.
    """

    def stack(name):
        return np.stack([getattr(s, name).cpu().numpy() for s in found.values()])

    first, second = np.triu_indices(stack("responses").shape[2], 1)
    grey = "8-bit grey levels, dataset mean subtracted"
    response = "mean response of the channel to natural photos"
    compared = attributes["features"]
    distance = (
        "8-bit grey levels" if compared == "pixels" else f"units of {compared}'s mean response"
    )
    each = ("condition", "unit")
    return xr.Dataset(
        {
            "stimulus": (
                (*each, "image", "channel", "y", "x"),
                stack("stimuli"),
                {"units": grey, "long_name": "stimulus"},
            ),
            "response": (
                (*each, "image"),
                stack("responses"),
                {"units": response, "long_name": "response before the ReLU"},
            ),
            "distance": (
                (*each, "pair"),
                stack("distances"),
                {"units": distance, "long_name": "root-mean-square feature difference"},
            ),
            "steps": (each, stack("steps"), {"long_name": "optimisation steps taken"}),
            "a_max": (
                "unit",
                found["restarts"].responses.amax(1).cpu().numpy(),
                {"units": response, "long_name": "largest response over the restarts"},
            ),
        },
        {
            "condition": list(found),
            "unit": ("unit", units, {"long_name": "channel of the layer"}),
            "truth": ("unit", truth, {"long_name": "class of a model cell"}),
            "channel": ["red", "green", "blue"],
            "first": ("pair", first),
            "second": ("pair", second),
        },
        attributes,
    )


def join_blocks(datasets):
    """Stimuli of all units of each layer, from the datasets of its blocks.

    Returns
    -------
    dict of (network, layer) to xarray.Dataset
        In the order given.
    """
    layers = {}
    for dataset in datasets:
        layers.setdefault((dataset.attrs["network"], dataset.attrs["layer"]), []).append(dataset)
    return {key: xr.concat(parts, "unit", data_vars="minimal") for key, parts in layers.items()}
