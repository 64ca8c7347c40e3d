"""Random numbers that depend on names, never on order."""

import hashlib

import numpy as np


def generator(*names):
    """Random generator of a thing, seeded by the words that name it.

    Parameters
    ----------
    *names : str or int
        For example network, layer, channel, condition. Order matters.

    Returns
    -------
    numpy.random.Generator
    """
    words = "\x1f".join(str(name) for name in names)
    digest = hashlib.sha256(words.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
