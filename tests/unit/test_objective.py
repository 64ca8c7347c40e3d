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


def test_soft_minimum_bounds_the_minimum_from_below():
    distances = torch.rand(5, 15) + 0.5
    hard = distances.amin(1)
    assert torch.equal(soft_minimum(distances, 0), hard)
    previous = torch.full((5,), -torch.inf)
    for temperature in (1.0, 0.3, 0.03, 0.003):
        soft = soft_minimum(distances, temperature)
        scale = temperature * distances.mean(1)
        assert (soft <= hard).all()
        assert (soft >= hard - scale * math.log(15)).all()
        assert (soft > previous).all()
        previous = soft


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
