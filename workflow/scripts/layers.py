"""Draw the share of invariant units by layer, and count them in the caption."""

import job

import pandas as pd

from invariscope import captions, layer_counts
from invariscope.figures import layers, style


def main(input, output, record, threads):
    table = pd.read_csv(input.layers)
    style.apply()
    figure = layers.draw(table, style.colours(table), record["untrained"])
    style.save(figure, [output.svg, output.png], record["id"])
    values = dict(layers=table.to_dict("records"), confidence=layer_counts.CONFIDENCE)
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
