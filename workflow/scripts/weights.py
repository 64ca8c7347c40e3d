"""Fetch or make a network's weights and keep what the study's layers need."""

from pathlib import Path

import job
from invariscope import network, weights


def main(input, output, record, threads):
    entry = record["entry"]
    needed = network.architecture(entry, record["layers"])
    folder = Path(output.weights).parent
    parameters = weights.obtain(entry["weights"], entry, needed, folder)
    weights.save(output.weights, needed, parameters)


job.run(main, snakemake)  # noqa: F821
