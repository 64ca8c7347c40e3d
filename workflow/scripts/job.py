"""What every script shares: its record, its log, and how it tells a user of a mistake."""

import json
import os
import re
import signal
import stat
import sys
import threading
import time
from pathlib import Path

NO_MEMORY = "can't allocate memory|out of memory"  # how PyTorch says so, on CPU and GPU
CLOCK = "%Y-%m-%d %H:%M:%S"


class _Lines:
    """A text stream in which each state of a progress bar is a line of its own."""

    def __init__(self, stream):
        self.stream, self.at_start = stream, True

    def write(self, text):
        if self.at_start:
            text = text.removeprefix("\r")
        self.stream.write(text.replace("\r", "\n"))
        self.at_start = text.endswith("\n") if text else self.at_start

    def __getattr__(self, name):
        return getattr(self.stream, name)


def _speak_to(path):
    """Have all that this process says go to a file, also what libraries in C say."""
    with open(path, "w") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    sys.stderr = _Lines(sys.stderr)


def _end_with_run():
    """Kill this process when its run is gone, the only one that could write to its input."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if stat.S_ISFIFO(os.fstat(0).st_mode):  # as the run gives it to its jobs (see locking.py)
    threading.Thread(target=_end_with_run, daemon=True).start()
# Scripts import this module first, so that even what goes wrong with other imports is in the log.
_speak_to(sys.modules["__main__"].snakemake.log[0])
print(f"{sys.modules['__main__'].snakemake.rule} begun {time.strftime(CLOCK)}", file=sys.stderr)

from invariscope import code, provenance  # noqa: E402
from invariscope.digest import sha256  # noqa: E402
from invariscope.errors import UserError  # noqa: E402


def run(main, snakemake):
    """Call main(input, output, record, threads) and leave a record of what it made, and from what.

    `record` is what the job is to do: its parameters, places of files, and the `id` that its own
    record will have. All that is said goes to the job's log, whose last line the run shows.
    A user's mistake ends in one line, exit code 1, and so does a lack of memory.
    """
    start = provenance.now()
    if not snakemake.resources.get("gpu"):  # it is for those that claim it, even if others see it
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        planned = json.loads(snakemake.params.record)
        _check_code(Path(snakemake.scriptdir), planned)
        path = Path(snakemake.output.record)
        study = Path("results", path.parts[1])
        made = {key: planned[key] for key in ("script", "parameters", "code", "packages")}
        made |= dict(rule=snakemake.rule, inputs=_digests(snakemake.input, study))
        made["id"] = provenance.identity(made)
        record = made["parameters"] | planned["places"] | dict(id=made["id"])
        main(snakemake.input, snakemake.output, record, snakemake.threads)
        made["outputs"] = _digests(set(snakemake.output) - {str(path)}, study)
        run = provenance.circumstances(start, snakemake.threads)
        made["run"] = run | dict(config=planned["config"])
        provenance.write(path, made)
    except UserError as error:
        print(f"invariscope: {error}", file=sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not re.search(NO_MEMORY, str(error)):
            raise
        said, *_ = str(error).split("\n")
        print(f"invariscope: out of memory; lower `block` or --cores: {said}", file=sys.stderr)
        sys.exit(1)
    print(f"ended {time.strftime(CLOCK)}", file=sys.stderr)


def _check_code(folder, planned):
    """Raise a UserError unless the code that runs is that which the record will tell of."""
    for module in (sys.modules[__name__], provenance):
        if not Path(module.__file__).resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{module.__file__} is imported, but the workflow lies in {folder}")
    if code.digests(folder / planned["script"]) != planned["code"]:
        raise UserError("the code was changed while the study ran; run it again")


def _digests(paths, study):
    """SHA-256 of files, by their path within the study's folder."""
    return {Path(path).relative_to(study).as_posix(): sha256(path) for path in sorted(set(paths))}
