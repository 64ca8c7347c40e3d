"""Baselines of diversity against numpy twins and numbers worked out by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from blocks import stimuli_block
from scipy import stats

from invariscope import diversity
from invariscope.baselines import moved_back, yardsticks
from invariscope.baselines_dataset import MATCHED, YARDSTICKS, baselines_dataset
from invariscope.objective import Constrained, gram_distances, gram_diversity
from invariscope.optimiser import Sphere
from invariscope.synthesis import start, synthesise


def linear(templates, norm):
    """Units that respond with the cosine between stimulus and template, 10 at most."""
    templates = torch.as_tensor(templates)
    unit = templates / torch.linalg.vector_norm(templates.flatten(1), dim=1)[:, None, None, None]

    def observe(stimuli, units):
        responses = (stimuli * unit[units][:, None]).sum((-3, -2, -1)) * 10 / norm
        return responses, stimuli.movedim(2, -1).flatten(2)

    return observe, norm * unit[:, None]


def test_gram_distances_are_those_of_numpy():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 3, 4, 5, 6)).astype(np.float32)
    found = gram_distances(torch.from_numpy(features).movedim(2, -1).flatten(2), 4)
    for unit in range(2):
        grams = [np.einsum("cyx,dyx->cd", f, f).ravel() for f in features[unit]]
        pairs = itertools.combinations(grams, 2)
        cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in pairs]
        np.testing.assert_allclose(found[unit], 1 - np.array(cosines), atol=1e-6)


def test_gram_matrices_see_neither_place_nor_contrast():
    features = torch.randn(1, 1, 4, 5, 6)
    rolled = 3 * features.roll((2, 1), (3, 4))
    both = torch.cat([features, rolled], 1).movedim(2, -1).flatten(2)
    torch.testing.assert_close(gram_distances(both, 4), torch.zeros(1, 1), atol=1e-6, rtol=0)


def test_gram_diversity_has_the_right_slope():
    features = torch.randn(1, 3, 24, dtype=torch.float64, requires_grad=True)
    value = gram_diversity(4)
    assert torch.autograd.gradcheck(lambda x: value(x, 0.3), features)
    torch.testing.assert_close(value(features, 0), gram_distances(features, 4).mean(1))


def test_gram_synthesis_drives_gram_matrices_apart_at_the_bound():
    """More so than synthesis for the least distance does, with as large a response."""
    norm = 9.0
    observe, _ = linear(torch.randn(2, 3, 6, 6, generator=torch.manual_seed(0)), norm)
    raw = start(6, 4, [0, 1], "gram")
    found = {}
    for name, extra in (("gram", (None, gram_diversity(3))), ("least", ())):
        objective = Constrained(0.8, torch.full((2,), 10.0))
        found[name] = synthesise(observe, raw, norm, objective, Sphere(), 100, *extra)
        assert (found[name].responses.mean(1) >= 8).all()
        assert (found[name].responses.mean(1) < 8.3).all()
    of = {
        k: gram_distances(v.stimuli.movedim(2, -1).flatten(2), 3).mean(1) for k, v in found.items()
    }
    assert (of["gram"] > 1.2 * of["least"]).all()
    least = {k: v.distances.amin(1) for k, v in found.items()}
    assert (least["least"] > 1.02 * least["gram"]).all()


def test_each_unit_has_its_own_bound():
    norm = 9.0
    observe, _ = linear(torch.randn(3, 3, 6, 6, generator=torch.manual_seed(1)), norm)
    fraction = torch.tensor([0.3, 0.6, 0.9])
    objective = Constrained(fraction, torch.full((3,), 10.0))
    found = synthesise(observe, start(6, 3, [0, 1, 2], "x"), norm, objective, Sphere(), 100)
    means = found.responses.mean(1) / 10
    assert (means >= fraction).all()
    assert (means < fraction + 0.02).all()


def test_bounds_follow_units_that_leave():
    objective = Constrained(torch.tensor([0.3, 0.6, 0.9]), torch.full((3,), 10.0))
    objective.select(torch.tensor([True, False, True]))
    assert objective.admits(torch.tensor([3.1, 8.9])).tolist() == [True, False]


def test_restarts_move_back_to_the_target():
    """A cosine response falls to the target at a known angle from the optimum."""
    norm = 9.0
    observe, best = linear(torch.randn(3, 3, 6, 6, generator=torch.manual_seed(2)), norm)
    stimuli = best.expand(-1, 2, -1, -1, -1).contiguous()
    starts = torch.randn(3, 2, 3, 6, 6, generator=torch.manual_seed(3))
    target = torch.tensor([9.0, 5.0, 11.0])
    found = moved_back(observe, stimuli, starts, norm, target)
    responses = observe(found, torch.arange(3))[0].mean(1)
    torch.testing.assert_close(responses[:2], target[:2], rtol=1e-4, atol=0)
    assert (responses[:2] >= target[:2]).all()
    torch.testing.assert_close(found[2], stimuli[2])  # out of reach: as given
    norms = torch.linalg.vector_norm(found.flatten(2), dim=2)
    torch.testing.assert_close(norms, torch.full_like(norms, norm))
    # In the plane of stimulus and start, on its near side.
    for image in range(2):
        plane = torch.stack([stimuli[0, image].flatten(), starts[0, image].flatten()])
        weights = torch.linalg.lstsq(plane.T, found[0, image].flatten()[:, None]).solution
        torch.testing.assert_close(plane.T @ weights, found[0, image].flatten()[:, None])
        assert (weights > 0).all()


def test_all_of_a_units_restarts_go_the_same_part_of_the_way():
    observe, best = linear(torch.ones(1, 3, 4, 4), 9.0)
    stimuli = best.expand(-1, 2, -1, -1, -1).contiguous()
    starts = torch.randn(1, 2, 3, 4, 4, generator=torch.manual_seed(4))
    found = moved_back(observe, stimuli, starts, 9.0, torch.tensor([9.0]))[0].flatten(1)
    parts = []
    for image in range(2):
        begun = starts[0, image].flatten()
        plane = torch.stack([stimuli[0, image].flatten(), 9 * begun / begun.norm()])
        a, b = torch.linalg.lstsq(plane.T, found[image][:, None]).solution.flatten().tolist()
        parts.append(b / (a + b))
    assert parts[0] == pytest.approx(parts[1], rel=1e-4)


def test_yardsticks():
    rng = np.random.default_rng(1)
    stimuli, features = rng.standard_normal((2, 3, 3, 4, 4)), rng.standard_normal((2, 3, 8))
    found = yardsticks(torch.from_numpy(stimuli), torch.from_numpy(features), 2)
    pairs = list(itertools.combinations(range(3), 2))

    def least(values):
        flat = values.reshape(2, 3, -1)
        return [min(np.sqrt(((u[i] - u[j]) ** 2).mean()) for i, j in pairs) for u in flat]

    np.testing.assert_allclose(found["feature_distance"], least(features))
    np.testing.assert_allclose(found["pixel_distance"], least(stimuli))
    gram = gram_distances(torch.from_numpy(features), 2).mean(1)
    np.testing.assert_allclose(found["gram_distance"], gram)
    assert list(found) == list(YARDSTICKS)


@pytest.fixture
def block():
    """Three units, one of which never responds."""
    stimuli = stimuli_block([3, 5, 8], a_max=[10, 0, 20])
    stimuli.distance.attrs["units"] = "units of l's mean response"
    conditions = ["diverse", "restarts", "gram", "patches", "diverse_as_patches"]
    found = {}
    for place, name in enumerate(conditions, 1):
        found[name] = {
            "stimulus": np.full((3, 3, 3, 24, 24), place, np.float32),
            "response": np.array([[4.0, 5, 6], [0, 0, 0], [10, 10, 10]]) * place,
            "feature_distance": np.array([1.0, 0, 2]) * place,
            "pixel_distance": np.array([6.0, 0, 5]) / place,
            "gram_distance": np.array([0.5, 0, 0.25]),
        }
    return baselines_dataset(found, stimuli, network="n", layer="l")


def test_baselines_file(block):
    assert block.stimulus.dims == ("condition", "unit", "image", "channel", "y", "x")
    assert block.stimulus.sel(condition="gram").values.flat[0] == 3
    assert block.response.sel(condition="restarts", unit=3).values.tolist() == [8, 10, 12]
    units = [block[name].attrs["units"] for name in YARDSTICKS]
    assert units == ["units of l's mean response", "8-bit grey levels", "1 less the cosine"]
    assert block.unit.values.tolist() == [3, 5, 8]


def test_diversity_table(block):
    rows = diversity.diversity_rows(block)
    assert rows[["channel", "method"]].values.tolist() == [
        [channel, method] for method in MATCHED for channel in (3, 5, 8)
    ]
    assert rows[rows.channel == 5].iloc[:, 4:].isna().all(axis=None)  # never responds
    assert rows[rows.channel != 5].notna().all(axis=None)
    gram = rows[(rows.method == "gram") & (rows.channel == 8)].iloc[0]
    assert (gram.activation_ratio, gram.diverse_activation_ratio) == (1.5, 0.5)
    assert (gram.feature_distance, gram.diverse_feature_distance) == (6, 2)
    # Of 12, 15 and 18 the least, of 10 at most; of 4, 5 and 6.
    gram = rows[(rows.method == "gram") & (rows.channel == 3)].iloc[0]
    assert (gram.least_activation, gram.diverse_least_activation) == (1.2, 0.4)
    patches = rows[(rows.method == "patches") & (rows.channel == 3)].iloc[0]
    assert (patches.activation_ratio, patches.diverse_activation_ratio) == (2, 2.5)
    assert (patches.pixel_distance, patches.diverse_pixel_distance) == (1.5, 1.2)
    assert set(rows.network + rows.layer) == {"nl"}


def made_up(ratios):
    """diversity.csv of one method whose feature distances have these ratios."""
    count = len(ratios)
    columns = dict(network="n", layer="l", channel=range(count), method="gram")
    columns |= dict(activation_ratio=0.8, diverse_activation_ratio=0.85)
    columns |= dict(least_activation=0.1 * np.arange(count), diverse_least_activation=0.5)
    columns |= dict(feature_distance=2.0, diverse_feature_distance=2 * np.array(ratios))
    columns |= dict(pixel_distance=3.0, diverse_pixel_distance=3.0)
    columns |= dict(gram_distance=0.5, diverse_gram_distance=0.25)
    return pd.DataFrame(columns)


def test_methods_table():
    ratios = [0.5, 1.2, 1.5, 2.0, 3.0, 4.0, 8.0]
    rows = diversity.method_rows(made_up(ratios), {("n", "l"): ("a", "b", "c")})
    assert rows.yardstick.tolist() == list(YARDSTICKS)
    assert rows.measure.tolist() == ["a", "b", "c"]
    assert (rows.units == 7).all()
    assert rows[diversity.SIDES].values.tolist() == [pytest.approx([0.8, 0.85, 0.3, 0.5])] * 3
    feature, pixel, gram = rows.to_dict("records")
    assert feature["ratio"] == pytest.approx(2)
    assert (feature["median"], feature["diverse_median"]) == (2, 4)
    assert feature["more"] == pytest.approx(6 / 7)
    # Among ranks of |log| 0.18 0.41 0.69 0.69 1.1 1.4 2.1, the loss of one half shares 3 and 4.
    assert feature["p"] == pytest.approx(stats.wilcoxon(np.log(ratios)).pvalue)
    assert feature["p"] < 0.1
    assert ratios[0] <= feature["ratio_low"] < 2 < feature["ratio_high"] <= ratios[-1]
    assert (pixel["ratio"], pixel["more"], pixel["p"]) == (1, 0, 1)
    assert (gram["ratio"], gram["more"]) == (pytest.approx(0.5), 0)
    # All seven on one side: twice one of 2^7 orders of sign.
    assert gram["p"] == pytest.approx(2 / 2**7)
    np.testing.assert_allclose(rows.p_corrected, [1.5 * feature["p"], 1, 3 * gram["p"]])


def test_silent_units_are_left_out_and_counted():
    ratios = [0.5, 1.2, 1.5, 2.0]
    whole = made_up(ratios)
    silent = made_up([9.0, 9.0])
    silent[silent.columns[4:]] = np.nan
    measures = {("n", "l"): "abc"}
    found = diversity.method_rows(pd.concat([whole, silent], ignore_index=True), measures)
    assert (found.silent == 2).all()
    assert (found.units == 4).all()
    expected = diversity.method_rows(whole, measures)
    pd.testing.assert_frame_equal(found.drop(columns="silent"), expected.drop(columns="silent"))
    alone = diversity.method_rows(silent, measures)
    assert alone[["units", "silent"]].values.tolist() == [[0, 2]] * 3
    assert alone[["ratio", "ratio_low", "more", "p", "p_corrected"]].isna().all(axis=None)


def test_interval_of_the_median_ratio_covers_it():
    rng = np.random.default_rng(5)
    covered = []
    for repeat in range(40):
        table = made_up(np.exp(rng.normal(np.log(1.5), 0.4, 25))).assign(network=str(repeat))
        row = diversity.method_rows(table, {(str(repeat), "l"): "abc"}).iloc[0]
        covered.append(row.ratio_low <= 1.5 <= row.ratio_high)
    assert 0.85 <= np.mean(covered) <= 1


def test_a_single_unit_has_no_interval():
    rows = diversity.method_rows(made_up([2.0]), {("n", "l"): "abc"})
    assert rows.ratio_low.isna().all()
    assert rows.ratio[0] == pytest.approx(2)


def test_stimuli_that_coincide_do_not_divide_by_zero():
    table = made_up([2.0, 3.0]).assign(gram_distance=0.0, diverse_gram_distance=[0.5, 0.0])
    rows = diversity.method_rows(table, {("n", "l"): "abc"})
    assert np.isfinite(rows.ratio).all()
    assert rows.more[2] == 0.5
