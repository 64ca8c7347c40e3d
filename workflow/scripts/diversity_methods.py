"""Draw what other methods than diverse synthesis show, and say in the caption how diverse it is."""

import job

import pandas as pd

from invariscope import captions, diversity, files, tables
from invariscope.figures import diversity_methods, style


def main(input, output, record, threads):
    units, methods = pd.read_csv(input.units), pd.read_csv(input.methods)
    chosen = {
        key: diversity_methods.example_units(rows)
        for key, rows in units.groupby(tables.KEYS[:2], sort=False)
    }
    shown = {}
    for path in input.baselines:
        block = files.read_dataset(path)
        key = block.attrs["network"], block.attrs["layer"]
        for unit in chosen.get(key, []):
            if unit in block.unit:
                shown[key, unit] = f"{' '.join(key)}, unit {unit}", block.sel(unit=unit)
    examples = [shown[key, unit] for key, units_of in chosen.items() for unit in units_of]
    style.apply()
    style.save(
        diversity_methods.draw(examples, units, methods), [output.svg, output.png], record["id"]
    )
    values = dict(
        findings=diversity.findings(methods),
        level=diversity.LEVEL,
        names={
            name: " ".join(text.split())
            for name, text in {**diversity_methods.METHODS, **diversity_methods.NAMES}.items()
        },
        confidence=diversity.CONFIDENCE,
    )
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
