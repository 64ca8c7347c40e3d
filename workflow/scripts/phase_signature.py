"""Draw what the diverse stimuli themselves tell of phase invariance."""

import job
from invariscope import files
from invariscope.figures import phase_signature, style
from invariscope.stimuli import join_blocks

NEEDED = ["spectrum", "similarity_within", "resultant", "f1_f0"]


def main(input, output, record, threads):
    layers = join_blocks([files.read_dataset(path, NEEDED) for path in input.phase])
    style.apply()
    style.save(phase_signature.draw(layers), output)


job.run(main, snakemake)  # noqa: F821
