"""The warp file: what the warp stage leaves for every later stage."""

import numpy as np
import xarray as xr
from scipy import stats

from . import stability, tuning
from .missing import undriven, why_missing
from .warp_fit import FAMILIES, LEVELS, warp_gain
from .warp_path import MATCHES

ENDS = "source", "target"
LEAST_SIDE = LEVELS[-1][0] - 2  # a pixel at least between the knots of the free warp
# Indices of each unit: their leading dimension, if any, what they are, and which entry of `missing`
# says why they are not there.
INDICES = {
    "mean_explained": ("family", "variance explained, mean over the unit's pairs", "warp"),
    "null_mean_explained": ("family", "the same over pairs with other units' stimuli", "null"),
    "least_jacobian": (None, "least Jacobian determinant over the unit's warps", "warp"),
    "warp_gain": (None, "variance explained by warps beyond affine maps", "warp"),
    "null_gain": (None, "the same over pairs with other units' stimuli", "null"),
    "gain_effect": (None, "rank-biserial correlation of gains with being the unit's own", "null"),
    "gain_p": (None, "Mann-Whitney test that the unit's own gains are larger", "null"),
    "path_retention": (None, "mean response along own warps over that at their start", "warp"),
    "control_retention": ("match", "the same along control warps", "null"),
    "blend_retention": (None, "the same along pixel blends", "warp"),
    "interpolation": (
        None,
        "response to stimuli moved by half a pixel and back, over that to the stimuli",
        "warp",
    ),
    "relative_stability": ("size", "change under random warps over that under noise", "warp"),
    "stability_low": ("size", "lower limit of its bootstrap interval", "warp"),
    "stability_high": ("size", "upper limit of its bootstrap interval", "warp"),
}


def unfit(stimuli):
    """Why no warps can be fitted between the stimuli of a block, or ''."""
    if stimuli.sizes["y"] < LEAST_SIDE:
        return f"the field is too small, below {LEAST_SIDE} pixels"
    return "a single image" if stimuli.sizes["image"] < 2 else ""


def warp_dataset(stimuli, blank, found, **attributes):
    """Put the fits, paths and stability of one block's units in one dataset.

    An index that means nothing is missing (NaN), and `missing` says why.

    Parameters
    ----------
    stimuli : xarray.Dataset
        As the synthesis stage leaves it. All is of its diverse condition.
    blank : numpy.ndarray, (unit,)
        Response to a stimulus of zero, before the ReLU.
    found : dict of str to numpy.ndarray, or None
        None for stimuli that are `unfit`. Else what the stage measured:

        - 'pairs' (pair, 2), see `pairs.own_pairs`;
        - 'null' (unit, pair, 2), unit and image of the null's targets, and 'control' (unit, pair,
          control, 2), unit and pair of the controls, both -1 for a unit without others;
        - 'explained' and 'null_explained' (family, unit, pair);
        - of the free warps 'velocity' and 'displacement' (unit, pair, 2, y, x), 'jacobian' (unit,
          pair), 'turned' (unit, pair), 'example' (unit,) and 'warped' (unit, channel, y, x), see
          `warp_fit`;
        - responses before the ReLU: 'own' and 'blend' (unit, pair, step), 'control_response'
          (match, unit, pair, control, step), 'itself' and 'interpolated' (unit, image), see
          `warp_path`;
        - 'warped_response' and 'noisy_response', likewise, and 'moved', all (size, unit, image,
          draw), see `stability`.
    **attributes : str or number

    Returns
    -------
    xarray.Dataset
    """
    a_max = stimuli.a_max.values
    units = len(a_max)
    alone = found is not None and (found["null"] < 0).any((1, 2))
    missing = {"warp": why_missing(units, *undriven(a_max, blank), (found is None, unfit(stimuli)))}
    others = why_missing(units, (alone, "no other unit of the layer to compare with"))
    missing["null"] = np.where(missing["warp"] == "", others, "")
    coords = {
        "unit": stimuli.unit,
        "truth": stimuli.truth,
        "channel": stimuli.channel,
        "family": list(FAMILIES),
        "size": ("size", list(stability.SIZES), {"units": "pixels"}),
        "match": list(MATCHES),
        "index": list(missing),
    }
    response = {"units": stimuli.response.attrs["units"], "long_name": "response before the ReLU"}
    variables = {
        "a_max": ("unit", a_max, stimuli.a_max.attrs),
        "blank": ("unit", blank, {**response, "long_name": "response to a blank, before the ReLU"}),
    }
    if found is None:
        sizes = {"family": len(FAMILIES), "size": len(stability.SIZES), "match": len(MATCHES)}
        indices = {
            name: np.full((units,) if dim is None else (sizes[dim], units), np.nan)
            for name, (dim, *_) in INDICES.items()
        }
    else:
        indices = _indices(found, blank)
        variables |= _raw(found, response)
        coords |= {f"{end}_image": ("pair", found["pairs"][:, i]) for i, end in enumerate(ENDS)}
    gone = {
        "warp": missing["warp"] != "",
        "null": (missing["warp"] != "") | (missing["null"] != ""),
    }
    for name, (dim, text, reason) in INDICES.items():
        values = np.where(gone[reason], np.nan, indices[name])
        dims = ("unit",) if dim is None else (dim, "unit")
        variables[name] = (dims, values, {"long_name": text})
    variables["missing"] = (
        ("index", "unit"),
        np.array(list(missing.values())),
        {"long_name": "why an index is missing"},
    )
    return xr.Dataset(variables, coords, attributes)


def gain_test(own, null):
    """Whether gains between a unit's own stimuli are larger than those of its null.

    Parameters
    ----------
    own, null : numpy.ndarray, (unit, pair)

    Returns
    -------
    effect, p : numpy.ndarray, (unit,)
        Rank-biserial correlation, 1 if all of a unit's own gains are larger, and the one-sided p of
        the Mann-Whitney test.
    """
    test = stats.mannwhitneyu(own, null, axis=1, alternative="greater")
    return 2 * test.statistic / (own.shape[1] * null.shape[1]) - 1, test.pvalue


def _indices(found, blank):
    """Arrays (unit,), or with a leading dimension, by the names of `INDICES`."""
    own, null = found["explained"], found["null_explained"]
    gain, null_gain = warp_gain(own), warp_gain(null)
    effect, p = gain_test(gain, null_gain)

    def above(responses, after_unit):
        """Responses above the blank; so many dimensions come after that of units."""
        return tuning.above_blank(responses, blank.reshape(-1, *[1] * after_unit))

    def retention(responses):
        """Over all pairs at once, as some may start low."""
        seen = above(responses, responses.ndim - 1).reshape(len(blank), -1, responses.shape[-1])
        return tuning.ratio(seen.mean(2).sum(1), seen[..., 0].sum(1))

    itself = above(found["itself"], 1)
    stable = stability.relative_stability(
        itself, above(found["warped_response"], 2), above(found["noisy_response"], 2)
    )
    return {
        "mean_explained": own.mean(2),
        "null_mean_explained": null.mean(2),
        "least_jacobian": found["jacobian"].min(1),
        "warp_gain": gain.mean(1),
        "null_gain": null_gain.mean(1),
        "gain_effect": effect,
        "gain_p": p,
        "path_retention": retention(found["own"]),
        "control_retention": np.stack([retention(each) for each in found["control_response"]]),
        "blend_retention": retention(found["blend"]),
        "interpolation": tuning.ratio(above(found["interpolated"], 1).sum(1), itself.sum(1)),
        **dict(zip(("relative_stability", "stability_low", "stability_high"), stable, strict=True)),
    }


def _raw(found, response):
    """What the indices are computed of."""
    pixels = {"units": "pixels"}
    explained = {"long_name": "share of the target's variance, for the best gain of any sign"}
    each = ("unit", "pair")
    field = (*each, "direction", "y", "x")
    draws = ("size", "unit", "image", "draw")
    return {
        "explained": (("family", *each), found["explained"], explained),
        "null_explained": (("family", *each), found["null_explained"], explained),
        "jacobian": (each, found["jacobian"], {"long_name": "least Jacobian determinant"}),
        "velocity": (
            field,
            found["velocity"],
            {**pixels, "long_name": "stationary velocity of the free warp, vertical part first"},
        ),
        "displacement": (
            field,
            found["displacement"],
            {**pixels, "long_name": "where the warped source looks, vertical part first"},
        ),
        "example": ("unit", found["example"], {"long_name": "the pair of the median warp gain"}),
        "warped": (
            ("unit", "channel", "y", "x"),
            found["warped"],
            {"units": "8-bit grey levels", "long_name": "its source under its warp"},
        ),
        "turned": (each, found["turned"], {"long_name": "whether the warp turns the contrast"}),
        "null_unit": (each, found["null"][..., 0], {"long_name": "whose stimulus is the target"}),
        "null_image": (each, found["null"][..., 1], {"long_name": "which of its stimuli"}),
        "control_unit": (
            (*each, "control"),
            found["control"][..., 0],
            {"long_name": "whose warp the control is"},
        ),
        "control_pair": (
            (*each, "control"),
            found["control"][..., 1],
            {"long_name": "which of its pairs"},
        ),
        "own_response": ((*each, "step"), found["own"], response),
        "control_response": (
            ("match", *each, "control", "step"),
            found["control_response"],
            response,
        ),
        "blend_response": ((*each, "step"), found["blend"], response),
        "itself_response": (("unit", "image"), found["itself"], response),
        "interpolated_response": (("unit", "image"), found["interpolated"], response),
        "warped_response": (draws, found["warped_response"], response),
        "noisy_response": (draws, found["noisy_response"], response),
        "moved": (
            draws,
            found["moved"],
            {**pixels, "long_name": "root-mean-square displacement of the random warps"},
        ),
    }
