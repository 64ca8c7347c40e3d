"""Gather one row per unit from the files of all blocks."""

import pandas as pd

import job
from invariscope import files
from invariscope.tables import unit_rows


def main(input, output, record, threads):
    rows = [
        unit_rows(*map(files.read_dataset, paths))
        for paths in zip(input.stimuli, input.phase, strict=True)
    ]
    with files.write_whole(output.units) as temporary:
        pd.concat(rows).to_csv(temporary, index=False, float_format="%.6g")


job.run(main, snakemake)  # noqa: F821
