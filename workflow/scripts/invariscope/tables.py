"""Tables: one row a unit, and what is counted over them."""

import numpy as np
import pandas as pd
from scipy import stats

from .signature import similarity_between

CONFIDENCE = 0.95


def unit_rows(stimuli, phase):
    """Rows of units.csv for the units of one block.

    Parameters
    ----------
    stimuli, phase : xarray.Dataset
        As the stages leave them.

    Returns
    -------
    pandas.DataFrame
        activation_ratio, min_distance and diversity_gain are missing where a_max is not above 0.
        Why an index of the phase stage is missing stands in the last column.
    """
    fourier, monogenic = phase.sel(form="fourier"), phase.sel(form="monogenic")
    cut = phase.sel(crops="as cut")
    a_max = stimuli.a_max.values.astype(float)
    # What a unit that never responds ends with means nothing.
    diverse = stimuli.sel(condition="diverse").where(stimuli.a_max > 0)
    distance = _least(diverse.distance)
    alone = _least(stimuli.sel(condition="restarts").distance)
    return pd.DataFrame(
        {
            "network": stimuli.attrs["network"],
            "layer": stimuli.attrs["layer"],
            "channel": stimuli.unit.values,
            "truth": stimuli.truth.values.astype(str),
            "rf": stimuli.sizes["y"],
            "a_max": a_max,
            "activation_ratio": diverse.response.mean("image").values / a_max,
            "min_distance": distance,
            "diversity_gain": distance - alone,
            "f1_f0": fourier.f1_f0.values,
            "phase_invariance": fourier.mean_max.values,
            "f1_f0_monogenic": monogenic.f1_f0.values,
            "texture_mean": cut.texture_mean.values,
            "texture_min": cut.texture_min.values,
            "missing": _reasons(phase.missing),
        }
    )


def _least(distances):
    """Smallest distance over the pairs of each unit; NaN if a single image makes no pair."""
    return (
        distances.reduce(np.min, "pair", initial=np.inf).where(distances.sizes["pair"] > 0).values
    )


def _reasons(missing):
    """For each unit one text from its reasons, (index, unit)."""
    names = missing.index.values
    return [
        "; ".join(f"{name}: {text}" for name, text in zip(names, texts, strict=True) if text)
        for texts in missing.values.T.tolist()
    ]


def read(path):
    """units.csv as a DataFrame; texts that are not there are '', numbers that are not NaN."""
    table = pd.read_csv(path)
    texts = ["truth", "missing"]
    return table.assign(**table[texts].fillna(""))


def signature_rows(phase):
    """Rows of signature.csv for all units of one layer.

    Parameters
    ----------
    phase : xarray.Dataset
        Of the layer's blocks, joined: `spectrum`, `similarity_within`, `resultant`, `rayleigh_p`.

    Returns
    -------
    pandas.DataFrame
    """
    return pd.DataFrame(
        {
            "network": phase.attrs["network"],
            "layer": phase.attrs["layer"],
            "channel": phase.unit.values,
            "similarity_within": phase.similarity_within.values,
            "similarity_between": similarity_between(phase.spectrum.values),
            "resultant": phase.resultant.values,
            "rayleigh_p": phase.rayleigh_p.values,
        }
    )


def phase_invariant(table, borders):
    """How many units of each layer are phase invariant: have an F1/F0 below a border.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv. Model cells are passed over.
    borders : sequence of float
    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (with an index), 'missing' (without) and 'below',
        a list of dicts with 'border', 'count' and the limits 'low' and 'high' of the Wilson
        interval for their share.
    """
    found = []
    for (network, layer), rows in table[table.truth == ""].groupby(
        ["network", "layer"], sort=False
    ):
        known = rows.f1_f0.dropna()
        below = []
        for border in borders if len(known) else ():
            count = int((known < border).sum())
            interval = stats.binomtest(count, len(known)).proportion_ci(CONFIDENCE, "wilson")
            below.append(dict(border=border, count=count, low=interval.low, high=interval.high))
        found.append(
            dict(
                network=network,
                layer=layer,
                units=len(known),
                missing=len(rows) - len(known),
                below=below,
            )
        )
    return found
