"""The study: config and registry, checked; what rules ask of them."""

import json
import shutil
import sys
from functools import cache
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from invariscope import code, natural, network, weights
from invariscope.config import blocks, read_registry, resolve, validate
from invariscope.errors import UserError, choices


@cache
def facts(name):
    """What is known of the layers of network `name`."""
    if name not in REGISTRY:
        raise UserError(f"{config['registry']}: no network '{name}'; it has: {choices(REGISTRY)}")
    digest = code.digest(SCRIPTS / "invariscope" / "network.py")
    return network.facts(REGISTRY[name], digest, "results/.architectures")


def record(script, **named):
    """All that a job's result depends on besides its input files, as canonical text.

    The named parameters, and the digest of the code that the script runs.
    """
    return json.dumps({**named, "code": code.digest(SCRIPTS / script)}, sort_keys=True)


try:
    validate(config, "config", "config")
    REGISTRY = read_registry(config["registry"])
    STUDY = resolve(config, facts)
    PHOTOS = natural.photo_paths(config["natural"]["photos"])
except UserError as error:
    sys.exit(f"invariscope: {error}")

OUT = f"results/{config['name']}"
CELLS = [key for key in STUDY if REGISTRY[key[0]]["architecture"] == "cells"]
REAL = [key for key in STUDY if key not in CELLS]
# A GPU is shared by no two jobs: each that wants one claims all there is (see the profile).
GPU = int(shutil.which("nvidia-smi") is not None)


def deepest(name):
    """Layers of network `name` that the study needs, less those that lie below another."""
    needed = {layer for owner, layer in STUDY if owner == name}
    return sorted(needed - {below for layer in needed for below in facts(name)[layer]["below"]})


def blocks_of(name, layer):
    """Blocks of units studied in a layer."""
    return blocks(STUDY[name, layer]["units"], config["block"])


def stimuli_files(layers):
    """Stimuli files of all blocks of some (network, layer) of the study."""
    return [
        f"{OUT}/stimuli/{name}/{layer}/{block}.nc"
        for name, layer in layers
        for block in blocks_of(name, layer)
    ]


def gallery_units():
    """Units that the gallery shows, by network and layer."""
    chosen = {}
    for name, layer in REAL:
        chosen.setdefault(name, {})[layer] = STUDY[name, layer]["show"]
    return chosen


def figures():
    """Figures that the study's layers allow."""
    return ["diversity"] + ["gallery"] * bool(REAL) + ["ground_truth"] * bool(CELLS)


wildcard_constraints:
    network="|".join(REGISTRY),
    layer="[^/]+",
    block=r"\d+-\d+",
    figure=r"[a-z_]+",
