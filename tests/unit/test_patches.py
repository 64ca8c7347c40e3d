"""Natural patches: the ranking in one pass against every patch seen by itself."""

import numpy as np
import pytest
import torch
from architectures import STD, VGG, traced

from invariscope import patches
from invariscope.errors import UserError
from invariscope.observer import observer
from invariscope.trunk import Trunk

MEAN = (0.485, 0.456, 0.406)
NORM = 500.0
CHANNELS = [3, 0, 7]


@pytest.fixture(scope="module")
def trunk():
    """VGG-16's first layers without biases: exactly homogeneous."""
    torch.manual_seed(3)
    architecture, model = traced("vgg16", {k: VGG[k] for k in ("conv1_2", "conv2_1")})
    state = model.state_dict()
    parameters = {name: state[name] for name in architecture.parameters()}
    parameters = {k: v * 0 if k.endswith("bias") else v for k, v in parameters.items()}
    return Trunk(architecture, parameters, STD)


@pytest.fixture(scope="module")
def biased(trunk):
    """The same with biases, so that the ranking in one pass is no more than near."""
    torch.manual_seed(0)
    parameters = {
        k: torch.randn_like(v) if k.endswith("bias") else v for k, v in trunk.parameters.items()
    }
    return Trunk(trunk.architecture, parameters, STD)


@pytest.fixture(scope="module")
def photos():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (3, *size)).astype(np.float32) for size in ((40, 47), (33, 36))]


def observe_of(trunk, layer):
    return observer(trunk, layer, CHANNELS, np.ones(128))


def found(trunk, photos, layer="conv2_1", images=4):
    return patches.most_activating(trunk, layer, CHANNELS, photos, MEAN, NORM, images)


def everywhere(trunk, photos, layer, side, step):
    """Every patch at the layer's stride, seen by itself: its place, the patch, its responses."""
    places, shown = [], []
    for index, photo in enumerate(photos):
        photo = photo - 255 * np.array(MEAN, np.float32)[:, None, None]
        # As far from one border as from the other, so that the lattice is the layer's own.
        first = [(length - side) % step // 2 for length in photo.shape[1:]]
        for y in range(first[0], photo.shape[1] - side + 1, step):
            for x in range(first[1], photo.shape[2] - side + 1, step):
                patch = photo[:, y : y + side, x : x + side]
                places.append((index, y, x))
                shown.append(NORM * patch / np.linalg.norm(patch))
    shown = np.stack(shown)
    seen = torch.from_numpy(shown).expand(len(CHANNELS), *shown.shape)
    responses, _ = observe_of(trunk, layer)(seen, torch.arange(len(CHANNELS)))
    return np.array(places), shown, responses.numpy()


def greedy(places, response, side, count=4):
    """The best patch of all, then the best that does not overlap it, and so on."""
    chosen = []
    for patch in np.argsort(-response):
        away = np.abs(places[chosen] - places[patch]) if chosen else np.full((1, 3), side)
        if ((away[:, 0] > 0) | (away[:, 1:].max(1) >= side)).all():
            chosen.append(patch)
    return chosen[:count]


@pytest.mark.parametrize("network", ["trunk", "biased"])
@pytest.mark.parametrize(("layer", "side", "step"), [("conv2_1", 10, 2), ("conv1_2", 5, 1)])
def test_best_patches_are_those_of_brute_force(request, photos, network, layer, side, step):
    network = request.getfixturevalue(network)
    shown = found(network, photos, layer).numpy()
    places, patch, responses = everywhere(network, photos, layer, side, step)
    for unit in range(len(CHANNELS)):
        expected = patch[greedy(places, responses[unit], side)]
        np.testing.assert_allclose(shown[unit], expected, rtol=1e-4, atol=1e-3)


def test_the_ranking_in_one_pass_is_exact_without_biases(trunk, photos, monkeypatch):
    """As many patches as are wanted suffice then, if they lie apart."""
    monkeypatch.setattr(patches, "RANKED", 1)
    monkeypatch.setattr(patches, "APART", 1)
    shown = found(trunk, photos).numpy()
    places, patch, responses = everywhere(trunk, photos, "conv2_1", 10, 2)
    for unit in range(len(CHANNELS)):
        expected = patch[greedy(places, responses[unit], 10)]
        np.testing.assert_allclose(shown[unit], expected, rtol=1e-4, atol=1e-3)


def test_patches_that_overlap_leave_enough_that_do_not(biased, photos, monkeypatch):
    """Where the best ranked all overlap, those that lie apart make up the number."""
    monkeypatch.setattr(patches, "RANKED", 1)
    shown = found(biased, photos)
    assert shown.shape == (3, 4, 3, 10, 10)
    places, _, responses = everywhere(biased, photos, "conv2_1", 10, 2)
    best = np.argsort(-responses, axis=1)[:, :4]
    alone = [greedy(places[b], r[b], 10) for b, r in zip(best, responses, strict=True)]
    assert min(map(len, alone)) < 4


def test_a_unit_shows_the_same_in_any_company(biased, photos):
    alone = patches.most_activating(biased, "conv2_1", [0], photos, MEAN, NORM, 4)
    torch.testing.assert_close(alone[0], found(biased, photos)[1])


def test_patches_are_at_the_norm_and_best_first(trunk, photos):
    shown = found(trunk, photos)
    assert shown.shape == (3, 4, 3, 10, 10)
    norms = torch.linalg.vector_norm(shown.flatten(2), dim=2)
    torch.testing.assert_close(norms, torch.full_like(norms, NORM))
    responses = observe_of(trunk, "conv2_1")(shown, torch.arange(3))[0]
    assert (responses.diff(dim=1) <= 0).all()


def test_a_planted_patch_is_found(trunk, photos):
    """A pattern that drives a unit more than any photo: its own gradient, followed a while."""
    pattern, observe = torch.randn(1, 1, 3, 10, 10), observe_of(trunk, "conv2_1")
    for _ in range(20):
        pattern.requires_grad_()
        (gradient,) = torch.autograd.grad(observe(pattern, torch.tensor([1]))[0].sum(), pattern)
        pattern = gradient / gradient.norm()
    pattern = NORM * pattern[0, 0]
    offset = 255 * torch.tensor(MEAN)[:, None, None]
    planted = [photo.copy() for photo in photos]
    planted[1][:, 14:24, 10:20] = (pattern + offset).numpy()
    torch.testing.assert_close(found(trunk, planted)[1, 0], pattern, rtol=1e-4, atol=1e-2)


def test_faint_patches_are_passed_over(trunk, photos):
    """A photo of the mean but for noise of a hundredth of the contrast has none to show."""
    photo = photos[1]  # of so few patches that all are seen exactly
    faint = 255 * np.array(MEAN, np.float32)[:, None, None] + np.zeros_like(photo)
    faint += np.random.default_rng(1).standard_normal(faint.shape).astype(np.float32) / 10
    torch.testing.assert_close(found(trunk, [photo, faint]), found(trunk, [photo]))


def test_too_few_patches_are_one_line(trunk, photos):
    small = [photo[:, :21, :21] for photo in photos]
    with pytest.raises(UserError, match=r"hold \d patches of 10 pixels .* 'conv2_1' needs 12"):
        found(trunk, small, images=12)
