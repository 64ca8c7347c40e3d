"""The published optimiser against a plain per-unit loop on torch's own Adam and autograd."""

import math

import numpy as np
import pytest
import torch
from architectures import plain_vgg
from test_spectrum import twin

from invariscope.objective import Constrained, Penalty
from invariscope.observer import PIXELS, observer
from invariscope.optimiser import Published, Sphere
from invariscope.spectrum import length
from invariscope.synthesis import start, synthesise

NORM = 500.0


def smooth_units(units=3, side=8, seed=0, dtype=torch.float32):
    """Units that respond linearly, and features that are random projections; smooth and small."""
    rng = torch.Generator().manual_seed(seed)
    templates = torch.randn(units, 3, side, side, generator=rng, dtype=dtype)
    projection = torch.randn(3 * side * side, 20, generator=rng, dtype=dtype) / 100

    def observe(stimuli, which):
        responses = (stimuli * templates[which][:, None]).sum((2, 3, 4)) / 100
        return responses, torch.tanh(stimuli.flatten(2) @ projection)

    return observe, templates


class Filtered(torch.autograd.Function):
    """The identity, whose gradient is preconditioned: how the published code does it."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return torch.from_numpy(twin(gradient.numpy())).to(gradient.dtype)


def published(observe, unit, raw, weight, steps, patience):
    """One unit, as the authors' code goes: Adam, hard minimum, running average, last iterate."""
    raw = raw[None].clone().requires_grad_()
    adam = torch.optim.Adam([raw], lr=1.0)
    lowest, average, waited = math.inf, None, 0
    for step in range(steps):
        stimuli = Filtered.apply(NORM * raw / length(raw))
        responses, features = observe(stimuli, torch.tensor([unit]))
        first, second = torch.triu_indices(raw.shape[1], raw.shape[1], 1)
        distances = (features[0, first] - features[0, second]).pow(2).mean(1).sqrt()
        loss = -responses.mean() - weight * distances.min()
        kept = stimuli.detach()[0]
        adam.zero_grad()
        loss.backward()
        adam.step()
        average = loss.item() if average is None else 0.9 * average + 0.1 * loss.item()
        waited = 0 if average < lowest else waited + 1
        lowest = min(lowest, average)
        if waited > patience:
            return kept, step + 1
    return kept, steps


def test_published_optimiser_step_by_step():
    observe, _ = smooth_units()
    raw = torch.randn(3, 4, 3, 8, 8)
    found = synthesise(observe, raw, NORM, Penalty(50), Published(), 30)
    for unit in range(3):
        expected, _ = published(observe, unit, raw[unit], 50, 30, 100)
        torch.testing.assert_close(found.stimuli[unit], expected, rtol=1e-3, atol=0.02)


def test_published_optimiser_stops_each_unit_by_itself():
    """Units leave the batch at their own step, with the iterate they had then."""
    observe, _ = smooth_units(dtype=torch.float64)  # rounding must not decide when a unit stops
    raw = torch.randn(3, 4, 3, 8, 8, dtype=torch.float64)
    found = synthesise(observe, raw, NORM, Penalty(50), Published(patience=5), 400)
    for unit in range(3):
        expected, taken = published(observe, unit, raw[unit], 50, 400, 5)
        assert found.steps[unit] == taken < 400
        torch.testing.assert_close(found.stimuli[unit], expected, rtol=1e-3, atol=1e-3)
    assert len(set(found.steps.tolist())) > 1


@pytest.mark.parametrize("optimiser", [Published, Sphere])
@pytest.mark.parametrize("objective", ["penalty", "constrained"])
def test_a_unit_does_not_depend_on_its_batch(optimiser, objective):
    observe, _ = smooth_units()
    raw = torch.randn(3, 4, 3, 8, 8)

    a_max = torch.tensor([90.0, 70.0, 50.0])

    def run(units):
        chosen = torch.tensor(units)
        goal = Penalty(5) if objective == "penalty" else Constrained(0.8, a_max[chosen])
        return synthesise(
            lambda stimuli, which: observe(stimuli, chosen[which]),
            raw[chosen],
            NORM,
            goal,
            optimiser(),
            40,
        )

    together = run([0, 1, 2])
    for unit in range(3):
        alone = run([unit])
        torch.testing.assert_close(alone.stimuli[0], together.stimuli[unit], rtol=1e-2, atol=0.1)


@pytest.mark.parametrize("optimiser", [Published, Sphere])
def test_a_unit_does_not_depend_on_how_many_go_together(optimiser, monkeypatch):
    """Three units, two at a time: the same, with one account of progress for both parts."""
    observe, _ = smooth_units()
    raw, goal = torch.randn(3, 4, 3, 8, 8), Constrained(0.8, torch.tensor([90.0, 70.0, 50.0]))
    together = synthesise(observe, raw, NORM, goal, optimiser(), 25)
    seen, told = [], []

    def watched(stimuli, which):
        seen.append(which.tolist())
        return observe(stimuli, which)

    monkeypatch.setitem(PIXELS, "cpu", 2 * 4 * 8 * 8)
    parts = synthesise(watched, raw, NORM, goal, optimiser(), 25, lambda *now: told.append(now))
    for key, value in vars(together).items():
        torch.testing.assert_close(getattr(parts, key), value, rtol=1e-2, atol=0.1)
    assert {tuple(units) for units in seen} == {(0, 1), (2,)}
    assert [now[:2] for now in told] == [(5, 0), (10, 0), (12, 2), (17, 2), (22, 2), (25, 3)]


def test_an_objective_is_as_it_was_after_a_run():
    observe, _ = smooth_units()
    raw, goal = torch.randn(3, 4, 3, 8, 8), Constrained(0.8, torch.tensor([90.0, 70.0, 50.0]))
    first, second = (synthesise(observe, raw, NORM, goal, Sphere(), 20) for _ in range(2))
    assert torch.equal(first.stimuli, second.stimuli)


def test_stopping_early_changes_nothing_for_the_others():
    """A unit with a linear response alone is at rest soon; the others must not notice."""
    _, templates = smooth_units()

    def observe(stimuli, which):
        along = (stimuli * templates[which][:, None]).sum((2, 3, 4)) / 100
        curved = (along / 10).sin() * 10 + stimuli[..., 0, :, :].square().sum((2, 3)) / NORM
        return torch.where((which == 1)[:, None], along, curved), stimuli.flatten(2)

    raw = torch.randn(3, 2, 3, 8, 8)
    stopping = synthesise(observe, raw, NORM, Penalty(0), Sphere(), 60)
    running = synthesise(observe, raw, NORM, Penalty(0), Sphere(tolerance=0), 60)
    assert stopping.steps[1] < 40
    for unit in (0, 2):
        torch.testing.assert_close(stopping.stimuli[unit], running.stimuli[unit])


def test_sphere_rests_where_f_g_is_parallel_to_x():
    observe, templates = smooth_units()
    found = synthesise(observe, torch.randn(3, 4, 3, 8, 8), NORM, Penalty(0), Sphere(), 100)
    for unit in range(3):
        expected = twin(templates[unit].numpy())
        expected *= NORM / np.linalg.norm(expected)
        for stimulus in found.stimuli[unit]:
            assert np.linalg.norm(stimulus.numpy() - expected) < 1e-3 * NORM
    assert (found.steps < 100).all()


def test_dead_units_end_at_once():
    def observe(stimuli, which):
        return 0 * stimuli.sum((2, 3, 4)), 0 * stimuli.flatten(2)

    found = synthesise(observe, torch.randn(2, 3, 3, 8, 8), NORM, Penalty(0), Sphere(), 50)
    assert found.steps.tolist() == [1, 1]
    assert torch.isfinite(found.stimuli).all()
    assert (found.responses == 0).all()


def test_every_stimulus_has_the_norm(vgg):
    trunk, _ = vgg
    observe = observer(trunk, "conv1_2", [0, 5], np.ones(64))
    raw = start(5, 3, [0, 5], "any")
    for optimiser in (Published(), Sphere()):
        found = synthesise(observe, raw, 269.2, Penalty(1), optimiser, 5)
        torch.testing.assert_close(
            length(found.stimuli).flatten(), torch.full((6,), 269.2), rtol=1e-5, atol=0
        )


def test_progress_is_told():
    observe, _ = smooth_units()
    told = []
    raw = torch.randn(3, 4, 3, 8, 8)
    synthesise(observe, raw, NORM, Penalty(50), Published(), 25, lambda *now: told.append(now))
    assert [step for step, *_ in told] == [10, 20, 25]
    assert told[-1][1] == 3


def test_sphere_step_by_hand():
    """Two steps on a circle: a fifth of the way at the first, momentum alone at the second."""
    sphere = Sphere(angle=0.4, momentum=0.3)
    raw = torch.zeros(1, 1, 3, 1, 1)
    raw[..., 0, 0, 0] = 2.0  # its length must not matter
    direction = torch.zeros_like(raw)
    direction[..., 1, 0, 0] = 7.0
    sphere.begin(raw)
    first = sphere.advance(raw, direction, torch.ones(1, 1), 9.0, 0.0)
    tilt = math.atan(0.7 * 0.4)
    expected = [math.cos(tilt), math.sin(tilt), 0.0]
    assert first.flatten().tolist() == pytest.approx(expected, abs=1e-6)
    second = sphere.advance(first, 0 * direction, torch.zeros(1, 1), 9.0, 0.5)
    x, y = expected[0], expected[1] + 0.3 * 0.7 * 0.4
    assert second.flatten().tolist() == pytest.approx(
        [x / math.hypot(x, y), y / math.hypot(x, y), 0.0], abs=1e-6
    )


def test_sphere_never_steps_past_f_g():
    sphere = Sphere(angle=1.2, momentum=0.0)
    raw = torch.zeros(1, 1, 3, 1, 1)
    raw[..., 0, 0, 0] = 1.0
    direction = torch.zeros_like(raw)
    direction[..., 1, 0, 0] = 1.0
    sphere.begin(raw)
    moved = sphere.advance(raw, direction, torch.full((1, 1), 0.1), 1.0, 0.0)
    assert moved[0, 0, 1, 0, 0].item() == pytest.approx(0.1, rel=0.01)


def test_temperature_falls():
    sphere = Sphere()
    assert sphere.temperature(0.0) == pytest.approx(0.3)
    assert sphere.temperature(0.5) == pytest.approx(math.sqrt(0.3 * 0.005))
    assert sphere.temperature(1.0) == pytest.approx(0.005)
    assert Published().temperature(0.0) == 0


def test_published_patience():
    """After the first step a constant loss never has a new minimum: 100 more, then it stops."""

    def observe(stimuli, which):
        return 0 * stimuli.sum((2, 3, 4)), 0 * stimuli.flatten(2)

    raw = torch.randn(2, 3, 3, 8, 8)
    found = synthesise(observe, raw, NORM, Penalty(0), Published(), 300)
    assert found.steps.tolist() == [102, 102]


def test_a_unit_that_never_meets_its_bound_ends_with_its_last_iterate():
    observe, _ = smooth_units()
    raw = torch.randn(3, 4, 3, 8, 8)
    goal = Constrained(1.0, torch.full((3,), 1e6))
    found = synthesise(observe, raw, NORM, goal, Sphere(), 5)
    torch.testing.assert_close(length(found.stimuli).flatten(), torch.full((12,), NORM))
    assert not goal.admits(found.responses.mean(1)).any()


def test_a_unit_ends_with_its_last_iterate_that_is_admitted():
    """The first unit is admitted at the second and the third step of five, the other never."""
    seen = []

    class Sometimes(Penalty):
        def admits(self, response):
            return torch.tensor([len(seen) in (2, 3), False])

    inner, _ = smooth_units()

    def observe(stimuli, which):
        seen.append(stimuli.detach().clone())
        return inner(stimuli, which)

    found = synthesise(observe, torch.randn(2, 4, 3, 8, 8), NORM, Sometimes(5), Sphere(), 5)
    torch.testing.assert_close(found.stimuli, torch.stack([seen[2][0], seen[4][1]]))
    assert found.steps.tolist() == [5, 5]


def test_objectives_are_told_how_far_the_steps_are():
    told = []

    class Recording(Penalty):
        def value(self, response, distance, done):
            told.append(done)
            return super().value(response, distance, done)

    observe, _ = smooth_units()
    synthesise(observe, torch.randn(3, 4, 3, 8, 8), NORM, Recording(1), Sphere(), 4)
    assert told == [0.0, 0.25, 0.5, 0.75]


def test_observer_against_torchvision(vgg):
    """Each unit's own channel over its own mean; features after the ReLU over theirs."""
    trunk, model = vgg
    rng = np.random.default_rng(0)
    scale, feature_scale = rng.uniform(1, 2, 256), rng.uniform(1, 2, 128)
    observe = observer(trunk, "conv3_1", [200, 3, 77], scale, "conv2_2", feature_scale)
    stimuli = 60 * torch.randn(2, 4, 3, 24, 24)
    with torch.no_grad():
        responses, features = observe(stimuli, torch.tensor([2, 0]))
        conv2_2, conv3_1 = plain_vgg(model, stimuli.flatten(0, 1))
    value = conv3_1[..., 0, 0]
    compared = conv2_2.relu() / torch.tensor(feature_scale, dtype=torch.float32)[:, None, None]
    expected = torch.stack([value[:4, 77] / scale[77], value[4:, 200] / scale[200]])
    torch.testing.assert_close(responses, expected, rtol=1e-4, atol=1e-4)
    compared = compared.movedim(1, -1).reshape(2, 4, -1)
    torch.testing.assert_close(features, compared, rtol=1e-4, atol=1e-4)


def test_told_means_are_over_units():
    def observe(stimuli, which):
        level = torch.tensor([1.0, 2.0, 6.0])[which, None]
        return level + 0 * stimuli.sum((2, 3, 4)), stimuli.flatten(2)

    told = []
    raw = torch.randn(3, 2, 3, 8, 8)
    synthesise(observe, raw, NORM, Penalty(1), Sphere(), 1, lambda *now: told.append(now))
    assert told[0][2] == pytest.approx(3.0)
