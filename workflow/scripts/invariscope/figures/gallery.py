"""Gallery: each unit's diverse stimuli beside its random restarts."""

import matplotlib.pyplot as plt

from . import style

CONDITIONS = ("diverse", "restarts")


def draw(sections):
    """Rows of stimuli, one row per unit.

    Parameters
    ----------
    sections : list of (str, xarray.Dataset)
        A title, and the stimuli of the units to show below it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    images = max(stimuli.sizes["image"] for _, stimuli in sections)
    rows = sum(stimuli.sizes["unit"] + 1 for _, stimuli in sections)
    cell = (style.WIDTH - 0.6) / (2 * images + 0.6)
    figure = plt.figure(figsize=(style.WIDTH, rows * cell * 1.42 + 0.3))
    grid = figure.add_gridspec(
        rows,
        2 * images + 1,
        width_ratios=[1] * images + [0.5] + [1] * images,
        left=0.6 / style.WIDTH,
        right=0.995,
        top=1 - 0.05 / figure.get_figheight(),
        bottom=0.12 / figure.get_figheight(),
        wspace=0.06,
        hspace=0.42,
    )
    row = 0
    for title, stimuli in sections:
        _head(figure, grid, row, images, title)
        for unit in stimuli.unit.values:
            row += 1
            _row(figure, grid, row, images, stimuli.sel(unit=unit))
        row += 1
    return figure


def _head(figure, grid, row, images, title):
    """Name a section, and over what its two halves are."""
    names = {"diverse": "diverse set", "restarts": "random restarts"}
    for offset, condition in zip((0, images + 1), CONDITIONS, strict=True):
        ax = figure.add_subplot(grid[row, offset : offset + images])
        ax.axis("off")
        prefix = f"{title}: " if offset == 0 else ""
        ax.text(0, 0.1, prefix + names[condition], weight="bold", transform=ax.transAxes)


def _row(figure, grid, row, images, stimuli):
    """One unit's stimuli, with each response and each set's minimal distance."""
    a_max = float(stimuli.a_max)
    for offset, condition in zip((0, images + 1), CONDITIONS, strict=True):
        chosen = stimuli.sel(condition=condition)
        for image in range(stimuli.sizes["image"]):
            ax = figure.add_subplot(grid[row, offset + image])
            style.show(ax, style.visible(chosen.stimulus[image]))
            response = float(chosen.response[image])
            ax.set_xlabel(f"{response:.3g}", fontsize=5.5, labelpad=1)
            if image == 0:
                mean, distance = float(chosen.response.mean()), float(chosen.distance.min())
                share = f"{mean / a_max:.0%} of max, " if a_max > 0 else ""
                ax.set_title(f"{share}min. distance {distance:.3g}", fontsize=6, loc="left", pad=1.5)
                if condition == CONDITIONS[0]:
                    ax.set_ylabel(
                        f"unit {int(stimuli.unit)}", fontsize=7, rotation=0, ha="right", va="center"
                    )
