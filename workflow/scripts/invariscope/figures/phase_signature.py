"""Phase signature: what the diverse stimuli themselves tell, against the tuning."""

import matplotlib.pyplot as plt
import seaborn as sns

from ..summaries import LEVEL
from . import style

CELLS = "model cells"


def draw(table):
    """Left, likeness of amplitude spectra; right, dispersion of phase against F1/F0.

    Parameters
    ----------
    table : pandas.DataFrame
        units.csv joined with signature.csv.

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [*style.layer_names(table[table.truth == ""]).values(), CELLS]
    size = style.WIDTH, 3.1 + style.legend_height(names)
    figure, (left, right) = plt.subplots(1, 2, figsize=size, layout="constrained")
    _panel(left, table, "similarity_between", "similarity_within")
    low = min(*left.get_xlim(), *left.get_ylim())
    left.plot([low, 1], [low, 1], color="0.3", lw=0.8, ls="--", zorder=0)
    left.set(xlim=(low, 1), ylim=(low, 1), aspect="equal")
    left.set_xlabel("similarity of amplitude spectra\nto other units of the layer")
    left.set_ylabel("within the diverse set")
    right.set(xlim=(0, 2), ylim=(0, 1))
    _panel(right, table, "f1_f0", "resultant")
    style.mark_borders(right)
    right.set_xlabel("F1/F0 of the best stimuli")
    right.set_ylabel("resultant length of the diverse set's phases")
    style.legend(figure, *right.get_legend_handles_labels())
    for ax in (left, right):
        sns.despine(ax=ax)
    return figure


def _panel(ax, table, x, y):
    """One index against another: real units as dots, hollow where phases do not cluster."""
    known = table.dropna(subset=[x, y])
    cells, units = known[known.truth != ""], known[known.truth == ""]
    marks, layers = style.points(units), style.layer_names(table[table.truth == ""])
    for key, rows in units.groupby(["network", "layer"], sort=False):
        clustered = rows.rayleigh_p < LEVEL
        style.scatter(ax, rows[x], rows[y], clustered, marks[key], layers[key])
    # Names would hide each other where similarities are alike.
    names = cells.truth if x == "f1_f0" else [""] * len(cells)
    style.mark_cells(ax, names, cells[x].values, cells[y].values)
    if len(cells):
        ax.plot([], [], "k+", ms=7, mew=1.3, label=CELLS)
    if missing := len(table) - len(known):
        ax.set_title(f"{missing} of {len(table)} units lack an index", fontsize=7)
