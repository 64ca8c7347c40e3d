"""Tables: one row a unit."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from .labels import labels
from .signature import similarity_between

KEYS = ["network", "layer", "channel"]  # what names a unit in every table
STABILITY = ["relative_stability", "stability_low", "stability_high"]
# Variables of the warp file that are columns of warp.csv by their own names.
WARP = ["null_gain", "gain_effect", "gain_p", "blend_retention", "interpolation", "least_jacobian"]
SIZE = 1.0  # of random warps, in pixels, in units.csv


def unit_rows(stimuli, phase, warp):
    """Rows of the units of one block and seed, but for what `labelled` adds.

    Parameters
    ----------
    stimuli, phase, warp : xarray.Dataset
        As the stages leave them.

    Returns
    -------
    pandas.DataFrame
        activation_ratio, min_distance and diversity_gain are missing where a_max is not above 0.
        Why an index of the later stages is missing stands in the last column.
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
            **_names(stimuli),
            "seed": stimuli.attrs["seed"],
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
            "warp_gain": warp.warp_gain.values,
            "path_retention": warp.path_retention.values,
            "relative_stability": warp.relative_stability.sel(size=SIZE).values,
            "label": "",
            "phase_minimum": fourier.min_max.values,
            "warp_p": warp.gain_p.values,
            "control_retention": warp.control_retention.sel(match="change").values,
            "missing": _reasons(xr.concat([phase.missing, warp.missing], "index")),
        }
    )


def labelled(rows):
    """Rows of all blocks with labels, and p-values corrected within each layer and seed.

    Parameters
    ----------
    rows : pandas.DataFrame
        Of all blocks and seeds, see `unit_rows`.

    Returns
    -------
    pandas.DataFrame
    """
    p = rows.groupby([*KEYS[:2], "seed"], sort=False).warp_p.transform(corrected)
    rows = rows.assign(warp_p=p)
    return rows.assign(label=labels(rows))


def apart_by_seed(rows, seed):
    """Rows of units.csv and of seeds.csv.

    Parameters
    ----------
    rows : pandas.DataFrame
        From `labelled`.
    seed : int
        The study's own.

    Returns
    -------
    units : pandas.DataFrame
        One row a unit, of the study's seed. `label_agreement` is the share of further seeds at
        which it bears the same label, missing where there are none or it has no label.
    seeds : pandas.DataFrame
        One row a unit and seed, of the layers with several.
    """
    own = rows.seed == seed
    units = rows[own].drop(columns="seed").set_index(KEYS)
    further = rows[~own].set_index(KEYS).label
    same = further == units.label.reindex(further.index)
    agreement = same.groupby(level=KEYS).mean().reindex(units.index)
    units.insert(len(units.columns) - 1, "label_agreement", agreement.where(units.label != ""))
    several = pd.MultiIndex.from_frame(rows[KEYS[:2]]).isin(further.index.droplevel("channel"))
    return units.reset_index(), rows[several]


def _names(dataset):
    return {
        "network": dataset.attrs["network"],
        "layer": dataset.attrs["layer"],
        "channel": dataset.unit.values,
    }


def corrected(p):
    """P-values corrected for their number (Benjamini & Hochberg 1995); NaN are passed over.

    Parameters
    ----------
    p : array, (unit,)

    Returns
    -------
    numpy.ndarray, (unit,)
    """
    p = np.asarray(p)
    known = np.isfinite(p)
    found = np.full(len(p), np.nan)
    if known.any():
        found[known] = stats.false_discovery_control(p[known])
    return found


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
    texts = ["truth", "label", "missing"]
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
            **_names(phase),
            "similarity_within": phase.similarity_within.values,
            "similarity_between": similarity_between(phase.spectrum.values),
            "resultant": phase.resultant.values,
            "rayleigh_p": phase.rayleigh_p.values,
        }
    )


def warp_rows(warp):
    """Rows of warp.csv for the units of one block.

    Parameters
    ----------
    warp : xarray.Dataset
        As the stage leaves it.

    Returns
    -------
    pandas.DataFrame
    """
    explained = {
        f"{kind}explained_{family}": warp[f"{kind}mean_explained"].sel(family=family)
        for kind in ("", "null_")
        for family in warp.family.values
    }
    stable = {
        f"{name}_{size:g}": warp[name].sel(size=size)
        for size in warp["size"].values
        for name in STABILITY
    }
    far = warp.control_retention.sel(match="displacement")
    alone = {name: warp[name] for name in WARP}
    columns = {**explained, **alone, "control_retention_displacement": far, **stable}
    return pd.DataFrame({**_names(warp), **{name: value.values for name, value in columns.items()}})
