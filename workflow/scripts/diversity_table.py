"""Gather how diverse each method's stimuli are, unit by unit and layer by layer."""

import pandas as pd

import job
from invariscope import baselines, files


def main(input, output, record, threads):
    rows, measures = [], {}
    for path in input.baselines:
        block = files.read_dataset(path, ["response", "a_max", *baselines.YARDSTICKS])
        rows.append(baselines.diversity_rows(block))
        key = block.attrs["network"], block.attrs["layer"]
        measures[key] = [block[name].attrs["units"] for name in baselines.YARDSTICKS]
    table = pd.concat(rows, ignore_index=True)
    files.write_table(table, output.units)
    files.write_table(baselines.method_rows(table, measures), output.methods)


job.run(main, snakemake)  # noqa: F821
