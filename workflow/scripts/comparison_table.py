"""Match the layers of the networks compared, and hold their units' indices against each other."""

import job

import pandas as pd

from invariscope import comparison, files, tables


def main(input, output, record, threads):
    units, seeds = tables.read(input.units), tables.read(input.seeds)
    matches, rows = [], []
    for pair in record["comparisons"]:
        matches.append(comparison.correspondence_rows(units, pair["networks"]))
        rows.append(comparison.comparison_rows(units, seeds, pair))
    files.write_table(pd.concat(matches), output.correspondence)
    files.write_table(comparison.with_corrected(pd.concat(rows)), output.comparison)


job.run(main, snakemake)  # noqa: F821
