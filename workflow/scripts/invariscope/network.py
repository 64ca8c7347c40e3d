"""Networks of the registry: their architecture, and what is known of their layers."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from . import cells
from .architecture import Architecture
from .files import write_whole
from .receptive_field import channels, receptive_field
from .tracing import trace


def architecture(name, layers):
    """Architecture `name` ('cells' or one of torchvision's), as far as `layers` need it.

    Parameters
    ----------
    name : str
    layers : dict of str to str
        Layer to torchvision's name of its node; see `tracing.trace`.

    Returns
    -------
    Architecture
    """
    return cells.architecture()[0] if name == "cells" else trace(name, layers)


def facts(entry, code, folder):
    """What a study must know of a network's layers before anything runs.

    Parameters
    ----------
    entry : dict
        Of the registry.
    code : str
        Digest of the code that computes the facts.
    folder : path
        The facts are kept here, under the digest of all they follow from: tracing an architecture
        takes seconds, and Snakemake asks at every start.

    Returns
    -------
    dict of str to dict
        Layer to its number of 'channels' and the layers 'below' it.
    """
    source = [entry["architecture"], entry["layers"], version("torchvision"), code]
    digest = hashlib.sha256(json.dumps(source).encode()).hexdigest()
    path = Path(folder) / f"{digest}.json"
    if path.exists():
        return json.loads(path.read_text())
    found = _facts(architecture(entry["architecture"], entry["layers"]))
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(found))
    return found


def _facts(whole: Architecture):
    layers = {}
    for layer in whole.layers:
        nodes = whole.below(layer)
        below = [k for k, node in whole.layers.items() if node in nodes and k != layer]
        receptive_field(whole, layer)  # refuses one that is not square
        layers[layer] = dict(channels=channels(whole, layer), below=below)
    return layers
