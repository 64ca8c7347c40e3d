"""Gallery: each unit's diverse stimuli beside its random restarts."""

import matplotlib.pyplot as plt

from . import style


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
    heights = []
    for _, stimuli in sections:
        heights += [0.35] + [1] * stimuli.sizes["unit"]
    margin = 0.75
    cell = (style.WIDTH - margin) / (2 * images + 0.5) / 1.06
    figure = plt.figure(figsize=(style.WIDTH, sum(heights) * cell * 1.5 + 0.35))
    grid = figure.add_gridspec(
        len(heights),
        2 * images + 1,
        width_ratios=[1] * images + [0.4] + [1] * images,
        height_ratios=heights,
        left=margin / style.WIDTH,
        right=0.995,
        top=1,
        bottom=0.3 / figure.get_figheight(),
        wspace=0.06,
        hspace=0.4,
    )
    figure.text(
        margin / style.WIDTH,
        0.05 / figure.get_figheight(),
        "Below each stimulus: its response, in percent of a_max, the largest over the restarts.",
        fontsize=6,
    )
    row = 0
    for title, stimuli in sections:
        _head(figure, grid, row, images, title, stimuli.distance.attrs["units"])
        for unit in stimuli.unit.values:
            row += 1
            _row(figure, grid, row, images, stimuli.sel(unit=unit))
        row += 1
    return figure


def _head(figure, grid, row, images, title, unit):
    """Name a section, and over what its two halves are."""
    for offset, label in zip((0, images + 1), style.CONDITIONS.values(), strict=True):
        ax = figure.add_subplot(grid[row, offset : offset + images])
        ax.axis("off")
        text = label if offset else f"{title}: {label}"
        size = min(8, 8 * 40 / len(text))  # so that long names fit their half
        ax.text(0, -0.2, text, weight="bold", fontsize=size, transform=ax.transAxes)
        if offset:
            of = f"distance in {unit}"
            ax.text(1, -0.2, of, fontsize=5.2, ha="right", transform=ax.transAxes)


def _row(figure, grid, row, images, stimuli):
    """One unit's stimuli; below each its response, above each set its minimal distance."""
    a_max = float(stimuli.a_max)
    for offset, condition in zip((0, images + 1), style.CONDITIONS, strict=True):
        chosen = stimuli.sel(condition=condition)
        for image in range(stimuli.sizes["image"]):
            ax = figure.add_subplot(grid[row, offset + image])
            style.show(ax, style.visible(chosen.stimulus[image]))
            response = float(chosen.response[image])
            share = f"{response / a_max:.0%}" if a_max > 0 else f"{response:.3g}"
            ax.set_xlabel(share, fontsize=5.5, labelpad=1)
            if image == 0:
                distance = f"min. distance {float(chosen.distance.min()):.3g}"
                ax.set_title(distance, fontsize=6, loc="left", pad=1.5)
                if offset == 0:
                    rounded = float(f"{a_max:.3g}")
                    name = f"unit {int(stimuli.unit)}\na_max {rounded:,g}"
                    ax.set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center")
