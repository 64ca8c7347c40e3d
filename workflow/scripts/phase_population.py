"""Draw how phase-invariant the units of each layer are, and say it in the caption."""

import job

from invariscope import captions, layer_counts, tables
from invariscope.figures import phase_population, style
from invariscope.tuning import BORDER


def main(input, output, record, threads):
    table = tables.read(input.units)
    style.apply()
    style.save(phase_population.draw(table), [output.svg, output.png], record["id"])
    borders = BORDER, BORDER / 2
    values = dict(
        layers=layer_counts.phase_invariant(table, borders),
        borders=borders,
        confidence=layer_counts.CONFIDENCE,
    )
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
