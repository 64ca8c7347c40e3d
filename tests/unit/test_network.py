"""What a study is told of a network's layers, and how torch is set up."""

import json
import subprocess
import sys

import pytest

from invariscope import network
from invariscope.device import prepare
from invariscope.errors import UserError

ENTRY = {
    "architecture": "vgg16",
    "weights": {"seed": 0},
    "layers": {"conv1_1": "features.0", "conv2_1": "features.5"},
}
FACTS = {
    "conv1_1": {"channels": 64, "rf": 3, "below": []},
    "conv2_1": {"channels": 128, "rf": 10, "below": ["conv1_1"]},
}


def test_facts_are_kept_under_all_they_follow_from(tmp_path):
    assert network.facts(ENTRY, "code", tmp_path) == FACTS
    (path,) = tmp_path.iterdir()
    path.write_text(json.dumps("kept"))
    assert network.facts(ENTRY, "code", tmp_path) == "kept"
    assert network.facts(ENTRY, "other code", tmp_path) == FACTS
    fewer = {**ENTRY, "layers": {"conv2_1": "features.5"}}
    found = network.facts(fewer, "code", tmp_path)
    assert found == {"conv2_1": {"channels": 128, "rf": 10, "below": []}}
    assert len(list(tmp_path.iterdir())) == 3


def test_facts_of_cells(tmp_path):
    entry = {"architecture": "cells", "weights": {"cells": True}, "layers": {"cells": "cells"}}
    assert network.facts(entry, "code", tmp_path) == {
        "cells": {"channels": 7, "rf": 24, "below": []}
    }


def test_weights_that_torchvision_has_not_are_told_with_the_facts(tmp_path):
    known = {**ENTRY, "weights": {"torchvision": "IMAGENET1K_V1"}}
    assert network.facts(known, "code", tmp_path) == FACTS
    unknown = {**ENTRY, "weights": {"torchvision": "IMAGENET1K_V2"}}
    with pytest.raises(
        UserError, match=r"no weights 'IMAGENET1K_V2' of 'vgg16'; it has: IMAGENET1"
    ):
        network.facts(unknown, "code", tmp_path)
    own = {
        "architecture": "efficientnet_lite0",
        "weights": {"torchvision": "IMAGENET1K_V1"},
        "layers": {"stem": "_bn0"},
    }
    with pytest.raises(UserError, match="torchvision has no weights of 'efficientnet_lite0'"):
        network.facts(own, "code", tmp_path)


def test_torch_is_set_up_to_repeat():
    """In a process of its own, for the settings outlive a test."""
    program = (
        "import torch; from invariscope.device import prepare; prepare(3);"
        "print(torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),"
        "torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32,"
        "torch.utils.deterministic.fill_uninitialized_memory)"
    )
    folder = sys.modules[prepare.__module__].__file__.rsplit("/", 2)[0]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.split() == ["3", "True", "False", "False", "False"]


def test_the_compiler_stays_unloaded():
    """PyTorch's, which takes seconds to load; what would need it can still be had afterwards."""
    program = """
import sys
from invariscope import models, network
network.architecture("vgg16", {"conv": "features.10"})
models.shapes("efficientnet_lite0")
print(*{"torch._dynamo", "torch._inductor", "sympy"} & set(sys.modules))
import torch
from torchvision.ops import roi_align
print(roi_align(torch.ones(1, 1, 4, 4), torch.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]]), 1).item())
import torch._dynamo.utils
print(torch._dynamo.utils.is_compile_supported("cpu"))
"""
    folder = sys.modules[prepare.__module__].__file__.rsplit("/", 2)[0]
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.split("\n") == ["", "1.0", "True", ""]
