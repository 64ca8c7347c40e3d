"""What captions say of layers in numbers."""

import numpy as np
from scipy import stats

from .labels import ALPHA, CLEAR, RETAINED
from .layer_counts import real_layers
from .tables import SIZE

LEVEL = 0.05  # below it, phases of a diverse set count as clustered


def distances(layers):
    """How much more distinct diverse stimuli are than random restarts, and what that costs.

    Parameters
    ----------
    layers : dict of (network, layer) to xarray.Dataset
        Stimuli of the units to sum up.

    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (that respond at all), 'silent' (that do not),
        'more' (units whose diverse set has the larger smallest distance), 'measure' (the distance's
        unit of measure), and medians over units: 'activation', the mean response over a_max, and
        'distance', the smallest one, each of (diverse set, restarts).
    """
    found = []
    for (network, layer), stimuli in layers.items():
        driven = stimuli.sel(unit=stimuli.a_max > 0)
        activation = driven.response.mean("image") / driven.a_max
        least = driven.distance.min("pair")
        conditions = ["diverse", "restarts"]
        own, alone = (least.sel(condition=name).values for name in conditions)
        found.append(
            dict(
                network=network,
                layer=layer,
                units=driven.sizes["unit"],
                silent=stimuli.sizes["unit"] - driven.sizes["unit"],
                more=int((own > alone).sum()),
                measure=stimuli.distance.attrs["units"],
                activation=[_median(activation.sel(condition=name)) for name in conditions],
                distance=[_median(own), _median(alone)],
            )
        )
    return found


def chosen_from(blocks):
    """From how many units the examples of a figure are chosen.

    Parameters
    ----------
    blocks : list of ((str, str), array (unit,))
        As `figures.style.extreme_units` takes them.

    Returns
    -------
    dict
        'units' that have the index, and 'missing', those that lack it.
    """
    index = np.concatenate([np.asarray(index) for _, index in blocks])
    units = int(np.isfinite(index).sum())
    return dict(units=units, missing=len(index) - units)


def textures(table):
    """How well one texture drives the units of each layer, and whether that goes with F1/F0.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv. Model cells are passed over.

    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (with both indices), 'missing', 'texture' (the
        median) and 'correlation', Spearman's; NaN of fewer than three units, or of units
        that are all alike.
    """
    found = []
    for layer, known in _known(table, ["f1_f0", "texture_mean"]):
        vary = len(known) > 2 and known[["f1_f0", "texture_mean"]].nunique().min() > 1
        rho = stats.spearmanr(known.f1_f0, known.texture_mean)[0] if vary else np.nan
        found.append(layer | dict(texture=_median(known.texture_mean), correlation=float(rho)))
    return found


def signatures(table):
    """What diverse stimuli tell of phase invariance.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv joined with signature.csv. Model cells are passed over.

    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (with all indices), 'missing', the medians
        'within' and 'between' of the similarities, and 'clustered', units whose phases cluster.
    """
    columns = ["similarity_within", "similarity_between", "rayleigh_p"]
    return [
        layer
        | dict(
            within=_median(known.similarity_within),
            between=_median(known.similarity_between),
            clustered=int((known.rayleigh_p < LEVEL).sum()),
        )
        for layer, known in _known(table, columns)
    ]


def warps(table):
    """What warps explain of the units of each layer, and what is kept along them.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv joined with warp.csv. Model cells are passed over.

    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (with all indices), 'missing', 'gain', units
        above the null, 'kept', units that meet the label's two thresholds of retention, and the
        medians 'own' and 'control' of retention and 'stability'.
    """
    stability = f"relative_stability_{SIZE:g}"
    columns = ["warp_p", "path_retention", "control_retention", stability]
    return [
        layer
        | dict(
            gain=int((known.warp_p < ALPHA).sum()),
            kept=int(
                (
                    (known.path_retention >= RETAINED)
                    & (known.path_retention - known.control_retention >= CLEAR)
                ).sum()
            ),
            own=_median(known.path_retention),
            control=_median(known.control_retention),
            stability=_median(known[stability]),
        )
        for layer, known in _known(table, columns)
    ]


def _known(table, columns):
    """Of each layer what is said of all, and the rows that have all of some columns."""
    for (network, layer), rows in real_layers(table):
        known = rows.dropna(subset=columns)
        counts = dict(units=len(known), missing=len(rows) - len(known))
        yield dict(network=network, layer=layer) | counts, known


def _median(values):
    return float(np.median(values)) if len(values) else np.nan
