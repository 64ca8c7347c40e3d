"""Runs on a SLURM cluster leave what runs on one machine do, whatever befalls their jobs."""

import shutil
import subprocess
import time

import psutil
import pytest
from running import ROOT, command, snakemake
from tiny import TINY, outputs

# Two networks with two blocks each, as far as the tables.
STUDY = TINY | {"layers": [TINY["layers"][0] | {"units": ["0-3"]}, TINY["layers"][1]]}
del STUDY["compare"]
GOAL = "--until", "tables", "diversity_table"
# What a job was given.
ASKED = "JobID:10,tres-per-job:20,MinMemory:10,TimeLimit:20"


class Run:
    """A run on the cluster, while it goes on."""

    def __init__(self, slurm, folder, profile, *arguments):
        words = command(folder, STUDY, *arguments)
        place = words.index("--cores")
        words[place : place + 2] = ["--workflow-profile", ROOT / "workflow" / "profiles" / profile]
        # The jobs here are short.
        words[place:place] = ["--slurm-init-seconds-before-status-checks", "3"]
        self.slurm, self.folder, self.said = slurm, folder, folder / "said"
        with open(self.said, "w") as said:
            self.process = subprocess.Popen(words, stdout=said, stderr=said, env=slurm)

    def ask(self, *words):
        """What a command of SLURM says, by lines and words."""
        asked = subprocess.run(words, env=self.slurm, capture_output=True, text=True, check=True)
        return [line.split() for line in asked.stdout.splitlines()]

    def working(self, rule):
        """The process of a job, once one of the rule is at work."""
        while self.process.poll() is None:
            for process in psutil.process_iter():
                try:
                    script = process.cmdline()[1:2]
                    here = process.cwd() == str(self.folder)
                    if here and script and script[0].endswith(f".{rule}.py"):
                        return process
                except psutil.Error:
                    pass
            time.sleep(0.05)
        raise AssertionError(self.said.read_text())

    def end(self):
        """The exit code and all that was printed."""
        self.process.wait(timeout=600)
        return self.process.returncode, self.said.read_text()


@pytest.fixture(scope="module")
def on_gpus(slurm, tmp_path_factory):
    """A run on GPU nodes, as far as the means: its folder and the jobs that were seen to run."""
    folder = tmp_path_factory.mktemp("slurm") / "study"
    folder.mkdir()
    run, seen = Run(slurm, folder, "gpu", "--until", "natural"), []
    while run.process.poll() is None:
        seen.append(run.ask("squeue", "--states=running", "--noheader", f"--Format={ASKED}"))
        time.sleep(0.2)
    code, said = run.end()
    assert code == 0, said
    return folder, seen


@pytest.fixture(scope="module")
def disturbed(slurm, on_gpus):
    """The rest of that run on CPU nodes, two of whose jobs are ended: folder and facts."""
    folder, _ = on_gpus
    run = Run(slurm, folder, "slurm", *GOAL)
    number = run.working("synthesis").environ()["SLURM_JOB_ID"]
    run.ask("scontrol", "requeue", number)
    run.working("warp").kill()
    code, said = run.end()
    assert code == 0, said
    return folder, said, run.ask("scontrol", "show", "job", number)


def test_a_gpu_is_asked_for_and_never_shared(on_gpus):
    _, seen = on_gpus
    jobs = {tuple(job) for jobs in seen for job in jobs}
    assert len(jobs) == 2
    assert {job[1:] for job in jobs} == {("gres:gpu:1", "4000M", "2:00:00")}
    assert max(map(len, seen)) == 1  # there is one, but two cores


def test_a_requeued_job_and_a_killed_one_are_run_again(disturbed):
    _, said, requeued = disturbed
    facts = {fact for line in requeued for fact in line}
    assert {"Restarts=1", "JobState=COMPLETED"} <= facts
    assert said.count("Trying to restart job") == 1


def test_blocks_go_to_nodes_as_one_job_each(disturbed):
    _, said, _ = disturbed
    assert said.count("slurm_logs/group_block_") == 4
    assert "slurm_logs/rule_tables" not in said


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (None, "SLURM sbatch failed. The error message was 'sbatch: error: invalid partition"),
        ("sinfo", "Failed to run sinfo for retrieval of cluster partitions: no answer"),
    ],
)
def test_a_run_ends_and_says_why_slurm_does_not_take_a_job(slurm, on_gpus, tmp_path, command, why):
    folder = shutil.copytree(on_gpus[0], tmp_path / "study")
    more = ["--retries", "0", "--forcerun", "natural"]
    if command is None:
        more += ["--default-resources", "slurm_partition=nope"]
    else:
        (tmp_path / command).write_text("#!/bin/sh\necho no answer >&2; exit 1\n")
        (tmp_path / command).chmod(0o755)
    environment = slurm | {"PATH": f"{tmp_path}:{slurm['PATH']}"}
    target = f"results/tiny/natural/{STUDY['layers'][0]['network']}.nc"
    code, said = Run(environment, folder, "slurm", *more, "--", target).end()
    assert code == 1
    assert said.count(f"invariscope: natural: {why}") == 1


def test_results_are_those_of_one_machine(disturbed, tmp_path):
    folder, _, _ = disturbed
    code, said = snakemake(tmp_path / "local", STUDY, *GOAL)
    assert code == 0, said
    assert outputs(folder) == outputs(tmp_path / "local")
    code, said = snakemake(folder, STUDY, *GOAL)
    assert code == 0, said
    assert " took " not in said
