"""A user's own weights: ImageNet's ResNet-50 as far as layer1.2, from the file of `--resnet50`."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import xarray as xr
import yaml
from running import ROOT, snakemake
from safetensors.torch import load_file
from skimage import data
from torchvision.models.feature_extraction import create_feature_extractor

from invariscope import network, sources
from invariscope.config import read_registry
from invariscope.digest import sha256
from invariscope.errors import UserError
from invariscope.receptive_field import input_interval, stride
from invariscope.trunk import Trunk

ENTRY = read_registry(ROOT / "config" / "networks.yaml")["resnet50"]


@pytest.fixture(scope="module")
def file(request):
    return Path(request.config.getoption("--resnet50")).absolute()


@pytest.fixture(scope="module")
def source(file):
    """What a registry entry says of it."""
    return {"file": str(file), "sha256": sha256(file), "up_to": "layer1.2"}


@pytest.fixture(scope="module")
def architecture():
    layers = {layer: ENTRY["layers"][layer] for layer in ("conv1", "maxpool", "layer1.2")}
    return network.architecture("resnet50", layers)


@pytest.fixture(scope="module")
def trunk(architecture, source):
    source = {**source, "up_to": ENTRY["layers"]["layer1.2"]}
    found = sources.obtain("resnet50", architecture, source, "nowhere", "study.net")
    parameters = {name: torch.from_numpy(found[name]) for name in architecture.parameters()}
    return Trunk(architecture, parameters, ENTRY["preprocessing"]["std"])


def test_without_up_to_it_is_refused(architecture, source):
    whole = {key: source[key] for key in ("file", "sha256")}
    with pytest.raises(
        UserError, match=r"it lacks: layer2\.0\.conv1\.weight, .* in all\); .*up_to"
    ):
        sources.obtain("resnet50", architecture, whole, "nowhere", "study.net")


def test_further_than_it_goes_it_is_refused(architecture, source):
    further = {**source, "up_to": ENTRY["layers"]["layer2.0"]}
    with pytest.raises(UserError, match=r"it lacks: layer2\.0\.conv1\.weight"):
        sources.obtain("resnet50", architecture, further, "nowhere", "study.net")


@pytest.mark.parametrize("layer", ["conv1", "maxpool", "layer1.2"])
def test_units_respond_as_in_torchvisions_own_network(trunk, file, layer):
    """Inside a photo, whole network and receptive field alone, within 1e-4 of the largest."""
    model = torchvision.models.resnet50(weights=None).eval()
    missing, unexpected = model.load_state_dict(load_file(file), strict=False)
    assert not unexpected
    upper = ("layer2", "layer3", "layer4", "fc")
    assert all(name.startswith(upper) or "num_batches" in name for name in missing)
    mean, std = (torch.tensor(ENTRY["preprocessing"][k])[:, None, None] for k in ("mean", "std"))
    photo = torch.tensor(data.chelsea().transpose(2, 0, 1)).float() - 255 * mean
    node = ENTRY["layers"][layer]
    first, last = input_interval(trunk.architecture, layer)
    with torch.no_grad():
        whole = create_feature_extractor(model, [node])((photo / (255 * std))[None])[node]
        y, x = (side // 2 for side in whole.shape[-2:])
        step = stride(trunk.architecture, layer)
        down, right = (slice(first + at * step, last + at * step + 1) for at in (y, x))
        value, _ = trunk.run(photo[None, :, down, right], layer)
    expected = whole[0, :, y, x]
    if layer == "maxpool":
        # Read before the ReLU, which here stands behind the pool.
        assert (value < 0).any()
        value = value.relu()
    assert (value[0, :, 0, 0] - expected).abs().max() < 1e-4 * expected.abs().max()
    assert len(expected.unique()) > 30


@pytest.fixture(scope="module")
def study(source, tmp_path_factory):
    """A registry with the file, and a study of one block of its units."""
    folder = tmp_path_factory.mktemp("resnet50")
    entry = {"architecture": "resnet50", "weights": source, "layers": ENTRY["layers"]}
    (folder / "networks.yaml").write_text(yaml.safe_dump({"resnet50_mine": entry}, sort_keys=False))
    config = {
        "name": "mine",
        "registry": "networks.yaml",
        "layers": [{"network": "resnet50_mine", "layer": "layer1.2", "units": ["16-19"]}],
        "natural": {"side": 96},
        "synthesis": {"images": 3, "steps": 20},
    }
    return folder, config


def test_layer_above_is_refused_before_the_start(study):
    folder, config = study
    above = {**config, "layers": [{**config["layers"][0], "layer": "layer2.0"}]}
    code, printed = snakemake(folder, above)
    assert code == 1
    (line,) = [text for text in printed.splitlines() if text.startswith("invariscope: ")]
    assert "layers[0].layer: the weights of 'resnet50_mine' go up to 'layer1.2'" in line
    assert line.endswith("allowed: conv1, maxpool, layer1.0, layer1.1, layer1.2")
    assert not (folder / "results" / "mine").exists()


def test_stimuli_of_its_units(study):
    folder, config = study
    path = "results/mine/stimuli/resnet50_mine/layer1.2/0016-0031.nc"
    code, printed = snakemake(folder, config, path)
    assert code == 0, printed
    with xr.open_dataset(folder / path, engine="h5netcdf") as stimuli:
        assert stimuli.unit.values.tolist() == [16, 17, 18, 19]
        assert stimuli.stimulus.shape[-3:] == (3, 35, 35)
        response = stimuli.response.sel(condition="restarts")
        assert np.isfinite(response).all()
        assert (response.max("image") > 0).all()
