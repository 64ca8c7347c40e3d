"""Draw the most and the least warp-invariant unit of each layer."""

import numpy as np

import job
from invariscope import files
from invariscope.figures import style, warp_examples


def main(input, output, record, threads):
    layers = {}
    for path, stimuli in zip(input.warp, input.stimuli, strict=True):
        block = files.read_dataset(path, ["path_retention", "control_retention"])
        above = block.path_retention - block.control_retention.sel(match="change")
        found = layers.setdefault((block.attrs["network"], block.attrs["layer"]), [])
        for unit, index in zip(block.unit.values, above.values, strict=True):
            found.append((path, stimuli, int(unit), index))
    rows = []
    for (network, layer), found in layers.items():
        for chosen in style.extremes(np.array([index for *_, index in found])):
            path, stimuli, unit, _ = found[chosen]
            warp = files.read_dataset(path).sel(unit=unit)
            shown = files.read_dataset(stimuli, ["stimulus"]).stimulus
            name = style.cell_name(str(warp.truth.values)) or f"unit {unit}"
            title = f"{network}\n{layer}\n{name}"
            rows.append((title, shown.sel(condition="diverse", unit=unit), warp))
    style.apply()
    style.save(warp_examples.draw(rows), output)


job.run(main, snakemake)  # noqa: F821
