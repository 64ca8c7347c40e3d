"""Layers: the share of phase-invariant and of warp-invariant units by receptive field."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.ticker import NullLocator, PercentFormatter

from ..labels import KINDS
from . import style

APART = 1.012  # factor between receptive fields at which networks are drawn, so that none hide


def draw(layers, colours, untrained):
    """One panel per kind of invariance, one line per network, with Wilson intervals.

    Parameters
    ----------
    layers : pandas.DataFrame
        layers.csv.
    colours : dict of str to colour
        By network.
    untrained : collection of str
        Networks with random weights, drawn dashed.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(
        1, len(KINDS), figsize=(style.WIDTH, 3), sharex=True, sharey=True, layout="constrained"
    )
    shown = layers[layers.units > 0]
    for ax, kind in zip(axes, KINDS, strict=True):
        for place, (network, rows) in enumerate(shown.groupby("network", sort=False)):
            rows = rows.sort_values("rf")
            share = rows[f"{kind}_share"]
            # Rounding can leave a limit just beyond the share itself.
            ends = np.maximum([share - rows[f"{kind}_low"], rows[f"{kind}_high"] - share], 0)
            ax.errorbar(
                rows.rf * APART ** (place - shown.network.nunique() / 2),
                share,
                ends,
                label=network,
                color=colours[network],
                ls="--" if network in untrained else "-",
                marker="o",
                mfc="white" if network in untrained else colours[network],
                ms=4,
                lw=1,
                elinewidth=0.7,
                clip_on=False,
            )
        ax.set_title(f"{kind.replace('_', '-')} units")
        ax.set(xscale="log", xlabel="receptive field (pixels)", ylim=(0, 1))
        if len(shown):
            ax.set_xlim(shown.rf.min() / 1.2, shown.rf.max() * 1.2)
        fields = _apart(sorted(set(shown.rf)))
        ax.set_xticks(fields, fields)
        ax.xaxis.set_minor_locator(NullLocator())
        sns.despine(ax=ax)
    axes[0].set_ylabel("share of the layer's units")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    style.legend(figure, *axes[0].get_legend_handles_labels())
    return figure


def _apart(fields, least=1.2):
    """Those receptive fields, smallest first, that lie far enough apart for their numbers."""
    chosen = []
    for rf in fields:
        if not chosen or rf >= least * chosen[-1]:
            chosen.append(rf)
    return chosen
