"""The figure of diversity methods shows the numbers it is given, and its caption says them."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from running import ROOT

from invariscope import diversity
from invariscope.baselines_dataset import MATCHED, YARDSTICKS
from invariscope.captions import fill
from invariscope.figures import diversity_methods, style


@pytest.fixture(autouse=True)
def _close():
    style.apply()
    yield
    plt.close("all")


@pytest.fixture
def units():
    """Four units of one layer; the diverse set has 1 to 4 times the distance of each method."""
    rows = []
    for place, method in enumerate(MATCHED):
        columns = dict(network="n", layer="l", channel=[7, 5, 3, 1], method=method)
        columns |= dict(activation_ratio=0.5, diverse_activation_ratio=0.6)
        for name in YARDSTICKS:
            columns[name] = 2.0
            columns[f"diverse_{name}"] = 2.0 * np.arange(1, 5) * (place + 1)
        columns["diverse_pixel_distance"] = 1.0
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


@pytest.fixture
def methods(units):
    return diversity.method_rows(units, {("n", "l"): ("a", "b", "c")})


@pytest.fixture
def example():
    """One unit whose stimuli are of a grey level for each method and image."""
    conditions = ["diverse", "restarts", "gram", "patches", "diverse_as_patches"]
    levels = 10.0 * np.arange(10).reshape(5, 2)
    stimulus = levels[..., None, None, None] * np.ones((3, 4, 4))
    return xr.Dataset(
        {
            "stimulus": (("condition", "image", "channel", "y", "x"), stimulus),
            "response": (("condition", "image"), levels),
            "a_max": 100.0,
        },
        {"condition": conditions},
    )


def test_examples_lie_at_the_quartiles_of_the_gain_over_restarts(units):
    units.loc[units.method != "restarts", "diverse_feature_distance"] = 0.0
    # Gains 1 to 4 of channels 7, 5, 3, 1.
    assert diversity_methods.example_units(units) == [7, 3]
    assert diversity_methods.example_units(units[units.channel == 1]) == [1]


def test_pictures(example, units, methods):
    figure = diversity_methods.draw([("n l, unit 5", example)], units, methods)
    pictures = [ax for part in figure.subfigs[0].subfigs for ax in part.axes]
    levels = [float(ax.images[0].get_array()[0, 0, 0]) * 255 - 128 for ax in pictures]
    assert levels == pytest.approx([0, 10, 20, 30, 40, 50, 60, 70])
    assert [ax.get_xlabel() for ax in pictures[2:4]] == ["20%", "30%"]
    names = [ax.get_ylabel() for ax in pictures[::2]]
    assert names == ["diverse set", "random\nrestarts", "Gram\ndiversity", "natural\npatches"]


def test_ratios(example, units, methods):
    figure = diversity_methods.draw([("n l, unit 5", example)], units, methods)
    feature, pixel, _ = figure.subfigs[1].axes
    singles = [list(line.get_ydata()) for line in feature.lines if line.get_marker() == "_"]
    assert singles == [[1, 2, 3, 4], [2, 4, 6, 8], [3, 6, 9, 12]]
    medians = [container[0].get_ydata()[0] for container in feature.containers]
    middle = np.sqrt(6)  # of log ratios, between 2 and 3
    assert medians == pytest.approx([middle, 2 * middle, 3 * middle])
    rows = methods[methods.yardstick == "feature_distance"]
    bars = [sorted(c[2][0].get_segments()[0][:, 1]) for c in feature.containers]
    np.testing.assert_allclose(bars, rows[["ratio_low", "ratio_high"]])
    assert [c[0].get_ydata()[0] for c in pixel.containers] == pytest.approx([0.5] * 3)
    assert feature.get_yscale() == pixel.get_yscale() == "log"
    assert [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()] == ["n l (4)"]


def test_layers_stand_beside_each_other(example, units, methods):
    both = pd.concat([units, units.assign(layer="m")])
    measures = {("n", layer): ("a", "b", "c") for layer in "lm"}
    rows = diversity.method_rows(both, measures)
    figure = diversity_methods.draw([("l", example), ("m", example)], both, rows)
    first = [c[0].get_xdata()[0] for c in figure.subfigs[1].axes[0].containers]
    assert len(set(first)) == 6
    assert len({c[0].get_color() for c in figure.subfigs[1].axes[0].containers}) == 2


def test_caption_says_which_is_more_diverse(methods):
    template = (ROOT / "workflow/report/diversity_methods.rst").read_text()
    names = {name: name.upper() for name in (*MATCHED, *YARDSTICKS)}
    text = fill(template, rows=methods.to_dict("records"), names=names, confidence=0.95)
    lines = [" ".join(line.split()) for line in text.split("\n* ")[1:]]
    assert len(lines) == 9
    first, second = methods.iloc[0], methods.iloc[1]
    assert lines[0] == (
        "n l, FEATURE_DISTANCE, against RESTARTS at 50% of a_max (the diverse set at 60%): the "
        f"diverse set has 2.45 times as much [{first.ratio_low:.2f}, {first.ratio_high:.2f}], and "
        f"is the more diverse for 75% of 4 units (corrected p {first.p_corrected:.1g})."
    )
    assert "PIXEL_DISTANCE" in lines[1]
    assert "has 0.50 times as much [0.50, 0.50], and is the more diverse for 0% of 4" in lines[1]
    assert second.more == 0
