"""Gather one row per unit, seed and layer from the files of all blocks."""

import job

import pandas as pd

from invariscope import files, layer_counts, tables
from invariscope.stimuli import join_blocks

# The textures, series and fields of these files are most of their size, and in no table.
PHASE = ["f1_f0", "mean_max", "min_max", "texture_mean", "texture_min", "missing"]
SIGNATURE = ["spectrum", "similarity_within", "resultant", "rayleigh_p"]
WARP = ["warp_gain", "path_retention", "control_retention", "missing", *tables.WARP]
EXPLAINED = ["mean_explained", "null_mean_explained"]


def main(input, output, record, threads):
    units, phases, warps = [], [], []
    for paths in zip(input.stimuli, input.phase, input.warp, strict=True):
        stimuli = files.read_dataset(paths[0])
        phase = files.read_dataset(paths[1], PHASE + SIGNATURE)
        warp = files.read_dataset(paths[2], WARP + EXPLAINED + tables.STABILITY)
        units.append(tables.unit_rows(stimuli, phase, warp))
        if stimuli.attrs["seed"] == record["seed"]:
            phases.append(phase)
            warps.append(tables.warp_rows(warp))
    signatures = [tables.signature_rows(layer) for layer in join_blocks(phases).values()]
    rows, seeds = tables.apart_by_seed(tables.labelled(pd.concat(units)), record["seed"])
    files.write_table(rows, output.units)
    files.write_table(seeds, output.seeds)
    files.write_table(layer_counts.layer_rows(rows), output.layers)
    files.write_table(pd.concat(signatures), output.signature)
    files.write_table(pd.concat(warps), output.warp)


job.run(main, snakemake)  # noqa: F821
