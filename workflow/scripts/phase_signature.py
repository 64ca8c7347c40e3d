"""Draw what diverse stimuli alone tell of phase invariance, and sum it up in the caption."""

import job

import pandas as pd

from invariscope import captions, summaries, tables
from invariscope.figures import phase_signature, style


def main(input, output, record, threads):
    style.apply()
    table = tables.read(input.units).merge(
        pd.read_csv(input.signature), on=tables.KEYS, validate="1:1"
    )
    style.save(phase_signature.draw(table), [output.svg, output.png], record["id"])
    values = dict(layers=summaries.signatures(table), level=summaries.LEVEL)
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
