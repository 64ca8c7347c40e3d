"""Records: what the files of a study were made from, written by each job at the moment it runs.

A record lies beside the job's outputs, as canonical JSON with its own digest. Its `id` names all
that the outputs follow from: the rule, its parameters, the code that ran, versions of packages, and
the inputs' bytes. Two jobs of the same id leave the same bytes on the same machine. `run` says what
else was so at that moment. The layout is workflow/schemas/record.schema.yaml.
"""

import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from .files import write_whole

CAUSES = "rule", "parameters", "code", "packages", "inputs"


def digest(values):
    """SHA-256 of JSON values, the same for the same content."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def identity(record):
    """The `id` of a record: digest of all that its outputs follow from."""
    return digest({key: record[key] for key in CAUSES})


def text(record):
    """A record as its file holds it."""
    return json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(path, record):
    """Write a record, with its own digest added."""
    with write_whole(path) as temporary:
        temporary.write_text(text(record | {"sha256": digest(record)}))


def now():
    """This moment, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def circumstances(start, threads):
    """What a record's `run` says of this process: machine, versions, time and memory.

    Parameters
    ----------
    start : str
        From `now`.
    threads : int

    Returns
    -------
    dict
    """
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    device, determinism = _device()
    return dict(
        start=start,
        end=now(),
        peak_memory=peak * (1 if sys.platform == "darwin" else 1024),
        threads=threads,
        device=device,
        determinism=determinism,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        packages=_loaded(),
        git=git(Path(__file__).parent),
    )


def described(files, values):
    """What a record's `run` says of the config: nothing that names the user.

    Parameters
    ----------
    files : list of path
    values : dict of str to JSON value
        Given in place of the files'.

    Returns
    -------
    dict
        With 'files' relative to the folder that the workflow runs in, if they lie there, and
        '~' for the user's home in other paths.
    """
    here, home = f"{Path.cwd()}/", f"{os.path.expanduser('~')}/"
    paths = [os.path.abspath(path).removeprefix(here) for path in files]
    text = json.dumps(dict(files=paths, values=dict(values)))
    return json.loads(text.replace(f'"{home}', '"~/'))


def _device():
    """The device that computes, and the settings that its arithmetic depends on."""
    torch = sys.modules.get("torch")
    if torch is None:
        return dict(name=_processor(), driver=None), {}
    determinism = dict(
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        deterministic_algorithms=torch.are_deterministic_algorithms_enabled(),
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        cudnn_tf32=torch.backends.cudnn.allow_tf32,
        matmul_tf32=torch.backends.cuda.matmul.allow_tf32,
        cublas_workspace=os.environ.get("CUBLAS_WORKSPACE_CONFIG", ""),
        torch_threads=torch.get_num_threads(),
    )
    if not torch.cuda.is_available():
        return dict(name=_processor(), driver=None), determinism
    return dict(name=torch.cuda.get_device_name(), driver=_driver()), determinism


def _processor():
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _driver():
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return next(iter(_printed(query, None).splitlines()), None)


def _loaded():
    """Versions of all packages that this process has loaded."""
    modules = {name.partition(".")[0] for name in sys.modules}
    mapping = metadata.packages_distributions()
    names = {name for module in modules for name in mapping.get(module, ())}
    return {name: metadata.version(name) for name in sorted(names)}


def git(folder):
    """Commit that a folder is at, and whether tracked files differ from it; None without git."""
    # Nothing of it is tracked where it was unpacked within somebody's own repository.
    commit = _printed(["git", "rev-parse", "HEAD"], folder)
    if not commit or not _printed(["git", "ls-files"], folder):
        return None
    changes = _printed(["git", "status", "--porcelain", "--untracked-files=no"], folder)
    return dict(commit=commit, dirty=bool(changes))


def _printed(command, folder):
    """What a command prints; nothing if it fails or is not there."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
