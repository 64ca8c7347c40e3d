"""Measure phase invariance of one block of units: tuning, texture test, signature."""

import job

import numpy as np
import torch
from tqdm import tqdm

from invariscope import device, files, natural, phase, texture, weights
from invariscope.observer import evaluate, observer
from invariscope.phase_dataset import phase_dataset
from invariscope.synthesis import start
from invariscope.trunk import Trunk


def main(input, output, record, threads):
    where = device.prepare(threads)
    stimuli = files.read_dataset(input.stimuli)
    network, layer = record["network"], record["layer"]
    units, settings = stimuli.unit.values.tolist(), record["phase"]
    means = files.read_dataset(input.natural)[layer].values
    trunk = Trunk(*weights.load(input.weights), record["std"], where)
    observe = observer(trunk, layer, units, natural.normalisers(means))
    norm, side = stimuli.attrs["norm"], stimuli.sizes["y"]
    restarts = torch.from_numpy(stimuli.stimulus.sel(condition="restarts").values).to(where)

    blank = evaluate(observe, torch.zeros_like(restarts[:, :1]))[:, 0]
    count = settings["phases"]
    phases = torch.arange(count, device=where, dtype=torch.float64) * (2 * np.pi / count)
    angle, strength, modulation = phase.direction(restarts)
    frequencies = phase.frequency(restarts)
    best = stimuli.response.sel(condition="restarts").argmax("image").values
    rows = torch.arange(len(units)), torch.as_tensor(best)
    tuned = dict(
        response=phase.tune(observe, restarts, phases, angle, frequencies),
        direction=angle,
        strength=strength,
        modulation=modulation,
        flat=phase.is_flat(restarts),
        frequency=frequencies,
        series=phase.shift(restarts[rows], phases, angle[rows]).float(),
    )

    mask = texture.crop_mask(side, where)
    names = record["seed"], network, layer, "texture"
    raw = start(2 * side - 1, 1, units, *names)[:, 0].to(where)
    steps, crops, weight_min = (settings["texture"][k] for k in ("steps", "crops", "weight_min"))
    with tqdm(total=steps, unit="step", desc="texture") as bar:

        def show(step, response):
            bar.set_postfix_str(f"response {response:.1f}", refresh=False)
            bar.update(step - bar.n)

        textures = texture.climb(observe, raw, mask, norm, steps, crops, weight_min, names, show)
    textured = dict(
        texture=textures,
        response=texture.crop_responses(observe, textures, mask, norm),
        a_max=texture.masked_a_max(observe, restarts, mask, norm),
    )

    def arrays(tensors):
        return {name: value.cpu().numpy() for name, value in tensors.items()}

    dataset = phase_dataset(
        stimuli,
        blank.cpu().numpy(),
        phases.cpu().numpy(),
        arrays(tuned),
        arrays(textured),
        network=network,
        layer=layer,
        seed=record["seed"],
        **{f"texture_{name}": value for name, value in settings["texture"].items()},
    )
    files.write_dataset(dataset, output.phase)


job.run(main, snakemake)  # noqa: F821
