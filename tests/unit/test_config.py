"""Mistakes end in one line that says what, where and what is allowed; docs and schema agree."""

import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from invariscope.config import blocks, comparisons, read_registry, resolve, schema, validate
from invariscope.errors import UserError

ROOT = Path(__file__).parents[2]
FACTS = {
    "net": {
        "low": {"channels": 8, "rf": 5, "below": []},
        "high": {"channels": 20, "rf": 9, "below": ["low"]},
    },
}
FACTS["untrained"] = {"low": FACTS["net"]["low"]}
FACTS["part"] = FACTS["net"] | {"beside": {"channels": 5, "rf": 5, "below": []}}
REGISTRY = {
    "net": {"weights": {"seed": 0}},
    "untrained": {"weights": {"seed": 0}},
    "part": {"weights": {"file": "a.pth", "sha256": "0" * 64, "up_to": "low"}},
}


def study(**changes):
    config = {"name": "s", "layers": [{"network": "net", "layer": "high", "units": [1, "3-5"]}]}
    config.update(changes)
    return config


def layer(**changes):
    return study(layers=[{"network": "net", "layer": "high", "units": "all", **changes}])


def check(config):
    validate(config, "config", "config")
    return resolve(config, REGISTRY, FACTS.get)


def test_defaults_are_filled_in():
    config = study()
    assert check(config)["net", "high"] == {
        "units": [1, 3, 4, 5],
        "show": [1, 3, 4, 5],
        "features": None,
        "baselines": False,
        "seeds": 1,
    }
    assert config["synthesis"] == {
        "images": 6,
        "objective": "constrained",
        "fraction": 0.85,
        "weight": 5,
        "optimiser": "sphere",
        "steps": 70,
    }
    assert check(layer(features="low"))["net", "high"]["features"] == "low"
    everything = check(layer())["net", "high"]
    assert everything["units"] == list(range(20))
    assert everything["show"] == list(range(8))


def test_weights_up_to_a_layer_allow_that_one_and_those_below():
    assert ("part", "low") in check(layer(network="part", layer="low"))
    REGISTRY["part"]["weights"]["up_to"] = "high"
    try:
        assert ("part", "low") in check(layer(network="part", layer="low"))
    finally:
        REGISTRY["part"]["weights"]["up_to"] = "low"


def test_a_layer_of_several_networks():
    entry = {"network": ["net", "untrained"], "layer": "low", "units": "all", "seeds": 2}
    found = check(study(layers=[entry]))
    assert list(found) == [("net", "low"), ("untrained", "low")]
    assert found["net", "low"] == found["untrained", "low"]
    assert found["net", "low"]["seeds"] == 2


NETWORKS = {
    "net": {"architecture": "x", "weights": {"file": "a.pth"}},
    "net_0": {"architecture": "x", "weights": {"seed": 0}},
    "net_1": {"architecture": "x", "weights": {"seed": 1}},
    "other": {"architecture": "y", "weights": {"file": "b.pth"}},
    "other_0": {"architecture": "y", "weights": {"seed": 0}},
    "cells": {"architecture": "cells", "weights": {"cells": True}},
}


def test_controls_share_the_architecture_and_are_untrained():
    def found(pair, networks):
        keys = {(network, "l"): {} for network in networks}
        (comparison,) = comparisons({"compare": [pair]}, NETWORKS, keys)
        assert comparison["networks"] == pair
        return comparison["controls"]

    everything = list(NETWORKS)
    assert found(["net", "other"], everything) == [["net_0", "net_1"], ["other_0"]]
    assert found(["net", "other"], ["net", "other", "net_1"]) == [["net_1"], []]
    assert found(["other", "net"], everything) == [["other_0"], ["net_0", "net_1"]]
    # Held against a control, a network has the others left; random weights have none.
    assert found(["net", "net_0"], everything) == [["net_1"], []]


@pytest.mark.parametrize("name", ["nett", "other", "cells"])
def test_only_real_networks_that_are_studied_are_compared(name):
    keys = {("net", "l"): {}, ("net_0", "l"): {}, ("cells", "cells"): {}}
    message = rf"compare\[0\]: '{name}' is no network .*; allowed: net, net_0"
    with pytest.raises(UserError, match=message):
        comparisons({"compare": [["net", name]]}, NETWORKS, keys)


def test_defaults_are_not_shared():
    first, second = study(), study()
    check(first)
    first["synthesis"]["steps"] = 1
    check(second)
    assert second["synthesis"]["steps"] == 70


MISTAKES = [
    (study(synthesis={"steps": -5}), r"config: synthesis\.steps: -5 is less than the minimum of 1"),
    (study(synthesis={"steps": "many"}), r"synthesis\.steps: 'many' is not of type 'integer'"),
    (
        study(synthesis={"optimiser": "sgd"}),
        r"optimiser: 'sgd' is not one of \['sphere', 'published'\]",
    ),
    (study(synthesis={"fraction": 1.2}), r"fraction: 1.2 is greater than the maximum of 1"),
    (study(synthesis={"images": 1}), r"images: 1 is less than the minimum of 2"),
    (
        study(sede=1),
        r"unexpected\); allowed: name, seed, registry, block, layers, compare, natural, synthesis",
    ),
    (study(name="a/b"), r"config: name: 'a/b' does not match"),
    (study(layers=[]), r"config: layers: \[\] "),
    (layer(units=[-1]), r"layers\[0\]\.units"),
    (layer(units="some"), r"layers\[0\]\.units: 'some' is none of the allowed forms: all, array"),
    (layer(units=[20]), r"unit 20 is out of range; layer 'high' has channels 0-19"),
    (layer(units=["18-25"]), r"unit 25 is out of range"),
    (layer(units=[0.0]), r"layers\[0\]\.units"),
    (layer(show=[]), r"layers\[0\]\.show: \[\] "),
    (study(block=16.0), r"block: 16\.0 is not of type 'integer'"),
    (study(synthesis={"weight": float("nan")}), r"weight: nan is not of type 'number'"),
    (study(synthesis={"weight": float("inf")}), r"weight: inf is not of type 'number'"),
    (study(synthesis={"steps": True}), r"steps: True is not of type 'integer'"),
    (layer(units=["5-3"]), r"range '5-3' runs backwards; write it as 3-5"),
    (layer(layer="middle"), r"has no layer 'middle'; it has: low, high"),
    (
        layer(network="other"),
        r"network: 'config/networks\.yaml' has no network 'other'; it has: net, untrained, part",
    ),
    (layer(network=["net", "untrained"]), r"network 'untrained' has no layer 'high'; it has: low"),
    (layer(network=["net", "net"]), r"layer 'high' of 'net' is listed twice"),
    (layer(network=[]), r"layers\[0\]\.network: \[\] should be non-empty"),
    (layer(baselines=True), r"layers\[0\]\.baselines: they compare features, .*; allowed: low"),
    (layer(seeds=0), r"seeds: 0 is less than the minimum of 1"),
    (study(compare=[["net"]]), r"compare\[0\]: \['net'\] is too short"),
    (study(compare=[["net", "net"]]), r"compare\[0\]: \['net', 'net'\] has non-unique"),
    (layer(features="high"), r"'high' is not a layer below 'high'; allowed: pixels, low"),
    (layer(units=[1], show=[2]), r"layers\[0\]\.show: 2 not among the units studied"),
    (
        layer(unit=3),
        r"'unit' was unexpected\); allowed: network, layer, units, features, baselines, seeds,",
    ),
    (
        layer(network="part"),
        r"layers\[0\]\.layer: the weights of 'part' go up to 'low'; 'high' does not lie below it; "
        r"allowed: low$",
    ),
    (layer(network="part", layer="beside"), r"'beside' does not lie below it; allowed: low$"),
    (study(layers=2 * layer()["layers"]), r"layer 'high' of 'net' is listed twice"),
    ({"layers": []}, r"config: the file: 'name' is a required property"),
    (None, r"config: the file: None is not of type 'object'"),
]


@pytest.mark.parametrize(("config", "message"), MISTAKES, ids=[m for _, m in MISTAKES])
def test_mistakes_are_named(config, message):
    with pytest.raises(UserError) as error:
        check(copy.deepcopy(config))
    assert re.search(message, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("net: {architecture: vgg16}", "net: 'weights' is a required property"),
        (
            "net: {architecture: vgg16, weights: {url: x}, layers: {a: b}}",
            r"net\.weights: .* none of the allowed forms: torchvision, package, file, seed, cells",
        ),
        (
            "net: {architecture: vgg16, weights: {file: a.pth}, layers: {a: b}}",
            r"net\.weights: 'sha256' is a required property",
        ),
        (
            "net: {architecture: vgg16, weights: {file: a.pth, sha256: abc}, layers: {a: b}}",
            r"net\.weights\.sha256: 'abc' does not match",
        ),
        (
            f"net: {{architecture: a, weights: {{file: a.pth, sha256: {'a' * 64}, up_to: c}}, "
            "layers: {a: b}}",
            r"net\.weights\.up_to: 'c' is none of the network's layers; it has: a$",
        ),
        (
            f"net: {{architecture: a, weights: {{package: p, version: v, archive: a, "
            f"sha256: {'a' * 64}, member: a.pth, tree: t}}, layers: {{a: b}}}}",
            r"net\.weights\.tree: a \.pth member has none",
        ),
        (
            f"net: {{architecture: a, weights: {{package: p, version: v, archive: a, "
            f"sha256: {'a' * 64}, member: a.ckpt}}, layers: {{a: b}}}}",
            r"net\.weights\.tree: .* any other is a Flax tree and needs one",
        ),
        (
            "net: {architecture: a, weights: {torchvision: V1, sha256: abc}, layers: {a: b}}",
            r"net\.weights\.sha256: 'abc' does not match",
        ),
        (
            "net: {architecture: cells, weights: {seed: 0}, layers: {cells: cells}}",
            r"net\.weights: 'cells' goes with architecture 'cells'",
        ),
        (
            "net: {architecture: vgg16, weights: {cells: true}, layers: {a: b}}",
            r"net\.weights: 'cells' goes with architecture 'cells'",
        ),
        ("net: {architecture: vgg16, weights: {seed: 0}, layers: {}}", "layers: {} "),
        (
            "net: {architecture: vgg16, weights: {seed: 0}, layers: {a/b: x}}",
            "'a/b' does not match",
        ),
    ],
)
def test_registry_mistakes(tmp_path, text, message):
    path = tmp_path / "networks.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        read_registry(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_registry(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read \(No such file"):
        read_registry(tmp_path / "none.yaml")


def test_blocks_are_a_fixed_partition():
    assert blocks([1, 15, 16, 40], 16) == {
        "0000-0015": [1, 15],
        "0016-0031": [16],
        "0032-0047": [40],
    }
    before, after = blocks([1, 40], 16), blocks([1, 17, 40], 16)
    assert {name: after[name] for name in before} == before


def keys(node, path=""):
    """Every key of a schema with its default and description, by dotted path."""
    for name, sub in node.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        if "properties" not in sub or "description" in sub:
            default = json.dumps(sub["default"]) if "default" in sub else ""
            yield here, (default, sub.get("description", ""))
        yield from keys(sub, here)
        if "items" in sub:
            yield from keys(sub["items"], f"{here}[]")
        for form in sub.get("oneOf", []):
            yield from keys(form, here)
    if isinstance(node.get("additionalProperties"), dict):
        yield from keys(node["additionalProperties"], "<network>")


def test_config_page_and_schemas_agree():
    """Same keys, same defaults, same words; no key undocumented, none documented that is not."""
    page = (ROOT / "config" / "README.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (?:`([^`]*)`)? ?\| (.*) \|$", page, re.M)
    documented = {key: (default, text) for key, default, text in rows}
    expected = {}
    for name in ("config", "networks"):
        for key, (default, text) in keys(schema(name)):
            expected.setdefault(key, (default, text))
    assert documented == expected


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_files_are_valid(path):
    if path.name == "networks.yaml":
        assert "vgg16" in read_registry(path)
    else:
        config = yaml.safe_load(path.read_text())
        validate(config, "config", path.name)
        registry = read_registry(ROOT / config["registry"])
        for entry in config["layers"]:
            names = entry["network"]
            for network in names if isinstance(names, list) else [names]:
                assert entry["layer"] in registry[network]["layers"]
                assert entry["features"] in {"pixels", *registry[network]["layers"]}
