"""Gather how diverse each method's stimuli are, unit by unit and layer by layer."""

import job

import pandas as pd

from invariscope import diversity, files
from invariscope.baselines_dataset import YARDSTICKS


def main(input, output, record, threads):
    rows, measures = [], {}
    for path in input.baselines:
        block = files.read_dataset(path, ["response", "a_max", *YARDSTICKS])
        rows.append(diversity.diversity_rows(block))
        key = block.attrs["network"], block.attrs["layer"]
        measures[key] = [block[name].attrs["units"] for name in YARDSTICKS]
    table = pd.concat(rows, ignore_index=True)
    files.write_table(table, output.units)
    files.write_table(diversity.method_rows(table, measures), output.methods)


job.run(main, snakemake)  # noqa: F821
