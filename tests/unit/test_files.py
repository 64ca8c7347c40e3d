"""Outputs appear whole or not at all; seeds follow from names."""

import errno

import numpy as np
import pytest
import xarray as xr

from invariscope.errors import UserError
from invariscope.files import read_dataset, write_dataset, write_whole
from invariscope.seeds import generator
from invariscope.synthesis import start


def fail_halfway(path):
    with write_whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_nothing_appears_when_writing_fails(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with pytest.raises(RuntimeError):
        fail_halfway(path)
    assert list(path.parent.iterdir()) == []
    with write_whole(path) as temporary:
        assert temporary.suffix == ".txt"
        temporary.write_text("whole")
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_a_failed_rewrite_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        fail_halfway(path)
    assert path.read_text() == "old"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        PermissionError(errno.EACCES, "Permission denied"),
        ValueError("I/O error: No space left on device (os error 28)"),  # of a library
    ],
)
def test_what_hinders_writing_is_told_in_a_line(tmp_path, error):
    path = tmp_path / "a.txt"

    def write(error):
        with write_whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(UserError, match=rf"^{path}: (No space left|Permission)[\w ]+$"):
        write(error)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        write(FileNotFoundError(errno.ENOENT, "No such file or directory"))


def test_datasets_have_the_same_bytes(tmp_path):
    dataset = xr.Dataset(
        {"a": (("unit", "x"), np.arange(6.0).reshape(2, 3), {"units": "pixels"})},
        {"unit": [3, 5], "truth": ("unit", ["", "simple"])},
        {"network": "n"},
    )
    for name in ("1.nc", "2.nc"):
        write_dataset(dataset, tmp_path / name)
    assert (tmp_path / "1.nc").read_bytes() == (tmp_path / "2.nc").read_bytes()
    again = read_dataset(tmp_path / "1.nc")
    (tmp_path / "1.nc").unlink()
    xr.testing.assert_identical(again, dataset)


def test_seeds_follow_from_names_not_from_order():
    def draw(*names):
        return generator(*names).standard_normal(3).tolist()

    assert draw("a", 1) == draw("a", 1)
    assert draw("a", 1) != draw(1, "a")
    assert draw("ab", "c") != draw("a", "bc")
    words = ["0", "net", "layer", "diverse", "9"]
    assert len({str(draw(*words[:i], "x", *words[i + 1 :])) for i in range(5)}) == 5
    assert len({generator("many", i).integers(2**63) for i in range(2000)}) == 2000
    together, alone = start(5, 2, [3, 9], "net"), start(5, 2, [9], "net")
    assert (together[1] == alone[0]).all()
    assert not (together[0] == together[1]).any()


@pytest.mark.parametrize("word", range(4))
def test_every_word_of_a_start_counts(word):
    words = [0, "net", "layer", "diverse"]
    changed = [*words[:word], "other", *words[word + 1 :]]
    assert not (start(5, 2, [9], *words) == start(5, 2, [9], *changed)).any()
