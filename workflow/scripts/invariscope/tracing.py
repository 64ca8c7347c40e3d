"""From a torch module to the list of operations it consists of."""

import operator
import warnings
from dataclasses import replace

from . import models
from .architecture import Architecture, Node
from .errors import UserError, choices


def trace(name, layers):
    """Trace an architecture.

    Parameters
    ----------
    name : str
        As `models.build` knows it, such as 'vgg16'.
    layers : dict of str to str
        Layer name to torchvision's name of the graph node it is read at (as listed by
        `torchvision.models.feature_extraction.get_graph_node_names`).

    Returns
    -------
    Architecture

    Raises
    ------
    UserError
        If there is no such architecture or node, or if a layer depends on an operation
        that is not local (it then has no receptive field smaller than the image).
    """
    models.torchvision()
    from torchvision.models.feature_extraction import (
        create_feature_extractor,
        get_graph_node_names,
    )

    model = models.outline(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on nodes of the training mode
        available = get_graph_node_names(model)[1]
        for layer, node in layers.items():
            if node not in available:
                raise UserError(
                    f"layer '{layer}' of architecture '{name}': no graph node '{node}'; "
                    f"it has: {choices(available, node, 40)}"
                )
        extractor = create_feature_extractor(model, {n: n for n in layers.values()}).eval()
    nodes, at = _read_graph(extractor, name)
    at = {layer: at[node] for layer, node in layers.items()}
    return Architecture(_pool_first(nodes, set(at.values())), at)


def _pool_first(nodes, read):
    """Nodes with max pooling before the ReLU that it follows, wherever a layer is read at it.

    Which comes first changes no value further on. But a layer is read before its ReLU: after it, a
    unit that a random start does not drive would have no gradient to climb.
    """
    by_name = {node.name: node for node in nodes}
    replaced = {}
    for pool in nodes:
        if pool.op != "max_pool" or pool.name not in read:
            continue
        relu = by_name[pool.inputs[0]]
        readers = [node for node in nodes if relu.name in node.inputs]
        if relu.op == "relu" and readers == [pool] and relu.name not in read:
            replaced[relu.name] = replace(pool, inputs=relu.inputs)
            replaced[pool.name] = replace(relu, inputs=(pool.name,))
    behind = {name: node.name for name, node in replaced.items() if node.op == "relu"}
    for node in nodes:
        if node.name not in replaced:
            inputs = tuple(behind.get(name, name) for name in node.inputs)
            replaced[node.name] = replace(node, inputs=inputs)
    return tuple(replaced[node.name] for node in nodes)


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
                    f"architecture '{name}': node '{fx.target}' is {kind}, which is not a local "
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


def _window(module):
    """The window that a convolution or pooling slides over its input."""
    settings = dict(
        kernel=module.kernel_size,
        stride=module.stride,
        padding=module.padding,
        dilation=getattr(module, "dilation", 1),  # average pooling has none
    )
    return {k: [v, v] if isinstance(v, int) else list(v) for k, v in settings.items()}


def _read_module(module, path):
    """Operation and settings of a torch module, or (None, {}) if it is not known."""
    import torch.nn as nn

    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            return None, {}
        parameters = {"weight": f"{path}.weight"}
        if module.bias is not None:
            parameters["bias"] = f"{path}.bias"
        return "conv", dict(
            window=_window(module),
            groups=module.groups,
            channels=module.out_channels,
            parameters=parameters,
        )
    if isinstance(module, nn.BatchNorm2d) and module.affine and module.track_running_stats:
        names = ("weight", "bias", "running_mean", "running_var")
        return "batch_norm", dict(eps=module.eps, parameters={n: f"{path}.{n}" for n in names})
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        op = "max_pool" if isinstance(module, nn.MaxPool2d) else "avg_pool"
        return op, dict(window=_window(module))
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
