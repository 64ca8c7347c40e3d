"""Diversity methods: what each way of showing a unit shows, at equal activation."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.ticker import FuncFormatter, NullLocator

from ..baselines_dataset import MATCHED, YARDSTICKS
from . import style

METHODS = {"restarts": "random\nrestarts", "gram": "Gram\ndiversity", "patches": "natural\npatches"}
SHOWN = {
    "diverse": "diverse set",
    **METHODS,
    MATCHED["patches"]: "diverse set,\nas patches",
}
NAMES = {
    "feature_distance": "least distance of features",
    "pixel_distance": "least distance of pixels",
    "gram_distance": "mean distance of Gram matrices",
}


def example_units(rows):
    """Channels of the units at the quartiles of the gain in feature distance over restarts.

    Parameters
    ----------
    rows : pandas.DataFrame
        diversity.csv, of one layer.

    Returns
    -------
    list of int
        The lower quartile's unit first; one unit where there is only one, none where none responds.
    """
    own = rows[rows.method == "restarts"].dropna().set_index("channel")
    gain = (own.diverse_feature_distance / own.feature_distance).sort_values(kind="stable")
    places = {(len(gain) - 1) // 4, (3 * len(gain) - 1) // 4} if len(gain) else ()
    return [int(gain.index[place]) for place in sorted(places)]


def draw(examples, units, methods):
    """Example units above, one row per method; below, ratios of diversity over all units.

    Parameters
    ----------
    examples : list of (str, xarray.Dataset)
        A title, and one unit's part of the baselines file.
    units, methods : pandas.DataFrame
        diversity.csv and diversity_methods.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not examples:
        figure = plt.figure(figsize=(style.WIDTH, 1))
        figure.text(0.5, 0.5, "No unit ever responds.", ha="center")
        return figure
    images = examples[0][1].sizes["image"]
    down = -(-len(examples) // 2)
    cell = (style.WIDTH / 2 - 0.75) / images
    heights = [down * (len(SHOWN) * (cell + 0.16) + 0.35), 2.6]
    figure = plt.figure(figsize=(style.WIDTH, sum(heights)), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=heights)
    parts = top.subfigures(down, 2, squeeze=False).ravel()
    for part, (title, unit) in zip(parts, examples, strict=False):
        _pictures(part, title, unit)
    _ratios(bottom, units, methods)
    return figure


def _pictures(part, title, unit):
    """Stimuli of one unit, one row per method, the response below each."""
    axes = part.subplots(len(SHOWN), unit.sizes["image"], squeeze=False)
    part.suptitle(title, fontsize=8, weight="bold")
    for row, (condition, name) in zip(axes, SHOWN.items(), strict=True):
        chosen = unit.sel(condition=condition)
        for ax, stimulus, response in zip(row, chosen.stimulus, chosen.response, strict=True):
            style.show(ax, style.visible(stimulus))
            ax.set_xlabel(f"{float(response) / float(unit.a_max):.0%}", fontsize=5.5, labelpad=1)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=6.5)


def _ratios(part, units, methods):
    """Diversity of the diverse set over the method's, for each unit; medians with intervals."""
    axes = part.subplots(1, len(YARDSTICKS), sharey=True)
    layers = list(units.groupby(["network", "layer"], sort=False))
    apart = 0.8 / len(layers)
    palette = sns.color_palette("colorblind", len(layers))
    axes[0].set_yscale("log")
    for ax, name in zip(axes, YARDSTICKS, strict=True):
        for place, ((key, rows), colour) in enumerate(zip(layers, palette, strict=True)):
            for at, method in enumerate(MATCHED):
                x = at + (place - (len(layers) - 1) / 2) * apart
                own = rows[rows.method == method]
                ratio = own[f"diverse_{name}"] / own[name]
                ax.plot(
                    np.full(len(ratio), x - 0.25 * apart), ratio, "_", ms=4, mew=0.5, color=colour
                )
                (summary,) = _of(methods, *key, method, name).itertuples()
                ends = [
                    [summary.ratio - summary.ratio_low],
                    [summary.ratio_high - summary.ratio],
                ]
                label = f"{' '.join(key)} ({summary.units})" if at == 0 else None
                mark = dict(fmt="o", ms=3, color=colour, lw=1, label=label)
                ax.errorbar([x + 0.1 * apart], [summary.ratio], np.maximum(ends, 0), **mark)
        ax.axhline(1, color="0.3", lw=0.8, ls="--", zorder=0)
        ax.set(xlim=(-0.5, len(MATCHED) - 0.5))
        ax.set_xticks(range(len(MATCHED)), [METHODS[method] for method in MATCHED])
        ax.set_title(NAMES[name], fontsize=7)
        sns.despine(ax=ax)
    low, high = axes[0].get_ylim()
    ticks = [tick for tick in (0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32) if low <= tick <= high]
    axes[0].set_yticks(ticks)
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axes[0].yaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("diverse set / method,\nat equal activation")
    style.legend(part, *axes[0].get_legend_handles_labels())


def _of(methods, network, layer, method, yardstick):
    """Row of diversity_methods.csv."""
    return methods[
        (methods.network == network)
        & (methods.layer == layer)
        & (methods.method == method)
        & (methods.yardstick == yardstick)
    ]
