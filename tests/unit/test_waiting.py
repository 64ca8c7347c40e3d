"""That no loop waits for the device: what makes it wait on a GPU is counted on the CPU."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from invariscope import texture, warp_fit
from invariscope.objective import Constrained, Penalty
from invariscope.observer import observer
from invariscope.optimiser import Published, Sphere
from invariscope.synthesis import start, synthesise
from invariscope.trunk import Trunk

# A tensor's value is asked for, its shape depends on values, Python's numbers become one, or a
# factorisation is asked whether it went well.
WAITING = (
    *("_local_scalar_dense", "equal", "nonzero", "masked_select", "_unique", "lift_fresh"),
    *("_linalg_check_errors", "_linalg_svd", "linalg_pinv"),
)


class Watch(TorchDispatchMode):
    """Counts the operations for which the host of a GPU would wait."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        name = function._schema.name.removeprefix("aten::")
        chosen = arguments[1] if name in ("index", "index_put_") else ()
        masked = any(by is not None and by.dtype == torch.bool for by in chosen)
        self.waits += masked or name.startswith(WAITING)
        return function(*arguments, **(options or {}))


def waits(function, *arguments):
    with Watch() as watch:
        function(*arguments)
    return watch.waits


@pytest.fixture
def seen(vgg, monkeypatch):
    """How four units of conv2_1 see stimuli, by what a GPU runs: no compiled functions."""
    monkeypatch.setattr(Trunk, "_is_quick", lambda *_: False)
    trunk, _ = vgg
    return observer(trunk, "conv2_1", [1, 2, 3, 5], np.ones(128), "conv1_2", np.ones(64))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: float(x.sum()),
        lambda x: bool((x > 0).any()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x * torch.tensor([1.0, 2.0]),
        lambda x: x.unique(),
        lambda x: torch.linalg.inv(x.T @ x + torch.eye(2)),
        lambda x: torch.linalg.svd(x),
        lambda x: torch.linalg.pinv(x),
    ],
)
def test_what_makes_a_host_wait_is_seen(function):
    assert waits(function, torch.ones(3, 2))


@pytest.mark.parametrize("objective", [Penalty(5), Constrained(0.85, torch.full((4,), 50.0))])
@pytest.mark.parametrize("optimiser", [Published(), Sphere()])
def test_synthesis_looks_every_tenth_step(seen, objective, optimiser):
    raw = start(10, 6, range(4), "waiting")
    looks = [
        waits(synthesise, seen, raw, 1000.0, objective, optimiser, steps) for steps in (9, 30, 35)
    ]
    assert looks == [1, 3, 4]  # at the last step, too


def test_the_texture_test_does_not_wait(seen):
    raw, mask = start(19, 1, range(4), "waiting")[:, 0], texture.crop_mask(10)
    assert waits(texture.climb, seen, raw, mask, 1000.0, 12, 4, 0.1, ("x",)) == 0


def test_climbs_of_warps_do_not_wait():
    sources, targets = start(24, 2, range(5), "waiting").unbind(1)
    warp_fit.fit(sources, targets, steps=1)  # what is the same for all fits is made ready
    once, often = (waits(warp_fit.fit, sources, targets, 0.002, steps) for steps in (1, 16))
    # At the ends of its four climbs, and at the start, warps are seen not to fold.
    assert once == often == 5
