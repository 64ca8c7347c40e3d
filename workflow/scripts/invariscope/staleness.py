"""Which results are not what config, code and inputs now give, and why. By content, not by time."""

import os
import stat
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from . import records
from .digest import sha256
from .errors import choices

UNMADE = "is yet to be made"
MISSING = "output is missing"
CHANGED = "output was changed after it was made"


class Reason(NamedTuple):
    """What has changed, in words, and which files of the study it concerns."""

    what: str
    files: tuple = ()

    def __str__(self):
        return self.what + (f": {choices(self.files, most=3)}" if self.files else "")


@dataclass(frozen=True)
class Job:
    """What a job of the workflow would do now. Paths are relative to the study's folder.

    `parameters`, `code` and `packages` are as in its record.
    """

    rule: str
    parameters: dict
    code: dict
    packages: dict
    inputs: tuple
    outputs: tuple
    record: str


def past_job(name, record):
    """What a job did, by its record at `name`, as what it would do now; nothing if broken."""
    if not isinstance(record, dict):
        return Job("", {}, {}, {}, (), (), name)
    causes = {key: record[key] for key in ("rule", "parameters", "code", "packages")}
    return Job(**causes, inputs=(*record["inputs"],), outputs=(*record["outputs"],), record=name)


@dataclass
class Finding:
    """How the results of a job compare with what it would do now.

    Attributes
    ----------
    unproven : list of Reason
        Its record is missing or was changed, so that nothing can be said.
    damaged : list of Reason
        Outputs are missing or not as they were made.
    outdated : list of Reason
        The job would not do now what it did.
    """

    unproven: list = field(default_factory=list)
    damaged: list = field(default_factory=list)
    outdated: list = field(default_factory=list)

    @property
    def reasons(self):
        """All of them; the results are current if there are none."""
        return self.unproven + self.damaged + self.outdated


def examine(job, folder, promised):
    """Compare the results of a job with what it would do now.

    Parameters
    ----------
    job : Job
    folder : path
        The study's.
    promised : dict of str to (str or Job)
        For inputs, the digest that they have, or will have once they are restored; the job that
        makes them anew where that is not known. Others count as they lie there.

    Returns
    -------
    Finding
    dict of str to (str or Job)
        The same of its outputs.
    """
    folder = Path(folder)
    anew = dict.fromkeys(job.outputs, job)
    try:
        record = records.read(folder / job.record)
    except records.RecordError as error:
        there = any((folder / name).exists() for name in (*job.outputs, job.record))
        reason = Reason(str(error), (job.record,)) if there else Reason(UNMADE)
        return Finding(unproven=[reason]), anew
    there = {name: digest_now(folder / name) for name in job.inputs if name not in promised}
    finding = Finding([], damages(record, folder), changes(job, record, {**there, **promised}))
    return finding, anew if finding.outdated else record["outputs"]


def stale(jobs, folder, forced=frozenset()):
    """Jobs that must run, with the reasons.

    A job whose outputs are merely damaged will restore them, which is no reason to run what was
    made from them.

    Parameters
    ----------
    jobs : iterable of Job
        Each after those that make its inputs.
    folder : path
        The study's.
    forced : set of str
        Records of jobs that are to run anyway.

    Returns
    -------
    dict of str to list of Reason
        By the jobs' records.
    """
    promised, found = {}, {}
    for job in jobs:
        finding, outputs = examine(job, folder, promised)
        reasons = finding.reasons
        if job.record in forced:
            reasons, outputs = [Reason("asked for"), *reasons], dict.fromkeys(job.outputs, job)
        if reasons:
            found[job.record] = reasons
            promised[job.record] = job
        promised |= outputs
    return found


def damages(record, folder):
    """Reasons for which the outputs of a record are not as they were made."""
    missing, changed = [], []
    for name, digest in record["outputs"].items():
        path = Path(folder) / name
        if not path.is_file():
            missing.append(name)
        elif digest_now(path) != digest:
            changed.append(name)
    return _given(Reason(MISSING, tuple(missing))) + _given(Reason(CHANGED, tuple(changed)))


def _given(reason):
    return [reason] if reason.files else []


def changes(job, record, promised):
    """Reasons for which a job would not do now what its record says it did.

    Of inputs that are not `promised` only their names are compared.
    """
    found = []
    if job.rule != record["rule"]:
        found.append(Reason(f"rule changed from {record['rule']} to {job.rule}"))
    if modules := _differing(record["code"], job.code):
        found.append(Reason(f"code changed in {choices(modules)}"))
    for name in _differing(record["packages"], job.packages):
        old, new = (versions.get(name, "none") for versions in (record["packages"], job.packages))
        found.append(Reason(f"package {name} changed from {old} to {new}"))
    found += [
        Reason(f"parameter {name} changed from {old} to {new}")
        for name, old, new in differences(record["parameters"], job.parameters)
    ]
    added = tuple(sorted(set(job.inputs) - set(record["inputs"])))
    found += _given(Reason("input was not there", added))
    found += _given(
        Reason("input is no longer one", tuple(sorted(set(record["inputs"]) - set(job.inputs))))
    )
    found += _given(
        Reason("output is new", tuple(sorted(set(job.outputs) - set(record["outputs"]))))
    )
    anew, changed = {}, []
    for name in sorted(set(job.inputs) & set(record["inputs"]) & set(promised)):
        now = promised[name]
        if isinstance(now, Job):
            anew.setdefault(now.rule, []).append(name)
        elif now != record["inputs"][name]:
            changed.append(name)
    found += _given(Reason("input has changed", tuple(changed)))
    return found + [
        Reason(f"input is made anew by {rule}", tuple(names)) for rule, names in anew.items()
    ]


def _differing(old, new):
    return [key for key in sorted({**old, **new}) if old.get(key) != new.get(key)]


def differences(old, new, name=""):
    """Where two JSON values differ.

    Returns
    -------
    list of (str, str, str)
        Dotted name of the place, and both values in words.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        nothing = object()
        return [
            difference
            for key in sorted({**old, **new})
            for difference in differences(
                old.get(key, nothing), new.get(key, nothing), f"{name}.{key}".lstrip(".")
            )
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            difference
            for index, pair in enumerate(zip(old, new, strict=True))
            for difference in differences(*pair, f"{name}[{index}]")
        ]
    return [] if old == new else [(name, _shown(old), _shown(new))]


def _shown(value):
    """A JSON value in a few words."""
    if type(value) is object:
        return "none"
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def digest_now(path):
    """SHA-256 of a file as it is; None if there is none.

    A file is read again only if its status, time of change included, has changed: that time, unlike
    that of modification, no program can set.
    """
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    identity = status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    return _digest(os.fspath(path), identity)


@cache
def _digest(path, identity):
    return sha256(path)
