"""Phase signature: what the diverse stimuli themselves tell, against the tuning."""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from ..signature import similarity_between
from . import style


def draw(layers):
    """Left, likeness of amplitude spectra; right, dispersion of phase against F1/F0.

    Parameters
    ----------
    layers : dict of (network, layer) to xarray.Dataset
        Phase files of all units of each layer.

    Returns
    -------
    matplotlib.figure.Figure
    """
    colours = style.colours([key for key, phase in layers.items() if not _is_cells(phase)])
    figure, (left, right) = plt.subplots(1, 2, figsize=(style.WIDTH, 3.4), layout="constrained")
    right.set(xlim=(0, 2), ylim=(0, 1))
    missing = total = 0
    for key, phase in layers.items():
        index = phase.f1_f0.sel(form="fourier")
        known = np.isfinite(phase.similarity_within + index).values
        missing, total = missing + (~known).sum(), total + len(known)
        index, phase = index[known].values, phase.sel(unit=known)
        between = similarity_between(phase.spectrum.values)
        within, resultant = phase.similarity_within.values, phase.resultant.values
        for ax, x, y in ((left, between, within), (right, index, resultant)):
            if _is_cells(phase):
                # On the left they lie too close together for names.
                names = phase.truth.values if ax is right else [""] * len(x)
                style.mark_cells(ax, names, x, y)
            else:
                ax.scatter(
                    x,
                    y,
                    s=14,
                    color=[colours[key]],
                    edgecolor="white",
                    linewidth=0.3,
                    label=" ".join(key) if ax is right else None,
                    clip_on=False,
                )
    low = min(*left.get_xlim(), *left.get_ylim())
    left.plot([low, 1], [low, 1], color="0.3", lw=0.8, ls="--", zorder=0)
    left.set(xlim=(low, 1), ylim=(low, 1), aspect="equal")
    left.set_xlabel("similarity of amplitude spectra\nto other units of the layer")
    left.set_ylabel("within the diverse set")
    right.axvline(1, color="0.3", ls="--", lw=0.8, zorder=0)
    right.set_xlabel("F1/F0 of the best stimuli")
    right.set_ylabel("resultant length of the diverse set's phases")
    if missing:
        right.set_title(f"{missing} of {total} units without an index", fontsize=7)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    for ax in (left, right):
        sns.despine(ax=ax)
    return figure


def _is_cells(phase):
    return bool((phase.truth != "").all())
