"""What a study costs on this machine: measured per layer and stage, and reckoned for the whole.

A few units of every layer are run through the workflow itself, with random weights: they cost what
trained ones cost, and need no download. A job's record says how long it took. What the shortest job
of its stage takes is its start-up, with the time that passes until a job follows another; the rest
grows with the number of units. A single unit has no null to fit warps for, which halves what its
warps cost.

Of synthesis it also says what the plain convolutions of its steps would make of the machine's peak,
the product of two large matrices: on the GPU where there is one, else on a thread, as jobs have.
"""

import argparse
import functools
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT)]

from benchmarks import roofline  # noqa: E402
from invariscope import code, config, device, network, records, weights  # noqa: E402

STAGES = "synthesis", "phase", "warp"
MATRIX = {"cpu": roofline.MATRIX, "cuda": 8192}  # side, of the product that gives the peak


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", nargs="?", default="config/paper.yaml")
    parser.add_argument("--units", type=int, default=2, help="how many to measure of each layer")
    parser.add_argument("--block", type=int, help="units a job, instead of the study's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="that run side by side")
    options = parser.parse_args()

    study, registry, layers = read(Path(options.study))
    study["block"] = options.block or study["block"]
    folder = Path("results/.cost").resolve()
    measured = reduced(layers, options.units)
    made = run(folder, study, registry, measured, options.jobs)
    seconds = seconds_of(made, measured)
    between = between_jobs(made)
    startup = seconds.min(axis=0) + between
    each = (seconds - seconds.min(axis=0)).div([len(entry["units"]) for entry in measured], axis=0)
    reached = gflop_per_s(folder / "results/cost", measured, study["synthesis"], each["synthesis"])
    reached[seconds["synthesis"] < 2 * startup["synthesis"]] = np.nan  # too short to tell
    peak, where = machine_peak()
    rows = []
    for (key, entry), (_, one), part in zip(
        layers.items(), each.iterrows(), reached / peak, strict=True
    ):
        blocks = len(config.blocks(range(entry["channels"]), study["block"]))
        jobs = entry["units"] / entry["channels"] * blocks
        total = (one * entry["units"] + startup * jobs).sum() / 3600
        rows.append((*key, entry["rf"], entry["units"], *one, part, total))
    columns = ["architecture", "layer", "px", "units", *STAGES, "of_peak", "hours"]
    table = pd.DataFrame(rows, columns=columns)
    print("seconds a unit; hours of one job at a time for all units, start-up included")
    print(table.to_string(index=False, float_format="%.2f", na_rep=""))
    print(f"of_peak: of synthesis, against {peak:.0f} GFLOP/s of {where}")
    print("start-up of a job (s):", ", ".join(f"{k} {v:.1f}" for k, v in startup.items()))
    print(f"of these {between:.1f} s pass until it follows another")
    hours = table.hours.sum()
    print(f"in all {hours:.1f} h; {options.jobs} jobs side by side: {hours / options.jobs:.1f} h")


def read(path):
    """A study, its registry, and its layers by architecture, with the units of all seeds."""
    study = yaml.safe_load(path.read_text())
    config.validate(study, "config", path)
    registry = config.read_registry(study["registry"])
    known = functools.cache(lambda name: facts(registry[name]))
    layers = {}
    for (name, layer), entry in config.resolve(study, registry, known).items():
        key = registry[name]["architecture"], layer
        found = layers.setdefault(
            key, dict(network=name, features=entry["features"], units=0, **known(name)[layer])
        )
        found["units"] += len(entry["units"]) * entry["seeds"]
    return study, registry, layers


def facts(entry):
    """What is known of the layers of a network of the registry."""
    digests = code.digests(ROOT / "workflow/scripts/invariscope/network.py")
    return network.facts(entry, digests, "results/.architectures")


def command(jobs):
    """Words that run the workflow, some jobs side by side."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
    return [*words, "--cores", str(jobs)]


def reduced(layers, count):
    """Entries of a study of a few units of each layer."""
    return [
        dict(
            network=entry["network"],
            layer=layer,
            units=list(range(min(count, entry["channels"]))),
            features=entry["features"] or "pixels",
        )
        for (_, layer), entry in layers.items()
    ]


def run(folder, study, registry, entries, jobs):
    """Records of all jobs of the reduced study."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / "results/cost", ignore_errors=True)
    for entry in registry.values():
        if entry["architecture"] != "cells":
            entry["weights"] = {"seed": 0}
    (folder / "networks.yaml").write_text(yaml.safe_dump(registry))
    study = study | dict(name="cost", registry="networks.yaml", layers=entries, compare=[])
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    words = ["results/cost/tables/units.csv", "--directory", folder, "--quiet", "all"]
    words += ["--configfile", folder / "study.yaml"]
    subprocess.run([*command(jobs), *words], check=True)
    return list(records.read_whole(folder / "results/cost").values())


def seconds_of(made, entries):
    """Seconds that jobs took by their records, one row per entry, one column per stage."""
    table = pd.DataFrame(0.0, index=range(len(entries)), columns=STAGES)
    rows = {(entry["network"], entry["layer"]): row for row, entry in enumerate(entries)}
    for record in made:
        if record["rule"] in STAGES:
            key = record["parameters"]["network"], record["parameters"]["layer"]
            start, end = moments(record)
            table.loc[rows[key], record["rule"]] += end - start
    return table


def gflop_per_s(results, entries, settings, seconds):
    """What synthesis reaches of each entry: plain convolutions, forward and to their input.

    Parameters
    ----------
    results : Path
        Of the study that was run.
    entries : list of dict
        See `reduced`.
    settings : dict
        Section `synthesis` of the study. Restarts and diverse stimuli take all its steps.
    seconds : pandas.Series
        A unit.

    Returns
    -------
    pandas.Series
    """
    counts = []
    for entry in entries:
        path = results / "weights" / f"{entry['network']}.safetensors"
        counts.append(sum(roofline.operations(*weights.load(path), entry["layer"]).values()))
    image_steps = 2 * settings["images"] * settings["steps"]
    return 2 * np.array(counts) * image_steps / seconds / 1e9


def machine_peak():
    """GFLOP/s of the product of two large matrices where jobs run, and what that place is."""
    where = device.prepare(1)
    name = torch.cuda.get_device_name() if where.type == "cuda" else "a thread"
    return roofline.product(MATRIX[where.type], 1, 5, where)["gflop_per_s"], name


def between_jobs(made):
    """Median time from the end of the last job that ended before a job to that job's start.

    That is what Snakemake and the start of a process take, if jobs are ready whenever one ends.
    """
    starts, ends = np.sort(np.transpose([moments(record) for record in made]))
    before = np.searchsorted(ends, starts, side="right")
    return float(np.median((starts - ends[before - 1])[before > 0]))


def moments(record):
    """When a job started and ended, in seconds."""
    return [datetime.fromisoformat(record["run"][key]).timestamp() for key in ("start", "end")]


if __name__ == "__main__":
    main()
