"""Atlases to look at: that of a really run study, and a large made-up one."""

from pathlib import Path

import numpy as np
import pandas as pd
from blocks import PHASES, phase_block, stimuli_block, units_table, warp_block
from running import ROOT

from invariscope.atlas import page
from invariscope.labels import LABELS

SOURCES = {path.name: path.read_text() for path in (ROOT / "workflow" / "atlas").iterdir()}
LAYERS, UNITS = 10, 300


def large(folder, layers=LAYERS, **columns):
    """An atlas of two networks, 300 units a layer, some columns as given; units.csv lies above."""
    atlas = Path(folder) / "atlas"
    rng = np.random.default_rng(0)
    stimuli = stimuli_block(list(range(UNITS)))
    stimuli["stimulus"][:] = rng.uniform(-100, 100, stimuli.stimulus.shape)
    phase, warp = phase_block(stimuli), warp_block(stimuli)
    names = [(f"net{k % 2}", f"conv{k}") for k in range(layers)]
    blocks = {}
    for network, layer in names:
        for stage in (stimuli, phase, warp):
            stage.attrs |= dict(network=network, layer=layer)
        blocks |= page.write_block(atlas, "0000-0299", stimuli, phase, warp, "0" * 64)
    units = units_table(dict.fromkeys(names, UNITS)).assign(
        **{name: rng.random(layers * UNITS) for name in ("f1_f0", "path_retention", "warp_p")},
        label=rng.choice([*LABELS, ""], layers * UNITS),
        rf=stimuli.sizes["y"],
        min_distance=1.0,
        diversity_gain=0.0,
    )
    units.loc[::7, "f1_f0"] = np.nan
    units = units.assign(**columns)
    page.write_study(atlas, "large", units, blocks, 3, PHASES)
    page.write_page(atlas, SOURCES, name="large", id="0" * 64)
    (Path(folder) / "tables").mkdir()
    units.to_csv(Path(folder) / "tables" / "units.csv", index=False)
    return units


def address(folder):
    return (Path(folder) / "atlas" / "index.html").as_uri()


def read_units(folder):
    return pd.read_csv(Path(folder) / "tables" / "units.csv", keep_default_na=True).fillna(
        {"label": "", "truth": ""}
    )
