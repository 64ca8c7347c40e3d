"""Network comparison: corresponding layers side by side, index by index, before their controls."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import Patch
from matplotlib.ticker import LogFormatter

from ..comparison import LEVEL, SIDES, between, measured
from . import style

PANELS = {
    "f1_f0": "F1/F0",
    "texture_mean": "texture, mean\nover crops / a_max",
    "warp_gain": "variance explained by\nwarps beyond affine",
    "retention_above_controls": "response kept along own\nwarps, above controls",
    "relative_stability": "relative\nstability R",
}
LOGARITHMIC = {"relative_stability"}
SINGLE = 64  # units; of as many or fewer each is shown
REACH = 0.4  # of a half violin, where pairs of layers lie 1 apart


def draw(units, rows, comparisons):
    """One column per pair of corresponding layers, one row per index, for each pair of networks.

    Parameters
    ----------
    units : pandas.DataFrame
        units.csv.
    rows : pandas.DataFrame
        comparison.csv.
    comparisons : list of dict
        From `config.comparisons`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units = measured(units[units.truth == ""])
    palette = style.colours(units)
    figure = plt.figure(
        figsize=(style.WIDTH, (1.25 * len(PANELS) + 0.8) * len(comparisons)), layout="constrained"
    )
    parts = np.atleast_1d(figure.subfigures(len(comparisons), 1))
    for part, comparison in zip(parts, comparisons, strict=True):
        names = comparison["networks"]
        own = between(rows, names)
        axes = part.subplots(len(PANELS), 1, sharex=True)
        for ax, (index, label) in zip(axes, PANELS.items(), strict=True):
            _panel(ax, units, own[own["index"] == index], comparison, index, palette)
            ax.set_ylabel(label, fontsize=7)
        matched = own.drop_duplicates(["layer_1", "layer_2"]).itertuples()
        ticks = [f"{row.layer_1} {row.rf_1} px\n{row.layer_2} {row.rf_2} px" for row in matched]
        axes[-1].set_xticks(range(len(ticks)), ticks)
        part.align_ylabels(axes)
        _legend(part, comparison, palette)
    return figure


def _panel(ax, units, rows, comparison, index, palette):
    """Half violins of both networks for each pair of layers, effects above, controls behind."""
    shown = []
    for at, row in enumerate(rows.itertuples()):
        layers = row.layer_1, row.layer_2
        for side, network, layer, controls in zip(
            SIDES, comparison["networks"], layers, comparison["controls"], strict=True
        ):
            here = units[units.layer == layer]
            _control(ax, at, side, here[here.network.isin(controls)][index].dropna())
            values = here[here.network == network][index].dropna()
            shown.append(pd.DataFrame(dict(at=at, side=side, value=values)))
        effect = f"{row.effect:+.2f} [{row.effect_low:+.2f}, {row.effect_high:+.2f}]"
        ax.annotate(
            effect if np.isfinite(row.effect) else "too few units",
            (at, 1),
            (0, 1),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=6,
            weight="bold" if row.p_corrected < LEVEL else "normal",
        )
    colours = dict(zip(SIDES, (palette[name] for name in comparison["networks"]), strict=True))
    _halves(ax, pd.concat(shown, ignore_index=True), colours, index in LOGARITHMIC)
    ax.set(xlim=(-0.5, len(rows) - 0.5), xlabel="")
    ax.tick_params(axis="x", length=0)
    sns.despine(ax=ax, bottom=True)


def _sign(side):
    return -1 if side == SIDES[0] else 1


def _control(ax, at, side, values):
    """The middle half of the control's units as a shade, their median as a line."""
    if not len(values):
        return
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    ends = sorted([at, at + 1.1 * _sign(side) * REACH])
    ax.fill_between(ends, low, high, color="0.85", lw=0, zorder=0)
    ax.hlines(median, *ends, color="0.55", lw=1, zorder=0.5)


def _halves(ax, shown, colours, logarithmic):
    """Half violins, their medians, and the units themselves where they are few."""
    if not len(shown):
        return
    sns.violinplot(
        shown,
        x="at",
        y="value",
        hue="side",
        hue_order=SIDES,
        palette=colours,
        split=True,
        native_scale=True,
        log_scale=(False, logarithmic),
        density_norm="width",
        cut=0,
        inner=None,
        width=2 * REACH,
        linewidth=0.5,
        alpha=0.5,
        legend=False,
        ax=ax,
    )
    for (at, side), rows in shown.groupby(["at", "side"]):
        sign, mark = _sign(side), dict(color=colours[side], zorder=3)
        if len(rows) <= SINGLE:
            ax.plot(np.full(len(rows), at + 0.02 * sign), rows.value, "_", ms=3, mew=0.5, **mark)
        ax.plot(at + 0.07 * sign, rows.value.median(), "o", ms=4, mec="white", mew=0.7, **mark)
    if logarithmic:
        ax.yaxis.set_major_formatter(LogFormatter())
        ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.4)))


def _legend(part, comparison, palette):
    first, second = comparison["networks"]
    handles = [
        Patch(color=palette[first], alpha=0.6, label=f"{first} (left, upper name)"),
        Patch(color=palette[second], alpha=0.6, label=f"{second} (right, lower)"),
    ]
    if any(comparison["controls"]):
        label = "random weights: middle half of units, median"
        handles.append(Patch(color="0.85", label=label))
    part.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
