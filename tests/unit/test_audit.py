"""The audit of results by their records."""

import json
from dataclasses import replace

import pytest
from recorded import chain, job, leave

from invariscope import audit, audit_tree, cli, difference, provenance, records
from invariscope.errors import UserError
from invariscope.figures import identity

FIGURE = "figures/gallery.svg"


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "results" / "toy"
    for each in chain():
        leave(folder, each)
    return folder


def statuses(steps):
    return {step.files[0]: step.status for step in steps}


def reasons(steps, status):
    return [reason.what for step in steps if step.status == status for reason in step.reasons]


CURRENT = {
    "weights/n.safetensors": "current",
    "stimuli/a.nc": "current",
    "stimuli/b.nc": "current",
    "tables/units.csv": "current",
    FIGURE: "current",
}


def test_a_figure_is_followed_to_the_weights(study):
    steps = audit.audit(study, chain(), FIGURE)
    assert statuses(steps) == CURRENT
    order = [step.files[0] for step in steps]
    assert order[0] == "weights/n.safetensors"
    assert order[-2:] == ["tables/units.csv", FIGURE]
    assert steps[0].source == "seed 0"
    assert steps[-1].inputs == ["tables/units.record.json"]
    assert steps[-1].made.startswith("2026-01-01T00:00:01.000+00:00 on processor, no commit")
    block = audit.audit(study, chain(), "stimuli/a.nc")
    assert list(statuses(block)) == ["weights/n.safetensors", "stimuli/a.nc"]


def test_all_of_a_study(study):
    assert statuses(audit.audit(study, chain())) == CURRENT
    (study / "notes.txt").write_text("mine")
    (study / "logs").mkdir()
    (study / "logs/a.log").write_text("said")
    steps = audit.audit(study, chain())
    assert statuses(steps) == {**CURRENT, "notes.txt": "unknown"}
    assert reasons(steps, "unknown") == ["no job says that it made it"]


@pytest.mark.parametrize(
    ("index", "changes", "reason"),
    [
        (1, dict(code={"shared.py": "3" * 64}), "code changed in shared.py, synthesis.py"),
        (0, dict(parameters={"source": {"seed": 3}}), "parameter source.seed changed from 0 to 3"),
        (3, dict(inputs=("stimuli/a.nc",)), "input is no longer one"),
    ],
)
def test_stale(study, index, changes, reason):
    jobs = chain()
    jobs[index] = replace(jobs[index], **changes)
    steps = audit.audit(study, jobs, FIGURE)
    found = statuses(steps)
    assert found[jobs[index].outputs[0]] == found[FIGURE] == "stale"
    assert reason in reasons(steps, "stale")


def test_without_the_workflow_bytes_are_compared(study):
    assert statuses(audit.audit(study, None, FIGURE)) == CURRENT
    leave(study, chain()[1], content="of another run")
    found = statuses(audit.audit(study, None, FIGURE))
    assert found == {**CURRENT, "tables/units.csv": "stale", FIGURE: "stale"}


def test_what_the_study_no_longer_has(study):
    jobs = [each for each in chain() if each.outputs != ("stimuli/b.nc",)]
    jobs[2] = replace(jobs[2], inputs=("stimuli/a.nc",))
    steps = audit.audit(study, jobs)
    assert statuses(steps)["stimuli/b.nc"] == "stale"
    assert "the study has no such job any more" in reasons(steps, "stale")


def test_what_is_yet_to_be_made(study):
    more = job("layers", "figures/layers.svg", ["tables/units.csv"])
    found = statuses(audit.audit(study, [*chain(), more]))
    assert found == {**CURRENT, "figures/layers.svg": "stale"}


def test_tampered(study):
    (study / "stimuli/a.nc").write_text("other")
    steps = audit.audit(study, chain(), FIGURE)
    assert statuses(steps) == {**CURRENT, "stimuli/a.nc": "tampered"}
    assert reasons(steps, "tampered") == ["output was changed after it was made"]
    # The other block has no part in it.
    assert statuses(audit.audit(study, chain(), "stimuli/b.nc"))["stimuli/b.nc"] == "current"


def test_a_tampered_record(study):
    path = study / "stimuli/a.record.json"
    path.write_text(path.read_text() + "\n")
    steps = audit.audit(study, chain(), FIGURE)
    assert statuses(steps)["stimuli/a.nc"] == "tampered"
    assert reasons(steps, "tampered") == ["its record was changed after it was written"]


def test_a_lost_record_leaves_its_step_unknown(study):
    (study / "stimuli/a.record.json").unlink()
    found = statuses(audit.audit(study, chain(), FIGURE))
    assert found["stimuli/a.nc"] == "unknown"
    assert found[FIGURE] == "stale"
    assert statuses(audit.audit(study, None, FIGURE))["stimuli/a.nc"] == "unknown"


def test_a_forged_record_is_found(study):
    """Bytes changed, and the record rewritten to fit: what was made from them tells."""
    path = study / "stimuli/a.record.json"
    (study / "stimuli/a.nc").write_text("better")
    leave(study, chain()[1], content="better")
    assert audit.records.read(path)
    assert statuses(audit.audit(study, chain(), FIGURE))["tables/units.csv"] == "stale"


def test_only_a_whole_record_is_one(study):
    path = study / "stimuli/a.record.json"
    text = path.read_text()
    changes = [
        ('"seed": 0', '"seed": 1'),
        ('"threads": 1', '"threads": 2'),
        ("\n ", "\n  "),
        ('"id": "', '"id": "0'),
        ("}\n", "}"),
    ]
    for old, new in changes:
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(records.RecordError, match="changed"):
            records.read(path)
    # Its own digest renewed, but not its identity.
    record = json.loads(text)
    del record["sha256"]
    record["parameters"]["seed"] = 5
    provenance.write(path, record)
    with pytest.raises(records.RecordError, match="changed"):
        records.read(path)


def test_a_record_of_another_version_is_known_as_such(study):
    path = study / "stimuli/a.record.json"
    whole = records.read(path)
    broken = [{key: value for key, value in whole.items() if key != gone} for gone in whole]
    broken += [
        whole | {"outputs": []},
        whole | {"run": {}},
        whole | {"run": whole["run"] | {"device": 1}},
    ]
    for record in broken:
        provenance.write(path, record)
        with pytest.raises(records.RecordError, match="layout"):
            records.read(path)
        for jobs in (chain(), None):
            assert statuses(audit.audit(study, jobs)).get("stimuli/a.nc") != "current"
    path.unlink()
    path.mkdir()
    with pytest.raises(records.RecordError, match="changed"):
        records.read(path)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"cells": True}, "cells"),
        ({"torchvision": "IMAGENET1K_V1"}, "torchvision IMAGENET1K_V1"),
        ({"sha256": "1234567890abcdef", "up_to": "add"}, "up_to add, SHA-256 1234567890ab..."),
        ({"version": "0.1", "member": "m", "package": "p"}, "package p, version 0.1"),
    ],
)
def test_where_weights_come_from(study, source, words):
    leave(study, replace(chain()[0], parameters={"source": source}))
    assert audit.audit(study, None, FIGURE)[0].source == words


def test_a_second_record_does_not_take_over(study):
    copied = study / "figures/copied.record.json"
    copied.write_bytes((study / "figures/gallery.record.json").read_bytes())
    assert statuses(audit.audit(study, chain(), FIGURE)) == CURRENT
    found = {step.record: step.status for step in audit.audit(study, chain())}
    assert found["figures/gallery.record.json"] == "current"
    assert found["figures/copied.record.json"] == "stale"


def test_records_that_form_a_circle(study):
    path = study / "weights/n.record.json"
    record = records.read(path) | {"inputs": {FIGURE: "0" * 64}}
    provenance.write(path, record | {"id": provenance.identity(record)})
    with pytest.raises(UserError, match="form a circle"):
        audit.audit(study, None)


def test_the_config_is_that_of_the_latest_run(tmp_path):
    root = tmp_path / "results" / "toy"
    for name, end in (("a", 1), ("b", 3), ("c", 2)):
        config = {"files": [f"{name}.yaml"], "values": {}}
        (tmp_path / f"{name}.yaml").write_text("")
        leave(
            root,
            job("rule", f"tables/{name}.csv"),
            config=config,
            end=f"2026-01-01T00:00:0{end}.000+00:00",
        )
    assert cli._config(root, "", None)["files"] == ["b.yaml"]
    assert cli._config(root, "tables/c.csv", None)["files"] == ["c.yaml"]
    (tmp_path / "b.yaml").unlink()
    assert cli._config(root, "", None)["files"] == ["c.yaml"]


def test_root_and_copies(study, tmp_path):
    assert audit.root_of(study / FIGURE) == study
    assert audit.root_of(study / "stimuli/a.record.json") == study
    assert audit.root_of(study / "stimuli") == audit.root_of(study) == study
    assert audit.root_of(tmp_path) is None
    copy = tmp_path / "copy.svg"
    copy.write_bytes((study / FIGURE).read_bytes())
    assert audit.root_of(copy) is None
    assert audit.trace(copy, [study]) == (study, FIGURE)
    copy.write_text("other")
    assert audit.trace(copy, [study]) is None


def test_a_figure_carries_its_identity(study, tmp_path):
    import matplotlib.pyplot as plt

    from invariscope.figures import style

    drawn = chain()[-1]
    record = records.read(study / drawn.record)
    figure, ax = plt.subplots()
    paths = [tmp_path / "lone.svg", tmp_path / "lone.PNG"]
    ax.plot([0, 1])
    style.save(figure, paths[:1], record["id"])
    style.save(figure, [tmp_path / "lone.png"], record["id"])
    paths[1].write_bytes((tmp_path / "lone.png").read_bytes())
    plt.close(figure)
    for path in paths:
        assert identity.read(path) == record["id"]
    # One byte more, and it is still known what it was.
    paths[0].write_text(paths[0].read_text() + "\n")
    assert audit.trace(paths[0], [study]) == (study, FIGURE)
    # Of the two formats, that of its own suffix.
    assert audit.trace(paths[1], [study]) is None


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"<svg>", b"\x89PNG\r\n\x1a\n", b"\x00" * 99])
@pytest.mark.parametrize("suffix", ["svg", "png", "csv"])
def test_what_carries_no_identity(tmp_path, content, suffix):
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(content)
    assert identity.read(path) is None


def test_flaws(study):
    (name,) = [name for name in records.read_all(study) if name.startswith("figures")]
    assert audit.flaws(study) == [f"{FIGURE}: does not carry the identity of its record"]
    (study / FIGURE).unlink()
    record = records.read(study / name) | {"outputs": {}}
    record["run"]["threads"] = "many"
    provenance.write(study / name, record)
    assert audit.flaws(study) == [f"{name}: 'many' is not of type 'integer'"]


def test_difference_between_two_runs(tmp_path):
    one, other = tmp_path / "results" / "one", tmp_path / "results" / "other"
    jobs = chain()
    for each in jobs:
        leave(one, each)
    jobs[1] = replace(jobs[1], parameters={"seed": 4})
    for number, each in enumerate(jobs):
        leave(other, each, content=None if number == 0 else "other", threads=2)
    found = {
        rule: [reason.what for reason in those]
        for rule, those in difference.difference((one, FIGURE), (other, FIGURE))
    }
    assert found == {
        "gallery": ["input differs", "run: threads 1 and 2"],
        "tables": ["input differs", "run: threads 1 and 2"],
        # Of the two blocks, the last.
        "synthesis": [
            "bytes differ, though they were made from the same",
            "run: threads 1 and 2",
        ],
    }
    all_found = difference.difference((one, FIGURE), (other, FIGURE))
    assert "parameter seed changed from 0 to 4" in [r.what for _, those in all_found for r in those]
    assert difference.difference((one, FIGURE), (one, FIGURE)) == []
    with pytest.raises(UserError, match="has no record that can be read"):
        difference.difference((one, FIGURE), (other, "figures/other.svg"))


def test_tree():
    def step(record, rule, inputs=(), status="current", reasons=(), **more):
        return audit.Step(
            record, rule, [f"{record}.nc"], status, list(reasons), list(inputs), **more
        )

    steps = [
        step("w", "weights", source="seed 0"),
        step("a", "synthesis", ["w"]),
        step("b", "synthesis", ["w"], "stale", [audit.Reason("code changed", ("x", "y"))]),
        step("p", "phase", ["a", "w"]),
        step("t", "tables", ["a", "b", "p", "w"], made="today"),
    ]
    assert audit_tree.tree(steps) == [
        "tables: t.nc: current",
        "│    made today",
        "└─ phase: p.nc: current",
        "   └─ synthesis: 2 files: 1 stale, 1 current",
        "      │    code changed: x, y",
        "      └─ weights: w.nc: current",
        "              w.nc: seed 0",
    ]
