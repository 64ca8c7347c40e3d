"""Torchvision's weights by the real path, from a server on this machine in place of its own."""

import hashlib
import io
import re

import numpy as np
import pytest
import torch
from architectures import traced
from fileserver import FileServer
from torchvision.models import SqueezeNet1_1_Weights

from invariscope import download, sources
from invariscope.digest import sha256
from invariscope.errors import UserError

SOURCE = {"torchvision": "IMAGENET1K_V1"}
NOWHERE = "http://127.0.0.1:9"
CUT = 4 * download.CHUNK  # what came of a chunk that was cut is not kept


@pytest.fixture(scope="module")
def network():
    """A small architecture, a model of it, its file as torch writes it, and the file's name."""
    architecture, model = traced("squeezenet1_1", {"low": "features.0", "high": "features.3.cat"})
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    data = file.getvalue()
    return architecture, model, data, f"squeezenet1_1-{hashlib.sha256(data).hexdigest()[:8]}.pth"


@pytest.fixture
def server(network, tmp_path, monkeypatch):
    """A server that has the file. Torchvision's enum names it; nothing else is made believe."""
    files = FileServer()
    files.files[network[3]] = network[2]
    files.start()
    point_to(monkeypatch, f"{files.address}/models/{network[3]}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(download.MIRROR, raising=False)
    files.pauses = []
    monkeypatch.setattr(download.time, "sleep", files.pauses.append)
    yield files
    files.stop()


def point_to(monkeypatch, address):
    monkeypatch.setattr(SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", address)


def obtain(network, owner="study.net", **pinned):
    source = {**SOURCE, **pinned}
    return sources.obtain("squeezenet1_1", network[0], source, "results/.downloads", owner)


def check(network, found):
    """What came is the model's, and nothing of the download is left."""
    state = network[1].state_dict()
    for name in network[0].parameters():
        np.testing.assert_array_equal(found[name], state[name])
    assert list(download.Path("results/.downloads").iterdir()) == []


def part(network, owner="study.net"):
    path = download.Path("results/.downloads") / f"{owner}.{network[3]}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def refusal(network, **pinned):
    """The one line that a user is told."""
    with pytest.raises(UserError) as error:
        obtain(network, **pinned)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_good_file(network, server, capsys):
    check(network, obtain(network))
    assert server.asked == [(f"models/{network[3]}", None)]
    assert server.served == len(network[2])
    told = capsys.readouterr().err
    assert f"{network[3]}: SHA-256 {hashlib.sha256(network[2]).hexdigest()}\n" in told
    assert "100%" in told


def test_wrong_digest_is_refused_and_removed(network, server):
    other = bytes([network[2][0] ^ 1]) + network[2][1:]
    server.files[network[3]] = other
    message = refusal(network)
    assert hashlib.sha256(other).hexdigest() in message
    assert f"should begin {network[3][-12:-4]}" in message
    assert f"{server.address}/models/{network[3]}" in message
    assert not part(network).exists()
    assert server.served == len(other)  # fetched once: nothing was pieced together


def test_all_digits_can_be_pinned(network, server):
    digest = hashlib.sha256(network[2]).hexdigest()
    check(network, obtain(network, sha256=digest))
    pinned = digest[:-1] + ("0" if digest[-1] != "0" else "1")
    assert f"should be {pinned}" in refusal(network, sha256=pinned)
    before = server.served
    assert f"does not begin {digest[:8]}" in refusal(network, sha256="0" * 64)
    assert server.served == before


def test_truncated_every_time(network, server):
    """Each answer is cut after some bytes: given up after some, and what came is kept."""
    server.cuts = [download.CHUNK + 1000] * 50
    message = refusal(network)
    assert len(server.asked) == 1 + len(download.PAUSES)
    assert server.pauses == list(download.PAUSES)
    kept = download.CHUNK * len(server.asked)
    assert part(network).read_bytes() == network[2][:kept]
    assert f"{kept} bytes are kept, and the next run goes on from there" in message


def test_gone_midway_and_back(network, server, monkeypatch):
    """Only the rest is asked for, and served, once the server is there again."""
    waited = []
    server.cuts = [CUT]

    def wait(seconds):
        waited.append(seconds)
        server.stop() if len(waited) == 1 else server.start()

    monkeypatch.setattr(download.time, "sleep", wait)
    check(network, obtain(network))
    assert len(waited) == 2
    assert [header for _, header in server.asked] == [None, f"bytes={CUT}-"]
    assert server.served == len(network[2])


def test_resumed_by_the_next_run(network, server):
    server.cuts = [CUT] + [0] * 50
    refusal(network)
    assert part(network).stat().st_size == CUT
    server.cuts.clear()
    server.asked.clear()
    server.served = 0
    check(network, obtain(network))
    assert [header for _, header in server.asked] == [f"bytes={CUT}-"]
    assert server.served == len(network[2]) - CUT


def test_another_network_does_not_touch_it(network, server):
    """Two networks may need one file at once: each has a part of its own."""
    part(network, "study.other").write_bytes(b"growing")
    obtain(network)
    assert server.asked[0][1] is None
    assert part(network, "study.other").read_bytes() == b"growing"


def test_whole_part_needs_no_network(network, server, monkeypatch):
    part(network).write_bytes(network[2])
    point_to(monkeypatch, f"{NOWHERE}/{network[3]}")
    check(network, obtain(network))


@pytest.mark.parametrize("size", [1000, "whole", "more"])
def test_stale_part_is_found_out_and_replaced(network, server, size):
    length = {"whole": len(network[2]), "more": len(network[2]) + 5}.get(size, size)
    part(network).write_bytes(b"x" * length)
    check(network, obtain(network))
    assert [header for _, header in server.asked] == [f"bytes={length}-", None]


def test_server_without_ranges(network, server):
    server.ranges = False
    server.cuts = [CUT]
    check(network, obtain(network))
    assert [header for _, header in server.asked] == [None, f"bytes={CUT}-"]
    assert server.served == CUT + len(network[2])


def test_server_that_sends_another_part(network, server):
    server.cuts = [CUT]
    server.shift = 10
    check(network, obtain(network))
    assert [header for _, header in server.asked] == [None, f"bytes={CUT}-", None]


def test_unreachable_is_told_at_once_in_one_line(network, server, monkeypatch):
    address = f"{NOWHERE}/models/{network[3]}"
    point_to(monkeypatch, address)
    message = refusal(network)
    for told in (
        f"{address} (ConnectionError)",
        f"put the file at downloads/{network[3]} (its SHA-256 begins {network[3][-12:-4]})",
        "set INVARISCOPE_MIRROR to a folder or an http(s) address",
    ):
        assert told in message
    assert server.pauses == []
    assert not part(network).exists()


@pytest.mark.parametrize("slash", ["", "/"])
def test_mirror_at_an_address(network, server, monkeypatch, slash):
    point_to(monkeypatch, f"{NOWHERE}/{network[3]}")
    monkeypatch.setenv(download.MIRROR, f"{server.address}/a/b{slash}")
    check(network, obtain(network))
    assert server.asked == [(f"a/b/{network[3]}", None)]


def test_mirror_that_lacks_the_file_is_passed_over(network, server, monkeypatch, capsys):
    mirror = FileServer()
    mirror.start()
    try:
        monkeypatch.setenv(download.MIRROR, mirror.address.replace("//", "//me:secret@"))
        check(network, obtain(network))
        told = capsys.readouterr().err
        assert f"not to be had from {mirror.address}/{network[3]} (it answers 404)" in told
        point_to(monkeypatch, f"{NOWHERE}/{network[3]}")
        message = refusal(network)
    finally:
        mirror.stop()
    assert f"{mirror.address}/{network[3]} (it answers 404) nor from {NOWHERE}" in message
    assert "secret" not in message + told


@pytest.mark.parametrize("mirror", ["http://", "http://[", "https://a b/"])
def test_mirror_that_is_no_address(network, server, monkeypatch, mirror):
    monkeypatch.setenv(download.MIRROR, mirror)
    point_to(monkeypatch, f"{NOWHERE}/{network[3]}")
    assert f"not to be had from {mirror.rstrip('/')}/{network[3]} (" in refusal(network)


def test_mirror_folder(network, server, monkeypatch, tmp_path):
    """Used where it lies, and left there."""
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    monkeypatch.setenv(download.MIRROR, str(mirror))
    point_to(monkeypatch, f"{NOWHERE}/{network[3]}")
    assert f"{mirror} (INVARISCOPE_MIRROR: no such file in this folder)" in refusal(network)
    file = mirror / network[3]
    file.write_bytes(network[2])
    check(network, obtain(network))
    assert file.read_bytes() == network[2]
    assert server.asked == []


def test_file_put_there_by_hand(network, server, monkeypatch, capsys):
    """Before any mirror or address; used where it lies, and left there, right or wrong."""
    monkeypatch.setenv(download.MIRROR, server.address)
    file = download.BY_HAND / network[3]
    file.parent.mkdir()
    file.write_bytes(network[2])
    obtain(network)
    assert hashlib.sha256(network[2]).hexdigest() in capsys.readouterr().err
    assert file.read_bytes() == network[2]
    file.write_bytes(b"wrong")
    assert re.match(rf"weights file {file}: its SHA-256 is {sha256(file)}", refusal(network))
    assert file.read_bytes() == b"wrong"
    assert server.asked == []


def test_torchvisions_own_file_must_fit_too(network, server, monkeypatch):
    """A file with the right digest, but of another architecture; it is not kept."""
    file = io.BytesIO()
    torch.save({**network[1].state_dict(), "extra": torch.zeros(1)}, file)
    name = f"squeezenet1_1-{hashlib.sha256(file.getvalue()).hexdigest()[:8]}.pth"
    server.files[name] = file.getvalue()
    point_to(monkeypatch, f"{server.address}/{name}")
    assert "it has besides: extra" in refusal(network)
    assert list(download.Path("results/.downloads").iterdir()) == []


def test_unknown_weights_list_those_there_are(network):
    with pytest.raises(UserError, match=r"no weights 'V3' of 'squeezenet1_1'; it has: IMAGENET1K"):
        obtain(network, torchvision="V3")


def test_address_without_a_digest(network, server, monkeypatch):
    server.files["plain.pth"] = network[2]
    point_to(monkeypatch, f"{server.address}/plain.pth")
    assert "add it as weights.sha256" in refusal(network)
    check(network, obtain(network, sha256=hashlib.sha256(network[2]).hexdigest()))
