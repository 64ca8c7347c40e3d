"""Other packages that optimise images, each given the published objective in the way it provides.

The network, the objective, Adam's step and the start are those of `published`; only the loop around
them is the package's own. What a package does by default beyond that, such as random transforms or
enlarging to 224 pixels, is switched off.
"""

import contextlib
import copy
import functools
import importlib.util
import io
import warnings
from importlib import metadata

import torch

from . import published

# By module, the package that brings it.
PACKAGES = {"plenoptic": "plenoptic", "lucent": "torch-lucent", "featurevis": "laminr"}


def installed():
    """The peers that are there, and why the others are not.

    Returns
    -------
    peers : dict of str to function
        By module, package and version; see `plenoptic` for what each takes and gives.
    missing : list of str
        A line each.
    """
    peers, missing = {}, []
    for module, package in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            missing.append(f"{package} is not installed; it comes with uv run --group benchmarks")
        else:
            peers[f"{module} ({package} {metadata.version(package)})"] = globals()[module]
    return peers, missing


def plenoptic(network, raw, units, norm, weight):
    """Metamer with a loss of its own.

    Parameters
    ----------
    network, raw, units, norm, weight
        As `published.climb` takes them.

    Returns
    -------
    function of an int
        Runs that many steps, once, and gives the objective at each, summed over units.
    """
    from plenoptic import Metamer

    class Model(torch.nn.Module):
        def forward(self, image):
            responses, features = network(published.on_the_sphere(image, norm))
            return torch.cat([responses, features], 1)

    channels = network.layers[-1].out_channels

    def loss(representation, _):
        responses, features = representation.tensor_split([channels], 1)
        return -published.objective(responses, features, units, weight).sum()

    def nothing(image):
        return 0 * image.sum()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it expects pixels from 0 to 1
        metamer = Metamer(raw, Model().eval(), loss, nothing, 0)
        metamer.setup(raw, torch.optim.Adam, {"lr": 1.0})

    def run(steps):
        with contextlib.redirect_stderr(io.StringIO()):
            metamer.synthesize(steps, stop_criterion=0)
        return [-float(value) for value in metamer.losses[:steps]]

    return run


def lucent(network, raw, units, norm, weight):
    """render_vis with images and an objective of its own; see `plenoptic`."""
    from lucent.optvis.objectives import Objective
    from lucent.optvis.render import render_vis

    raw = raw.clone().requires_grad_()
    values = []

    def loss(hook):
        responses, features = hook("layers_10").flatten(1), hook("layers_8").flatten(1)
        value = published.objective(responses, features, units, weight).sum()
        values.append(value.detach())
        return -value

    def run(steps):
        render_vis(
            copy.deepcopy(network),  # its hooks stay
            Objective(loss),
            lambda: ([raw], lambda: published.on_the_sphere(raw, norm)),
            functools.partial(torch.optim.Adam, lr=1.0),
            transforms=[],
            thresholds=(steps,),
            preprocess=False,
            progress=False,
            show_image=False,
            fixed_image_size=raw.shape[-1],
        )
        return [float(value) for value in values]

    return run


def featurevis(network, raw, units, norm, weight):
    """gradient_ascent, of the copy of featurevis that laminr carries; see `plenoptic`."""
    from featurevis import gradient_ascent

    def value(stimuli):
        return published.objective(*network(stimuli), units, weight).sum()

    def run(steps):
        with contextlib.redirect_stdout(io.StringIO()):
            _, values, _ = gradient_ascent(
                value,
                raw,
                transform=lambda image, iteration: published.on_the_sphere(image, norm),
                optim_name="Adam",
                step_size=1.0,
                num_iterations=steps,
                print_iters=steps + 1,
            )
        return values[:steps]

    return run
