"""A layer that pools over a ReLU is read before it, and nothing else changes."""

import copy

import pytest
import torch
from architectures import STD, traced
from torchvision.models.feature_extraction import create_feature_extractor

from invariscope.architecture import Architecture, Node
from invariscope.receptive_field import receptive_field
from invariscope.tracing import _pool_first
from invariscope.trunk import Trunk

LAYERS = {"conv1": "bn1", "maxpool": "maxpool", "layer1.0": "layer1.0.add"}


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(0)
    architecture, model = traced("resnet18", LAYERS)
    state = model.state_dict()
    parameters = {name: state[name] for name in architecture.parameters()}
    return Trunk(architecture, parameters, STD), model


def test_pool_is_read_before_its_relu(resnet):
    trunk, model = resnet
    assert receptive_field(trunk.architecture, "maxpool") == 11
    stimuli = 60 * torch.randn(4, 3, 11, 11)
    with torch.no_grad():
        value, _ = trunk.run(stimuli, "maxpool")
        scaled = stimuli / (255 * torch.tensor(STD)[:, None, None])
        plain = model.bn1(torch.nn.functional.conv2d(scaled, model.conv1.weight, stride=2))
    torch.testing.assert_close(value[..., 0, 0], plain.amax((2, 3)))
    assert (value < 0).any()


def test_layers_above_are_what_they_were(resnet):
    """Recorded on the way, the pool's values after its ReLU are torchvision's own."""
    trunk, model = resnet
    image = 60 * torch.randn(1, 3, 64, 64)
    nodes = ["maxpool", "layer1.0.add"]
    model = copy.deepcopy(model)
    with torch.no_grad():
        whole = create_feature_extractor(model, nodes)(
            image / (255 * torch.tensor(STD)[:, None, None])
        )
        side = receptive_field(trunk.architecture, "layer1.0")
        at, start = 8, 8 * 4 - side // 2
        crop = image[..., start : start + side, start : start + side]
        value, (pooled,) = trunk.run(crop, "layer1.0", record=["maxpool"])
    torch.testing.assert_close(
        value[..., 0, 0], whole["layer1.0.add"][..., at, at], rtol=1e-4, atol=1e-4
    )
    around = slice(at - pooled.shape[-1] // 2, at + pooled.shape[-1] // 2 + 1)
    torch.testing.assert_close(
        pooled.relu(), whole["maxpool"][..., around, around], rtol=1e-4, atol=1e-4
    )


def test_units_that_noise_does_not_drive_have_a_slope(resnet):
    trunk, _ = resnet
    stimuli = torch.zeros(1, 3, 11, 11).requires_grad_()
    value, _ = trunk.run(stimuli, "maxpool")
    silent = value[0, :, 0, 0] < 0
    assert silent.any()
    (gradient,) = torch.autograd.grad(value[0, silent].sum(), stimuli)
    assert gradient.abs().sum() > 0


def test_below_holds_the_pool(resnet):
    architecture = resnet[0].architecture
    assert {architecture.layers["maxpool"], architecture.layers["conv1"]} <= architecture.below(
        "layer1.0"
    )
    assert architecture.layers["maxpool"] in architecture.below("maxpool")


def test_only_a_pool_that_is_read_moves():
    plain, _ = traced("resnet18", {"layer1.0": "layer1.0.add"})
    ops = [node.op for node in plain.nodes]
    assert ops.index("relu") < ops.index("max_pool")
    read, _ = traced("resnet18", LAYERS)
    ops = [node.op for node in read.nodes]
    assert ops.index("max_pool") < ops.index("relu")
    # The ReLU itself is a layer too: then the pool stays behind it.
    both, _ = traced("resnet18", {"relu": "relu", "maxpool": "maxpool"})
    ops = [node.op for node in both.nodes]
    assert ops.index("relu") < ops.index("max_pool")


def test_a_relu_with_other_readers_stays():
    window = dict(kernel=[2, 2], stride=[2, 2], padding=[0, 0], dilation=[1, 1])
    nodes = (
        Node("x", "input"),
        Node("relu", "relu", ("x",)),
        Node("pool", "max_pool", ("relu",), {"window": window}),
        Node("other", "identity", ("relu",)),
    )
    assert _pool_first(nodes, {"pool"}) == nodes
    moved = _pool_first(nodes[:3], {"pool"})
    assert [(node.name, node.inputs) for node in moved] == [
        ("x", ()),
        ("pool", ("x",)),
        ("relu", ("pool",)),
    ]
    assert Architecture(moved, {"a": "pool"}).below("a") == {"x", "pool"}
