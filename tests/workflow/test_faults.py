"""Runs that are killed, lack disk or memory, or meet another; the next ends in the same bytes."""

import base64
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from running import command, invariscope, snakemake
from test_forking import FORK, SCRIPTS, begin, left, until, write
from tiny import TINY, outputs

from invariscope import records
from invariscope.digest import sha256

# Model cells, a unit a block, up to the atlas: jobs that are forked, and one that is not.
SMALL = TINY | {
    "name": "small",
    "block": 1,
    "layers": [TINY["layers"][0]],
    "compare": [],
    "synthesis": {"images": 2, "steps": 3},
    "phase": {"phases": 8, "texture": {"steps": 2}},
    "warp": {"steps": 2, "draws": 2},
}
TARGETS = "--", "results/small/atlas/index.html"
STIMULI = "results/small/stimuli/ground_truth/cells/0000-0000"
LOG = "results/small/logs/synthesis/ground_truth/cells/0000-0000.log"
KILLS = 20
ANOTHER = r"invariscope: another run is at work in this folder \(process {}, since [\d :-]+\); wait"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The small study's folder after a run."""
    folder = tmp_path_factory.mktemp("faults") / "undisturbed"
    began = time.monotonic()
    code, printed = snakemake(folder, SMALL, *TARGETS)
    assert code == 0, printed
    (folder / "took").write_text(str(time.monotonic() - began))
    return folder


@pytest.fixture
def begun(undisturbed, tmp_path):
    """A copy whose synthesis and atlas are to be run again."""
    folder = tmp_path / "begun"
    shutil.copytree(undisturbed, folder)
    for path in (folder / "results/small").rglob("*"):
        if path.stem.split(".")[0] in ("0000-0000", "index") and "small/stimuli" in str(path):
            path.unlink()
    (folder / LOG).unlink()
    return folder


def start(folder, *arguments, before=()):
    """Start a run in a session of its own; `before` are words of a command to run it by."""
    words = [*before, *command(folder, SMALL, *arguments, *TARGETS)]
    streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return subprocess.Popen(words, text=True, start_new_session=True, **streams)


def end(process, seconds=120):
    """Wait for a run and all its processes; its exit code and what it printed."""
    printed, _ = process.communicate(timeout=seconds)
    until(lambda: not left(process.pid), 10)
    return process.returncode, printed


def whole(folder):
    """Records of jobs whose outputs are as they tell of, with their bytes."""
    study, found = folder / "results/small", {}
    for name, record in records.read_whole(study).items():
        made = {study / output: digest for output, digest in record["outputs"].items()}
        if all(path.is_file() and sha256(path) == digest for path, digest in made.items()):
            found[name] = (study / name).read_bytes()
    return found


def check_resumed(folder, undisturbed):
    """One ordinary run ends in the undisturbed run's bytes, and runs only what is not whole."""
    before = whole(folder)
    code, printed = snakemake(folder, SMALL, *TARGETS)
    assert code == 0, printed
    assert outputs(folder) == outputs(undisturbed)
    after = whole(folder)
    assert {name: after[name] for name in before} == before
    assert len(re.findall(r" took \d", printed)) == len(after) - len(before), printed
    assert set(after) == set(whole(undisturbed))


def test_kills_at_random_moments(undisturbed, tmp_path):
    """Of the run, and of any of its processes: the next is begun at once."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")  # so that moments can be had again
    moments = random.Random(seed)
    folder, alive, begun = tmp_path / "killed", [], 0
    longest = float((undisturbed / "took").read_text()) / 2
    for number in range(KILLS):
        if (folder / "results/small/atlas/index.record.json").exists():
            assert outputs(folder) == outputs(undisturbed)
            shutil.rmtree(folder / "results/small")
        before = whole(folder)
        process = start(folder)
        alive.append(process.pid)
        try:
            process.wait(moments.uniform(0.5, longest))
        except subprocess.TimeoutExpired:
            others = sorted(each for each, _ in left(process.pid) if each != process.pid)
            killed = moments.choice(others) if number % 2 and others else process.pid
            with contextlib.suppress(ProcessLookupError):  # it has ended since
                os.kill(killed, signal.SIGKILL)
        printed, _ = process.communicate(timeout=120)
        assert process.returncode in (0, 1, -signal.SIGKILL), printed
        assert "Traceback" not in printed
        assert before.items() <= whole(folder).items()
        begun += len(whole(folder)) > len(before)
    assert begun  # some runs came as far as to leave a job's results; how many, the machine tells
    check_resumed(folder, undisturbed)
    until(lambda: not any(map(left, alive)), 10)


def test_two_runs_at_once(begun, undisturbed):
    """The second is refused at once; others that only read go on; the first is not disturbed."""
    first = start(begun)
    until((begun / LOG).exists)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it is at work until the others have ended
    began = time.monotonic()
    code, printed = snakemake(begun, SMALL, *TARGETS)
    assert code == 1
    assert time.monotonic() - began < 30
    assert re.search(ANOTHER.format(first.pid), printed.splitlines()[-1]), printed
    assert snakemake(begun, SMALL, "-n", *TARGETS)[0] == 0
    assert "cannot be asked" not in invariscope(begun, "verify", "results/small")[1]
    os.killpg(first.pid, signal.SIGCONT)
    code, printed = end(first)
    assert code == 0, printed
    assert outputs(begun) == outputs(undisturbed)


def test_a_killed_job_is_told_in_a_line(begun, undisturbed):
    process = start(begun)
    until((begun / LOG).exists)
    for each, _ in left(process.pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended since
            if os.path.samefile(f"/proc/{each}/fd/1", begun / LOG):
                os.kill(each, signal.SIGKILL)
    code, printed = end(process)
    assert code == 1
    assert printed.count("invariscope: killed by signal 9 (out of memory?)\n") == 1
    assert "Exception" not in printed.replace("WorkflowError", "")
    check_resumed(begun, undisturbed)


FOLDER = "results/some"
LOCKED = f"{FORK}\nimport locking\nlocking.one_run_at_a_time({FOLDER!r})"
WAITS = """
with open(snakemake.rule + ".there", "a") as file:
    print(os.getpid(), file=file)
for _ in range(1000):
    if Path("go").exists():
        break
    time.sleep(0.05)
done()
"""


def there(folder, rule):
    """Processes of a rule's job so far."""
    path = folder / f"{rule}.there"
    return list(map(int, path.read_text().split())) if path.exists() else []


@pytest.mark.parametrize(("rule", "more"), [("one", ""), ("two", "threads: 2")])
def test_jobs_end_with_their_run(tmp_path, rule, more):
    """Forked ones, and such as are Pythons of their own."""
    write(tmp_path, {rule: WAITS}, [(rule, rule, "", more)], LOCKED)
    process = begin(tmp_path)
    until(lambda: there(tmp_path, rule))
    process.kill()
    process.wait()
    until(lambda: not left(process.pid), 5)
    process.stdout.close()


@pytest.mark.parametrize(("rule", "more"), [("one", ""), ("two", "threads: 2")])
def test_a_run_waits_for_jobs_of_a_killed_one(tmp_path, rule, more):
    """That cannot end at once. What they had begun to write goes, and nothing else."""
    write(tmp_path, {rule: WAITS}, [(rule, rule, "", more)], LOCKED)
    process = begin(tmp_path)
    until(lambda: there(tmp_path, rule))
    [job] = there(tmp_path, rule)
    os.kill(job, signal.SIGSTOP)
    process.kill()
    process.wait()
    process.stdout.close()
    names = [f".{'0' * 32}", f".{'a' * 32}.nc", ".other", f"{'a' * 32}.nc", f".{'a' * 31}.nc"]
    folder = tmp_path / FOLDER / "deep"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    downloads = tmp_path / "results" / ".downloads"
    (downloads / "tmpdir").mkdir(parents=True)
    (downloads / "cut").touch()
    (tmp_path / "go").touch()
    second = begin(tmp_path)
    time.sleep(4)
    assert second.poll() is None
    assert there(tmp_path, rule) == [job]
    assert len(list(folder.iterdir())) == len(names)
    os.kill(job, signal.SIGKILL)
    printed, _ = second.communicate(timeout=60)
    assert second.returncode == 0, printed
    assert len(there(tmp_path, rule)) == 2
    assert sorted(path.name for path in folder.iterdir()) == sorted(names[2:])
    assert [path.name for path in downloads.iterdir()] == ["cut"]


@pytest.mark.parametrize("free", [0, 40])
def test_a_full_disk(begun, undisturbed, tmp_path, free):
    """With no space, and with so little that jobs begin; what is said is in few lines."""
    before, place = whole(begun), tmp_path / "place"
    place.mkdir()
    script = f"""
mount -t tmpfs none {place}
cp -a {begun}/. {place}
used=$(df --output=used -k {place} | tail -1)
mount -o remount,size=$((used + {free}))k {place}
"$@" || code=$?
rm -r {begun}
cp -a {place} {begun}
exit $code"""
    code, printed = mounted(script, place)
    assert code == 1
    told = f"{STIMULI}.nc" if free else "results/small"
    assert f"invariscope: {told}: No space left on device" in printed.splitlines()
    check_said(printed)
    assert before.items() <= whole(begun).items()
    assert not list((begun / "results/small").rglob(".*"))
    check_resumed(begun, undisturbed)


def check_said(printed):
    """Nothing is told at length."""
    assert not re.search("Traceback|RuleException|Logging error", printed), printed


def mounted(script, folder):
    """Run the study by a shell that may mount what no one else sees; exit code, what was printed.

    `"$@"` in the script is the run's command.
    """
    words = ["unshare", "--map-root-user", "--mount", "bash", "-c", script, "bash"]
    return end(start(folder, before=words))


def test_a_disk_that_must_not_be_written_to(begun):
    """Of which a run tells at once; what only reads goes on."""
    place = begun / "results"
    script = f"mount --bind {place} {place}; mount -o remount,ro,bind {place}\n"
    code, printed = mounted(script + '"$@"', begun)
    assert code == 1
    assert printed.splitlines()[-1] == "invariscope: results/.lock: Read-only file system"
    check_said(printed)
    verify = f"{sys.executable} -c 'from invariscope.cli import main; main()' verify results/small"
    code, printed = mounted(f"{script} cd {begun}; {verify}", begun)
    assert "synthesis: " in printed
    assert "cannot be asked" not in printed


# Snakemake where a study may ask for more than any memory has.
BOUNDLESS = """
from invariscope import config
for section in config.schema("config")["properties"].values():
    for key in section.get("properties", {}).values():
        key.pop("maximum", None)
from snakemake.cli import main
main()
"""


@pytest.mark.parametrize(
    ("section", "values"), [("synthesis", {"images": 10**7}), ("phase", {"phases": 10**11})]
)
def test_too_little_memory(begun, undisturbed, section, values):
    """As NumPy tells of it, and as PyTorch does."""
    words = command(begun, SMALL | {section: SMALL[section] | values}, *TARGETS)
    words[1:3] = ["-c", BOUNDLESS]
    words = ["prlimit", f"--as={16 * 2**30}", *words]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1
    assert re.search(rf"{section} ground_truth.* failed after ", printed), printed
    assert "\ninvariscope: out of memory; lower `block` or --cores: " in printed
    check_said(printed)
    check_resumed(begun, undisturbed)


def test_a_clock_set_back_and_a_mark(begun, undisturbed):
    """All that is there is of a later time than what is made of it, and marked as incomplete."""
    for path in (begun / "results/small").rglob("*.*"):
        name = base64.urlsafe_b64encode(str(path.relative_to(begun)).encode()).decode()
        if len(name) < 200:
            (begun / ".snakemake/incomplete" / name).write_text("{}")
    later = time.time() + 10**8
    for path in begun.rglob("*"):
        os.utime(path, (later, later))
    check_resumed(begun, undisturbed)
