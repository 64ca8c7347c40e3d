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
        columns |= dict(least_activation=0.4, diverse_least_activation=-0.1)
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
    assert levels == pytest.approx(10 * np.arange(10))
    assert [ax.get_xlabel() for ax in pictures[2:4]] == ["20%", "30%"]
    names = [ax.get_ylabel() for ax in pictures[::2]]
    assert names == [
        "diverse set",
        "random\nrestarts",
        "Gram\ndiversity",
        "natural\npatches",
        "diverse set,\nas patches",
    ]


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


def caption(methods):
    """The caption's bullets, each on one line."""
    template = (ROOT / "workflow/report/diversity_methods.rst").read_text()
    names = {name: name.upper() for name in (*MATCHED, *YARDSTICKS)}
    found = diversity.findings(methods)
    text = fill(template, findings=found, names=names, level=0.05, confidence=0.95)
    return [" ".join(line.split()) for line in text.split("\n* ")[1:]]


@pytest.fixture
def row():
    """One row of diversity_methods.csv by which the diverse set is ahead."""
    return dict(
        **dict(network="n", layer="l", method="gram", yardstick="feature_distance", units=9),
        **dict(silent=0, activation_ratio=0.86, diverse_activation_ratio=0.85),
        **dict(least_activation=0.73, diverse_least_activation=0.8, ratio=1.913),
        **dict(ratio_low=1.76, ratio_high=2.355, more=0.96, p_corrected=0.01),
    )


def test_caption_says_who_is_the_more_diverse(row):
    """In both directions, and where none is, by whatever the table says."""
    lost = dict(yardstick="gram_distance", ratio=0.44, ratio_low=0.39, ratio_high=0.47, more=0.04)
    open_ = dict(yardstick="pixel_distance", ratio=1.2, ratio_low=0.9, ratio_high=1.4, more=0.6)
    rows = [row, {**row, **open_, "p_corrected": 0.05}, {**row, **lost}]
    assert caption(pd.DataFrame(rows)) == [
        "n l, GRAM, 9 units, at 86% of a_max on average, 73% in the least of its stimuli; "
        "the diverse set at 85% and 80%. "
        "The diverse set is the more diverse in FEATURE_DISTANCE (1.91 times [1.76, 2.35]; "
        "more in 96% of units). "
        "The method's stimuli are the more diverse in GRAM_DISTANCE (0.44 times [0.39, 0.47]; "
        "more in 4% of units). "
        "No difference is found in PIXEL_DISTANCE (1.20 times [0.90, 1.40]; more in 60% of units)."
    ]
    turned = {**row, "ratio": 0.5, "ratio_low": 0.4, "ratio_high": 0.6, "more": 0.0}
    (text,) = caption(pd.DataFrame([turned, {**turned, "yardstick": "pixel_distance"}]))
    assert "The diverse set is" not in text
    assert "No difference" not in text
    assert text.endswith(
        "The method's stimuli are the more diverse in FEATURE_DISTANCE (0.50 times [0.40, 0.60]; "
        "more in 0% of units), PIXEL_DISTANCE (0.50 times [0.40, 0.60]; more in 0% of units)."
    )


def test_caption_tells_of_silent_units(row):
    silent = dict(units=0, silent=3, method="patches")
    numbers = ("activation_ratio", "ratio", "ratio_low", "ratio_high", "more", "p_corrected")
    nothing = {**row, **silent, **dict.fromkeys(numbers, np.nan)}
    single = {**row, "units": 1, "silent": 2, "ratio_low": np.nan, "p_corrected": 1.0}
    assert caption(pd.DataFrame([single, nothing])) == [
        "n l, GRAM, 1 units, at 86% of a_max on average, 73% in the least of its stimuli; the "
        "diverse set at 85% and 80%. No difference is found in "
        "FEATURE_DISTANCE (1.91 times; more in 96% of units). Left out: 2 that never respond.",
        "n l, PATCHES: no unit responds. Left out: 3 that never respond.",
    ]


def test_caption_of_the_methods_table(methods):
    """Four units with ratios 1 to 4 are too few to tell."""
    lines = caption(methods)
    assert [line.split(",")[1] for line in lines] == [" RESTARTS", " GRAM", " PATCHES"]
    assert "No difference is found in FEATURE_DISTANCE (2.45 times [" in lines[0]


def test_silent_layers_are_drawn_as_nothing(example, units):
    """Beside others they leave their place empty; alone there is nothing to draw."""
    silent = units.assign(layer="m").copy()
    silent[silent.columns[4:]] = np.nan
    both = pd.concat([units, silent])
    rows = diversity.method_rows(both, {("n", layer): ("a", "b", "c") for layer in "lm"})
    assert diversity_methods.example_units(silent) == []
    figure = diversity_methods.draw([("l", example)], both, rows)
    figure.canvas.draw()
    labels = [text.get_text() for text in figure.subfigs[1].legends[0].get_texts()]
    assert labels == ["n l (4)", "n m (0)"]
    alone = diversity_methods.draw([], silent, rows[rows.layer == "m"])
    assert alone.texts[0].get_text() == "No unit ever responds."


def test_no_last_bits_of_the_layout_are_saved(example, units, methods, tmp_path):
    """Those of the solver follow from where things lie in memory, and would differ by run."""
    figure = diversity_methods.draw([("n l, unit 5", example)] * 2, units, methods)
    style.save(figure, [tmp_path / "figure.svg"], "id")
    top, bottom = figure.subfigs
    parts = [top, bottom, *top.subfigs]
    boxes = [ax.get_position(original=True) for ax in figure.axes]
    boxes += [part.bbox_relative for part in parts]
    places = [box.get_points() for box in boxes]
    places += [text.get_position() for part in parts for text in part.texts]
    assert len(places) > 20
    for place in places:
        np.testing.assert_array_equal(place, np.round(place, 6))
