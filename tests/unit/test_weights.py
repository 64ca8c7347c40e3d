"""Where weights come from, and how the workflow keeps them."""

import hashlib
import http.server
import io
import pickle
import tarfile
import threading

import numpy as np
import pytest
import torch
from architectures import VGG, traced

from invariscope import cells, sources, weights
from invariscope.architecture import Architecture
from invariscope.digest import sha256
from invariscope.errors import UserError

MEMBER = "toy-1.0/toy/vgg.ckpt"


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


def pack(archive, files):
    """A source archive of some files, with a folder and links, to a file and to nothing."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name, kind, target in (
            ("folder", tarfile.DIRTYPE, ""),
            ("link", tarfile.SYMTYPE, MEMBER),
            ("hard", tarfile.LNKTYPE, MEMBER),
            ("loose", tarfile.SYMTYPE, "/etc/passwd"),
        ):
            info = tarfile.TarInfo(f"toy-1.0/{name}")
            info.type, info.linkname = kind, target
            tar.addfile(info)


@pytest.fixture
def index(tmp_path, monkeypatch, flax):
    """A package index on this machine with one archive; gives its folder and archive's digest."""
    root = tmp_path / "index"
    (root / "toy").mkdir(parents=True)
    archive = root / "toy" / "toy-1.0.tar.gz"
    pack(archive, {MEMBER: flax[1]})
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
        ({"sha256": "0" * 64}, "its SHA-256 is .* but should be 0000"),
        ({"archive": "toy-2.0.tar.gz"}, r"has no file toy-2\.0\.tar\.gz"),
        ({"member": "toy-1.0/other"}, rf"no file 'toy-1.0/other'; it has: .*{MEMBER}"),
        ({"member": "toy-1.0/folder"}, "'toy-1.0/folder' is a folder or link, not a file"),
        ({"member": "toy-1.0/link"}, "'toy-1.0/link' is a folder or link, not a file"),
        ({"member": "toy-1.0/hard"}, "'toy-1.0/hard' is a folder or link, not a file"),
        ({"member": "toy-1.0/loose"}, "'toy-1.0/loose' is a folder or link, not a file"),
        ({"package": "tiny"}, "package tiny 1.0: the package index has no such package"),
    ],
)
def test_wrong_package(index, tmp_path, changes, message):
    folder = tmp_path / "here"
    folder.mkdir()
    with pytest.raises(UserError, match=message):
        fetch(index, folder, **changes)
    assert list(folder.iterdir()) == []


def test_the_index_does_not_say_where_a_file_is_put(index, tmp_path, flax):
    (index.parent / "index.html").write_text(f'<a href="{index.name}">../../{index.name}</a>')
    assert fetch(index, tmp_path / "a" / "here", archive=f"../../{index.name}") == flax[1]
    assert list(tmp_path.rglob(index.name)) == [index]


def test_what_answers_may_be_no_index(index, tmp_path):
    version = '<meta name="pypi:repository-version" content="9.0">'
    (index.parent / "index.html").write_text(version)
    with pytest.raises(UserError, match=r"cannot be reached \(UnsupportedRepoVersionError\)"):
        fetch(index, tmp_path / "here")
    assert list((tmp_path / "here").iterdir()) == []


def test_truncated_archive_is_refused(index, tmp_path):
    whole = index.read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    index.write_bytes(whole[:-10])
    with pytest.raises(UserError, match="corrupt"):
        fetch(index, tmp_path, sha256=digest)


@pytest.mark.parametrize(
    "damage", [lambda data: b"no archive", lambda data: data[: len(data) // 2]]
)
def test_what_is_no_archive_is_refused(index, tmp_path, damage):
    """By a digest that fits: the registry may name a wrong file."""
    index.write_bytes(damage(index.read_bytes()))
    with pytest.raises(UserError, match=r"toy-1\.0\.tar\.gz is not a readable tar archive"):
        fetch(index, tmp_path)


def test_package_with_a_torch_file(index, tmp_path):
    """A .pth member is read by torch, and must hold exactly the architecture's parameters."""
    architecture, model = traced("squeezenet1_1", {"low": "features.0"})
    source = dict(package="toy", version="1.0", archive=index.name, member="toy-1.0/a.pth")

    def obtain(state):
        file = io.BytesIO()
        torch.save(state, file)
        pack(index, {source["member"]: file.getvalue()})
        pinned = {**source, "sha256": sha256(index)}
        return sources.obtain("squeezenet1_1", architecture, pinned, tmp_path / "here", "study.net")

    state = model.state_dict()
    found = obtain(state)
    np.testing.assert_array_equal(found["features.0.weight"], state["features.0.weight"])
    assert list((tmp_path / "here").iterdir()) == []
    with pytest.raises(UserError, match=r"toy: toy-1\.0/a\.pth: .* it has besides: more$"):
        obtain(state | {"more": torch.zeros(1)})
    del state["classifier.1.bias"]
    with pytest.raises(UserError, match=r"it lacks: classifier\.1\.bias$"):
        obtain(state)


def test_flax_parameters_of_another_architecture_are_refused(index, tmp_path):
    """Two convolutions of the toy fit the lowest of VGG-16, and no others."""
    source = dict(package="toy", version="1.0", archive=index.name, member=MEMBER, tree="NET")
    source["sha256"] = sha256(index)
    layers = {"conv1_1": "features.0", "conv1_2": "features.2"}
    architecture, _ = traced("vgg16", layers)
    found = sources.obtain("vgg16", architecture, source, tmp_path, "study.net")
    assert set(found) == set(architecture.parameters())
    architecture, _ = traced("alexnet", {"a": "features.0", "b": "features.3"})
    with pytest.raises(UserError, match=r"features\.0\.weight 64x3x3x3 instead of 64x3x11x11"):
        sources.obtain("alexnet", architecture, source, tmp_path, "study.net")


def test_no_network(monkeypatch, tmp_path, index):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"package index cannot be reached .* set UV_DEFAULT_INDEX"):
        fetch(index, tmp_path)


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


def test_architecture_survives_its_text():
    architecture, _ = cells.architecture()
    assert Architecture.from_json(architecture.to_json()) == architecture
    assert architecture.truth("cells")[:2] == ["simple", "complex"]
