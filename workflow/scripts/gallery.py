"""Draw the gallery: the shown units of each layer of a real network; sum them up in its caption."""

import job

from invariscope import captions, files, summaries
from invariscope.figures import gallery, style
from invariscope.stimuli import join_blocks


def main(input, output, record, threads):
    layers = join_blocks([files.read_dataset(path) for path in input.stimuli])
    shown = {
        (network, layer): stimuli.sel(unit=record["show"][network][layer])
        for (network, layer), stimuli in layers.items()
    }
    style.apply()
    figure = gallery.draw([(" ".join(key), stimuli) for key, stimuli in shown.items()])
    style.save(figure, [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], layers=summaries.distances(shown))


job.run(main, snakemake)  # noqa: F821
