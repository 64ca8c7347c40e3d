"""Small real architectures that tests share, and what they give by torchvision's own modules."""

import torch

from invariscope import models
from invariscope.tracing import trace

VGG = {
    "conv1_1": "features.0",
    "conv1_2": "features.2",
    "conv2_1": "features.5",
    "conv2_2": "features.7",
    "conv3_1": "features.10",
}
STD = (0.229, 0.224, 0.225)


def traced(name, layers):
    """Architecture `name` and a seeded model of it with realistic batch norms."""
    architecture = trace(name, layers)
    model = models.build(name)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
            torch.nn.init.normal_(module.running_mean, std=0.3)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return architecture, model


def plain_vgg(model, stimuli):
    """conv2_2 and conv3_1, both before the ReLU, by torchvision's modules without padding."""
    x = stimuli / (255 * torch.tensor(STD)[:, None, None])
    for module in model.features[:11]:
        if isinstance(module, torch.nn.Conv2d):
            x = torch.nn.functional.conv2d(x, module.weight, module.bias)
        else:
            x = torch.relu(x) if isinstance(module, torch.nn.ReLU) else module(x)
        if module is model.features[7]:
            conv2_2 = x
    return conv2_2, x
