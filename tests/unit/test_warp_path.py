"""Paths, and controls matched to them."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from invariscope import pairs, warp, warp_path
from invariscope.seeds import generator
from invariscope.spectrum import low_pass

SIDE, NORM = 24, 50.0


def smooth(*shape, name="s", sigma=1.5):
    return low_pass(torch.from_numpy(generator(name).standard_normal(shape)).float(), sigma)


def velocities(count, name="v", size=1.5):
    fields = smooth(count, 2, SIDE, SIDE, name=name, sigma=4)
    return size * fields / warp_path.root_mean_square(fields)[:, None, None, None]


def linear_units(count):
    """Observer of units whose responses are projections, and what on."""
    weights = torch.from_numpy(generator("w").standard_normal((count, 3, SIDE, SIDE))).float()

    def observe(stimuli, units):
        return torch.einsum("uichw,uchw->ui", stimuli, weights[units]), stimuli

    return observe, weights


def fitted(count):
    """Stimuli of some units, three each; their pairs; a velocity and two controls for each pair."""
    fields = velocities(3 * count).view(count, 3, 2, SIDE, SIDE)
    control = velocities(6 * count, name="c").view(count, 3, 2, 2, SIDE, SIDE)
    return smooth(count, 3, 3, SIDE, SIDE), pairs.own_pairs(3), fields, control


def norms(stimuli):
    return stimuli.flatten(-3).norm(dim=-1)


def test_a_path_is_the_flow_at_one_norm():
    """By scipy's splines, from the displacement of t times the velocity."""
    y, x = np.mgrid[:SIDE, :SIDE] - 11.5
    sources = smooth(2, 3, SIDE, SIDE) * torch.from_numpy(np.exp(-(y**2 + x**2) / 30)).float()
    fields = velocities(2)
    found = warp_path.warp_path(sources, fields, NORM)
    assert found.shape == (2, 11, 3, SIDE, SIDE)
    torch.testing.assert_close(norms(found), torch.full((2, 11), NORM))
    torch.testing.assert_close(found[:, 0], warp_path.at_norm(sources, NORM), atol=1e-4, rtol=1e-4)
    at = np.mgrid[:SIDE, :SIDE]
    for step, t in ((3, 0.3), (10, 1.0)):
        moved = warp.displacement(t * fields).numpy()
        for pair in range(2):
            expected = np.stack(
                [
                    ndimage.map_coordinates(channel, at + moved[pair], order=5, mode="constant")
                    for channel in sources[pair].numpy()
                ]
            )
            expected *= NORM / np.linalg.norm(expected)
            assert np.linalg.norm(found[pair, step].numpy() - expected) < 0.02 * NORM


def test_a_blend_is_the_straight_line_at_one_norm():
    sources, targets = smooth(2, 3, SIDE, SIDE), smooth(2, 3, SIDE, SIDE, name="t")
    found = warp_path.blend_path(sources, targets, NORM)
    torch.testing.assert_close(norms(found), torch.full((2, 11), NORM))
    expected = (0.7 * sources + 0.3 * targets).flatten(1)
    cosine = torch.nn.functional.cosine_similarity(found[:, 3].flatten(1), expected)
    torch.testing.assert_close(cosine, torch.ones(2))


def test_a_blank_stays_blank():
    assert (warp_path.at_norm(torch.zeros(1, 3, 4, 4), NORM) == 0).all()


def test_root_mean_square():
    moved = torch.zeros(1, 2, 4, 4)
    moved[:, 0], moved[:, 1] = 3, 4
    assert float(warp_path.root_mean_square(moved)) == 5


def sizes(matched, sources, moved):
    fine, own = warp.upsample(sources), warp.displacement(matched)
    return (
        warp_path.root_mean_square(own) / warp_path.root_mean_square(moved),
        warp_path.change(fine, own, sources) / warp_path.change(fine, moved, sources),
    )


def test_change_is_the_norm_of_the_difference():
    sources, moved = smooth(3, 3, SIDE, SIDE), warp.displacement(velocities(3))
    fine = warp.upsample(sources)
    expected = np.linalg.norm((warp.warp(fine, moved) - sources).flatten(1).numpy(), axis=1)
    np.testing.assert_allclose(warp_path.change(fine, moved, sources), expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.2, 1.0, 4.0])
def test_controls_move_as_far_but_change_no_more(scale):
    """One of the two holds exactly, the other is not exceeded."""
    sources = smooth(12, 3, SIDE, SIDE)
    moved = warp.displacement(velocities(12, name="own"))
    equal, matched = warp_path.match(velocities(12, name="control", size=scale), sources, moved)
    np.testing.assert_allclose(sizes(equal, sources, moved)[0], 1, atol=0.02)
    assert (sizes(equal, sources, moved)[1] > 1.05).any()
    far, much = sizes(matched, sources, moved)
    assert (far < 1.02).all()
    assert (much < 1.02).all()
    assert (torch.maximum(far, much) > 0.97).all()
    assert (far > 0.98).any()
    assert (much > 0.98).any()


def test_controls_of_a_warp_that_moves_only_what_is_blank_are_weak():
    """The own warp moves much where there is nothing: equally far, controls would change more."""
    y, x = np.mgrid[:SIDE, :SIDE] - 11.5
    blob = torch.from_numpy(np.exp(-(y**2 + x**2) / 18))[None, None].float().expand(1, 3, -1, -1)
    outside = torch.from_numpy(np.where(np.hypot(y, x) > 9, 2.0, 0.0))[None, None].float()
    moved = outside.expand(1, 2, -1, -1).contiguous()
    shift = torch.ones(1, 2, SIDE, SIDE)
    far, much = sizes(warp_path.match(shift, blob, moved)[1], blob, moved)
    assert far < 0.2
    assert much == pytest.approx(1, abs=0.02)


def test_controls_and_warps_that_do_not_move():
    """The best control may be none at all, and so may the own warp."""
    sources, fields = smooth(2, 3, SIDE, SIDE), velocities(2)
    still = torch.zeros_like(fields)
    assert (warp_path.match(still, sources, warp.displacement(fields)) == 0).all()
    assert (warp_path.match(fields, sources, still).abs() < 1e-3).all()


def test_weak_controls_are_made_as_strong_as_need_be():
    sources, moved = smooth(6, 3, SIDE, SIDE), warp.displacement(velocities(6, name="own"))
    far, much = sizes(warp_path.match(1e-3 * velocities(6), sources, moved)[1], sources, moved)
    assert (torch.maximum(far, much) > 0.97).all()
    assert (torch.maximum(far, much) < 1.02).all()


def test_matched_controls_do_not_fold():
    """Steep fields, asked to move further than they can without."""
    sources = smooth(6, 3, SIDE, SIDE)
    steep = smooth(6, 2, SIDE, SIDE, name="steep", sigma=1)
    moved = torch.full((6, 2, SIDE, SIDE), 4.0)
    for matched in warp_path.match(steep, sources, moved):
        assert (warp.jacobian(warp.displacement(matched)) > 0).all()


def test_half_a_pixel_and_back_costs_smooth_stimuli_nothing():
    stimuli = smooth(4, 3, SIDE, SIDE, sigma=1.5)
    y, x = np.mgrid[:SIDE, :SIDE] - 11.5
    stimuli = stimuli * torch.from_numpy(np.exp(-(y**2 + x**2) / 40)).float()
    found = warp_path.half_pixel_and_back(stimuli, NORM)
    torch.testing.assert_close(norms(found), torch.full((4,), NORM))
    cosine = torch.nn.functional.cosine_similarity(found.flatten(1), stimuli.flatten(1))
    assert (cosine > 0.999).all()
    noise = smooth(4, 3, SIDE, SIDE, sigma=0)
    found = warp_path.half_pixel_and_back(noise, NORM)
    cosine = torch.nn.functional.cosine_similarity(found.flatten(1), noise.flatten(1))
    assert (cosine < 0.97).all()  # it does cost white noise


def test_responses_belong_to_their_unit_pair_and_step():
    """A linear unit each, so that every response is a projection worked out anew."""
    observe, weights = linear_units(2)
    stimuli, own, fields, control = fitted(2)
    moved = warp.displacement(fields.flatten(0, 1)).view_as(fields)
    fits = {"velocity": fields, "displacement": moved, "control_velocity": control}
    found = warp_path.responses(observe, stimuli, own, fits, NORM)
    assert found["own"].shape == found["blend"].shape == (2, 3, 11)
    assert found["control_response"].shape == (2, 2, 3, 2, 11)
    close = dict(rtol=1e-4, atol=1e-2)
    for unit in range(2):
        seen = lambda path, unit=unit: torch.einsum("tchw,chw->t", path, weights[unit])  # noqa: E731
        torch.testing.assert_close(found["itself"][unit], seen(stimuli[unit]), **close)
        shaken = warp_path.half_pixel_and_back(stimuli[unit], NORM)
        torch.testing.assert_close(found["interpolated"][unit], seen(shaken), **close)
        for pair, (source, target) in enumerate(own):
            one = stimuli[unit, source][None]
            path = warp_path.warp_path(one, fields[unit, pair][None], NORM)[0]
            torch.testing.assert_close(found["own"][unit, pair], seen(path), **close)
            path = warp_path.blend_path(one, stimuli[unit, target][None], NORM)[0]
            torch.testing.assert_close(found["blend"][unit, pair], seen(path), **close)
            for which in range(2):
                matched = warp_path.match(
                    control[unit, pair, which][None], one, moved[unit, pair][None]
                )
                for row, each in enumerate(matched):
                    path = warp_path.warp_path(one, each, NORM)[0]
                    torch.testing.assert_close(
                        found["control_response"][row, unit, pair, which],
                        seen(path),
                        rtol=1e-3,
                        atol=0.2,
                    )


@pytest.mark.parametrize("same", ["all", "none", "some"])
def test_controls_that_are_the_same_by_both_matchings_are_seen_once(monkeypatch, same):
    """Whether all, none or some are: each has its own responses, and all have the start's."""
    linear, weights = linear_units(2)
    count = 0

    def observe(stimuli, units):
        nonlocal count
        count += stimuli.shape[:2].numel()
        return linear(stimuli, units)

    def match(velocities, sources, moved):
        changed = {"all": 0, "none": len(velocities), "some": 1}[same]
        return torch.stack(
            [velocities, torch.cat([velocities[:changed] / 2, velocities[changed:]])]
        )

    monkeypatch.setattr(warp_path, "match", match)
    stimuli, own, fields, control = fitted(2)
    fits = {"velocity": fields, "displacement": fields, "control_velocity": control}
    found = warp_path.responses(observe, stimuli, own, fits, NORM)["control_response"]
    twice = {"all": 0, "none": 12, "some": 2}[same]
    assert count == 3 * 6 + 10 * (6 + 12 + twice) + 9 * 6
    matched = [match(each.flatten(0, 1), None, None) for each in control.unbind(2)]
    for row in range(2):
        for which in range(2):
            sources = stimuli[:, own[:, 0]].flatten(0, 1)
            path = warp_path.warp_path(sources, matched[which][row], NORM)
            expected = torch.einsum("uptchw,uchw->upt", path.unflatten(0, (2, 3)), weights)
            torch.testing.assert_close(found[row, :, :, which], expected, rtol=1e-4, atol=1e-2)


def test_a_path_in_parts_is_the_whole(monkeypatch):
    """Pairs some at a time, of units in turn."""
    observe, _ = linear_units(3)
    stimuli, own, fields, control = fitted(3)
    fits = {"velocity": fields, "displacement": fields, "control_velocity": control}
    whole = warp_path.responses(observe, stimuli, own, fits, NORM)
    monkeypatch.setattr(warp_path, "at_once", lambda *_: 2)
    parts = warp_path.responses(observe, stimuli, own, fits, NORM)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-4, atol=1e-2)
