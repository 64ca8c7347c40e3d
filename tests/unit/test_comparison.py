"""Which layers correspond and how far their units lie apart: numbers worked out by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from blocks import units_table
from scipy import stats

from invariscope import comparison

VGG = dict(conv1_1=3, conv1_2=5, conv2_1=10, conv2_2=14, conv3_1=24, conv3_2=32, conv3_3=40)
VGG |= dict(conv3_4=48, conv4_1=68)
RESNET = {"maxpool": 11, "layer1.0": 19, "layer1.1": 27, "layer1.2": 35}
RESNET |= {"layer2.0": 43, "layer2.1": 59, "layer2.2": 75, "layer2.3": 91}


def test_layers_of_the_papers_networks():
    matched = comparison.correspondence(VGG, RESNET)
    assert [pair for pair in matched if None not in pair] == [
        ("conv2_1", "maxpool"),
        ("conv3_1", "layer1.1"),
        ("conv3_2", "layer1.2"),
        ("conv3_3", "layer2.0"),
        ("conv4_1", "layer2.2"),
    ]
    fields = [VGG[a] if a else RESNET[b] for a, b in matched]
    assert fields == sorted(fields)
    assert {a for a, _ in matched if a} == set(VGG)
    assert {b for _, b in matched if b} == set(RESNET)
    assert len(matched) == len(VGG) + len(RESNET) - 5


def test_matches_are_mutual_and_leave_none_nearer():
    """For random fields: no layer of a pair has a nearer one in the other network."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        first, second = (
            {f"l{i}": int(rf) for i, rf in enumerate(rng.integers(3, 100, rng.integers(1, 7)))}
            for _ in range(2)
        )
        pairs = [p for p in comparison.correspondence(first, second) if None not in p]
        assert pairs  # the nearest of all are always each other's
        for a, b in pairs:
            ratio = abs(math.log(first[a] / second[b]))
            others = [abs(math.log(first[a] / rf)) for rf in second.values()]
            others += [abs(math.log(rf / second[b])) for rf in first.values()]
            assert ratio <= min(others) + 1e-12
        for side in (0, 1):
            assert len({pair[side] for pair in pairs}) == len(pairs)


def test_nearness_is_one_of_ratios_and_ties_go_to_the_smaller():
    assert ("a", "low") in comparison.correspondence({"a": 20}, {"low": 10, "high": 40})
    assert ("a", "high") in comparison.correspondence({"a": 21}, {"low": 10, "high": 40})
    assert comparison.correspondence({"a": 20}, {}) == [("a", None)]


def test_correspondence_table():
    table = units_table({("v", "a"): 3, ("v", "b"): 2, ("r", "x"): 4, ("other", "y"): 2})
    table["rf"] = table.layer.map({"a": 5, "b": 20, "x": 25, "y": 20})
    rows = comparison.correspondence_rows(table, ("v", "r"))
    assert rows.layer_1.tolist() == ["a", "b"]
    assert rows.layer_2.tolist() == [None, "x"]
    assert rows.units_1.tolist() == [3, 2]
    assert (rows.units_2[1], rows.rf_2[1], rows.rf_ratio[1]) == (4, 25, 1.25)
    assert rows[["rf_2", "units_2", "rf_ratio"]].loc[0].isna().all()


def test_rank_biserial_counts_pairs():
    rng = np.random.default_rng(1)
    first, second = rng.integers(0, 6, (3, 7)), rng.integers(0, 6, (3, 5))
    counted = [
        np.mean([np.sign(a - b) for a, b in itertools.product(x, y)])
        for x, y in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(comparison.rank_biserial(first, second), counted, atol=1e-12)
    np.testing.assert_allclose(comparison.rank_biserial(first.T, second.T, 0), counted, atol=1e-12)


def test_effect_of_shares_is_their_difference():
    first, second = np.repeat([1.0, 0.0], [6, 2]), np.repeat([1.0, 0.0], [1, 4])
    assert comparison.effect(first, second, "x")["effect"] == pytest.approx(6 / 8 - 1 / 5)


def test_interval_covers_the_known_effect():
    """Two normal populations a shift apart have Cliff's delta 2 Phi(shift / sqrt 2) - 1."""
    known = 2 * stats.norm.cdf(0.7 / math.sqrt(2)) - 1
    rng = np.random.default_rng(2)
    covered, width = [], []
    for repeat in range(60):
        found = comparison.effect(rng.normal(0.7, 1, 40), rng.normal(0, 1, 30), str(repeat))
        covered.append(found["effect_low"] < known < found["effect_high"])
        width.append(found["effect_high"] - found["effect_low"])
    assert 0.85 <= np.mean(covered) <= 0.99
    # Twice 1.96 standard errors, by the delta's variance under a shift of normals.
    assert 0.35 < np.mean(width) < 0.6


def test_p_of_complete_separation_and_of_none():
    """All of the first above all of the second: 2 of C(10, 5) orders are as extreme."""
    low, high = np.arange(5.0), np.arange(5.0) + 10
    assert comparison.effect(low, high, "x")["p"] == pytest.approx(2 / math.comb(10, 5))
    assert comparison.effect(low, low + 1e-9, "x")["p"] > 0.5


def test_draws_follow_from_names():
    rng = np.random.default_rng(3)
    samples = rng.normal(size=20), rng.normal(size=20)
    assert comparison.effect(*samples, "a") == comparison.effect(*samples, "a")
    assert comparison.effect(*samples, "a") != comparison.effect(*samples, "b")


def test_too_few_units_have_no_effect():
    assert np.isnan(list(comparison.effect(np.ones(1), np.ones(9), "x").values())).all()


@pytest.fixture
def units():
    """Two networks with one layer each that correspond, a control of each, a layer without."""
    sizes = {("v", "a"): 4, ("v", "lone"): 2, ("v0", "a"): 3, ("r", "x"): 5, ("r0", "x"): 2}
    table = units_table(sizes)
    table["rf"] = table.layer.map({"a": 20, "lone": 3, "x": 25})
    table["f1_f0"] = [1.0, 2, 3, 4, 0, 0, 1, 1, 1, 0.5, 2.5, np.nan, 5, 6, 1, 2]
    table["path_retention"], table["control_retention"] = 0.9, 0.7
    labels = ["both", "selective", "phase-invariant", "selective"] + [""] * 2
    table["label"] = labels + ["selective"] * 8 + ["warp-invariant", "both"]
    return table


PAIR = dict(networks=["v", "r"], controls=[["v0"], ["r0"]])


def seeds_of(units, factors):
    """seeds.csv whose F1/F0 in v is multiplied by another factor at each seed."""
    rows = [units.assign(seed=seed) for seed in range(len(factors))]
    for table, factor in zip(rows, factors, strict=True):
        table.loc[table.network == "v", "f1_f0"] *= factor
    return pd.concat(rows)


def test_comparison_table(units):
    empty = units.assign(seed=0).iloc[:0]
    rows = comparison.comparison_rows(units, empty, PAIR)
    kinds = rows.groupby(["contrast", "network_1", "network_2"], sort=False).size()
    count = len(comparison.INDICES)
    assert kinds.to_dict() == {
        ("networks", "v", "r"): count,
        ("training", "v", "v0"): count,
        ("training", "r", "r0"): count,
        ("architecture", "v0", "r0"): count,
    }
    by_index = rows[rows.contrast == "networks"].set_index("index")
    row = by_index.loc["f1_f0"]
    assert (row.layer_1, row.layer_2, row.rf_1, row.rf_2) == ("a", "x", 20, 25)
    assert (row.units_1, row.missing_1, row.units_2, row.missing_2) == (4, 0, 4, 1)
    assert (row.quartile_low_1, row.median_1, row.quartile_high_1) == (1.75, 2.5, 3.25)
    assert (row.mean_1, row.median_2) == (2.5, 3.75)
    # Of 16 pairs of (1, 2, 3, 4) and (0.5, 2.5, 5, 6), six are larger and ten smaller.
    assert row.effect == pytest.approx((6 - 10) / 16)
    assert row.effect_low <= row.effect <= row.effect_high
    assert row.measure == "ratio of amplitudes, 0 to 2"
    assert by_index.mean_1["phase_invariant"] == 0.5
    assert by_index.mean_1["warp_invariant"] == 0.25
    assert by_index.median_1["retention_above_controls"] == pytest.approx(0.2)
    assert by_index[["effect_least", "effect_most"]].isna().all(axis=None)


def test_units_without_a_label_are_missing_from_its_shares(units):
    units.loc[0, "label"] = ""
    found = comparison.measured(units)
    assert found.phase_invariant[:4].tolist()[1:] == [0, 1, 0]
    assert np.isnan(found.phase_invariant[0])


def test_effects_over_seeds(units):
    rows = comparison.comparison_rows(units, seeds_of(units, [1, 100, 0]), PAIR)
    row = rows[(rows.contrast == "networks") & (rows["index"] == "f1_f0")].iloc[0]
    assert row.seeds == 3
    assert (row.effect_least, row.effect_most) == (-1, 1)
    assert row.effect == pytest.approx(-0.25)


def test_seeds_count_where_both_layers_have_them(units):
    seeds = seeds_of(units, [1, 100])
    rows = comparison.comparison_rows(units, seeds[seeds.network != "r"], PAIR)
    between = rows[rows.contrast == "networks"]
    assert (between.seeds == 1).all()
    assert between.effect_least.isna().all()


def test_only_layers_that_the_controls_have_are_compared(units):
    units = units[units.network != "v0"]
    rows = comparison.comparison_rows(units, units.assign(seed=0).iloc[:0], PAIR)
    assert set(rows.contrast) == {"networks", "training"}
    assert set(rows.network_1) == {"v", "r"}


def test_p_is_corrected_over_the_table():
    rows = pd.DataFrame({"index": list("abcd"), "p": [0.01, 0.04, np.nan, 0.03], "seeds": 1})
    found = comparison.with_corrected(rows)
    assert list(found.columns) == ["index", "p", "p_corrected", "seeds"]
    np.testing.assert_allclose(found.p_corrected, [0.03, 0.04, np.nan, 0.04])


def test_findings():
    rows = pd.DataFrame(
        [
            ("networks", "v", "r", "i", 0.2, 0.01, 0.01),
            ("networks", "v", "r", "j", -0.9, 0.01, 0.01),
            ("networks", "v", "r", "i", 0.5, 0.9, 0.9),
            ("networks", "v", "r", "i", np.nan, np.nan, np.nan),
            ("networks", "v", "r", "unshown", 1, 0, 0),
            ("networks", "w", "r", "i", 1, 0, 0),
            ("training", "v", "v0", "i", 1, 0, 0.04),
            ("training", "r", "r0", "i", 1, 0, 0.06),
            ("architecture", "v0", "r0", "i", 1, 0, 0),
        ],
        columns=["contrast", "network_1", "network_2", "index", "effect", "p", "p_corrected"],
    )
    found = comparison.findings(rows, ["v", "r"], ["i", "j"])
    assert found["tested"] == 3
    assert [row["effect"] for row in found["different"]] == [-0.9, 0.2]
    assert (found["trained"], found["learned"]) == (2, 1)
