"""What captions say of layers in numbers, against numbers worked out by hand."""

import numpy as np
import pytest
from blocks import stimuli_block, units_table

from invariscope import summaries
from invariscope.captions import fill


@pytest.fixture
def units():
    """A layer of five units of which one lacks all indices, one of two, and a model cell."""
    table = units_table({("n", "a"): 5, ("n", "b"): 2, ("cells", "c"): 1})
    table["truth"] = [""] * 7 + ["simple"]
    table["f1_f0"] = [0.1, 0.2, 0.3, 1.0, np.nan, 0.5, 0.5, 0.9]
    table["texture_mean"] = [0.8, 0.6, 0.7, 0.1, 0.9, 0.2, 0.4, 0.9]
    return table


def test_distances():
    """The block's diverse set responds at 0.8 times 0.95 of a_max, and has 0.8 times 5."""
    stimuli = stimuli_block([3, 4, 5, 6], a_max=[10, 20, 0, 40])
    # One unit's diverse set is further apart than its restarts are.
    stimuli.distance.loc[dict(condition="diverse", unit=4)] = [9, 6, 7]
    (layer,) = summaries.distances({("n", "l"): stimuli})
    assert (layer["network"], layer["layer"]) == ("n", "l")
    assert (layer["units"], layer["silent"], layer["more"]) == (3, 1, 1)
    assert layer["activation"] == pytest.approx([0.76, 0.95])
    assert layer["distance"] == [4, 5]
    assert layer["measure"] == "8-bit grey levels"


def test_distances_of_a_layer_that_never_responds():
    (layer,) = summaries.distances({("n", "l"): stimuli_block([3], a_max=[0])})
    assert (layer["units"], layer["silent"], layer["more"]) == (0, 1, 0)
    assert np.isnan(layer["distance"]).all()


def test_units_that_examples_are_chosen_from():
    blocks = [(("n", "a"), np.array([1.0, np.nan])), (("n", "b"), np.array([np.inf, 2, 3]))]
    assert summaries.chosen_from(blocks) == dict(units=3, missing=2)


def test_textures(units):
    first, second = summaries.textures(units)
    assert (first["layer"], first["units"], first["missing"]) == ("a", 4, 1)
    assert first["texture"] == pytest.approx(0.65)
    # Ranks 1 2 3 4 against 4 2 3 1: 1 - 6 * (9 + 0 + 0 + 9) / (4 * 15)
    assert first["correlation"] == pytest.approx(-0.8)
    assert (second["units"], second["texture"]) == (2, pytest.approx(0.3))
    assert np.isnan(second["correlation"])


def test_textures_of_units_that_are_alike(units):
    assert np.isnan(summaries.textures(units.assign(f1_f0=0.5))[0]["correlation"])


def test_signatures(units):
    table = units.assign(
        similarity_within=[0.9, 0.8, 0.7, 0.6, 1, 0.5, np.nan, 1],
        similarity_between=[0.1, 0.2, 0.3, 0.4, 1, 0.5, 0.5, 1],
        rayleigh_p=[0.01, 0.05, 0.049, 0.5, np.nan, 0.9, 0.9, 0],
    )
    first, second = summaries.signatures(table)
    assert (first["units"], first["missing"], first["clustered"]) == (4, 1, 2)
    assert (first["within"], first["between"]) == pytest.approx((0.75, 0.25))
    assert (second["units"], second["missing"], second["clustered"]) == (1, 1, 0)


def test_warps(units):
    table = units.assign(
        warp_p=[0.01, 0.05, 0.04, 0.5, np.nan, 0.9, 0.9, 0],
        path_retention=[0.8, 0.79, 0.9, 0.9, 1, 0.5, 0.7, 1],
        control_retention=[0.7, 0.1, 0.85, 0.7, 0, 0.5, 0.1, 0],
        **{"relative_stability_1": [1.0, 2, 4, 8, 9, 3, 5, 9]},
    )
    first, second = summaries.warps(table)
    assert (first["units"], first["missing"], first["gain"]) == (4, 1, 2)
    # Kept by the first (0.8, and 0.1 more) and the fourth.
    assert first["kept"] == 2
    medians = first["own"], first["control"], first["stability"]
    assert medians == pytest.approx((0.85, 0.7, 3))
    assert (second["units"], second["kept"], second["own"]) == (2, 0, pytest.approx(0.6))


def bullets(template, **values):
    """Bullets of a filled caption, each on one line."""
    return [" ".join(line.split()) for line in fill(template, **values).split("\n* ")[1:]]


def test_captions_say_it(template, units):
    stimuli = {("n", "l"): stimuli_block([3, 4], a_max=[10, 0])}
    for name in ("diversity", "gallery"):
        assert bullets(template(name), layers=summaries.distances(stimuli)) == [
            "n l, 1 units: response 76% of a_max against 95%, smallest distance 4 against 5 (in "
            "8-bit grey levels); the diverse set's is larger in 0. Left out: 1 that never respond."
        ]
    assert bullets(template("texture"), layers=summaries.textures(units)) == [
        "n a, 4 units: median 0.65, rank correlation with F1/F0 -0.80. 1 without an index; "
        "units.csv says why.",
        "n b, 2 units: median 0.30.",
    ]
    layer = dict(network="n", layer="a", units=4, missing=0)
    row = layer | dict(within=0.9, between=0.8, clustered=3)
    assert bullets(template("phase_signature"), layers=[row], level=0.05) == [
        "n a, 4 units: median similarity 0.90 within, 0.80 to others; phases cluster in 3."
    ]
    row = layer | dict(gain=3, kept=1, own=0.85, control=0.7, stability=3.14159)
    assert bullets(template("warp_population"), layers=[row]) == [
        "n a, 4 units: 3 gain more than the null, 1 lie above both dotted lines; medians: 85% of "
        "the response kept along own warps, 70% along controls, relative stability 3.14."
    ]


@pytest.mark.parametrize("name", ["phase_examples", "warp_examples"])
def test_captions_say_from_how_many_units_examples_are(template, name):
    text = " ".join(fill(template(name), units=5, missing=0).split())
    assert text.endswith("Chosen from 5 units.")
    assert "Chosen from 5 units; 2 without" in fill(template(name), units=5, missing=2)


def test_what_the_report_begins_with(template):
    counts = {"selective": 2, "phase-invariant": 1, "warp-invariant": 0, "both": 0}
    none = dict.fromkeys(counts, 0)
    layers = [
        dict(network="n", layer="a", units=3, missing=1, counts=counts),
        dict(network="n", layer="b", units=0, missing=2, counts=none),
    ]
    text = fill(template("study"), study="mine", layers=layers, labels=list(counts), cells=7)
    assert text.strip().startswith("Study mine\n==========\n")
    assert "looks at 6 units in 2 layers of 1 networks, and at 7 model cells" in " ".join(
        text.split()
    )
    lines = [" ".join(line.split()) for line in text.split("\n* ")[1:]]
    assert lines[0] == (
        "n a, 4 units: 2 selective, 1 phase-invariant. 1 without a label; units.csv says why."
    )
    assert lines[1].startswith("n b, 2 units: 2 without a label; units.csv says why.")
    text = fill(template("study"), study="mine", layers=layers, labels=list(counts), cells=0)
    assert "model cells" not in text
