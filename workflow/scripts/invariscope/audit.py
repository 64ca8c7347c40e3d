"""Whether results are still what their records say, from a figure back to the weights."""

import contextlib
import os
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import jsonschema

from . import records, staleness
from .config import schema
from .digest import sha256
from .errors import UserError
from .figures import identity
from .staleness import Reason, past_job

CURRENT, STALE, TAMPERED, UNKNOWN = "current", "stale", "tampered", "unknown"


@dataclass
class Step:
    """One job's results, as they lie there.

    Attributes
    ----------
    record : str
        Its path in the study's folder.
    rule : str
    files : list of str
        Those of its outputs that are audited.
    status : str
    reasons : list of Reason
        Why it is not current.
    inputs : list of str
        Records of the steps that made its inputs, sorted.
    source : str
        Where its content came from, if not from other steps.
    made : str
        When it was made, where and by which commit.
    """

    record: str
    rule: str
    files: list
    status: str
    reasons: list = field(default_factory=list)
    inputs: list = field(default_factory=list)
    source: str = ""
    made: str = ""


def root_of(path):
    """The study's folder that a file belongs to, by the records beside it; None if there is none.

    Parameters
    ----------
    path : path
        A file that a job made, its record, or a folder within a study.
    """
    path = Path(os.path.abspath(path))
    pattern = f"*{records.SUFFIX}"
    for record in path.rglob(pattern) if path.is_dir() else path.parent.glob(pattern):
        with contextlib.suppress(records.RecordError):
            for name in records.read(record)["outputs"]:
                root = record.parents[len(Path(name).parts) - 1]
                if (root / name).parent == record.parent and root in (path, *path.parents):
                    return root
    # Without a whole record beside it, by its place.
    for root in (path, *path.parents):
        if root.parent.name == "results" and next(root.rglob(pattern), None):
            return root
    return None


def trace(path, folders):
    """The study and the file in it that a file elsewhere is, or was.

    Parameters
    ----------
    path : path
        A copy of a result. A figure tells by the identity inside, any other file by its bytes.
    folders : list of path
        Studies to look in.

    Returns
    -------
    (Path, str) or None
        The study's folder and the path of the file in it.
    """
    carried, digest, suffix = identity.read(path), sha256(path), Path(path).suffix
    for root in folders:
        for record in records.read_whole(root).values():
            for output, made in record["outputs"].items():
                same_figure = record["id"] == carried and Path(output).suffix == suffix
                if made == digest or same_figure:
                    return root, output
    return None


def audit(root, jobs, target=""):
    """Steps that led to some results of a study, each with its status.

    Parameters
    ----------
    root : path
        The study's folder.
    jobs : list of Job or None
        What the workflow would do now. None if that is not known: then bytes are compared with
        records, and records with each other.
    target : str, optional
        Path in the study's folder: of a file, or of a folder with all that is there or should be,
        which ends in '/'. By default, the whole study.

    Returns
    -------
    list of Step
        Each after those that it was made from.

    Raises
    ------
    UserError
        If records say that something was made from itself.
    """
    root = Path(root)
    written = records.read_all(root)
    planned = {job.record: job for job in jobs or ()}
    past = {name: past_job(name, record) for name, record in written.items() if name not in planned}
    known = past | planned  # in this order: a planned job's outputs are its own
    makers = {output: name for name, job in known.items() for output in (*job.outputs, name)}
    inputs = {
        name: {*job.inputs, *_recorded(written.get(name), "inputs")} for name, job in known.items()
    }
    sources = {
        name: {makers[each] for each in needed if each in makers} for name, needed in inputs.items()
    }
    waiting = [target]
    if target == "" or target.endswith("/"):
        waiting = [name for name in (*makers, *strays(root, makers)) if name.startswith(target)]
    files = {}
    while waiting:
        name = waiting.pop()
        maker = makers.get(name, name)
        if maker not in files:
            waiting += inputs.get(maker, ())
        files.setdefault(maker, set()).add(name)
    steps, promised = [], {}
    try:
        order = list(TopologicalSorter(sources).static_order())
    except CycleError:
        raise UserError(f"{root}: its records are not of one study: they form a circle") from None
    for name in order:
        finding, outputs = staleness.examine(known[name], root, promised)
        promised |= outputs
        if name in files:
            audited = sorted(files[name] - {name}) or sorted(known[name].outputs) or [name]
            step = _step(known[name], audited, finding, jobs is None or name in planned)
            step.inputs = sorted(sources[name])
            step.source, step.made = _source(written.get(name)), _made(written.get(name))
            steps.append(step)
    unmade = sorted(set(files) - set(known))
    return steps + [
        Step(name, "", [name], UNKNOWN, [Reason("no job says that it made it")]) for name in unmade
    ]


def strays(root, makers):
    """Files of a study's folder that no job made, apart from logs and Snakemake's report."""
    return sorted(
        name
        for path in Path(root).rglob("*")
        if path.is_file()
        for name in [path.relative_to(root).as_posix()]
        if name not in makers and not name.startswith("logs/") and name != "report.html"
    )


def _recorded(record, key):
    return record[key] if isinstance(record, dict) else {}


def _step(job, files, finding, planned):
    """A job's step, as far as some of its outputs are concerned."""
    damaged = [
        Reason(what, concerned)
        for what, those in finding.damaged
        if (concerned := tuple(name for name in those if name in files))
    ]
    outdated = finding.outdated + [Reason("the study has no such job any more")] * (not planned)
    status = CURRENT
    if outdated or damaged or finding.unproven:
        status = STALE
    if {reason.what for reason in finding.unproven} & {records.ABSENT, records.LAYOUT}:
        status = UNKNOWN
    touched = {reason.what for reason in (*damaged, *finding.unproven)}
    if touched & {staleness.CHANGED, records.CHANGED}:
        status = TAMPERED
    return Step(job.record, job.rule, files, status, finding.unproven + damaged + outdated)


def _source(record):
    """Where the content of what was fetched or made from nothing comes from, in words."""
    source = _recorded(record, "parameters").get("source", {})
    shown = ("package", "version", "torchvision", "up_to", "seed")
    words = [f"{key} {source[key]}" for key in shown if key in source]
    words += ["cells"] * ("cells" in source)
    if "sha256" in source:
        words.append(f"SHA-256 {source['sha256'][:12]}...")
    return ", ".join(words)


def _made(record):
    """When, where and by which commit something was made, in words."""
    run = _recorded(record, "run")
    if not run:
        return ""
    git = run["git"]
    commit = f"commit {git['commit'][:12]}{' with changes' * git['dirty']}" if git else "no commit"
    return f"{run['end']} on {run['device']['name']}, {commit}"


def flaws(root):
    """What is wrong with records and figures besides what `audit` finds, a line each."""
    fits = jsonschema.Draft202012Validator(schema("record"))
    found = []
    for name, record in records.read_whole(root).items():
        found += [f"{name}: {error.message}" for error in fits.iter_errors(record)]
        found += [
            f"{output}: does not carry the identity of its record"
            for output in record["outputs"]
            if Path(output).suffix in (".png", ".svg")
            and identity.read(Path(root) / output) != record["id"]
        ]
    return found
