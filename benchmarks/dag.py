"""Whole DAG: seconds to start a job, to see that nothing is to be done, to plan 3,000 units.

The first is the median, over the jobs of the study that is measured on, of the time from the end of
the last job before to the start of the job, by their records.
"""

import json
import subprocess

from invariscope import config, records

from .cost import ROOT, between_jobs, command, facts
from .setting import in_turn

NETWORK, UNITS = "vgg16_untrained", 3000


def measure(setting):
    """Rows, one for each question, and notes."""
    made = records.read_whole(setting.results).values()
    rows = [dict(what="start of a job", seconds=between_jobs(made))]
    study = ["--configfile", f"config/{setting.results.name}.yaml"]
    questions = {f"plan of {UNITS} units": ["--dry-run", "--quiet", *large_study()]}
    notes = [f"medians of {setting.repeats} runs, Python's start included"]
    if "Nothing to be done" in snakemake("--dry-run", *study):
        questions["run with nothing to do"] = study
    else:
        notes.append(f"{setting.results} is not up to date: no run with nothing to do")
    runs = {name: lambda words=words: snakemake(*words) for name, words in questions.items()}
    found = in_turn(runs, setting.repeats)
    rows += [dict(what=name, seconds=seconds) for name, seconds in found.items()]
    return dict(rows=rows, notes=notes)


def snakemake(*words):
    """What a run of the workflow says."""
    done = subprocess.run([*command(1), *words], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def large_study():
    """Options of a study of 3,000 units, of a network whose weights need no download."""
    entry = config.read_registry(ROOT / "config/networks.yaml")[NETWORK]
    left, layers = UNITS, []
    for layer, known in facts(entry).items():
        count = min(left, known["channels"])
        if count:
            layers.append(dict(network=NETWORK, layer=layer, units=[f"0-{count - 1}"]))
        left -= count
    values = dict(name="large", compare=[], layers=layers)
    return ["--config", *(f"{key}={json.dumps(value)}" for key, value in values.items())]
