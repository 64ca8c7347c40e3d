"""Draw the most and the least warp-invariant unit of each layer."""

import job

from invariscope import captions, files, summaries
from invariscope.figures import style, warp_examples


def main(input, output, record, threads):
    blocks = []
    for path in input.warp:
        block = files.read_dataset(path, ["path_retention", "control_retention"])
        above = block.path_retention - block.control_retention.sel(match="change")
        blocks.append(((block.attrs["network"], block.attrs["layer"]), above))
    rows = []
    for network, layer, block, unit in style.extreme_units(blocks):
        warp = files.read_dataset(input.warp[block]).sel(unit=unit)
        stimuli = files.read_dataset(input.stimuli[block], ["stimulus"]).stimulus
        shown = stimuli.sel(condition="diverse", unit=unit)
        rows.append((style.unit_title(network, layer, warp), shown, warp))
    style.apply()
    style.save(warp_examples.draw(rows), [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], **summaries.chosen_from(blocks))


job.run(main, snakemake)  # noqa: F821
