"""Every operation a trunk knows, alone, against torch's own module; and what tracing refuses."""

import pytest
import torch
from torch import nn

from invariscope.architecture import Architecture, Node
from invariscope.errors import UserError
from invariscope.receptive_field import input_interval, receptive_field, stride
from invariscope.tracing import _read_graph
from invariscope.trunk import Trunk


def traced(module):
    """Architecture and parameters of a small module, through torch's own tracer."""
    graph = torch.fx.symbolic_trace(module.eval())
    last = next(node for node in graph.graph.nodes if node.op == "output")
    last.args = ({"out": last.args[0]},)
    nodes, at = _read_graph(graph, "small")
    return Architecture(nodes, {"layer": at["out"]}), module.state_dict()


MODULES = {
    "dilated": (nn.Sequential(nn.Conv2d(3, 4, 3, padding=2, dilation=2)), (-2, 2), (-2, 2)),
    "not square": (nn.Sequential(nn.Conv2d(3, 4, (3, 5), (1, 2), (0, 2))), (0, 2), (-2, 2)),
    "dilated pool": (
        nn.Sequential(nn.MaxPool2d(2, stride=1, dilation=3), nn.Conv2d(3, 2, 3)),
        (0, 5),
        (0, 5),
    ),
    "average pool": (nn.Sequential(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2)), (0, 3), (0, 3)),
    "grouped": (nn.Sequential(nn.Conv2d(3, 6, 3, groups=3)), (0, 2), (0, 2)),
    "relu6": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU6()), (0, 0), (0, 0)),
    "silu": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.SiLU()), (0, 0), (0, 0)),
    "hardswish": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Hardswish()), (0, 0), (0, 0)),
    "gelu": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.GELU()), (0, 0), (0, 0)),
    "sigmoid": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid()), (0, 0), (0, 0)),
    "dropout": (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.9)), (0, 0), (0, 0)),
}


@pytest.mark.parametrize("name", MODULES)
def test_alone(name):
    module, vertical, horizontal = MODULES[name]
    architecture, parameters = traced(module)
    assert input_interval(architecture, "layer", axis=0) == vertical
    assert input_interval(architecture, "layer", axis=1) == horizontal
    image = 2000 * torch.randn(2, 3, 20, 20)  # wide enough for every activation's bends
    with torch.no_grad():
        whole = module(image / 255)
        at, window = 4, []
        for axis, (first, last) in enumerate((vertical, horizontal)):
            shift = at * stride(architecture, "layer", axis)
            window.append(slice(first + shift, last + shift + 1))
        trunk = Trunk(architecture, parameters, (1, 1, 1))
        value, _ = trunk.run(image[:, :, window[0], window[1]], "layer")
    torch.testing.assert_close(value[:, :, 0, 0], whole[:, :, at, at], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        nn.Conv2d(4, 6, 3, dilation=2),
        nn.Conv2d(4, 6, 3, groups=2),
        nn.Conv2d(4, 6, (2, 3), bias=False),
        nn.Sequential(nn.Conv2d(4, 6, 3), nn.MaxPool2d(2)),
    ],
    ids=["dilated", "grouped", "no bias", "pool"],
)
def test_one_channel_of_each_group_of_stimuli(last):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), last)
    architecture, parameters = traced(module)
    size = [
        1 + last - first
        for first, last in (input_interval(architecture, "layer", axis=axis) for axis in (0, 1))
    ]
    image = torch.randn(4, 3, *size)
    trunk = Trunk(architecture, parameters, (1, 1, 1))
    found, _ = trunk.run(255 * image, "layer", channels=torch.tensor([4, 1]))
    expected = module(image)[torch.arange(4), [4, 4, 1, 1], 0, 0].detach()
    torch.testing.assert_close(found, expected)


class ReadTwice(nn.Module):
    """A ReLU read by whatever defers or applies it: convolutions, pooling, a sum."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 32, 3)
        self.wide, self.narrow = nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 1)
        self.pool = nn.MaxPool2d(3, 1, padding=1)
        self.last = nn.Conv2d(32, 4, 3)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.last(self.wide(x) + self.narrow(x) + self.pool(x) + x)


def test_a_relu_that_several_nodes_read():
    module = ReadTwice()
    architecture, parameters = traced(module)
    trunk = Trunk(architecture, parameters, (1, 1, 1))
    first, last = input_interval(architecture, "layer", 8)
    image = torch.randn(2, 3, last - first + 1, last - first + 1, requires_grad=True)
    expected = module(image)[..., 1:-1, 1:-1]  # where nothing is padded
    found, _ = trunk.run(255 * image, "layer", (8, 8))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    weight = torch.randn_like(found)
    slopes = [torch.autograd.grad((weight * each).sum(), image)[0] for each in (found, expected)]
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)
    deep = trunk.architecture.nodes[[node.name for node in trunk.architecture.nodes].index("wide")]
    assert trunk._tile(deep, (10, 10))


def test_receptive_field_that_is_not_square_is_refused():
    architecture, _ = traced(nn.Sequential(nn.Conv2d(3, 4, (1, 7))))
    with pytest.raises(UserError, match="is 1 by 7 pixels"):
        receptive_field(architecture, "layer")


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.function = function

    def forward(self, x):
        return self.function(self.conv(x))


@pytest.mark.parametrize(
    "module",
    [
        Function(lambda x: x + 1),
        Function(lambda x: x.mul(x)),
        Function(lambda x: torch.cat([x, x.relu()], 2)),
        Function(lambda x: x.mean((2, 3))),
        nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")),
        nn.Sequential(nn.Conv2d(3, 3, 3, padding="same")),
        nn.Sequential(nn.Conv2d(3, 3, 1), nn.InstanceNorm2d(3)),
        nn.Sequential(nn.BatchNorm2d(3, affine=False)),
    ],
    ids=["constant", "product", "other axis", "global", "reflect", "same", "instance", "no affine"],
)
def test_what_is_not_local_or_not_known_is_refused(module):
    with pytest.raises(UserError, match="not a local operation known here"):
        traced(module)


def test_parameters_that_want_a_gradient_are_detached():
    weight = nn.Parameter(torch.ones(1, 3, 1, 1))
    window = dict(kernel=[1, 1], stride=[1, 1], padding=[0, 0], dilation=[1, 1])
    settings = dict(window=window, groups=1, channels=1, parameters={"weight": "w"})
    nodes = (Node("x", "input"), Node("c", "conv", ("x",), settings))
    trunk = Trunk(Architecture(nodes, {"layer": "c"}), {"w": weight}, (1, 1, 1))
    stimuli = torch.ones(1, 3, 1, 1, requires_grad=True)
    trunk.run(stimuli, "layer")[0].sum().backward()
    assert weight.grad is None
    assert stimuli.grad is not None
