"""Baselines of diversity: what other ways of showing a unit show, at equal activation.

Each method is held against a diverse set of the same mean response, unit by unit. Random restarts
are moved back towards their starts until they respond as the diverse set does; Gram diversity is
bound to do so; to natural patches, which drive units little, the diverse set is brought down. None
is judged by what it optimises alone: all are measured by the least distance of features (which
diverse sets optimise), the least distance of pixels (which none does), and the mean distance of
Gram matrices (which Gram diversity does).
"""

import numpy as np
import pandas as pd
import torch
import xarray as xr
from scipy import stats

from .objective import gram_distances, pairwise_distances
from .seeds import generator
from .spectrum import length
from .tables import KEYS, corrected

# Each method, and the diverse set of the same mean response.
MATCHED = {"restarts": "diverse", "gram": "diverse", "patches": "diverse_as_patches"}
YARDSTICKS = "feature_distance", "pixel_distance", "gram_distance"
CONFIDENCE = 0.95
RESAMPLES = 9999
BISECTIONS = 20  # to a millionth of the way


def moved_back(observe, stimuli, starts, norm, target):
    """Stimuli moved back towards their starts until each unit's mean response falls to `target`.

    All stimuli of a unit go the same part of the way, found by bisection.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    stimuli, starts : torch.Tensor, (unit, image, channel, y, x)
        The length of the starts does not matter.
    norm : float
        L2 norm of every stimulus.
    target : torch.Tensor, (unit,)

    Returns
    -------
    torch.Tensor, (unit, image, channel, y, x)
        At the norm. As given for a unit whose stimuli respond less than `target` on average.
    """
    units = torch.arange(len(stimuli), device=stimuli.device)
    starts = starts * norm / length(starts)

    def moved(part):
        between = torch.lerp(stimuli, starts, part[:, None, None, None, None])
        return norm * between / length(between)

    low, high = torch.zeros_like(target), torch.ones_like(target)
    with torch.inference_mode():
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            enough = observe(moved(middle), units)[0].mean(1) >= target
            low, high = torch.where(enough, middle, low), torch.where(enough, high, middle)
        return moved(low)


def yardsticks(stimuli, features, channels):
    """How diverse each unit's stimuli are.

    Parameters
    ----------
    stimuli : torch.Tensor, (unit, image, channel, y, x)
    features : torch.Tensor, (unit, image, feature)
    channels : int
        Of the features.

    Returns
    -------
    dict of str to numpy.ndarray, (unit,)
        By `YARDSTICKS`: least root-mean-square difference of features and of pixels, and mean
        distance of Gram matrices. Larger is more diverse.
    """
    # In double precision: distances of nearly equal stimuli are lost to rounding otherwise.
    pixels, features = stimuli.flatten(2).double(), features.double()
    found = (
        pairwise_distances(features).amin(1),
        pairwise_distances(pixels).amin(1),
        gram_distances(features, channels).mean(1),
    )
    return dict(zip(YARDSTICKS, (each.cpu().numpy() for each in found), strict=True))


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

    measures = dict(zip(YARDSTICKS, measures_of(stimuli), strict=True))
    each = ("condition", "unit")
    return xr.Dataset(
        {
            "stimulus": ((*each, *stimuli.stimulus.dims[2:]), stack("stimulus")),
            "response": ((*each, "image"), stack("response"), stimuli.response.attrs),
            "a_max": stimuli.a_max,
            **{name: (each, stack(name), {"units": unit}) for name, unit in measures.items()},
        },
        {"condition": list(found), "unit": stimuli.unit, "channel": stimuli.channel},
        attributes,
    )


def measures_of(stimuli):
    """Units of measure of the `YARDSTICKS`."""
    return stimuli.distance.attrs["units"], "8-bit grey levels", "1 less the cosine"


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
