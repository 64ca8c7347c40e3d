"""How far two runs of a study agree."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from recorded import chain, job, leave

from invariscope import reproduction

UNITS = pd.DataFrame(
    {
        "network": "n",
        "layer": ["a"] * 5 + ["b"] * 5,
        "channel": [*range(5), *range(5)],
        "f1_f0": np.linspace(0, 0.9, 10),
        "label": ["selective"] * 9 + ["both"],
        "missing": [np.nan] * 10,
    }
)


def by_column(found):
    return {row["column"]: row for row in found}


def test_equal_tables_in_any_order():
    for row in reproduction.columns(UNITS, UNITS.iloc[::-1]):
        assert row["differ"] == 0
        assert row["within"]
        assert row["rows"] == 10
    assert set(by_column(reproduction.columns(UNITS, UNITS))) == {"f1_f0", "label", "missing"}


def test_differences_of_numbers():
    other = UNITS.copy()
    other.loc[[0, 3], "f1_f0"] += [0.25, -0.5]
    row = by_column(reproduction.columns(UNITS, other))["f1_f0"]
    assert (row["differ"], row["median"], row["most"]) == (2, 0, pytest.approx(0.5))
    assert row["spread"] == pytest.approx(0.45)  # of 0.225 and 0.675
    assert row["within"]
    for shift, within in ((0.089, True), (0.091, False)):  # a fifth of the spread is 0.09
        moved = UNITS.assign(f1_f0=UNITS.f1_f0 + shift)
        assert by_column(reproduction.columns(UNITS, moved))["f1_f0"]["within"] == within


@pytest.mark.parametrize(("count", "within"), [(1, True), (2, False)])
def test_what_has_no_number_or_is_none(count, within):
    """A tenth may differ: one in ten."""
    lost, other = UNITS.copy(), UNITS.copy()
    lost.loc[: count - 1, "f1_f0"] = np.nan
    other.loc[: count - 1, "label"] = "both"
    for first, second in ((UNITS, lost), (lost, UNITS)):
        row = by_column(reproduction.columns(first, second))["f1_f0"]
        assert (row["differ"], row["within"]) == (count, within)
    row = by_column(reproduction.columns(UNITS, other))["label"]
    assert (row["differ"], row["within"]) == (count, within)


def test_a_column_that_only_one_has():
    found = by_column(reproduction.columns(UNITS, UNITS.drop(columns="f1_f0").assign(more=1)))
    assert not found["f1_f0"]["within"]
    assert not found["more"]["within"]


@pytest.mark.parametrize(("count", "within"), [(9, True), (8, False), (0, False)])
def test_rows_that_only_one_has(count, within):
    for pair in ((UNITS, UNITS.iloc[:count]), (UNITS.iloc[:count], UNITS)):
        for row in reproduction.columns(*pair):
            assert (row["rows"], row["differ"], row["within"]) == (count, 0, within)


TABLE = "tables/units.csv"


def study(folder, jobs=None, content=None, **run):
    for each in jobs or chain():
        leave(folder, each, content=(content or {}).get(each.outputs[0]), **run)
    return folder


def text(shift):
    return UNITS.assign(f1_f0=UNITS.f1_f0 + shift).to_csv(index=False)


def test_the_same_bytes(tmp_path):
    one, other = study(tmp_path / "a"), study(tmp_path / "b")
    found = reproduction.compare(one, other)
    assert found["agree"]
    assert found["circumstances"] == {}
    assert found["exact"]
    assert reproduction.in_words(found)[0] == "same machine and packages: bytes must be the same"
    assert len(found["same"]) == 5
    assert "5 files are the same, 0 differ" in reproduction.in_words(found)
    (other / "stimuli/a.nc").write_text("by hand")
    found = reproduction.compare(one, other)
    assert not found["agree"]
    assert found["different"] == ["stimuli/a.nc"]
    assert "differ: stimuli/a.nc" in reproduction.in_words(found)
    assert reproduction.in_words(found)[-1] == "they do not agree"


def test_what_describes_the_run_may_differ(tmp_path):
    about = job("crate", "crate.json", ["stimuli/a.record.json"])
    one = study(tmp_path / "a", [*chain(), about])
    other = study(tmp_path / "b", [*chain(), about], {"crate.json": "made at another time"})
    found = reproduction.compare(one, other)
    assert found["agree"]
    assert "crate.json" not in found["same"]


@pytest.mark.parametrize(("shift", "agree"), [(0.01, True), (0.1, False)])
def test_on_the_same_machine_bytes_count_and_on_another_tolerances(tmp_path, shift, agree):
    one = study(tmp_path / "a", content={TABLE: text(0)})
    same = study(tmp_path / "b", content={TABLE: text(shift)})
    other = study(tmp_path / "c", content={TABLE: text(shift)}, threads=2)
    assert not reproduction.compare(one, same)["agree"]
    found = reproduction.compare(one, other)
    assert found["agree"] == agree
    assert found["circumstances"] == {"threads": [["1"], ["2"]]}
    assert by_column(found["tables"][TABLE])["f1_f0"]["median"] == pytest.approx(shift)
    words = "\n".join(reproduction.in_words(found))
    assert "threads, only in the first: 1; only in the second: 2" in words
    assert ("they agree" in words) == agree


@pytest.mark.parametrize(("shift", "agree"), [(0.01, True), (0.1, False)])
def test_on_the_same_gpu_tolerances_count(tmp_path, shift, agree):
    gpu = {"name": "GPU", "driver": "1"}
    one = study(tmp_path / "a", content={TABLE: text(0)}, device=gpu)
    other = study(tmp_path / "b", content={TABLE: text(shift)}, device=gpu)
    found = reproduction.compare(one, other)
    assert found["circumstances"] == {}
    assert not found["exact"]
    assert found["agree"] == agree
    words = reproduction.in_words(found)
    assert words[0] == "same machine and packages: bytes may differ on a GPU"
    assert words[-1] == ("they agree" if agree else "they do not agree")


def test_a_study_that_was_asked_for_something_else(tmp_path):
    one, jobs = study(tmp_path / "a"), chain()
    jobs[1] = replace(jobs[1], parameters={"seed": 1})
    found = reproduction.compare(one, study(tmp_path / "b", jobs, threads=2))
    assert found["otherwise"] == ["stimuli/a.record.json"]
    assert not found["agree"]
    jobs[1] = replace(jobs[1], parameters={"seed": 0, "threads": 2})
    assert reproduction.compare(one, study(tmp_path / "d", jobs, threads=2))["agree"]
    jobs = chain()
    found = reproduction.compare(one, study(tmp_path / "c", jobs[:-1], threads=2))
    assert found["only_one"] == ["figures/gallery.svg"]
    assert not found["agree"]
    assert "only in the first: figures/gallery.svg" in reproduction.in_words(found)


def test_circumstances(tmp_path):
    one = study(tmp_path / "a")
    jobs = [replace(each, packages={"numpy": "2.1", "python": "3.12"}) for each in chain()]
    device = {"name": "GPU", "driver": "1"}
    found = reproduction.compare(one, study(tmp_path / "b", jobs, device=device))
    assert found["circumstances"] == {
        "device": [["processor"], ["GPU"]],
        "packages": [["numpy 2.0"], ["numpy 2.1"]],
    }
