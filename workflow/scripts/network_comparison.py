"""Draw corresponding layers of two networks side by side, and say how they differ."""

import job

import pandas as pd

from invariscope import captions, comparison, tables
from invariscope.figures import network_comparison, style


def main(input, output, record, threads):
    units, rows = tables.read(input.units), pd.read_csv(input.comparison)
    style.apply()
    figure = network_comparison.draw(units, rows, record["comparisons"])
    style.save(figure, [output.svg, output.png], record["id"])
    names = {index: " ".join(label.split()) for index, label in network_comparison.PANELS.items()}
    found = [comparison.findings(rows, c["networks"], list(names)) for c in record["comparisons"]]
    values = dict(
        findings=found, names=names, level=comparison.LEVEL, confidence=comparison.CONFIDENCE
    )
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
