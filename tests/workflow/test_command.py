"""The command `invariscope`, on a study that was really run."""

import json
import os
import random
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
import recorded
import yaml
from running import ROOT, invariscope, snakemake
from tiny import TINY

from invariscope import audit, cli, records
from invariscope.config import schema

FIGURE = "results/tiny/figures/phase_population.svg"


@pytest.fixture(scope="module")
def jobs(study):
    """What the workflow would do now."""
    return cli.planned(study / "results/tiny", {"files": ["study.yaml"], "values": {}})[1]


def test_a_figure_is_current(copy):
    code, printed = invariscope(copy, "audit", FIGURE)
    assert code == 0, printed
    first, made, *rest = printed.splitlines()
    assert first == "phase_population: figures/phase_population.svg: current"
    assert re.search(r"made \d{4}-\d\d-\d\dT\S+ on .+, commit [0-9a-f]{12}", made)
    assert "seed 0" in printed
    assert [line for line in rest if ": current" in line and "tables/units.csv" in line]
    assert "stale" not in printed


def test_the_study_is_verified(copy):
    code, printed = invariscope(copy, "verify", "results/tiny")
    assert code == 0, printed
    assert "crate: 5 files: current" in printed
    # A figure without its record's identity is a flaw, even with a record that fits its bytes.
    code, printed = invariscope(copy, "verify", "results/tiny/figures")
    assert code == 1
    assert printed.startswith("invariscope: results/tiny/figures: not a study's folder")


def test_json(copy):
    code, printed = invariscope(copy, "audit", "--json", FIGURE)
    assert code == 0
    found = json.loads(printed)
    assert found["current"] is True
    assert found["advice"] == found["flaws"] == []
    last = found["steps"][-1]
    assert last["record"] == "figures/phase_population.record.json"
    assert last["inputs"] == ["tables/units.record.json"]
    assert {step["status"] for step in found["steps"]} == {"current"}


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_lone_figure_is_traced(copy, tmp_path, suffix):
    lone = tmp_path / f"renamed.{suffix}"
    shutil.copy((copy / FIGURE).with_suffix(f".{suffix}"), lone)
    code, printed = invariscope(copy, "audit", lone)
    assert code == 0, printed
    assert f"figures/phase_population.{suffix}: current" in printed
    # Its content changed, its identity kept.
    with open(lone, "ab") as file:
        file.write(b"\n")
    code, printed = invariscope(copy, "audit", lone)
    assert code == 1
    assert f"{lone}: not the bytes that its record tells of: tampered" in printed


def test_stale_by_the_config_and_brought_up_to_date(copy):
    """The audit names the parameter that changed, and its command mends what is not current."""
    path = copy / "study.yaml"
    config = yaml.safe_load(path.read_text())
    config["warp"]["draws"] = 3
    path.write_text(yaml.safe_dump(config))
    code, printed = invariscope(copy, "audit", "results/tiny/figures/phase_examples.svg")
    assert code == 0, printed
    code, printed = invariscope(copy, "audit", FIGURE)
    assert code == 1
    assert "warp: 5 files: stale" in printed
    assert "parameter warp.draws changed from 2 to 3" in printed
    assert "phase: 5 files: current" in printed
    command = printed.splitlines()[-1].removeprefix("to bring it up to date: ")
    snakefile = ROOT / "Snakefile"
    words = f"--snakefile {snakefile} --configfile study.yaml -- {FIGURE}"
    assert command == f"uv run snakemake --cores all {words}"
    elsewhere = invariscope(ROOT, "audit", copy / FIGURE)[1].splitlines()[-1]
    assert elsewhere.endswith(f" --directory {copy} --configfile {path} -- {FIGURE}")
    config["warp"]["draws"] = 2
    path.write_text(yaml.safe_dump(config))
    (copy / "results/tiny/tables/units.csv").write_text("")
    code, printed = invariscope(copy, "audit", FIGURE)
    assert code == 1
    assert "tables: tables/units.csv: tampered" in printed
    assert snakemake(copy, TINY, "--", FIGURE)[0] == 0
    assert invariscope(copy, "audit", FIGURE)[0] == 0


def test_values_of_the_command_line_are_known(copy):
    """`--config` is part of how the study was described, of its records and of the command."""
    target = "results/tiny/natural/ground_truth.nc"
    for stage in ("weights", "natural"):
        (copy / f"results/tiny/{stage}/ground_truth.record.json").unlink()
    assert snakemake(copy, TINY, "--config", "seed=3", "--", target)[0] == 0
    code, printed = invariscope(copy, "audit", target)
    assert code == 0, printed
    (copy / target).write_text("")
    code, printed = invariscope(copy, "audit", target)
    assert code == 1
    assert f"--configfile study.yaml --config seed=3 -- {target}" in printed


def test_a_folder_is_audited_with_what_is_missing_or_strange(copy):
    code, printed = invariscope(copy, "audit", "results/tiny/figures/")
    assert code == 0, printed
    figures = copy / "results/tiny/figures"
    for path in figures.glob("layers.*"):
        path.unlink()
    code, printed = invariscope(copy, "audit", figures)
    assert code == 1
    assert "layers: 3 files: stale" in printed
    (figures / "stray.svg").write_text("mine")
    code, printed = invariscope(copy, "audit", "results/tiny")
    assert code == 1
    assert "figures/stray.svg: unknown" in printed
    assert "to move away or delete: figures/stray.svg" in printed


@pytest.mark.parametrize("name", ["phase_population.svg", "phase_population.record.json"])
def test_a_changed_record_is_told_of_the_figure_beside_it(copy, name):
    """Also where another study has the same figure; and by any path that leads there."""
    shutil.copytree(copy / "results/tiny", copy / "results/other")
    path = (copy / FIGURE).with_name("phase_population.record.json")
    for place in (name, f"../figures/{name}"):
        assert invariscope(path.parent, "audit", place)[0] == 0
    with open(path, "a") as file:
        file.write("\n")
    code, printed = invariscope(copy, "audit", path.with_name(name))
    assert code == 1
    assert "tampered" in printed
    assert "its record was changed after it was written" in printed


def test_a_study_elsewhere_is_told_where_it_can_be_mended(copy, tmp_path):
    (copy / "results/tiny").rename(copy / "results/moved")
    code, printed = invariscope(copy, "audit", "results/moved")
    assert code == 0, printed
    (copy / "results/moved/tables/units.csv").write_text("")
    code, printed = invariscope(copy, "audit", "results/moved")
    assert code == 1
    assert printed.endswith("brought up to date where it was made: as results/tiny\n")


def test_without_config_only_bytes_are_compared(copy, study):
    (copy / "study.yaml").unlink()
    code, printed = invariscope(copy, "audit", FIGURE)
    assert code == 1
    assert "figures/phase_population.svg: current" in printed
    assert "give it with --configfile" in printed
    code, printed = invariscope(copy, "audit", FIGURE, "--configfile", study / "study.yaml")
    assert code == 0, printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "nowhere.svg"], "nowhere.svg: not there"),
        (["audit", __file__], f"{__file__}: unknown; no record beside it or in results"),
        (["audit", FIGURE, FIGURE], "give two results with --diff, and one without"),
        (["audit", "--diff", FIGURE], "give two results with --diff, and one without"),
        (["audit", "--diff", FIGURE, "results/tiny"], "results/tiny: a folder; give a result"),
        (["audit", FIGURE, "--configfile", "no.yaml"], "--configfile: no.yaml is not there"),
    ],
)
def test_a_mistake_is_one_line(copy, arguments, message):
    code, printed = invariscope(copy, *arguments)
    assert code == 1
    assert printed.count("\n") == 1
    assert printed.startswith("invariscope: ")
    assert message in printed


def test_a_config_that_is_wrong_is_told(copy):
    (copy / "study.yaml").write_text("name: tiny\n")
    code, printed = invariscope(copy, "audit", FIGURE)
    assert code == 1
    assert printed == (
        "invariscope: the workflow cannot be asked: config: the file: 'layers' is a required "
        "property\n"
    )


def test_the_difference_between_two_runs(study, copy):
    result = "results/tiny/phase/ground_truth/cells/0000-0001.nc"
    code, printed = invariscope(copy, "audit", "--diff", result, study / result)
    assert (code, printed) == (0, "nothing differs\n")
    config = {**TINY, "phase": {"phases": 8, "texture": {"steps": 6}}}
    assert snakemake(copy, config, "--", result)[0] == 0
    code, printed = invariscope(copy, "audit", "--diff", study / result, result)
    assert code == 1
    assert printed.startswith("phase:\n  parameter phase.texture.steps changed from 5 to 6\n")


def test_every_changed_byte_is_found(copy, jobs):
    """A random byte of each file that a job left, records included, by the records alone."""
    root = copy / "results/tiny"
    names = [*recorded.outputs(root), *records.read_all(root)]
    assert len(names) > 100
    assert all(step.status == audit.CURRENT for step in audit.audit(root, jobs))
    chance = random.Random(0)
    for name in names:
        path = root / name
        content = path.read_bytes()
        changed = bytearray(content)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed)
        for known in (jobs, None):
            found = {step.record: step.status for step in audit.audit(root, known)}
            assert audit.TAMPERED in found.values(), name
        path.write_bytes(content)
    assert all(step.status == audit.CURRENT for step in audit.audit(root, jobs))


def test_records_fit_their_schema_and_name_nobody(study):
    found = records.read_all(study / "results/tiny")
    assert len(found) == 43
    fits = jsonschema.Draft202012Validator(schema("record"))
    home, user = str(Path.home()), os.environ.get("USER") or Path.home().name
    for name, record in found.items():
        fits.validate(record)
        text = (study / "results/tiny" / name).read_text()
        assert len(text) < 20_000 or record["rule"] == "crate"
        assert home not in text
        assert str(ROOT) not in text
        assert user == "root" or user not in text
    one = found["phase/vgg16_untrained/conv2_1/0002-0003.record.json"]
    assert one["script"] == "phase.py"
    assert {"phase.py", "job.py", "invariscope/texture.py"} <= set(one["code"])
    assert one["packages"]["torch"] == one["run"]["packages"]["torch"]
    assert one["parameters"]["seed"] == 0
    assert list(one["outputs"]) == ["phase/vgg16_untrained/conv2_1/0002-0003.nc"]
    assert one["run"]["determinism"]["deterministic_algorithms"] is True
    assert one["run"]["determinism"]["torch_threads"] == one["run"]["threads"] == 1
    assert 1e8 < one["run"]["peak_memory"] < 1e10
    assert one["run"]["start"] < one["run"]["end"]


# The validator's own RDF library reads JSON-LD with a class that it deprecates itself.
@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")
def test_the_study_is_a_crate(study, validate):
    root = study / "results/tiny"
    result = validate(root)
    assert [issue.message for issue in result.get_issues()] == []
    assert result.passed()
    graph = json.loads((root / "ro-crate-metadata.json").read_text())["@graph"]
    files = {entity["@id"] for entity in graph if "File" in entity["@type"]}
    there = {*recorded.outputs(root), *records.read_all(root)}
    # All but the crate's own.
    assert files == {name for name in there if not name.startswith("ro-crate")}
    jobs = [entity for entity in graph if entity["@id"].startswith("#job/")]
    assert len(jobs) == 42
