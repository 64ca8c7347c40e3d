"""The valid-mode response: a layer's value from its receptive field alone.

No padding is ever applied. At one output position this costs only the arithmetic of the receptive
field, and equals what the whole network gives at an interior position of a large image.
"""

import torch
import torch.nn.functional as F

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
    """

    def __init__(self, architecture, parameters, std, device="cpu"):
        self.architecture = architecture
        self.device = torch.device(device)
        self.parameters = {
            name: _for_convolution(value.detach().float()).to(self.device)
            for name, value in parameters.items()
        }
        scale = 1 / (255 * torch.tensor(std, dtype=torch.float32))
        self.scale = scale.to(self.device)[:, None, None]
        self._extents = {}

    def run(self, stimuli, layer, size=(1, 1), record=()):
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

        Returns
        -------
        value : torch.Tensor, (batch, channels, *size)
            Before the layer's own ReLU.
        recorded : list of torch.Tensor, (batch, channels, height, width)
            One per entry of `record`, before its own ReLU.
        """
        vertical, horizontal = self._extent(layer, size[0], 0), self._extent(layer, size[1], 1)
        values = {}
        for node in self.architecture.nodes:
            if node.name not in vertical.have:
                continue
            if node.op == "input":
                expected = tuple(_length(e.have[node.name]) for e in (vertical, horizontal))
                if tuple(stimuli.shape[-2:]) != expected:
                    raise ValueError(
                        f"{size} outputs of '{layer}' need stimuli of {expected} pixels, "
                        f"not {tuple(stimuli.shape[-2:])}"
                    )
                value = (stimuli * self.scale).contiguous(memory_format=torch.channels_last)
            else:
                inputs = [
                    _crop(
                        values[below],
                        [(e.have[below], e.need[node.name, below]) for e in (vertical, horizontal)],
                    )
                    for below in node.inputs
                ]
                value = self._apply(node, inputs)
            values[node.name] = value
        at = self.architecture.layers
        return values[at[layer]], [values[at[name]] for name in record]

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


def _length(interval):
    return interval[1] - interval[0] + 1


def _crop(value, intervals):
    """Cut `value` from the interval each axis has down to the one it needs."""
    for axis, (have, need) in zip((-2, -1), intervals, strict=True):
        if have != need:
            value = value.narrow(axis, need[0] - have[0], _length(need))
    return value
