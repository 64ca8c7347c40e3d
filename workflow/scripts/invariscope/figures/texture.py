"""Texture: the texture ratio against the Fourier index, one dot a unit."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from . import style

MARKERS = "osD^vPX*<>"


def draw(table):
    """Mean response over crops against F1/F0; model cells by name.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    known = table.dropna(subset=["f1_f0", "texture_mean"])
    cells, units = known[known.truth != ""], known[known.truth == ""]
    figure, ax = plt.subplots(figsize=(style.WIDTH * 0.75, 3.9), layout="constrained")
    colours = style.colours(units.network)
    seen = {}
    for (network, layer), rows in units.groupby(["network", "layer"], sort=False):
        marker = MARKERS[seen.setdefault(network, 0) % len(MARKERS)]
        seen[network] += 1
        ax.scatter(
            rows.f1_f0,
            rows.texture_mean,
            s=14,
            color=colours[network],
            marker=marker,
            edgecolor="white",
            linewidth=0.3,
            label=f"{network} {layer} ({len(rows)})",
        )
    ax.set(xlim=(-0.05, 2), xlabel="F1/F0 of the best stimuli")
    style.mark_cells(ax, cells.truth, cells.f1_f0.values, cells.texture_mean.values)
    ax.axvline(1, color="0.3", ls="--", lw=0.8, zorder=0)
    ax.axvline(np.pi / 2, color="0.3", ls=":", lw=0.8, zorder=0)
    ax.set_ylim(min(0, ax.get_ylim()[0]), 1.03)
    ax.set_ylabel("mean response over the texture's crops / a_max")
    if missing := len(table) - len(known):
        ax.text(
            1,
            1.01,
            f"{missing} of {len(table)} units without both indices",
            transform=ax.transAxes,
            ha="right",
        )
    if len(units):
        figure.legend(loc="outside right upper", frameon=False, title="layers (units)")
    sns.despine(ax=ax)
    return figure
