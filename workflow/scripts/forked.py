"""The process that jobs are forked from: it imports packages once, then waits (see forking.py).

`forked.py <file descriptor of a socket> <module>...`. A job is asked for by a byte on that socket,
with a socket of the job's own: on it comes what to run, on it goes the job's process id, and at its
end its exit code. Each job has a process above it that does nothing but wait and tell of it, so
that jobs do not depend on this one. When nobody holds the socket's other end, it ends.
"""

import contextlib
import functools
import gc
import importlib
import os
import pickle
import signal
import socket
import sys
import threading
import types
from importlib import metadata

# What ends a run is meant for its jobs; this process ends after them.
ENDING = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def prepare(modules):
    """Import modules; give the signal handlers that jobs are to have."""
    handlers = {each: signal.getsignal(each) for each in (*ENDING, signal.SIGCHLD)}
    if handlers[signal.SIGINT] is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # to be broken off without a traceback
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    for module in modules:
        with contextlib.suppress(ImportError):  # which is told by the job that needs it
            importlib.import_module(module)
    if "numba" in modules:  # what it brings of its own it puts in order at first use: 0.4 s
        target = importlib.import_module("numba.core.registry").cpu_target
        target.typing_context.refresh()
        target.target_context.refresh()
    # Which packages are installed takes a tenth of a second to find out: once for all jobs.
    metadata.packages_distributions = functools.cache(metadata.packages_distributions)
    metadata.packages_distributions()
    gc.freeze()  # so that jobs leave alone, and share, the memory that is filled so far
    for each in handlers:  # for SIGCHLD that means that the system forgets those that ended
        signal.signal(each, signal.SIG_IGN)
    return handlers


def serve(control, handlers):
    """Fork each job that is asked for. Returns only in the job's process, with what to run."""
    while True:
        asked, sockets, *_ = socket.recv_fds(control, 1, 2)  # with the lock, which jobs hold
        if not asked:
            sys.exit()
        if os.fork():
            for each in sockets:
                os.close(each)
            continue
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with socket.socket(fileno=sockets[0]) as own:
            with own.makefile("rb") as said:
                job = pickle.load(said)
            if process := os.fork():
                with contextlib.suppress(OSError):  # nobody wants to know any more
                    own.sendall(b"%d " % process)
                status = os.waitpid(process, 0)[1]
                with contextlib.suppress(OSError):
                    own.sendall(b"%d" % os.waitstatus_to_exitcode(status))
                os._exit(0)
        for each, handler in handlers.items():
            signal.signal(each, handler)
        return job


def run(job):
    """Run a job's script in this process as a new Python would, and end it."""
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv[:] = [job["path"]]
    sys.path[0] = os.path.dirname(job["path"])
    importlib.invalidate_caches()
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = sys.modules["__mp_main__"] = main  # as multiprocessing names it
    main.__file__ = job["path"]
    end = 0
    try:
        with open(job["path"], "rb") as file:
            script = file.read()
        exec(compile(script, job["path"], "exec"), main.__dict__)
    except SystemExit as asked:
        end = asked.code or 0
        if not isinstance(end, int):
            print(end, file=sys.stderr)
            end = 1
    except BaseException as error:
        error = error.with_traceback(error.__traceback__.tb_next)  # without this function
        sys.excepthook(type(error), error, error.__traceback__)
        end = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # which waits for all threads
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if end == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(end)  # a second sooner than when Python takes apart all that is loaded


if __name__ == "__main__":
    handlers = prepare(sys.argv[2:])
    with socket.socket(fileno=int(sys.argv[1])) as control:
        job = serve(control, handlers)
    run(job)
