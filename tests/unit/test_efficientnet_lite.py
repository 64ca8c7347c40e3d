"""EfficientNet-Lite0 against its arithmetic written out, and its layers within a large image."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from architectures import traced
from running import ROOT

from invariscope import models
from invariscope.config import read_registry
from invariscope.receptive_field import input_interval, receptive_field, stride
from invariscope.trunk import Trunk

ENTRY = read_registry(ROOT / "config" / "networks.yaml")["efficientnet_lite0"]
FIELDS = {
    "stem": 3,
    "block0.depthwise": 7,
    "block1.expand": 7,
    "block1.depthwise": 11,
    "block2.expand": 11,
    "block2.depthwise": 19,
    "block2.add": 19,
    "block3.expand": 19,
    "block3.depthwise": 35,
    "block4.expand": 35,
    "block4.depthwise": 67,
    "block4.add": 67,
}
# Strides of the sixteen blocks' depthwise convolutions, as published.
STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return traced("efficientnet_lite0", ENTRY["layers"])


def same(x, weight, stride, groups):
    """A convolution with TensorFlow's padding, which leaves ceil(side / stride) outputs."""
    kernel, side = weight.shape[-1], x.shape[-1]
    lack = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    before, after = lack // 2, lack - lack // 2
    return F.conv2d(F.pad(x, [before, after] * 2), weight, stride=stride, groups=groups)


def plain(state, x):
    """Every layer of the registry, from the parameters alone, with TensorFlow's padding."""
    found = {}

    def step(x, convolution, norm, stride=1, groups=1):
        x = same(x, state[f"{convolution}.weight"], stride, groups)
        mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        scale = state[f"{norm}.weight"] / (variance + 1e-3).sqrt()
        return (x - mean[:, None, None]) * scale[:, None, None] + state[f"{norm}.bias"][
            :, None, None
        ]

    found["stem"] = step(x, "_conv_stem", "_bn0", stride=2)
    x = found["stem"].clamp(0, 6)
    for index, stride_ in enumerate(STRIDES):
        at, name, y = f"_blocks.{index}", f"block{index}", x
        if index > 0:
            found[f"{name}.expand"] = step(y, f"{at}._expand_conv", f"{at}._bn0")
            y = found[f"{name}.expand"].clamp(0, 6)
        wide = y.shape[1]
        found[f"{name}.depthwise"] = step(y, f"{at}._depthwise_conv", f"{at}._bn1", stride_, wide)
        y = step(found[f"{name}.depthwise"].clamp(0, 6), f"{at}._project_conv", f"{at}._bn2")
        if y.shape == x.shape:
            found[f"{name}.add"] = y = y + x
        x = y
    x = step(x, "_conv_head", "_bn1").clamp(0, 6).mean((2, 3))
    return found, x @ state["_fc.weight"].T + state["_fc.bias"]


def test_whole_network_is_its_arithmetic(network):
    """Logits included. On an odd side both paddings are even, at every stride from 225 down."""
    image = torch.randn(2, 3, 225, 225)
    with torch.no_grad():
        _, expected = plain(network[1].state_dict(), image)
        torch.testing.assert_close(network[1](image), expected, rtol=1e-4, atol=1e-4)


def test_layers_equal_the_whole_network_inside_a_large_image(network):
    """With the padding it was trained with, which moves an output by up to half a stride."""
    architecture, model = network
    state = model.state_dict()
    std = ENTRY["preprocessing"]["std"]
    trunk = Trunk(architecture, {name: state[name] for name in architecture.parameters()}, std)
    image = 60 * torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        whole, _ = plain(state, image / 128)
        for layer in ENTRY["layers"]:
            step, (first, last) = stride(architecture, layer), input_interval(architecture, layer)
            at = whole[layer].shape[-1] // 2
            # Each stride of two begins a pixel later on its grid: one at the input, two, four.
            start = first + at * step + step - 1
            window = slice(start, start + last - first + 1)
            value, _ = trunk.run(image[:, :, window, window], layer)
            expected = whole[layer][0, :, at, at]
            assert (value[0, :, 0, 0] - expected).abs().max() < 1e-4 * expected.abs().max(), layer


def test_receptive_fields(network):
    assert {layer: receptive_field(network[0], layer) for layer in ENTRY["layers"]} == FIELDS


def test_untrained_as_torchvision_draws_its_efficientnets():
    """Kaiming's normal distribution over what a channel fans out to; batch norms neutral."""
    torch.manual_seed(0)
    state = models.build("efficientnet_lite0").state_dict()
    depthwise, wide = state["_blocks.10._depthwise_conv.weight"], state["_conv_head.weight"]
    # Torch counts a depthwise channel's fan-out over all outputs, as torchvision's networks do.
    assert depthwise.std() == pytest.approx(np.sqrt(2 / (672 * 25)), rel=0.03)
    assert wide.std() == pytest.approx(np.sqrt(2 / 1280), rel=0.01)
    assert state["_fc.weight"].abs().max() == pytest.approx(1 / np.sqrt(1000), rel=0.001)
    assert state["_fc.bias"].abs().max() == 0
    assert set(state["_bn1.weight"].tolist()) == {1}
    assert set(state["_bn1.bias"].tolist()) == {0}
