"""Fetch or make a network's weights and keep what the study's layers need."""

from pathlib import Path

import job
from invariscope import network, sources, weights


def main(input, output, record, threads):
    name = record["architecture"]
    architecture = network.architecture(name, record["layers"])
    folder = Path(output.weights).parent
    parameters = sources.obtain(name, architecture, record["source"], folder)
    weights.save(output.weights, architecture, parameters)


job.run(main, snakemake)  # noqa: F821
