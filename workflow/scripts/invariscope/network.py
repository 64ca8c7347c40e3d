"""Networks of the registry: their architecture, and what is known of their layers."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from . import cells, models
from .architecture import Architecture
from .files import write_whole
from .receptive_field import channels, receptive_field
from .tracing import trace


def architecture(name, layers):
    """Architecture `name` ('cells', or one that `models` knows), as far as `layers` need it.

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
    code : dict or str
        Digests of the code that computes the facts.
    folder : path
        The facts are kept here, under the digest of all they follow from: tracing an architecture
        takes seconds, and Snakemake asks at every start.

    Returns
    -------
    dict of str to dict
        Layer to its number of 'channels', its receptive field 'rf' and the layers 'below' it.

    Raises
    ------
    UserError
        If there is no such architecture or node, a layer has no square receptive field, or
        torchvision has not the weights named.
    """
    name, published = entry["architecture"], entry["weights"].get("torchvision")
    source = [name, entry["layers"], published, version("torchvision"), code]
    digest = hashlib.sha256(json.dumps(source).encode()).hexdigest()
    path = Path(folder) / f"{digest}.json"
    if path.exists():
        return json.loads(path.read_text())
    found = _facts(architecture(name, entry["layers"]))
    if published:
        models.published(name, published)
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(found))
    return found


def _facts(whole: Architecture):
    layers = {}
    for layer in whole.layers:
        nodes = whole.below(layer)
        below = [k for k, node in whole.layers.items() if node in nodes and k != layer]
        rf = receptive_field(whole, layer)  # refuses one that is not square
        layers[layer] = dict(channels=channels(whole, layer), rf=rf, below=below)
    return layers
