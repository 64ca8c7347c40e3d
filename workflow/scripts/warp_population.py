"""Draw how warp-invariant the units of each layer are, and sum it up in the caption."""

import job

import pandas as pd

from invariscope import captions, summaries, tables
from invariscope.figures import style, warp_population


def main(input, output, record, threads):
    style.apply()
    table = tables.read(input.units).merge(pd.read_csv(input.warp), on=tables.KEYS, validate="1:1")
    style.save(warp_population.draw(table), [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], layers=summaries.warps(table))


job.run(main, snakemake)  # noqa: F821
