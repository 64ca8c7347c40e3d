"""Draw what the diverse stimuli themselves tell of phase invariance."""

import job

import pandas as pd

from invariscope import tables
from invariscope.figures import phase_signature, style


def main(input, output, record, threads):
    style.apply()
    table = tables.read(input.units).merge(
        pd.read_csv(input.signature), on=tables.KEYS, validate="1:1"
    )
    style.save(phase_signature.draw(table), [output.svg, output.png], record["id"])


job.run(main, snakemake)  # noqa: F821
