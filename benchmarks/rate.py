"""Image-steps per second, beside other packages, at equal size, layer, objective and threads.

One image-step is one step of one image. With one unit the batch is its 6 images; with more, the
images of all units make one batch, in every package alike.
"""

import copy
from functools import partial

import torch

from . import peers, published
from .quality import ours, plain_network
from .setting import IMAGES, WEIGHT, in_turn

IMAGE_STEPS = 1500  # of each measurement, about


def measure(setting):
    """Rows, one for each package and size of the batch, and notes."""
    network = plain_network(setting)
    channels_last = copy.deepcopy(network).to(memory_format=torch.channels_last)
    found, missing = peers.installed()
    rows = []
    for count in sorted({1, len(setting.units)}):
        units = setting.units[:count]
        steps = max(IMAGE_STEPS // (count * IMAGES), 10)
        raw = setting.start(units).flatten(0, 1)
        rest = units, setting.norm, WEIGHT
        last = raw.contiguous(memory_format=torch.channels_last)
        loops = {
            "ours": partial(ours, setting, units, steps),
            "plain loop": partial(published.climb, network, raw, *rest, steps, steps),
            "plain loop, channels last": partial(
                published.climb, channels_last, last, *rest, steps, steps
            ),
        }
        for name, peer in found.items():
            loops[name] = lambda peer=peer: peer(network, raw, *rest)(steps)  # noqa: B023
        for name, seconds in in_turn(loops, setting.repeats).items():
            images = count * IMAGES
            rate = images * steps / seconds
            rows.append(dict(loop=name, images=images, steps=steps, image_steps_per_s=rate))
    for row in rows:
        rivals = [other for other in rows if other["loop"] in found]
        equal = [other for other in rivals if other["images"] == row["images"]]
        for name, others in (("by_best_peer", rivals), ("at_equal_batch", equal)):
            best = max((other["image_steps_per_s"] for other in others), default=None)
            row[name] = row["image_steps_per_s"] / best if best else None
    notes = [
        f"medians of {setting.repeats} runs, taken in turn, set-up included",
        "plain loop: the published optimiser as in `quality`, without stopping",
        "by_best_peer: relative to the fastest package but ours, whatever its batch; "
        "at_equal_batch: to the fastest with as many images",
        *missing,
    ]
    return dict(rows=rows, notes=notes)
