"""Jobs as forks of a process that has imported heavy packages once.

Snakemake starts a new Python for each script, which takes seconds to import PyTorch or seaborn:
longer than many a job. Here a process does so once, and each job is a fork of it (forked.py). Of
this project's code it imports nothing, so that each job runs what now lies on disk.

Where a job's surroundings are others than those of this process, in a conda environment, a
container or on a cluster, and where it has several threads, Snakemake starts it as ever.
"""

import atexit
import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import locking
from snakemake.script import PythonScript

from invariscope import code

SERVER = Path(__file__).with_name("forked.py")
COMPILING = Path(__file__).with_name("compiling.py")
# What is slow to import, by the package that tells that a job needs it; the first that it imports
# counts. Jobs without PyTorch need not carry it, nor tell of it in their records.
COMMON = ("snakemake.script", "scipy.stats", "astropy.stats", "xarray", "h5netcdf")
PACKAGES = {
    "torch": (*COMMON, "torch", "numba", "scipy.linalg.cython_blas", "PIL.Image"),
    "xarray": (*COMMON, "pandas", "matplotlib.pyplot", "seaborn", "jinja2", "rocrate.rocrate"),
}
# What Snakemake sets for each job. Libraries read the first when they are loaded.
_COUNTED = "OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR"
THREADS = (*(f"{name}_NUM_THREADS" for name in _COUNTED), "VECLIB_MAXIMUM_THREADS")
TEMPORARY = ("TMPDIR", "TMP", "TEMPDIR", "TEMP")

_execute_script = PythonScript.execute_script
_servers = {}
_starting = threading.Lock()


def fork_jobs(workflow):
    """Have Snakemake run the scripts of a workflow as forks."""
    if not workflow.is_main_process:  # but one of a single job
        return

    def execute_script(script, fname, edit=False):
        imported = code.imports(script.path.get_path_or_uri(secret_free=True))
        kind = next((name for name in PACKAGES if name in imported), None)
        around = script.container_img, script.conda_env, script.env_modules, script.bench_record
        # Libraries that are to have several threads start them when they are imported. Systems
        # other than Linux do not allow that a process forks which has loaded such libraries.
        alike = script.threads == 1 and all(each is None for each in around)
        try:
            if kind and alike and sys.platform == "linux":
                _run(script, fname, kind)
            else:
                _execute_script(script, fname, edit)
        except subprocess.CalledProcessError as error:
            _tell(error.returncode, script.log[0])
            raise

    PythonScript.execute_script = execute_script


def start_first(workflow):
    """Have the first server import its packages, and code compiled, while jobs are planned."""
    runs = workflow.resource_settings.cores and not workflow.output_settings.dryrun
    if workflow.is_main_process and runs and sys.platform == "linux":
        locking.end_with_run()
        environment = os.environ | dict.fromkeys(THREADS, "1")
        _, control = _server(next(iter(PACKAGES)), environment)
        job = dict(path=str(COMPILING), folder=os.getcwd(), environment=environment)
        threading.Thread(target=_ask, args=(control, job), daemon=True).start()


def _run(script, fname, kind):
    """Run a script as a fork; raise if it fails."""
    environment = os.environ | dict.fromkeys(THREADS, "1")
    if folder := script.resources.get("tmpdir"):
        environment |= dict.fromkeys(TEMPORARY, folder)
    job = dict(path=fname, folder=os.getcwd(), environment=environment)
    server, control = _server(kind, environment)
    # What is computed is tabulated and drawn later: cores that wait for the first import do this.
    for later in list(PACKAGES)[list(PACKAGES).index(kind) + 1 :]:
        if later not in _servers:
            _server(later, environment)
    answer = _ask(control, job)
    if not answer:
        raise subprocess.CalledProcessError(server.wait(timeout=60), list(map(str, server.args)))
    if len(answer) == 1:  # nobody waits for the job any more
        with contextlib.suppress(ProcessLookupError):
            os.kill(answer[0], signal.SIGKILL)
        answer.append(-signal.SIGKILL)
    if answer[1]:
        raise subprocess.CalledProcessError(answer[1], [sys.executable, fname])


def _tell(code, path):
    """Have a job's log say so if it was ended by a signal: an exit code as Popen or bash gives."""
    number = -code if code < 0 else code - 128
    if number > 0 and number != signal.SIGINT:
        with open(path, "a") as log:
            why = " (out of memory?)" * (number == signal.SIGKILL)
            log.write(f"\ninvariscope: killed by signal {number}{why}\n")


def _ask(control, job):
    """Have a job run; its process id and its exit code, as far as there was someone to tell."""
    ours, theirs = socket.socketpair()
    with ours, ours.makefile("rb") as said:
        try:
            with theirs:
                socket.send_fds(control, [b"."], [theirs.fileno(), *locking.INHERITED["pass_fds"]])
            ours.sendall(pickle.dumps(job))
            return list(map(int, said.read().split()))
        except OSError:  # the server has ended
            return []


def _server(kind, environment):
    """The process to fork from, and the socket on which it is asked; started if there is none."""
    with _starting:
        server, control = _servers.get(kind, (None, None))
        if server is None or server.poll() is not None:
            control, theirs = socket.socketpair()
            words = [sys.executable, SERVER, str(theirs.fileno()), *PACKAGES[kind]]
            before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until it is ready
            with theirs:
                # The lock, which may not be held yet, is handed on with each job.
                given = locking.INHERITED | dict(env=environment, pass_fds=(theirs.fileno(),))
                server = subprocess.Popen(words, **given)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            _servers[kind] = server, control
    return server, control


@atexit.register
def _stop():
    for server, control in _servers.values():
        control.close()
        server.terminate()  # which it heeds while it imports
        server.wait()
