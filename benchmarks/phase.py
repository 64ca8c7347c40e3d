"""Phase stage: seconds per unit of what it does with the stimuli of a block of units."""

import numpy as np
import torch

from invariscope import phase, texture
from invariscope.synthesis import start

from .setting import timed

BLOCK = "0016-0031"
PHASES, STEPS = 16, 300  # the workflow's defaults


def measure(setting):
    """Rows, one for each part, and notes."""
    stimuli = setting.stimuli(BLOCK)
    units = stimuli.unit.values.tolist()
    restarts = torch.from_numpy(stimuli.stimulus.sel(condition="restarts").values)
    observe, norm = setting.observe(units), setting.norm
    mask = texture.crop_mask(setting.side)
    phases = torch.arange(PHASES, dtype=torch.float64) * (2 * np.pi / PHASES)
    raw = start(2 * setting.side - 1, 1, units, "benchmark")[:, 0]

    def tuning():
        angle, _, _ = phase.direction(restarts)
        return phase.tune(observe, restarts, phases, angle, phase.frequency(restarts))

    def climb():
        return texture.climb(observe, raw, mask, norm, STEPS, 4, 0, ("benchmark",))

    def crops():
        return texture.crop_responses(observe, raw, mask, norm)

    def masked():
        return texture.masked_a_max(observe, restarts, mask, norm)

    parts = {
        f"tuning, {PHASES} phases, both forms": tuning,
        f"texture, {STEPS} steps": climb,
        "responses to all crops": crops,
        "a_max under the mask": masked,
    }
    for part in (tuning, crops):
        part()
    rows = [dict(part=name, s_per_unit=timed(part)[0] / len(units)) for name, part in parts.items()]
    return dict(rows=rows, notes=[f"{len(units)} units in one batch"])
