"""Texture test: seconds per unit and mean response over crops, against the published test.

The published test sees all (rf - 1)^2 crops at each of 700 steps of Adam, one unit at a time, on
torchvision's modules. Both start from the same noise and end with the exact evaluation over all
crops.
"""

import math

import torch
from tqdm import tqdm

from invariscope import texture
from invariscope.spectrum import precondition, preconditioner
from invariscope.synthesis import start

from .quality import plain_network
from .setting import timed

UNITS = 16, 19, 22, 31
SCHEDULES = 100, 300


def published(observe, raw, mask, norm, steps=700, rate=0.1, patience=100):
    """The authors' loop for one unit, written plainly: the global scale is differentiated, too."""
    factor = preconditioner(len(mask))
    raw = raw.clone().requires_grad_()
    adam = torch.optim.Adam([raw], lr=rate)
    average, lowest, waited = None, math.inf, 0

    def scaled():
        crops = texture.cut(raw, mask)
        scale = norm / crops.square().sum((2, 3, 4)).mean().sqrt()
        return scale, scale * crops

    for _ in tqdm(range(steps), "published", leave=False):
        _, crops = scaled()
        crops.register_hook(lambda gradient: precondition(gradient, factor))
        loss = -observe(crops, torch.zeros(1, dtype=torch.long))[0].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        average = float(loss) if average is None else 0.9 * average + 0.1 * float(loss)
        lowest, waited = (average, 0) if average < lowest else (lowest, waited + 1)
        if waited > patience:
            break
    with torch.no_grad():
        return scaled()[0] * raw


def measure(setting):
    """Rows, one for each method, and notes."""
    side, norm, mask = setting.side, setting.norm, texture.crop_mask(setting.side)
    raw = start(2 * side - 1, 1, UNITS, "benchmark")[:, 0]
    everything, network = setting.observe(UNITS), plain_network(setting)

    def responses(textures):
        return texture.crop_responses(everything, textures, mask, norm)[0]

    def ours(steps):
        return responses(texture.climb(everything, raw, mask, norm, steps, 4, 0, ("benchmark",)))

    def plain(unit):
        return lambda crops, _: (network(crops[0])[0][None, :, unit],)

    def theirs(steps):
        textures = [
            published(plain(unit), raw[row : row + 1], mask, norm, steps)
            for row, unit in enumerate(UNITS)
        ]
        return responses(torch.cat(textures))

    ours(5)
    theirs(1)
    found = {f"ours, {steps} steps": timed(ours, steps) for steps in SCHEDULES}
    found = {"published": timed(theirs, 700), **found}
    base, crops = found["published"]
    goal = crops.mean((1, 2))
    rows = [
        dict(
            test=name,
            s_per_unit=seconds / len(UNITS),
            mean=float(crops.mean()),
            min=float(crops.amin((1, 2)).mean()),
            reached=int((crops.mean((1, 2)) >= goal).sum()),
            faster=base / seconds,
        )
        for name, (seconds, crops) in found.items()
    ]
    notes = [f"units {', '.join(map(str, UNITS))}; reached: units of at least the published mean"]
    return dict(rows=rows, notes=notes)
