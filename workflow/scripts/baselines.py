"""Show one block of units by other methods than diverse synthesis, each at equal activation."""

import job

import sys

import torch
from tqdm import tqdm

from invariscope import device, files, natural, photos, weights
from invariscope.baselines import moved_back, yardsticks
from invariscope.baselines_dataset import MATCHED, baselines_dataset
from invariscope.objective import Constrained, gram_diversity, least_distance
from invariscope.observer import evaluate, observer
from invariscope.optimiser import Sphere
from invariscope.patches import most_activating
from invariscope.receptive_field import channels
from invariscope.synthesis import start, synthesise
from invariscope.trunk import Trunk


def main(input, output, record, threads):
    where = device.prepare(threads)
    network, layer, features = record["network"], record["layer"], record["features"]
    stimuli = files.read_dataset(input.stimuli)
    units, norm = stimuli.unit.values.tolist(), stimuli.attrs["norm"]
    architecture, parameters = weights.load(input.weights)
    means = files.read_dataset(input.natural)
    scales = [natural.normalisers(means[name].values) for name in (layer, features)]
    preprocessing = record["preprocessing"]
    trunk = Trunk(architecture, parameters, preprocessing["std"], where)
    observe = observer(trunk, layer, units, scales[0], features, scales[1])
    a_max = torch.from_numpy(stimuli.a_max.values).to(where)

    def of_condition(name):
        return torch.from_numpy(stimuli.stimulus.sel(condition=name).values).to(where)

    def begin(name):
        names = record["seed"], network, layer, name
        return start(stimuli.sizes["y"], stimuli.sizes["image"], units, *names).to(where)

    def synthesised(name, raw, bound, diversity, optimiser, steps):
        """Stimuli as distinct as can be, of a mean response of `bound` at least."""
        objective = Constrained(bound / torch.where(a_max > 0, a_max, 1), a_max)
        with tqdm(total=steps, unit="step", desc=name) as bar:

            def show(step, *_):
                bar.update(step - bar.n)

            found = synthesise(observe, raw, norm, objective, optimiser, steps, show, diversity)
        short = (found.responses.mean(1) < bound) & (a_max > 0)
        if short.any():
            which = [unit for unit, is_short in zip(units, short.tolist(), strict=True) if is_short]
            print(
                f"{name}: units {which} end below the bound; more steps may help", file=sys.stderr
            )
        return found.stimuli

    count = channels(architecture, features)
    shown = {"diverse": of_condition("diverse")}
    bound = evaluate(observe, shown["diverse"]).mean(1)
    shown["restarts"] = moved_back(
        observe, of_condition("restarts"), begin("restarts"), norm, bound
    )
    # From restarts, two thirds of the steps, of half the angle, reach what all reach from noise.
    shown["gram"] = synthesised(
        "gram",
        of_condition("restarts"),
        bound,
        gram_diversity(count),
        Sphere(angle=Sphere().angle / 2),
        -(-2 * record["steps"] // 3),
    )
    scenes = photos.read(record["photos"], record["photos_digest"], record["side"])
    mean, images = preprocessing["mean"], stimuli.sizes["image"]
    with tqdm(total=len(scenes), unit="photo", desc="patches") as bar:
        shown["patches"] = most_activating(
            trunk, layer, units, scenes, mean, norm, images, bar.update
        )
    bound = evaluate(observe, shown["patches"]).mean(1)
    name = MATCHED["patches"]
    shown[name] = synthesised(name, begin(name), bound, least_distance, Sphere(), record["steps"])
    found = {}
    for name, each in shown.items():
        with torch.inference_mode():
            responses, compared = observe(each, torch.arange(len(units), device=where))
        found[name] = dict(stimulus=each.cpu().numpy(), response=responses.cpu().numpy())
        found[name] |= yardsticks(each, compared, count)
    attributes = dict(network=network, layer=layer, features=features, seed=record["seed"])
    files.write_dataset(baselines_dataset(found, stimuli, **attributes), output.baselines)


job.run(main, snakemake)  # noqa: F821
