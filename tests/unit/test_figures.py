"""Figures show the numbers they are given: what is drawn is read back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from phase_blocks import PHASES, phase_block, stimuli_block

from invariscope import cells
from invariscope.figures import (
    diversity,
    gallery,
    ground_truth,
    phase_examples,
    phase_population,
    phase_signature,
    style,
    texture,
)
from invariscope.stimuli import stimuli_dataset
from invariscope.synthesis import Synthesis


@pytest.fixture(autouse=True)
def _close():
    style.apply()
    yield
    plt.close("all")


def synthesis(stimuli, responses, distances):
    stimuli = torch.as_tensor(np.asarray(stimuli), dtype=torch.float32)
    return Synthesis(
        stimuli, torch.tensor(responses), torch.tensor(distances), torch.ones(len(responses))
    )


@pytest.fixture
def dataset():
    """One unit, two images a condition, each image of a grey level of its own."""
    levels = np.array([-100.0, -50.0, 50.0, 100.0]).reshape(2, 1, 2, 1, 1, 1)
    stimuli = levels * np.ones((2, 1, 2, 3, 4, 4))
    found = {
        "diverse": synthesis(stimuli[0], [[80.0, 90.0]], [[7.0]]),
        "restarts": synthesis(stimuli[1], [[100.0, 96.0]], [[2.0]]),
    }
    return stimuli_dataset(found, [9], [""], network="n", layer="l", features="pixels")


def test_visible_stimulus():
    stimulus = np.zeros((3, 1, 1))
    stimulus[:, 0, 0] = [-128, 0, 200]
    assert style.visible(stimulus)[0, 0] == pytest.approx([0, 128 / 255, 1])


def test_gallery(dataset):
    figure = gallery.draw([("net layer", dataset)])
    pictures = [ax for ax in figure.axes if ax.images]
    levels = [float(ax.images[0].get_array()[0, 0, 0]) * 255 - 128 for ax in pictures]
    assert levels == pytest.approx([-100, -50, 50, 100])
    assert [ax.get_xlabel() for ax in pictures] == ["80%", "90%", "100%", "96%"]
    left, right = pictures[0].get_title("left"), pictures[2].get_title("left")
    assert (left, right) == ("min. distance 7", "min. distance 2")
    assert pictures[0].get_ylabel() == "unit 9\na_max 100"
    heads = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "net layer: diverse set" in heads
    assert "random restarts" in heads


def test_diversity(dataset):
    figure = diversity.draw([("net layer", dataset)])
    points = {c.get_label(): c.get_offsets()[0].tolist() for c in figure.axes[0].collections}
    assert points["diverse set"] == pytest.approx([7.0, 85.0])
    assert points["random restarts"] == pytest.approx([2.0, 98.0])
    assert "1 units" in figure.axes[0].get_title()
    assert "8-bit grey levels" in figure.axes[0].get_xlabel()


def test_ground_truth_places_templates_where_they_lie():
    """Templates themselves as stimuli: each must land on its own known position."""
    truths = {"complex": [0, 1], "orientation_invariant": [8, 16], "shift_invariant": [3, 100]}
    known = {cell.truth: cell for cell in cells.ground_truth()}
    chosen = np.stack([known[truth].templates[which] for truth, which in truths.items()])
    one = synthesis(300 * chosen, [[1.0, 1.0]] * 3, [[1.0]] * 3)
    other = synthesis(300 * chosen[:, ::-1].copy(), [[1.0, 1.0]] * 3, [[1.0]] * 3)
    data = stimuli_dataset(
        {"diverse": one, "restarts": other},
        [0, 1, 2],
        list(truths),
        network="n",
        layer="l",
        features="pixels",
    )
    figure = ground_truth.draw(data)
    places = [ax for ax in figure.axes if ax.collections]
    found = []
    for ax in places:
        offsets = {c.get_label(): np.asarray(c.get_offsets()) for c in ax.collections}
        assert offsets["diverse"].shape == (2, 2)
        found.append(offsets)
    phases = found[0]["diverse"][:, 0]
    assert abs(phases[0]) < 1
    assert abs(abs(phases[1]) - 90) < 1
    assert found[1]["diverse"][:, 0].tolist() == pytest.approx([45.0, 90.0])
    assert found[1]["restarts"][:, 0].tolist() == pytest.approx([90.0, 45.0])
    # Template 3 is the fourth of the first row: 5 pixels up, 2 to the left; across is x.
    assert found[2]["diverse"][0].tolist() == [-2.0, -5.0]


def test_extremes():
    assert phase_examples.extremes(np.array([0.3, np.nan, 0.9, 0.1])) == [2, 3]
    assert phase_examples.extremes(np.array([np.nan, 0.4])) == [1]
    assert phase_examples.extremes(np.array([np.nan])) == []


def test_phase_examples():
    series = np.arange(8)[:, None, None, None] * 10 * np.ones((1, 8, 3, 24, 24))
    blank = stimuli_block([9])
    phase = phase_block(blank, 12 + 8 * np.cos(PHASES), blank=[2.0], series=series).sel(unit=9)
    figure = phase_examples.draw([("net\nlayer\nunit 9", phase)])
    pictures = [ax for ax in figure.axes if ax.images]
    levels = [float(ax.images[0].get_array()[0, 0, 0]) * 255 - 128 for ax in pictures[:8]]
    assert levels == pytest.approx(10 * np.arange(8))
    # Above the blank: 18 at most, 10 on average, 2 at least.
    assert [ax.get_xlabel() for ax in pictures[:5]] == ["100%", "87%", "56%", "24%", "11%"]
    assert pictures[0].get_ylabel() == "net\nlayer\nunit 9"
    (curve,) = (ax for ax in figure.axes if ax.get_title().startswith("F1/F0"))
    assert curve.get_title() == "F1/F0 0.80"
    lines = {line.get_label(): line.get_xydata() for line in curve.get_lines()}
    for form in ("Fourier", "monogenic"):
        assert lines[form][[0, 4, 8]] == pytest.approx(
            np.array([[0, 100], [180, 100 / 9], [360, 100]])
        )
    crops = pictures[9]
    assert crops.images[0].get_array().tolist() == [[75.0, 0.0]]
    assert crops.get_xlabel() == "mean 38%"


def test_phase_examples_say_what_is_missing():
    phase = phase_block(stimuli_block([9]), a_max_masked=-1.0).sel(unit=9)
    figure = phase_examples.draw([("net", phase)])
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "does not respond under the mask" in texts
    nothing = phase_examples.draw([])
    assert nothing.texts[0].get_text() == "No unit has an index of phase tuning."


@pytest.fixture
def table():
    """Two layers and two model cells; one unit has no index."""
    return pd.DataFrame(
        {
            "network": ["net", "net", "net", "cells", "cells"],
            "layer": ["a", "a", "b", "cells", "cells"],
            "truth": ["", "", "", "complex", "simple"],
            "f1_f0": [0.25, 1.55, np.nan, 0.0, 1.59],
            "phase_invariance": [0.92, 0.32, np.nan, 1.0, 0.31],
            "texture_mean": [0.6, 0.2, np.nan, 0.98, 0.15],
        }
    )


def test_phase_population(table):
    figure = phase_population.draw(table)
    bars = [
        {round(bar.get_x(), 3): bar.get_height() for bar in ax.patches if bar.get_height()}
        for ax in figure.axes
    ]
    assert bars == [{}, {}, {0.2: 1, 1.5: 1}, {0.9: 1, 0.3: 1}, {}, {}]
    names = [ax.get_ylabel() for ax in figure.axes]
    assert "net\na\n1 of 2 below 1" in names
    assert "net\nb\n0 of 0 below 1\n1 without index" in names
    ticks = {
        text.get_text(): text.xy[0]
        for text in figure.axes[0].texts
        if text.get_text() in ("complex", "simple")
    }
    assert ticks == {"complex": 0.0, "simple": 1.59}
    lines = {float(line.get_xdata()[0]) for line in figure.axes[2].get_lines()}
    assert lines == {1.0, np.pi / 2}


def test_phase_population_without_model_cells(table):
    figure = phase_population.draw(table[table.truth == ""])
    assert len(figure.axes) == 4


def test_phase_population_of_model_cells_alone(table):
    figure = phase_population.draw(table[table.truth != ""])
    assert len(figure.axes) == 2


def test_texture(table):
    (ax,) = texture.draw(table).axes
    points = {c.get_label(): c.get_offsets().tolist() for c in ax.collections}
    assert points == {"net a (2)": [[0.25, 0.6], [1.55, 0.2]]}
    crosses = {text.get_text(): text.xy for text in ax.texts[:2]}
    assert crosses == {"complex": (0.0, 0.98), "simple": (1.59, 0.15)}
    assert ax.texts[-1].get_text() == "1 of 5 units without both indices"


def test_phase_signature():
    stimuli = stimuli_block([4, 5])
    stimuli.stimulus[:, 1] = np.roll(stimuli.stimulus[:, 1].values, 3, -2)
    figure = phase_signature.draw({("net", "layer"): phase_block(stimuli)})
    left, right = figure.axes
    assert np.asarray(left.collections[0].get_offsets()) == pytest.approx(1, abs=0.01)
    found = np.asarray(right.collections[0].get_offsets())
    assert found[:, 0] == pytest.approx(4 * np.tan(np.pi / 8))
    assert found[:, 1] == pytest.approx(0, abs=0.02)
    assert right.collections[0].get_label() == "net layer"


def test_phase_signature_says_who_is_missing():
    silent = phase_block(stimuli_block([4, 5], a_max=[10, 0]))
    _, right = phase_signature.draw({("net", "layer"): silent}).axes
    assert right.get_title() == "1 of 2 units without an index"
