"""Fit warps between the diverse stimuli of one block of units; test paths and stability."""

import job

import numpy as np
import torch
from tqdm import tqdm

from invariscope import device, files, natural, pairs, stability, warp_path, weights
from invariscope.observer import evaluate, observer
from invariscope.trunk import Trunk
from invariscope.warp_dataset import unfit, warp_dataset
from invariscope.warp_fit import examples, fit_plan


def main(input, output, record, threads):
    where = device.prepare(threads)
    stimuli = files.read_dataset(input.stimuli)
    network, layer, settings = record["network"], record["layer"], record["warp"]
    names, units = (record["seed"], network, layer), stimuli.unit.values.tolist()
    means = files.read_dataset(input.natural)[layer].values
    trunk = Trunk(*weights.load(input.weights), record["std"], where)
    observe = observer(trunk, layer, units, natural.normalisers(means))
    diverse = torch.from_numpy(stimuli.stimulus.sel(condition="diverse").values).to(where)
    blank = evaluate(observe, torch.zeros_like(diverse[:, :1]))[:, 0].cpu().numpy()
    found = None
    if not unfit(stimuli):
        plan = pairs.plan(units, *layer_units(input.layer), diverse.shape[1], *names)
        images, plan["fits"] = fitted_stimuli(input.layer, plan["fits"])
        chosen = {name: plan[name] for name in ("pairs", "null", "control")}
        with tqdm(total=len(plan["fits"]), unit="pair", desc="warps") as bar:
            fits = fit_plan(
                images.to(where), plan, settings["smoothness"], settings["steps"], bar.update
            )
        paths = warp_path.responses(observe, diverse, plan["pairs"], fits, stimuli.attrs["norm"])
        perturbed = stability.responses(observe, diverse, units, settings["draws"], *names)
        shown = examples(diverse, plan["pairs"], fits)
        measured = (
            fits
            | shown
            | paths
            | dict(zip(("warped_response", "noisy_response", "moved"), perturbed, strict=True))
        )
        found = chosen | {name: value.cpu().numpy() for name, value in measured.items()}
    attributes = dict(network=network, layer=layer, seed=record["seed"], **settings)
    files.write_dataset(warp_dataset(stimuli, blank, found, **attributes), output.warp)


def layer_units(paths):
    """Channels of a layer's units, and which of them respond at all."""
    blocks = [files.read_dataset(path, ["a_max"]) for path in paths]
    return (
        np.concatenate([block.unit.values for block in blocks]),
        np.concatenate([block.a_max.values > 0 for block in blocks]),
    )


def fitted_stimuli(paths, fits):
    """Of a layer's diverse stimuli those that `fits` are of, and `fits` as positions in these."""
    used, places = np.unique(fits, return_inverse=True)
    found, first = [], 0
    for path in paths:
        stimuli = files.read_dataset(path, ["stimulus"]).stimulus.sel(condition="diverse").values
        stimuli = stimuli.reshape(-1, *stimuli.shape[2:])
        last = first + len(stimuli)
        found.append(stimuli[used[(used >= first) & (used < last)] - first])
        first = last
    return torch.from_numpy(np.concatenate(found)), places.reshape(fits.shape)


job.run(main, snakemake)  # noqa: F821
