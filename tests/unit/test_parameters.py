"""Files of parameters: nothing in them is executed, and they must fit the architecture."""

import pickle

import numpy as np
import pytest
import torch
from architectures import VGG, traced
from safetensors.torch import save_file

from invariscope import sources
from invariscope.digest import sha256
from invariscope.errors import UserError
from invariscope.parameters import fit, read_file, read_flax

EXPECTED = {"a.weight": (2, 3), "a.running_var": (2,)}
STATE = {"a.weight": torch.ones(2, 3), "a.running_var": torch.ones(2)}


class Exploit:
    """Unpickled by the plain unpickler, this leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def architecture():
    return traced("vgg16", {layer: VGG[layer] for layer in ("conv1_1", "conv1_2")})[0]


@pytest.fixture(scope="module")
def flax():
    """A Flax tree of two convolutions."""
    rng = np.random.default_rng(0)
    return {
        f"Conv_{i}": {
            "kernel": rng.standard_normal((3, 3, inputs, 64)).astype(np.float32),
            "bias": rng.standard_normal(64).astype(np.float32),
        }
        for i, inputs in enumerate((3, 64))
    }


def save(state, path):
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return path


def test_flax_layout(architecture, flax):
    """Kernels are (vertical, horizontal, in, out) there, (out, in, vertical, horizontal) here."""
    found = read_flax(pickle.dumps({"NET": flax}), "NET", architecture)
    assert found["features.2.weight"].shape == (64, 64, 3, 3)
    assert found["features.2.weight"][5, 7, 2, 1] == flax["Conv_1"]["kernel"][2, 1, 7, 5]
    np.testing.assert_array_equal(found["features.0.bias"], flax["Conv_0"]["bias"])


def test_pickled_code_is_not_run(architecture, tmp_path):
    trace = tmp_path / "was_here"
    data = pickle.dumps({"NET": {"Conv_0": Exploit(trace)}})
    with pytest.raises(UserError, match="only a pickle of plain arrays"):
        read_flax(data, "NET", architecture)
    path = save({"features.0.weight": Exploit(trace)}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="not a PyTorch file of plain tensors"):
        read_file(path, EXPECTED)
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", [{"OTHER": {}}, [1], {"NET": {"Conv_0": {"kernel": [1], "bias": [1]}}}]
)
def test_not_a_flax_tree(architecture, content):
    with pytest.raises(UserError, match="not a pickled Flax tree with a branch 'NET' of 2"):
        read_flax(pickle.dumps(content), "NET", architecture)


@pytest.mark.parametrize("data", [b"", b"nothing"])
def test_not_a_pickle(architecture, data):
    with pytest.raises(UserError, match="not a pickled Flax tree with a branch 'NET' of 2"):
        read_flax(data, "NET", architecture)


def test_too_few_convolutions(architecture, flax):
    data = pickle.dumps({"NET": {"Conv_0": flax["Conv_0"]}})
    with pytest.raises(UserError, match=r"branch 'NET' of 2 convolutions .*'Conv_1'"):
        read_flax(data, "NET", architecture)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_files_are_read_alike(tmp_path, suffix):
    """Also from trained parameters, in other precisions, and with the counts of training."""
    state = {**STATE, "a.num_batches_tracked": torch.tensor(7)}
    state["a.weight"] = torch.arange(6).reshape(2, 3).to(torch.bfloat16)
    state["a.running_var"] = torch.nn.Parameter(torch.full((2,), 0.1, dtype=torch.float64))
    path = save(state, tmp_path / f"a{suffix}")
    found = fit(read_file(path, EXPECTED), EXPECTED, "file")
    assert {name: (value.dtype, value.shape) for name, value in found.items()} == {
        name: (np.float32, shape) for name, shape in EXPECTED.items()
    }
    np.testing.assert_array_equal(found["a.weight"], np.arange(6).reshape(2, 3))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=f"{path}: not a "):
        read_file(path, EXPECTED)


MISFITS = {
    "missing": ({"a.weight": STATE["a.weight"]}, r"it lacks: a\.running_var$"),
    "nested": (
        {"state_dict": STATE},
        r"it lacks: a\.weight, a\.running_var; it has besides: state_dict$",
    ),
    "shape": (
        {**STATE, "a.running_var": torch.ones(1)},
        r"other shapes: a\.running_var 1 instead of 2$",
    ),
    "single": ({**STATE, "a.running_var": torch.tensor(1.0)}, "running_var single instead of 2$"),
    "more": ({**STATE, "fc.bias": torch.ones(1), "epoch": 3}, r"has besides: fc\.bias, epoch$"),
    "many": (
        STATE | {f"b{i}": torch.ones(1) for i in range(9)},
        r"besides: b0, b1, b2, \.\.\. \(9 in all\)$",
    ),
    "integers": ({**STATE, "a.weight": torch.ones(2, 3, dtype=torch.int8)}, r"not plain .*weight$"),
    "four bits": (
        {**STATE, "a.weight": torch.zeros(2, 3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)},
        r"not plain .*weight$",
    ),
    "sparse": ({**STATE, "a.weight": torch.ones(2, 3).to_sparse()}, r"not plain .*weight$"),
    "no tensor": ({**STATE, "a.weight": [1.0]}, r"not plain .*weight$"),
    "objects": ({**STATE, "a.weight": np.array([[None] * 3] * 2)}, r"not plain .*weight$"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_misfits_are_named(name):
    state, message = MISFITS[name]
    with pytest.raises(UserError, match=message) as error:
        fit(state, EXPECTED, "file")
    assert str(error.value).startswith("file: it does not fit the architecture; ")
    assert "\n" not in str(error.value)


def test_not_strict_allows_more_but_lacks_nothing():
    found = fit({**STATE, "more": torch.ones(1)}, EXPECTED, "file", strict=False)
    assert list(found) == list(EXPECTED)
    with pytest.raises(UserError, match=r"it lacks: a\.weight"):
        fit({"a.running_var": STATE["a.running_var"]}, EXPECTED, "file", strict=False)
    with pytest.raises(UserError, match="2 instead of 2x3"):
        fit({**STATE, "a.weight": torch.ones(2)}, EXPECTED, "file", strict=False)


@pytest.fixture(scope="module")
def resnet():
    """ResNet-18 up to layer1.0, traced only as far as its max pooling, and a model of it."""
    return traced("resnet18", {"maxpool": "maxpool"})


def obtain(resnet, path, **source):
    source = {"file": str(path), "sha256": sha256(path), **source}
    return sources.obtain("resnet18", resnet[0], source, "nowhere", "study.net")


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_users_whole_file(resnet, tmp_path, suffix):
    state = resnet[1].state_dict()
    path = save(state, tmp_path / f"mine{suffix}")
    found = obtain(resnet, path)
    for name in resnet[0].parameters():
        np.testing.assert_array_equal(found[name], state[name])
    with pytest.raises(UserError, match=f"{path}: its SHA-256 is .*, but should be 0000"):
        obtain(resnet, path, sha256="0" * 64)
    with pytest.raises(UserError, match=r"none\.pth: not found"):
        obtain(resnet, path, file="none.pth")


def test_users_file_of_the_lower_layers(resnet, tmp_path):
    """It must hold all that `up_to` needs, though the study may read less."""
    state = resnet[1].state_dict()
    lower = {k: v for k, v in state.items() if k.startswith(("conv1", "bn1", "layer1.0"))}
    path = save(lower, tmp_path / "lower.pth")
    with pytest.raises(UserError, match=r"it lacks: layer1\.1\.conv1.* lower layers needs 'up_to'"):
        obtain(resnet, path)
    found = obtain(resnet, path, up_to="layer1.0.add")
    np.testing.assert_array_equal(found["bn1.running_mean"], state["bn1.running_mean"])
    with pytest.raises(UserError, match=r"it lacks: layer1\.1\.conv1.*(?<!'up_to')$"):
        obtain(resnet, path, up_to="layer1.1.add")
    save({**lower, "other": torch.ones(1)}, path)
    obtain(resnet, path, up_to="layer1.0.add")
    save({**lower, "layer1.0.bn2.weight": torch.ones(3)}, path)
    with pytest.raises(UserError, match=r"layer1\.0\.bn2\.weight 3 instead of 64"):
        obtain(resnet, path, up_to="layer1.0.add")
