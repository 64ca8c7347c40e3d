"""Pictures of the atlas: a sheet of all of a unit's stimuli, and small ones of a block of units."""

import numpy as np
from PIL import Image

from ..example_warp import example

SMALL = 48  # pixels of a small picture's side, at most


def places(images):
    """Where each series of pictures begins on a sheet.

    Parameters
    ----------
    images : int
        Stimuli of a set.

    Returns
    -------
    dict of str to (int, int)
        Column and row, counted in cells. The texture takes up two cells each way, less a pixel.
    """
    return {
        "diverse": (0, 0),
        "restarts": (images, 0),
        "warped": (2 * images, 0),
        "residual": (2 * images + 1, 0),
        "series": (0, 1),
        "texture": (0, 2),
    }


def columns(images, phases):
    """Cells beside each other on a sheet."""
    return max(2 * images + 2, phases)


def sheets(stimuli, phase, warp):
    """Sheets of all units of one block.

    Parameters
    ----------
    stimuli, phase, warp : xarray.Dataset
        As the stages leave them.

    Returns
    -------
    numpy.ndarray of uint8, (unit, y, x, 3)
        White where there is nothing to show.
    """
    images, phases, side = stimuli.sizes["image"], phase.sizes["phase"], stimuli.sizes["y"]
    at = places(images)
    width = columns(images, phases) * side
    found = np.full((stimuli.sizes["unit"], 4 * side - 1, width, 3), 255, np.uint8)

    def put(name, pictures):
        """Pictures (unit, picture, channel, y, x) side by side."""
        column, row = at[name]
        units, count, channels, height, width = pictures.shape
        strip = pictures.transpose(0, 3, 1, 4, 2).reshape(units, height, count * width, channels)
        top, left = row * side, column * side
        found[:, top : top + height, left : left + count * width] = grey_levels(strip)

    sets = {name: stimuli.stimulus.sel(condition=name).values for name in ("diverse", "restarts")}
    for name, pictures in sets.items():
        put(name, pictures)
    put("series", phase.series.values)
    put("texture", phase.texture.values[:, None])
    if "warped" in warp:
        chosen = warp.example.values
        ends = (warp[f"{end}_image"].values[chosen] for end in ("source", "target"))
        *_, warped, residual = example(sets["diverse"], *ends, warp.warped.values).swapaxes(0, 1)
        put("warped", warped[:, None])
        put("residual", residual[:, None])
    return found


def small_pictures(stimuli):
    """Diverse sets of all units of one block, a row each, for the list of units.

    Parameters
    ----------
    stimuli : xarray.Dataset

    Returns
    -------
    numpy.ndarray of uint8, (unit * side, image * side, 3)
        Each pixel as it is, but where stimuli are wider than `SMALL` pixels: these are reduced to
        that, pixels averaged by the area that they share.
    """
    shown = grey_levels(stimuli.stimulus.sel(condition="diverse").values)
    units, images, channels, side, _ = shown.shape
    rows = shown.transpose(0, 3, 1, 4, 2).reshape(units * side, images * side, channels)
    if side <= SMALL:
        return rows
    size = images * SMALL, units * SMALL
    return np.asarray(Image.fromarray(rows).resize(size, Image.Resampling.BOX))


def grey_levels(stimulus):
    """Stimuli around 0 as pixels, 0 to 255."""
    return np.clip(np.round(stimulus + 128), 0, 255).astype(np.uint8)
