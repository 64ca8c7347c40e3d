"""Whatever stands in a config or a registry is taken, or refused in one line that says where."""

import copy
import hashlib
import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from invariscope import network, study
from invariscope.config import read_registry, read_yaml
from invariscope.errors import LONGEST, UserError

STUDY = {
    "name": "s",
    "seed": 3,
    "registry": "config/networks.yaml",
    "block": 2,
    "layers": [
        {"network": "ground_truth", "layer": "cells", "units": ["0-1", 5], "show": [0]},
        {
            "network": ["trained", "untrained"],
            "layer": "high",
            "units": "all",
            "features": "low",
            "baselines": True,
            "seeds": 2,
        },
        {"network": "mine", "layer": "low", "units": [1, 2]},
    ],
    "compare": [["trained", "mine"]],
    "natural": {"photos": "packaged", "side": 64},
    "synthesis": {
        "images": 3,
        "objective": "penalty",
        "fraction": 0.5,
        "weight": 2.5,
        "optimiser": "published",
        "steps": 10,
    },
    "phase": {"phases": 8, "texture": {"steps": 5, "crops": 2, "weight_min": 0.5}},
    "warp": {"steps": 4, "smoothness": 0.01, "draws": 2},
}
LAYERS = {"low": "features.0", "high": "features.3.cat"}
PACKAGE = {"package": "p", "version": "1", "archive": "p.tar.gz", "sha256": "0" * 64}
NETWORKS = {
    "ground_truth": {
        "architecture": "cells",
        "weights": {"cells": True},
        "preprocessing": {"mean": [0.5, 0.5, 0.5], "std": [0.1, 0.2, 0.3]},
        "layers": {"cells": "cells"},
    },
    "trained": {
        "architecture": "squeezenet1_1",
        "weights": {"torchvision": "IMAGENET1K_V1", "sha256": "0" * 64},
        "layers": LAYERS,
    },
    "untrained": {"architecture": "squeezenet1_1", "weights": {"seed": 0}, "layers": LAYERS},
    "packed": {
        "architecture": "squeezenet1_1",
        "weights": {**PACKAGE, "member": "p/a.ckpt", "tree": "t"},
        "layers": LAYERS,
    },
}
FILE = b"weights"
NETWORKS["mine"] = {
    "architecture": "squeezenet1_1",
    "weights": {"file": "a.pth", "sha256": hashlib.sha256(FILE).hexdigest(), "up_to": "low"},
    "layers": LAYERS,
}
NAMES = [
    "../x",
    "/etc",
    "a/b",
    ".",
    "",
    "a\0b",
    "a b",
    "{x}",
    "{",
    "*",
    "a\nb",
    "low\n",
    "x\x1b[2J",
]
ODD = [None, True, False, math.nan, math.inf, -math.inf, 1e308, 1e-320, -1, 0, 1, 0.5, 10**30]
ODD += [10**400, 2**63, "x" * 10**6, "größe", "\u2028", "all", "0-999999999999", "３", "1-2\n"]
ODD += [[], {}, [[]], [[[1]]], {"a": {}}, {1: 2}, {None: 0}, [1, 1], ["1-1", 1], "1e3", *NAMES]


def places(value, path=()):
    """Paths of all that a nested value holds."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield (*path, key)
            yield from places(value[key], (*path, key))


def leaves(value):
    """All single values that a nested one holds: right elsewhere, they may be wrong here."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [leaf for part in parts for leaf in leaves(part)]
    return [value]


@st.composite
def mutated(draw, original):
    """A valid value with some things wrong, and the keys of which a message may speak."""
    value, keys = copy.deepcopy(original), []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        *path, key = draw(st.sampled_from(list(places(value)) or [("",)]))
        if key == "":
            break
        parent = value
        for each in path:
            keys.append(f"[{each}]" if isinstance(parent, list) else str(each))
            parent = parent[each]
        keys.append(f"[{key}]" if isinstance(parent, list) else str(key))
        odd = copy.deepcopy(draw(st.sampled_from(ODD) | st.sampled_from(leaves(original))))
        how = draw(st.sampled_from(["replace", "replace", "replace", "delete", "nest", "add"]))
        if how == "replace":
            parent[key] = odd
        elif how == "delete":
            del parent[key]
        elif how == "nest":
            parent[key] = draw(st.sampled_from([[parent[key]], {"a": parent[key]}]))
        elif isinstance(parent, list):
            parent.insert(key, draw(st.sampled_from([odd, copy.deepcopy(parent[key])])))
        else:
            wrong = [f"{key}s", str(key)[:-1], str(key).upper(), 7, None, True, *NAMES]
            added = draw(st.sampled_from(wrong))
            parent[added] = parent.pop(key) if draw(st.booleans()) else odd
            keys.append(repr(added).strip("'"))
    return value, keys


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with a file of weights."""
    monkeypatch.chdir(tmp_path)
    Path("a.pth").write_bytes(FILE)
    Path("config").mkdir()


def read(config, networks):
    """Check a study as the workflow does."""
    Path("config/networks.yaml").write_text(yaml.safe_dump(networks), encoding="utf-8")
    return study.read(config, [], lambda entry: network.facts(entry, "", "results/known"))


def verdict(config, networks, keys):
    """'taken' or 'refused'; a refusal is one line that names one of the keys."""
    try:
        registry, _, layers, _, _ = read(config, networks)
    except UserError as error:
        line = str(error)
    else:
        json.dumps(config, allow_nan=False)
        for (name, layer), entry in layers.items():
            assert layer in registry[name]["layers"]
            assert entry["units"]
        return "taken"
    assert line.isprintable()
    assert len(line) < LONGEST + 10
    assert any(key in line for key in keys), line
    return "refused"


def verdicts(original, judge, count):
    """What becomes of so many mutations."""
    found = []

    @settings(derandomize=True, deadline=None, database=None, max_examples=count)
    @given(change=mutated(original))
    def check(change):
        value, keys = change
        found.append(judge(value, keys))

    check()
    return found


def test_the_study_that_is_mutated_is_valid(here):
    assert verdict(copy.deepcopy(STUDY), NETWORKS, []) == "taken"


def test_mutated_configs(here):
    found = verdicts(STUDY, lambda config, keys: verdict(config, NETWORKS, keys), 400)
    assert len(found) >= 400
    assert found.count("taken") > 10
    assert found.count("refused") > 200


def test_mutated_registries(here):
    found = verdicts(
        NETWORKS, lambda networks, keys: verdict(copy.deepcopy(STUDY), networks, keys), 300
    )
    assert len(found) >= 300
    assert found.count("taken") > 2
    assert found.count("refused") > 150


MISTAKES = [
    (STUDY, ("name",), "s\n", r"config: name: 's\\n' does not match"),
    (STUDY, ("name",), "x" * 10**6, r"config: name: 'xxx.* \.\.\. .*xxx' is too long"),
    (STUDY, ("synthesis", "weight"), 10**400, r"config: synthesis\.weight: 1000.* greater than"),
    (STUDY, ("seed",), 2**32, r"config: seed: 4294967296 is greater than the maximum"),
    (STUDY, ("layers", 0, "show"), [0, 0], r"config: layers\[0\]\.show: .* non-unique"),
    (STUDY, ("registry",), "config", r"config: registry: there is no file 'config'"),
    (STUDY, ("registry",), "a\0b", r"config: registry: there is no file 'a\\x00b'"),
    (STUDY, ("natural", "photos"), "a\0b", r"natural\.photos: folder 'a\\x00b' holds no"),
    (NETWORKS, (7,), NETWORKS["untrained"], "the file: 7 is not of type 'string'"),
    (NETWORKS, ("untrained", "layers", 7), "features.0", "layers: 7 is not of type 'string'"),
    (NETWORKS, ("ground_truth", "layers"), {"a": "b"}, r"ground_truth\.layers: .*{cells: cells}"),
    (
        NETWORKS,
        ("untrained", "architecture"),
        "vgg17",
        r"^config/networks\.yaml: untrained: architecture 'vgg17' is unknown",
    ),
    (NETWORKS, ("ground_truth", "preprocessing", "std", 0), 1e-9, r"std\[0\]: 1e-09 is less than"),
]


@pytest.mark.parametrize(
    ("original", "path", "wrong", "message"), MISTAKES, ids=range(len(MISTAKES))
)
def test_mistakes_that_once_were_not_told(here, original, path, wrong, message):
    value = copy.deepcopy(original)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = copy.deepcopy(wrong)
    both = (value, NETWORKS) if original is STUDY else (copy.deepcopy(STUDY), value)
    with pytest.raises(UserError, match=message) as error:
        read(*both)
    assert str(error.value).isprintable()
    assert len(str(error.value)) <= LONGEST + 5


BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(40))
MERGED = "a0: &a0 {b: 1}\n" + "".join(
    f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}\n" for i in range(40)
)
FAULTS = {
    "twice": (b"a: 1\nb: {c: 1, d: 2, c: 3}", "not YAML (key 'c' is given twice in"),
    "aliases": (BOMB.encode(), "its aliases stand for more than"),
    "merged aliases": (MERGED.encode(), "its aliases stand for more than"),
    "within itself": (b"a: &a [1, *a]", "its aliases stand for more than"),
    "tab": (b"a: 1\n\tb: 2", "not YAML (while scanning"),
    "bytes": (b"a: \xff\xfe", "not YAML ('utf-8' codec can't decode"),
    "control": (b"a: \x00", "not YAML (unacceptable character"),
    "tag": (b"a: !!python/object/apply:os.mkdir [ran]", "not YAML (could not determine"),
    "deep": (b"[" * 5000, "not YAML of a study (nested too deep)"),
    "number": (b"a: " + b"9" * 5000, "not YAML (Exceeds the limit"),
    "date": (b"a: 2001-99-99", "not YAML (month must be in"),
    "key": (b"{a: 1}: b", "not YAML (while constructing a mapping"),
    "alias": (b"a: *b", "not YAML (found undefined alias"),
    "documents": (b"a: 1\n---\nb: 1", "not YAML (expected a single document"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_yaml(here, name):
    data, message = FAULTS[name]
    Path("bad.yaml").write_bytes(data)
    with pytest.raises(UserError) as error:
        read_yaml("bad.yaml")
    assert str(error.value).startswith(f"bad.yaml: {message}")
    assert str(error.value).isprintable()
    assert not Path("ran").exists()


def test_aliases_and_merged_keys_are_fine(here):
    """Also where a mapping overrides what it merges, and is merged itself before it is read."""
    Path("good.yaml").write_text("x: {a: &a {<<: &b {p: 1, q: 2}, p: 3}}\ny: {<<: *a, q: 4}\n")
    assert read_yaml("good.yaml") == {"x": {"a": {"p": 3, "q": 2}}, "y": {"p": 3, "q": 4}}
    Path("good.yaml").write_text("")
    assert read_yaml("good.yaml") is None


def test_a_registry_with_bytes_changed(here):
    """Any bytes are read as a registry, or refused in one line that names the file."""
    written = yaml.safe_dump(NETWORKS).encode()
    path, found = Path("registry.yaml"), []

    @settings(derandomize=True, deadline=None, database=None, max_examples=200)
    @given(
        st.integers(0, len(written)),
        st.integers(0, 40),
        st.binary(max_size=6)
        | st.text("\t\n :-[]{}&*!?|>'\"%@`#,abc019~", max_size=8).map(str.encode),
    )
    def check(start, length, put):
        path.write_bytes(written[:start] + put + written[start + length :])
        try:
            read_registry(path)
            found.append("taken")
        except UserError as error:
            found.append(str(error))

    check()
    assert found.count("taken") > 5
    refused = [line for line in found if line != "taken"]
    assert len(refused) > 100
    assert all(line.startswith("registry.yaml: ") and line.isprintable() for line in refused)


def test_config_files_are_told_apart_by_name(here):
    Path("config/networks.yaml").write_text(yaml.safe_dump(NETWORKS))

    def refusal(name):
        with pytest.raises(UserError) as error:
            study.read(copy.deepcopy(STUDY), [name], None)
        return str(error.value)

    assert refusal("a{b}.yaml").startswith("config: its file 'a{b}.yaml' has a brace in its name")
    assert refusal("networks.yaml").startswith("config: two of its files have one name")
    assert refusal("Snakefile").startswith("config: two of its files have one name")


def test_a_field_larger_than_the_photos_is_told_at_once(here):
    networks = copy.deepcopy(NETWORKS)
    networks["mine"] |= {"weights": {"seed": 0}, "layers": {"low": "features.12.cat"}}
    config = {**copy.deepcopy(STUDY), "layers": STUDY["layers"][2:], "compare": []}
    with pytest.raises(UserError, match=r"natural\.side: 64 is less than the 207 pixels .*'mine'"):
        read(config, networks)
    read({**config, "natural": {"side": 207}}, networks)
