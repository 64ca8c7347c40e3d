"""Draw the gallery: the shown units of each layer of a real network; sum them up in its caption."""

import job

from invariscope import captions, files, summaries
from invariscope.figures import gallery, style
from invariscope.stimuli import join_blocks


def main(input, output, record, threads):
    parts = []
    for path in input.stimuli:
        block = files.read_dataset(path)
        wanted = record["show"][block.attrs["network"]][block.attrs["layer"]]
        if here := [unit for unit in wanted if unit in block.unit]:
            parts.append(block.sel(unit=here))
    shown = {
        (network, layer): stimuli.sel(unit=record["show"][network][layer])
        for (network, layer), stimuli in join_blocks(parts).items()
    }
    style.apply()
    figure = gallery.draw([(" ".join(key), stimuli) for key, stimuli in shown.items()])
    style.save(figure, [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], layers=summaries.distances(shown))


job.run(main, snakemake)  # noqa: F821
