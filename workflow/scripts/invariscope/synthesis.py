"""Synthesis: many units' stimuli optimised together, on the sphere of constant norm."""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from .objective import least_distance, pairwise_distances
from .observer import at_once
from .seeds import generator
from .spectrum import length, preconditioner, tangent


@dataclass(frozen=True)
class Synthesis:
    """Stimuli of a set of units and what they reach.

    Attributes
    ----------
    stimuli : torch.Tensor, (unit, image, channel, y, x)
        8-bit units, dataset mean subtracted, all of the same norm.
    responses : torch.Tensor, (unit, image)
        Before the ReLU, of the normalised network.
    distances : torch.Tensor, (unit, pair)
        Root-mean-square feature differences; pairs as in `objective.pairs`.
    steps : torch.Tensor, (unit,)
        Steps taken until the unit stopped.
    """

    stimuli: torch.Tensor
    responses: torch.Tensor
    distances: torch.Tensor
    steps: torch.Tensor


def start(side, images, units, *names):
    """Random stimuli to start from, each unit's drawn from its own name.

    Parameters
    ----------
    side, images : int
    units : sequence of int
        Channels of the layer.
    *names : str or int
        What else names the stimuli: seed, network, layer, condition.

    Returns
    -------
    torch.Tensor, (unit, image, 3, side, side)
        Standard normal.
    """
    shape = images, 3, side, side
    drawn = [generator(*names, unit).standard_normal(shape, np.float32) for unit in units]
    return torch.from_numpy(np.stack(drawn))


def synthesise(
    observe, raw, norm, objective, optimiser, steps, progress=None, diversity=least_distance
):
    """Optimise the stimuli of many units, as many at a time as memory has room for.

    Each unit ends with its last iterate that the objective admits, or with its last if it admits
    none.

    Parameters
    ----------
    observe : function
        As made by `observer.observer`.
    raw : torch.Tensor, (unit, image, channel, y, x)
        Where to start; its length does not matter to the stimuli.
    norm : float
        L2 norm of every stimulus.
    objective : Penalty or Constrained
    optimiser : Published or Sphere
    steps : int
        At most; units that stop earlier leave the batch.
    progress : function of (step, units done, mean response, mean diversity), optional
        Called every few steps; the means are over the units still running. Where not all units go
        together, a step is one of all of them.
    diversity : function of (features (unit, image, feature), temperature)
        What makes the stimuli of each unit distinct.

    Returns
    -------
    Synthesis
    """
    units = torch.arange(len(raw), device=raw.device)
    parts = units.split(at_once(raw.shape[1], raw.shape[-1], raw.device))

    def one(index, part):
        goal = copy.copy(objective)
        goal.select(part)

        def told(step, done, *means):
            ended = sum(map(len, parts[:index])) + done
            progress((steps * index + step) // len(parts), ended, *means)

        def seen(stimuli, rows):
            return observe(stimuli, part[rows])

        rest = optimiser, steps, progress and told, diversity
        return _together(seen, raw[part], norm, goal, *rest)

    found = [vars(one(index, part)) for index, part in enumerate(parts)]
    return Synthesis(**{name: torch.cat([each[name] for each in found]) for name in found[0]})


def _together(observe, raw, norm, objective, optimiser, steps, progress, diversity):
    """Optimise the stimuli of some units in one batch, see `synthesise`."""
    factor = preconditioner(raw.shape[-1], raw.device, raw.dtype)
    running = torch.arange(len(raw), device=raw.device)
    final, taken = torch.zeros_like(raw), torch.zeros_like(running)
    # Of the units running: what each ends with if no better comes, and after how many steps.
    kept, count = torch.zeros_like(raw), torch.zeros_like(running)
    ever_admitted = torch.zeros_like(running, dtype=torch.bool)
    stopped = torch.zeros_like(running, dtype=torch.bool)
    optimiser.begin(raw)
    for step in range(steps):
        done = step / steps
        stimuli = (norm * raw / length(raw)).requires_grad_()
        responses, features = observe(stimuli, running)
        response = responses.mean(1)
        soft = diversity(features, optimiser.temperature(done))
        value = objective.value(response, soft, done)
        (gradient,) = torch.autograd.grad(value.sum(), stimuli)
        with torch.no_grad():
            stimuli = stimuli.detach()
            direction, sine = tangent(stimuli, gradient, factor)
            admitted = objective.admits(response)
            taking = ~stopped & (admitted | ~ever_admitted)
            ever_admitted |= admitted
            kept = torch.where(taking[:, None, None, None, None], stimuli, kept)
            count += ~stopped

            def score(response=response, features=features):
                return objective.score(response, diversity(features, 0))

            stopped |= optimiser.stopped(score, sine)
            raw = optimiser.advance(raw, direction, sine, norm, done)

            # Looking at the flags waits for the device, so it is not done at every step.
            last = step == steps - 1
            if step % 10 == 9 or last:
                if stopped.any():
                    final[running], taken[running] = kept, count
                    still = ~stopped
                    raw, running, stopped = raw[still], running[still], stopped[still]
                    kept, count, ever_admitted = kept[still], count[still], ever_admitted[still]
                    optimiser.select(still)
                    objective.select(still)
                if progress is not None:
                    ended = len(final) if last else len(final) - len(running)
                    hard = diversity(features, 0)
                    progress(step + 1, ended, float(response.mean()), float(hard.mean()))
                if not len(running):
                    break
    final[running], taken[running] = kept, count
    units = torch.arange(len(final), device=final.device)
    with torch.inference_mode():
        responses, features = observe(final, units)
        # In double precision: distances of nearly equal stimuli are lost to rounding otherwise.
        distances = pairwise_distances(features.double()).to(features.dtype)
        return Synthesis(final, responses, distances, taken)
