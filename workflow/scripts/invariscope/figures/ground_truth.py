"""Ground truth: whether each model cell's known invariance shows in its diverse set."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..cells import ground_truth, phases, winners
from . import style

NAMES = {
    "simple": "simple",
    "complex": "complex",
    "orientation_invariant": "orientation\ninvariant",
    "polarity_invariant": "polarity\ninvariant",
    "shift_invariant": "shift\ninvariant",
    "warp_invariant": "warp\ninvariant",
    "linear": "linear",
}


def draw(stimuli):
    """One row per cell: a template, the diverse set, and where it lies along the invariance.

    Parameters
    ----------
    stimuli : xarray.Dataset
        Of the layer of model cells; `truth` names each unit's class.

    Returns
    -------
    matplotlib.figure.Figure
    """
    cells = {cell.truth: cell for cell in ground_truth()}
    rows, images = stimuli.sizes["unit"], stimuli.sizes["image"]
    figure = plt.figure(figsize=(style.WIDTH, 0.98 * rows + 0.5))
    grid = figure.add_gridspec(
        rows,
        images + 4,
        width_ratios=[1, 0.15] + [1] * images + [0.5, 2.1],
        left=0.11,
        right=0.98,
        top=1 - 0.28 / figure.get_figheight(),
        bottom=0.42 / figure.get_figheight(),
        wspace=0.08,
        hspace=0.62,
    )
    for row, unit in enumerate(stimuli.unit.values):
        chosen = stimuli.sel(unit=unit)
        cell = cells[str(chosen.truth.values)]
        ax = figure.add_subplot(grid[row, 0])
        template = cell.templates[0]
        style.show(ax, style.visible(template / np.abs(template).max() * 110))
        ax.set_ylabel(NAMES[cell.truth], rotation=0, ha="right", va="center")
        if row == 0:
            ax.set_title("template", fontsize=7)
        for image in range(images):
            ax = figure.add_subplot(grid[row, 2 + image])
            diverse = chosen.sel(condition="diverse")
            style.show(ax, style.visible(diverse.stimulus[image]))
            ax.set_xlabel(
                f"{float(diverse.response[image] / chosen.a_max):.0%}", fontsize=6, labelpad=1
            )
            if row == 0 and image == 0:
                ax.set_title("diverse set (response, % of a_max)", fontsize=7, loc="left")
        _place(figure.add_subplot(grid[row, -1]), cell, chosen, row == 0)
    return figure


def _place(ax, cell, chosen, first):
    """Where the stimuli of both conditions lie along what the cell is invariant to."""
    for height, condition in enumerate(reversed(style.CONDITIONS)):
        stimuli = chosen.sel(condition=condition).stimulus.values
        if len(cell.templates) <= 2:
            found = (phases(cell, stimuli) + 90) % 360 - 90  # both polarities away from the edges
        else:
            found = winners(cell, stimuli)
        if found.ndim == 1:
            found = np.stack([found, np.full(len(found), height)], 1)
            ax.set(ylim=(-0.6, 1.6), yticks=[])
        elif found.shape[1] == 2:
            found = found[:, ::-1]  # vertical first in arrays, horizontal first on axes
        ax.scatter(
            *found.T,
            s=14,
            alpha=0.85,
            linewidth=0,
            label=condition,
            **style.POINTS[condition],
        )
    ax.set_xlabel(cell.unit, fontsize=6, labelpad=1)
    if len(cell.templates) <= 2:
        ax.set(xlim=(-95, 275), xticks=[-90, 0, 90, 180, 270])
    elif cell.positions.shape[1] == 2:
        reach = np.abs(cell.positions).max()
        limits, ticks = np.array([-1.2, 1.2]) * reach, np.array([-1, 0, 1]) * reach
        ax.set(xlim=limits, ylim=limits[::-1], xticks=ticks, yticks=ticks)
        ax.set_ylabel("pixels", fontsize=6, labelpad=0)
    elif "degrees" in cell.unit:
        ax.set(xlim=(-5, 180), xticks=[0, 45, 90, 135, 180])
    else:
        ax.set_xlim(cell.positions.min() - 3, cell.positions.max() + 3)
    ax.tick_params(labelsize=6, length=2, pad=1)
    if first:
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1.05, 0.98),
            ncols=2,
            frameon=False,
            handletextpad=0,
            fontsize=6,
        )
    sns.despine(ax=ax, left=cell.positions.shape[1] == 1)
