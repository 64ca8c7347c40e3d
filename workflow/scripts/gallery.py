"""Draw the gallery: the shown units of each layer of a real network."""

import job

from invariscope import files
from invariscope.figures import gallery, style
from invariscope.stimuli import join_blocks


def main(input, output, record, threads):
    layers = join_blocks([files.read_dataset(path) for path in input.stimuli])
    sections = [
        (f"{network} {layer}", stimuli.sel(unit=record["show"][network][layer]))
        for (network, layer), stimuli in layers.items()
    ]
    style.apply()
    figure = gallery.draw(sections)
    style.save(figure, [output.svg, output.png], record["id"])


job.run(main, snakemake)  # noqa: F821
