"""What a run shows: of each stage the units done, rate and time left, and what runs now.

On a terminal that is a screen kept up to date below whatever else is said. Anywhere else it is a
line for each job that ends, and one a minute if none does. It takes the place of what Snakemake
says of each job, all of which still is in Snakemake's own log.
"""

import contextlib
import logging
import os
import re
import sys
import threading
import time
from pathlib import Path

from rich.console import Console
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from invariscope.pace import Pace, Task, clock
from invariscope.views import Lines, Screen, last_words

# What Snakemake says of each job.
CHATTER = {
    LogEvent.JOB_INFO,
    LogEvent.JOB_STARTED,
    LogEvent.JOB_FINISHED,
    LogEvent.JOB_ERROR,
    LogEvent.SHELLCMD,
    LogEvent.PROGRESS,
}
CHATTER_WITHOUT_EVENT = ("Select jobs to execute", "Activating conda environment")
# How jobs end whose log tells why, or that were broken off. All else is worth knowing.
TOLD = re.compile(r"returned non-zero exit status (1|1[3-6]\d)\.|died with <Signals\.\w+: \d+>\.")
BROKEN_OFF = "Terminating processes on user request"
# How progress bars of jobs write into their logs: tqdm takes its defaults from here.
BARS = {
    "TQDM_MININTERVAL": "5",
    "TQDM_BAR_FORMAT": "{desc}: {n_fmt}/{total_fmt} {unit}, {elapsed}, {remaining} left{postfix}",
}

_schedule = JobScheduler.schedule


def show(extent):
    """Have Snakemake show a run so.

    Parameters
    ----------
    extent : callable
        Takes wildcards of a job; gives the `units`, `layer` and `area` of its task.
    """

    def schedule(scheduler):
        workflow = scheduler.workflow
        runs = workflow.is_main_process and not workflow.dryrun and not workflow.touch
        settings = workflow.output_settings
        quiet = {Quietness.ALL, Quietness.PROGRESS}.intersection(settings.quiet or ())
        # Without Snakemake's own handler, a plugin of the user's shows the run.
        spoken = [each for each in logger.handlers if each.name == "DefaultStreamHandler"]
        if not runs or quiet or settings.verbose or not spoken:
            return _schedule(scheduler)
        with shown(workflow.dag, extent, spoken[0]):
            return _schedule(scheduler)

    JobScheduler.schedule = schedule
    logging.FileHandler.handleError = _cannot_write


@contextlib.contextmanager
def shown(dag, extent, spoken):
    """Show the jobs of a DAG that run in this block, where Snakemake's handler writes."""
    console = Console(file=spoken.stream, no_color=spoken.nocolor or None, highlight=False)
    live = spoken.is_tty and not console.is_dumb_terminal
    view = Screen(console) if live else Lines(spoken.stream, time.time())
    progress = Progress(dag, extent, view)
    over = threading.Event()

    def watch():
        while not over.wait(1):
            progress.look()

    watcher = threading.Thread(target=watch, daemon=True)
    spoken.addFilter(is_worth_saying)
    logger.addHandler(progress)
    stream = spoken.stream
    try:
        with view:
            spoken.stream = view.beside(stream)
            watcher.start()
            yield
            progress.end()
    finally:
        over.set()
        spoken.stream = stream
        logger.removeHandler(progress)
        spoken.removeFilter(is_worth_saying)


def _cannot_write(handler, record):
    """Say once why Snakemake's own log cannot be written, and go on without it."""
    error = sys.exc_info()[1]
    if not isinstance(error, OSError):
        logging.Handler.handleError(handler, record)
        return
    with contextlib.suppress(OSError):  # of what could not be written
        handler.stream.close()
    handler.stream = open(os.devnull, "w")  # noqa: SIM115
    path = os.path.relpath(handler.baseFilename)
    print(f"invariscope: {path}: {error.strerror}", file=sys.stderr)


def is_worth_saying(record):
    """Whether what Snakemake says is not told otherwise."""
    event, text = getattr(record, "event", None), str(record.msg)
    if event == LogEvent.ERROR:
        # Below may stand where in our own code Snakemake was told of it.
        return not any(map(TOLD.search, text.splitlines()))
    return event not in CHATTER and not text.startswith(CHATTER_WITHOUT_EVENT)


class Progress(logging.Handler):
    """Follows a run by Snakemake's events, and tells a view of it."""

    def __init__(self, dag, extent, view, now=time.time):
        super().__init__(logging.INFO)
        self.dag, self.extent, self.view, self.now = dag, extent, view, now
        self.pace, self.tasks = Pace(now()), {}  # by the number that Snakemake gives a job
        self.broken_off = False
        self._plan()

    def emit(self, record):
        try:
            event = getattr(record, "event", None)
            if event == LogEvent.JOB_STARTED:
                self._plan()  # which may have changed since the last jobs were started
                for task in filter(None, map(self.tasks.get, record.jobs)):
                    self.pace.start(task, self.now())
            elif event == LogEvent.JOB_FINISHED and record.job_id in self.tasks:
                task = self.tasks[record.job_id]
                self.view.ended(task, self.pace.end(task, self.now()), self.pace, self.now())
            elif event == LogEvent.JOB_ERROR and record.jobid in self.tasks:
                if not self.broken_off:
                    self._failed(self.tasks[record.jobid])
            elif str(record.msg).startswith(BROKEN_OFF):
                self.broken_off = True
        except Exception:
            self.handleError(record)

    def look(self):
        """Have the view say how things stand."""
        with self.lock:
            self.view.look(self.pace, self.now())

    def end(self):
        """Have the view say how the run ended."""
        with self.lock:
            self._plan()
            self.pace.running.clear()
            self.pace.lost.update(self.pace.planned)
            self.view.end(self.pace, self.now())

    def _failed(self, task):
        # Snakemake tells of it when it happens, and again at the end.
        if task in self.pace.failed:
            self.view.say(f"{task} failed: {task.log}", self.now())
            return
        took = clock(self.pace.fail(task, self.now()))
        self._lose()
        text = f"{task} failed after {took}. {task.log} ends:\n{last_words(task.log)}"
        self.view.say(text, self.now())

    def _lose(self):
        """Let the pace know what will not run after a failure."""
        pace, dag, after = self.pace, self.dag, tuple(self.dag.jobs)
        if dag.workflow.execution_settings.keep_going:
            failed = [job for job in after if self.tasks.get(job.jobid) in pace.failed]
            after = dag.bfs(dag.depending, *failed)
        lost = {self.tasks[job.jobid] for job in after if job.jobid in self.tasks}
        pace.lost = lost - {*pace.running, *pace.ended}

    def _plan(self):
        dag = self.dag
        jobs = [job for job in dag.jobs if job.log and (dag.needrun(job) or dag.finished(job))]
        order = {rule: number for number, rule in enumerate(dag.workflow.rules)}
        jobs.sort(key=lambda job: order[job.rule])
        for job in jobs:
            if job.jobid not in self.tasks:
                self.tasks[job.jobid] = task_of(job, self.extent)
        self.pace.plan([self.tasks[job.jobid] for job in jobs])


def task_of(job, extent):
    """A job of Snakemake as `pace` knows it; stage and name are those of its log's path."""
    _results, _study, _logs, *parts = Path(job.log[0]).with_suffix("").parts
    if parts[0] == "seeds":
        seeds, seed, *parts = parts
        parts += [f"{seeds}/{seed}"]
    stage, *name = parts
    units, layer, area = extent(job.wildcards)
    return Task(stage, " ".join(name), units, layer, area, job.log[0])
