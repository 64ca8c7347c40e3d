"""Which jobs must run, and why: by content."""

import os
from dataclasses import replace

import pytest
from recorded import chain, job, leave

from invariscope import staleness
from invariscope.staleness import Reason


@pytest.fixture
def study(tmp_path):
    for each in chain():
        leave(tmp_path, each)
    return tmp_path


def words(found):
    """Stale jobs by name of their record, with the reasons in words."""
    return {
        record.split("/")[1].removesuffix(".record.json"): [reason.what for reason in reasons]
        for record, reasons in found.items()
    }


def changed(index, **changes):
    jobs = chain()
    jobs[index] = replace(jobs[index], **changes)
    return jobs


def test_nothing_is_stale_after_a_run(study):
    assert staleness.stale(chain(), study) == {}


def test_a_study_that_is_yet_to_be_made(tmp_path):
    assert set(map(tuple, words(staleness.stale(chain(), tmp_path)).values())) == {
        ("is yet to be made",),
    }


DOWN = {"units": ["input is made anew by synthesis"], "gallery": ["input is made anew by tables"]}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            dict(code={"synthesis.py": "3" * 64, "shared.py": "2" * 64}),
            "code changed in synthesis.py",
        ),
        (dict(code={"synthesis.py": "1" * 64}), "code changed in shared.py"),
        (dict(parameters={"seed": 1}), "parameter seed changed from 0 to 1"),
        (dict(parameters={"seed": 0, "steps": 7}), "parameter steps changed from none to 7"),
        (
            dict(packages={"numpy": "2.1", "python": "3.12"}),
            "package numpy changed from 2.0 to 2.1",
        ),
        (dict(packages={"python": "3.12"}), "package numpy changed from 2.0 to none"),
        (dict(inputs=()), "input is no longer one"),
        (dict(outputs=("stimuli/a.nc", "stimuli/more.nc")), "output is new"),
        (dict(rule="other"), "rule changed from synthesis to other"),
    ],
)
def test_what_a_job_would_do_otherwise_now(study, changes, reason):
    found = words(staleness.stale(changed(1, **changes), study))
    down = {
        key: [text.replace("synthesis", changes.get("rule", "synthesis")) for text in value]
        for key, value in DOWN.items()
    }
    assert found == {"a": [reason], **down}


def test_two_parameters_swapped(study):
    both = changed(0, parameters={"low": 1, "high": 2})
    leave(study, both[0])
    assert staleness.stale(both, study) == {}
    swapped = changed(0, parameters={"low": 2, "high": 1})
    assert words(staleness.stale(swapped, study))["n"] == [
        "parameter high changed from 2 to 1",
        "parameter low changed from 1 to 2",
    ]


def test_an_input_more(study):
    extra = job("synthesis", "stimuli/c.nc", ["weights/n.safetensors"])
    jobs = chain()
    jobs[3] = replace(jobs[3], inputs=(*jobs[3].inputs, "stimuli/c.nc"))
    found = words(staleness.stale([*jobs[:3], extra, *jobs[3:]], study))
    assert found == {
        "c": ["is yet to be made"],
        "units": ["input was not there"],
        "gallery": ["input is made anew by tables"],
    }


def test_a_damaged_output_is_restored_and_nothing_else(study):
    (study / "stimuli/a.nc").write_text("made by hand now")
    assert staleness.stale(chain(), study) == {
        "stimuli/a.record.json": [Reason("output was changed after it was made", ("stimuli/a.nc",))]
    }
    (study / "stimuli/a.nc").unlink()
    assert words(staleness.stale(chain(), study)) == {"a": ["output is missing"]}


@pytest.mark.parametrize("text", [None, "", "{}", "[]", "null", "\xff"])
def test_a_record_that_is_lost_or_broken(study, text):
    path = study / "stimuli/a.record.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    why = "has no record" if text is None else "its record was changed after it was written"
    assert words(staleness.stale(chain(), study)) == {"a": [why], **DOWN}


def test_content_counts_and_not_time(study):
    path = study / "stimuli/a.nc"
    before = os.stat(path)
    staleness.stale(chain(), study)
    os.utime(study / "weights/n.safetensors")
    assert staleness.stale(chain(), study) == {}
    path.write_text(path.read_text().swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(path)
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert set(words(staleness.stale(chain(), study))) == {"a"}


def test_an_input_other_than_the_one_that_was_read(study):
    """Both records are whole, and yet the table was not made from these stimuli."""
    leave(study, chain()[1], content="of another run")
    assert words(staleness.stale(chain(), study)) == {
        "units": ["input has changed"],
        "gallery": ["input is made anew by tables"],
    }


def test_asked_for(study):
    found = words(staleness.stale(chain(), study, forced={"stimuli/a.record.json"}))
    assert found == {"a": ["asked for"], **DOWN}


def test_a_record_as_input_changes_with_every_run_of_its_job(study):
    about = job("crate", "crate.json", ["stimuli/a.record.json", "stimuli/b.record.json"])
    leave(study, about)
    jobs = [*chain(), about]
    assert staleness.stale(jobs, study) == {}
    (study / "stimuli/a.nc").unlink()
    found = staleness.stale(jobs, study)
    assert found["crate.record.json"] == [
        Reason("input is made anew by synthesis", ("stimuli/a.record.json",))
    ]


def test_differences():
    old = {"a": {"b": 1, "c": [1, 2]}, "d": "x" * 50}
    new = {"a": {"b": 2, "c": [1, 2]}, "e": None}
    assert staleness.differences(old, new) == [
        ("a.b", "1", "2"),
        ("d", "x" * 37 + "...", "none"),
        ("e", "none", "None"),
    ]
    assert staleness.differences([1, [2, 3]], [1, [2, 4]]) == [("[1][1]", "3", "4")]
    assert staleness.differences({"a": [1]}, {"a": [1, 2]}) == [("a", "[1]", "[1, 2]")]
