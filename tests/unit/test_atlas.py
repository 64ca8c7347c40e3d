"""The atlas's pictures and numbers are those of the files it is made of."""

import json

import numpy as np
import pytest
import xarray as xr
from blocks import PHASES, phase_block, stimuli_block, units_table, warp_block
from PIL import Image

from invariscope.atlas import details, page, sheet, table
from invariscope.curves import path_curve, tuning_curves
from invariscope.errors import UserError
from invariscope.example_warp import example, grid_lines
from invariscope.figures.identity import read
from invariscope.warp_dataset import warp_dataset

RNG = np.random.default_rng(0)
IMAGES, PHASE_COUNT = 3, len(PHASES)


@pytest.fixture
def block():
    """Two units of which every number and picture is another."""
    stimuli = stimuli_block([3, 8], a_max=[10.0, 20.0])
    stimuli["stimulus"][:] = RNG.uniform(-150, 150, stimuli.stimulus.shape)
    stimuli["distance"][:] = RNG.uniform(1, 9, stimuli.distance.shape)
    phase = phase_block(stimuli, blank=[1.0, 2.0], a_max_masked=7.0)
    phase["response"][:] = RNG.uniform(0, 10, phase.response.shape)
    phase["used"][:, 0] = [[True, False, True], [True, True, True]]
    phase["best"][:] = [2, 1]
    for name in ("series", "texture"):
        phase[name][:] = RNG.uniform(-150, 150, phase[name].shape)
    warp = warp_block(stimuli, blank=[1.0, 2.0])
    warp["example"][:] = [2, 1]
    for name in ("warped", "velocity", "displacement", "own_response", "control_response"):
        warp[name][:] = RNG.uniform(3, 9, warp[name].shape)
    warp["blend_response"][:] = RNG.uniform(3, 9, warp.blend_response.shape)
    warp["turned"][:] = [[False, False, True], [False, True, False]]
    warp["jacobian"][:] = RNG.uniform(0, 1, warp.jacobian.shape)
    return stimuli, phase, warp


def without_warps(stimuli):
    blank = np.zeros(stimuli.sizes["unit"])
    return warp_dataset(stimuli, blank, None, network="n", layer="l", seed=0)


def pixels(picture):
    """A picture as a screen shows it, written anew."""
    return np.moveaxis(np.rint(np.minimum(np.maximum(picture + 128, 0), 255)), 0, -1)


def cell(found, unit, column, row, side, cells=1):
    size = cells * side - (cells - 1)
    top, left = row * side, column * side
    return found[unit, top : top + size, left : left + size]


def test_sheet_holds_every_picture_where_it_is_said(block):
    stimuli, phase, warp = block
    found, at = sheet.sheets(*block), sheet.places(IMAGES)
    side = stimuli.sizes["y"]
    assert found.shape[2] == sheet.columns(IMAGES, PHASE_COUNT) * side
    for unit in range(2):
        shown = {
            "diverse": stimuli.stimulus.sel(condition="diverse")[unit].values,
            "restarts": stimuli.stimulus.sel(condition="restarts")[unit].values,
            "series": phase.series[unit].values,
        }
        for name, pictures in shown.items():
            column, row = at[name]
            for number, picture in enumerate(pictures):
                seen = cell(found, unit, column + number, row, side)
                np.testing.assert_array_equal(seen, pixels(picture))
        texture = cell(found, unit, *at["texture"], side, 2)
        np.testing.assert_array_equal(texture, pixels(phase.texture[unit].values))
        pair = int(warp.example[unit])
        target = shown["diverse"][int(warp.target_image[pair])]
        warped = warp.warped[unit].values
        (gain,), *_ = np.linalg.lstsq(warped.reshape(-1, 1), target.ravel(), rcond=None)
        ends = {"warped": gain * warped, "residual": target - gain * warped}
        for name, picture in ends.items():
            seen = cell(found, unit, *at[name], side).astype(int)
            assert np.abs(seen - pixels(picture)).max() <= 1  # where a sum's last bit rounds
    assert len({*at.values()}) == len(at)


def test_sheet_without_warps_is_white_there(block):
    stimuli, phase, _ = block
    found = sheet.sheets(stimuli, phase, without_warps(stimuli))
    for name in ("warped", "residual"):
        column, row = sheet.places(IMAGES)[name]
        assert (cell(found, 0, column, row, stimuli.sizes["y"]) == 255).all()


def test_small_pictures_are_the_diverse_sets_a_row_a_unit(block):
    stimuli = block[0]
    found, side = sheet.small_pictures(stimuli), stimuli.sizes["y"]
    for unit in range(2):
        for image in range(IMAGES):
            seen = found[unit * side : (unit + 1) * side, image * side : (image + 1) * side]
            shown = stimuli.stimulus.sel(condition="diverse")[unit, image].values
            np.testing.assert_array_equal(seen, pixels(shown))


def test_small_pictures_of_wide_fields_are_means_over_their_pixels():
    means = RNG.integers(-9, 9, (2, 2, 3, 3, 48, 48))
    wide = np.kron(means, np.ones((2, 2))) + np.tile([[4, -4], [-4, 4]], (48, 48))
    coordinates = {"condition": ["diverse", "restarts"]}
    stimuli = xr.Dataset({"stimulus": (("condition", "unit", "image", "channel", "y", "x"), wide)})
    found = sheet.small_pictures(stimuli.assign_coords(coordinates))
    assert found.shape == (2 * 48, 3 * 48, 3)
    np.testing.assert_array_equal(found[48:96, :48], pixels(means[0, 1, 0]))


def test_example_takes_each_units_own_pair():
    diverse = RNG.normal(size=(2, 3, 3, 4, 4))
    source, target, warped, left = example(
        diverse, np.array([0, 2]), np.array([1, 0]), 2 * diverse[[0, 1], [1, 0]]
    ).swapaxes(0, 1)
    np.testing.assert_array_equal(source, diverse[[0, 1], [0, 2]])
    np.testing.assert_array_equal(target, diverse[[0, 1], [1, 0]])
    # The second unit's target is the first image of its set, which is what was warped.
    np.testing.assert_allclose(warped, target)
    np.testing.assert_allclose(left, 0, atol=1e-12)


def test_example_of_a_uniform_source_leaves_the_target():
    diverse = RNG.normal(size=(1, 2, 3, 4, 4))
    _, target, warped, left = example(
        diverse, np.array([0]), np.array([1]), np.zeros((1, 3, 4, 4))
    )[0]
    np.testing.assert_array_equal(warped, 0)
    np.testing.assert_array_equal(left, target)


def test_grid_lines_follow_the_displacement():
    still = grid_lines(np.zeros((2, 5, 5)), 3)
    assert still.shape == (6, 5, 2)
    np.testing.assert_array_equal(still[1], [(x, 2) for x in range(5)])  # the middle row
    np.testing.assert_array_equal(still[3], [(0, y) for y in range(5)])  # the first column
    moved = np.zeros((2, 5, 5))
    moved[0, 2, 3], moved[1, 2, 3] = 0.5, -0.25  # down, and to the left
    lines = grid_lines(moved, 5)
    assert lines[2, 3] == pytest.approx([2.75, 2.5])
    assert lines[5 + 3, 2] == pytest.approx([2.75, 2.5])
    assert (lines != grid_lines(np.zeros((2, 5, 5)), 5)).any(-1).sum() == 2


def test_tuning_curves_are_means_of_shares_over_images_that_count():
    responses = np.array([[[4.0, 2, 0], [10, 30, 20], [9, 9, 9]], [[1, 1, 1]] * 3])
    used = np.array([[True, True, False], [False] * 3])
    each, mean = tuning_curves(responses, np.array([1.0, 0]), used)
    np.testing.assert_allclose(each[0, 0], [1, 1 / 3, 0])
    assert np.isnan(each[0, 2]).all()
    np.testing.assert_allclose(mean[0], (each[0, 0] + each[0, 1]) / 2)
    assert np.isnan(mean[1]).all()


def test_path_curve_sums_pairs_before_it_divides():
    responses = np.array([[[2.0, 1], [0.5, 3]], [[-1, 5], [-2, 5]]])
    curve = path_curve(responses, np.array([0.0, -3]))
    np.testing.assert_allclose(curve[0], [1, 4 / 2.5])
    assert np.isnan(curve[1]).all()  # below zero at the start: no response


def share_of_first(curve):
    return curve / curve[0]


@pytest.mark.parametrize("unit", [0, 1])
def test_details_of_a_unit(block, unit):
    """Each number by its definition, one unit at a time."""
    stimuli, phase, warp = (stage.isel(unit=unit) for stage in block)
    told = details.details(*block)[unit]
    near = dict(abs=6e-4)
    for name in ("diverse", "restarts"):
        own = stimuli.sel(condition=name)
        share = own.response.values / float(stimuli.a_max)
        assert told[f"{name}_response"] == pytest.approx(share, **near)
        assert told[f"{name}_distance"] == pytest.approx(float(own.distance.min()), **near)
    blank = float(phase.blank)

    def tuned(form, image):
        above = np.maximum(phase.response.sel(form=form)[image].values - blank, 0)
        return above / above.max()

    for form in ("fourier", "monogenic"):
        used = np.flatnonzero(phase.used.sel(form=form).values)
        mean = np.mean([tuned(form, image) for image in used], 0)
        assert told[form] == pytest.approx(mean, **near)
    for image, curve in enumerate(told["single"]):
        if phase.used.sel(form="fourier")[image]:
            assert curve == pytest.approx(tuned("fourier", image), **near)
        else:
            assert set(curve) == {None}
    assert told["series_response"] == pytest.approx(tuned("fourier", int(phase.best)), **near)
    cut = phase.crop_response.sel(crops="as cut").values
    percent = 100 * (cut - blank) / (float(phase.a_max_masked) - blank)
    assert told["crops"] == percent.round().astype(int).tolist()
    pair = int(warp.example)
    assert told["source"] == int(warp.source_image[pair])
    assert told["target"] == int(warp.target_image[pair])
    assert told["turned"] is bool(warp.turned[pair])
    assert told["jacobian"] == pytest.approx(float(warp.jacobian[pair]), **near)
    for family in ("none", "translation", "affine", "warp"):
        explained = float(warp.explained.sel(family=family)[pair])
        assert told[f"explained_{family}"] == pytest.approx(explained, **near)
    down, right = warp.displacement[pair].values
    side = np.arange(len(down))
    middle = told["grid"][details.LINES // 2]  # the row of the grid in the middle
    row = round((len(side) - 1) / 2)
    assert np.array(middle)[:, 0] == pytest.approx(side + right[row], abs=6e-3)
    assert np.array(middle)[:, 1] == pytest.approx(row + down[row], abs=6e-3)
    floor = float(warp.blank)
    paths = {
        "own": warp.own_response,
        "control_change": warp.control_response.sel(match="change"),
        "control_displacement": warp.control_response.sel(match="displacement"),
        "blend": warp.blend_response,
    }
    for name, responses in paths.items():
        total = (responses.values.reshape(-1, 11) - floor).sum(0)
        assert told[f"path_{name}"] == pytest.approx(share_of_first(total), **near)
    assert (told["phase_missing"], told["texture_missing"], told["warp_missing"]) == ("", "", "")


def test_details_of_a_silent_unit_are_missing_with_a_reason():
    stimuli = stimuli_block([0], a_max=[0.0])
    (unit,) = details.details(stimuli, phase_block(stimuli), without_warps(stimuli))
    assert unit["diverse_response"] == [None] * IMAGES
    assert unit["phase_missing"] == "never responds"
    assert unit["texture_missing"] == "never responds"
    assert "never responds" in unit["warp_missing"]
    assert set(np.ravel(unit["crops"])) == {None}
    assert "source" not in unit
    json.dumps(unit, allow_nan=False)


def test_details_of_a_single_image_have_no_distance():
    stimuli = stimuli_block([0], images=1)
    (unit,) = details.details(stimuli, phase_block(stimuli), warp_block(stimuli))
    assert unit["diverse_distance"] is None


def handed_over(path, function):
    """What a script hands over to a function of the page."""
    text = path.read_text()
    assert text.startswith(f"{function}(")
    assert text.endswith(");\n")
    return json.loads(f"[{text[len(function) + 1 : -3]}]")


def test_block_leaves_its_numbers_and_a_picture_of_each_unit(tmp_path, block):
    names = page.write_block(tmp_path, "0000-0015", *block, "ab12")
    assert names == {"n/l/3": ("0000-0015", 0), "n/l/8": ("0000-0015", 1)}
    name, units = handed_over(tmp_path / "blocks/n/l/0000-0015.js", "addBlock")
    assert name == "n/l/0000-0015"
    told = details.details(*block)
    assert units == json.loads(json.dumps(dict(zip(("3", "8"), told, strict=True))))
    for unit, sheet_ in zip((3, 8), sheet.sheets(*block), strict=True):
        path = tmp_path / f"units/n/l/{unit}.png"
        np.testing.assert_array_equal(np.asarray(Image.open(path)), sheet_)
        assert read(path) == "ab12"
    small = tmp_path / "blocks/n/l/0000-0015.png"
    np.testing.assert_array_equal(np.asarray(Image.open(small)), sheet.small_pictures(block[0]))
    assert read(small) == "ab12"
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 4


def test_study_says_where_each_unit_is(tmp_path):
    units = units_table({("n", "l"): 2, ("m", "l"): 1}).assign(warp_p=0.5, min_distance=1.0)
    units["diversity_gain"] = [np.nan, 1 / 3, np.inf]
    blocks = {"n/l/0": ("a", 0), "n/l/1": ("b", 4), "m/l/0": ("c", 0)}
    page.write_study(tmp_path, "s", units, blocks, 3, PHASES)
    (study,) = handed_over(tmp_path / "study.js", "startAtlas")
    assert study["units"]["block"] == ["a", "b", "c"]
    assert study["units"]["place"] == [0, 4, 0]
    assert study["units"]["channel"] == [0, 1, 0]
    assert study["units"]["diversity_gain"] == [None, 0.333333, None]
    assert study["units"]["retention_above_controls"] == [0, 0, 0]
    assert study["phases"] == pytest.approx(PHASES, abs=1e-6)
    assert (study["images"], study["name"]) == (3, "s")
    assert set(study["indices"]) <= set(study["units"])
    assert set(study["calibrated"]) | set(study["strips"]) <= set(study["indices"])


def test_every_number_of_a_unit_is_an_index_of_the_page():
    numbers = units_table({("n", "l"): 1}).select_dtypes("number").columns
    assert set(numbers) - {"channel"} <= set(table.INDICES)


def test_page_reads_all_scripts_and_lets_no_name_become_html(tmp_path):
    sources = {
        "index.html": "<h1>{{ name }}</h1>{% for script in scripts %}[{{ script }}]{% endfor %}",
        "b.js": "b",
        "a.js": "a",
        "a.css": "c",
    }
    page.write_page(tmp_path, sources, name="<b>&", id="ab12")
    assert (tmp_path / "index.html").read_text() == "<h1>&lt;b&gt;&amp;</h1>[a.js][b.js]"
    assert {path.name for path in tmp_path.iterdir()} == {*sources, "plotly.min.js"}
    assert (tmp_path / "b.js").read_text() == "b"
    assert "plotly.js v" in (tmp_path / "plotly.min.js").read_text()[:200]


def test_source_that_changed_since_the_plan_is_refused(tmp_path):
    path = tmp_path / "a.js"
    path.write_text("now")
    with pytest.raises(UserError, match=r"a\.js"):
        page.read_sources([path], ["0" * 64])


def test_borders_and_logarithmic_axes_are_of_indices_of_the_page():
    found = table.meanings()
    assert found["borders"] == {"f1_f0": [1], "retention_above_controls": [0.1]}
    assert found["logarithmic"] == ["a_max", "relative_stability"]
    assert {*found["borders"], *found["logarithmic"]} <= set(found["indices"])
    assert "min_distance" not in found["calibrated"]
