"""Draw the texture ratio of each unit against its F1/F0."""

import job

from invariscope import tables
from invariscope.figures import style, texture


def main(input, output, record, threads):
    style.apply()
    style.save(texture.draw(tables.read(input.units)), [output.svg, output.png], record["id"])


job.run(main, snakemake)  # noqa: F821
