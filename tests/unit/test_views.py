"""What a run shows, from made-up runs: lines, and screens as a terminal draws them."""

import io
import os
import re

import pyte
import pytest
from rich.console import Console

from invariscope.pace import Pace, Task
from invariscope.views import Lines, Screen, last_line, last_words

LAYER = "efficientnet_lite0_untrained block2.expand"


@pytest.fixture
def logs(tmp_path):
    """Paths of logs of jobs that run."""

    def log(name, *lines):
        path = tmp_path / f"{name}.log"
        path.write_text("\n".join(("phase begun", *lines)) + "\n")
        return str(path)

    return log


def running(logs, jobs=1):
    """A run with one of its two blocks and one of its figures done, 100 s after its begin."""
    state = "texture: 40/70 step, 00:20, 00:15 left, response 1.2"
    first = Task("phase", f"{LAYER} 0000-0015", 16, LAYER, 9, logs("first"))
    others = [
        Task("phase", f"{LAYER} 0016-{n:04d}", 16, LAYER, 9, logs(n, "texture: 1/70 step", state))
        for n in range(31, 31 + jobs)
    ]
    figure = Task("figures", "gallery", None, None, 1, "nowhere.log")
    pace = Pace(0)
    pace.plan([first, *others, figure])
    for task in (first, figure):
        pace.start(task, 0)
        pace.end(task, 50)
    for task in others:
        pace.start(task, 90)
    return pace, first, figure


def test_a_job_that_ends_is_a_line(logs):
    pace, first, figure = running(logs)
    said = io.StringIO()
    lines = Lines(said, 0)
    lines.ended(first, 50, pace, 100)
    lines.ended(figure, 50, pace, 100)
    dated, *words = said.getvalue().splitlines()[0].split(" ", 2)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", dated)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", words[0])
    # 50 s for 16 units, 110 s of work in 100 s, and 10 s of the second block are over.
    phase = "phase 16/32 units, 2.8 s/unit, 0:40 left"
    assert words[1] == f"phase {LAYER} 0000-0015 took 0:50; {phase}; 2/3 jobs, 0:40 left"
    assert (
        said.getvalue()
        .splitlines()[1]
        .endswith("figures gallery took 0:50; figures 1/1 jobs, 45.5 s/job; 2/3 jobs, 0:40 left")
    )


def test_what_runs_is_told_if_nothing_ended_for_a_minute(logs):
    pace, first, _ = running(logs)
    said = io.StringIO()
    lines = Lines(said, 50)
    lines.look(pace, 109)
    assert said.getvalue() == ""
    lines.look(pace, 110)
    state = "texture: 40/70 step, 00:20, 00:15 left, response 1.2"
    assert said.getvalue().endswith(f" running: phase {LAYER} 0016-0031 for 0:20 ({state})\n")
    lines.look(pace, 111)
    lines.ended(first, 50, pace, 160)
    lines.look(pace, 219)
    assert said.getvalue().count("running:") == 1
    lines.look(pace, 220)
    assert said.getvalue().count("running:") == 2


def test_of_many_jobs_that_run_some_are_told(logs):
    pace, *_ = running(logs, jobs=9)
    said = io.StringIO()
    Lines(said, 0).look(pace, 100)
    assert said.getvalue().count(" for 0:10 (") == 4
    assert said.getvalue().endswith("; and 5 more\n")
    assert said.getvalue().count("\n") == 1


def drawn(width, height, show):
    """Lines that a terminal shows after show(screen)."""
    terminal = pyte.Screen(width, height)
    written = io.StringIO()
    console = Console(
        file=written, force_terminal=True, width=width, height=height, highlight=False
    )
    with Screen(console) as screen:
        show(screen)
        written.flush()
        during = written.getvalue()
    pyte.Stream(terminal).feed(during.replace("\n", "\r\n"))
    return [line.rstrip() for line in terminal.display if line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_nothing_wraps_and_every_line_says_what_it_should(logs, width):
    pace, *_ = running(logs)

    def show(screen):
        for now in (98, 99, 100):
            screen.look(pace, now)

    lines = drawn(width, 24, show)
    assert len(lines) == 4, lines
    assert re.match(r"phase\s.*16/32 uni", lines[0])
    assert re.match(r"figures\s.*1/1 jobs", lines[1])
    assert lines[2].startswith("phase efficientnet")
    assert "0:10" in lines[2]
    assert lines[3].startswith("2/3 jobs, 1:40 gone, 0:40 left")
    if width >= 60:
        assert lines[0].endswith("2.8 s/unit 0:40 left")
        assert "━" in lines[0]
        assert "texture: 40" in lines[2]
    if width == 200:
        assert lines[2].endswith(
            "0016-0031 0:10 texture: 40/70 step, 00:20, 00:15 left, response 1.2"
        )


def test_a_screen_is_as_high_as_the_terminal(logs):
    pace, *_ = running(logs, jobs=40)
    lines = drawn(80, 12, lambda screen: [screen.look(pace, now) for now in (99, 100)])
    assert len(lines) <= 12
    assert re.match(r"phase\s.*16/656 units", lines[0])
    assert lines[-1].startswith("2/42 jobs, 1:40 gone, ")
    assert lines[-1].endswith(f"{40 - (len(lines) - 3)} more running")


def test_what_is_said_stands_above(logs):
    pace, *_ = running(logs)

    def show(screen):
        screen.look(pace, 99)
        screen.say("weights a failed: [bold]as it stands[/]", 99)
        print("from elsewhere", file=screen.beside(io.StringIO()), flush=True)
        screen.look(pace, 100)

    lines = drawn(80, 24, show)
    assert lines[0].endswith(" weights a failed: [bold]as it stands[/]")
    assert lines[1] == "from elsewhere"
    assert len(lines) == 6


def test_last_line(logs, tmp_path):
    path = logs("one", "texture: 1/5", "texture: 2/5  ")
    changed = os.stat(path).st_mtime
    assert last_line(path, changed) == "texture: 2/5"
    assert last_line(path, changed + 1) == ""  # left by an earlier run
    assert last_line(logs("begun"), 0) == ""
    assert last_line(tmp_path / "none.log", 0) == ""
    long = logs("long", *(f"step {n}" for n in range(2000)))
    assert last_line(long, 0) == "step 1999"
    assert last_line(logs("wide", "x" * 9000), 0) == "x" * 4095


def test_last_words(logs, tmp_path):
    trace = ["Traceback (most recent call last):", '  File "a.py", line 1', "ValueError: b"]
    chain = [*trace, "", "During handling of it:", "", *trace]
    mistake = "invariscope: no such file"
    assert last_words(logs("trace", "step 1", *chain)) == "\n".join(chain)
    assert last_words(logs("mistake", "step 1", mistake)) == mistake
    assert last_words(logs("killed", "step 1", "step 2")) == "step 2"
    assert last_words(tmp_path / "none.log") == "(No such file or directory)"
    (tmp_path / "empty.log").write_text("")
    assert last_words(tmp_path / "empty.log") == ""
