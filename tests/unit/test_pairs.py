"""Which stimuli are warped to which."""

import numpy as np
import pytest

from invariscope import pairs

NAMES = 0, "net", "layer"


@pytest.mark.parametrize("images", [1, 2, 3, 6, 7])
def test_own_pairs_hold_every_two_images_once(images):
    found = pairs.own_pairs(images)
    every = {frozenset((a, b)) for a in range(images) for b in range(a)}
    assert {frozenset(pair) for pair in found.tolist()} == every
    assert len(found) == len(every)
    if images > 1:
        sources = np.bincount(found[:, 0], minlength=images)
        assert np.ptp(sources) <= 1
        assert abs(np.mean(found[:, 0] < found[:, 1]) - 0.5) < 0.51


def test_null_targets_are_of_other_units_and_take_turns():
    found = pairs.null_targets(5, np.array([2, 3, 9]), 4, 10, *NAMES)
    assert found.shape == (10, 2)
    assert sorted(np.bincount(found[:, 0])[[2, 3, 9]]) == [3, 3, 4]
    assert set(found[:3, 0]) == set(found[3:6, 0]) == {2, 3, 9}
    assert set(found[:, 1]) <= set(range(4))
    alone = pairs.null_targets(5, np.array([2]), 4, 10, *NAMES)[:, 1]
    assert set(alone[:4]) == set(alone[4:8]) == set(range(4))
    other = pairs.null_targets(6, np.array([2, 3, 9]), 4, 10, *NAMES)
    assert (found != other).any()


def test_control_pool_takes_all_units_in_turn():
    units = np.arange(10, 30)
    found = pairs.control_pool(units, 15, *NAMES)
    assert found.shape == (pairs.POOL, 2)
    assert set(found[:20, 0]) == set(found[20:40, 0]) == set(units)
    assert len({tuple(row) for row in found.tolist()}) == pairs.POOL
    assert set(found[:, 1]) <= set(range(15))
    few = pairs.control_pool(np.array([4, 7]), 3, *NAMES)
    assert sorted(map(tuple, few.tolist())) == [(4, 0), (4, 1), (4, 2), (7, 0), (7, 1), (7, 2)]


def test_controls_use_the_pool_evenly():
    pool = np.stack([np.full(10, 3), np.arange(10)], 1)
    found = pairs.controls(1, pool, 15, *NAMES)
    assert found.shape == (15, pairs.CONTROLS, 2)
    assert (np.bincount(found[..., 1].ravel()) == 3).all()


def plan(units, layer=(1, 2, 5, 8, 9), able=None, images=4):
    able = np.ones(len(layer), bool) if able is None else able
    return pairs.plan(units, layer, able, images, *NAMES)


def test_plan_names_what_each_fit_takes_to_what():
    """Worked out again from units and images, one by one."""
    layer = [1, 2, 5, 8, 9]
    found = plan([2, 9], layer)
    own = pairs.own_pairs(4)
    assert np.array_equal(found["pairs"], own)
    for row, unit in enumerate([2, 9]):
        for pair, (source, target) in enumerate(own):
            start = layer.index(unit) * 4
            assert found["fits"][found["own_fit"][row, pair]].tolist() == [
                start + source,
                start + target,
            ]
            other, image = found["null"][row, pair]
            assert other != unit
            assert found["fits"][found["null_fit"][row, pair]].tolist() == [
                start + source,
                layer.index(other) * 4 + image,
            ]
            for control in range(pairs.CONTROLS):
                other, which = found["control"][row, pair, control]
                assert other != unit
                assert (
                    found["fits"][found["control_fit"][row, pair, control]].tolist()
                    == (layer.index(other) * 4 + own[which]).tolist()
                )
    assert len(np.unique(found["fits"], axis=0)) == len(found["fits"])


def test_plan_of_a_unit_does_not_depend_on_its_block():
    whole, part = plan([1, 2, 5, 8, 9]), plan([8])
    for name in ("null", "control"):
        assert np.array_equal(whole[name][3], part[name][0])


def test_units_that_never_respond_serve_nobody():
    found = plan([1, 2], able=[True, True, True, False, False])
    assert set(found["null"][..., 0].ravel()) <= {1, 2, 5}
    assert set(found["control"][..., 0].ravel()) <= {1, 2, 5}


def test_a_unit_alone_has_neither_null_nor_controls():
    found = plan([5, 8], able=[False, False, True, False, False])
    assert (found["null"][0] == -1).all()
    assert (found["control"][0] == -1).all()
    assert np.array_equal(found["null_fit"][0], found["own_fit"][0])
    assert (found["control_fit"][0] == found["own_fit"][0][:, None]).all()
    assert set(found["null"][1, :, 0]) == {5}
    nobody = plan([5], able=[False] * 5)
    assert (nobody["null"] == -1).all()


def test_draws_follow_seed_network_and_layer():
    layer, able = (1, 2, 5, 8, 9), [True] * 5
    one = plan([5])
    for other in ((1, "net", "layer"), (0, "web", "layer"), (0, "net", "layers")):
        found = pairs.plan([5], layer, able, 4, *other)
        assert (found["null"] != one["null"]).any()
        pools = [pairs.control_pool(np.arange(60), 15, *names) for names in (NAMES, other)]
        assert (pools[0] != pools[1]).any()
        drawn = [pairs.controls(1, pools[0], 15, *names) for names in (NAMES, other)]
        assert (drawn[0] != drawn[1]).any()


def test_all_units_of_a_layer_serve():
    """No unit, no pair and no control is preferred for where it stands."""
    layer = np.arange(50)
    null = [pairs.null_targets(unit, layer[layer != unit], 6, 10, *NAMES) for unit in range(10)]
    assert len({unit for found in null for unit in found[:, 0]}) > 35
    pool = pairs.control_pool(np.arange(60), 15, *NAMES)
    assert len(set(pool[:, 1])) > 8
    drawn = [pairs.controls(unit, pool[pool[:, 0] != unit], 15, *NAMES) for unit in range(6)]
    assert len({tuple(row) for found in drawn for row in found.reshape(-1, 2)}) > 40
    assert (drawn[0] != drawn[1]).any()
