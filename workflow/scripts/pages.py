"""Write each table as a page to sort and search, and what the report begins with."""

import job

from pathlib import Path

import pandas as pd

from invariscope import captions, files, labels, layer_counts, pages, tables


def main(input, output, record, threads):
    for source, target in zip(input.tables, output.pages, strict=True):
        name = Path(source).stem
        text = pages.page(pd.read_csv(source), name, record["study"], record["about"][name])
        with files.write_whole(target) as temporary:
            temporary.write_text(text)
    units = tables.read(input.tables[0])
    values = dict(
        study=record["study"],
        layers=layer_counts.label_counts(units),
        labels=labels.LABELS,
        cells=int((units.truth != "").sum()),
    )
    captions.write(output.first, record["first"], **values)


job.run(main, snakemake)  # noqa: F821
