"""Jobs as forks: each is what a fresh Python would be, and ends as one would."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from running import ROOT, command
from snakemake.script import PythonScript
from tiny import TINY, outputs

from invariscope import records

SCRIPTS = ROOT / "workflow" / "scripts"
# A server of one small module, by which a fork is known, for scripts that import json.
SNAKEFILE = """
import sys

sys.path.insert(0, {scripts!r})
import dag
import forking

dag.import_from({scripts!r})
forking.PACKAGES = {{"json": ["snakemake.script", "tabnanny"]}}
{fork}
rule all:
    input: {targets}
{rules}
"""
RULE = """
rule {name}:
    input: {input}
    output: "{name}.out"
    log: "{name}.log"
    {more}
    script: "{script}.py"
"""
FORK = "forking.fork_jobs(workflow)"
# Every script: it is known by its output that it ran, by the marker how.
BEGIN = """
import job
import json, os, signal, sys, time
from pathlib import Path

def done(**values):
    values["forked"] = "tabnanny" in sys.modules
    Path(snakemake.output[0]).write_text(json.dumps(values))

def parent(process):
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
"""


@pytest.fixture(autouse=True)
def _buffered(monkeypatch):
    """So that what nobody writes out at the end is lost."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def write(folder, scripts, rules=None, fork=FORK):
    """A workflow of small scripts; `rules` are (name, script, inputs, other lines)."""
    folder.mkdir(exist_ok=True)
    rules = rules or [(name, name, "", "") for name in scripts]
    text = "".join(
        RULE.format(name=name, script=script, input=given, more=more)
        for name, script, given, more in rules
    )
    targets = [f"{name}.out" for name, *_ in rules]
    text = SNAKEFILE.format(scripts=str(SCRIPTS), fork=fork, targets=targets, rules=text)
    (folder / "Snakefile").write_text(text)
    for name, script in scripts.items():
        (folder / f"{name}.py").write_text(BEGIN + script)


def begin(folder, *arguments):
    """Start Snakemake in a session of its own."""
    words = [sys.executable, "-m", "snakemake", "--cores", "2", "--keep-going", *arguments]
    streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return subprocess.Popen(words, cwd=folder, text=True, start_new_session=True, **streams)


def run(folder, *arguments):
    """Run Snakemake; its exit code and what was printed, after all its processes have ended."""
    process = begin(folder, *arguments)
    printed, _ = process.communicate(timeout=120)
    assert not left(process.pid)
    return process.returncode, printed


def left(session):
    """Processes of a session; zombies too, but for those that are init's to forget."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(words[3]) == session and words[:2] != ["Z", "1"]:
            found.append((int(stat.parent.name), words[0]))
    return found


def until(condition, seconds=60):
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def output(folder, name):
    return json.loads((folder / f"{name}.out").read_text())


SURROUNDINGS = """
import resource
sys.stdout.flush()
umask = os.umask(0)
done(
    environment=dict(os.environ),
    folder=os.getcwd(),
    umask=umask,
    nice=os.nice(0),
    limits=resource.getrlimit(resource.RLIMIT_NOFILE),
    path=sys.path,
    arguments=sys.argv,
    name=__name__,
    file=__file__,
    snakemake=sys.modules["__main__"].snakemake.output[0],
    threads=snakemake.threads,
    handlers={each.name: str(signal.getsignal(each)) for each in signal.Signals},
    blocked=sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    files={file: os.path.realpath(f"/proc/self/fd/{file}") for file in os.listdir("/proc/self/fd")
           if os.path.exists(f"/proc/self/fd/{file}")},
    group=os.getpgrp() == os.getsid(0),
    own=sorted(name for name, module in sys.modules.items()
               if str(getattr(module, "__file__", "")).startswith(os.environ["PYTHONPATH"])),
)
"""


def test_a_fork_is_as_a_fresh_python(tmp_path, monkeypatch):
    """In all that a script can see of its surroundings, but for what the shell sets for itself."""
    monkeypatch.setenv("SEEN", "by both")
    rules = [("one", "one", "", ""), ("two", "one", '"one.out"', 'resources: tmpdir="other"')]
    found = []
    for fork in (FORK, ""):
        write(tmp_path, dict(one=SURROUNDINGS), rules, fork)
        code, printed = run(tmp_path, "--forceall")
        assert code == 0, printed
        for name in ("one", "two"):
            text = (tmp_path / f"{name}.out").read_text()
            text = re.sub(r"scripts/tmp\w+\.one", "scripts/tmp.one", text)
            found.append(json.loads(re.sub(r"runtime-cache/tmp\w+", "runtime-cache/tmp", text)))
            for own in ("_", "SHLVL", "PWD", "OLDPWD"):
                found[-1]["environment"].pop(own, None)
            found[-1]["path"].remove(".snakemake/pip-deployments")  # put last by `import snakemake`
    assert [each.pop("forked") for each in found] == [True, True, False, False]
    assert found[0]["environment"]["OMP_NUM_THREADS"] == "1"
    assert found[0]["environment"]["SEEN"] == "by both"
    assert found[1]["environment"]["TMPDIR"] == "other"
    for forked, fresh in zip(found[:2], found[2:], strict=True):
        for key, value in fresh.items():
            assert forked[key] == value, key


FAILURES = dict(
    well="done()",
    three="sys.exit(3)",
    text="sys.exit('a text')",
    error="def inner(): raise ValueError('wrong')\ninner()",
    killed="print('last words', flush=True); os.kill(os.getpid(), signal.SIGKILL)",
    ended="os.kill(os.getpid(), signal.SIGTERM)",
    interrupted="os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    begun="Path(snakemake.output[0]).write_text(''); sys.exit(1)",
)


def test_failures_are_told_as_ever(tmp_path):
    """Each script's end, log and error report, as a fork and as a fresh Python; others go on."""
    found = []
    for name, more in (("forked", ""), ("fresh", "threads: 2")):
        folder = tmp_path / name
        write(folder, FAILURES, [(each, each, "", more) for each in FAILURES])
        code, printed = run(folder)
        assert code == 1
        assert output(folder, "well")["forked"] == (name == "forked")
        assert {path.stem for path in folder.glob("*.out")} == {"well"}
        ends = re.findall(r"tmp\w+\.(\w+)\.py\S* (returned non-zero .*|died with .*)", printed)
        logs = {}
        for path in folder.glob("*.log"):
            text = re.sub(r"tmp\w+\.|begun .*", "", path.read_text())
            logs[path.stem] = text.replace(str(folder), "")
        found.append((sorted(set(ends)), logs))
    (ends, logs), fresh = found
    assert dict(ends)["three"] == "returned non-zero exit status 3."
    assert dict(ends)["killed"] == "died with <Signals.SIGKILL: 9>."
    assert dict(ends)["interrupted"] == "died with <Signals.SIGINT: 2>."
    assert len(ends) == len(FAILURES) - 1
    assert "ValueError: wrong" in logs["error"]
    assert "last words" in logs["killed"]
    assert logs["killed"].endswith("\ninvariscope: killed by signal 9 (out of memory?)\n")
    assert logs["ended"].endswith("\ninvariscope: killed by signal 15\n")
    assert "invariscope" not in logs["interrupted"] + logs["three"]
    assert (ends, logs) == fresh


def test_what_a_job_says_is_in_its_own_log(tmp_path):
    say = """
print("said by Python")
os.write(1, b"said to the system\\n")
os.system("echo said by a child")
print("and to the other", file=sys.stderr)
sys.stdout.write(snakemake.rule)  # with no end of line
done()
"""
    write(tmp_path, dict(a=say, b=say))
    code, printed = run(tmp_path)
    assert code == 0
    assert "said" not in printed
    for name in "ab":
        text = (tmp_path / f"{name}.log").read_text()
        for words in ("said by Python", "said to the system", "said by a child", "to the other"):
            assert text.count(words) == 1
        assert text.endswith(name)


def test_jobs_side_by_side_share_a_server(tmp_path):
    """Each waits for the other; nobody's child lies about."""
    meet = """
other = Path({"a": "b", "b": "a"}[snakemake.rule] + ".there")
Path(snakemake.rule + ".there").touch()
while not other.exists():
    time.sleep(0.01)
time.sleep(0.1)
states = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
zombies = [words for words in states if words[0] == "Z" and int(words[3]) == os.getsid(0)]
done(server=parent(os.getppid()), zombies=zombies)
"""
    rules = [("a", "meet", "", ""), ("b", "meet", "", ""), ("c", "last", ["a.out", "b.out"], "")]
    last = meet[meet.index("states") :]
    write(tmp_path, dict(meet=meet, last=last), rules)
    assert run(tmp_path)[0] == 0
    found = [output(tmp_path, name) for name in "abc"]
    assert len({each["server"] for each in found}) == 1
    assert [each["zombies"] for each in found] == [[]] * 3


def test_servers_of_later_jobs_start_with_the_first(tmp_path):
    """So that they import while cores wait; those of earlier jobs may not be needed."""
    kinds = """
words = [path.read_bytes().split(b"\\0") for path in Path("/proc").glob("[0-9]*/cmdline")]
servers = [each for each in words if any(word.endswith(b"forked.py") for word in each)]
here = [each for each in servers if each[-2] in (b"tabnanny", b"sndhdr", b"chunk")]
done(kinds=sorted({each[-2].decode() for each in here}))
"""
    write(tmp_path, dict(one=kinds))
    snakefile = tmp_path / "Snakefile"
    servers = '{"decimal": ["sndhdr"], "json": ["tabnanny"], "fractions": ["chunk"]}'
    text = re.sub(r"(forking.PACKAGES = ).*", rf"\1{servers}", snakefile.read_text())
    snakefile.write_text(text)
    code, printed = run(tmp_path)
    assert code == 0, printed
    assert output(tmp_path, "one")["kinds"] == ["chunk", "tabnanny"]


def test_jobs_know_which_packages_are_installed(tmp_path):
    """As a fresh Python would find out, but from what their server found."""
    ask = """
from importlib import metadata
found = metadata.packages_distributions().items()
found = {name: sorted(set(packages)) for name, packages in found}
known = getattr(metadata.packages_distributions, "cache_info", None)
done(found=found, known=bool(known and known().currsize == 1))
"""
    write(
        tmp_path, dict(one=ask, two=ask), [("one", "one", "", ""), ("two", "two", "", "threads: 2")]
    )
    assert run(tmp_path)[0] == 0
    forked, fresh = output(tmp_path, "one"), output(tmp_path, "two")
    assert (forked["known"], fresh["known"]) == (True, False)
    assert forked["found"] == fresh["found"]
    assert "snakemake" in forked["found"]


def test_each_job_runs_the_code_that_lies_on_disk(tmp_path):
    """What a job imports, and the script itself, though an earlier job has imported it."""
    change = """
import mine
Path(mine.__file__).write_text("value = 'later'")
Path(mine.__file__).with_name("new.py").write_text("")
Path("two.py").write_text(Path("two.py").read_text().replace("EARLIER", "LATER"))
done(value=mine.value)
"""
    show = "import mine, new\ndone(value=mine.value, script='EARLIER')"
    rules = [("one", "one", "", ""), ("two", "two", '"one.out"', "")]
    write(tmp_path, dict(one=change, two=show), rules)
    (tmp_path / "mine.py").write_text("value = 'first'")
    assert run(tmp_path)[0] == 0
    assert output(tmp_path, "one") == dict(value="first", forked=True)
    assert output(tmp_path, "two") == dict(value="later", script="LATER", forked=True)


SLEEP = """
Path(snakemake.rule + ".there").touch()
time.sleep(float(os.environ.get("SLEEP", 60)))
done()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_ends_all(tmp_path, number):
    """As from a terminal: to Snakemake, the jobs and what they are forked from."""
    write(tmp_path, dict(a=SLEEP, b=SLEEP))
    process = begin(tmp_path)
    until(lambda: len(list(tmp_path.glob("*.there"))) == 2)
    os.killpg(process.pid, number)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode != 0
    until(lambda: not left(process.pid), 5)
    assert not list(tmp_path.glob("*.out"))
    assert "Traceback" not in printed
    assert ("KeyboardInterrupt" in (tmp_path / "a.log").read_text()) == (number == signal.SIGINT)


def test_an_interrupt_while_packages_are_imported(tmp_path):
    """No job is begun then, and nothing is said that is not said of a job."""
    write(tmp_path, dict(a=SLEEP))
    slow = tmp_path / "slow.py"
    slow.write_text(
        "from pathlib import Path\nimport time\nPath('there').touch()\ntime.sleep(60)\n"
    )
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace('"tabnanny"', '"slow"'))
    os.environ["PYTHONPATH"] = str(tmp_path)
    try:
        process = begin(tmp_path)
    finally:
        del os.environ["PYTHONPATH"]
    until((tmp_path / "there").exists)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert not left(process.pid)
    assert not (tmp_path / "a.there").exists()
    assert "Traceback" not in printed
    assert "forked.py" in printed
    assert "died with <Signals.SIGINT: 2>." in printed


def test_snakemake_killed_leaves_no_server(tmp_path, monkeypatch):
    """A job that runs then goes on to its end."""
    monkeypatch.setenv("SLEEP", "2")
    write(tmp_path, dict(a=SLEEP))
    process = begin(tmp_path)
    until((tmp_path / "a.there").exists)
    process.kill()
    process.wait()
    assert left(process.pid)
    until((tmp_path / "a.out").exists, 20)
    until(lambda: not left(process.pid), 5)
    process.stdout.close()


def test_a_server_that_died_is_started_again(tmp_path):
    """The job that ran meanwhile ends well."""
    kill = "os.kill(parent(os.getppid()), signal.SIGKILL)\ntime.sleep(0.5)\ndone()"
    rules = [("one", "one", "", ""), ("two", "two", '"one.out"', "")]
    write(tmp_path, dict(one=kill, two="done()"), rules)
    code, printed = run(tmp_path)
    assert code == 0, printed
    assert output(tmp_path, "two")["forked"]


def test_a_job_that_nobody_waits_for_is_killed(tmp_path):
    lone = "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)\ndone()"
    write(tmp_path, dict(one=lone, two="done()"))
    began = time.monotonic()
    code, printed = run(tmp_path)
    assert code == 1
    assert time.monotonic() - began < 50
    assert re.search(r"one\.py\S* died with <Signals.SIGKILL: 9>", printed)
    assert output(tmp_path, "two")["forked"]


def test_a_server_that_cannot_be_started_is_told(tmp_path):
    write(tmp_path, dict(one="done()"))
    (tmp_path / "broken.py").write_text("import os\nos._exit(7)\n")
    snakefile = tmp_path / "Snakefile"
    snakefile.write_text(snakefile.read_text().replace('"tabnanny"', '"broken"'))
    snakefile.write_text(snakefile.read_text().replace(FORK, f"dag.import_from('.')\n{FORK}"))
    code, printed = run(tmp_path)
    assert code == 1
    assert re.search(r"forked\.py.* returned non-zero exit status 7\.", printed)


@pytest.mark.parametrize("more", ["threads: 2", 'benchmark: "one.tsv"', 'shadow: "minimal"'])
def test_other_jobs_are_fresh(tmp_path, more):
    """Of several threads, watched by Snakemake, or given to another Snakemake."""
    write(tmp_path, dict(one="done()"), [("one", "one", "", more)])
    code, printed = run(tmp_path)
    assert code == 0, printed
    assert not output(tmp_path, "one")["forked"]


@pytest.mark.parametrize("around", ["conda_env", "container_img", "env_modules", None])
@pytest.mark.parametrize("name", ["warp.py", "gallery.py", "crate.py", "plain_configs.py"])
def test_what_is_forked_from_what(monkeypatch, around, name):
    """Nothing in an environment of its own, or quick to import, or of a Snakemake for one job."""
    import forking

    called = []
    monkeypatch.setattr(PythonScript, "execute_script", PythonScript.execute_script)
    monkeypatch.setattr(forking, "_execute_script", lambda *words: called.append("fresh"))
    monkeypatch.setattr(forking, "_run", lambda script, fname, kind: called.append(kind))
    before = PythonScript.execute_script
    forking.fork_jobs(SimpleNamespace(is_main_process=False))
    assert PythonScript.execute_script is before
    forking.fork_jobs(SimpleNamespace(is_main_process=True))
    names = ("conda_env", "container_img", "env_modules", "bench_record")
    path = SimpleNamespace(get_path_or_uri=lambda secret_free: SCRIPTS / name)
    script = SimpleNamespace(**dict.fromkeys(names), threads=1, path=path)
    kind = {"warp.py": "torch", "plain_configs.py": "fresh"}.get(name, "xarray")
    if around:
        setattr(script, around, "some")
    PythonScript.execute_script(script, "name")
    assert called == ["fresh" if around else kind]


@pytest.mark.parametrize("kind", ["torch", "xarray"])
def test_the_servers_packages(kind):
    """All can be imported, none starts a thread, and none brings code of this project."""
    import forking

    check = f"""
import importlib, os, sys
sys.path.insert(0, {str(SCRIPTS)!r})
for name in sys.argv[1:]:
    importlib.import_module(name)
import forked
forked.prepare(sys.argv[1:])
del sys.modules["forked"]
files = [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())]
own = sum("workflow/scripts" in file for file in files)
print(len(os.listdir("/proc/self/task")), "torch" in sys.modules, own)
"""
    words = [sys.executable, "-c", check, *forking.PACKAGES[kind]]
    environment = os.environ | dict.fromkeys(forking.THREADS, "1")
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", str(kind == "torch"), "0"]


def test_what_jobs_call_is_compiled_before(tmp_path):
    """A trunk forward and backward finds all that it calls; only tiles of 2 are rare."""
    environment = os.environ | dict(NUMBA_CACHE_DIR=str(tmp_path), PYTHONPATH=str(SCRIPTS))
    reading, writing = os.pipe()  # compiling ends when nobody could write any more
    words = [sys.executable, SCRIPTS / "compiling.py"]
    subprocess.run(words, env=environment, stdin=reading, check=True)
    there = "*/*.nbc"
    for _ in range(600):
        if len(list(tmp_path.glob(there))) == 5:
            break
        time.sleep(0.2)
    before = sorted(tmp_path.glob(there))
    assert len(before) == 5
    os.close(writing)
    use = """
import torch
from architectures import STD, VGG, traced
from invariscope import device
from invariscope.trunk import Trunk
architecture, model = traced("vgg16", VGG)
state = model.state_dict()
trunk = Trunk(architecture, {n: state[n] for n in architecture.parameters()}, STD)
device.prepare(1)
stimuli = torch.randn(12, 3, 24, 24, requires_grad=True)
channels = torch.arange(2)
with torch.inference_mode():
    trunk.run(torch.randn(1, 3, 124, 124), "conv2_2", (56, 56), record=["conv1_2"])
value, recorded = trunk.run(stimuli, "conv3_1", record=["conv2_2"], channels=channels)
torch.autograd.grad(value.sum() + recorded[0].square().sum(), stimuli)
"""
    environment["PYTHONPATH"] += f":{ROOT / 'tests'}"
    subprocess.run([sys.executable, "-c", use], env=environment, check=True)
    assert sorted(tmp_path.glob(there)) == before


@pytest.mark.parametrize(
    ("main", "cores", "dryrun", "starts"),
    [(True, 2, False, 1), (False, 2, False, 0), (True, None, False, 0), (True, 2, True, 0)],
)
def test_the_first_server_starts_early_for_a_run(monkeypatch, main, cores, dryrun, starts):
    """Not for a dry run, another report or the Snakemake of a single job."""
    import forking
    import locking

    started, asked = [], []
    monkeypatch.setitem(locking.INHERITED, "stdin", None)
    monkeypatch.setattr(forking, "_server", lambda kind, _: started.append(kind) or (None, 7))
    monkeypatch.setattr(forking, "_ask", lambda control, job: asked.append((control, job["path"])))
    workflow = SimpleNamespace(
        is_main_process=main,
        resource_settings=SimpleNamespace(cores=cores),
        output_settings=SimpleNamespace(dryrun=dryrun),
    )
    forking.start_first(workflow)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
    assert started == ["torch"] * starts
    assert asked == [(7, str(SCRIPTS / "compiling.py"))] * starts


def test_fresh_pythons_leave_the_same_bytes(study, copy):
    """As the study's forks did, in every stage that computes, a table and a figure."""
    block = "vgg16_untrained/conv2_1/0000-0001"
    names = [f"{stage}/{block}" for stage in ("stimuli", "phase", "warp", "baselines")]
    names += ["tables/comparison", "figures/layers"]
    made = records.read_whole(study / "results/tiny")
    gone = [file for name in names for file in made[f"{name}.record.json"]["outputs"]]
    for file in [*gone, *(f"{name}.record.json" for name in names)]:
        (copy / "results/tiny" / file).unlink()
    program = "import forking; forking.fork_jobs = lambda workflow: None\n"
    program += "from snakemake.cli import main; main()"
    words = command(copy, TINY, "--", *(f"results/tiny/{file}" for file in gone))
    words[1:3] = ["-c", program]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    subprocess.run(words, check=True, env=environment, capture_output=True)
    again = records.read_whole(copy / "results/tiny")
    # A fork has loaded more than a table needs.
    loaded = [each["tables/comparison.record.json"]["run"]["packages"] for each in (made, again)]
    assert ["seaborn" in packages for packages in loaded] == [True, False]
    assert outputs(copy) == outputs(study)
