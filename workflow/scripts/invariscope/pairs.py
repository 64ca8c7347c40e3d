"""Which stimuli are warped to which: a unit's own pairs, its null, and the pairs of its controls.

All choices are drawn by names: they depend on the units studied in the layer, but neither on their
order nor on how they are split into blocks.
"""

import numpy as np

from .seeds import generator

POOL = 48  # pairs of a layer whose warps serve as controls of the path test
CONTROLS = 2  # for each pair of a unit


def own_pairs(images):
    """Every pair of a unit's images once, each image being source about as often as target.

    Parameters
    ----------
    images : int

    Returns
    -------
    numpy.ndarray, (pair, 2)
        Source and target.
    """
    first, second = np.triu_indices(images, 1)
    turned = (second - first) % 2 == 0
    return np.where(turned[:, None], np.stack([second, first], 1), np.stack([first, second], 1))


def null_targets(unit, others, images, count, *names):
    """Stimuli of other units of the layer.

    Parameters
    ----------
    unit : int
    others : numpy.ndarray of int
        The other units that may serve, in order; at least one.
    images : int
        Per unit.
    count : int
        How many stimuli.
    *names : str or int
        What else names the draw.

    Returns
    -------
    numpy.ndarray, (count, 2)
        Unit and image. Each of the others serves before any serves again, with all its images
        before one comes again.
    """
    rng = generator(*names, "null", unit)
    each = np.stack([rng.permutation(images) for _ in others])
    turns = [rng.permutation(len(others)) for _ in range(-(-count // len(others)))]
    drawn = [
        np.stack([others[order], each[order, turn % images]], 1) for turn, order in enumerate(turns)
    ]
    return np.concatenate(drawn)[:count]


def control_pool(units, pairs, *names):
    """Pairs of a layer whose warps serve as controls.

    Parameters
    ----------
    units : numpy.ndarray of int
        Units of the layer that may serve, in order; at least one.
    pairs : int
        Per unit.
    *names : str or int

    Returns
    -------
    numpy.ndarray, (at most POOL, 2)
        Unit, and which of its pairs. Each unit serves before any serves again.
    """
    rng = generator(*names, "controls")
    each = np.stack([rng.permutation(pairs) for _ in units])
    turns = [rng.permutation(len(units)) for _ in range(pairs)]
    drawn = [np.stack([units[order], each[order, t]], 1) for t, order in enumerate(turns)]
    return np.concatenate(drawn)[:POOL]


def controls(unit, pool, pairs, *names):
    """Which controls of the pool each of a unit's pairs is compared with.

    Parameters
    ----------
    unit : int
    pool : numpy.ndarray, (control, 2)
        Of units other than `unit`; at least one control.
    pairs : int
    *names : str or int

    Returns
    -------
    numpy.ndarray, (pair, CONTROLS, 2)
        Unit, and which of its pairs.
    """
    rng = generator(*names, "controls", unit)
    turns = [rng.permutation(pool) for _ in range(-(-pairs * CONTROLS // len(pool)))]
    return np.concatenate(turns)[: pairs * CONTROLS].reshape(pairs, CONTROLS, 2)


def plan(units, layer, able, images, *names):
    """All fits that a block of units needs, each once.

    Parameters
    ----------
    units : sequence of int
        Of the block.
    layer : sequence of int
        Of all blocks of the layer, in order.
    able : sequence of bool
        Which of those may serve as null and control of others: those that respond at all.
    images : int
        Per unit.
    *names : str or int
        What names the draws: seed, network, layer.

    Returns
    -------
    dict of str to numpy.ndarray
        'pairs' (pair, 2), source and target image. 'null' (unit, pair, 2), unit and image of the
        targets, and 'control' (unit, pair, CONTROLS, 2), unit and pair; both -1 for a unit without
        others. 'fits' (fit, 2), source and target as positions in the layer's stimuli, all images
        of one unit after the other. 'own_fit' and 'null_fit' (unit, pair) and 'control_fit' (unit,
        pair, CONTROLS), positions in 'fits'; for a unit without others those of its own.
    """
    layer, able = np.asarray(layer), np.asarray(able)
    pairs = own_pairs(images)
    pool = control_pool(layer[able], len(pairs), *names) if able.any() else np.empty((0, 2), int)
    null = np.full((len(units), *pairs.shape), -1)
    control = np.full((len(units), len(pairs), CONTROLS, 2), -1)
    for row, unit in enumerate(units):
        if len(others := layer[able & (layer != unit)]):
            null[row] = null_targets(unit, others, images, len(pairs), *names)
            control[row] = controls(unit, pool[pool[:, 0] != unit], len(pairs), *names)

    def first(channels):
        return np.searchsorted(layer, channels) * images

    own = first(units)[:, None, None] + pairs
    alone = (null < 0).any((1, 2))[:, None]
    target = np.where(alone, own[..., 1], first(null[..., 0]) + null[..., 1])
    rows = {
        "own_fit": own,
        "null_fit": np.stack([own[..., 0], target], -1),
        "control_fit": np.where(
            alone[..., None, None],
            own[:, :, None],
            first(control[..., 0])[..., None] + pairs[control[..., 1]],
        ),
    }
    fits, which = np.unique(
        np.concatenate([r.reshape(-1, 2) for r in rows.values()]), axis=0, return_inverse=True
    )
    ends = np.cumsum([r.size // 2 for r in rows.values()])[:-1]
    found = {
        name: part.reshape(r.shape[:-1])
        for (name, r), part in zip(rows.items(), np.split(which.ravel(), ends), strict=True)
    }
    return {"pairs": pairs, "null": null, "control": control, "fits": fits, **found}
