"""A SLURM cluster of one node, this machine, that lives in a folder and ends with it.

It takes Debian's packages slurm-wlm and munge, and needs neither root nor their services. As a
script, `python tests/slurm/cluster.py COMMAND...` runs a command in such a cluster.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
# No accounting: then `sacct` has no answers, as on many small clusters.
SETTINGS = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# Short-lived, as a requeued job starts only after the credentials of its first start have ended.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Programs of a cluster that this machine lacks."""
    return [name for name in PROGRAMS if _program(name) is None]


@contextlib.contextmanager
def running():
    """Run a cluster; gives the environment in which SLURM's commands find it."""
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="slurm"))
    folder.chmod(0o755)
    environment = os.environ | {"SLURM_CONF": f"{folder}/slurm.conf"}
    environment["PATH"] = f"{folder}/bin:{environment['PATH']}"
    daemons = []
    try:
        _configure(folder)
        for words in (
            [
                "munged",
                "--foreground",
                "--force",
                f"--socket={folder}/munge.socket",
                f"--key-file={folder}/munge.key",
                f"--pid-file={folder}/munged.pid",
                f"--log-file={folder}/munged.log",
                f"--seed-file={folder}/munged.seed",
            ],
            ["slurmctld", "-D"],
            ["slurmd", "-D"],
        ):
            with open(folder / f"{words[0]}.out", "w") as said:
                words[0] = _program(words[0])
                daemons.append(subprocess.Popen(words, stdout=said, stderr=said, env=environment))
        _wait_until(environment, "idle", "sinfo", "--format=%T")
        yield environment
        subprocess.run(["scancel", "--user", _user()], env=environment, check=True)
        _wait_until(environment, "", "squeue", "--states=running,completing")
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            daemon.wait(timeout=30)
        shutil.rmtree(folder)


def _configure(folder):
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    controller, node = _free_ports(2)
    settings = SETTINGS.format(
        host=socket.gethostname().split(".")[0],
        controller=controller,
        node=node,
        user=_user(),
        folder=folder,
        cpus=os.cpu_count(),
        memory=pages * size // 2**20 - 1,
    )
    (folder / "slurm.conf").write_text(settings)
    # A file in place of a GPU, which SLURM counts and nothing reads.
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    # Snakemake's plugin takes SLURM_CONF away from `srun`, as real clusters do not need it.
    (folder / "bin").mkdir()
    srun = folder / "bin" / "srun"
    srun.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {_program("srun")} "$@"\n')
    srun.chmod(0o755)


def _wait_until(environment, answer, *words):
    """Ask the cluster until it gives an answer."""
    for _ in range(300):
        asked = subprocess.run(
            [*words, "--noheader"], env=environment, capture_output=True, text=True, check=False
        )
        if asked.returncode == 0 and asked.stdout.strip() == answer:
            return
        time.sleep(0.2)
    folder = Path(environment["SLURM_CONF"]).parent
    said = "\n".join(path.read_text() for path in sorted(folder.glob("*.log")))
    raise RuntimeError(f"{words}: {asked.stdout}{asked.stderr}, not {answer!r}\n{said}")


def _user():
    return pwd.getpwuid(os.getuid()).pw_name


def _free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _program(name):
    """Path of a program; daemons lie where an ordinary user's PATH does not lead."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


if __name__ == "__main__":
    if lacking := missing():
        sys.exit(f"no {', '.join(lacking)}; install Debian's packages slurm-wlm and munge")
    with running() as environment:
        sys.exit(subprocess.run(sys.argv[1:], env=environment, check=False).returncode)
