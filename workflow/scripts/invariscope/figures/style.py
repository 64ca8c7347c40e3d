"""How all figures look, and how they are saved so that the same figure has the same bytes."""

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..files import write_whole

WIDTH = 7.2  # inches: two columns of a journal page
CONDITIONS = {"diverse": "diverse set", "restarts": "random restarts"}
POINTS = {
    condition: dict(color=colour, marker=marker)
    for condition, colour, marker in zip(
        CONDITIONS, sns.color_palette("colorblind", 2), "oD", strict=True
    )
}


def apply():
    """Set the style of every figure drawn afterwards."""
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


def save(figure, paths):
    """Save a figure in the formats that the paths' suffixes name, without the time of day."""
    for path in paths:
        with write_whole(path) as temporary:
            metadata = {"Date": None} if temporary.suffix == ".svg" else None
            figure.savefig(temporary, dpi=300, metadata=metadata)


def visible(stimulus):
    """A stimulus as a picture: (channel, y, x) in grey levels around 0 to (y, x, channel), 0..1."""
    return np.clip((np.moveaxis(np.asarray(stimulus), -3, -1) + 128) / 255, 0, 1)


def show(ax, picture):
    """Show a picture pixel by pixel, without axes."""
    ax.imshow(picture, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    sns.despine(ax=ax, left=True, bottom=True)
