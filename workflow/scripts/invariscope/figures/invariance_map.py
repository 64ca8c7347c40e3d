"""Invariance map: every unit placed by its phase invariance and its warp invariance."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.patches import ConnectionPatch

from ..labels import CLEAR
from . import style

CORNERS = {  # in the map: how far along each axis, 0 or 1
    "upper left": (0, 1),
    "upper right": (1, 1),
    "lower left": (0, 0),
    "lower right": (1, 0),
}
IMAGES = 4  # shown of each unit
MAP = 4.05  # inches, without the legend above


def place(table):
    """Where units lie: F1/F0, and response kept along own warps above that along controls.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv.

    Returns
    -------
    pandas.DataFrame
        With columns x and y, both NaN for units that lack either.
    """
    x, y = table.f1_f0, table.path_retention - table.control_retention
    known = x.notna() & y.notna()
    return table.assign(x=x.where(known), y=y.where(known))


def corners(placed):
    """The real unit nearest to each corner of all of them, none twice.

    Parameters
    ----------
    placed : pandas.DataFrame
        From `place`.

    Returns
    -------
    dict of str to index label
        By the names of `CORNERS`; fewer where there are not four units.
    """
    units = placed[placed.truth == ""].dropna(subset="x")
    spread = units[["x", "y"]] - units[["x", "y"]].min()
    scaled = (spread / spread.max().where(spread.max() > 0, 1)).to_numpy()
    chosen = {}
    for name, corner in CORNERS.items():
        ranked = units.index[np.argsort(((scaled - corner) ** 2).sum(1), kind="stable")]
        if len(left := [unit for unit in ranked if unit not in chosen.values()]):
            chosen[name] = left[0]
    return chosen


def draw(placed, pictures):
    """The map, with some diverse stimuli of the units nearest to its corners beside it.

    Parameters
    ----------
    placed : pandas.DataFrame
        From `place`.
    pictures : dict of str to (index label, numpy.ndarray (image, channel, y, x))
        By the names of `CORNERS`.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = style.layer_names(placed[placed.truth == ""])
    height = MAP + style.legend_height(names.values())
    figure = plt.figure(figsize=(style.WIDTH, height))
    ax = figure.add_axes([0.325, 0.5 / height, 0.4, 3.1 / height])
    ax.patch.set_visible(False)  # lines to the thumbnails run below the marks
    marks = style.points(placed[placed.truth == ""])
    known = placed.dropna(subset="x")
    units, cells = known[known.truth == ""], known[known.truth != ""]
    ax.set(xlim=(0, 2), xlabel="F1/F0 of the best stimuli")
    ax.set_ylabel("response kept along own warps,\nabove that along control warps", labelpad=1)
    ax.yaxis.label.set_bbox(style.BEHIND)
    ends = np.append(known.y, [0, CLEAR])
    ax.set_ylim(ends.min() - 0.03, ends.max() + 0.03)
    for key, rows in units.groupby(["network", "layer"], sort=False):
        ax.scatter(rows.x, rows.y, label=f"{' '.join(key)} ({len(rows)})", **marks[key])
    style.mark_cells(ax, cells.truth, cells.x.values, cells.y.values)
    style.mark_borders(ax)
    ax.axhline(CLEAR, color="0.3", ls="--", lw=0.8, zorder=0)
    if missing := len(placed) - len(known):
        ax.set_title(f"{missing} of {len(placed)} units lack an index", fontsize=7)
    style.legend(figure, *ax.get_legend_handles_labels())
    for name, (unit, images) in pictures.items():
        _thumbnails(figure, ax, name, placed.loc[unit], images)
    sns.despine(ax=ax)
    return figure


def _thumbnails(figure, ax, corner, unit, images):
    """Stimuli of one unit in two rows, outside a corner of the map, joined to its mark."""
    right, up = CORNERS[corner]
    height = figure.get_figheight()
    left, bottom = (0.77, 0.02)[1 - right], (0.5, 2.25)[up] / height
    side = 0.68 / height
    for index, image in enumerate(images[:IMAGES]):
        box = [left + 0.105 * (index % 2), bottom + side * (1 - index // 2), 0.1, 0.97 * side]
        picture = figure.add_axes(box)
        style.show(picture, style.visible(image))
        if index == 0:
            picture.set_title(
                f"{unit.network}\n{unit.layer}\nunit {unit.channel}: {unit.label}",
                fontsize=6.5,
                loc="left",
                pad=2,
            )
    edge = (left - 0.004 if right else left + 0.209, bottom + side)
    figure.add_artist(
        ConnectionPatch(
            edge, (unit.x, unit.y), "figure fraction", ax.transData, color="0.5", lw=0.6, zorder=0
        )
    )
