"""One run at a time in a folder, and no job that outlives its run.

Snakemake's locks are files that a killed run leaves behind, so that the next one is refused, while
jobs of the killed one go on, and would write beside those of the next. Here the lock is the
system's. A run holds it and hands it on to its jobs, so that it is free once all of them are gone,
whatever ended them. From their standard input, jobs know when their run is gone (see job.py).
"""

import errno
import fcntl
import os
import shutil
import sys
import time
from pathlib import Path

from snakemake.api import Workflow
from snakemake.persistence import Persistence
from snakemake.shell import shell

from invariscope import files

LOCK = Path("results", ".lock")
WAIT = 60  # seconds that jobs of a run that is gone may take to end
# What a process is to inherit that is to end with this run, as arguments of Popen.
INHERITED = dict(stdin=None, pass_fds=())

_execute = Workflow.execute


def one_run_at_a_time(folder):
    """Have a run begin only when no other is at work, and clear what killed jobs left.

    Parameters
    ----------
    folder : str
        The study's.
    """

    def execute(workflow, executor_plugin, *settings, **more):
        if not executor_plugin.common_settings.dryrun_exec:
            if workflow.is_main_process and workflow.execution_settings.lock:
                INHERITED["pass_fds"] = (_lock(folder),)
                files.remove_temporary(LOCK.parent)
                for unfinished in LOCK.parent.glob(".downloads/tmp*"):
                    shutil.rmtree(unfinished)
            end_with_run()
            shell._process_args |= INHERITED
        return _execute(workflow, executor_plugin, *settings, **more)

    Workflow.execute = execute
    Persistence.lock = Persistence.lock_warn_only = Persistence.noop


def end_with_run():
    """Have processes inherit a pipe to which nobody writes: it ends with this one."""
    if INHERITED["stdin"] is None:
        INHERITED["stdin"], _ = os.pipe()


def _lock(folder):
    """Lock the working folder for this run; the file descriptor that holds the lock."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        lock = os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        end = time.monotonic() + WAIT
        while not _is_taken(lock):
            holder = os.pread(lock, 100, 0).decode()
            if time.monotonic() > end or _lives(holder):
                sys.exit(
                    f"invariscope: another run is at work in this folder ({holder}); wait for it"
                )
            time.sleep(0.05)
        os.ftruncate(lock, 0)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        os.pwrite(lock, f"process {os.getpid()}, since {now}".encode(), 0)
    except OSError as error:
        sys.exit(f"invariscope: {LOCK}: {error.strerror}")
    if not os.access(folder, os.W_OK):
        sys.exit(f"invariscope: {folder}: {os.strerror(errno.EROFS)}")
    if not os.statvfs(folder).f_bavail:
        sys.exit(f"invariscope: {folder}: {os.strerror(errno.ENOSPC)}")
    return lock


def _is_taken(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(holder):
    """Whether the run itself is at work, not only jobs of it that are about to end."""
    try:
        os.kill(int(holder.split(",")[0].removeprefix("process ")), 0)
    except PermissionError:  # it is another user's
        return True
    except (ProcessLookupError, ValueError):
        return False
    return True
