"""Weights are checked before they are read, and nothing that comes with them is executed."""

import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest
import torch
from conftest import VGG, traced
from safetensors.numpy import save_file

from invariscope import cells, sources, weights
from invariscope.architecture import Architecture
from invariscope.errors import UserError

MEMBER = "toy-1.0/toy/vgg.ckpt"


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
    """A pickled Flax tree of two convolutions."""
    rng = np.random.default_rng(0)
    tree = {
        f"Conv_{i}": {
            "kernel": rng.standard_normal((3, 3, inputs, 64)).astype(np.float32),
            "bias": rng.standard_normal(64).astype(np.float32),
        }
        for i, inputs in enumerate((3, 64))
    }
    return tree, pickle.dumps({"NET": tree})


@pytest.fixture
def index(tmp_path, monkeypatch, flax):
    """A package index on this machine with one archive; gives its folder and archive's digest."""
    root = tmp_path / "index"
    (root / "toy").mkdir(parents=True)
    archive = root / "toy" / "toy-1.0.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo(MEMBER)
        info.size = len(flax[1])
        tar.addfile(info, io.BytesIO(flax[1]))
    (root / "toy" / "index.html").write_text('<a href="toy-1.0.tar.gz">toy-1.0.tar.gz</a>')

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=root)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{server.server_port}")
    yield archive
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(at, folder, **changes):
    asked = dict(
        package="toy",
        version="1.0",
        archive="toy-1.0.tar.gz",
        sha256=hashlib.sha256(at.read_bytes()).hexdigest(),
        member=MEMBER,
    )
    return sources.from_package(**{**asked, **changes}, folder=folder)


def test_package_is_fetched_and_nothing_else_left(index, tmp_path, flax):
    folder = tmp_path / "here"
    folder.mkdir()
    assert fetch(index, folder) == flax[1]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is .* but the registry says 0000"),
        ({"archive": "toy-2.0.tar.gz"}, r"has no file toy-2\.0\.tar\.gz"),
        ({"member": "toy-1.0/other"}, rf"no file 'toy-1.0/other' .* it has: {MEMBER}"),
        ({"package": "tiny"}, "package tiny 1.0: the package index has no such package"),
    ],
)
def test_wrong_package(index, tmp_path, changes, message):
    folder = tmp_path / "here"
    folder.mkdir()
    with pytest.raises(UserError, match=message):
        fetch(index, folder, **changes)
    assert list(folder.iterdir()) == []


def test_truncated_archive_is_refused(index, tmp_path):
    whole = index.read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    index.write_bytes(whole[:-10])
    with pytest.raises(UserError, match="corrupt"):
        fetch(index, tmp_path, sha256=digest)


def test_no_network(monkeypatch, tmp_path, index):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"package index cannot be reached .* set UV_DEFAULT_INDEX"):
        fetch(index, tmp_path)


def test_flax_layout(architecture, flax):
    """Kernels are (vertical, horizontal, in, out) there, (out, in, vertical, horizontal) here."""
    tree, data = flax
    found = sources.read_flax(data, "NET", architecture)
    assert found["features.2.weight"].shape == (64, 64, 3, 3)
    assert found["features.2.weight"][5, 7, 2, 1] == tree["Conv_1"]["kernel"][2, 1, 7, 5]
    np.testing.assert_array_equal(found["features.0.bias"], tree["Conv_0"]["bias"])


def test_pickled_code_is_not_run(architecture, tmp_path):
    trace = tmp_path / "was_here"
    data = pickle.dumps({"NET": {"Conv_0": Exploit(trace)}})
    with pytest.raises(UserError, match="only a pickle of plain arrays"):
        sources.read_flax(data, "NET", architecture)
    torch.save({"features.0.weight": Exploit(trace)}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="not a PyTorch file of plain tensors"):
        sources.read_file(tmp_path / "bad.pth", architecture)
    assert not trace.exists()


@pytest.mark.parametrize("data", [b"", b"nothing", pickle.dumps({"OTHER": {}}), pickle.dumps([1])])
def test_not_a_flax_tree(architecture, data):
    with pytest.raises(UserError, match="not a pickled Flax tree with a branch 'NET' of 2"):
        sources.read_flax(data, "NET", architecture)


def test_too_few_convolutions(architecture, flax):
    tree = {"Conv_0": flax[0]["Conv_0"]}
    with pytest.raises(UserError, match=r"branch 'NET' of 2 convolutions .*'Conv_1'"):
        sources.read_flax(pickle.dumps({"NET": tree}), "NET", architecture)


def test_weights_of_another_architecture_are_refused(architecture, tmp_path):
    parameters = sources.random_weights("vgg16", architecture, 0)
    parameters["features.2.weight"] = parameters["features.2.weight"][:, :, :2]
    message = r"features\.2\.weight has shape \(64, 64, 2, 3\); .* \(64, \.\.\., 3, 3\)"
    with pytest.raises(UserError, match=message):
        weights.save(tmp_path / "a.safetensors", architecture, parameters)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_users_file(architecture, tmp_path, suffix):
    _, model = traced("vgg16", VGG)
    state = {name: value for name, value in model.state_dict().items() if name.startswith("feat")}
    path = tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file({name: value.numpy() for name, value in state.items()}, path)
    source = {"file": str(path), "sha256": sources.sha256(path)}
    found = sources.obtain("vgg16", architecture, source, tmp_path)
    assert set(found) == set(architecture.parameters())
    np.testing.assert_array_equal(found["features.2.weight"], state["features.2.weight"])
    with pytest.raises(UserError, match="SHA-256"):
        sources.obtain("vgg16", architecture, {**source, "sha256": "0" * 64}, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a"):
        sources.read_file(path, architecture)
    with pytest.raises(UserError, match="not found"):
        sources.obtain("vgg16", architecture, {"file": "none.pth", "sha256": ""}, tmp_path)


def test_file_that_lacks_a_layer(architecture, tmp_path):
    path = tmp_path / "part.safetensors"
    save_file({"features.0.weight": np.zeros((64, 3, 3, 3), np.float32)}, path)
    with pytest.raises(UserError, match=r"lacks features\.0\.bias, features\.2\.weight"):
        sources.read_file(path, architecture)


def test_random_weights_are_torchvisions_and_repeatable(architecture):
    before = torch.random.get_rng_state()
    first = sources.random_weights("vgg16", architecture, 0)
    again = sources.random_weights("vgg16", architecture, 0)
    other = sources.random_weights("vgg16", architecture, 1)
    assert torch.equal(torch.random.get_rng_state(), before)
    name = "features.2.weight"
    np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first[name], other[name])
    # Kaiming's, over what a channel fans out to: standard deviation sqrt(2 / (64 * 9)).
    assert first[name].std() == pytest.approx(np.sqrt(2 / (64 * 9)), rel=0.02)


def test_save_and_load(architecture, tmp_path):
    parameters = sources.random_weights("vgg16", architecture, 0)
    weights.save(tmp_path / "a.safetensors", architecture, {**parameters, "unused": np.zeros(3)})
    again, tensors = weights.load(tmp_path / "a.safetensors")
    assert again == architecture
    assert set(tensors) == set(parameters)
    np.testing.assert_array_equal(tensors["features.0.bias"], parameters["features.0.bias"])
    weights.save(tmp_path / "b.safetensors", architecture, parameters)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_weights_that_are_not_finite_are_refused(architecture, tmp_path):
    parameters = sources.random_weights("vgg16", architecture, 0)
    parameters["features.0.bias"][3] = np.nan
    with pytest.raises(UserError, match=r"features\.0\.bias has values that are not finite"):
        weights.save(tmp_path / "a.safetensors", architecture, parameters)
    assert list(tmp_path.iterdir()) == []


def test_architecture_survives_its_text():
    architecture, _ = cells.architecture()
    assert Architecture.from_json(architecture.to_json()) == architecture
    assert architecture.truth("cells")[:2] == ["simple", "complex"]
