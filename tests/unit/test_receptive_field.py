"""Receptive fields against the paper's numbers and against gradient support."""

from pathlib import Path

import pytest
import torch
from architectures import traced
from torchvision.models.feature_extraction import create_feature_extractor

from invariscope.config import read_registry
from invariscope.errors import UserError
from invariscope.receptive_field import channels, extent, input_interval, receptive_field, stride

REGISTRY = read_registry(Path(__file__).parents[2] / "config" / "networks.yaml")
PUBLISHED = {
    "vgg19": {
        "conv1_1": 3,
        "conv1_2": 5,
        "conv2_1": 10,
        "conv2_2": 14,
        "conv3_1": 24,
        "conv3_2": 32,
        "conv3_3": 40,
        "conv3_4": 48,
        "conv4_1": 68,
        "conv4_2": 84,
        "conv4_3": 100,
        "conv4_4": 116,
        "conv5_1": 156,
    },
    "resnet50": {
        "conv1": 7,
        "maxpool": 11,
        "layer1.0": 19,
        "layer1.1": 27,
        "layer1.2": 35,
        "layer2.0": 43,
        "layer2.1": 59,
        "layer2.2": 75,
        "layer2.3": 91,
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_receptive_fields(name):
    """Of the registry's layers, trained and untrained networks alike."""
    architecture, _ = traced(name, REGISTRY[name]["layers"])
    found = {layer: receptive_field(architecture, layer) for layer in architecture.layers}
    assert found == PUBLISHED[name]
    for control in (f"{name}_untrained_0", f"{name}_untrained_1"):
        assert REGISTRY[control]["layers"] == REGISTRY[name]["layers"]
        assert REGISTRY[control]["architecture"] == name


def test_channel_counts():
    architecture, _ = traced("densenet121", {"a": "features.denseblock1.cat"})
    assert channels(architecture, "a") == 64 + 6 * 32
    architecture, _ = traced("resnet50", {"a": "layer1.0.add", "b": "maxpool"})
    assert (channels(architecture, "a"), channels(architecture, "b")) == (256, 64)


@pytest.mark.parametrize(
    ("name", "node", "side"),
    [
        ("vgg16", "features.7", 56),
        ("alexnet", "features.3", 131),
        ("resnet18", "layer1.0.add", 96),
    ],
)
def test_gradient_support(name, node, side):
    """The pixels that an interior output's gradient reaches are the interval, no more, no less."""
    architecture, model = traced(name, {"layer": node})
    for tensor in model.state_dict().values():
        tensor.abs_().add_(1e-3 if tensor.is_floating_point() else 0)  # no ReLU, no sum hides any
    network = create_feature_extractor(model.double(), [node])
    support = torch.zeros(side, side, dtype=torch.bool)
    for _ in range(40):  # max pooling passes gradient to one input only: many images reach all
        image = torch.rand(1, 3, side, side, dtype=torch.float64).add_(1).requires_grad_()
        value = network(image)[node]
        middle = value.shape[-1] // 2
        value[0, :, middle, middle].sum().backward()
        support |= (image.grad[0] != 0).any(0)
    first, last = input_interval(architecture, "layer")
    shift = middle * stride(architecture, "layer")
    for axis in (0, 1):
        reached = support.any(axis).nonzero()[:, 0]
        found = int(reached[0]), int(reached[-1])
        assert found == (first + shift, last + shift)


def test_shortcut_needs_less_than_its_branch():
    architecture, _ = traced("resnet50", {"layer1.1": "layer1.1.add"})
    found = extent(architecture, "layer1.1")
    add = architecture.layers["layer1.1"]
    assert found.have["layer1_0_relu_2"] == (-1, 1)
    assert found.need[add, "layer1_0_relu_2"] == (0, 0)


def test_operation_that_is_not_local_is_refused():
    with pytest.raises(UserError, match=r"AdaptiveAvgPool2d") as error:
        traced("vgg16", {"fc": "classifier.0"})
    assert "choose layers below" in str(error.value)


def test_unknown_node_and_architecture_list_the_valid_ones():
    with pytest.raises(UserError, match=r"no graph node 'features\.99'.*features\.0"):
        traced("vgg16", {"a": "features.99"})
    with pytest.raises(UserError, match=r"'vgg99' is unknown.*alexnet"):
        traced("vgg99", {"a": "features.0"})
