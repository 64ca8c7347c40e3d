"""The conda environments agree with pyproject's pins and provide what the scripts import."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from invariscope.code import imports
from invariscope.natural import PACKAGED

ROOT = Path(__file__).parents[2]
MODULES = {
    "PIL": "pillow",
    "torch": "pytorch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
RULES = [
    (path.stem, name, environment, script)
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
    for name, environment, script in re.findall(
        r'^rule (\w+):.*?conda:\s+"\.\./\.\./(envs/\S+)"\s+script:\s+"\.\./(scripts/\S+)"',
        path.read_text(),
        re.M | re.S,
    )
]


def pins(environment):
    """Package to version of a conda environment."""
    packages = yaml.safe_load((ROOT / environment).read_text())["dependencies"]
    return dict(package.split("=") for package in packages)


def test_every_rule_names_an_environment_and_a_script():
    text = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    assert len(RULES) == len(re.findall(r"^rule ", text, re.M)) >= 7


@pytest.mark.parametrize("environment", sorted({rule[2] for rule in RULES}))
def test_pins_agree_with_pyproject(environment):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    expected = dict(requirement.split("==") for requirement in project["dependencies"])
    expected["pytorch"] = expected["torch"]
    for package, version in pins(environment).items():
        assert version == ("3.12" if package == "python" else expected[package])


@pytest.mark.parametrize(("environment", "script"), sorted({rule[2:] for rule in RULES}))
def test_environment_provides_what_a_script_imports(environment, script):
    imported = imports(ROOT / "workflow" / script)
    if script.endswith("natural.py"):
        imported |= set(PACKAGED)
    own = {"invariscope", "job", *sys.stdlib_module_names}
    needed = {MODULES.get(module, module.replace("_", "-")) for module in imported - own}
    assert needed <= set(pins(environment))


@pytest.mark.parametrize("script", sorted({rule[3] for rule in RULES}))
def test_a_script_sees_no_more_of_snakemake_than_its_job_gives(script):
    """Neither config nor wildcards: what it depends on is in its record."""
    text = (ROOT / "workflow" / script).read_text()
    assert re.findall(r".*\bsnakemake\b.*", text) == ["job.run(main, snakemake)  # noqa: F821"]
