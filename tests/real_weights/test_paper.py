"""The paper's study on real weights, at few units a layer: every rule of its DAG is run.

VGG-16 stands in VGG-19's place, and ResNet-50 goes as far as the weights at hand. Controls are left
out where the other network has no layer to correspond.
"""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from running import ROOT, snakemake

from invariscope.digest import sha256

TOP = "layer1.2"
QUICK = {
    "synthesis": {"images": 4, "steps": 40},
    "phase": {"phases": 8, "texture": {"steps": 10}},
    "warp": {"steps": 10, "draws": 2},
}


def reduced(registry, config, weights):
    """The registry with weights that are at hand, and the paper's study at few units and steps."""
    for name in ("vgg19", "vgg19_untrained_0", "vgg19_untrained_1"):
        registry[name]["architecture"] = "vgg16"
        registry[name]["layers"] = registry["vgg16"]["layers"]
    registry["vgg19"]["weights"] = registry["vgg16"]["weights"]
    registry["resnet50"]["weights"] = {
        "file": str(weights),
        "sha256": sha256(weights),
        "up_to": TOP,
    }
    layers = []
    for entry in config["layers"]:
        wide = entry["layer"] == "conv4_1"
        entry = {
            **entry,
            "units": [0, 1] if wide else ["0-2"],
            "seeds": min(entry.get("seeds", 1), 2),
        }
        lone = isinstance(entry["network"], list) and entry["layer"] in ("conv3_3", "conv4_1")
        if entry["layer"] != "conv3_4" and not entry["layer"].startswith("layer2") and not lone:
            layers.append(entry)
    return registry, {**config, **QUICK, "layers": layers}


@pytest.fixture(scope="module")
def study(tmp_path_factory, request):
    """Folder of the study's results."""
    folder = tmp_path_factory.mktemp("paper")
    registry = yaml.safe_load((ROOT / "config/networks.yaml").read_text())
    config = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    registry, config = reduced(
        registry, config, Path(request.config.getoption("--resnet50")).absolute()
    )
    (folder / "networks.yaml").write_text(yaml.safe_dump(registry))
    config["registry"] = "networks.yaml"
    code, printed = snakemake(folder, config)
    assert code == 0, printed
    return folder / "results" / "paper"


def test_every_stage_and_figure_is_there(study):
    figures = {path.stem for path in (study / "figures").glob("*.png")}
    compared = {"network_comparison", "network_gallery", "layers", "diversity_methods"}
    assert compared < figures
    assert len(figures) == 14
    for stage in ("stimuli", "phase", "warp"):
        networks = {path.name for path in (study / stage).iterdir()}
        assert len(networks) == 7
    assert {path.name for path in (study / "seeds/1/warp").iterdir()} == {"vgg19", "resnet50"}


def test_layers_correspond_by_receptive_field(study):
    table = pd.read_csv(study / "tables/correspondence.csv").dropna()
    assert table[["layer_1", "rf_1", "layer_2", "rf_2"]].values.tolist() == [
        ["conv2_1", 10, "maxpool", 11],
        ["conv3_1", 24, "layer1.1", 27],
        ["conv3_2", 32, "layer1.2", 35],
    ]


def test_networks_and_controls_are_compared(study):
    table = pd.read_csv(study / "tables/comparison.csv")
    kinds = table.groupby("contrast").apply(
        lambda rows: len(rows.drop_duplicates(["network_1", "layer_1", "network_2"])),
        include_groups=False,
    )
    # Three pairs of layers; each side has two controls, which pair up by seed.
    assert kinds.to_dict() == {"networks": 3, "training": 12, "architecture": 6}
    both = table[(table.contrast == "networks") & (table["index"] == "a_max")].set_index("layer_1")
    assert both.seeds.to_dict() == {"conv2_1": 1, "conv3_1": 2, "conv3_2": 1}
    assert (both.units_1 == 3).all()


def test_responses_of_both_networks_are_real(study):
    """Trained units are driven far above their mean over photos."""
    units = pd.read_csv(study / "tables/units.csv")
    trained = units[units.network.isin(["vgg19", "resnet50"])]
    assert (trained.groupby(["network", "layer"]).a_max.max() > 5).all()
    assert trained.a_max.min() > 0  # none is left where a random start does not drive it
    assert trained.rf.max() == 60
