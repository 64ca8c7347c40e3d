"""Phase population: distributions of F1/F0 and of mean over maximum, one row per layer."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..tuning import BORDER
from . import style

PANELS = {
    "f1_f0": ("F1/F0", (0, 2)),
    "phase_invariance": ("mean response over phases / maximum", (0, 1)),
}
BINS = 20


def draw(table):
    """Histograms of both indices over the units of each layer, model cells as ticks above.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    cells, units = table[table.truth != ""], table[table.truth == ""]
    layers = list(units.groupby(["network", "layer"], sort=False))
    marks = style.points(units)
    top = [1.7] * bool(len(cells))
    figure, axes = plt.subplots(
        len(layers) + len(top),
        2,
        figsize=(style.WIDTH, 0.75 * len(layers) + 1.3 * len(top) + 0.5),
        height_ratios=top + [1] * len(layers),
        sharex="col",
        squeeze=False,
        layout="constrained",
    )
    for column, (index, (label, limits)) in enumerate(PANELS.items()):
        if len(cells):
            _ticks(axes[0, column], cells, index)
        for ax, ((network, layer), rows) in zip(axes[len(top) :, column], layers, strict=True):
            _histogram(ax, rows[index].dropna(), limits, marks[network, layer]["color"])
            if column == 0:
                name = f"{network}\n{layer}\n{_count(rows[index])}"
                ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
        axes[-1, column].set_xlabel(label)
        axes[-1, column].set_xlim(limits)
    for ax in axes[:, 0]:
        style.mark_borders(ax)
    first = axes[0, 0]
    for x, text in ((BORDER, "classical border"), (np.pi / 2, "half-rectified, π/2")):
        first.annotate(
            text,
            (x, 1),
            (0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=6,
        )
    return figure


def _ticks(ax, cells, index):
    """Model cells on one line each of a ladder, so that equal values do not hide each other."""
    ranked = cells.dropna(subset=[index]).sort_values(index)
    for height, (_, cell) in enumerate(ranked.iterrows()):
        ax.plot(cell[index], height, "|", color="k", ms=6, mew=1.5, clip_on=False)
        right = cell[index] < np.mean(PANELS[index][1])
        ax.annotate(
            style.cell_name(cell.truth),
            (cell[index], height),
            (4 if right else -4, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=6,
            bbox=style.BEHIND,
        )
    ax.set(ylim=(-0.7, len(cells) - 0.3), yticks=[])
    if index == "f1_f0":
        missing = len(cells) - len(ranked)
        name = "model cells" + f"\n{missing} without index" * bool(missing)
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=7)
    sns.despine(ax=ax, left=True)


def _histogram(ax, values, limits, colour):
    bins = np.linspace(*limits, BINS + 1)
    # Rounding can leave an index just beyond what it can reach.
    ax.hist(np.clip(values, *limits), bins, color=colour, edgecolor="white", linewidth=0.4)
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=3)
    ax.tick_params(labelsize=6)
    sns.despine(ax=ax)


def _count(values):
    """How many units lie below the border, of how many; and how many have no index."""
    known = values.dropna()
    text = f"{(known < BORDER).sum()} of {len(known)} below {BORDER}"
    missing = len(values) - len(known)
    return text + f"\n{missing} without index" * bool(missing)
