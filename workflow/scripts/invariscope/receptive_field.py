"""Receptive fields, computed from the architecture.

Every node lives on an integer grid. Going down from a layer, each operation says which interval of
its input an interval of its output depends on. At the input, that interval is the receptive field.
"""

from dataclasses import dataclass

from .errors import UserError

Interval = tuple[int, int]


@dataclass(frozen=True)
class Extent:
    """What a layer's output needs along one axis.

    Attributes
    ----------
    have : dict of str to (first, last)
        For each node, the interval it must cover: what all its readers need together.
    need : dict of (reader, node) to (first, last)
        For each edge, the part of `node` that `reader` needs. A shortcut needs less than the
        branch beside it; it is cropped by the difference.
    """

    have: dict[str, Interval]
    need: dict[tuple[str, str], Interval]


def extent(architecture, layer, size=1, axis=0):
    """Intervals of all nodes that `size` neighbouring outputs of `layer` depend on.

    Parameters
    ----------
    architecture : Architecture
    layer : str
    size : int
        Number of neighbouring positions of the layer.
    axis : {0, 1}
        0 vertical, 1 horizontal.

    Returns
    -------
    Extent
        Intervals are inclusive and on each node's own grid; away from image borders they are
        exact, and padding never enters.
    """
    have = {architecture.layers[layer]: (0, size - 1)}
    need = {}
    for node in reversed(architecture.nodes):
        if node.name not in have:
            continue
        first, last = have[node.name]
        if window := node.settings.get("window"):
            step, padding = window["stride"][axis], window["padding"][axis]
            reach = window["dilation"][axis] * (window["kernel"][axis] - 1)
            first = first * step - padding
            last = last * step - padding + reach
        for below in node.inputs:
            need[node.name, below] = (first, last)
            known = have.get(below, (first, last))
            have[below] = (min(known[0], first), max(known[1], last))
    return Extent(have, need)


def input_interval(architecture, layer, size=1, axis=0):
    """Interval of input pixels that `size` neighbouring outputs of `layer` depend on."""
    (source,) = (node.name for node in architecture.nodes if node.op == "input")
    return extent(architecture, layer, size, axis).have[source]


def stride(architecture, layer, axis=0):
    """Distance in input pixels between what two neighbouring outputs of `layer` depend on."""
    one, two = (input_interval(architecture, layer, size, axis) for size in (1, 2))
    return two[1] - one[1]


def receptive_field(architecture, layer):
    """Side of the receptive field of one output of `layer`, in pixels.

    Raises
    ------
    UserError
        If the receptive field is not square.
    """
    sides = []
    for axis in (0, 1):
        first, last = input_interval(architecture, layer, axis=axis)
        sides.append(last - first + 1)
    if sides[0] != sides[1]:
        raise UserError(
            f"layer '{layer}': its receptive field is {sides[0]} by {sides[1]} pixels; "
            "only square ones are supported"
        )
    return sides[0]


def channels(architecture, layer):
    """Number of channels of `layer`."""
    nodes = {node.name: node for node in architecture.nodes}

    def count(name):
        node = nodes[name]
        if node.op == "input":
            return 3
        if "channels" in node.settings:
            return node.settings["channels"]
        if node.op == "cat":
            return sum(count(below) for below in node.inputs)
        return count(node.inputs[0])

    return count(architecture.layers[layer])
