"""The phase file: indices worked out by hand, and a reason wherever one is missing."""

import numpy as np
import pytest
from phase_blocks import PHASES, phase_block, stimuli_block

from invariscope import cells

RECTIFIED = 4 * np.tan(np.pi / 8)  # F1/F0 of a half-rectified cosine over 8 phases


def reasons(dataset):
    return {
        str(index): dataset.missing.sel(index=index).values.tolist()
        for index in dataset.index.values
    }


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
    assert reasons(dataset) == {"tuning": ["", ""], "texture": ["", ""], "signature": ["", ""]}


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
    assert reasons(dataset) == {"tuning": why, "texture": why, "signature": why}
    for name in ("f1_f0", "mean_max", "min_max", "texture_mean", "texture_min"):
        assert np.isnan(dataset[name].values).any(0).tolist() == [True, True, False], name
    for name in ("resultant", "rayleigh_p", "similarity_within"):
        assert np.isnan(dataset[name].values).tolist() == [True, True, False], name


def test_a_flat_spectrum():
    """Single images are left out; a unit of nothing else has no index."""
    strength = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    curves = np.zeros((2, 2, 3, 8)) + 5 + 5 * np.cos(PHASES)
    curves[:, 1, 0] = 1
    dataset = phase_block(stimuli_block([4, 5]), curves, strength=strength)
    assert reasons(dataset)["tuning"] == ["flat spectrum: no direction stands out", ""]
    assert np.isnan(dataset.f1_f0.values[:, 0]).all()
    np.testing.assert_allclose(dataset.f1_f0.values[:, 1], 1)
    point = np.zeros((1, 3, 3, 24, 24))
    point[..., 12, 7] = 100
    flat = phase_block(stimuli_block([4], stimuli=point))
    assert reasons(flat)["signature"] == ["flat spectrum: no peak"]
    assert np.isnan(flat.resultant).all()


def test_uniform_stimuli():
    modulation = np.array([[0.1, 0.2, 0.4], [0.4, 0.6, 0.9]])
    dataset = phase_block(stimuli_block([4, 5]), modulation=modulation)
    assert reasons(dataset)["tuning"] == ["best stimuli are uniform", ""]
    assert np.isfinite(dataset.f1_f0.values).all(0).tolist() == [False, True]
    uniform = phase_block(stimuli_block([4], stimuli=np.full((1, 3, 3, 24, 24), 9.0)))
    assert reasons(uniform)["signature"] == ["stimuli are uniform"]
    assert np.isnan(uniform.similarity_within).all()


def test_a_single_image():
    dataset = phase_block(stimuli_block([4], images=1))
    assert reasons(dataset) == {"tuning": [""], "texture": [""], "signature": ["a single image"]}
    np.testing.assert_allclose(dataset.f1_f0, RECTIFIED)
    for name in ("similarity_within", "resultant", "rayleigh_p"):
        assert np.isnan(dataset[name]).all()


def test_silent_shifts_and_masks():
    dataset = phase_block(stimuli_block([4]), np.full(8, -1.0), a_max_masked=-2.0)
    assert reasons(dataset)["tuning"] == ["no response at any phase"]
    assert reasons(dataset)["texture"] == ["does not respond under the mask"]
    assert np.isnan(dataset.f1_f0).all()
    assert np.isnan(dataset.texture_mean).all()


def test_smallest_stimuli():
    """Of one pixel there is no phase at all."""
    stimuli = stimuli_block([4], stimuli=np.full((1, 3, 3, 1, 1), 9.0))
    dataset = phase_block(stimuli, modulation=np.zeros((1, 3)), series=np.zeros((1, 8, 3, 1, 1)))
    assert reasons(dataset)["signature"] == ["stimuli are uniform"]
    assert reasons(dataset)["tuning"] == ["best stimuli are uniform"]


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
