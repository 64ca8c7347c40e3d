"""Warp population: gain against null, path against controls, and relative stability by layer."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.ticker import LogFormatter

from ..labels import ALPHA, CLEAR, RETAINED
from ..tables import SIZE
from . import style

R, LOW, HIGH = (
    f"{name}_{SIZE:g}" for name in ("relative_stability", "stability_low", "stability_high")
)


def draw(table):
    """Two scatters and one row of relative stability per layer; model cells by name.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv joined with warp.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    units = table[table.truth == ""]
    marks = style.points(units)
    heights = _heights(table)
    lower = 0.5 + 0.28 * sum(heights.values())
    upper = 3.1 + style.legend_height(style.layer_names(units).values())
    figure = plt.figure(figsize=(style.WIDTH, upper + lower), layout="constrained")
    top, bottom = figure.subfigures(2, 1, height_ratios=[upper, lower])
    left, right = top.subplots(1, 2)
    _scatter(left, table, marks, "null_gain", "warp_gain", table.warp_p < ALPHA)
    left.set_xlabel("variance gained over affine maps\nbetween stimuli of different units")
    left.set_ylabel("between the unit's own")
    clear = table.path_retention - table.control_retention >= CLEAR
    kept = table.path_retention >= RETAINED
    _scatter(right, table, marks, "control_retention", "path_retention", clear & kept)
    right.axhline(RETAINED, color="0.3", lw=0.8, ls=":", zorder=0)
    low, high = right.get_xlim()
    right.plot([low, high], [low + CLEAR, high + CLEAR], color="0.3", lw=0.8, ls=":", zorder=0)
    right.set_xlabel("response kept along control warps")
    right.set_ylabel("along the unit's own")
    _stability(bottom.subplots(), table, marks, heights)
    style.legend(top, *left.get_legend_handles_labels())
    return figure


def _scatter(ax, table, marks, x, y, filled):
    """One index against another, hollow where `filled` does not hold; the diagonal dashed."""
    known = table.dropna(subset=[x, y])
    if len(known):
        low = min(known[x].min(), known[y].min()) - 0.02
        high = max(known[x].max(), known[y].max()) + 0.04
        ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        ax.plot([low, high], [low, high], color="0.3", lw=0.8, ls="--", zorder=0)
    units, cells = known[known.truth == ""], known[known.truth != ""]
    for key, rows in units.groupby(["network", "layer"], sort=False):
        style.scatter(ax, rows[x], rows[y], filled[rows.index], marks[key])
        ax.scatter([], [], label=f"{' '.join(key)} ({len(rows)})", **marks[key])
    style.mark_cells(ax, cells.truth, cells[x].values, cells[y].values)
    if missing := len(table) - len(known):
        ax.set_title(f"{missing} of {len(table)} units lack an index", fontsize=7)
    sns.despine(ax=ax)


def _heights(table):
    """Height that each layer takes up in the lower panel: model cells each get a line."""
    layers = table.groupby(["network", "layer"], sort=False)
    return {key: max(1, 0.55 * (rows.truth != "").sum()) for key, rows in layers}


def _stability(ax, table, marks, heights):
    """R of every unit with its interval, one row per layer; model cells by name."""
    bottom, ticks = 0, {}
    for key, height in reversed(heights.items()):
        rows = table[(table.network == key[0]) & (table.layer == key[1])]
        known = rows.dropna(subset=R).sort_values(R)
        margin = height / (2 * max(len(known), 1)) if len(known) < 10 else 0.2
        at = bottom + np.linspace(margin, height - margin, len(known))
        ticks[" ".join(key)] = bottom + height / 2
        bottom += height
        colour = marks[key]["color"][0] if key in marks else "k"
        ax.hlines(at, known[LOW], known[HIGH], color=colour, lw=0.8)
        ax.plot(known[R], at, ".", ms=3, color=colour)
        for truth, x, y in zip(known.truth, known[LOW], at, strict=True):
            ax.annotate(
                style.cell_name(truth),
                (x, y),
                (-3, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=6,
            )
    ax.set_yticks(list(ticks.values()), list(ticks))
    ax.set(xscale="log", ylim=(0, bottom))
    for axis in (ax.xaxis.set_major_formatter, ax.xaxis.set_minor_formatter):
        axis(LogFormatter(minor_thresholds=(1, 0.4)))
    ax.axvline(1, color="0.3", lw=0.8, ls="--", zorder=0)
    ax.set_xlabel(
        "relative stability R: change of the response under random warps "
        f"of {SIZE:g} pixel / under noise"
    )
    sns.despine(ax=ax)
