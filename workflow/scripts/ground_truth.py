"""Draw the model cells' diverse sets and where they lie along each known invariance."""

import job

from invariscope import captions, files
from invariscope.figures import ground_truth, style
from invariscope.stimuli import join_blocks


def main(input, output, record, threads):
    (stimuli,) = join_blocks([files.read_dataset(path) for path in input.stimuli]).values()
    style.apply()
    figure = ground_truth.draw(stimuli)
    style.save(figure, [output.svg, output.png], record["id"])
    captions.write(output.caption, record["caption"])


job.run(main, snakemake)  # noqa: F821
