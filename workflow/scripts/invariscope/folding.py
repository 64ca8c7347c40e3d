"""Batch norms folded into the convolutions that they follow, which do the work of both."""

from collections import Counter
from dataclasses import replace

from torch.nn.utils.fusion import fuse_conv_bn_weights

from .architecture import Architecture


def folded(architecture, parameters):
    """An architecture of the same layers with fewer batch norms, and its parameters.

    A batch norm stays where the convolution's own value is a layer or is read by others, too.

    Parameters
    ----------
    architecture : Architecture
    parameters : dict of str to torch.Tensor

    Returns
    -------
    architecture : Architecture
    parameters : dict of str to torch.Tensor
        Those that its nodes read.
    """
    named = {node.name: node for node in architecture.nodes}
    read = Counter(below for node in architecture.nodes for below in node.inputs)
    read.update(architecture.layers.values())
    nodes, parameters = dict(named), dict(parameters)
    for node in architecture.nodes:
        if node.op != "batch_norm":
            continue
        below = named[node.inputs[0]]
        if below.op != "conv" or read[below.name] > 1:
            continue
        roles = {role: f"{node.name}.folded_{role}" for role in ("weight", "bias")}
        of, norm = _of(below, parameters), _of(node, parameters)
        moments = norm["running_mean"], norm["running_var"], node.settings["eps"]
        scale = norm["weight"], norm["bias"]
        both = fuse_conv_bn_weights(of["weight"], of.get("bias"), *moments, *scale)
        parameters.update(zip(roles.values(), both, strict=True))
        nodes[node.name] = replace(
            below, name=node.name, settings=below.settings | {"parameters": roles}
        )
        del nodes[below.name]
    found = Architecture(tuple(nodes.values()), architecture.layers)
    return found, {name: parameters[name] for name in found.parameters()}


def _of(node, parameters):
    """The parameters of a node by what they are to it, in double precision."""
    names = node.settings["parameters"]
    return {role: parameters[name].detach().double() for role, name in names.items()}
