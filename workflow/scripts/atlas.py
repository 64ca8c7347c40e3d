"""Make the atlas: pictures and numbers of every unit, and the page that shows them."""

import job

from pathlib import Path

from tqdm import tqdm

from invariscope import files, tables
from invariscope.atlas import page


def main(input, output, record, threads):
    folder, blocks = Path(output.page).parent, {}
    paths = list(zip(input.stimuli, input.phase, input.warp, strict=True))
    for made in tqdm(paths, unit="block"):
        stimuli, phase, warp = map(files.read_dataset, made)
        block, identity = Path(made[0]).stem, record["id"]
        blocks |= page.write_block(folder, block, stimuli, phase, warp, identity)
    units, images = tables.read(input.units), stimuli.sizes["image"]
    page.write_study(folder, record["name"], units, blocks, images, phase.phase.values)
    sources = page.read_sources(record["sources"], record["digests"])
    page.write_page(folder, sources, name=record["name"], id=record["id"])


job.run(main, snakemake)  # noqa: F821
