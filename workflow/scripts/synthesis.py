"""Synthesise the stimuli of one block of units: random restarts, then the diverse set."""

import job

import sys

from tqdm import tqdm

from invariscope import device, files, natural, weights
from invariscope.objective import Constrained, Penalty
from invariscope.observer import observer
from invariscope.optimiser import Published, Sphere
from invariscope.receptive_field import receptive_field
from invariscope.stimuli import stimuli_dataset
from invariscope.synthesis import start, synthesise
from invariscope.trunk import Trunk


def main(input, output, record, threads):
    where = device.prepare(threads)
    network, layer, units = record["network"], record["layer"], record["units"]
    features, settings = record["features"], record["synthesis"]
    architecture, parameters = weights.load(input.weights)
    means = files.read_dataset(input.natural)
    scales = [natural.normalisers(means[name].values) for name in (layer, features) if name]
    trunk = Trunk(architecture, parameters, record["std"], where)
    observe = observer(trunk, layer, units, scales[0], features, *scales[1:])
    side = receptive_field(architecture, layer)
    norm = natural.stimulus_norm(side)
    optimiser = {"sphere": Sphere, "published": Published}[settings["optimiser"]]

    def condition(name, objective):
        names = record["seed"], network, layer, name
        raw = start(side, settings["images"], units, *names).to(where)
        with tqdm(total=settings["steps"], unit="step", desc=name) as bar:

            def show(step, done, response, distance):
                reached = f"response {response:.1f}, distance {distance:.2f}"
                bar.set_postfix_str(f"{done}/{len(units)} units, {reached}", refresh=False)
                bar.update(step - bar.n)

            return synthesise(observe, raw, norm, objective, optimiser(), settings["steps"], show)

    restarts = condition("restarts", Penalty(0))

    if settings["objective"] == "penalty":
        objective = Penalty(settings["weight"])
    else:
        objective = Constrained(settings["fraction"], restarts.responses.amax(1))
    found = {"diverse": condition("diverse", objective), "restarts": restarts}
    admitted = objective.admits(found["diverse"].responses.mean(1))
    if not admitted.all():
        short = [unit for unit, ok in zip(units, admitted.tolist(), strict=True) if not ok]
        print(f"units {short} end below the bound; more steps may help", file=sys.stderr)
    truth = architecture.truth(layer)
    dataset = stimuli_dataset(
        found,
        units,
        [truth[unit] if truth else "" for unit in units],
        network=network,
        layer=layer,
        features=features or "pixels",
        norm=norm,
        seed=record["seed"],
        **settings,
    )
    files.write_dataset(dataset, output.stimuli)


job.run(main, snakemake)  # noqa: F821
