"""Snakemake's report of a study that was really run: where it lies, and what it holds."""

import json
import re
from datetime import datetime

import pandas as pd
import pytest
from running import ROOT, invariscope, snakemake
from tiny import TINY

from invariscope import pages, records

REPORT = "results/tiny/report.html"


def variable(path, name):
    """What a variable of the report's program holds."""
    return json.loads(re.search(rf"^    var {name} = ([\[{{\"].*);$", path.read_text(), re.M)[1])


def test_report_without_a_path(copy):
    """It lies in the study's folder, and knows of runs by the jobs' records."""
    code, printed = snakemake(copy, TINY, "--report")
    assert code == 0, printed
    assert f"The report is {REPORT}" in printed
    assert "Missing metadata" not in printed
    assert "WARNING" not in printed
    assert "outdated" not in printed
    assert {path.name for path in copy.iterdir()} == {".snakemake", "results", "study.yaml"}
    made = records.read_whole(copy / "results/tiny").values()

    def second(record, key):
        return datetime.fromisoformat(record["run"][key]).timestamp()

    expected = [(each["rule"], second(each, "end") - second(each, "start")) for each in made]
    runtimes = variable(copy / REPORT, "runtimes_spec")["data"]["values"]
    assert sorted((each["rule"], each["runtime"]) for each in runtimes) == [
        (rule, pytest.approx(seconds)) for rule, seconds in sorted(expected)
    ]
    ends = {datetime.fromtimestamp(second(each, "end")).isoformat() for each in made}
    timeline = variable(copy / REPORT, "timeline_spec")["data"]["values"]
    assert {each["endtime"] for each in timeline} == ends
    # Neither a stranger, nor in the way of anything.
    code, printed = invariscope(copy, "verify", "results/tiny")
    assert code == 0, printed
    code, printed = snakemake(copy, TINY)
    assert "Nothing to be done" in printed


def test_what_the_report_holds(copy):
    """At a path that is told: every figure and table, its title, its stage and its caption."""
    code, printed = snakemake(copy, TINY, "--report", "report.html")
    assert code == 0, printed
    assert not (copy / REPORT).exists()
    results = variable(copy / "report.html", "results")
    folder = copy / "results/tiny"
    files = [*folder.glob("figures/*.svg"), *folder.glob("tables/*.csv")]
    expected = {str(path).replace(".csv", ".html") for path in files}
    assert {str(copy / path) for path in results} == expected
    for path, result in results.items():
        if path.endswith(".svg"):
            assert list(result["labels"]) == ["figure"]
        else:
            assert result["labels"] == {"table": path.split("/")[-1].removesuffix(".html")}
        assert len(result["caption"]) > 100
        assert "system-message" not in result["caption"]
        assert result["job_properties"]["params"].startswith("record: results/tiny/")
    titles = [result["labels"].get("figure") for result in results.values()]
    assert len(set(titles) - {None}) == len(list(folder.glob("figures/*.svg")))
    assert (
        "of 3 units below 0.5 (" in results["results/tiny/figures/phase_population.svg"]["caption"]
    )
    shown = variable(copy / "report.html", "categories")
    assert {category: len(of["Other"]) for category, of in shown.items()} == {
        "1 Synthesis": 4,
        "2 Phase": 4,
        "3 Warp": 2,
        "4 Invariance": 2,
        "5 Comparison": 2,
        "6 Tables": 9,
    }
    about = variable(copy / "report.html", "workflow_desc")
    assert "Study tiny" in about
    assert "vgg16_untrained conv2_1, 3 units: " in about
    assert "system-message" not in about
    rules = {node["rule"] for node in _nodes(variable(copy / "report.html", "rulegraph_spec"))}
    assert {"all", "weights", "synthesis", "pages", "texture"} <= rules


def _nodes(graph):
    return next(data["values"] for data in graph["data"] if data["name"] == "node-data")


def test_target(copy):
    """It makes what is missing, and then the report, each time; nothing else."""
    (copy / "results/tiny/figures/layers.svg").unlink()
    code, printed = snakemake(copy, TINY, "report")
    assert code == 0, printed
    assert re.findall(r"^(\w+) +1$", printed, re.M) == ["crate", "layers", "report"]
    before = (copy / REPORT).stat().st_mtime_ns
    log = (copy / "results/tiny/logs/report.log").read_text()
    assert "Missing metadata" not in log
    assert "outdated" not in log
    code, printed = snakemake(copy, TINY, "report")
    assert code == 0, printed
    assert (copy / REPORT).stat().st_mtime_ns > before
    assert "Nothing to be done" in snakemake(copy, TINY)[1]


def test_no_report_of_a_study_that_was_not_run(tmp_path):
    """One line says so, and nothing is written."""
    code, printed = snakemake(tmp_path, TINY, "--report")
    assert code == 1
    assert printed.splitlines()[-1] == (
        "invariscope: results/tiny: no report without diversity, diversity_methods, gallery, "
        "ground_truth, invariance_map, layers, network_comparison, network_gallery, pages, "
        "phase_examples, phase_population, phase_signature, texture, warp_examples, "
        "warp_population; run the study first, or ask for the target `report`"
    )
    assert "Traceback" not in printed
    assert not (tmp_path / "results/tiny").exists()


def test_a_report_that_fails_leaves_the_one_before(copy):
    """And one of results that are not as they should be says so."""
    caption = copy / "results/tiny/figures/layers.rst"
    (copy / REPORT).write_text("before")
    caption.write_text("{{ nothing.at_all }}")
    code, printed = snakemake(copy, TINY, "--report")
    assert code == 1
    assert "layers.rst" in printed
    assert "invariscope: the report shows outdated results of crate, layers" in printed
    assert (copy / REPORT).read_text() == "before"
    assert [path.name for path in (copy / "results/tiny").glob(".*")] == []


def test_the_meaning_of_each_column_is_told_once(study):
    for path in sorted((study / "results/tiny/tables").glob("*.csv")):
        caption = ROOT / "workflow" / "report" / "tables" / f"{path.stem}.rst"
        told = ", ".join(pages.meanings(caption.read_text())[1]).split(", ")
        assert sorted(told) == sorted(pd.read_csv(path, nrows=0).columns), path.name
