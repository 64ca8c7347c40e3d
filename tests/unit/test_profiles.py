"""The profiles for clusters agree with the rules and with each other."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SNAKEFILE = (ROOT / "Snakefile").read_text()
RULES = dict(
    pair
    for path in (ROOT / "workflow" / "rules").glob("*.smk")
    for pair in re.findall(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", path.read_text(), re.M | re.S)
)
LOCAL = set(re.findall(r"\w+", re.search(r"^localrules:\n((?:    \w+,\n)+)", SNAKEFILE, re.M)[1]))
SENT = RULES.keys() - LOCAL


def profile(name):
    return yaml.safe_load((ROOT / "workflow" / "profiles" / name / "config.yaml").read_text())


def test_rules_that_take_a_gpu_are_sent_and_no_others():
    assert len(SENT) >= 5
    assert {name for name, text in RULES.items() if "gpu=GPU" in text} == SENT
    assert LOCAL - RULES.keys() == {"report"}


@pytest.mark.parametrize(("name", "gpu"), [("slurm", 0), ("gpu", 1)])
def test_what_is_sent_has_its_resources(name, gpu):
    resources = profile(name)["set-resources"]
    assert resources.keys() == SENT
    assert all(each.keys() == {"gpu", "mem_mb", "runtime"} for each in resources.values())
    assert {each["gpu"] for each in resources.values()} == {gpu}
    assert profile(name)["groups"].keys() <= SENT


def test_gpu_nodes_are_used_as_others_are():
    slurm, gpu = profile("slurm"), profile("gpu")
    for each in (slurm, gpu):
        for resources in each["set-resources"].values():
            del resources["gpu"]
    assert slurm == gpu
