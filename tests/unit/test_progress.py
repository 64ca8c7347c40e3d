"""How made-up events of Snakemake are shown."""

import io
import logging
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import progress
import pytest
from snakemake.io import Wildcards
from snakemake.logging import ColorizingTextHandler, logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from invariscope.views import Lines

RULES = ["weights", "synthesis", "layers"]
NAMES = [
    "weights/net",
    "synthesis/net/a/0-3",
    "seeds/2/synthesis/net/a/0-3",
    "figures/layers",
    None,
]


class Dag:
    """As much of Snakemake's as is asked: jobs 0 to 3, each after the one before, and `all`."""

    def __init__(self, folder, keep_going):
        rules = [RULES[0], RULES[1], RULES[1], RULES[2], "all"]
        self.jobs = [
            SimpleNamespace(
                jobid=number,
                rule=rule,
                log=[f"{folder}/{name}.log"] if name else [],
                wildcards=Wildcards(fromdict={"block": "0-3"} if rule == RULES[1] else {}),
            )
            for number, (rule, name) in enumerate(zip(rules, NAMES, strict=True))
        ][::-1]
        self.workflow = SimpleNamespace(
            rules=[*RULES, "all"], execution_settings=SimpleNamespace(keep_going=keep_going)
        )
        self.unneeded, self.depending = set(), None

    def needrun(self, job):
        return job.jobid not in self.unneeded

    def finished(self, job):
        return False

    def bfs(self, direction, *jobs):
        assert direction is self.depending
        return (job for job in self.jobs if job.jobid >= min(each.jobid for each in jobs))


class Run:
    """A run whose events are given by hand, a second after each other."""

    def __init__(self, keep_going=False):
        self.said, self.time = io.StringIO(), 0
        self.dag = Dag("results/tiny/logs", keep_going)
        view = Lines(self.said, 0)
        self.progress = progress.Progress(self.dag, self.extent, view, lambda: self.time)

    def extent(self, wildcards):
        return (4, ("net", "a"), 9) if wildcards.get("block") else (None, None, 1)

    def event(self, event, **fields):
        self.time += 1
        record = logging.makeLogRecord(dict(event=event, levelno=logging.INFO, **fields))
        self.progress.handle(record)
        return re.sub(r"^[-\d]{10} [:\d]{8} ", "", self.said.getvalue(), flags=re.M).splitlines()


def test_jobs_are_named_by_their_logs_and_counted_by_their_units():
    tasks = Run().progress.pace.planned
    assert list(map(str, tasks)) == [
        "weights net",
        "synthesis net a 0-3 seeds/2",
        "synthesis net a 0-3",
        "figures layers",
    ]
    assert [(task.units, task.layer, task.area) for task in tasks[1:3]] == [
        (4, ("net", "a"), 9)
    ] * 2
    assert tasks[0].units is None
    assert tasks[1].log == "results/tiny/logs/seeds/2/synthesis/net/a/0-3.log"


def test_jobs_start_and_finish(capsys):
    run = Run()
    assert run.event(LogEvent.JOB_STARTED, jobs=[0, "a group of jobs"]) == []
    assert run.event(LogEvent.JOB_FINISHED, job_id=0) == [
        "weights net took 0:01; weights 1/1 jobs, 2.0 s/job; 1/4 jobs"
    ]
    run.event(LogEvent.JOB_STARTED, jobs=[1, 2])
    assert [str(task) for task in run.progress.pace.running] == [
        "synthesis net a 0-3",
        "synthesis net a 0-3 seeds/2",
    ]
    # Of 4 s, 1 s went to each of three jobs; the rest of the other block's time is over.
    stage = "synthesis 4/8 units, 3.0 units/s"
    assert run.event(LogEvent.JOB_FINISHED, job_id=2)[1:] == [
        f"synthesis net a 0-3 seeds/2 took 0:01; {stage}; 2/4 jobs"
    ]
    assert len(run.event(LogEvent.JOB_FINISHED, job_id=4)) == 2  # nothing of `all`
    assert capsys.readouterr().err == ""


def test_the_plan_follows_snakemakes():
    run = Run()
    run.dag.unneeded = {2, 3}
    run.event(LogEvent.JOB_STARTED, jobs=[0])
    assert run.event(LogEvent.JOB_FINISHED, job_id=0)[0].endswith("; 1/2 jobs")


@pytest.mark.parametrize(("keep_going", "waiting"), [(True, ["weights net"]), (False, [])])
def test_a_failure_is_told_when_it_happens_and_again_at_the_end(
    keep_going, waiting, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    run = Run(keep_going)
    log = tmp_path / "results/tiny/logs/synthesis/net/a/0-3.log"
    log.parent.mkdir(parents=True)
    log.write_text("begun\nTraceback (most recent call last):\nValueError: no\n")
    run.event(LogEvent.JOB_STARTED, jobs=[1])
    told = run.event(LogEvent.JOB_ERROR, jobid=1)
    path = "results/tiny/logs/synthesis/net/a/0-3.log"
    assert told == [
        f"synthesis net a 0-3 failed after 0:01. {path} ends:",
        "Traceback (most recent call last):",
        "ValueError: no",
    ]
    pace = run.progress.pace
    over = pace.failed | pace.lost
    assert [str(task) for task in pace.planned if task not in over] == waiting
    assert run.event(LogEvent.JOB_ERROR, jobid=1)[3:] == [f"synthesis net a 0-3 failed: {path}"]
    run.event(LogEvent.JOB_STARTED, jobs=[1])
    assert pace.failed == set()


def test_jobs_that_are_broken_off_have_not_failed():
    run = Run()
    run.event(LogEvent.JOB_STARTED, jobs=[0])
    run.event(None, msg="Terminating processes on user request, this might take some time.")
    assert run.event(LogEvent.JOB_ERROR, jobid=0) == []
    run.progress.end()
    assert run.event(LogEvent.JOB_ERROR, jobid=0) == ["0/4 jobs, 0:03 in all"]


def test_an_event_that_is_not_as_expected_does_not_end_the_run(capsys):
    run = Run()
    run.event(LogEvent.JOB_STARTED)
    assert "AttributeError" in capsys.readouterr().err


def test_what_snakemake_says_of_each_job_is_left_out_and_nothing_else():
    def said(text, level=logging.INFO, **fields):
        record = logging.makeLogRecord(dict(msg=text, levelno=level, **fields))
        return progress.is_worth_saying(record)

    for event in ("job_info", "job_started", "job_finished", "job_error", "shellcmd", "progress"):
        assert not said(None, event=LogEvent(event))
    assert not said("Select jobs to execute...")
    for event in ("group_error", "run_info", "workflow_started"):
        assert said(None, event=LogEvent(event))
    for text in (
        "Complete log(s): a.log",
        "2 jobs need not run: their input is as it was.",
        "Terminating processes on user request, this might take some time.",
    ):
        assert said(text)
    command = "CalledProcessError in file a.smk, line 1:\nCommand 'python a.py' "
    assert not said(f"{command}returned non-zero exit status 1.", event=LogEvent.ERROR)
    interrupted = f"{command}died with <Signals.SIGINT: 2>."
    assert not said(interrupted, event=LogEvent.ERROR)
    assert not said(f'{interrupted}\n  File "a.py", line 2, in run', event=LogEvent.ERROR)
    assert not said(f"{command}returned non-zero exit status 137.", event=LogEvent.ERROR)
    assert not said(f"{command}died with <Signals.SIGKILL: 9>.", event=LogEvent.ERROR)
    assert said(f"{command}returned non-zero exit status 3.", event=LogEvent.ERROR)
    assert said(f"{command}returned non-zero exit status 13.", event=LogEvent.ERROR)
    assert said("MissingOutputException in rule a", event=LogEvent.ERROR)


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({}, True),
        ({"quiet": {Quietness.HOST}}, True),
        ({"is_main_process": False}, False),  # but one that runs a job given to it
        ({"dryrun": True}, False),
        ({"touch": True}, False),
        ({"quiet": {Quietness.PROGRESS, Quietness.RULES}}, False),
        ({"verbose": True}, False),
        ({"handlers": []}, False),
    ],
)
def test_only_a_real_run_is_shown(changes, is_shown, monkeypatch):
    state = dict(is_main_process=True, dryrun=False, touch=False, quiet=None, verbose=False)
    state |= dict(handlers=[SimpleNamespace(name="DefaultStreamHandler")]) | changes
    settings = SimpleNamespace(quiet=state["quiet"], verbose=state["verbose"])
    workflow = SimpleNamespace(dag=None, output_settings=settings, **state)
    begun = []
    monkeypatch.setattr(progress, "_schedule", lambda scheduler: "scheduled")
    monkeypatch.setattr(progress, "shown", lambda *_: nullcontext(begun.append("shown")))
    monkeypatch.setattr(JobScheduler, "schedule", JobScheduler.schedule)
    monkeypatch.setattr(logger, "handlers", state["handlers"])
    monkeypatch.setattr("os.environ", {})
    progress.show(None)
    assert JobScheduler.schedule(SimpleNamespace(workflow=workflow)) == "scheduled"
    assert begun == ["shown"] * is_shown


def test_bars_of_jobs_are_lines_of_text(tmp_path):
    """By the settings that jobs are given, and by what they do with their standard error."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "log"],
        env={**os.environ, **progress.BARS, "PYTHONPATH": str(Path(progress.__file__).parent)},
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    begun, warned, *bar, other, from_c, ended = (tmp_path / "log").read_text().splitlines()
    assert re.fullmatch(r"phase begun \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", begun)
    assert warned == "as it is imported"
    assert bar[0] == "diverse: 0/4 step, 00:00, ? left"
    assert bar[-1].rstrip() == "diverse: 4/4 step, 00:00, 00:00 left, 2/2 units"
    assert (other, from_c) == ("said", "from C")
    assert ended == "invariscope: no"


SCRIPT = """
import sys
from types import SimpleNamespace
snakemake = SimpleNamespace(log=[sys.argv[1]], rule="phase", params=SimpleNamespace())
import job
print("as it is imported", file=sys.stderr)
import os
from tqdm import tqdm
with tqdm(total=4, unit="step", desc="diverse") as bar:
    for step in range(4):
        bar.set_postfix_str("2/2 units", refresh=False)
        bar.update(1)
print("said", file=sys.stderr)
os.write(2, b"from C\\n")
class Mistaken:
    @property
    def record(self):
        raise job.UserError("no")
snakemake.params = Mistaken()
snakemake.resources = {}
job.run(None, snakemake)
"""


def test_snakemake_is_left_as_it_was(monkeypatch):
    """Its handler writes where it did, after a run and after one that was broken off."""
    said = io.StringIO()
    spoken = ColorizingTextHandler(stream=said)
    monkeypatch.setattr(logger, "handlers", [spoken])
    monkeypatch.setattr(logger, "level", logging.INFO)
    dag = Dag("results/tiny/logs", False)

    def run():
        with progress.shown(dag, Run().extent, spoken):
            logger.info("Select jobs to execute...")
            logger.info("started", extra=dict(event=LogEvent.JOB_STARTED, jobs=[0]))
            logger.info("finished", extra=dict(event=LogEvent.JOB_FINISHED, job_id=0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert said.getvalue().count("\n") == 1
    assert "weights net took 0:00" in said.getvalue()
    assert logger.handlers == [spoken]
    assert spoken.filters == []
    assert spoken.stream is said
