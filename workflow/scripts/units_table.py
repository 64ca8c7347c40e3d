"""Gather one row per unit from all stimuli files."""

import pandas as pd

import job
from invariscope import files
from invariscope.tables import unit_rows


def main(input, output, record, threads):
    rows = pd.concat([unit_rows(files.read_dataset(path)) for path in input.stimuli])
    with files.write_whole(output.units) as temporary:
        rows.to_csv(temporary, index=False, float_format="%.6g")


job.run(main, snakemake)  # noqa: F821
