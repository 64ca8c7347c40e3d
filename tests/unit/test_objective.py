"""Objectives against scipy's distances and against their definitions."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from invariscope.objective import (
    Constrained,
    Penalty,
    pairs,
    pairwise_distances,
    soft_minimum,
)


def test_pairwise_distances():
    features = torch.randn(3, 6, 50)
    found = pairwise_distances(features).numpy()
    expected = [pdist(f) / math.sqrt(50) for f in features.numpy()]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    first, second = pairs(6)
    assert found[1, 7] == pytest.approx(
        float((features[1, first[7]] - features[1, second[7]]).pow(2).mean().sqrt()), rel=1e-4
    )


def test_identical_stimuli_have_a_finite_gradient():
    features = torch.ones(1, 3, 10, requires_grad=True)
    pairwise_distances(features).sum().backward()
    assert torch.isfinite(features.grad).all()


def test_soft_minimum_lies_between_minimum_and_mean():
    distances = torch.rand(5, 15, dtype=torch.float64) + 0.5
    hard = distances.amin(1)
    assert torch.equal(soft_minimum(distances, 0), hard)
    previous = distances.mean(1)
    for temperature in (1.0, 0.3, 0.03, 0.003):
        soft = soft_minimum(distances, temperature)
        assert (soft >= hard).all()
        assert (soft <= hard + temperature * distances.mean(1) * math.log(15) + 1e-9).all()
        assert (soft < previous).all()
        previous = soft


def test_soft_minimum_by_hand():
    """Distances 1 and 3 at half their mean: scale 1. The gradient is softmax(-d)."""
    distances = torch.tensor([[1.0, 3.0]], requires_grad=True)
    soft = soft_minimum(distances, 0.5)
    soft.sum().backward()
    assert soft.item() == pytest.approx(-math.log((math.exp(-1) + math.exp(-3)) / 2), rel=1e-6)
    weight = math.exp(-1) / (math.exp(-1) + math.exp(-3))
    assert distances.grad[0].tolist() == pytest.approx([weight, 1 - weight], rel=1e-5)


def test_penalty_is_the_papers_objective():
    response, distance = torch.tensor([3.0]), torch.tensor([2.0])
    assert Penalty(5).value(response, distance, 0.5).item() == 13
    assert Penalty(0).score(response, distance).item() == 3


def test_constrained_scores_feasible_above_infeasible():
    objective = Constrained(0.85, torch.tensor([100.0, 100.0, 100.0]))
    score = objective.score(torch.tensor([86.0, 84.9, 60.0]), torch.tensor([0.1, 9.0, 9.0]))
    assert score[0] == pytest.approx(0.1)
    assert 0 > score[1] > score[2]


def test_constrained_pulls_harder_the_further_it_falls_short():
    pulls = []
    for response in (90.0, 80.0, 40.0):
        objective = Constrained(0.85, torch.tensor([100.0]))
        at = torch.tensor([response], requires_grad=True)
        objective.value(at, torch.tensor([5.0]), 0.0).sum().backward()
        pulls.append(at.grad.item())
    assert 0 <= pulls[0] < pulls[1] < pulls[2]


def test_multiplier_waits_until_the_bound_is_reached():
    objective = Constrained(0.85, torch.tensor([100.0]))
    objective.value(torch.tensor([10.0]), torch.tensor([5.0]), 0.0)
    assert objective.multiplier.item() == 1
    objective.value(torch.tensor([99.0]), torch.tensor([5.0]), 0.1)
    assert objective.multiplier.item() < 1
    late = Constrained(0.85, torch.tensor([100.0]))
    late.value(torch.tensor([80.0]), torch.tensor([5.0]), 0.9)
    assert late.multiplier.item() > 1


@pytest.mark.parametrize("done", [0.0, 0.5])
def test_constrained_by_hand(done):
    """Weight = multiplier 1 + spring 40 (1 + 20 done) times what is missing to 1.003 * 0.85."""
    objective = Constrained(0.85, torch.tensor([100.0]))
    objective.reached[:] = True
    response = torch.tensor([80.0], requires_grad=True)
    distance = torch.tensor([5.0], requires_grad=True)
    objective.value(response, distance, done).sum().backward()
    short = 1.003 * 0.85 - 0.8
    weight = 1 + 40 * (1 + 20 * done) * short
    assert response.grad.item() == pytest.approx(weight / 100, rel=1e-4)
    assert distance.grad.item() == pytest.approx(1 / 5, rel=1e-6)
    assert objective.multiplier.item() == pytest.approx(1 + 0.05 * 40 * short, rel=1e-4)


def test_select_keeps_each_units_own_bound():
    objective = Constrained(0.5, torch.tensor([10.0, 20.0, 30.0]))
    objective.multiplier = torch.tensor([1.0, 2.0, 3.0])
    objective.reached = torch.tensor([True, False, True])
    objective.select(torch.tensor([False, True, True]))
    assert objective.a_max.tolist() == [20.0, 30.0]
    assert objective.multiplier.tolist() == [2.0, 3.0]
    assert objective.reached.tolist() == [False, True]
    assert objective.admits(torch.tensor([10.0, 14.9])).tolist() == [True, False]


def test_units_that_nothing_drives_give_finite_numbers():
    objective = Constrained(0.85, torch.tensor([0.0, -9.0]))
    value = objective.value(torch.tensor([0.0, -9.0]), torch.tensor([0.0, 1.0]), 0.5)
    assert torch.isfinite(value).all()
