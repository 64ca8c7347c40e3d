"""Gather one row per unit from the files of all blocks."""

import pandas as pd

import job
from invariscope import files, tables
from invariscope.stimuli import join_blocks

SIGNATURE = ["spectrum", "similarity_within", "resultant", "rayleigh_p"]


def main(input, output, record, threads):
    units = [
        tables.unit_rows(*map(files.read_dataset, paths))
        for paths in zip(input.stimuli, input.phase, strict=True)
    ]
    layers = join_blocks([files.read_dataset(path, SIGNATURE) for path in input.phase])
    signatures = [tables.signature_rows(phase) for phase in layers.values()]
    for path, rows in ((output.units, units), (output.signature, signatures)):
        with files.write_whole(path) as temporary:
            pd.concat(rows).to_csv(temporary, index=False, float_format="%.6g")


job.run(main, snakemake)  # noqa: F821
