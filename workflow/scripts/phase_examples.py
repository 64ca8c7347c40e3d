"""Draw the most and the least phase-invariant unit of each layer."""

import job

from invariscope import captions, files, summaries
from invariscope.figures import phase_examples, style


def main(input, output, record, threads):
    blocks = []
    for path in input.phase:
        block = files.read_dataset(path, ["mean_max"])
        index = block.mean_max.sel(form="fourier")
        blocks.append(((block.attrs["network"], block.attrs["layer"]), index))
    rows = []
    for network, layer, block, unit in style.extreme_units(blocks):
        phase = files.read_dataset(input.phase[block]).sel(unit=unit)
        rows.append((style.unit_title(network, layer, phase), phase))
    style.apply()
    style.save(phase_examples.draw(rows), [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], **summaries.chosen_from(blocks))


job.run(main, snakemake)  # noqa: F821
