"""Roofline: operations per second in the synthesis loop, against what the machine reaches.

Operations are counted from the trunk's shapes: a plain convolution's multiplications and additions
forward, and as many again for the gradient of its input; there is none of the weights. All that is
not a convolution counts as none. The engine computes convolutions with fewer operations, so that
its loop may exceed the peak.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch.utils.benchmark import Timer

from invariscope.receptive_field import extent

from .quality import ours
from .setting import IMAGES, LAYER, in_turn

MATRIX = 2048  # side, of the product that gives the machine's peak
STEPS = 30


def convolutions(architecture, layer):
    """The convolutions below a layer that is read at one position, itself included.

    Parameters
    ----------
    architecture : Architecture
    layer : str

    Returns
    -------
    dict of str to (Node, (int, int))
        By node, with the height and width of its output in valid mode.
    """
    vertical, horizontal = (extent(architecture, layer, axis=axis).have for axis in (0, 1))
    found = {}
    for node in architecture.nodes:
        if node.op == "conv" and node.name in vertical:
            intervals = vertical[node.name], horizontal[node.name]
            found[node.name] = node, tuple(last - first + 1 for first, last in intervals)
    return found


def operations(architecture, parameters, layer):
    """Operations forward, for one stimulus, of each convolution below a layer.

    Twice its multiplications, for an addition comes with each; the gradient of its input takes as
    many again.

    Parameters
    ----------
    architecture : Architecture
    parameters : dict of str to torch.Tensor
    layer : str

    Returns
    -------
    dict of str to int
    """
    return {
        name: 2 * parameters[node.settings["parameters"]["weight"]].numel() * height * width
        for name, (node, (height, width)) in convolutions(architecture, layer).items()
    }


def measure(setting):
    """Rows, one for each kernel and the loop, and notes."""
    trunk, images = setting.trunk, IMAGES * len(setting.units)
    rows = [product(MATRIX, setting.threads, setting.repeats)]
    peak = rows[0]["gflop_per_s"]
    counts = operations(trunk.architecture, trunk.parameters, LAYER)
    layers = {node: layer for layer, node in trunk.architecture.layers.items()}
    together = 0
    for name, (node, size) in convolutions(trunk.architecture, LAYER).items():
        seconds = convolution_seconds(setting, node, size, images)
        for way, spent in zip(("forward", "backward"), seconds, strict=True):
            rows.append(row(f"{layers[name]} {way}", counts[name] * images, spent))
        together += sum(seconds)
    total = 2 * sum(counts.values()) * images
    rows.append(row("all convolutions", total, together))
    loop = in_turn({"loop": partial(ours, setting, setting.units, STEPS)}, setting.repeats)["loop"]
    rows.append(row("synthesis loop", total, loop / STEPS))
    for each in rows:
        each["of_peak"] = each["gflop_per_s"] / peak
    notes = [
        f"{images} images of {setting.side} pixels; {total / images / 1e6:.1f} million operations "
        f"an image-step, which the peak allows {peak * 1e9 / (total / images):.0f} times a second",
        f"peak: the fastest product of two {MATRIX} by {MATRIX} matrices, float32",
        "convolutions: each alone, channels last, medians",
    ]
    return dict(rows=rows, notes=notes, operations=counts)


def row(kernel, count, seconds):
    """One kernel's operations and what it reaches."""
    return dict(
        kernel=kernel,
        gflop=count / 1e9,
        ms=1e3 * seconds,
        gflop_per_s=count / seconds / 1e9,
    )


def convolution_seconds(setting, node, size, images):
    """Median seconds of a convolution of the loop, forward and backward to its input."""
    names, window = node.settings["parameters"], node.settings["window"]
    weight = setting.trunk.parameters[names["weight"]]
    bias = setting.trunk.parameters.get(names.get("bias"))
    sides = [
        (length - 1) * stride + dilation * (kernel - 1) + 1
        for length, stride, dilation, kernel in zip(
            size, window["stride"], window["dilation"], window["kernel"], strict=True
        )
    ]
    channels = weight.shape[1] * node.settings["groups"]
    value = torch.randn(images, channels, *sides).contiguous(memory_format=torch.channels_last)
    value.requires_grad_()

    def forward():
        return F.conv2d(
            value,
            weight,
            bias,
            stride=window["stride"],
            dilation=window["dilation"],
            groups=node.settings["groups"],
        )

    output = forward()
    gradient = torch.randn_like(output)

    def backward():
        return torch.autograd.grad(output, value, gradient, retain_graph=True)

    how = setting.threads, setting.repeats
    return timer(*how, forward).median, timer(*how, backward).median


def product(side, threads, repeats, device="cpu"):
    """Row of the fastest product of two square matrices, on a CPU or a GPU."""
    square = torch.randn(side, side, device=device)
    seconds = min(timer(threads, repeats, lambda: square @ square).times)
    return row("matrix product", 2 * side**3, seconds)


def timer(threads, repeats, function):
    """torch's own measurement of a function, which is called again and again."""
    timing = Timer("function()", globals={"function": function}, num_threads=threads)
    return timing.blocked_autorange(min_run_time=0.2 * repeats)
