"""Two views of a run's pace: lines, as for a file, and a screen, for a terminal."""

import errno
import os
import time

from rich.console import Group
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .pace import clock, left_in_words, rate_in_words

SILENCE = 60  # seconds without a line after which the jobs that run are told
SHOWN = 4  # of them at most
TAIL = 4096  # bytes of a log that hold its last line
NUMBER, REST = dict(justify="right"), dict(ratio=1)  # columns of a table
REASONS = ("Traceback (most recent call last)", "invariscope: ")  # why a job failed begins so


class Lines:
    """Tells of each job that ends, and of those that run if none does for a minute.

    Parameters
    ----------
    stream : file
    now : float
        When the run begins, by `time.time`.
    """

    def __init__(self, stream, now):
        self.stream, self.spoke = stream, now

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def beside(self, stream):
        """Where others should write that would have written to `stream`."""
        return stream

    def say(self, text, now):
        self.spoke = now
        print(_dated(text, now), file=self.stream, flush=True)

    def ended(self, task, seconds, pace, now):
        stage = ", ".join(filter(None, _of_stage(pace, task.stage, now)))
        self.say(f"{task} took {clock(seconds)}; {task.stage} {stage}; {_whole(pace, now)}", now)

    def look(self, pace, now):
        if now - self.spoke < SILENCE or not pace.running:
            return
        told = []
        for task, begun in list(pace.running.items())[:SHOWN]:
            said = last_line(task.log, begun)
            told.append(f"{task} for {clock(now - begun)}" + f" ({said})" * bool(said))
        more = len(pace.running) - len(told)
        self.say(f"running: {'; '.join(told)}" + f"; and {more} more" * bool(more), now)

    def end(self, pace, now):
        self.say(f"{_whole(pace, now)}, {clock(now - pace.begun)} in all", now)


class Screen:
    """A bar for each stage and a line for each job that runs, below all else that is said.

    Parameters
    ----------
    console : rich.console.Console
    """

    def __init__(self, console):
        self.console = console
        self.live = Live(console=console, auto_refresh=False, vertical_overflow="crop")

    def __enter__(self):
        self.live.__enter__()
        return self

    def __exit__(self, *error):
        self.live.__exit__(*error)

    def beside(self, stream):
        """Where others should write that would have written to `stream`."""
        return FileProxy(self.console, stream)

    def say(self, text, now):
        self.console.print(_dated(text, now), markup=False, soft_wrap=True)

    def ended(self, task, seconds, pace, now):
        self.look(pace, now)

    def look(self, pace, now):
        self.live.update(self._drawn(pace, now), refresh=True)

    def end(self, pace, now):
        self.look(pace, now)

    def _drawn(self, pace, now):
        stages = pace.stages()
        bars = _grid({}, REST, NUMBER, NUMBER, NUMBER)
        for stage in stages:
            done, total, _ = pace.count(stage)
            bars.add_row(stage, ProgressBar(total, done), *_of_stage(pace, stage, now))
        # A name may take what the time and a few words of the log leave of a line.
        most = max(self.console.width // 2, self.console.width - 27)
        running = _grid(dict(max_width=most), NUMBER, REST)
        room = max(self.console.height - len(stages) - 2, 1)
        for task, begun in list(pace.running.items())[:room]:
            running.add_row(str(task), clock(now - begun), last_line(task.log, begun))
        more = len(pace.running) - running.row_count
        gone = f"{clock(now - pace.begun)} gone"
        whole = _whole(pace, now, gone) + f", {more} more running" * (more > 0)
        return Group(bars, running, Text(whole, no_wrap=True, overflow="ellipsis"))


def _grid(*columns):
    """A table as wide as the terminal, in which nothing wraps."""
    grid = Table.grid(padding=(0, 1), expand=True)
    for column in columns:
        grid.add_column(no_wrap=True, **column)
    return grid


def _of_stage(pace, stage, now):
    """Units done, rate and time left of a stage, in words; empty where there is nothing to say."""
    done, total, word = pace.count(stage)
    rate = pace.rate(stage, now)
    left = left_in_words(pace.left(now, stage))
    return f"{done}/{total} {word}", rate_in_words(rate, word) if rate else "", left


def _whole(pace, now, *more):
    """Jobs done, failed, and time left of the run, in words."""
    done, total = pace.jobs()
    failed = f"{len(pace.failed)} failed" * bool(pace.failed)
    left = left_in_words(pace.left(now))
    return ", ".join(filter(None, (f"{done}/{total} jobs", failed, *more, left)))


def _dated(text, now):
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))} {text}"


def last_line(path, since):
    """Last line of a log; empty if the log is older, or holds no more than its first line."""
    try:
        with open(path, "rb") as log:
            if os.fstat(log.fileno()).st_mtime < since:
                return ""
            begun = log.seek(max(log.seek(0, os.SEEK_END) - TAIL, 0))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if len(lines) > (begun == 0) else ""


def last_words(path):
    """Why a job failed, by its log: a traceback, a user's mistake, or else the last line."""
    try:
        with open(path, encoding="utf-8", errors="replace") as log:
            lines = log.read().splitlines()
    except OSError as error:
        return f"({error.strerror})"
    first = [number for number, line in enumerate(lines) if line.startswith(REASONS)]
    said = lines[first[0] if first else -1 :]
    if not first and not os.statvfs(path).f_bavail:  # which it could not say
        said.append(f"({os.strerror(errno.ENOSPC)})")
    return "\n".join(said)
