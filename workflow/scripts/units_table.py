"""Gather one row per unit from the files of all blocks."""

import pandas as pd

import job
from invariscope import files, tables
from invariscope.stimuli import join_blocks

# The textures, series and fields of these files are most of their size, and in no table.
PHASE = ["f1_f0", "mean_max", "min_max", "texture_mean", "texture_min", "missing"]
SIGNATURE = ["spectrum", "similarity_within", "resultant", "rayleigh_p"]
WARP = ["warp_gain", "path_retention", "control_retention", "missing", *tables.WARP]
EXPLAINED = ["mean_explained", "null_mean_explained"]


def main(input, output, record, threads):
    phase = [files.read_dataset(path, PHASE + SIGNATURE) for path in input.phase]
    warp = [files.read_dataset(path, WARP + EXPLAINED + tables.STABILITY) for path in input.warp]
    units = [
        tables.unit_rows(files.read_dataset(path), *block)
        for path, *block in zip(input.stimuli, phase, warp, strict=True)
    ]
    signatures = [tables.signature_rows(layer) for layer in join_blocks(phase).values()]
    warps = [tables.warp_rows(block) for block in warp]
    for path, rows in (
        (output.units, tables.labelled(pd.concat(units))),
        (output.signature, pd.concat(signatures)),
        (output.warp, pd.concat(warps)),
    ):
        with files.write_whole(path) as temporary:
            rows.to_csv(temporary, index=False, float_format="%.6g")


job.run(main, snakemake)  # noqa: F821
