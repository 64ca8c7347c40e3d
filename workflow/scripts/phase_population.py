"""Draw how phase-invariant the units of each layer are, and say it in the caption."""

import job
from invariscope import files, tables
from invariscope.captions import fill
from invariscope.figures import phase_population, style


def main(input, output, record, threads):
    table = tables.read(input.units)
    style.apply()
    style.save(phase_population.draw(table), [output.svg, output.png])
    counts = tables.phase_invariant(table, (1, 0.5))
    with files.write_whole(output.caption) as temporary:
        temporary.write_text(fill(record["caption"], layers=counts))


job.run(main, snakemake)  # noqa: F821
