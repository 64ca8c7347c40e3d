"""The phase file: indices worked out by hand, and a reason wherever one is missing."""

import numpy as np
import pytest
from blocks import PHASES, phase_block, stimuli_block

from invariscope import cells, signature

INDICES = "fourier", "monogenic", "texture", "signature"
RECTIFIED = 4 * np.tan(np.pi / 8)  # F1/F0 of a half-rectified cosine over 8 phases


def reasons(dataset):
    return {
        str(index): dataset.missing.sel(index=index).values.tolist()
        for index in dataset.index.values
    }


def everywhere(*why):
    """The same reasons for all indices."""
    return {index: list(why) for index in INDICES}


def test_indices_of_known_curves():
    dataset = phase_block(stimuli_block([4, 5]))
    np.testing.assert_allclose(dataset.f1_f0, RECTIFIED)
    np.testing.assert_allclose(dataset.min_max, 0)
    np.testing.assert_allclose(dataset.mean_max, (1 + np.sqrt(2)) / 8)
    np.testing.assert_allclose(dataset.texture_mean.sel(crops="as cut"), 0.5)
    np.testing.assert_allclose(dataset.texture_min.sel(crops="as cut"), 0.2)
    np.testing.assert_allclose(dataset.texture_mean.sel(crops="at the norm"), 0.25)
    np.testing.assert_allclose(dataset.orientation, 150)
    np.testing.assert_allclose(dataset.preferred_orientation, 150)
    assert reasons(dataset) == everywhere("", "")


def test_the_best_image_gives_what_the_unit_prefers():
    stimuli = stimuli_block([4])
    dataset = phase_block(stimuli)
    assert dataset.best.values.tolist() == [2]
    assert dataset.preferred_frequency.values.tolist() == pytest.approx([0.2])
    stimuli.response.loc[dict(condition="restarts", image=0)] = 99
    assert phase_block(stimuli).preferred_frequency.values.tolist() == pytest.approx([0.1])


def test_signature_of_a_set_whose_phases_are_spread():
    dataset = phase_block(stimuli_block([4]))
    assert dataset.resultant.values.tolist() == pytest.approx([0], abs=0.02)
    assert dataset.similarity_within.values.tolist() == pytest.approx([1], abs=0.01)
    assert dataset.rayleigh_p > 0.95
    together = stimuli_block([4])
    together.stimulus[:] = 80 * cells.gabor(1.0)
    assert phase_block(together).resultant.values.tolist() == pytest.approx([1])


def test_forms_and_images_are_kept_apart():
    curves = np.zeros((2, 1, 3, 8))
    curves[0, 0] = 10 * np.cos(PHASES)
    curves[0, 0, 2] = 4  # one image of three does not modulate at all
    curves[1] = 5 + 5 * np.cos(PHASES)
    dataset = phase_block(stimuli_block([4]), curves)
    assert dataset.f1_f0.values[:, 0] == pytest.approx([RECTIFIED * 2 / 3, 1])


def test_indices_lie_above_the_blank():
    dataset = phase_block(stimuli_block([4, 5]), 7 + 3 * np.cos(PHASES), [7, -2], (9.0, 8.0))
    assert dataset.f1_f0.values[0] == pytest.approx([RECTIFIED, 3 / 7])
    assert dataset.texture_mean.values[0] == pytest.approx([1.5 / 3, 0.85])
    assert dataset.blank.values.tolist() == [7, -2]


def test_a_unit_that_never_responds():
    """Nor one that a blank drives as well: no index of responses, and the reason why."""
    stimuli = stimuli_block([1, 2, 3], a_max=[-4.0, 10.0, 10.0])
    dataset = phase_block(stimuli, blank=[-5.0, 9.5, 8.0])
    why = ["never responds", "does not clearly respond above the blank", ""]
    assert reasons(dataset) == everywhere(*why)
    for name in ("f1_f0", "mean_max", "min_max", "texture_mean", "texture_min"):
        assert np.isnan(dataset[name].values).any(0).tolist() == [True, True, False], name
    for name in ("resultant", "rayleigh_p", "similarity_within"):
        assert np.isnan(dataset[name].values).tolist() == [True, True, False], name


def test_a_flat_spectrum():
    """Single images are left out; a unit of nothing else has no index."""
    flat = np.array([[True, True, True], [True, False, False]])
    curves = np.zeros((2, 2, 3, 8)) + 5 + 5 * np.cos(PHASES)
    curves[:, 1, 0] = 1
    dataset = phase_block(stimuli_block([4, 5]), curves, flat=flat)
    for index, why in (("fourier", "flat spectrum"), ("signature", "flat spectrum: no peak")):
        assert reasons(dataset)[index] == [why, ""]
    assert reasons(dataset)["monogenic"] == reasons(dataset)["fourier"]
    assert np.isnan(dataset.f1_f0.values[:, 0]).all()
    np.testing.assert_allclose(dataset.f1_f0.values[:, 1], 1)
    assert dataset.used.values.tolist() == [(~flat).tolist()] * 2
    assert np.isnan(dataset.orientation.values).tolist() == flat.tolist()
    assert np.isnan(dataset.frequency.values).tolist() == flat.tolist()
    for name in ("resultant", "peak_phase", "spectrum"):
        gone = np.isnan(dataset[name].values).reshape(2, -1)
        assert gone.all(1).tolist() == [True, False]
        assert not gone[1].any()


def test_without_a_direction_the_monogenic_form_remains():
    dataset = phase_block(stimuli_block([4]), strength=np.zeros((1, 3)))
    assert reasons(dataset)["fourier"] == ["no direction stands out"]
    assert reasons(dataset)["monogenic"] == [""]
    assert np.isnan(dataset.f1_f0.values[:, 0]).tolist() == [True, False]
    assert np.isnan(dataset.preferred_orientation).all()
    assert np.isfinite(dataset.preferred_frequency).all()


def test_stimuli_that_a_shift_hardly_moves():
    modulation = np.array([[0.1, 0.2, 0.4], [0.4, 0.6, 0.9]])
    dataset = phase_block(stimuli_block([4, 5]), modulation=modulation)
    why = ["a phase shift hardly moves the best stimuli", ""]
    assert reasons(dataset)["fourier"] == reasons(dataset)["monogenic"] == why
    assert np.isfinite(dataset.f1_f0.values).all(0).tolist() == [False, True]
    assert dataset.used.sel(form="fourier").values[1].tolist() == [False, True, True]


def test_uniform_stimuli():
    """Without a peak among the restarts, or with a diverse stimulus that has no phase."""
    for condition, why in (
        ("restarts", "best stimuli are uniform"),
        ("diverse", "a diverse stimulus is uniform"),
    ):
        stimuli = stimuli_block([4, 5])
        stimuli.stimulus.loc[dict(condition=condition, unit=4)] = 9
        dataset = phase_block(stimuli)
        assert reasons(dataset)["signature"] == [why, ""]
        assert np.isnan(dataset.similarity_within.values).tolist() == [True, False]
    stimuli = stimuli_block([4])
    stimuli.stimulus.loc[dict(condition="restarts", image=0)] = 9
    assert reasons(phase_block(stimuli))["signature"] == [""]  # the others have a peak
    stimuli.stimulus.loc[dict(condition="diverse", image=0)] = 9
    assert reasons(phase_block(stimuli))["signature"] == ["a diverse stimulus is uniform"]
    flat = np.array([[True, False, False]])
    assert reasons(phase_block(stimuli_block([4]), flat=flat))["signature"] == [""]


def test_thresholds():
    """As documented: a direction of 1e-3, half of the power, a tenth of a_max above the blank."""
    for name, low, high in (("strength", 0.0009, 0.0011), ("modulation", 0.49, 0.51)):
        dataset = phase_block(stimuli_block([4]), **{name: np.array([[low, high, high]])})
        assert dataset.used.sel(form="fourier").values.tolist() == [[False, True, True]], name


def test_an_image_silent_in_one_form_counts_in_the_other():
    curves = np.zeros((2, 1, 3, 8)) + 5 + 5 * np.cos(PHASES)
    curves[1, 0, 1] = -2
    dataset = phase_block(stimuli_block([4]), curves)
    assert dataset.used.values.tolist() == [[[True] * 3], [[True, False, True]]]
    np.testing.assert_allclose(dataset.f1_f0, 1)
    assert reasons(dataset) == everywhere("")


def test_signature_reads_the_peak_from_the_restarts():
    stimuli = stimuli_block([4])
    wave = np.cos(2 * np.pi * 5 * np.arange(24) / 24 + np.array([0, 2, 4])[:, None])
    stimuli.stimulus.loc[dict(condition="diverse")] = 100 * cells.gabor(1.0)
    stimuli.stimulus.loc[dict(condition="diverse")] += 50 * wave[None, :, None, :, None]
    assert phase_block(stimuli).resultant > 0.99


def test_spectrum_is_the_mean_over_the_diverse_set():
    stimuli = stimuli_block([4])
    noise = np.random.default_rng(0).standard_normal((3, 3, 24, 24))
    stimuli.stimulus.loc[dict(condition="diverse")] = noise[None]
    expected = signature.amplitude_spectra(noise).mean(0)
    np.testing.assert_allclose(phase_block(stimuli).spectrum[0], expected, rtol=1e-5)


def test_a_single_image():
    dataset = phase_block(stimuli_block([4], images=1))
    assert reasons(dataset) == {**everywhere(""), "signature": ["a single image"]}
    np.testing.assert_allclose(dataset.f1_f0, RECTIFIED)
    for name in ("similarity_within", "resultant", "rayleigh_p"):
        assert np.isnan(dataset[name]).all()


def test_silent_shifts_and_masks():
    dataset = phase_block(stimuli_block([4]), np.full(8, -1.0), blank=[5.0], a_max_masked=5.2)
    assert reasons(dataset)["fourier"] == ["no response at any phase"]
    under = "does not clearly respond above the blank under the mask"
    assert reasons(dataset)["texture"] == [under]
    assert np.isnan(dataset.f1_f0).all()
    assert np.isnan(dataset.texture_mean).all()


@pytest.mark.parametrize("side", [1, 2])
def test_smallest_stimuli(side):
    """Of one or two pixels there is no phase at all, nor more than one crop."""
    stimuli = stimuli_block([4], stimuli=np.full((1, 3, 3, side, side), 9.0))
    dataset = phase_block(
        stimuli,
        modulation=np.zeros((1, 3)),
        series=np.zeros((1, 8, 3, side, side)),
        crop_count=1,
    )
    assert reasons(dataset) == {
        "fourier": ["a phase shift hardly moves the best stimuli"],
        "monogenic": ["a phase shift hardly moves the best stimuli"],
        "texture": ["the field is too small for crops that differ"],
        "signature": ["best stimuli are uniform"],
    }


def test_file_describes_itself():
    dataset = phase_block(stimuli_block([4, 5], truth="simple"))
    assert dataset.response.dims == ("form", "unit", "image", "phase")
    assert dataset.texture.dims == ("unit", "channel", "texture_y", "texture_x")
    assert dataset.crop_response.dims == ("crops", "unit", "crop_y", "crop_x")
    assert dataset.response.attrs["units"] == "mean response of the channel to natural photos"
    assert dataset.frequency.attrs["units"] == "cycles per pixel"
    assert dataset.phase.attrs["units"] == "radians"
    assert dataset.truth.values.tolist() == ["simple", "simple"]
    assert dataset.attrs == {"network": "n", "layer": "l", "seed": 0}
