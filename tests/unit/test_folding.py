"""Folded batch norms against PyTorch's own, in double precision."""

import torch
import torch.nn.functional as F

from invariscope.architecture import Architecture, Node
from invariscope.folding import folded
from invariscope.trunk import Trunk

NORM = "weight", "bias", "running_mean", "running_var"
WINDOW = dict(kernel=(2, 2), stride=(1, 1), padding=(0, 0), dilation=(1, 1))
EPS = 0.1


def convolution(name, below, *roles):
    names = {role: f"{name}.{role}" for role in roles}
    settings = dict(window=WINDOW, groups=1, channels=3, parameters=names)
    return Node(name, "conv", (below,), settings)


def norm(name, below):
    settings = dict(eps=EPS, parameters={role: f"{name}.{role}" for role in NORM})
    return Node(name, "batch_norm", (below,), settings)


def parameters(nodes):
    """Random ones, of which weights of convolutions have four axes."""
    found = {}
    for node in nodes:
        for role, name in node.settings.get("parameters", {}).items():
            shape = (3, 3, 2, 2) if (node.op, role) == ("conv", "weight") else (3,)
            found[name] = torch.rand(shape, dtype=torch.float64) + (role == "running_var")
    return found


def test_of_two_operations_one_is_left_of_the_same_value():
    """With a bias and without; layers, and what a batch norm is read at, keep their names."""
    nodes = (
        Node("x", "input"),
        convolution("a", "x", "weight"),
        norm("a_norm", "a"),
        convolution("b", "a_norm", "weight", "bias"),
        norm("b_norm", "b"),
    )
    architecture, state = Architecture(nodes, {"top": "b_norm"}), parameters(nodes)
    found, kept = folded(architecture, state)
    assert [(node.name, node.op, node.inputs) for node in found.nodes] == [
        ("x", "input", ()),
        ("a_norm", "conv", ("x",)),
        ("b_norm", "conv", ("a_norm",)),
    ]
    assert found.layers == architecture.layers
    assert set(kept) == set(found.parameters())
    assert len(kept) == 4

    image = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    expected = folded_out = image
    for name in "ab":
        plain = F.conv2d(expected, state[f"{name}.weight"], state.get(f"{name}.bias"))
        those = {role: state[f"{name}_norm.{role}"] for role in NORM}
        expected = F.batch_norm(plain, training=False, eps=EPS, **those)
    for node in found.nodes[1:]:
        names = node.settings["parameters"]
        folded_out = F.conv2d(folded_out, kept[names["weight"]], kept[names["bias"]])
    torch.testing.assert_close(folded_out, expected, rtol=1e-13, atol=1e-13)
    value, _ = Trunk(architecture, state, (1 / 255,) * 3).run(image.float(), "top")
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-5)


def test_what_others_see_stays():
    """A convolution that is a layer, one that something else reads, and what is no convolution."""
    nodes = (
        Node("x", "input"),
        convolution("a", "x", "weight"),
        norm("a_norm", "a"),
        convolution("b", "a_norm", "weight"),
        norm("b_norm", "b"),
        Node("sum", "add", ("b", "b_norm")),
        norm("sum_norm", "sum"),
    )
    architecture, state = Architecture(nodes, {"middle": "a", "top": "sum_norm"}), parameters(nodes)
    found, kept = folded(architecture, state)
    assert found == architecture
    assert kept == state
