"""The valid-mode response against torchvision's own modules on a large image."""

import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from architectures import STD, plain_vgg, traced
from torchvision.models.feature_extraction import create_feature_extractor

from invariscope import trunk as trunk_module
from invariscope.architecture import Architecture, Node
from invariscope.receptive_field import input_interval, receptive_field, stride
from invariscope.trunk import Trunk, pool_templates

CASES = [
    ("vgg16", "features.10", 120),
    ("alexnet", "features.6", 259),
    ("resnet50", "layer1.2.add", 160),
    ("resnet50", "layer2.1.add", 224),
    ("densenet121", "features.denseblock1.denselayer3.cat", 128),
    ("googlenet", "inception3a.cat", 160),
    ("squeezenet1_1", "features.4.cat", 128),
    ("mobilenet_v2", "features.3.add", 128),
]


@pytest.mark.parametrize(("name", "node", "side"), CASES)
@pytest.mark.parametrize("size", [(1, 1), (2, 3)])
def test_equals_the_whole_network_inside_a_large_image(name, node, side, size):
    architecture, model = traced(name, {"layer": node})
    state = model.state_dict()
    trunk = Trunk(architecture, {n: state[n] for n in architecture.parameters()}, STD)
    image = 60 * torch.randn(2, 3, side, side)
    with torch.no_grad():
        scaled = image / (255 * torch.tensor(STD)[:, None, None])
        if name == "googlenet":
            model.transform_input = False  # an input rescaling that only its own weights want
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchvision's own words on training nodes
            whole = create_feature_extractor(model, [node])(scaled)[node]
        at = whole.shape[-1] // 2
        window = []
        for axis in (0, 1):
            first, last = input_interval(architecture, "layer", size[axis], axis)
            shift = at * stride(architecture, "layer", axis)
            assert first + shift >= 0
            assert last + shift < side
            window.append(slice(first + shift, last + shift + 1))
        value, _ = trunk.run(image[:, :, window[0], window[1]], "layer", size)
    expected = whole[:, :, at : at + size[0], at : at + size[1]]
    assert value.shape == expected.shape
    assert (value - expected).abs().max() < 1e-4 * expected.abs().max()


def test_recorded_layer_is_before_its_relu_and_not_overwritten(vgg):
    """Torchvision's ReLUs work in place; what is recorded must not pass through them."""
    trunk, model = vgg
    assert model.features[8].inplace
    stimuli = 60 * torch.randn(3, 3, 24, 24)
    with torch.no_grad():
        value, (recorded,) = trunk.run(stimuli, "conv3_1", record=["conv2_2"])
        conv2_2, conv3_1 = plain_vgg(model, stimuli)
    assert (recorded < 0).any()
    torch.testing.assert_close(recorded, conv2_2, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(value, conv3_1, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["conv3_1", "conv2_2"])
def test_one_channel_of_each_group_is_that_of_all(vgg, name):
    trunk, _ = vgg
    stimuli = 60 * torch.randn(6, 3, *[receptive_field(trunk.architecture, name)] * 2)
    channels = torch.tensor([5, 0, 127])
    all_of_them, _ = trunk.run(stimuli, name)
    found, _ = trunk.run(stimuli, name, channels=channels)
    expected = all_of_them[torch.arange(6), channels.repeat_interleave(2), 0, 0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


def convolution(name, below, outputs, inputs):
    """Node of a convolution of 3 by 3, and its parameters."""
    window = dict(kernel=(3, 3), stride=(1, 1), padding=(0, 0), dilation=(1, 1))
    names = dict(weight=f"{name}.weight", bias=f"{name}.bias")
    values = torch.randn(outputs, inputs, 3, 3) / (9 * inputs) ** 0.5, torch.randn(outputs)
    settings = dict(parameters=names, window=window, groups=1, channels=outputs)
    return Node(name, "conv", (below,), settings), dict(zip(names.values(), values, strict=True))


def pooling(name, below, by=2):
    window = dict(kernel=(by, by), stride=(by, by), padding=(0, 0), dilation=(1, 1))
    return Node(name, "max_pool", (below,), dict(window=window))


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("recorded", [False, True])
def test_pooling_as_part_of_a_convolution(monkeypatch, relu, recorded):
    """Unless what is pooled is wanted, too."""
    (one, first), (two, second), (three, third) = (
        convolution(*each) for each in (("a", "x", 16, 3), ("b", "a", 32, 16), ("c", "p", 16, 32))
    )
    between = [Node("r", "relu", ("b",))] * relu
    pool = pooling("p", "r" if relu else "b")
    nodes = Node("x", "input"), one, two, *between, pool, three
    trunk = Trunk(Architecture(nodes, dict(b="b", c="c")), first | second | third, (1, 1, 1))

    images = (60 * torch.randn(5, 3, 10, 10)).requires_grad_()
    weights = [value.double() for value in trunk.parameters.values()]
    middle = F.conv2d(F.conv2d(images.double() / 255, *weights[:2]), *weights[2:4])
    expected = F.conv2d(F.max_pool2d(middle.relu() if relu else middle, 2), *weights[4:])
    (slope,) = torch.autograd.grad(expected.square().sum(), images)

    pooled, plain = [], F.max_pool2d
    monkeypatch.setattr(F, "max_pool2d", lambda *a, **k: pooled.append(1) or plain(*a, **k))
    value, found = trunk.run(images, "c", record=["b"] * recorded)
    (gradient,) = torch.autograd.grad(value.square().sum(), images)
    assert len(pooled) == recorded
    for each in found:
        torch.testing.assert_close(each.double(), middle, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(value.double(), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient, slope, rtol=1e-4, atol=1e-5)
    assert trunk.run(images, "b", (6, 6))[0].shape == (5, 32, 6, 6)  # below the pooling


def test_which_convolutions_are_pooled_alone():
    relu, conv = Node("r", "relu", ("b",)), convolution("b", "x", 16, 3)[0]
    source, add = Node("x", "input"), Node("s", "add", ("b", "b"))

    def found(*nodes):
        return trunk_module._pooled(Architecture((source, conv, *nodes), {}))

    assert found(relu, pooling("p", "r")) == dict(b=("b", "r", "p"))
    assert found(pooling("p", "b")) == dict(b=("b", "p"))
    assert found(relu, pooling("p", "r", 3)) == {}
    assert found(relu, pooling("p", "r"), add) == {}
    assert found(relu, pooling("p", "r"), Node("s", "add", ("r", "r"))) == {}
    assert found(relu, Node("q", "relu", ("r",)), pooling("p", "q")) == {}
    assert found(relu) == found() == {}


def test_gradient_after_inference(vgg):
    """What a trunk keeps from one run serves the next, whatever mode the first was in."""
    trunk = Trunk(vgg[0].architecture, vgg[0].parameters, STD)
    stimuli = 60 * torch.randn(1, 3, 24, 24)
    with torch.inference_mode():
        trunk.run(stimuli, "conv3_1")
    value, _ = trunk.run(stimuli.requires_grad_(), "conv3_1")
    (gradient,) = torch.autograd.grad(value.sum(), stimuli)
    assert gradient.abs().sum() > 0


def test_gradient_by_finite_differences(vgg):
    trunk = copy.copy(vgg[0])
    trunk.parameters = {name: p.double() for name, p in trunk.parameters.items()}
    stimulus = (60 * torch.randn(1, 3, 24, 24)).double().requires_grad_()
    direction = torch.randn_like(stimulus)

    def response(x):
        return trunk.run(x, "conv3_1")[0][0, 7, 0, 0]

    (gradient,) = torch.autograd.grad(response(stimulus), stimulus)
    with torch.no_grad():
        step = 1e-6
        slope = (response(stimulus + step * direction) - response(stimulus - step * direction)) / 2
    assert float((gradient * direction).sum()) == pytest.approx(float(slope) / step, rel=1e-5)


def test_parameters_need_no_gradient(vgg):
    trunk, _ = vgg
    assert not any(p.requires_grad for p in trunk.parameters.values())


def test_wrong_size_is_refused(vgg):
    with pytest.raises(ValueError, match=r"need stimuli of \(24, 24\)"):
        vgg[0].run(torch.zeros(1, 3, 25, 25), "conv3_1")


def test_pool_templates_by_hand():
    projections = torch.tensor([1.0, -2.0, 3.0, 4.0, -5.0])[None, :, None, None]
    pooled = pool_templates(projections, [("max", 2), ("norm", 2), ("norm", 1)])
    assert pooled[0, :, 0, 0].tolist() == [1.0, 5.0, 5.0]
