"""Draw the texture ratio of each unit against its F1/F0, and sum it up in the caption."""

import job

from invariscope import captions, summaries, tables
from invariscope.figures import style, texture


def main(input, output, record, threads):
    style.apply()
    style.save(
        texture.draw(table := tables.read(input.units)), [output.svg, output.png], record["id"]
    )
    captions.write(output.caption, record["caption"], layers=summaries.textures(table))


job.run(main, snakemake)  # noqa: F821
