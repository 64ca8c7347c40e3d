"""Draw the invariance map, and count labels in its caption."""

import job

from invariscope import captions, files, labels, layer_counts, tables
from invariscope.figures import invariance_map, style


def main(input, output, record, threads):
    placed = invariance_map.place(table := tables.read(input.units))
    chosen = {
        name: (unit, *placed.loc[unit, tables.KEYS])
        for name, unit in invariance_map.corners(placed).items()
    }
    shown = {}
    for path in input.stimuli:
        block = files.read_dataset(path, ["stimulus"])
        for name, (unit, network, layer, channel) in chosen.items():
            if (block.attrs["network"], block.attrs["layer"]) == (network, layer) and (
                channel in block.unit
            ):
                stimuli = block.stimulus.sel(condition="diverse", unit=channel)
                shown[name] = unit, stimuli.values
    style.apply()
    style.save(invariance_map.draw(placed, shown), [output.svg, output.png], record["id"])
    values = dict(layers=layer_counts.label_counts(table), labels=labels.LABELS, rule=labels)
    captions.write(output.caption, record["caption"], **values)


job.run(main, snakemake)  # noqa: F821
