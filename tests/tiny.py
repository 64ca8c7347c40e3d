"""A study of a few units, and what a run of it leaves."""

from running import ROOT

TINY = {
    "name": "tiny",
    "registry": str(ROOT / "config" / "networks.yaml"),
    "block": 2,
    "layers": [
        {"network": "ground_truth", "layer": "cells", "units": ["0-1"]},
        {
            "network": "vgg16_untrained",
            "layer": "conv2_1",
            "units": [1, 2, 3],
            "features": "conv1_2",
            "baselines": True,
        },
        {"network": "resnet50_untrained_0", "layer": "maxpool", "units": ["0-1"], "seeds": 2},
    ],
    "compare": [["vgg16_untrained", "resnet50_untrained_0"]],
    "natural": {"side": 64},
    "synthesis": {"images": 3, "steps": 10},
    "phase": {"phases": 8, "texture": {"steps": 5}},
    "warp": {"steps": 4, "draws": 2},
}


def outputs(folder):
    """Every file of the results but logs and what describes the run, with its bytes."""
    results = folder / "results"
    return {
        str(path.relative_to(results)): path.read_bytes()
        for path in sorted(results.rglob("*"))
        if path.is_file()
        and not {"logs", ".architectures", ".photos.json", ".lock"} & set(path.parts)
        and not path.name.endswith(".record.json")
        and not path.name.startswith("ro-crate")
    }
