"""Receptive fields against the paper's numbers and against gradient support."""

import pytest
import torch
from conftest import traced
from torchvision.models.feature_extraction import create_feature_extractor

from invariscope.errors import UserError
from invariscope.receptive_field import channels, extent, input_interval, receptive_field, stride

VGG19 = {
    "conv1_1": ("features.0", 3),
    "conv1_2": ("features.2", 5),
    "conv2_1": ("features.5", 10),
    "conv2_2": ("features.7", 14),
    "conv3_1": ("features.10", 24),
    "conv3_2": ("features.12", 32),
    "conv3_3": ("features.14", 40),
    "conv3_4": ("features.16", 48),
    "conv4_1": ("features.19", 68),
    "conv4_2": ("features.21", 84),
    "conv4_3": ("features.23", 100),
    "conv4_4": ("features.25", 116),
    "conv5_1": ("features.28", 156),
}
RESNET50 = {
    "conv1": ("conv1", 7),
    "maxpool": ("maxpool", 11),
    "layer1.0": ("layer1.0.add", 19),
    "layer1.1": ("layer1.1.add", 27),
    "layer1.2": ("layer1.2.add", 35),
    "layer2.0": ("layer2.0.add", 43),
    "layer2.1": ("layer2.1.add", 59),
    "layer2.2": ("layer2.2.add", 75),
    "layer2.3": ("layer2.3.add", 91),
}


@pytest.mark.parametrize(("name", "table"), [("vgg19", VGG19), ("resnet50", RESNET50)])
def test_published_receptive_fields(name, table):
    architecture, _ = traced(name, {layer: node for layer, (node, _) in table.items()})
    found = {layer: receptive_field(architecture, layer) for layer in table}
    assert found == {layer: side for layer, (_, side) in table.items()}


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
