"""Fetch or make a network's weights and keep what the study's layers need."""

import job

from pathlib import Path

from invariscope import network, sources, weights


def main(input, output, record, threads):
    name = record["architecture"]
    architecture = network.architecture(name, record["layers"])
    path = Path(output.weights)
    study, folder = path.parents[1], path.parents[2] / ".downloads"
    owner = f"{study.name}.{path.stem}"  # names have no dots
    source = record["source"] | {key: record[key] for key in ["file"] if key in record}
    parameters = sources.obtain(name, architecture, source, folder, owner)
    weights.save(path, architecture, parameters)


job.run(main, snakemake)  # noqa: F821
