"""Digests of photos are kept from run to run, and never trusted where a photo may have changed."""

import hashlib
import json
import os
from itertools import count

import numpy as np
import pytest
from PIL import Image

from invariscope import natural, photos
from invariscope.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Three photos, each of another grey."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for grey in (10, 20, 30):
        Image.fromarray(np.full((8, 9, 3), grey, np.uint8)).save(folder / f"{grey}.png")
    return folder


@pytest.fixture
def ask(folder, tmp_path):
    """Asks for the digests of the folder's photos."""
    return lambda: photos.digests(sorted(folder.iterdir()), tmp_path / "results" / "memory.json")


@pytest.fixture
def asked(monkeypatch):
    """Names of the files whose bytes were read, in order."""
    names, check = [], photos.check_digest

    def note(path, *rest):
        names.append(os.path.basename(path))
        return check(path, *rest)

    monkeypatch.setattr(photos, "check_digest", note)
    return names


@pytest.fixture
def later(monkeypatch):
    """As if all files had been written some time ago."""
    monkeypatch.setattr(photos, "RECENT", -100)


def plain(folder):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


def test_only_what_changed_is_read_again(folder, ask, asked, later):
    assert ask() == plain(folder)
    assert asked == ["10.png", "20.png", "30.png"]
    asked.clear()
    assert ask() == plain(folder)
    assert asked == []
    (folder / "20.png").write_bytes((folder / "30.png").read_bytes())
    (folder / "40.png").write_bytes(b"one more")
    (folder / "10.png").unlink()
    assert ask() == plain(folder)
    assert asked == ["20.png", "40.png"]


def test_a_change_is_seen_whatever_size_and_times_are_set_to(folder, ask, later):
    path = folder / "10.png"
    before = ask()
    status, content = os.stat(path), path.read_bytes()
    path.write_bytes(content[:-1] + b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (
        status.st_size,
        status.st_mtime_ns,
        status.st_ino,
    )
    assert ask() == plain(folder) != before


def test_a_file_moved_in_its_place_is_seen(folder, ask, later):
    """Of the same size and, on a coarse clock, the same times."""
    path, other = folder / "10.png", folder.parent / "other"
    ask()
    status = os.stat(path)
    other.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, path)
    assert ask() == plain(folder)


@pytest.mark.parametrize("part", ["st_size", "st_ino", "st_mtime_ns", "st_ctime_ns"])
def test_each_part_of_the_status_counts(folder, ask, asked, later, monkeypatch, part):
    ask()
    asked.clear()
    status, place = photos._status, os.path.join(folder, "20.png")
    number = status(place).index(getattr(os.stat(place), part))

    def other(path):
        found = status(path)
        found[number] += path == place
        return found

    monkeypatch.setattr(photos, "_status", other)
    ask()
    assert asked == ["20.png"]


def test_two_changes_in_one_tick_of_the_clock(folder, ask, asked, monkeypatch):
    """The second leaves no other status than the first: a photo just changed is not trusted."""
    whole, status = 10**9, photos._status

    def coarse(path):
        size, inode, *times = status(path)
        return [size, inode, *(time // whole * whole for time in times)]

    monkeypatch.setattr(photos, "_status", coarse)
    path = folder / "10.png"
    content = path.read_bytes()
    for last in range(3):
        path.write_bytes(content[:-1] + bytes([last]))
        assert ask() == plain(folder)
    monkeypatch.setattr(
        photos.time, "time_ns", count(os.stat(path).st_ctime_ns + 3 * whole).__next__
    )
    ask()
    asked.clear()
    ask()
    assert asked == []  # once it has had its rest


def test_what_was_read_is_kept_if_reading_breaks_off(folder, ask, asked, later, monkeypatch):
    check = photos.check_digest

    def fail(path, *rest):
        if os.path.basename(path) == "30.png":
            raise KeyboardInterrupt
        return check(path, *rest)

    monkeypatch.setattr(photos, "check_digest", fail)
    with pytest.raises(KeyboardInterrupt):
        ask()
    monkeypatch.setattr(photos, "check_digest", check)
    asked.clear()
    assert ask() == plain(folder)
    assert asked == ["30.png"]


def test_other_folders_are_remembered_too(folder, ask, asked, later, tmp_path):
    ask()
    other = tmp_path / "other"
    other.mkdir()
    (other / "10.png").write_bytes(b"other")
    memory = tmp_path / "results" / "memory.json"
    assert photos.digests([other / "10.png"], memory) == plain(other)
    asked.clear()
    ask()
    assert asked == []
    assert len(json.loads(memory.read_text())) == 4


def test_photos_that_cannot_be_read(folder, ask):
    (folder / "gone.png").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"photo .*gone\.png: cannot be read \(No such file"):
        ask()


def test_one_digest_tells_content_and_order():
    one, two = "1" * 64, "2" * 64
    found = {photos.digest(each) for each in ([], [one], [two], [one, two], [two, one])}
    assert len(found) == 5
    assert photos.digest([one, two]) == hashlib.sha256((one + two).encode()).hexdigest()


def test_photos_are_read_as_they_are_asked_for(folder):
    expected = photos.digest(plain(folder))
    found = photos.read(folder, expected, 8)
    assert [int(photo[0, 0, 0]) for photo in found] == [10, 20, 30]
    assert found[1].shape == (3, 8, 9)
    assert len(found) == 3
    path = folder / "20.png"
    os.rename(folder / "30.png", path)
    with pytest.raises(UserError, match=r"20\.png: its SHA-256 is"):
        found[1]
    with pytest.raises(UserError, match="changed after the run was planned"):
        photos.read(folder, expected, 8)
    assert natural.photo_paths(folder) == [folder / "10.png", path]
