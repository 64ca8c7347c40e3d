"""How all figures look, and how they are saved so that the same figure has the same bytes."""

import textwrap

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from scipy.optimize import isotonic_regression

from ..files import write_whole
from ..tuning import BORDER
from .identity import metadata

WIDTH = 7.2  # inches: two columns of a journal page
FORMS = {"fourier": "Fourier", "monogenic": "monogenic"}
CONDITIONS = {"diverse": "diverse set", "restarts": "random restarts"}
MARKERS = "osD^vPX*<>hp"
BEHIND = dict(facecolor="white", edgecolor="none", pad=0.6)  # of a label that crosses a line
POINTS = {
    condition: dict(color=colour, marker=marker)
    for condition, colour, marker in zip(
        CONDITIONS, sns.color_palette("colorblind", 2), "oD", strict=True
    )
}


def apply():
    """Set the style of every figure drawn afterwards."""
    plt.rcdefaults()  # a matplotlibrc of the user's would shape figures and be in no record
    sns.set_theme(style="ticks", palette="colorblind", context="paper")
    plt.rcParams.update(
        {
            "font.size": 8,
            "axes.titlesize": 8,
            "axes.labelsize": 8,
            "xtick.labelsize": 7,
            "ytick.labelsize": 7,
            "legend.fontsize": 7,
            "svg.hashsalt": "invariscope",
        }
    )


def save(figure, paths, identity):
    """Save a figure in the formats that the paths' suffixes name.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    paths : list of path
    identity : str
        The `id` of its record, which the files carry.
    """
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        _round_places(figure)
    for path in paths:
        with write_whole(path) as temporary:
            inside = metadata(temporary.suffix, identity)
            figure.savefig(temporary, dpi=300, metadata=inside)


def _round_places(figure):
    """Round where axes, titles and parts of a laid-out figure lie, to a millionth of its size.

    The solver behind the layout takes its variables in the order of their addresses, so that the
    last bits of its results differ from run to run.
    """

    def rounded(box):
        return Bbox(np.round(box.get_points(), 6) + 0.0)  # + 0.0 makes -0.0 a 0

    for ax in figure.axes:
        ax.set_position(rounded(ax.get_position(original=True)))
    waiting = [figure]
    while waiting:
        part = waiting.pop()
        waiting += part.subfigs
        if part is not figure:
            part.bbox_relative.set(rounded(part.bbox_relative))
        for text in part.texts:
            text.set_position(np.round(text.get_position(), 6))


def visible(stimulus):
    """A stimulus as a picture: (channel, y, x) in grey levels around 0 to (y, x, channel), 0..1."""
    return np.clip((np.moveaxis(np.asarray(stimulus), -3, -1) + 128) / 255, 0, 1)


def show(ax, picture):
    """Show a picture pixel by pixel, without axes."""
    ax.imshow(picture, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)


def colours(units):
    """Colour of each network, from a table of real units: in their order, as in all figures."""
    networks = list(dict.fromkeys(units.network))
    return dict(zip(networks, sns.color_palette("colorblind", len(networks)), strict=True))


def legend(figure, handles, labels):
    """A legend above the axes, in as many columns as its longest label allows."""
    if handles:
        columns = _legend_columns(labels)
        figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)


def legend_height(labels):
    """Inches that `legend` takes up."""
    return 0.1 + 0.17 * -(-len(labels) // _legend_columns(labels)) if len(labels) else 0


def _legend_columns(labels):
    longest = max(map(len, labels))
    return max(1, min(4, int(WIDTH // (0.45 + 0.065 * longest))))


def layer_names(units):
    """Each layer by network and name, with the number of its units, as legends have it."""
    groups = units.groupby(["network", "layer"], sort=False)
    return {key: f"{' '.join(key)} ({len(rows)})" for key, rows in groups}


def points(table):
    """How each layer's units are marked: a colour for its network, a marker for its name.

    Returns
    -------
    dict of (network, layer) to dict
    """
    keys = list(dict.fromkeys(zip(table.network, table.layer, strict=True)))
    layers = list(dict.fromkeys(layer for _, layer in keys))
    palette = colours(table)
    return {
        (network, layer): dict(
            color=[palette[network]],
            marker=MARKERS[layers.index(layer) % len(MARKERS)],
            s=14,
            edgecolor="white",
            linewidth=0.3,
            clip_on=False,
        )
        for network, layer in keys
    }


def scatter(ax, x, y, filled, mark, label=None):
    """Units as marks of `points`, hollow where `filled` does not hold."""
    hollow = {**mark, "color": "white", "edgecolor": mark["color"], "linewidth": 0.9}
    ax.scatter(x[filled], y[filled], label=label, **mark)
    ax.scatter(x[~filled], y[~filled], **hollow)


def cell_name(truth):
    """A model cell's class as one reads it."""
    return truth.replace("_", " ")


def unit_title(network, layer, unit):
    """Title of one unit's row: its layer, and its class or channel.

    Parameters
    ----------
    network, layer : str
    unit : xarray.Dataset
        Its part of any stage's file.
    """
    name = cell_name(str(unit.truth.values)) or f"unit {int(unit.unit)}"
    # A long name is broken after its underscores.
    broken = textwrap.fill(network.replace("_", "_ "), 22).replace(" ", "")
    return f"{broken}\n{layer}\n{name}"


def extreme_units(blocks):
    """The units with the largest and the smallest index of each layer.

    Parameters
    ----------
    blocks : list of ((str, str), xarray.DataArray (unit,))
        Network and layer of each block, and its units' index.

    Yields
    ------
    network, layer : str
    block : int
        Position in `blocks`.
    unit : int
    """
    layers = {}
    for block, (layer, index) in enumerate(blocks):
        found = layers.setdefault(layer, [])
        found += [(block, int(u), i) for u, i in zip(index.unit.values, index.values, strict=True)]
    for layer, found in layers.items():
        for chosen in extremes(np.array([index for *_, index in found])):
            yield *layer, *found[chosen][:2]


def extremes(index):
    """Positions of the units with the largest and the smallest index, or of the only one, or none.

    Parameters
    ----------
    index : numpy.ndarray, (unit,)
        Missing (NaN) units are passed over.
    """
    ranked = np.argsort(-index, kind="stable")
    ranked = [int(unit) for unit in ranked if np.isfinite(index[unit])]
    return ranked[:1] + ranked[1:][-1:]


def mark_borders(ax):
    """Lines where F1/F0 is at the classical border and where it is that of a simple cell."""
    ax.axvline(BORDER, color="0.3", ls="--", lw=0.8, zorder=0)
    ax.axvline(np.pi / 2, color="0.3", ls=":", lw=0.8, zorder=0)


def mark_cells(ax, truth, x, y):
    """Mark model cells by a cross and their name, moved up or down where names would overlap.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Its limits already set.
    truth : sequence of str
    x, y : numpy.ndarray, (cell,)
    """
    truth, x, y = map(np.asarray, (truth, x, y))
    low, high = ax.get_ylim()
    gap = 0.055 * (high - low)
    left = x >= np.mean(ax.get_xlim())
    for side in (False, True):
        chosen = np.flatnonzero(left == side)
        if not len(chosen):
            continue
        chosen = chosen[np.argsort(y[chosen], kind="stable")]
        steps = gap * np.arange(len(chosen))
        # The nearest heights that lie a line apart and keep their order, all within the axes.
        heights = isotonic_regression(y[chosen] - steps).x + steps
        heights = np.minimum(heights, high - steps[::-1])
        for cell, height in zip(chosen, heights, strict=True):
            ax.plot(x[cell], y[cell], "+", color="k", ms=7, mew=1.3, clip_on=False)
            if not truth[cell]:
                continue
            away = (high - low) * 0.02 < abs(height - y[cell])
            ax.annotate(
                cell_name(truth[cell]),
                (x[cell], y[cell]),
                (x[cell] + (-1 if side else 1) * 0.03 * np.ptp(ax.get_xlim()), height),
                ha="right" if side else "left",
                va="center",
                fontsize=6.5,
                # Points below a name are to be seen through its margin.
                path_effects=[withStroke(linewidth=1.5, foreground=(1, 1, 1, 0.6))],
                zorder=4,
                arrowprops=dict(arrowstyle="-", color="0.4", lw=0.5, shrinkA=1) if away else None,
            )
