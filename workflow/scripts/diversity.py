"""Draw response against minimal distance for each layer, and sum both up in the caption."""

import job

from invariscope import captions, files, summaries
from invariscope.figures import diversity, style
from invariscope.stimuli import join_blocks


def main(input, output, record, threads):
    numbers = ["a_max", "response", "distance"]
    layers = join_blocks([files.read_dataset(path, numbers) for path in input.stimuli])
    style.apply()
    figure = diversity.draw([("\n".join(key), stimuli) for key, stimuli in layers.items()])
    style.save(figure, [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"], layers=summaries.distances(layers))


job.run(main, snakemake)  # noqa: F821
