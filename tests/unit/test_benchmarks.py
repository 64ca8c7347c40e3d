"""The benchmarks' own claims: the plain published algorithm, counts of operations, and the JSON."""

import importlib.util
import json
import mmap
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from architectures import STD, plain_vgg
from blocks import stimuli_block
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import __main__ as command
from benchmarks import cost, dag, load, peers, published, quality, rate, roofline, scaling, setting
from invariscope import files, weights, winograd
from invariscope.objective import Penalty
from invariscope.optimiser import Published
from invariscope.spectrum import precondition, preconditioner
from invariscope.synthesis import synthesise

LAYERS = {"conv1_1": 64, "conv1_2": 64, "conv2_1": 128, "conv2_2": 128, "conv3_1": 256}


@pytest.fixture(scope="module")
def means():
    """Made-up means of each layer's channels, so unlike that mixing them up shows."""
    rng = np.random.default_rng(0)
    return {layer: rng.uniform(0.1, 2, count) for layer, count in LAYERS.items()}


@pytest.fixture
def measured(vgg, means, tmp_path, monkeypatch):
    """A setting on two units of random weights, read from a study's files."""
    monkeypatch.chdir(tmp_path)
    trunk, _ = vgg
    parameters = {name: value.numpy() for name, value in trunk.parameters.items()}
    weights.save(tmp_path / "study/weights/vgg16.safetensors", trunk.architecture, parameters)
    dataset = xr.Dataset({layer: (f"channel_{layer}", mean) for layer, mean in means.items()})
    (tmp_path / "study/natural").mkdir()
    dataset.to_netcdf(tmp_path / "study/natural/vgg16.nc", engine="h5netcdf")
    return setting.read(tmp_path / "study", 2, 2, 1)


def test_plain_network_is_torchvisions_with_its_channels_scaled(vgg, means):
    trunk, model = vgg
    stimuli = 60 * torch.randn(3, 3, 24, 24)
    responses, features = published.Network(trunk.parameters, means, STD)(stimuli)
    conv2_2, conv3_1 = plain_vgg(model, stimuli)
    for found, value, layer in (
        (responses, conv3_1, "conv3_1"),
        (features, conv2_2.relu(), "conv2_2"),
    ):
        expected = value / torch.tensor(means[layer], dtype=torch.float32)[:, None, None]
        torch.testing.assert_close(found, expected.flatten(1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("side", [7, 24])
def test_plain_filter_is_the_preconditioner(side):
    gradient = torch.randn(2, 3, side, side)
    expected = precondition(gradient, preconditioner(side))
    torch.testing.assert_close(published.filtered(gradient), expected, rtol=1e-4, atol=1e-5)


def test_plain_loop_goes_as_the_engine_does_with_the_published_optimiser(measured, monkeypatch):
    # Adam divides by the gradient's size, which lets rounding through at single pixels; so both
    # convolve plainly.
    monkeypatch.setattr(winograd, "best_tile", lambda *_: 0)
    network = quality.plain_network(measured)
    raw = measured.start([1])
    stimuli, values = published.climb(network, raw[0], [1], measured.norm, 5, 6, 100)
    engine = synthesise(measured.observe([1]), raw, measured.norm, Penalty(5), Published(), 6)
    assert torch.dist(stimuli, engine.stimuli[0]) < 5e-3 * torch.linalg.norm(stimuli)
    end = engine.responses.mean() + 5 * engine.distances.amin()
    assert values[-1] == pytest.approx(float(end), rel=1e-3)
    assert len(values) == 6
    assert values[-1] > values[0]


def test_plain_loop_stops_once_its_average_has_no_new_minimum():
    """Its objective is made up: 4, 5, 5, then 1, so that the average is best at the third step."""
    objectives = iter([4, 5, 5, *[1] * 20])

    def network(stimuli):
        responses = next(objectives) + 0 * stimuli.mean((1, 2, 3))
        return responses[:, None], torch.zeros(2, 5)

    _, values = published.climb(network, torch.randn(2, 3, 4, 4), [0], 10, 0, 50, 3)
    assert values == [4, 5, 5, 1, 1, 1, 1]


def test_a_network_that_is_not_the_engines_is_refused(measured):
    wrong = {**measured.scales, "conv2_2": measured.scales["conv2_2"] * 1.01}
    plain = published.Network

    class Other(plain):
        def __init__(self, parameters, scales, std):
            super().__init__(parameters, wrong, std)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "Network", Other)
        with pytest.raises(AssertionError):
            quality.plain_network(measured)


def test_objective_takes_each_units_own_channel_and_images():
    responses = torch.arange(24.0).reshape(4, 6)  # two units of two images, six channels
    features = torch.tensor([[0.0, 0], [3, 4], [1, 1], [1, 2]])
    found = published.objective(responses, features, [1, 5], 2)
    distances = np.sqrt([(9 + 16) / 2, 1 / 2])
    expected = [(1 + 7) / 2 + 2 * distances[0], (17 + 23) / 2 + 2 * distances[1]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))


@pytest.mark.parametrize("layer", ["conv1_1", "conv2_2", "conv3_1"])
def test_operations_are_those_that_torch_counts(vgg, means, layer):
    """Of plain convolutions: the engine gets by with fewer."""
    trunk, _ = vgg
    counts = roofline.operations(trunk.architecture, trunk.parameters, layer)
    side = {"conv1_1": 3, "conv2_2": 14, "conv3_1": 24}[layer]
    network = published.Network(trunk.parameters, means, STD)
    plain = network.layers[: published.CONVOLUTIONS[layer] + 1]
    stimuli = torch.randn(2, 3, side, side, requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        value = plain(stimuli)
    assert forward.get_total_flops() == 2 * sum(counts.values())
    with FlopCounterMode(display=False) as backward:
        torch.autograd.grad(value.sum(), stimuli)
    assert backward.get_total_flops() == 2 * sum(counts.values())


def test_time_until_the_goal_is_the_share_of_steps_before_it():
    traces = {3: (10.0, [1, 2, 5, 4]), 4: (20.0, [1, 1])}
    row = quality.one_by_one(traces, np.array([4, 2]))
    assert row == dict(steps=3, s_per_unit=15, s_to_goal=(7.5 + 20) / 2, objective=2.5, reached=1)


def test_ours_reaches_the_goal_with_the_shortest_schedule_that_ends_above_it():
    values = {30: np.array([1.0, 1]), 40: np.array([4.0, 1]), 50: np.array([3.0, 2])}
    seconds = {30: 3.0, 40: 4.0, 50: 6.0}
    mean, own = quality.reached(values, seconds, np.array([2.0, 2.5]))
    assert (mean["steps"], mean["s_to_goal"], mean["reached"]) == (40, 2, 1)
    # The second unit's goal is never reached: it counts with the longest schedule.
    assert (own["steps"], own["s_to_goal"], own["reached"]) == (45, 2.5, 1)
    assert own["objective"] == 3
    (own,) = quality.reached(values, seconds, np.array([2.0, 20]))
    assert own["reached"] == 1


def test_packages_that_climb_something_else_are_refused():
    quality.agree("it", [1, 2, 3, 4, 5, 9], [1, 2, 3, 4, 5.0001, 6])
    with pytest.raises(AssertionError, match="it goes"):
        quality.agree("it", [1, 2, 3, 4.1, 5], [1, 2, 3, 4, 5])


def test_packages_that_are_not_there_are_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found, missing = peers.installed()
    assert not found
    assert [line.split()[0] for line in missing] == ["plenoptic", "torch-lucent", "laminr"]


def test_functions_are_timed_in_turn():
    called = []
    seconds = setting.in_turn({name: lambda n=name: called.append(n) for name in "ab"}, 2)
    assert called == list("ababab")
    assert set(seconds) == set("ab")


def test_scaling_knows_its_layers_and_its_memory(vgg):
    trunk, _ = vgg
    assert scaling.below(trunk.architecture, "conv2_2") == {"conv1_1", "conv1_2", "conv2_1"}
    before = scaling.memory("VmRSS")
    with mmap.mmap(-1, 10**8) as held:  # new memory, whatever was freed before
        for page in range(0, len(held), mmap.PAGESIZE):
            held[page] = 1
        assert scaling.memory("VmRSS") - before == pytest.approx(len(held), rel=0.2)
    parameters = {name: value.numpy() for name, value in trunk.parameters.items()}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        task = trunk.architecture, parameters, "conv2_2", 4, 6, 2, 1
        seconds, more = processes.submit(scaling.one, *task).result()
    assert seconds > 0
    assert more > 4 * 6 * 64 * 12 * 12 * 4  # one layer's values, at least


def test_large_study_has_as_many_units_as_it_says(monkeypatch):
    monkeypatch.chdir(dag.ROOT)
    _, *values = dag.large_study()
    (layers,) = (json.loads(v.removeprefix("layers=")) for v in values if v.startswith("layers="))
    ranges = [entry["units"][0].split("-") for entry in layers]
    assert sum(int(last) - int(first) + 1 for first, last in ranges) == dag.UNITS


def test_copies_of_blocks_have_the_names_of_their_paths(tmp_path):
    """And the content of the real blocks in turn; what is of a whole network is copied as it is."""
    source, study = tmp_path / "source", tmp_path / "study"
    for place, block in enumerate(("0000-0015", "0016-0031")):
        real = stimuli_block(range(16), a_max=np.full(16, 5.0 + place))
        files.write_dataset(real, source / f"stimuli/vgg16/conv3_1/{block}.nc")
    (source / "weights").mkdir()
    (source / "weights/vgg16.safetensors").write_text("weights")
    names = [f"stimuli/vgg16_untrained/conv9_9/{block}.nc" for block in ("0048-0063", "0064-0079")]
    for name in (*names, "weights/vgg16.safetensors"):
        load.copy(source, study, name)
    for name, first, a_max in zip(names, (48, 64), (6.0, 5.0), strict=True):
        found = files.read_dataset(study / name)
        assert found.unit.values.tolist() == list(range(first, first + 16))
        assert found.attrs == real.attrs | dict(network="vgg16_untrained", layer="conv9_9")
        assert (found.a_max.values == a_max).all()
        np.testing.assert_array_equal(found.stimulus.values, real.stimulus.values)
    assert (study / "weights/vgg16.safetensors").read_text() == "weights"


def test_a_study_out_of_date_is_not_timed_as_one_with_nothing_to_do(measured, monkeypatch):
    monkeypatch.setattr(dag.records, "read_whole", lambda folder: {})
    monkeypatch.setattr(dag, "between_jobs", lambda made: 0.5)
    monkeypatch.setattr(dag, "large_study", list)
    said = {False: "Job counts", True: "Nothing to be done"}
    for current in (True, False):
        monkeypatch.setattr(dag, "snakemake", lambda *words, current=current: said[current])
        found = dag.measure(measured)
        assert len(found["rows"]) == 2 + current
        assert len(found["notes"]) == 2 - current


def test_one_command_prints_tables_and_writes_one_file(measured, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(peers, "PACKAGES", {})
    monkeypatch.setattr(quality, "STEPS", 5)
    monkeypatch.setattr(quality, "SCHEDULES", (2, 4))
    monkeypatch.setattr(rate, "IMAGE_STEPS", 60)
    monkeypatch.setattr(roofline, "MATRIX", 64)
    monkeypatch.setattr(roofline, "STEPS", 2)
    parts = "quality", "rate", "roofline"
    study = str(tmp_path / "study")
    command.main([*parts, "--results", study, "--units", "2", "--repeats", "1"])
    found = json.loads((tmp_path / "results/benchmarks.json").read_text())
    assert set(found) == {*parts, "circumstances"}
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["benchmarks.json"]
    printed = capsys.readouterr().out
    columns = {
        "quality": "optimiser steps s_per_unit s_to_goal objective reached faster faster_to_goal",
        "rate": "loop images steps image_steps_per_s by_best_peer at_equal_batch",
        "roofline": "kernel gflop ms gflop_per_s of_peak",
    }
    for part, names in columns.items():
        assert {"rows", "notes", "load_before"} <= set(found[part])
        assert {" ".join(row) for row in found[part]["rows"]} == {names}
        for row in found[part]["rows"]:
            assert str(next(iter(row.values()))) in printed
    published_row, short, long, *_ = found["quality"]["rows"]
    assert published_row["steps"] == 5
    assert (short["steps"], long["steps"]) == (2, 4)
    loop, all_of_it = found["roofline"]["rows"][-1], found["roofline"]["rows"][-2]
    assert loop["gflop"] == all_of_it["gflop"] == pytest.approx(0.1036 * 12, rel=1e-3)
    assert sum(row["gflop"] for row in found["roofline"]["rows"][1:-2]) == pytest.approx(
        loop["gflop"]
    )
    assert found["circumstances"]["threads"] == 1


def test_a_study_that_is_not_there_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["rate", "--results", str(tmp_path)])
    assert "is not a finished study with vgg16" in capsys.readouterr().err.splitlines()[-1]


def test_what_synthesis_reaches_is_counted_from_its_layers(measured):
    """By two conditions of 6 images and 70 steps; a step of conv3_1 is 103.6 million an image."""
    entries = [dict(network="vgg16", layer=layer) for layer in ("conv3_1", "conv1_1")]
    settings, seconds = dict(images=6, steps=70), pd.Series([2.0, 0.5])
    found = cost.gflop_per_s(measured.results, entries, settings, seconds)
    one_position = 2 * (2 * 27 * 64) * 840 / 0.5 / 1e9
    assert found.tolist() == pytest.approx([0.1036 * 840 / 2, one_position], rel=1e-3)


def test_the_cost_of_jobs_is_read_from_their_records():
    """Seconds by layer and stage over all blocks; between jobs, however many run side by side."""

    def made(rule, layer, start, end):
        moments = {"start": start, "end": end}
        run = {key: f"2026-01-01T00:00:{value:06.3f}+00:00" for key, value in moments.items()}
        return dict(rule=rule, parameters=dict(network="n", layer=layer), run=run)

    entries = [dict(network="n", layer=layer) for layer in ("b", "a")]
    records = [
        made("synthesis", "a", 0, 2.5),
        made("synthesis", "b", 0, 4),
        made("natural", None, 2.75, 10),
        made("synthesis", "a", 4.5, 9),
        made("warp", "b", 10, 11),
    ]
    seconds = cost.seconds_of(records, entries)
    assert seconds.to_dict("list") == dict(synthesis=[4, 7], phase=[0, 0], warp=[1, 0])
    # After the ends at 2.5, 4 and 10; two had none to follow.
    assert cost.between_jobs(records) == pytest.approx(0.25)
