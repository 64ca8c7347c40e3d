"""How diverse each method's stimuli are beside diverse sets of the same mean response."""

import numpy as np
import pandas as pd
from scipy import stats

from .baselines_dataset import MATCHED, YARDSTICKS
from .seeds import generator
from .tables import KEYS, corrected

CONFIDENCE = 0.95
# Mean and least response of a set, over a_max: the mean can hold where single stimuli do not.
ACTIVATION = "activation_ratio", "least_activation"
SIDES = [f"{side}{name}" for name in ACTIVATION for side in ("", "diverse_")]
LEVEL = 0.05  # of the corrected p below which a difference counts as found
RESAMPLES = 9999


def diversity_rows(block):
    """Rows of diversity.csv for the units of one block.

    Parameters
    ----------
    block : xarray.Dataset
        As the stage leaves it.

    Returns
    -------
    pandas.DataFrame
        One row per unit and method; `diverse_...` is of the diverse set of the same mean response.
        All is missing of a unit that never responds: what it ends with means nothing.
    """
    block = block.where(block.a_max > 0)
    responses = block.response / block.a_max
    mean, least = responses.mean("image"), responses.min("image")
    block = block.assign(activation_ratio=mean, least_activation=least)
    rows = []
    for method, diverse in MATCHED.items():
        row = {name: block.attrs[name] for name in KEYS[:2]}
        row |= dict(channel=block.unit.values, method=method)
        for name in (*ACTIVATION, *YARDSTICKS):
            row[name] = block[name].sel(condition=method).values
            row[f"diverse_{name}"] = block[name].sel(condition=diverse).values
        rows.append(pd.DataFrame(row))
    return pd.concat(rows)


def method_rows(rows, measures):
    """Rows of diversity_methods.csv: each method against diverse sets, over the units of a layer.

    Parameters
    ----------
    rows : pandas.DataFrame
        diversity.csv.
    measures : dict of (network, layer) to sequence of str
        Units of measure of the `YARDSTICKS`.

    Returns
    -------
    pandas.DataFrame
        `units` respond, `silent` ones never do. `ratio` is the median over units of the diverse
        set's measure over the method's, with its bootstrap interval; `more` the share of units
        whose diverse set is the more diverse; `p` that of Wilcoxon's signed-rank test of the log
        ratios, corrected over the table.
    """
    found = []
    for (network, layer, method), group in rows.groupby([*KEYS[:2], "method"], sort=False):
        group, silent = group.dropna(), int(group.isna().any(axis=1).sum())
        for name, measure in zip(YARDSTICKS, measures[network, layer], strict=True):
            # Stimuli that coincide are told apart by rounding alone.
            own, diverse = (group[key].clip(lower=1e-9) for key in (name, f"diverse_{name}"))
            log = np.log(diverse / own).to_numpy()
            low, high = _median_interval(log, network, layer, method, name)
            found.append(
                {
                    **dict(network=network, layer=layer, method=method, yardstick=name),
                    **dict(measure=measure, units=len(group), silent=silent),
                    **group[SIDES].median(),
                    **dict(median=own.median(), diverse_median=diverse.median()),
                    **dict(ratio=np.exp(pd.Series(log).median()), ratio_low=low, ratio_high=high),
                    "more": pd.Series(log > 0).mean(),
                    "p": _wilcoxon(log),
                }
            )
    table = pd.DataFrame(found)
    return table.assign(p_corrected=corrected(table.p))


def findings(methods):
    """What each method's rows say of it: by which yardsticks it or the diverse set is ahead.

    Parameters
    ----------
    methods : pandas.DataFrame
        diversity_methods.csv.

    Returns
    -------
    list of dict
        One per layer and method: its 'network', 'layer', 'method', 'units', 'silent' and `SIDES`,
        and the rows of the yardsticks by which the 'diverse' set is the more diverse, by
        which the 'other' method is, and by which the test tells 'neither' (corrected p of `LEVEL`
        or more).
    """
    found = []
    for key, rows in methods.groupby([*KEYS[:2], "method"], sort=False):
        ahead = {"diverse": [], "other": [], "neither": []}
        for row in rows.to_dict("records"):
            tells = row["p_corrected"] < LEVEL
            ahead["neither" if not tells else "diverse" if row["ratio"] > 1 else "other"].append(
                row
            )
        found.append(
            dict(zip([*KEYS[:2], "method"], key, strict=True))
            | rows.iloc[0][["units", "silent", *SIDES]].to_dict()
            | ahead
        )
    return found


def _wilcoxon(log):
    """P of the signed-rank test that log ratios lie about 0; NaN of no units."""
    if not len(log):
        return np.nan
    return stats.wilcoxon(log).pvalue if log.any() else 1.0


def _median_interval(log, *names):
    """Limits of the bootstrap interval of a median ratio; NaN of a single unit."""
    if len(log) < 2:
        return np.nan, np.nan
    interval = stats.bootstrap(
        (log,),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        confidence_level=CONFIDENCE,
        rng=generator("diversity", *names),
    ).confidence_interval
    return np.exp(interval.low), np.exp(interval.high)
