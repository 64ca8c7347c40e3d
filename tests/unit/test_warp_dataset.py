"""The warp file's indices against numbers worked out by hand."""

import numpy as np
import pytest
from blocks import stimuli_block, warp_block, warp_found
from scipy import stats

from invariscope.files import read_dataset, write_dataset
from invariscope.warp_dataset import INDICES, unfit, warp_dataset

SINGLE = [name for name, (dim, *_) in INDICES.items() if dim is None]
NULL = [name for name, (*_, reason) in INDICES.items() if reason == "null"]


def test_indices_by_hand():
    stimuli = stimuli_block([3, 5])
    block = warp_block(stimuli)
    found = warp_found(2)
    np.testing.assert_allclose(block.warp_gain, 0.3, atol=0.02)
    np.testing.assert_allclose(block.null_gain, 0.1, atol=0.02)
    np.testing.assert_allclose(block.mean_explained.sel(family="affine"), 0.2, atol=0.02)
    expected = found["null_explained"][3].mean(1)
    np.testing.assert_allclose(block.null_mean_explained.sel(family="warp"), expected)
    np.testing.assert_allclose(block.gain_effect, 1)
    np.testing.assert_allclose(block.path_retention, 1)
    np.testing.assert_allclose(block.control_retention.sel(match="change"), 0.5)
    np.testing.assert_allclose(block.control_retention.sel(match="displacement"), 1 / 11)
    np.testing.assert_allclose(block.blend_retention, 1.125)
    np.testing.assert_allclose(block.interpolation, 0.95)
    np.testing.assert_allclose(block.least_jacobian, 0.5)
    np.testing.assert_allclose(block.relative_stability, 4)
    assert block.source_image.values.tolist() == found["pairs"][:, 0].tolist()
    assert block.target_image.values.tolist() == found["pairs"][:, 1].tolist()
    assert (block.missing == "").all()
    assert block["size"].values.tolist() == [0.5, 1.0, 2.0]


def test_effect_and_p_are_mann_whitneys():
    """The share of pairs of gains where the own is larger, less that where it is smaller."""
    rng = np.random.default_rng(1)
    own, null = rng.random((4, 2, 15)), rng.random((4, 2, 15)) - 0.2
    changed = dict(
        explained=own,
        null_explained=null,
        jacobian=rng.random((2, 15)) + 0.1,
    )
    block = warp_block(stimuli_block([3, 5], images=6), **changed)
    for unit in range(2):
        mine, other = own[3, unit] - own[2, unit], null[3, unit] - null[2, unit]
        expected = np.sign(mine[:, None] - other[None, :]).mean()
        assert float(block.gain_effect[unit]) == pytest.approx(expected)
        # With 15 and 15 values the normal limit is close to the exact distribution.
        exact = stats.mannwhitneyu(mine, other, alternative="greater", method="exact").pvalue
        assert float(block.gain_p[unit]) == pytest.approx(exact, abs=0.01)
        assert float(block.warp_gain[unit]) == pytest.approx(mine.mean())
        assert float(block.least_jacobian[unit]) == changed["jacobian"][unit].min()


def test_retention_is_above_the_blank_and_over_all_pairs_at_once():
    """A pair that starts low counts little; below the blank there is no response."""
    own = np.full((1, 3, 11), 2.0)
    own[0, 0] = [12] + [7] * 10
    own[0, 1, 1:] = -5
    own[0, 2] = 4
    block = warp_block(stimuli_block([3]), blank=[2.0], own=own)
    start = 10 + 0 + 2
    along = (10 + 5 * 10) / 11 + 0 + 2
    assert float(block.path_retention[0]) == pytest.approx(along / start)


def test_stability_is_that_of_the_response_above_the_blank():
    changed = dict(
        warped_response=np.full((3, 1, 3, 4), -6.0), noisy_response=np.full((3, 1, 3, 4), 5.0)
    )
    block = warp_block(stimuli_block([3]), blank=[2.0], **changed)
    np.testing.assert_allclose(block.relative_stability, (6 / 3) ** 2)


def test_a_unit_that_nothing_drives_has_no_index():
    block = warp_block(stimuli_block([3, 5, 7], a_max=[10, 0, 10]), blank=[0, 0, 9.5])
    reasons = block.missing.sel(index="warp").values.tolist()
    assert reasons == ["", "never responds", "does not clearly respond above the blank"]
    assert block.missing.sel(index="null").values.tolist() == ["", "", ""]
    for name in INDICES:
        values = np.atleast_2d(block[name].values)
        assert np.isfinite(values[:, 0]).all()
        assert np.isnan(values[:, 1:]).all()


def test_a_unit_alone_lacks_null_and_controls_only():
    null = np.full((2, 3, 2), 1)
    null[1] = -1
    block = warp_block(stimuli_block([3, 5]), null=null)
    assert block.missing.sel(index="warp").values.tolist() == ["", ""]
    alone = "no other unit of the layer to compare with"
    assert block.missing.sel(index="null").values.tolist() == ["", alone]
    for name in INDICES:
        values = np.atleast_2d(block[name].values)
        assert np.isfinite(values[:, 0]).all()
        assert np.isnan(values[:, 1]).all() == (name in NULL)
    assert len(NULL) == 5


@pytest.mark.parametrize(
    ("stimuli", "reason"),
    [
        (stimuli_block([3], images=1), "a single image"),
        (
            stimuli_block([3]).isel(y=slice(7), x=slice(7)),
            "the field is too small, below 8 pixels",
        ),
    ],
)
def test_what_cannot_be_fitted_has_a_reason(stimuli, reason, tmp_path):
    assert unfit(stimuli) == reason
    block = warp_dataset(stimuli, np.zeros(1), None, network="n", layer="l")
    assert block.missing.sel(index="warp").values.tolist() == [reason]
    for name, (dim, *_) in INDICES.items():
        assert block[name].dims == (("unit",) if dim is None else (dim, "unit"))
        assert block[name].isnull().all()
    write_dataset(block, tmp_path / "w.nc")
    assert set(INDICES) < set(read_dataset(tmp_path / "w.nc"))
    assert unfit(stimuli_block([3]).isel(y=slice(8), x=slice(8))) == ""


def test_two_images_make_a_pair():
    assert unfit(stimuli_block([3], images=2)) == ""


def test_interpolation_is_over_all_images_at_once():
    changed = dict(itself=np.array([[10.0, 1, 1]]), interpolated=np.array([[5.0, 1, 1]]))
    block = warp_block(stimuli_block([3]), **changed)
    np.testing.assert_allclose(block.interpolation, [7 / 12])


def test_what_was_measured_is_kept():
    rng = np.random.default_rng(2)
    found = {
        name: value if name == "pairs" else rng.integers(1, 9, value.shape).astype(value.dtype)
        for name, value in warp_found(2).items()
    }
    block = warp_block(stimuli_block([3, 5]), **found)
    kept = {
        "null_unit": found["null"][..., 0],
        "null_image": found["null"][..., 1],
        "control_unit": found["control"][..., 0],
        "control_pair": found["control"][..., 1],
        "own_response": found["own"],
        "blend_response": found["blend"],
        "itself_response": found["itself"],
        "interpolated_response": found["interpolated"],
    }
    same = ["explained", "null_explained", "jacobian", "velocity", "displacement", "example"]
    same += ["warped", "turned", "control_response", "warped_response", "noisy_response", "moved"]
    for name, values in {**kept, **{name: found[name] for name in same}}.items():
        np.testing.assert_array_equal(block[name], values, err_msg=name)


def test_files_read_back(tmp_path):
    block = warp_block(stimuli_block([3, 5]))
    write_dataset(block, tmp_path / "w.nc")
    back = read_dataset(tmp_path / "w.nc")
    assert back.identical(block)
