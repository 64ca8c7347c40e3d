"""The workflow's jobs in this process, script by script, without Snakemake."""

import sys
from functools import cache
from types import SimpleNamespace

import matplotlib.pyplot as plt
from running import ROOT

from invariscope import natural, network
from invariscope.config import blocks, comparisons, resolve, validate
from invariscope.digest import sha256

WORKFLOW = ROOT / "workflow"


@cache
def _main_of(script):
    """The function that a script of the workflow runs."""
    path, names = WORKFLOW / "scripts" / f"{script}.py", {"snakemake": None}
    sys.modules["job"] = SimpleNamespace(run=lambda main, snakemake: None)
    try:
        exec(compile(path.read_text(), path, "exec"), names)
    finally:
        del sys.modules["job"]
    return names["main"]


def _job(script, inputs, outputs, **record):
    """Run a script's job; its one output, or all."""
    for path in outputs.values():
        (path[0] if isinstance(path, list) else path).parent.mkdir(parents=True, exist_ok=True)
    record["id"] = "0" * 64
    _main_of(script)(SimpleNamespace(**inputs), SimpleNamespace(**outputs), record, threads=1)
    return next(iter(outputs.values()))


def blocks_and_tables(config, registry, folder, kept):
    """Make a study's blocks and tables, as the rules say.

    Parameters
    ----------
    config, registry : dict
        Defaults are filled in.
    folder, kept : path
        Where results lie, and where weights and channel means lie, for further calls.

    Returns
    -------
    layers : dict
        From `resolve`.
    made : dict of str to dict
        By stage, each block's file by seed, network and layer; the tables, by name.
    """
    validate(config, "config", "config")
    validate(registry, "networks", "registry")
    layers = resolve(config, registry, lambda name: network.facts(registry[name], "", kept))
    photos, side = config["natural"]["photos"], config["natural"]["side"]
    photos = dict(photos=photos, photo_digests=natural.photo_digests(photos), side=side)
    unread = {"constrained": "weight", "penalty": "fraction"}[config["synthesis"]["objective"]]
    settings = {key: value for key, value in config["synthesis"].items() if key != unread}
    made = {stage: {} for stage in ("stimuli", "phase", "warp", "baselines")}
    for (name, layer), study in layers.items():
        entry = registry[name]
        preprocessing, features = entry["preprocessing"], study["features"]
        weights, means = kept / f"{name}.safetensors", kept / f"{name} {preprocessing} {side}.nc"
        shared = dict(weights=weights, natural=means)
        if not means.exists():
            asked = dict(source=entry["weights"], layers=entry["layers"])
            _job("weights", {}, dict(weights=weights), architecture=entry["architecture"], **asked)
            asked = dict(network=name, preprocessing=preprocessing, **photos)
            _job("natural", shared, dict(natural=means), **asked)
        for seed in range(config["seed"], config["seed"] + study["seeds"]):
            of = dict(network=name, layer=layer, seed=seed, std=preprocessing["std"])
            here = folder / str(seed) / name / layer
            stimuli = {
                block: _job(
                    "synthesis",
                    shared,
                    dict(stimuli=here / f"{block}.stimuli.nc"),
                    units=units,
                    features=features,
                    synthesis=settings,
                    **of,
                )
                for block, units in blocks(study["units"], config["block"]).items()
            }
            for block, path in stimuli.items():
                inputs = dict(**shared, stimuli=path, layer=list(stimuli.values()))
                made["stimuli"][seed, name, layer, block] = path
                stages = [
                    ("phase", dict(phase=config["phase"])),
                    ("warp", dict(block=block, warp=config["warp"])),
                ]
                if study["baselines"] and seed == config["seed"]:
                    asked = dict(features=features, steps=settings["steps"], **photos)
                    stages += [("baselines", dict(preprocessing=preprocessing, **asked))]
                for stage, asked in stages:
                    output = {stage: here / f"{block}.{stage}.nc"}
                    made[stage][seed, name, layer, block] = _job(
                        stage, inputs, output, **of, **asked
                    )
    inputs = {stage: list(found.values()) for stage, found in made.items()}

    def paths(*names):
        return {name: folder / "tables" / f"{name}.csv" for name in names}

    made["tables"] = paths("units", "seeds", "layers", "signature", "warp")
    _job("units_table", inputs, made["tables"], seed=config["seed"])
    if pairs := comparisons(config, registry, layers):
        outputs = paths("correspondence", "comparison")
        _job("comparison_table", made["tables"], outputs, comparisons=pairs)
        made["tables"] |= outputs
    if inputs["baselines"]:
        outputs = paths("diversity", "diversity_methods")
        _job(
            "diversity_table",
            inputs,
            dict(zip(["units", "methods"], outputs.values(), strict=True)),
        )
        made["tables"] |= outputs
    return layers, made


def figures_and_pages(config, registry, layers, made, folder):
    """Make all figures, the atlas and the pages of what `blocks_and_tables` made."""
    tables = made["tables"]
    cells = [key for key in layers if registry[key[0]]["architecture"] == "cells"]
    real = [key for key in layers if key not in cells]

    def files(*stages, of=tuple(layers)):
        """Blocks of the study's own seed, by stage."""
        return {
            stage: [
                path
                for (seed, *key, _), path in made[stage].items()
                if seed == config["seed"] and tuple(key) in of
            ]
            for stage in stages
        }

    def figure(name, inputs, **record):
        path = folder / "figures" / name
        outputs = {kind: path.with_suffix(f".{kind}") for kind in ("svg", "png")}
        caption = (WORKFLOW / "report" / f"{name}.rst").read_text()
        outputs["caption"] = path.with_suffix(".rst")
        _job(name, tables | inputs, outputs, caption=caption, **record)
        plt.close("all")

    for name in ("phase_population", "texture", "phase_signature", "warp_population"):
        figure(name, {})
    for name in ("diversity", "phase_examples", "warp_examples", "invariance_map"):
        figure(name, files("stimuli", "phase", "warp"))
    if cells:
        figure("ground_truth", files("stimuli", of=cells))
    if real:
        show = {}
        for name, layer in real:
            show.setdefault(name, {})[layer] = layers[name, layer]["show"]
        figure("gallery", files("stimuli", of=real), show=show)
        figure("layers", {}, untrained=[n for n, _ in real if "seed" in registry[n]["weights"]])
    if pairs := comparisons(config, registry, layers):
        figure("network_comparison", {}, comparisons=pairs)
        figure("network_gallery", files("stimuli", of=real))
    if made["baselines"]:
        named = dict(units=tables["diversity"], methods=tables["diversity_methods"])
        figure("diversity_methods", files("baselines") | named)
    sources = sorted(map(str, (WORKFLOW / "atlas").iterdir()))
    _job(
        "atlas",
        files("stimuli", "phase", "warp") | dict(units=tables["units"]),
        dict(page=folder / "atlas" / "index.html"),
        sources=sources,
        digests=list(map(sha256, sources)),
        name=config["name"],
    )
    captions = WORKFLOW / "report" / "tables"
    _job(
        "pages",
        dict(tables=list(tables.values())),
        dict(pages=[folder / f"{name}.html" for name in tables], first=folder / "report.rst"),
        study=config["name"],
        about={name: (captions / f"{name}.rst").read_text() for name in tables},
        first=(WORKFLOW / "report" / "study.rst").read_text(),
    )
