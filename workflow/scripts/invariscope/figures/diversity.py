"""Diversity: what distinct stimuli cost in response, one panel per layer."""

import textwrap

import matplotlib.pyplot as plt
import seaborn as sns

from . import style


def draw(layers):
    """Mean response against minimal distance, for each unit's diverse set and restarts.

    Parameters
    ----------
    layers : list of (str, xarray.Dataset)
        A title, and the stimuli of all units of that layer.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(len(layers), 4)
    rows = -(-len(layers) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(style.WIDTH * max(columns, 2) / 4, 2.4 * rows + 0.3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat[len(layers) :]:
        ax.remove()
    for index, (ax, (title, stimuli)) in enumerate(zip(axes.flat, layers, strict=False)):
        _panel(ax, title, stimuli)
        ax.set_ylabel("mean response (% of a_max)" if index % columns == 0 else "")
    axes[0, 0].set_ylim(top=102)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    style.legend(figure, handles, labels)
    return figure


def _panel(ax, title, stimuli):
    stimuli = stimuli.sel(unit=stimuli.a_max > 0)
    responses = 100 * stimuli.response.mean("image") / stimuli.a_max
    distances = stimuli.distance.min("pair")
    ax.plot(distances, responses, color="0.85", lw=0.5, zorder=0)  # one line a unit
    for condition, label in style.CONDITIONS.items():
        ax.scatter(
            distances.sel(condition=condition),
            responses.sel(condition=condition),
            s=10,
            edgecolor="white",
            linewidth=0.3,
            clip_on=False,
            label=label,
            **style.POINTS[condition],
        )
    ax.set_title(f"{title}\n{stimuli.sizes['unit']} units", fontsize=7)
    measure = textwrap.fill(stimuli.distance.attrs["units"], 24)
    ax.set_xlabel(f"minimal distance\n({measure})", fontsize=7)
    ax.set_xlim(left=0)
    sns.despine(ax=ax)
