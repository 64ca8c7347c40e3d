"""What is counted over the units of each layer."""

import numpy as np
import pandas as pd
from scipy import stats

from .labels import KINDS, LABELS
from .tables import KEYS

CONFIDENCE = 0.95


def real_layers(table):
    """Rows of each layer, without model cells."""
    return table[table.truth == ""].groupby(KEYS[:2], sort=False)


def label_counts(table):
    """How many real units of each layer bear each label.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv.

    Returns
    -------
    list of dict
        One per layer: 'network', 'layer', 'units' (with a label), 'missing' (without) and 'counts',
        by label.
    """
    found = []
    for (network, layer), rows in real_layers(table):
        counts = {label: int((rows.label == label).sum()) for label in LABELS}
        units = sum(counts.values())
        found.append(
            dict(
                network=network,
                layer=layer,
                units=units,
                missing=len(rows) - units,
                counts=counts,
            )
        )
    return found


def layer_rows(units):
    """Rows of layers.csv: how many units of each layer have each kind of invariance.

    Parameters
    ----------
    units : pandas.DataFrame
        units.csv. Model cells are passed over.

    Returns
    -------
    pandas.DataFrame
        `units` have a label, `missing` lack one. Each kind has its count, its share with the limits
        of the Wilson interval; `label_agreement` is the mean over units.
    """
    found = []
    for (network, layer), rows in real_layers(units):
        known = rows[rows.label != ""]
        row = dict(network=network, layer=layer, rf=rows.rf.iloc[0], units=len(known))
        row["missing"] = len(rows) - len(known)
        for kind, bearing in KINDS.items():
            count = int(known.label.isin(bearing).sum())
            row[kind] = count
            row |= {f"{kind}_{name}": value for name, value in _share(count, len(known)).items()}
        found.append(row | dict(label_agreement=known.label_agreement.mean()))
    columns = ["network", "layer", "rf", "units", "missing"]
    columns += [f"{kind}{part}" for kind in KINDS for part in ("", "_share", "_low", "_high")]
    # Named, so that a study of model cells alone has a table, too.
    return pd.DataFrame(found, columns=[*columns, "label_agreement"])


def _share(count, units):
    """Share of units, and the limits of its Wilson interval; NaN of no units."""
    if not units:
        return dict.fromkeys(["share", "low", "high"], np.nan)
    interval = stats.binomtest(count, units).proportion_ci(CONFIDENCE, "wilson")
    return dict(share=count / units, low=interval.low, high=interval.high)


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
        One per layer: 'network', 'layer', 'units' (with an index), 'missing' (without) and
        'below',
        dicts with 'border', 'count', 'share' and the limits 'low' and 'high' of its Wilson
        interval.
    """
    found = []
    for (network, layer), rows in real_layers(table):
        known = rows.f1_f0.dropna()
        below = []
        for border in borders if len(known) else ():
            count = int((known < border).sum())
            below.append(dict(border=border, count=count, **_share(count, len(known))))
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
