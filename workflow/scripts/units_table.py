"""Gather one row per unit from the files of all blocks."""

import pandas as pd

import job
from invariscope import files, tables
from invariscope.stimuli import join_blocks

# The textures and series of the phase files are most of their size, and in no table.
INDICES = ["f1_f0", "mean_max", "texture_mean", "texture_min", "missing"]
SIGNATURE = ["spectrum", "similarity_within", "resultant", "rayleigh_p"]


def main(input, output, record, threads):
    blocks = [files.read_dataset(path, INDICES + SIGNATURE) for path in input.phase]
    units = [
        tables.unit_rows(files.read_dataset(path), block)
        for path, block in zip(input.stimuli, blocks, strict=True)
    ]
    signatures = [tables.signature_rows(layer) for layer in join_blocks(blocks).values()]
    for path, rows in ((output.units, units), (output.signature, signatures)):
        with files.write_whole(path) as temporary:
            pd.concat(rows).to_csv(temporary, index=False, float_format="%.6g")


job.run(main, snakemake)  # noqa: F821
