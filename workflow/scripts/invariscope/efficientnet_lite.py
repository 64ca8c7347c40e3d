"""EfficientNet-Lite0, a residual network whose trained weights come with a package.

Torchvision has none. It is EfficientNet-B0 without squeeze-and-excitation, with ReLU6 for SiLU, so
all of its operations below the head are local (Liu, *Higher accuracy on vision models with
EfficientNet-Lite*, 2020; Tan and Le, ICML 2019). Parameters bear the names of the published file.

Convolutions are padded evenly. The network was trained with TensorFlow's padding, which for a
stride of two on an even side adds more at the end. Responses here are read without padding, so the
two differ only in which pixels a given output looks at, never in what it makes of them.
"""

import math

import torch
from torch import nn

# Repeats, kernel, stride of the first, expansion, output channels.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def _convolution(inputs, outputs, kernel, stride=1, groups=1):
    padding = kernel // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


def _batch_norm(channels):
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class _Block(nn.Module):
    """Inverted bottleneck: expand, filter each channel by itself, project; shortcut if it fits."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        wide = inputs * expansion
        self.expands, self.shortcut = expansion > 1, stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = _convolution(inputs, wide, 1)
            self._bn0 = _batch_norm(wide)
        self._depthwise_conv = _convolution(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _batch_norm(wide)
        self._project_conv = _convolution(wide, outputs, 1)
        self._bn2 = _batch_norm(outputs)
        self._relu6 = nn.ReLU6()

    def forward(self, x):
        y = self._relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return y + x if self.shortcut else y


class EfficientNetLite0(nn.Module):
    """The whole network, initialised as torchvision initialises its EfficientNets."""

    def __init__(self):
        super().__init__()
        self._conv_stem = _convolution(3, 32, 3, stride=2)
        self._bn0 = _batch_norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, outputs in STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(_Block(channels, outputs, kernel, step, expansion))
                channels = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _convolution(channels, 1280, 1)
        self._bn1 = _batch_norm(1280)
        self._pool = nn.AdaptiveAvgPool2d(1)
        self._dropout = nn.Dropout(0.2)
        self._fc = nn.Linear(1280, 1000)
        self._relu6 = nn.ReLU6()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        bound = 1 / math.sqrt(self._fc.out_features)
        nn.init.uniform_(self._fc.weight, -bound, bound)
        nn.init.zeros_(self._fc.bias)

    def forward(self, x):
        x = self._relu6(self._bn0(self._conv_stem(x)))
        x = self._relu6(self._bn1(self._conv_head(self._blocks(x))))
        return self._fc(self._dropout(torch.flatten(self._pool(x), 1)))
