"""What a real run shows, into a file and on a terminal, and what its jobs leave in their logs."""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import pyte
import pytest
from running import command, snakemake
from tiny import TINY

from invariscope import records

DATED = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "


def test_a_run_into_a_file_is_a_line_for_each_job(study, printed):
    results = study / "results/tiny"
    jobs = len(records.read_all(results))
    lines = printed.splitlines()
    ended = [line for line in lines if " took " in line]
    assert len(ended) == jobs
    for number, line in enumerate(ended, start=1):
        assert re.match(rf"{DATED}\w+ .*took \d+:\d\d; \w+ \d+/\d+ (units|jobs), ", line)
        assert f"; {number}/{jobs} jobs" in line
    assert re.fullmatch(rf"{DATED}{jobs}/{jobs} jobs, \d+:\d\d in all", lines[-2])
    assert lines[-1].startswith("Complete log(s): ")
    # Of two units, three, and two at two seeds.
    for stage in ("synthesis", "phase", "warp"):
        counts = re.findall(rf"; {stage} (\d+)/9 units", printed)
        assert list(map(int, counts)) == sorted(map(int, counts))
        assert len(counts) == 5
        assert counts[-1] == "9"
    # Nothing of a terminal's, and nothing of Snakemake's about each job.
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", printed)
    assert max(map(len, lines)) < 400
    for word in ("localrule", "Select jobs", "Finished jobid", "steps (", "input:"):
        assert word not in printed


def test_snakemakes_own_log_has_all(study):
    log = "".join(path.read_text() for path in (study / ".snakemake/log").iterdir())
    assert (
        len(re.findall(r"^Finished jobid", log, re.M))
        == len(records.read_all(study / "results/tiny")) + 1
    )  # `all`


def test_every_job_leaves_a_log_that_reads_well(study):
    results = study / "results/tiny"
    logs = sorted((results / "logs").rglob("*.log"))
    assert len(logs) == len(records.read_all(results))
    for path in logs:
        text = path.read_text()
        assert re.match(rf"\w+ begun {DATED[:-1]}\n", text), path
        assert re.search(rf"\nended {DATED[:-1]}\n$", text), path
        assert not re.search(r"[\x00-\x09\x0b-\x1f]|\n\n", text), path
    synthesis = (results / "logs/synthesis/vgg16_untrained/conv2_1/0002-0003.log").read_text()
    for condition in ("restarts", "diverse"):
        state = rf"^{condition}: 10/10 step, .*, 2/2 units, response [\d.]+, distance [\d.]+ *$"
        assert re.search(state, synthesis, re.M)


class Terminal:
    """A terminal of some width in which the workflow runs."""

    def __init__(self, folder, width):
        self.screen, self.seen = pyte.Screen(width, 40), b""
        self.stream = pyte.ByteStream(self.screen)
        words = list(map(str, command(folder, TINY)))
        environment = {**os.environ, "TERM": "xterm"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):  # which would count for more than its size
            environment.pop(name, None)
        self.pid, self.leader = pty.fork()
        if not self.pid:
            os.execve(words[0], words, environment)
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))

    def lines(self):
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def until(self, pattern=None):
        """Read on until a line of a whole screen matches; else to the end, for the exit code."""
        while True:
            whole = not select.select([self.leader], [], [], 0.2)[0]
            if whole and pattern and any(re.match(pattern, line) for line in self.lines()):
                return None
            try:
                said = os.read(self.leader, 2**16)
            except OSError:  # how Linux tells that nobody writes any more
                os.close(self.leader)
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.seen += said
            self.stream.feed(said)

    def interrupt(self):
        os.write(self.leader, b"\x03")


# That a process with threads forks; the child does nothing but to become another program.
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_run_on_a_terminal_is_a_screen(copy):
    """Broken off, and run to its end. Lines fit into 60 columns."""
    log = copy / "results/tiny/logs/natural/ground_truth.log"
    log.unlink()
    (copy / "results/tiny/natural/ground_truth.nc").unlink()
    running = r"natural ground_truth\s+0:\d\d"

    broken = Terminal(copy, 60)
    assert broken.until(running) is None
    while not (log.exists() and log.read_text()):  # before, Snakemake would start it nevertheless
        time.sleep(0.05)
    broken.interrupt()
    assert broken.until() == 1
    assert broken.seen.rindex(b"\x1b[?25h") > broken.seen.rindex(b"\x1b[?25l")  # a cursor again
    assert "Terminating processes" in "\n".join(broken.lines())
    assert any(re.fullmatch(r"0/2 jobs, 0:\d\d gone", line) for line in broken.lines())
    assert not (copy / "results/tiny/natural/ground_truth.nc").exists()
    assert "KeyboardInterrupt" in log.read_text()
    assert "Traceback" not in "\n".join(broken.lines())

    (copy / "results/tiny/figures/layers.rst").unlink()
    whole = Terminal(copy, 60)
    assert whole.until(running) is None
    lines = whole.lines()
    # Its record is gone, too, so all that follows is planned until it has left the same bytes.
    assert re.fullmatch(r"\d/21 jobs, 0:\d\d gone(, >0:\d\d left)?", lines[-1])
    assert any(re.fullmatch(r"natural +━+ +0/1 jobs", line) for line in lines)
    assert whole.until() == 0
    lines = whole.lines()
    end = next(number for number, line in enumerate(lines) if line.startswith("3/3 jobs"))
    assert re.fullmatch(r"3/3 jobs, \d:\d\d gone", lines[end])
    stages = [
        re.fullmatch(r"(\w+)\s+━+ 1/1 jobs +[\d.]+ (?:s/job|jobs/s) *", each)
        for each in lines[end - 3 : end]
    ]
    assert [stage and stage[1] for stage in stages] == ["natural", "figures", "crate"]
    assert lines[end + 1].startswith("Complete log(s): ")
    for word in ("localrule", "Select jobs", "Finished jobid", "photo,"):
        assert not any(word in line for line in lines)


def test_a_dry_run_shows_what_snakemake_says(copy):
    (copy / "results/tiny/figures/layers.rst").unlink()
    code, printed = snakemake(copy, TINY, "--dry-run")
    assert code == 0
    for words in ("rule layers:", "reason: output is missing", "Reasons:", "This was a dry-run"):
        assert words in printed
    assert "jobs, " not in printed
