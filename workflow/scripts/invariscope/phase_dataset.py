"""The phase file: what the phase stage leaves for every later stage."""

import numpy as np
import xarray as xr

from . import signature, tuning
from .missing import undriven, why_missing

CROPS = "as cut", "at the norm"


def phase_dataset(stimuli, blank, phases, tuned, texture, **attributes):
    """Put the phase tuning, texture and signature of one block's units in one dataset.

    An index that means nothing is missing (NaN), and `missing` says why.

    Parameters
    ----------
    stimuli : xarray.Dataset
        As the synthesis stage leaves it. Tuning is that of the restarts, the signature that of the
        diverse set.
    blank : numpy.ndarray, (unit,)
        Response to a stimulus of zero, before the ReLU.
    phases : numpy.ndarray, (phase,)
        Radians.
    tuned : dict of str to numpy.ndarray
        Of the restarts. 'response' (form, unit, image, phase) before the ReLU; 'direction' in
        radians, 'strength', 'modulation', 'flat' and 'frequency' (unit, image), see `phase`;
        'series' (unit, phase, channel, y, x), the best image's.
    texture : dict of str to numpy.ndarray
        'texture' (unit, channel, y, x), 'response' (2, unit, y, x) of its crops, see
        `texture.crop_responses`, and 'a_max' (unit,) under the mask.
    **attributes : str or number

    Returns
    -------
    xarray.Dataset
    """
    a_max = stimuli.a_max.values
    best = stimuli.response.sel(condition="restarts").argmax("image").values
    rows = np.arange(len(best))
    response = {"units": stimuli.response.attrs["units"]}
    before = {**response, "long_name": "response before the ReLU"}
    indices, used, untuned = _tuning(tuned, blank, a_max)
    ratios, untextured = _texture(texture, blank, a_max)
    sets = (stimuli.stimulus.sel(condition=name).values for name in ("diverse", "restarts"))
    signs, unsigned = _signature(*sets, tuned["flat"], undriven(a_max, blank))
    # Of an image without a direction, or of a unit that it does not drive, there is none to report.
    axis = np.where(used[0], np.rad2deg(tuned["direction"]) % 180, np.nan)
    frequency = np.where(used[1], tuned["frequency"], np.nan)
    variables = {
        "blank": ("unit", blank, {**response, "long_name": "response to a blank, before the ReLU"}),
        "a_max": ("unit", a_max, stimuli.a_max.attrs),
        "best": ("unit", best, {"long_name": "the image of the largest response"}),
        "response": (("form", "unit", "image", "phase"), tuned["response"], before),
        "series": (
            ("unit", "phase", "channel", "y", "x"),
            tuned["series"],
            {**stimuli.stimulus.attrs, "long_name": "best stimulus over phase, Fourier form"},
        ),
        "orientation": (
            ("unit", "image"),
            axis,
            {
                "units": "degrees",
                "long_name": "orientation of the stripes, clockwise from vertical",
            },
        ),
        "frequency": (
            ("unit", "image"),
            frequency,
            {"units": "cycles per pixel", "long_name": "spatial frequency of the largest power"},
        ),
        "preferred_orientation": ("unit", axis[rows, best], {"units": "degrees"}),
        "preferred_frequency": ("unit", frequency[rows, best], {"units": "cycles per pixel"}),
        "strength": (
            ("unit", "image"),
            tuned["strength"],
            {"long_name": "how much the direction stands out: 1 for a grating, 0 for none"},
        ),
        "modulation": (
            ("unit", "image"),
            tuned["modulation"],
            {"long_name": "share of the power that a phase shift moves"},
        ),
        "used": (
            ("form", "unit", "image"),
            used,
            {"long_name": "whether the image counts in the unit's tuning indices"},
        ),
        "texture": (
            ("unit", "channel", "texture_y", "texture_x"),
            texture["texture"],
            stimuli.stimulus.attrs,
        ),
        "crop_response": (("crops", "unit", "crop_y", "crop_x"), texture["response"], before),
        "a_max_masked": (
            "unit",
            texture["a_max"],
            {**response, "long_name": "largest response under the crops' mask"},
        ),
    }
    for name, values in indices.items():
        variables[name] = (("form", "unit"), values, {"long_name": "mean over the images used"})
    for name, values in ratios.items():
        variables[name] = (("crops", "unit"), values, {"units": "a_max under the mask"})
    variables |= signs
    variables["missing"] = (
        ("index", "unit"),
        np.array([*untuned, untextured, unsigned]),
        {"long_name": "why an index is missing"},
    )
    coords = {
        "unit": stimuli.unit,
        "truth": stimuli.truth,
        "channel": stimuli.channel,
        "phase": ("phase", phases, {"units": "radians"}),
        "form": list(tuning.FORMS),
        "crops": list(CROPS),
        "index": [*tuning.FORMS, "texture", "signature"],
    }
    return xr.Dataset(variables, coords, attributes)


def _tuning(tuned, blank, a_max):
    """Indices of each unit and form, over the images for which they mean something."""
    curves = tuning.above_blank(tuned["response"], blank[:, None, None])
    unmoved = tuned["modulation"] < tuning.MODULATED
    undirected = tuned["strength"] < tuning.DIRECTED
    used, reasons = [], []
    for form, curve in zip(tuning.FORMS, curves, strict=True):
        lost = unmoved.copy()
        why = [
            *undriven(a_max, blank),
            (lost.all(1), "a phase shift hardly moves the best stimuli"),
        ]
        for fault, text in (
            (tuned["flat"], "flat spectrum"),
            (undirected & (form == "fourier"), "no direction stands out"),
            (~(curve > 0).any(2), "no response at any phase"),
        ):
            lost = lost | fault
            why.append((lost.all(1), text))
        reasons.append(why_missing(len(a_max), *why))
        used.append(~lost & (reasons[-1] == "")[:, None])
    used = np.stack(used)
    indices = {}
    for name in ("f1_f0", "mean_max", "min_max"):
        each = np.where(used, getattr(tuning, name)(curves), 0).sum(2)
        count = used.sum(2)
        indices[name] = np.divide(each, count, out=np.full(each.shape, np.nan), where=count > 0)
    return indices, used, reasons


def _texture(texture, blank, a_max):
    """Mean and minimum over crops, above the blank, relative to a_max under the mask."""
    why = why_missing(
        len(a_max),
        *undriven(a_max, blank),
        (
            ~tuning.driven(texture["a_max"], blank),
            "does not clearly respond above the blank under the mask",
        ),
        (texture["response"].shape[2] < 2, "the field is too small for crops that differ"),
    )
    known = np.where(why == "", texture["a_max"], np.nan)
    return {
        f"texture_{name}": tuning.relative(
            getattr(np, name)(texture["response"], axis=(2, 3)), known, blank
        )
        for name in ("mean", "min")
    }, why


def _signature(diverse, restarts, flat, undriven):
    """Variables of the signature, from both conditions' stimuli (unit, image, channel, y, x).

    `flat` (unit, image) are the restarts, whose peak it is.
    """
    spectra = signature.amplitude_spectra(diverse)
    empty = {
        name: ~found.any((-2, -1))
        for name, found in (
            ("diverse", spectra),
            ("restarts", signature.amplitude_spectra(restarts)),
        )
    }
    why = why_missing(
        len(diverse),
        *undriven,
        (diverse.shape[1] < 2, "a single image"),
        (empty["restarts"].all(1), "best stimuli are uniform"),
        (flat.all(1), "flat spectrum: no peak"),
        (empty["diverse"].any(1), "a diverse stimulus is uniform"),
    )
    phases = signature.peak_phases(diverse, restarts)
    resultant, p = signature.rayleigh(phases)

    def known(values):
        gone = (why != "").reshape(-1, *[1] * (values.ndim - 1))
        return np.where(gone, np.nan, values)

    return {
        "spectrum": (
            ("unit", "frequency_y", "frequency_x"),
            known(spectra.mean(1).astype(np.float32)),
            {"long_name": "mean over the diverse set of amplitude spectra of length 1"},
        ),
        "similarity_within": (
            "unit",
            known(signature.similarity_within(spectra)),
            {"long_name": "cosine similarity of amplitude spectra within the diverse set"},
        ),
        "peak_phase": (
            ("unit", "image"),
            known(phases),
            {"units": "radians", "long_name": "phase at the unit's peak frequency"},
        ),
        "resultant": ("unit", known(resultant), {"long_name": "resultant length of those phases"}),
        "rayleigh_p": ("unit", known(p), {"long_name": "Rayleigh test of those phases"}),
    }, why
