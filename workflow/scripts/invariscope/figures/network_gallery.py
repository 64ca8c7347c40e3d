"""Network gallery: example units of corresponding layers, side by side."""

import matplotlib.pyplot as plt
import numpy as np

from . import style

EXAMPLES = 3  # per layer: the least F1/F0, the middle one, the largest


def choose(f1_f0):
    """Which units to show of a layer: evenly spread over the ranks of F1/F0.

    Parameters
    ----------
    f1_f0 : pandas.Series
        By channel; missing ones are passed over.

    Returns
    -------
    list of index labels
        `EXAMPLES`, or fewer where there are not as many.
    """
    ranked = f1_f0.dropna().sort_values(kind="stable").index
    count = min(EXAMPLES, len(ranked))
    return [ranked[at] for at in np.linspace(0, len(ranked) - 1, count).round().astype(int)]


def draw(sections):
    """Rows of diverse stimuli, those of the first network left, of the second right.

    Parameters
    ----------
    sections : list of ((str, list), (str, list))
        One per pair of layers. For each side its title, and of each unit to show a text and its
        stimuli, (image, channel, y, x).

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = [s for section in sections for _, units in section for _, s in units]
    images = max(map(len, shown), default=1)
    rows = [max(len(units) for _, units in section) for section in sections]
    label, gap, head = 0.62, 0.12, 0.28  # inches
    cell = (style.WIDTH - 2 * label - gap) / (2 * images)
    height = sum(rows) * cell + len(sections) * head + 0.05
    figure = plt.figure(figsize=(style.WIDTH, height))
    top = height
    for section, count in zip(sections, rows, strict=True):
        for side, (title, units) in enumerate(section):
            left = side * (style.WIDTH / 2 + gap / 2)
            figure.text(
                left / style.WIDTH + 0.004,
                (top - head + 0.06) / height,
                title,
                weight="bold",
                fontsize=7.5,
            )
            for row, (text, stimuli) in enumerate(units):
                bottom = top - head - (row + 1) * cell
                figure.text(
                    (left + label - 0.05) / style.WIDTH,
                    (bottom + cell / 2) / height,
                    text,
                    ha="right",
                    va="center",
                    fontsize=6.5,
                )
                for image, stimulus in enumerate(stimuli):
                    box = [left + label + image * cell, bottom, 0.95 * cell, 0.95 * cell]
                    size = [style.WIDTH, height, style.WIDTH, height]
                    ax = figure.add_axes(np.divide(box, size))
                    style.show(ax, style.visible(stimulus))
        top -= head + count * cell
    return figure
