"""Draw the most and the least phase-invariant unit of each layer."""

import numpy as np

import job
from invariscope import files
from invariscope.figures import phase_examples, style


def main(input, output, record, threads):
    layers = {}
    for path in input.phase:
        block = files.read_dataset(path, ["mean_max"])
        found = layers.setdefault((block.attrs["network"], block.attrs["layer"]), [])
        for unit, index in zip(
            block.unit.values, block.mean_max.sel(form="fourier").values, strict=True
        ):
            found.append((path, int(unit), index))
    rows = []
    for (network, layer), found in layers.items():
        for chosen in style.extremes(np.array([index for _, _, index in found])):
            path, unit, _ = found[chosen]
            phase = files.read_dataset(path).sel(unit=unit)
            name = style.cell_name(str(phase.truth.values)) or f"unit {unit}"
            rows.append((f"{network}\n{layer}\n{name}", phase))
    style.apply()
    style.save(phase_examples.draw(rows), output)


job.run(main, snakemake)  # noqa: F821
