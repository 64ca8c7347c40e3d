"""How diverse each method's stimuli are beside diverse sets of the same mean response."""

import numpy as np
import pandas as pd
from scipy import stats

from .baselines_dataset import MATCHED, YARDSTICKS
from .seeds import generator
from .tables import KEYS, corrected

CONFIDENCE = 0.95
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
        One row per unit that responds at all and method; `diverse_...` is of the diverse set of
        the same mean response.
    """
    block = block.sel(unit=block.a_max > 0)
    block = block.assign(activation_ratio=block.response.mean("image") / block.a_max)
    rows = []
    for method, diverse in MATCHED.items():
        row = {name: block.attrs[name] for name in KEYS[:2]}
        row |= dict(channel=block.unit.values, method=method)
        for name in ("activation_ratio", *YARDSTICKS):
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
        `ratio` is the median over units of the diverse set's measure over the method's, with its
        bootstrap interval; `more` the share of units whose diverse set is the more diverse; `p`
        that of Wilcoxon's signed-rank test of the log ratios, corrected over the table.
    """
    found = []
    for (network, layer, method), group in rows.groupby([*KEYS[:2], "method"], sort=False):
        for name, measure in zip(YARDSTICKS, measures[network, layer], strict=True):
            # Stimuli that coincide are told apart by rounding alone.
            own, diverse = (group[key].clip(lower=1e-9) for key in (name, f"diverse_{name}"))
            log = np.log(diverse / own).to_numpy()
            low, high = _median_interval(log, network, layer, method, name)
            found.append(
                {
                    **dict(network=network, layer=layer, method=method, yardstick=name),
                    **dict(measure=measure, units=len(group)),
                    "activation_ratio": group.activation_ratio.median(),
                    "diverse_activation_ratio": group.diverse_activation_ratio.median(),
                    **dict(median=own.median(), diverse_median=diverse.median()),
                    **dict(ratio=np.exp(np.median(log)), ratio_low=low, ratio_high=high),
                    "more": (log > 0).mean(),
                    "p": stats.wilcoxon(log).pvalue if log.any() else 1.0,
                }
            )
    table = pd.DataFrame(found)
    return table.assign(p_corrected=corrected(table.p))


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
