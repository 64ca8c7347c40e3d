"""Texture: the texture ratio against the Fourier index, one dot a unit."""

import matplotlib.pyplot as plt
import seaborn as sns

from . import style


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
    names = style.layer_names(units)
    size = style.WIDTH * 0.75, 3.7 + style.legend_height(names.values())
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set(xlim=(-0.05, 2), xlabel="F1/F0 of the best stimuli")
    ax.set_ylim(min(0, known.texture_mean.min()) - 0.01, max(1, known.texture_mean.max()) + 0.03)
    ax.set_ylabel("mean response over the texture's crops\n/ a_max under their mask")
    marks = style.points(units)
    for key, rows in units.groupby(["network", "layer"], sort=False):
        ax.scatter(rows.f1_f0, rows.texture_mean, label=names[key], **marks[key])
    style.mark_cells(ax, cells.truth, cells.f1_f0.values, cells.texture_mean.values)
    style.mark_borders(ax)
    if missing := len(table) - len(known):
        text = f"{missing} of {len(table)} units lack an index"
        ax.text(1, 1.01, text, transform=ax.transAxes, ha="right")
    style.legend(figure, *ax.get_legend_handles_labels())
    sns.despine(ax=ax)
    return figure
