"""Warp examples: the most and the least warp-invariant unit of each layer."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..curves import path_curve
from ..example_warp import example, grid_lines
from . import style

PATHS = {
    "own warps": dict(color="C0", lw=1.3),
    "controls, same change": dict(color="C1", lw=1.3, ls="--"),
    "controls, same displacement": dict(color="C1", lw=0.8, ls="-."),
    "pixel blend": dict(color="0.55", lw=1.1, ls=":"),
}
TITLES = "source", "target", "warped source", "residual", "where it looks"
LINES = 9  # of the deformation grid, each way


def draw(units):
    """One row per unit: a typical pair and its warp, and the response along all pairs' paths.

    Parameters
    ----------
    units : list of (str, xarray.DataArray, xarray.Dataset)
        A title, the unit's diverse stimuli (image, channel, y, x), and its part of a warp file.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = max(len(units), 1)
    figure = plt.figure(figsize=(style.WIDTH, 1.02 * rows + 0.95))
    if not units:
        figure.text(0.5, 0.5, "No unit has a path along warps.", ha="center")
        return figure
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        rows,
        len(TITLES) + 2,
        width_ratios=[1] * len(TITLES) + [0.42, 1.75],
        left=0.14,
        right=0.985,
        top=1 - 0.5 / height,
        bottom=0.45 / height,
        wspace=0.06,
        hspace=0.42,
    )
    for row, (title, stimuli, unit) in enumerate(units):
        for column, (name, panel) in enumerate(zip(TITLES, _panels(stimuli, unit), strict=True)):
            ax = figure.add_subplot(grid[row, column])
            panel(ax)
            if row == 0:
                ax.set_title(name, fontsize=7, pad=2)
            if column == 0:
                ax.set_ylabel(
                    title, fontsize=6.5, rotation=0, ha="right", va="center", linespacing=1.3
                )
        ax = figure.add_subplot(grid[row, -1])
        _responses(ax, unit, row == rows - 1)
    figure.legend(
        *ax.get_legend_handles_labels(),
        loc="upper right",
        bbox_to_anchor=(0.995, 1 - 0.02 / height),
        ncols=2,
        frameon=False,
        fontsize=6,
        columnspacing=0.8,
        borderpad=0,
    )
    return figure


def _panels(stimuli, unit):
    """What draws each picture of a row."""
    pair = int(unit.example)
    ends = (unit[f"{end}_image"].values[[pair]] for end in ("source", "target"))
    pictures = example(stimuli.values[None], *ends, unit.warped.values[None])
    source, target, warped, residual = pictures[0]
    explained = unit.explained.isel(pair=pair)
    affine, free = (float(explained.sel(family=name)) for name in ("affine", "warp"))

    def picture(image, words=""):
        def panel(ax):
            style.show(ax, style.visible(image))
            ax.set_xlabel(words, fontsize=5.5, labelpad=1)

        return panel

    return (
        picture(source),
        picture(target),
        picture(warped, f"explains {free:.0%}, affine {affine:.0%}"),
        picture(residual, "contrast turned" if bool(unit.turned[pair]) else ""),
        lambda ax: _grid(ax, source, unit.displacement.values[pair], float(unit.jacobian[pair])),
    )


def _grid(ax, source, displacement, least):
    """Where the straight grid of the warped stimulus lies in the source."""
    side = source.shape[-1]
    style.show(ax, 0.5 + 0.5 * style.visible(source))
    for line in grid_lines(displacement, LINES):
        ax.plot(*line.T, color="k", lw=0.5)
    ax.set(xlim=(-0.5, side - 0.5), ylim=(side - 0.5, -0.5))
    ax.set_xlabel(f"least Jacobian {least:.2f}", fontsize=5.5, labelpad=1)


def _responses(ax, unit, last):
    """Response along the paths of all pairs, in percent of that at their start."""
    paths = (
        unit.own_response,
        unit.control_response.sel(match="change"),
        unit.control_response.sel(match="displacement"),
        unit.blend_response,
    )
    for (label, line), responses in zip(PATHS.items(), paths, strict=True):
        (curve,) = path_curve(responses.values[None], np.atleast_1d(unit.blank.values))
        ax.plot(np.linspace(0, 1, len(curve)), 100 * curve, label=label, **line)
    ax.set(xlim=(0, 1), ylim=(0, 125), xticks=[0, 0.5, 1], yticks=[0, 50, 100])
    ax.tick_params(labelsize=6, length=2, pad=1, labelbottom=last)
    own, control = (
        float(unit.path_retention),
        float(unit.control_retention.sel(match="change")),
    )
    ax.set_title(f"mean {own:.0%}, controls {control:.0%}", fontsize=6, pad=2)
    if last:
        ax.set_xlabel("place along the path", fontsize=6, labelpad=1)
    ax.set_ylabel("response (%)", fontsize=6, labelpad=1)
    sns.despine(ax=ax)
