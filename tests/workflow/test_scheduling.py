"""No more jobs run side by side than there are cores, and those first that most work follows."""

import subprocess
import sys
import threading
import time

import pytest
from running import ROOT
from snakemake.scheduling.job_scheduler import JobScheduler

# Five jobs after each other, then four that are ready at once; each notes when it begins and ends.
SNAKEFILE = """
import sys

sys.path.insert(0, {scripts!r})
{mend}
rule all:
    input: expand("wide{{k}}", k=range(4))

rule wide:
    input: "long4"
    output: "wide{{k}}"
    shell: "echo begin >> times; sleep 0.5; echo end >> times; touch {{output}}"

rule long:
    input: lambda w: f"long{{int(w.k) - 1}}" if int(w.k) else []
    output: "long{{k}}"
    wildcard_constraints: k=r"\\d"
    shell: "touch {{output}}"
"""
MEND = "import scheduling\n\nscheduling.count_every_job()"


@pytest.mark.parametrize(("mend", "most"), [(MEND, 1), ("", 4)], ids=["mended", "as it is"])
def test_jobs_side_by_side_on_one_core(tmp_path, mend, most):
    """The second case fails once Snakemake needs the mend no longer."""
    text = SNAKEFILE.format(scripts=str(ROOT / "workflow" / "scripts"), mend=mend)
    (tmp_path / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", tmp_path]
    subprocess.run([*command, "--snakefile", tmp_path / "Snakefile"], check=True, cwd=tmp_path)
    running, found = 0, []
    for word in (tmp_path / "times").read_text().split():
        running += 1 if word == "begin" else -1
        found.append(running)
    assert max(found) == most
    assert found[-1] == 0


# Chains of jobs whose names say their units; each job notes its name.
ORDER = """
import sys

sys.path.insert(0, {scripts!r})
import scheduling

scheduling.count_every_job()
scheduling.most_work_first(lambda wildcards: (int(wildcards.get("units", 0)) or None, None, 10))

rule all:
    input: expand("end{{units}}", units=[3, 7, 2]), "alone1", "alone5"

rule end:
    input: "begin{{units}}", "other{{units}}"
    output: "end{{units}}"
    shell: "echo {{output}} >> order; touch {{output}}"

rule alone:
    output: "alone{{units}}"
    shell: "echo {{output}} >> order; touch {{output}}"

rule begin:
    output: "begin{{units}}"
    shell: "echo {{output}} >> order; touch {{output}}"

rule other:
    output: touch("other{{units}}")
    priority: 1
"""


def test_most_work_first(tmp_path):
    """By what a job takes and all that follows; what a rule says of itself goes before that."""
    text = ORDER.format(scripts=str(ROOT / "workflow" / "scripts"))
    (tmp_path / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--scheduler", "greedy"]
    subprocess.run(command, check=True, cwd=tmp_path)
    assert (tmp_path / "order").read_text().split() == [
        *("begin7", "end7", "begin3", "alone5", "begin2", "end3", "end2", "alone1"),
    ]


def test_one_look_at_a_time_is_ordered(monkeypatch):
    """However often it is asked for; and another once that has come."""
    import scheduling

    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", None)
    scheduling.look_again_once()
    schedulers = [object.__new__(JobScheduler) for _ in range(2)]
    for scheduler in schedulers:
        scheduler._open_jobs = threading.Semaphore(0)
    for looks in (1, 2):
        for scheduler in schedulers * 3:
            JobScheduler._schedule_reevalutation(scheduler, 0.1)
        time.sleep(0.5)
        assert [each._open_jobs._value for each in schedulers] == [looks, looks]
