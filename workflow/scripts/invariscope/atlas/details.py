"""What the atlas tells of a unit beside its row in units.csv, as plain numbers for JSON."""

import numpy as np

from ..curves import path_curve, tuning_curves
from ..example_warp import grid_lines
from ..tuning import above_blank, ratio, relative

LINES = 9  # of the deformation grid, each way


def details(stimuli, phase, warp):
    """Numbers of all units of one block.

    Parameters
    ----------
    stimuli, phase, warp : xarray.Dataset
        As the stages leave them.

    Returns
    -------
    list of dict
        In the order of units. Responses to stimuli are shares of a_max, curves over phase shares
        of their largest, paths of their start, crops percent of a_max under the mask. What is
        missing is None.
    """
    parts = [_sets(stimuli), _phase(phase), _texture(phase), _warp(warp)]
    return [
        {name: values[unit] for part in parts for name, values in part.items()}
        for unit in range(stimuli.sizes["unit"])
    ]


def plain(values, digits=3):
    """An array as nested lists, rounded; what is not a number is None."""
    rounded = np.round(np.asarray(values, float), digits)
    known = np.isfinite(rounded)
    if digits == 0:
        rounded = np.where(known, rounded, 0).astype(int)
    return (rounded if known.all() else np.where(known, rounded, None)).tolist()


def _sets(stimuli):
    """Responses to each stimulus, and the least distance within each set."""
    a_max = stimuli.a_max.values[:, None]
    found = {}
    for name in ("diverse", "restarts"):
        chosen = stimuli.sel(condition=name)
        response = chosen.response.values
        found[f"{name}_response"] = plain(ratio(response, np.broadcast_to(a_max, response.shape)))
        least = chosen.distance.values.min(-1, initial=np.inf)
        found[f"{name}_distance"] = plain(least)
    return found


def _phase(phase):
    """Tuning curves, and the response to each picture of the series."""
    blank = phase.blank.values
    each, mean = tuning_curves(phase.response.values, blank, phase.used.values)
    rows = np.arange(len(blank))
    best = phase.response.sel(form="fourier").values[rows, phase.best.values]
    best = above_blank(best, blank[:, None])
    shares = ratio(best, np.broadcast_to(best.max(1, keepdims=True), best.shape))
    found = dict(zip(map(str, phase.form.values), mean, strict=True))
    found |= dict(single=each[list(phase.form.values).index("fourier")], series_response=shares)
    reasons = phase.missing.sel(index="fourier").values.tolist()
    return {name: plain(values) for name, values in found.items()} | dict(phase_missing=reasons)


def _texture(phase):
    """Response to the crop cut at each place, in percent of a_max under the mask."""
    cut = phase.sel(crops="as cut")
    missing = cut.missing.sel(index="texture").values
    known = np.where(missing == "", cut.a_max_masked.values, np.nan)
    place = slice(None), None, None
    crops = 100 * relative(cut.crop_response.values, known[place], cut.blank.values[place])
    return dict(crops=plain(crops, 0), texture_missing=missing.tolist())


def _warp(warp):
    """The example pair, its warp as a grid, and the response along the paths of all pairs."""
    found = dict(warp_missing=_joined(warp.missing.values))
    if "warped" not in warp:
        return found
    blank, pair = warp.blank.values, warp.example.values
    rows = np.arange(len(pair))
    explained = warp.explained.values[:, rows, pair]
    found |= {
        "source": warp.source_image.values[pair].tolist(),
        "target": warp.target_image.values[pair].tolist(),
        "turned": warp.turned.values[rows, pair].astype(bool).tolist(),
        "jacobian": plain(warp.jacobian.values[rows, pair]),
        "grid": plain(grid_lines(warp.displacement.values[rows, pair], LINES), 2),
    }
    families = zip(map(str, warp.family.values), explained, strict=True)
    found |= {f"explained_{family}": plain(values) for family, values in families}
    paths = {
        "own": warp.own_response,
        **{f"control_{m}": warp.control_response.sel(match=m) for m in warp.match.values},
        "blend": warp.blend_response,
    }
    return found | {
        f"path_{name}": plain(path_curve(values.values, blank)) for name, values in paths.items()
    }


def _joined(missing):
    """For each unit its reasons, (index, unit), as one text."""
    return ["; ".join(filter(None, reasons)) for reasons in missing.T.tolist()]
