"""Weights as the workflow keeps them: one file, with the architecture that reads them."""

import numpy as np
from safetensors import safe_open

from .architecture import Architecture
from .files import write_whole


def save(path, architecture, parameters):
    """Write the parameters and the architecture that reads them as one .safetensors file."""
    from safetensors.numpy import save_file

    kept = {name: np.ascontiguousarray(parameters[name]) for name in architecture.parameters()}
    with write_whole(path) as temporary:
        save_file(kept, temporary, metadata={"architecture": architecture.to_json()})


def load(path):
    """Architecture and parameters of a file that `save` wrote.

    Returns
    -------
    Architecture
    dict of str to torch.Tensor
    """
    with safe_open(path, "pt") as file:
        architecture = Architecture.from_json(file.metadata()["architecture"])
        return architecture, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
