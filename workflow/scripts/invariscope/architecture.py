"""A network as a list of plain operations.

A torchvision architecture is traced once into `Node`s: convolution, pooling, addition and so on,
each with its strides and paddings. Receptive fields and the valid-mode response are worked out on
that list, so they hold for any architecture whose operations are local.
"""

import json
import operator
import warnings
from dataclasses import asdict, dataclass, field

from .errors import UserError, choices

POINTWISE = ("relu", "relu6", "silu", "hardswish", "gelu", "sigmoid", "identity")


@dataclass(frozen=True)
class Node:
    """One operation: its name, what it does, the nodes it reads and its settings.

    `op` is one of input, conv, batch_norm, max_pool, avg_pool, add, cat, pool_templates or a
    member of `POINTWISE`. Windows (kernel, stride, padding, dilation) are (vertical, horizontal).
    """

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    settings: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Architecture:
    """Nodes in order of execution, and which node each named layer is read at."""

    nodes: tuple[Node, ...]
    layers: dict[str, str]

    def to_json(self):
        """Text from which `from_json` makes the same architecture."""
        return json.dumps({"nodes": [asdict(n) for n in self.nodes], "layers": self.layers})

    @staticmethod
    def from_json(text):
        """Architecture stored by `to_json`."""
        stored = json.loads(text)
        nodes = tuple(Node(**{**n, "inputs": tuple(n["inputs"])}) for n in stored["nodes"])
        return Architecture(nodes, stored["layers"])

    def below(self, layer):
        """Names of the nodes that `layer` depends on, itself included, in order of execution."""
        needed = {self.layers[layer]}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return [node.name for node in self.nodes if node.name in needed]

    def parameters(self):
        """Names of the parameters that the nodes read."""
        names = []
        for node in self.nodes:
            names += node.settings.get("parameters", {}).values()
        return names

    def truth(self, layer):
        """Known class of each channel of `layer` where it is a layer of model cells, else None."""
        (node,) = (node for node in self.nodes if node.name == self.layers[layer])
        return node.settings.get("truth")

    def upto(self, layers):
        """The part of the architecture that `layers` need, and every named layer within it."""
        needed = set().union(*(self.below(layer) for layer in layers))
        nodes = tuple(node for node in self.nodes if node.name in needed)
        return Architecture(nodes, {k: v for k, v in self.layers.items() if v in needed})


def trace(name, layers):
    """Trace a torchvision architecture.

    Parameters
    ----------
    name : str
        Name of a model builder of torchvision, such as 'vgg16'.
    layers : dict of str to str
        Layer name to torchvision's name of the graph node it is read at (as listed by
        `torchvision.models.feature_extraction.get_graph_node_names`).

    Returns
    -------
    Architecture

    Raises
    ------
    UserError
        If torchvision has no such architecture or node, or if a layer depends on an operation
        that is not local (it then has no receptive field smaller than the image).
    """
    import torch
    import torchvision
    from torchvision.models.feature_extraction import (
        create_feature_extractor,
        get_graph_node_names,
    )

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise UserError(
            f"architecture '{name}' is unknown to torchvision; it has: {choices(known)}"
        )
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on initialisation, and on nodes of the training mode
        model = torchvision.models.get_model(name, weights=None).eval()
        available = get_graph_node_names(model)[1]
    for layer, node in layers.items():
        if node not in available:
            raise UserError(
                f"layer '{layer}' of architecture '{name}': no graph node '{node}'; "
                f"it has: {choices(available, 40)}"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extractor = create_feature_extractor(model, {n: n for n in layers.values()}).eval()
    nodes, at = _read_graph(extractor, name)
    return Architecture(nodes, {layer: at[node] for layer, node in layers.items()})


def _read_graph(extractor, name):
    """Nodes of a traced module, and torchvision's node names mapped to theirs."""
    modules = dict(extractor.named_modules())
    nodes = []
    for fx in extractor.graph.nodes:
        if fx.op == "output":
            return tuple(nodes), {key: value.name for key, value in fx.args[0].items()}
        if fx.op == "placeholder":
            nodes.append(Node(fx.name, "input"))
            continue
        inputs = tuple(n.name for n in fx.all_input_nodes)
        if fx.op == "call_module":
            steps = _flatten(modules[fx.target], fx.target)
        else:
            steps = [(fx.target, _read_function(fx), {})]
        for position, (what, op, settings) in enumerate(steps, 1):
            if op is None:
                kind = getattr(what, "__name__", what)
                raise UserError(
                    f"architecture '{name}': node '{fx.name}' is {kind}, which is not a local "
                    "operation known here; choose layers below it"
                )
            step = fx.name if position == len(steps) else f"{fx.name}.{position}"
            nodes.append(Node(step, op, inputs, settings))
            inputs = (step,)
    raise AssertionError("a traced graph ends with its output")


def _flatten(module, path):
    """What a module does, as [(its type, operation, settings), ...], sequences taken apart."""
    import torch.nn as nn

    if isinstance(module, nn.Sequential):
        return [
            step
            for name, child in module.named_children()
            for step in _flatten(child, f"{path}.{name}")
        ]
    return [(type(module), *_read_module(module, path))]


def _pair(value):
    return [value, value] if isinstance(value, int) else list(value)


def _read_module(module, path):
    """Operation and settings of a torch module, or (None, {}) if it is not known."""
    import torch.nn as nn

    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            return None, {}
        window = dict(
            kernel=_pair(module.kernel_size),
            stride=_pair(module.stride),
            padding=_pair(module.padding),
            dilation=_pair(module.dilation),
        )
        parameters = {"weight": f"{path}.weight"}
        if module.bias is not None:
            parameters["bias"] = f"{path}.bias"
        return "conv", dict(
            window=window,
            groups=module.groups,
            channels=module.out_channels,
            parameters=parameters,
        )
    if isinstance(module, nn.BatchNorm2d):
        names = ("weight", "bias", "running_mean", "running_var")
        return "batch_norm", dict(eps=module.eps, parameters={n: f"{path}.{n}" for n in names})
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        window = dict(
            kernel=_pair(module.kernel_size),
            stride=_pair(module.stride),
            padding=_pair(module.padding),
            dilation=_pair(getattr(module, "dilation", 1)),
        )
        return "max_pool" if isinstance(module, nn.MaxPool2d) else "avg_pool", dict(window=window)
    simple = {
        nn.ReLU: "relu",
        nn.ReLU6: "relu6",
        nn.SiLU: "silu",
        nn.Hardswish: "hardswish",
        nn.GELU: "gelu",
        nn.Sigmoid: "sigmoid",
        nn.Identity: "identity",
        nn.Dropout: "identity",  # networks are always in evaluation mode here
    }
    return simple.get(type(module)), {}


def _read_function(fx):
    """Operation of a function or method call in a traced graph, or None if it is not known."""
    import torch

    two = len(fx.all_input_nodes) == 2
    if fx.op == "call_function":
        if fx.target in (operator.add, operator.iadd, torch.add) and two:
            return "add"
        if fx.target in (torch.relu, torch.nn.functional.relu):
            return "relu"
        if fx.target is torch.cat and fx.args[1:] == (1,):
            return "cat"
        if getattr(fx.target, "__name__", "") == "stochastic_depth":
            return "identity"
    if fx.op == "call_method" and fx.target in ("add", "add_") and two:
        return "add"
    return None
