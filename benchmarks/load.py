"""Load: seconds and memory of what reads all blocks of a study, and of its plan, at 3,000 units.

The blocks are copies of two that were really made, under further names, with records as if jobs of
this workflow had left them. What follows from them is then run as a user would.
"""

import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import h5py
import yaml
from tqdm import tqdm

from invariscope import provenance, records, staleness
from invariscope.cli import planned

from .cost import ROOT, command, moments
from .setting import LAYER, NETWORK, timed

NETWORKS = NETWORK, f"{NETWORK}_untrained"
UNITS = {"conv1_2": 64, "conv2_1": 128, "conv2_2": 128, "conv3_1": 256, "conv3_2": 256}
UNITS |= {"conv3_3": 256, "conv4_1": 416}  # of each network
BASELINES = dict(features="conv1_1", baselines=True)
STAGES = "weights", "natural", "stimuli", "phase", "warp", "baselines"


def measure(setting):
    """Rows, one for each job and question, and notes."""
    with tempfile.TemporaryDirectory(dir="results", prefix=".load-") as folder:
        folder = Path(folder).resolve()
        study = make(folder, setting.results)
        words = [*command(setting.threads), "--directory", folder, "--quiet"]
        words += ["--configfile", folder / "study.yaml"]
        rows = [row("plan of what follows", *words, "--dry-run"), row("all that follows", *words)]
        made = records.read_whole(study)
        for name, record in made.items():
            if name.partition("/")[0] not in STAGES:
                start, end = moments(record)
                held = record["run"]["peak_memory"] / 1e6
                rows.append(dict(what=record["rule"], seconds=end - start, mb=held))
        rows.append(row("run with nothing to do", *words))
        verify = Path(sys.executable).with_name("invariscope")
        rows.append(row("verify", verify, "verify", study))
    units = len(NETWORKS) * sum(UNITS.values())
    notes = [f"{units} units, {len(made)} records, {setting.threads} jobs side by side"]
    return dict(rows=rows, notes=notes)


def row(what, *words):
    """A row for a command, Python's start included."""
    seconds, _ = timed(partial(subprocess.run, words, check=True, capture_output=True))
    return dict(what=what, seconds=seconds)


def make(folder, source):
    """A study of blocks that are there, in `folder`; where its results lie."""
    layers = [
        dict(network=list(NETWORKS), layer=name, units=[f"0-{count - 1}"], **BASELINES)
        for name, count in UNITS.items()
    ]
    registry = str(ROOT / "config/networks.yaml")
    config = dict(name="load", registry=registry, layers=layers, compare=[list(NETWORKS)])
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    study, described = folder / "results/load", dict(files=[path.name], values={})
    _, jobs = planned(study, described)
    run = provenance.circumstances(provenance.now(), 1) | dict(config=described)
    jobs = [job for job in jobs if job.record.split("/")[0] in STAGES]
    for job in tqdm(sorted(jobs, key=lambda job: STAGES.index(job.record.split("/")[0])), "files"):
        (name,) = job.outputs
        copy(source, study, name)
    for job in tqdm(jobs, "records"):
        digests = {
            key: {name: staleness.digest_now(study / name) for name in getattr(job, key)}
            for key in ("inputs", "outputs")
        }
        told = dict(rule=job.rule, script=f"{job.rule}.py", parameters=job.parameters)
        told |= dict(code=job.code, packages=job.packages, run=run, **digests)
        provenance.write(study / job.record, told | dict(id=provenance.identity(told)))
    return study


def copy(source, study, name):
    """Copy a file of the study `source`, or a block of it under the names that a path tells."""
    target = study / name
    target.parent.mkdir(parents=True, exist_ok=True)
    stage, network, *at = Path(name).with_suffix("").parts
    if not at:
        shutil.copyfile(source / name, target)
        return
    layer, block = at
    first, last = map(int, block.split("-"))
    blocks = sorted((source / stage / NETWORK / LAYER).glob("*.nc"))
    shutil.copyfile(blocks[first // 16 % len(blocks)], target)
    with h5py.File(target, "r+") as file:
        file.attrs["network"], file.attrs["layer"] = network, layer
        file["unit"][:] = range(first, last + 1)
