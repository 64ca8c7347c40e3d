"""Outputs appear whole or not at all; seeds follow from names."""

import errno

import blocks
import numpy as np
import pytest
import xarray as xr

from invariscope.baselines_dataset import YARDSTICKS, baselines_dataset
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


def by_xarray(path, variables=None):
    with xr.open_dataset(path, engine="h5netcdf") as dataset:
        return (dataset if variables is None else dataset[variables]).load()


def same(found, expected):
    """Also in types, and in order of variables and attributes: `assert_identical` passes these."""
    xr.testing.assert_identical(found, expected)
    assert list(found.data_vars) == list(expected.data_vars)
    for one, other in (found, expected), *((found[k], expected[k]) for k in expected.variables):
        assert list(one.attrs) == list(other.attrs)
        assert [type(v) for v in one.attrs.values()] == [type(v) for v in other.attrs.values()]
    for name in expected.variables:
        assert found[name].dtype == expected[name].dtype
    assert set(found.indexes) == set(expected.indexes)


def stages(images):
    """What each stage leaves, made up; of a single image much is missing and a dimension empty."""
    stimuli = blocks.stimuli_block([3, 5, 4], a_max=[10, 0, -1], images=images, truth="simple")
    baselines = {
        condition: dict(
            stimulus=stimuli.stimulus.values[0],
            response=stimuli.response.values[0],
            **dict.fromkeys(YARDSTICKS, np.array([1.0, np.nan, 2.0])),
        )
        for condition in ("diverse", "restarts")
    }
    means = {layer: (f"channel_{layer}", np.arange(4.0), {"long_name": "m"}) for layer in "ab"}
    return {
        "stimuli": stimuli,
        "phase": blocks.phase_block(stimuli),
        "warp": blocks.warp_block(stimuli),
        "baselines": baselines_dataset(baselines, stimuli, network="n", seed=0),
        "natural": xr.Dataset(means, attrs={"network": "n", "photos": 7, "side": 256}),
    }


@pytest.mark.parametrize("images", [3, 1])
@pytest.mark.parametrize("stage", ["stimuli", "phase", "warp", "baselines", "natural"])
def test_every_file_is_read_as_xarray_reads_it(tmp_path, stage, images):
    path = tmp_path / "a.nc"
    write_dataset(stages(images)[stage], path)
    whole = by_xarray(path)
    same(read_dataset(path), whole)
    for name in whole.data_vars:
        same(read_dataset(path, [name]), by_xarray(path, [name]))
    some = list(whole.data_vars)[::-2]
    same(read_dataset(path, some), by_xarray(path, some))
    write_dataset(read_dataset(path), tmp_path / "again.nc")
    assert (tmp_path / "again.nc").read_bytes() == path.read_bytes()


def test_every_sort_of_value_is_read_as_xarray_reads_it(tmp_path):
    dataset = xr.Dataset(
        {
            "text": ("unit", ["", "größer"]),
            "flag": (("unit", "x"), [[True, False, True]] * 2),
            "gone": (("x", "y"), np.array([[np.nan, np.inf, -0.0, 1]] * 3, np.float32)),
            "whole": ("y", np.arange(4, dtype=np.int16)),
            "number": ((), 3.5),
            "empty": (("unit", "none"), np.zeros((2, 0))),
        },
        {
            "unit": [7, 3],
            "x": ["a", "b", "c"],
            "beside": ("y", [True, False, True, False]),
            "nowhere": ("none", np.zeros(0, int)),
        },
        {"a": 1, "b": 2.5, "c": "text", "d": np.float32(0.1)},
    )
    dataset.whole.attrs.update(z="last of the alphabet, first here", a=3)
    path = tmp_path / "a.nc"
    write_dataset(dataset, path)
    same(read_dataset(path), by_xarray(path))
    for name in dataset.data_vars:
        same(read_dataset(path, [name]), by_xarray(path, [name]))


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
