"""Figures show the numbers they are given: what is drawn is read back."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from blocks import PHASES, phase_block, stimuli_block, warp_block

from invariscope import cells
from invariscope.figures import (
    diversity,
    gallery,
    ground_truth,
    invariance_map,
    phase_examples,
    phase_population,
    phase_signature,
    style,
    texture,
    warp_examples,
    warp_population,
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
    assert style.extremes(np.array([0.3, np.nan, 0.9, 0.1])) == [2, 3]
    assert style.extremes(np.array([np.nan, 0.4])) == [1]
    assert style.extremes(np.array([np.nan])) == []


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
    assert curve.get_title() == "F1/F0 0.80, mean/max 0.56"
    lines = {line.get_label(): line.get_xydata() for line in curve.get_lines()}
    for form in ("Fourier", "monogenic"):
        assert lines[form][[0, 4, 8]] == pytest.approx(
            np.array([[0, 100], [180, 100 / 9], [360, 100]])
        )
    crops = pictures[9]
    assert crops.images[0].get_array().tolist() == [[75.0, 0.0]] * 2
    assert crops.get_xlabel() == "mean 38%"


def test_phase_examples_show_the_best_image_and_the_mean():
    """Sixteenths of a cycle are shown every other one; left-out images do not count."""
    curves = np.zeros((2, 1, 3, 8)) + 4.0
    curves[0, 0, 1] = 5 + 5 * np.cos(PHASES)
    curves[0, 0, 2] = 8 + 2 * np.cos(PHASES)
    strength = np.array([[0.0, 0.5, 0.5]])
    series = np.zeros((1, 8, 3, 24, 24))
    phase = phase_block(stimuli_block([9]), curves, strength=strength, series=series, blank=[-9.0])
    fine = phase.sel(unit=9).interp(phase=np.arange(16) * np.pi / 8, kwargs={"fill_value": 1})
    figure = phase_examples.draw([("net", phase.sel(unit=9))])
    pictures = [ax for ax in figure.axes if ax.images]
    assert [ax.get_xlabel() for ax in pictures[:5]] == ["100%", "94%", "80%", "66%", "60%"]
    (curve,) = (ax for ax in figure.axes if ax.get_title().startswith("F1/F0"))
    assert curve.get_title() == "F1/F0 0.62, mean/max 0.65"
    lines = {line.get_label(): line.get_ydata() for line in curve.get_lines()}
    assert lines["Fourier"][[0, 4]] == pytest.approx([100, 30])
    assert lines["monogenic"] == pytest.approx(100)
    assert pictures[9].images[0].get_array().tolist() == [[80.0, 20.0]] * 2
    titles = [ax.get_title() for ax in phase_examples.draw([("net", fine)]).axes[:8]]
    assert titles == [f"{45 * step}°" for step in range(8)]


def test_phase_examples_say_what_is_missing():
    phase = phase_block(stimuli_block([9]), a_max_masked=-1.0).sel(unit=9)
    figure = phase_examples.draw([("net", phase)])
    texts = [text.get_text() for ax in figure.axes for text in ax.texts]
    assert "does not clearly respond above the blank under the mask" in texts
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
    assert ax.texts[-1].get_text() == "1 of 5 units lack an index"


@pytest.fixture
def signatures(table):
    """Of three units with signatures, the phases of one are spread."""
    return table.assign(
        similarity_within=[0.9, 0.8, np.nan, 0.95, 0.96],
        similarity_between=[0.7, 0.6, np.nan, 0.4, 0.5],
        resultant=[0.2, 0.97, np.nan, 0.0, 1.0],
        rayleigh_p=[0.8, 0.001, np.nan, 1.0, 0.0],
    )


def test_phase_signature(signatures):
    left, right = phase_signature.draw(signatures).axes
    dots = [[c.get_offsets().tolist() for c in ax.collections] for ax in (left, right)]
    assert dots == [[[[0.6, 0.8]], [[0.7, 0.9]]], [[[1.55, 0.97]], [[0.25, 0.2]]]]
    filled, hollow = (c.get_facecolor()[0].tolist() for c in right.collections)
    assert hollow[:3] == [1, 1, 1]
    assert filled[:3] != [1, 1, 1]
    assert [text.xy for text in right.texts] == [(0.0, 0.0), (1.59, 1.0)]
    assert right.get_title() == left.get_title() == "1 of 5 units lack an index"


def test_layers_are_told_apart():
    """By colour for the network and by marker for the layer, in whatever order."""
    table = pd.DataFrame({"network": ["a", "b", "b"], "layer": ["2", "1", "2"]})
    marks = style.points(table)
    assert marks["a", "2"]["marker"] == marks["b", "2"]["marker"] != marks["b", "1"]["marker"]
    assert marks["b", "1"]["color"] == marks["b", "2"]["color"] != marks["a", "2"]["color"]


def test_each_panel_shows_who_has_its_indices(signatures):
    signatures.loc[0, "f1_f0"] = np.nan
    signatures.loc[1, "similarity_between"] = 0.97  # above what lies within
    left, right = phase_signature.draw(signatures).axes
    assert sum(len(c.get_offsets()) for c in left.collections) == 2
    assert sum(len(c.get_offsets()) for c in right.collections) == 1
    assert right.get_title() == "2 of 5 units lack an index"
    assert left.get_xlim() == left.get_ylim()
    assert left.get_xlim()[0] <= 0.4


def test_texture_needs_both_indices(table):
    (ax,) = texture.draw(table.assign(texture_mean=[np.nan, 0.2, 0.3, 0.98, 0.15])).axes
    assert [c.get_offsets().tolist() for c in ax.collections] == [[[1.55, 0.2]]]
    assert ax.texts[-1].get_text() == "2 of 5 units lack an index"


def test_rounding_drops_no_unit_from_a_histogram(table):
    beyond = table.assign(f1_f0=[2 + 1e-12, -1e-17, 1.0, 0, 1.59], phase_invariance=1 + 1e-12)
    axes = phase_population.draw(beyond).axes[2:]
    assert [sum(bar.get_height() for bar in ax.patches) for ax in axes] == [2, 2, 1, 1]
    assert "net\nb\n0 of 1 below 1" in [ax.get_ylabel() for ax in axes]  # nor is 1 below 1


def test_large_texture_ratios_are_not_cut_off(table):
    (ax,) = texture.draw(table.assign(texture_mean=[1.4, -0.3, np.nan, 0.98, 0.15])).axes
    assert ax.get_ylim()[1] > 1.4
    assert ax.get_ylim()[0] < -0.3


def test_missing_model_cells_are_counted(table):
    table.loc[3, ["f1_f0", "phase_invariance"]] = np.nan
    names = [ax.get_ylabel() for ax in phase_population.draw(table).axes]
    assert "model cells\n1 without index" in names


def test_names_of_cells_nearby_part():
    """A line apart, in order, and within the axes; the crosses stay where the cells are."""
    _, ax = plt.subplots()
    ax.set(xlim=(0, 2), ylim=(0, 1))
    y = np.array([0.5, 0.99, 0.51, 0.5])
    style.mark_cells(ax, ["a", "b", "c", "d"], np.array([1.5, 1.5, 1.5, 0.2]), y)
    names = {text.get_text(): text.xyann for text in ax.texts}
    assert names["c"][1] - names["a"][1] == pytest.approx(0.055)
    assert (names["c"][1] + names["a"][1]) / 2 == pytest.approx(0.505)
    assert names["b"][1] <= 1
    assert names["d"][1] == 0.5
    assert names["a"][0] < 1.5 < 2 > names["d"][0] > 0.2
    assert [line.get_ydata()[0] for line in ax.get_lines()] == pytest.approx([0.5, 0.5, 0.51, 0.99])


def test_warp_examples():
    """A warp that turns the contrast: its gain is negative, and nothing is left."""
    stimuli = stimuli_block([9])
    images = stimuli.stimulus.sel(condition="diverse")
    pattern = images.values[0, 2]
    explained = np.tile([0.0, 0.1, 0.22, 0.54], (1, 3, 1)).transpose(2, 0, 1)
    turned = np.array([[False, True, False]])
    changed = dict(
        example=np.array([1]), warped=-0.5 * pattern[None], turned=turned, explained=explained
    )
    block = warp_block(stimuli, **changed)
    block["target_image"][1] = 2
    block["source_image"][1] = 1
    block.displacement[:, 1, 0] = 2.0
    figure = warp_examples.draw([("net\nlayer\nunit 9", images.sel(unit=9), block.sel(unit=9))])
    source, target, warped, residual, grid, curve = figure.axes
    shown = [ax.images[0].get_array() for ax in (source, target, warped, residual)]
    np.testing.assert_allclose(shown[0], style.visible(images.values[0, 1]))
    np.testing.assert_allclose(shown[1], style.visible(pattern))
    np.testing.assert_allclose(shown[2], style.visible(pattern), atol=1e-6)
    np.testing.assert_allclose(shown[3], 128 / 255, atol=1e-6)
    assert residual.get_xlabel() == "contrast turned"
    assert warped.get_xlabel() == "explains 54%, affine 22%"
    assert source.get_ylabel() == "net\nlayer\nunit 9"
    first = grid.get_lines()[0].get_xydata()
    np.testing.assert_allclose(
        first, [[x, 2.0] for x in range(24)]
    )  # looks two pixels further down
    assert len(grid.get_lines()) == 18
    assert grid.get_xlabel() == "least Jacobian 0.50"
    lines = {line.get_label(): line.get_ydata() for line in curve.get_lines()}
    np.testing.assert_allclose(lines["own warps"], 100)
    evenly = np.linspace(100, 0, 11)
    np.testing.assert_allclose(lines["controls, same change"], evenly, atol=1e-9)
    np.testing.assert_allclose(lines["controls, same displacement"], [100] + 10 * [0])
    np.testing.assert_allclose(lines["pixel blend"], np.linspace(100, 125, 11))
    assert curve.get_title() == "mean 100%, controls 50%"
    block = warp_block(
        stimuli,
        blank=[2.0],
        own=np.tile(8 * (1 - np.linspace(0, 1, 11)), (1, 3, 1)),
        jacobian=np.array([[0.9, 0.3, 0.5]]),
        example=np.array([1]),
    )
    figure = warp_examples.draw([("unit", images.sel(unit=9), block.sel(unit=9))])
    assert figure.axes[4].get_xlabel() == "least Jacobian 0.30"
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[5].get_lines()}
    np.testing.assert_allclose(
        lines["own warps"], 100 * np.maximum(8 * (1 - np.linspace(0, 1, 11)) - 2, 0) / 6, atol=1e-9
    )
    nothing = warp_examples.draw([])
    assert nothing.texts[0].get_text() == "No unit has a path along warps."


@pytest.fixture
def warps(table):
    """Of four units, one is warp-invariant by its path, another by its gain."""
    return table.assign(
        channel=[3, 4, 5, 0, 1],
        label=["phase-invariant", "selective", "", "phase-invariant", "selective"],
        warp_gain=[0.3, 0.1, np.nan, 0.05, 0.1],
        null_gain=[0.1, 0.2, np.nan, 0.1, 0.2],
        warp_p=[0.001, 0.8, np.nan, 0.9, 0.9],
        path_retention=[0.75, 0.9, np.nan, 1.0, 1.02],
        control_retention=[0.5, 0.75, np.nan, 0.95, 0.97],
        relative_stability_1=[2.0, 4.0, np.nan, 80, 90],
        stability_low_1=[1.0, 3.0, np.nan, 70, 80],
        stability_high_1=[3.0, 5.0, np.nan, 90, 100],
    )


def full(collection):
    return collection.get_facecolor()[0, :3].tolist() != [1, 1, 1]


def test_warp_population(warps):
    figure = warp_population.draw(warps)
    left, right, lower = figure.axes
    for ax, points in (
        (left, {(0.1, 0.3): True, (0.2, 0.1): False}),
        (right, {(0.5, 0.75): False, (0.75, 0.9): True}),
    ):
        found = {
            tuple(c.get_offsets()[0].tolist()): full(c)
            for c in ax.collections
            if len(c.get_offsets())
        }
        assert found == points
        assert {text.xy for text in ax.texts if text.get_text() == "complex"} == (
            {(0.1, 0.05)} if ax is left else {(0.95, 1.0)}
        )
        assert ax.get_title() == "1 of 5 units lack an index"
    level = [line.get_ydata() for line in right.get_lines()]
    assert any(np.allclose(y, 0.8) for y in level)
    borders = [line.get_xydata() for line in right.get_lines() if len(line.get_xdata()) == 2]
    assert any(np.allclose(line[:, 1] - line[:, 0], 0.1) for line in borders)
    near = warps.assign(control_retention=warps.path_retention - 0.05)
    right = warp_population.draw(near).axes[1]
    assert not any(full(c) for c in right.collections if len(c.get_offsets()))
    names = [tick.get_text() for tick in lower.get_yticklabels()]
    assert names == ["cells cells", "net b", "net a"]
    dots = {float(x) for line in lower.get_lines()[:-1] for x in line.get_xdata()}
    assert dots == {2.0, 4.0, 80.0, 90.0}
    reaches = {tuple(s[:, 0]) for c in lower.collections for s in c.get_segments()}
    assert reaches == {(1.0, 3.0), (3.0, 5.0), (70.0, 90.0), (80.0, 100.0)}
    assert {text.get_text() for text in lower.texts} >= {"complex", "simple"}


def test_corners_of_the_map():
    """The unit nearest to each corner of all of them, model cells passed over, none twice."""
    placed = pd.DataFrame(
        {
            "x": [0.1, 1.9, 0.2, 1.8, 1.0, 0.0],
            "y": [0.2, 0.21, -0.2, -0.1, 0.0, 0.5],
            "truth": ["", "", "", "", "", "complex"],
        },
        index=[10, 11, 12, 13, 14, 15],
    )
    assert invariance_map.corners(placed) == {
        "upper left": 10,
        "upper right": 11,
        "lower left": 12,
        "lower right": 13,
    }
    assert sorted(invariance_map.corners(placed.iloc[[0, 5]]).values()) == [10]
    assert invariance_map.corners(placed.iloc[5:]) == {}
    lost = placed.assign(x=placed.x.where(placed.index != 10), y=placed.y.where(placed.index != 10))
    assert 10 not in invariance_map.corners(lost).values()


def test_invariance_map(warps):
    placed = invariance_map.place(warps)
    assert placed.x.notna().tolist() == placed.y.notna().tolist() == [True, True, False, True, True]
    images = np.stack([np.full((3, 4, 4), level) for level in (-100.0, -50, 50, 100, 0)])
    figure = invariance_map.draw(placed, {"upper left": (0, images), "upper right": (1, images)})
    ax, *pictures = figure.axes
    boxes = [picture.get_position() for picture in pictures]
    assert boxes[0].x1 < ax.get_position().x0
    assert boxes[4].x0 > ax.get_position().x1
    assert boxes[0].y0 > boxes[2].y0
    assert any(np.allclose(line.get_ydata(), 0.1) for line in ax.get_lines())
    assert ax.get_title() == "1 of 5 units lack an index"
    dots = np.concatenate([c.get_offsets() for c in ax.collections])
    np.testing.assert_allclose(dots, [[0.25, 0.25], [1.55, 0.15]])
    crosses = {text.get_text(): text.xy for text in ax.texts}
    assert crosses["complex"] == pytest.approx((0.0, 0.05))
    assert crosses["simple"] == pytest.approx((1.59, 0.05))
    levels = [float(p.images[0].get_array()[0, 0, 0]) * 255 - 128 for p in pictures]
    assert levels == pytest.approx([-100, -50, 50, 100] * 2)
    assert pictures[0].get_title("left") == "net\na\nunit 3: phase-invariant"
    lines = [artist.xy2 for artist in figure.artists]
    np.testing.assert_allclose(lines, [(0.25, 0.25), (1.55, 0.15)])
    nowhere = invariance_map.place(warps.assign(f1_f0=0.5))
    assert nowhere.x.isna().tolist() == [False, False, True, False, False]
    low = warps.assign(path_retention=warps.path_retention.where(warps.truth == "", 0.2))
    assert invariance_map.draw(invariance_map.place(low), {}).axes[0].get_ylim()[0] < -0.77


def test_figures_of_model_cells_alone(warps):
    cells_alone = warps[warps.truth != ""]
    assert len(warp_population.draw(cells_alone).axes) == 3
    assert len(invariance_map.draw(invariance_map.place(cells_alone), {}).axes) == 1
