"""The valid-mode response: a layer's value from its receptive field alone.

No padding is ever applied. At one output position this costs only the arithmetic of the receptive
field, and equals what the whole network gives at an interior position of a large image.
"""

import torch
import torch.nn.functional as F

from . import first_convolution, winograd
from .folding import folded
from .receptive_field import extent

_POINTWISE = {
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "hardswish": F.hardswish,
    "gelu": F.gelu,
    "sigmoid": torch.sigmoid,
    "identity": lambda x: x,
}


class Trunk:
    """The lower layers of a network, run without padding.

    Parameters
    ----------
    architecture : Architecture
    parameters : dict of str to torch.Tensor
        The parameters that the architecture's nodes read. They need no gradient.
    std : sequence of 3 floats
        The network expects stimuli (8-bit units, mean subtracted) divided by 255 * std.
    device : torch.device or str

    Attributes
    ----------
    architecture : Architecture
        As it is run: of the same layers, with batch norms `folded`.
    """

    def __init__(self, architecture, parameters, std, device="cpu"):
        architecture, parameters = folded(architecture, parameters)
        self.architecture = architecture
        self.device = torch.device(device)
        self.parameters = {
            name: _for_convolution(value.detach().float()).to(self.device)
            for name, value in parameters.items()
        }
        scale = 1 / (255 * torch.tensor(std, dtype=torch.float32))
        self.scale = scale.to(self.device)[:, None, None]
        self._pooled = _pooled(architecture)
        self._extents = {}
        self._kernels = {}

    def run(self, stimuli, layer, size=(1, 1), record=(), channels=None):
        """Values of `layer`, and of the `record`ed layers as far as `layer` depends on them.

        Parameters
        ----------
        stimuli : torch.Tensor, (batch, 3, height, width)
            8-bit units, dataset mean subtracted; exactly as large as `size` outputs need.
        layer : str
        size : (int, int)
            Vertical and horizontal number of neighbouring outputs.
        record : sequence of str
            Layers below `layer` whose values are wanted too.
        channels : torch.Tensor, (group,), optional
            The one channel that is wanted for each of several groups of stimuli, as many for each,
            one group after the other. At one output only.

        Returns
        -------
        value : torch.Tensor, (batch, channels, *size), or (batch,) if `channels` are given
            Before the layer's own ReLU.
        recorded : list of torch.Tensor, (batch, channels, height, width)
            One per entry of `record`, before its own ReLU.
        """
        vertical, horizontal = self._extent(layer, size[0], 0), self._extent(layer, size[1], 1)
        # With each value, whether a ReLU is still to be applied to it. That is left to the node
        # that reads it: a transformed convolution does it by the way, and after max pooling, which
        # it can be swapped with, there is less to do.
        values = {}
        at = self.architecture.layers
        wanted = {at[name] for name in (layer, *record)}
        for node in self.architecture.nodes:
            if node.name not in vertical.have or node.name in values:
                continue
            if node.op == "input":
                expected = tuple(_length(e.have[node.name]) for e in (vertical, horizontal))
                if tuple(stimuli.shape[-2:]) != expected:
                    raise ValueError(
                        f"{size} outputs of '{layer}' need stimuli of {expected} pixels, "
                        f"not {tuple(stimuli.shape[-2:])}"
                    )
                value = (stimuli * self.scale).contiguous(memory_format=torch.channels_last)
                values[node.name] = value, False
            else:
                length = [_length(e.have[node.name]) for e in (vertical, horizontal)]
                tile = self._tile(node, length)
                inputs, rectified = [], False
                for below in node.inputs:
                    if not (tile or node.op in ("relu", "max_pool")):
                        values[below] = _plain(*values[below])
                    value, rectified = values[below]
                    needs = [
                        (e.have[below], e.need[node.name, below]) for e in (vertical, horizontal)
                    ]
                    inputs.append(_crop(value, needs))
                if node.op == "relu":
                    values[node.name] = inputs[0], True
                elif channels is not None and node.name == at[layer] and _is_dense(node):
                    values[node.name] = self._of_channels(node, inputs[0], channels), False
                elif tile:
                    path = self._pooled.get(node.name, (node.name,))
                    if wanted.intersection(path[:-1]) or not vertical.have.keys() >= set(path):
                        path = (node.name,)  # what lies between it and its pooling is wanted
                    value = self._transformed(node, tile, inputs[0], rectified, len(path) > 1)
                    values.update(dict.fromkeys(path, (value, len(path) > 2)))
                else:
                    values[node.name] = self._apply(node, inputs), rectified
        value, recorded = _plain(*values[at[layer]])[0], [_plain(*values[at[n]])[0] for n in record]
        if channels is not None and value.ndim > 1:
            value = value.flatten(1).unflatten(0, (len(channels), -1))
            value = value.gather(2, channels[:, None, None].expand(*value.shape[:2], 1)).flatten()
        return value, recorded

    def _of_channels(self, node, value, channels):
        """The one output of a convolution that each of some groups of stimuli wants, (batch,)."""
        names, (down, across) = node.settings["parameters"], node.settings["window"]["dilation"]
        # Channels last, as they lie in memory on the CPU.
        seen = value[..., ::down, ::across].permute(0, 2, 3, 1).flatten(1)
        weight = self.parameters[names["weight"]][channels].permute(0, 2, 3, 1).flatten(1)
        found = (seen.unflatten(0, (len(channels), -1)) @ weight[..., None])[..., 0]
        if "bias" in names:
            found = found + self.parameters[names["bias"]][channels, None]
        return found.flatten()

    def _tile(self, node, size):
        """Tiles with which outputs of this size are quickest by Winograd's transforms, or 0."""
        if not _is_dense(node) or {*node.settings["window"]["stride"]} != {1}:
            return 0
        return winograd.best_tile(self.parameters[_weight(node)], size) * self._is_quick(node)

    def _is_quick(self, node):
        """Whether there may be something quicker here than the library's convolution."""
        single = self.parameters[_weight(node)].dtype == torch.float32
        whole = _is_dense(node) and {*node.settings["window"]["dilation"]} == {1}
        return whole and single and self.device.type == "cpu"

    def _transformed(self, node, tile, value, rectified, pooled):
        """Such a convolution, of the positive part of `value` if that is `rectified`."""
        if (node.name, tile) not in self._kernels:
            weight = self.parameters[_weight(node)]
            bias = node.settings["parameters"].get("bias")
            with torch.inference_mode(False):  # they may serve for gradients, too
                bias = weight.new_zeros(len(weight)) if bias is None else self.parameters[bias]
                self._kernels[node.name, tile] = *winograd.transform(weight, tile), bias
        kernels = self._kernels[node.name, tile]
        return winograd.Convolution.apply(value, *kernels, rectified, pooled)

    def _extent(self, layer, size, axis):
        key = layer, size, axis
        if key not in self._extents:
            self._extents[key] = extent(self.architecture, layer, size, axis)
        return self._extents[key]

    def _apply(self, node, inputs):
        """Value of one node; never in place, so that recorded values stay what they were."""
        settings = node.settings
        names = settings.get("parameters", {})
        parameter = {role: self.parameters[name] for role, name in names.items()}
        window = settings.get("window", {})
        if node.op == "conv":
            if self._is_quick(node) and parameter["weight"].shape[1] <= first_convolution.FEW:
                return first_convolution.Convolution.apply(
                    inputs[0], parameter["weight"], parameter.get("bias"), window["stride"]
                )
            return F.conv2d(
                inputs[0],
                parameter["weight"],
                parameter.get("bias"),
                stride=window["stride"],
                dilation=window["dilation"],
                groups=settings["groups"],
            )
        if node.op == "batch_norm":
            return F.batch_norm(inputs[0], training=False, eps=settings["eps"], **parameter)
        if node.op == "max_pool":
            return F.max_pool2d(
                inputs[0], window["kernel"], window["stride"], dilation=window["dilation"]
            )
        if node.op == "avg_pool":
            return F.avg_pool2d(inputs[0], window["kernel"], window["stride"])
        if node.op == "add":
            return inputs[0] + inputs[1]
        if node.op == "cat":
            return torch.cat(inputs, 1)
        if node.op == "pool_templates":
            return pool_templates(inputs[0], settings["pools"])
        return _POINTWISE[node.op](inputs[0])


def pool_templates(projections, pools):
    """Responses of model cells from the projections of the image on their templates.

    Parameters
    ----------
    projections : torch.Tensor, (batch, templates, height, width)
    pools : list of (str, int)
        For each cell, 'max' or 'norm', and how many of the templates, in order, it pools.

    Returns
    -------
    torch.Tensor, (batch, cells, height, width)
    """
    parts = projections.split([count for _, count in pools], 1)
    pooled = [
        part.amax(1) if kind == "max" else torch.linalg.vector_norm(part, dim=1)
        for part, (kind, _) in zip(parts, pools, strict=True)
    ]
    return torch.stack(pooled, 1)


def _for_convolution(parameter):
    """Lay out 4-D weights channels-last, the layout in which convolutions run fastest."""
    if parameter.ndim == 4:
        return parameter.contiguous(memory_format=torch.channels_last)
    return parameter


def _is_dense(node):
    """Whether a node is a convolution of all its input channels at once."""
    return node.op == "conv" and node.settings["groups"] == 1


def _pooled(architecture):
    """Convolutions that are read for nothing but max pooling of 2 by 2, past a ReLU or not.

    Returns
    -------
    dict of str to tuple of str
        Each with the nodes from it to its pooling.
    """
    readers = {node.name: [] for node in architecture.nodes}
    for node in architecture.nodes:
        for below in node.inputs:
            readers[below].append(node)
    found = {}
    for node in filter(_is_dense, architecture.nodes):
        path = [node]
        while len(readers[path[-1].name]) == 1:
            path += readers[path[-1].name]
            if path[-1].op != "relu" or len(path) == 3:
                break
        window = path[-1].settings.get("window")
        halving = dict(kernel=(2, 2), stride=(2, 2), dilation=(1, 1))
        if path[-1].op == "max_pool" and {k: tuple(window[k]) for k in halving} == halving:
            found[node.name] = tuple(each.name for each in path)
    return found


def _weight(node):
    """Name of the weights of a convolution."""
    return node.settings["parameters"]["weight"]


def _plain(value, rectified):
    """A value as it is, with the ReLU that it is yet to pass if it is `rectified`."""
    return value.relu() if rectified else value, False


def _length(interval):
    return interval[1] - interval[0] + 1


def _crop(value, intervals):
    """Cut `value` from the interval each axis has down to the one it needs."""
    for axis, (have, need) in zip((-2, -1), intervals, strict=True):
        if have != need:
            value = value.narrow(axis, need[0] - have[0], _length(need))
    return value
