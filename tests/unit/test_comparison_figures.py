"""Figures of compared networks show the numbers they are given: what is drawn is read back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from blocks import units_table
from matplotlib.colors import to_rgb

from invariscope import comparison
from invariscope.captions import fill
from invariscope.figures import layers, network_comparison, network_gallery, style


@pytest.fixture(autouse=True)
def _close():
    style.apply()
    yield
    plt.close("all")


PAIR = dict(networks=["v", "r"], controls=[["v0"], []])


@pytest.fixture
def units():
    """A layer each that corresponds, a control of the first network, and model cells."""
    table = units_table({("v", "a"): 8, ("v0", "a"): 8, ("r", "x"): 8, ("cells", "c"): 1})
    table["truth"] = [""] * 24 + ["simple"]
    table["rf"] = table.layer.map({"a": 20, "x": 25, "c": 24})
    v, control, r = np.arange(8) / 10, 1 + np.arange(8) / 10, np.arange(8) / 7
    table["f1_f0"] = [*v, *control, *r, 1]
    table["relative_stability"] = [10.0] * 16 + [1, 2, 3, 4, 5, 6, 7, 8, 1]
    return table


@pytest.fixture
def rows(units):
    none = units.assign(seed=0).iloc[:0]
    return comparison.with_corrected(comparison.comparison_rows(units, none, PAIR))


def test_network_comparison(units, rows):
    figure = network_comparison.draw(units, rows, [PAIR])
    first = figure.axes[0]
    dots = [
        (line.get_xdata()[0] > 0, line.get_ydata()[0], to_rgb(line.get_color()))
        for line in first.lines
        if line.get_marker() == "o"
    ]
    palette = style.colours(units)
    assert dots == [(False, 0.35, palette["v"]), (True, 0.5, palette["r"])]
    singles = [sorted(line.get_ydata()) for line in first.lines if line.get_marker() == "_"]
    assert np.allclose(singles, [np.arange(8) / 10, np.arange(8) / 7])
    row = rows[(rows.contrast == "networks") & (rows["index"] == "f1_f0")].iloc[0]
    (text,) = first.texts
    assert text.get_text() == f"{row.effect:+.2f} [{row.effect_low:+.2f}, {row.effect_high:+.2f}]"
    assert text.get_weight() == "normal"
    assert [tick.get_text() for tick in figure.axes[-1].get_xticklabels()] == ["a 20 px\nx 25 px"]
    assert figure.axes[-1].get_yscale() == "log"
    # All of one network above all of the other: the largest effect, and bold.
    (text,) = figure.axes[-1].texts
    assert text.get_text() == "+1.00 [+1.00, +1.00]"
    assert text.get_weight() == "bold"


def test_controls_are_shaded_on_their_networks_side(units, rows):
    first = network_comparison.draw(units, rows, [PAIR]).axes[0]
    filled = [c for c in first.collections if len(c.get_facecolor())]
    shades = [c for c in filled if to_rgb(c.get_facecolor()[0]) == to_rgb("0.85")]
    (box,) = (shade.get_paths()[0].get_extents() for shade in shades)
    assert (box.y0, box.y1) == pytest.approx((1.175, 1.525))
    assert box.x0 < -0.4
    assert box.x1 == pytest.approx(0)


def test_halves_lie_on_their_sides(units, rows):
    """Left of the middle the first network, right of it the second, over its own range."""
    first = network_comparison.draw(units, rows, [PAIR]).axes[0]
    boxes = [
        c.get_paths()[0].get_extents()
        for c in first.collections
        if c.get_paths() and c.get_alpha() == 0.5
    ]
    left, right = sorted(boxes, key=lambda box: box.x0)
    assert (left.x0, left.x1) == pytest.approx((-0.4, 0), abs=0.01)
    assert (right.x0, right.x1) == pytest.approx((0, 0.4), abs=0.01)
    assert (left.y0, left.y1) == pytest.approx((0, 0.7))
    assert (right.y0, right.y1) == pytest.approx((0, 1))


def test_two_pairs_stand_apart(units, rows):
    """Each pair has its own panels, and no row of another."""
    other = dict(networks=["v0", "r"], controls=[[], []])
    none = units.assign(seed=0).iloc[:0]
    both = pd.concat([rows, comparison.comparison_rows(units, none, other)])
    figure = network_comparison.draw(units, both, [PAIR, other])
    panels = len(network_comparison.PANELS)
    axes = [ax for part in figure.subfigs for ax in part.axes]
    assert len(axes) == 2 * panels
    assert [len(ax.texts) for ax in axes] == [1] * (2 * panels)


def test_a_pair_without_indices_says_so(units):
    units["f1_f0"] = np.nan
    none = units.assign(seed=0).iloc[:0]
    rows = comparison.with_corrected(comparison.comparison_rows(units, none, PAIR))
    first = network_comparison.draw(units, rows, [PAIR]).axes[0]
    assert [text.get_text() for text in first.texts] == ["too few units"]


def caption(rows, template):
    names = dict(zip(network_comparison.PANELS, "fgwks", strict=True))
    found = comparison.findings(rows, PAIR["networks"], list(names))
    return fill(template, findings=[found], names=names, level=0.05, confidence=0.95)


def test_caption_of_the_comparison(rows, template):
    text = " ".join(caption(rows, template("network_comparison")).split())
    assert "v against r: 1 of 5 comparisons differ at that level. The largest" in text
    p = rows[(rows.contrast == "networks") & (rows["index"] == "relative_stability")].p_corrected
    expected = "* s, a (20 px, median 10, 8 units) against x (25 px, median 4.5, 8 units): +1.00 "
    assert f"{expected}[+1.00, +1.00], corrected p {p.iloc[0]:.1g}." in text
    assert "Of 5 comparisons with random weights, 1 differ at that level." in text
    rows["p_corrected"] = 1.0
    assert "v against r: 0 of 5 comparisons differ at that level. Of 5" in " ".join(
        caption(rows, template("network_comparison")).split()
    )
    rows["p_corrected"], rows["effect_least"], rows["effect_most"] = 0.01, -0.5, 0.25
    assert "; -0.50 to +0.25 over 1 seeds of synthesis." in caption(
        rows, template("network_comparison")
    )


def test_gallery_chooses_over_the_ranks():
    f1_f0 = pd.Series([0.5, np.nan, 0.1, 0.9, 0.3, 0.7], index=[10, 11, 12, 13, 14, 15])
    assert network_gallery.choose(f1_f0) == [12, 10, 13]
    assert network_gallery.choose(f1_f0[[10, 13]]) == [10, 13]
    assert network_gallery.choose(f1_f0[[11]]) == []


def test_network_gallery():
    def stimuli(level, count=2):
        return np.full((count, 3, 4, 4), level)

    left = ("v a, 20 px", [("unit 1", stimuli(-100)), ("unit 2", stimuli(-50))])
    right = ("r x, 25 px", [("unit 3", stimuli(50))])
    figure = network_gallery.draw([(left, right), (right, left)])
    shown = {}
    for ax in figure.axes:
        box, level = ax.get_position(), ax.images[0].get_array()[0, 0, 0] * 255 - 128
        shown.setdefault((round(box.y0, 3), box.x0 > 0.5), []).append(round(level))
    ordered = [shown[key] for key in sorted(shown, key=lambda key: (-key[0], key[1]))]
    pair = [-100, -100], [50, 50], [-50, -50]
    assert ordered == [*pair, [50, 50], [-100, -100], [-50, -50]]
    texts = [text.get_text() for text in figure.texts]
    assert texts[:2] == ["v a, 20 px", "unit 1"]
    assert texts.count("unit 3") == 2


def test_network_gallery_of_layers_without_an_index():
    figure = network_gallery.draw([(("v a, 20 px", []), ("r x, 25 px", []))])
    assert [text.get_text() for text in figure.texts] == ["v a, 20 px", "r x, 25 px"]


@pytest.fixture
def shares():
    return pd.DataFrame(
        {
            "network": ["v", "v", "v0", "r"],
            "layer": ["a", "b", "a", "x"],
            "rf": [10, 40, 10, 20],
            "units": [10, 20, 10, 0],
            "missing": [0, 1, 0, 3],
            "phase_invariant": [2, 10, 0, 0],
            "phase_invariant_share": [0.2, 0.5, 0, np.nan],
            "phase_invariant_low": [0.1, 0.3, 0, np.nan],
            "phase_invariant_high": [0.4, 0.6, 0.3, np.nan],
            "warp_invariant": [0, 1, 0, 0],
            "warp_invariant_share": [0, 0.05, 0, np.nan],
            "warp_invariant_low": [0, 0.01, 0, np.nan],
            "warp_invariant_high": [0.2, 0.2, 0.3, np.nan],
            "label_agreement": [0.75, np.nan, np.nan, np.nan],
        }
    )


def test_layers(shares):
    figure = layers.draw(shares, style.colours(shares), ["v0"])
    left, right = figure.axes
    assert [ax.get_title() for ax in figure.axes] == [
        "phase-invariant units",
        "warp-invariant units",
    ]
    (trained, _, bars), (untrained, *_) = left.containers
    assert list(trained.get_ydata()) == [0.2, 0.5]
    assert list(trained.get_xdata()) == pytest.approx([10, 40], rel=0.05)
    (bars,) = bars
    ends = [sorted(segment[:, 1]) for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [[0.1, 0.4], [0.3, 0.6]])
    assert (trained.get_linestyle(), untrained.get_linestyle()) == ("-", "--")
    assert list(right.containers[0][0].get_ydata()) == [0, 0.05]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["v", "v0"]


def test_layers_of_which_none_has_labels(shares):
    figure = layers.draw(shares[shares.units == 0], style.colours(shares), [])
    assert [len(ax.containers) for ax in figure.axes] == [0, 0]


def test_caption_of_the_layers(shares, template):
    text = fill(template("layers"), layers=shares.to_dict("records"), confidence=0.95)
    lines = [" ".join(line.split()) for line in text.split("\n* ")[1:]]
    assert lines[0] == (
        "v a (10 px): 2 of 10 units phase-invariant (10% to 40%), 0 warp-invariant (0% to 20%). "
        "At another seed, 75% keep their label."
    )
    assert lines[1].endswith("1 warp-invariant (1% to 20%). 1 without a label; units.csv says why.")
    assert len(lines) == 3
