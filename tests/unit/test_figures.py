"""Figures show the numbers they are given: what is drawn is read back."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from invariscope import cells
from invariscope.figures import diversity, gallery, ground_truth, style
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
