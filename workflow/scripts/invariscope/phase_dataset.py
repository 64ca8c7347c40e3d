"""The phase file: what the phase stage leaves for every later stage."""

import numpy as np
import xarray as xr

from . import signature, tuning

CROPS = "as cut", "at the norm"
FLAT = 1e-3  # strength of direction below which a spectrum counts as flat


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
        radians, 'strength', 'modulation' and 'frequency' (unit, image), see `phase.direction` and
        `phase.frequency`; 'series' (unit, phase, channel, y, x), the best image's.
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
    axis = np.rad2deg(tuned["direction"]) % 180
    response = {"units": stimuli.response.attrs["units"]}
    before = {**response, "long_name": "response before the ReLU"}
    indices, untuned = _tuning(tuned, blank, a_max)
    ratios, untextured = _texture(texture, blank, a_max)
    sets = (stimuli.stimulus.sel(condition=name).values for name in ("diverse", "restarts"))
    signs, unsigned = _signature(*sets, _undriven(a_max, blank))
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
            {"units": "degrees", "long_name": "direction across the stripes; 0 if vertical"},
        ),
        "frequency": (
            ("unit", "image"),
            tuned["frequency"],
            {"units": "cycles per pixel", "long_name": "spatial frequency of the largest power"},
        ),
        "preferred_orientation": ("unit", axis[rows, best], {"units": "degrees"}),
        "preferred_frequency": (
            "unit",
            tuned["frequency"][rows, best],
            {"units": "cycles per pixel"},
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
        variables[name] = (("form", "unit"), values, {"long_name": "mean over images"})
    for name, values in ratios.items():
        variables[name] = (("crops", "unit"), values, {"units": "a_max under the mask"})
    variables |= signs
    variables["missing"] = (
        ("index", "unit"),
        np.array([untuned, untextured, unsigned]),
        {"long_name": "why an index is missing"},
    )
    coords = {
        "unit": stimuli.unit,
        "truth": stimuli.truth,
        "channel": stimuli.channel,
        "phase": ("phase", phases, {"units": "radians"}),
        "form": ["fourier", "monogenic"],
        "crops": list(CROPS),
        "index": ["tuning", "texture", "signature"],
    }
    return xr.Dataset(variables, coords, attributes)


def _why(units, *reasons):
    """For each unit the first reason that holds, or ''. Reasons are (holds (unit,), text)."""
    found = np.full(units, "", dtype=object)
    for holds, text in reversed(reasons):
        found[np.broadcast_to(holds, units)] = text
    return found.astype(str)


def _undriven(a_max, blank):
    return (
        (a_max <= 0, "never responds"),
        (~tuning.driven(a_max, blank), "does not clearly respond above the blank"),
    )


def _tuning(tuned, blank, a_max):
    """Indices of each unit, averaged over the images for which they mean something."""
    uniform = tuned["modulation"] < tuning.MODULATED
    flat = tuned["strength"] < FLAT
    curves = np.moveaxis(tuning.above_blank(np.moveaxis(tuned["response"], 1, 0), blank), 0, 1)
    silent = ~(curves > 0).any((0, 3))
    why = _why(
        len(a_max),
        *_undriven(a_max, blank),
        (uniform.all(1), "best stimuli are uniform"),
        ((uniform | flat).all(1), "flat spectrum: no direction stands out"),
        ((uniform | flat | silent).all(1), "no response at any phase"),
    )
    left_out = (uniform | flat | silent) | (why != "")[:, None]
    indices = {}
    for name in ("f1_f0", "mean_max", "min_max"):
        each = np.ma.array(getattr(tuning, name)(curves), mask=np.stack([left_out, left_out]))
        indices[name] = np.ma.filled(np.ma.masked_invalid(each).mean(2), np.nan)
    return indices, why


def _texture(texture, blank, a_max):
    """Mean and minimum over crops, above the blank, relative to a_max under the mask."""
    floor = np.maximum(blank, 0)
    above = texture["a_max"] - floor
    why = _why(
        len(a_max), *_undriven(a_max, blank), (above <= 0, "does not respond under the mask")
    )
    scale = np.where(why == "", above, np.nan)
    return {
        f"texture_{name}": (getattr(np, name)(texture["response"], axis=(2, 3)) - floor) / scale
        for name in ("mean", "min")
    }, why


def _signature(diverse, restarts, undriven):
    """Variables of the signature, from both conditions' stimuli (unit, image, channel, y, x)."""
    spectra = signature.amplitude_spectra(diverse)
    beyond = spectra.reshape(*spectra.shape[:2], -1)[..., 1:]  # DC
    empty = ~beyond.any(-1)
    flat = beyond.max(-1, initial=0) - beyond.min(-1, initial=1) < 1e-6
    why = _why(
        len(diverse),
        *undriven,
        (diverse.shape[1] < 2, "a single image"),
        (empty.any(1), "stimuli are uniform"),
        (flat.all(1), "flat spectrum: no peak"),
    )
    phases = signature.peak_phases(diverse, restarts)
    resultant, p = signature.rayleigh(phases)
    gone = why != ""
    return {
        "spectrum": (
            ("unit", "frequency_y", "frequency_x"),
            spectra.mean(1).astype(np.float32),
            {"long_name": "mean over the diverse set of amplitude spectra of length 1"},
        ),
        "similarity_within": (
            "unit",
            np.where(gone, np.nan, signature.similarity_within(spectra)),
            {"long_name": "cosine similarity of amplitude spectra within the diverse set"},
        ),
        "peak_phase": (
            ("unit", "image"),
            phases,
            {"units": "radians", "long_name": "phase at the unit's peak frequency"},
        ),
        "resultant": (
            "unit",
            np.where(gone, np.nan, resultant),
            {"long_name": "resultant length of those phases"},
        ),
        "rayleigh_p": ("unit", np.where(gone, np.nan, p), {"long_name": "Rayleigh test"}),
    }, why
