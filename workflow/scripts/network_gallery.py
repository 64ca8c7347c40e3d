"""Draw example units of corresponding layers of two networks side by side."""

import job

import pandas as pd

from invariscope import captions, files, tables
from invariscope.figures import network_gallery, style


def main(input, output, record, threads):
    units = tables.read(input.units).set_index(tables.KEYS)
    chosen, sections = {}, []
    for match in pd.read_csv(input.correspondence).dropna().itertuples():
        sections.append(((match.network_1, match.layer_1), (match.network_2, match.layer_2)))
        for key in sections[-1]:
            chosen[key] = network_gallery.choose(units.f1_f0[key])
    shown = {}
    for path in input.stimuli:
        block = files.read_dataset(path, ["a_max"])
        key = block.attrs["network"], block.attrs["layer"]
        for unit in set(chosen.get(key, [])) & set(block.unit.values.tolist()):
            stimuli = files.read_dataset(path, ["stimulus"]).stimulus
            shown[*key, unit] = stimuli.sel(condition="diverse", unit=unit).values

    def side(key):
        title = f"{' '.join(key)}, {units.rf[key].iloc[0]} px"
        texts = [f"unit {unit}\nF1/F0 {units.f1_f0[*key, unit]:.2f}" for unit in chosen[key]]
        pictures = [shown[*key, unit] for unit in chosen[key]]
        return title, list(zip(texts, pictures, strict=True))

    style.apply()
    style.save(
        network_gallery.draw([tuple(map(side, keys)) for keys in sections]),
        [output.svg, output.png],
        record["id"],
    )
    captions.write(output.caption, record["caption"])


job.run(main, snakemake)  # noqa: F821
