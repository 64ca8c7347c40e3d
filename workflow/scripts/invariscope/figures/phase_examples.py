"""Phase examples: the most and the least phase-invariant unit of each layer."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from ..curves import tuning_curves
from ..tuning import above_blank, relative
from . import style

SHOWN = 8  # images of the series


def draw(units):
    """One row per unit: the series over phase, the tuning curve, the texture and its crop map.

    Parameters
    ----------
    units : list of (str, xarray.Dataset)
        A title, and that unit's part of a phase file.

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = max(len(units), 1)
    figure = plt.figure(figsize=(style.WIDTH, 0.92 * rows + 0.75))
    if not units:
        figure.text(0.5, 0.5, "No unit has an index of phase tuning.", ha="center")
        return figure
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        rows,
        SHOWN + 6,
        width_ratios=[1] * SHOWN + [0.75, 2.2, 0.25, 1.6, 0.1, 1.6],
        left=0.125,
        right=0.925,
        top=1 - 0.3 / height,
        bottom=0.5 / height,
        wspace=0.06,
        hspace=0.5,
    )
    for row, (title, unit) in enumerate(units):
        _series(figure, grid, row, title, unit)
        _curve(figure.add_subplot(grid[row, SHOWN + 1]), unit, row == 0, row == rows - 1)
        _texture(figure, grid, row, unit)
    bar = figure.add_axes([0.935, 0.5 / height, 0.011, 1.3 / height])
    figure.colorbar(ScalarMappable(Normalize(0, 100), "viridis"), cax=bar)
    bar.set_ylabel("% of a_max under the mask", fontsize=6, labelpad=1)
    bar.tick_params(labelsize=6, length=2, pad=1)
    return figure


def _series(figure, grid, row, title, unit):
    """The best stimulus at evenly spaced phases; below each, its response."""
    phases = np.rad2deg(unit.phase.values)
    count = min(SHOWN, len(phases))
    best = unit.response.sel(form="fourier", image=int(unit.best)).values
    share = above_blank(best, unit.blank.values)
    share = share / share.max() if share.max() > 0 else share
    for column, index in enumerate(np.arange(count) * len(phases) // count):
        ax = figure.add_subplot(grid[row, column])
        style.show(ax, style.visible(unit.series[index]))
        ax.set_xlabel(f"{share[index]:.0%}", fontsize=5.5, labelpad=1)
        if row == 0:
            ax.set_title(f"{phases[index]:.0f}°", fontsize=6, pad=2)
        if column == 0:
            ax.set_ylabel(title, fontsize=6.5, rotation=0, ha="right", va="center", linespacing=1.3)


def _curve(ax, unit, first, last):
    """Response over phase, in percent of its maximum: each image used, their mean, both forms."""
    phases = np.rad2deg(np.append(unit.phase.values, 2 * np.pi))
    for form, line in (("monogenic", "--"), ("fourier", "-")):
        chosen = unit.sel(form=form).expand_dims("unit")
        each, mean = tuning_curves(
            chosen.response.values, np.atleast_1d(unit.blank.values), chosen.used.values
        )
        if not chosen.used.any():
            continue
        curves = 100 * np.append(each[0], mean, 0)
        curves = np.append(curves, curves[:, :1], 1)  # the cycle closes
        if form == "fourier":
            ax.plot(phases, curves[:-1].T, color="0.8", lw=0.5)
        ax.plot(phases, curves[-1], line, color="0.1", lw=1, label=style.FORMS[form])
    indices = (float(unit[name].sel(form="fourier")) for name in ("f1_f0", "mean_max"))
    ax.set_title("F1/F0 {:.2f}, mean/max {:.2f}".format(*indices), fontsize=6, pad=2)
    ax.set(xlim=(0, 360), ylim=(-4, 104), xticks=[0, 180, 360], yticks=[0, 50, 100])
    ax.tick_params(labelsize=6, length=2, pad=1, labelbottom=last)
    if last:
        ax.set_xlabel("phase (degrees)", fontsize=6, labelpad=1)
    if first:
        ax.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, 1.12),
            ncols=2,
            frameon=False,
            fontsize=6,
            handlelength=1.5,
            columnspacing=0.8,
            borderpad=0,
        )
    sns.despine(ax=ax)


def _texture(figure, grid, row, unit):
    """The texture, and the response to the crop cut at each place."""
    ax = figure.add_subplot(grid[row, -3])
    style.show(ax, style.visible(unit.texture))
    if row == 0:
        ax.set_title("texture", fontsize=6.5, pad=2)
    ax = figure.add_subplot(grid[row, -1])
    if row == 0:
        ax.set_title("its crops", fontsize=6.5, pad=2)
    if reason := str(unit.missing.sel(index="texture").values):
        ax.text(0.5, 0.5, reason, fontsize=5.5, ha="center", va="center", wrap=True)
    else:
        cut = unit.sel(crops="as cut")
        crops = 100 * relative(cut.crop_response, cut.a_max_masked, cut.blank).values
        ax.imshow(crops, cmap="viridis", vmin=0, vmax=100, interpolation="nearest")
        ax.set_xlabel(f"mean {float(cut.texture_mean):.0%}", fontsize=5.5, labelpad=1)
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)
