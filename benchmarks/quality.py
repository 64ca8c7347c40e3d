"""Time to quality: seconds per unit until the published optimiser's final objective is reached.

The published algorithm runs until it stops by itself, unit by unit; its final objective is each
unit's goal. Other packages run its optimiser for as many steps. Ours is a schedule of a set length,
which is worth something only at its end, so it runs at several lengths, all units in one batch: it
has reached the goal in the time of the shortest schedule that ends at or above it. All start from
the same noise.
"""

import numpy as np
import torch
from tqdm import tqdm

from invariscope.objective import Penalty, least_distance
from invariscope.optimiser import Sphere
from invariscope.synthesis import synthesise

from . import peers, published
from .setting import FEATURES, IMAGES, STD, WEIGHT, in_turn, timed

SCHEDULES = 30, 40, 50, 60, 70, 100
STEPS, PATIENCE = 2000, 100


def plain_network(setting):
    """The published algorithm's network, once it is seen to agree with our engine.

    Raises
    ------
    AssertionError
        If responses, features or objectives differ by more than rounding.
    """
    network = published.Network(setting.trunk.parameters, setting.scales, STD)
    stimuli = published.on_the_sphere(setting.start(setting.units).flatten(0, 1), setting.norm)
    responses, features = network(stimuli)
    shape = len(setting.units), IMAGES
    ours = setting.observe(setting.units)(stimuli.unflatten(0, shape), torch.arange(shape[0]))
    picked = responses.unflatten(0, shape)[torch.arange(shape[0]), :, setting.units]
    torch.testing.assert_close(picked, ours[0], rtol=1e-4, atol=1e-3)
    # The engine's features run with channels last.
    turned = features.unflatten(1, (len(setting.scales[FEATURES]), -1)).mT.reshape(*shape, -1)
    torch.testing.assert_close(turned, ours[1], rtol=1e-4, atol=1e-3)
    plain = published.objective(responses, features, setting.units, WEIGHT)
    torch.testing.assert_close(plain, engine_objective(*ours), rtol=1e-4, atol=1e-3)
    return network


def engine_objective(responses, features):
    """Objective of each unit, (unit,), by the engine."""
    return Penalty(WEIGHT).score(responses.mean(1), least_distance(features, 0))


def ours(setting, units, steps):
    """Stimuli of some units by a schedule of `steps`, a `synthesis.Synthesis`."""
    raw = setting.start(units)
    return synthesise(setting.observe(units), raw, setting.norm, Penalty(WEIGHT), Sphere(), steps)


def measure(setting):
    """Rows, one for each optimiser, and notes."""
    network, units = plain_network(setting), setting.units
    starts = dict(zip(units, setting.start(units), strict=True))

    def arguments(unit):
        return network, starts[unit], [unit], setting.norm, WEIGHT

    published.climb(*arguments(units[0]), 20, PATIENCE)
    traces = {}
    for unit in tqdm(units, "published", unit="unit"):
        seconds, (_, values) = timed(published.climb, *arguments(unit), STEPS, PATIENCE)
        traces[unit] = seconds, values
    goal = np.array([values[-1] for _, values in traces.values()])
    rows = [dict(optimiser="published, plain", **one_by_one(traces, goal))]

    found, missing = peers.installed()
    for name, peer in found.items():
        agree(name, peer(*arguments(units[0]))(20), traces[units[0]][1])
        run = {
            unit: timed(peer(*arguments(unit)), len(traces[unit][1]))
            for unit in tqdm(units, name, unit="unit")
        }
        rows.append(dict(optimiser=name, **one_by_one(run, goal)))

    def schedule(steps):
        return lambda: ours(setting, units, steps)

    seconds = in_turn({steps: schedule(steps) for steps in SCHEDULES}, setting.repeats)
    values = {}
    for steps in SCHEDULES:
        end = ours(setting, units, steps)
        score = Penalty(WEIGHT).score(end.responses.mean(1), end.distances.amin(1)).numpy()
        values[steps] = score
        taken = float(end.steps.float().mean())
        rows.append(in_one_batch(f"ours, {steps} steps", taken, seconds[steps], score, goal))
    rows += reached(values, seconds, goal)
    base = rows[0]
    for row in rows:
        row["faster"] = base["s_per_unit"] / row["s_to_goal"]
        row["faster_to_goal"] = base["s_to_goal"] / row["s_to_goal"]
    notes = [
        f"{len(units)} units, {IMAGES} images, features {FEATURES}, lambda {WEIGHT}",
        "s_per_unit: of the whole run; s_to_goal: until the unit's goal, the published run's final "
        "objective, is first reached, or of the whole run where it is not",
        "reached: units that reach their goal; faster: s_per_unit of the published run by "
        "s_to_goal; faster_to_goal: its s_to_goal by s_to_goal",
        *missing,
    ]
    return dict(rows=rows, notes=notes, goal=goal.tolist())


def agree(name, values, expected):
    """See that a package climbs the same objective, by the same steps, as long as rounding lets it.

    Raises
    ------
    AssertionError
    """
    if not np.allclose(values[:5], expected[:5], rtol=1e-3):
        raise AssertionError(f"{name} goes {values[:5]}, the published loop {expected[:5]}")


def one_by_one(traces, goal):
    """A row of an optimiser that takes one unit at a time.

    Parameters
    ----------
    traces : dict of int to (float, list of float)
        For each unit the seconds of its run, and the objective at each of its steps.
    goal : numpy.ndarray, (unit,)

    Returns
    -------
    dict
    """
    seconds, until, ends, steps, hits = [], [], [], [], 0
    for (spent, values), least in zip(traces.values(), goal, strict=True):
        above = np.flatnonzero(np.array(values) >= least)
        share = (above[0] + 1) / len(values) if len(above) else 1
        hits += len(above) > 0
        seconds.append(spent)
        until.append(share * spent)
        ends.append(values[-1])
        steps.append(len(values))
    mean = {
        name: float(np.mean(values))
        for name, values in (
            ("steps", steps),
            ("s_per_unit", seconds),
            ("s_to_goal", until),
            ("objective", ends),
        )
    }
    return dict(**mean, reached=hits)


def in_one_batch(optimiser, steps, seconds, score, goal):
    """A row of an optimiser that takes all units together, and is worth something only at its end.

    Parameters
    ----------
    optimiser : str
    steps : float
    seconds : float
        Of all units.
    score, goal : numpy.ndarray, (unit,)
        Final objectives, and those to reach.

    Returns
    -------
    dict
    """
    each = seconds / len(goal)
    return dict(
        optimiser=optimiser,
        steps=steps,
        s_per_unit=each,
        s_to_goal=each,
        objective=float(score.mean()),
        reached=int((score >= goal).sum()),
    )


def reached(values, seconds, goal):
    """Rows that say when ours reaches the goal: on average over units, and each unit its own.

    The latter takes each unit as if it ran with the shortest schedule that reaches its goal, the
    longest if none does.

    Parameters
    ----------
    values : dict of int to numpy.ndarray, (unit,)
        Final objectives by length of the schedule, shortest first.
    seconds : dict of int to float
        Of all units together.
    goal : numpy.ndarray, (unit,)

    Returns
    -------
    list of dict
        Without the first, if no schedule reaches the mean.
    """
    rows = []
    for steps, score in values.items():
        if score.mean() >= goal.mean():
            name = "ours, to the goals' mean"
            rows.append(in_one_batch(name, steps, seconds[steps], score, goal))
            break
    chosen = [
        next((steps for steps in values if values[steps][unit] >= goal[unit]), max(values))
        for unit in range(len(goal))
    ]
    spent = float(np.mean([seconds[steps] for steps in chosen]))
    ends = np.array([values[steps][unit] for unit, steps in enumerate(chosen)])
    name = "ours, each unit to its own"
    rows.append(in_one_batch(name, float(np.mean(chosen)), spent, ends, goal))
    return rows
