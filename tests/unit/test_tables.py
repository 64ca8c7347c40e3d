"""Tables and captions against numbers worked out by hand."""

import jinja2
import numpy as np
import pandas as pd
import pytest
from blocks import phase_block, stimuli_block, warp_block

from invariscope import tables
from invariscope.captions import fill

COLUMNS = (
    "network",
    "layer",
    "channel",
    "seed",
    "truth",
    "rf",
    "a_max",
    "activation_ratio",
    "min_distance",
    "diversity_gain",
    "f1_f0",
    "phase_invariance",
    "f1_f0_monogenic",
    "texture_mean",
    "texture_min",
    "warp_gain",
    "path_retention",
    "relative_stability",
    "label",
    "phase_minimum",
    "warp_p",
    "control_retention",
    "missing",
)


def test_rows():
    stimuli = stimuli_block([3, 5], a_max=[10, 0], truth="simple")
    stimuli.distance[:, 0] = [[4, 5, 6], [5, 6, 9]]
    curves = np.zeros((2, 2, 3, 8)) + 6
    curves[1] += 6 * np.cos(np.arange(8) * np.pi / 4)
    rows = tables.unit_rows(stimuli, phase_block(stimuli, curves), warp_block(stimuli))
    assert tuple(rows.columns) == COLUMNS
    first, silent = rows.to_dict("records")
    assert first == {
        "network": "n",
        "layer": "l",
        "channel": 3,
        "seed": 0,
        "truth": "simple",
        "rf": 24,
        "a_max": 10.0,
        "activation_ratio": pytest.approx(0.8 * 0.95),
        "min_distance": 4.0,
        "diversity_gain": -1.0,
        "f1_f0": pytest.approx(0),
        "phase_invariance": pytest.approx(1),
        "f1_f0_monogenic": pytest.approx(1),
        "texture_mean": pytest.approx(0.5),
        "texture_min": pytest.approx(0.2),
        "warp_gain": pytest.approx(0.3, abs=0.02),
        "path_retention": pytest.approx(1),
        "relative_stability": pytest.approx(4),
        "label": "",
        "phase_minimum": pytest.approx(1),
        "warp_p": pytest.approx(0.04, abs=0.02),  # three pairs against three
        "control_retention": pytest.approx(0.5),
        "missing": "",
    }
    assert silent["truth"] == "simple"
    # What a unit that nothing drives ends with means nothing.
    assert all(np.isnan(silent[key]) for key in COLUMNS[7:-1] if key != "label")
    assert silent["missing"] == "; ".join(
        f"{index}: never responds"
        for index in ("fourier", "monogenic", "texture", "signature", "warp")
    )


def test_a_single_image_has_no_distance():
    stimuli = stimuli_block([3], images=1)
    rows = tables.unit_rows(stimuli, phase_block(stimuli), warp_block(stimuli))
    assert rows[["min_distance", "diversity_gain"]].isna().all(axis=None)
    assert rows.missing.tolist() == ["signature: a single image; warp: a single image"]


def test_a_table_reads_back(tmp_path):
    stimuli = stimuli_block([3, 5], a_max=[10, 0])
    rows = tables.unit_rows(stimuli, phase_block(stimuli), warp_block(stimuli))
    rows.to_csv(tmp_path / "units.csv", index=False)
    read = tables.read(tmp_path / "units.csv")
    pd.testing.assert_frame_equal(read, rows.reset_index(drop=True), check_dtype=False)
    assert read.truth.tolist() == read.label.tolist() == ["", ""]


def test_signature_rows():
    """Of one layer, over its blocks; a unit without a signature counts among no others."""
    stimuli = stimuli_block([3, 4, 5], a_max=[10, 0, 10])
    stimuli.stimulus[:, 1] = np.random.default_rng(0).standard_normal(stimuli.stimulus[:, 1].shape)
    rows = tables.signature_rows(phase_block(stimuli))
    assert rows.channel.tolist() == [3, 4, 5]
    assert rows.similarity_between.isna().tolist() == [False, True, False]
    assert rows.similarity_between[0] == pytest.approx(1, abs=0.01)
    assert rows.similarity_within[0] == pytest.approx(1, abs=0.01)
    assert rows.resultant[0] == pytest.approx(0, abs=0.02)
    assert rows.rayleigh_p[0] > 0.95
    assert set(rows.network) == {"n"}


def test_p_values_are_corrected_within_layer_and_seed_and_units_labelled():
    """Benjamini and Hochberg by hand: p n / rank, made monotone; a missing one does not count."""
    rows = pd.DataFrame(
        {
            "network": ["n"] * 4 + ["m"] * 2 + ["n"],
            "layer": "a",
            "seed": [0] * 6 + [1],
            "f1_f0": 1.5,
            "phase_minimum": 0.0,
            "warp_p": [0.03, 0.01, np.nan, 0.04, 0.03, 0.2, 0.045],
            "path_retention": 0.9,
            "control_retention": 0.5,
        },
        index=[0, 1, 2, 3, 0, 1, 0],  # as blocks have it
    )
    found = tables.labelled(rows)
    expected = [0.04, 0.03, np.nan, 0.04, 0.06, 0.2, 0.045]
    np.testing.assert_allclose(found.warp_p, expected)
    warp, none = "warp-invariant", "selective"
    assert found.label.tolist() == [warp, warp, "", warp, none, none, warp]


def test_warp_rows():
    sizes = np.array([1.0, 2.0, 3.0])[:, None, None, None]
    changed = dict(warped_response=8 + sizes * np.tile([1.0, -1.0], 2) * np.ones((3, 2, 3, 4)))
    stimuli = stimuli_block([3, 5])
    block = warp_block(stimuli, **changed)
    rows = tables.warp_rows(block)
    families = ("none", "translation", "affine", "warp")
    assert rows.columns.tolist() == [
        *("network", "layer", "channel"),
        *(f"explained_{family}" for family in families),
        *(f"null_explained_{family}" for family in families),
        *("null_gain", "gain_effect", "gain_p"),
        *("blend_retention", "interpolation", "least_jacobian"),
        "control_retention_displacement",
        *("relative_stability_0.5", "stability_low_0.5", "stability_high_0.5"),
        *("relative_stability_1", "stability_low_1", "stability_high_1"),
        *("relative_stability_2", "stability_low_2", "stability_high_2"),
    ]
    assert tables.unit_rows(stimuli, phase_block(stimuli), block).relative_stability[0] == 4
    assert rows.channel.tolist() == [3, 5]
    assert rows.explained_none[0] == pytest.approx(0.005, abs=0.01)
    assert rows.explained_warp[0] == pytest.approx(0.5, abs=0.02)
    assert rows.null_explained_warp[0] == pytest.approx(0.3, abs=0.02)
    assert rows.null_explained_affine[0] == pytest.approx(0.2, abs=0.02)
    assert rows.null_gain[0] == pytest.approx(0.1, abs=0.02)
    assert rows.control_retention_displacement.tolist() == pytest.approx([1 / 11] * 2)
    assert rows.blend_retention.tolist() == pytest.approx([1.125] * 2)
    assert rows.interpolation.tolist() == pytest.approx([0.95] * 2)
    for size, expected in (("0.5", 1), ("1", 4), ("2", 9)):
        for name in ("relative_stability", "stability_low", "stability_high"):
            assert rows[f"{name}_{size}"].tolist() == pytest.approx([expected] * 2)
    assert not {"warp_gain", "path_retention", "control_retention"} & set(rows)  # in units.csv


def test_seeds_part_and_labels_agree():
    """Two layers, one with two further seeds; blocks have indices of their own."""
    rows = pd.DataFrame(
        [
            ("a", 0, 7, "selective"),
            ("a", 1, 7, "both"),
            ("a", 2, 7, ""),
            ("b", 0, 7, "both"),
            ("a", 0, 8, "selective"),
            ("a", 1, 8, "selective"),
            ("a", 2, 8, "both"),
            ("a", 0, 9, ""),
            ("a", 1, 9, "both"),
            ("a", 2, 9, ""),
        ],
        columns=["layer", "channel", "seed", "label"],
        index=[0, 1, 0, 0, 0, 1, 0, 0, 1, 0],
    )
    rows = rows.assign(network="n", missing="")
    units, seeds = tables.apart_by_seed(rows, 7)
    assert units[["layer", "channel"]].values.tolist() == [["a", 0], ["a", 1], ["a", 2], ["b", 0]]
    assert list(units)[-2:] == ["label_agreement", "missing"]
    assert "seed" not in units
    np.testing.assert_array_equal(units.label_agreement, [0.5, 0.5, np.nan, np.nan])
    assert len(seeds) == 9
    assert set(seeds.layer) == {"a"}
    assert seeds.seed.tolist() == [7] * 3 + [8] * 3 + [9] * 3
    units, seeds = tables.apart_by_seed(rows[rows.seed == 7], 7)
    assert units.label_agreement.isna().all()
    assert len(seeds) == 0


def test_captions_are_filled():
    assert fill("{% for n in counts %}{{ n }} {% endfor %}", counts=[1, 2]) == "1 2 "
    with pytest.raises(jinja2.UndefinedError):
        fill("{{ nothing }}")
