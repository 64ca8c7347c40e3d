"""Draw the units of each layer that keep the most and the least of their response along warps."""

import numpy as np

import job
from invariscope import files
from invariscope.figures import style, warp_examples


def main(input, output, record, threads):
    layers = {}
    for path, stimuli in zip(input.warp, input.stimuli, strict=True):
        block = files.read_dataset(path, ["path_retention"])
        found = layers.setdefault((block.attrs["network"], block.attrs["layer"]), [])
        for unit, kept in zip(block.unit.values, block.path_retention.values, strict=True):
            found.append((path, stimuli, int(unit), kept))
    rows = []
    for (network, layer), found in layers.items():
        for chosen in style.extremes(np.array([kept for *_, kept in found])):
            path, stimuli, unit, _ = found[chosen]
            warp = files.read_dataset(path).sel(unit=unit)
            shown = files.read_dataset(stimuli, ["stimulus"]).stimulus
            name = style.cell_name(str(warp.truth.values)) or f"unit {unit}"
            title = f"{network}\n{layer}\n{name}"
            rows.append((title, shown.sel(condition="diverse", unit=unit), warp))
    style.apply()
    style.save(warp_examples.draw(rows), output)


job.run(main, snakemake)  # noqa: F821
