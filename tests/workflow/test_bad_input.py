"""Faults of a config file, by the real command: one line, nothing executed, nothing left behind."""

import shutil
import subprocess
import sys

import pytest
import yaml
from running import ROOT, command
from tiny import TINY

STUDY = yaml.safe_dump(TINY)
DAG = ROOT / "workflow" / "scripts" / "dag.py"
TAG = "seed: !!python/object/apply:os.system ['touch ran']\n"
TEMPLATE = f"__use_yte__: true\nseed: ?__import__('os').system('touch ran')\n{STUDY}"
BAD = {
    "not UTF-8": (STUDY.encode() + b"seed: \xff", "not YAML ('utf-8' codec can't decode"),
    "tab": (f"{STUDY}\tseed: 1", "not YAML (while scanning"),
    "deep": ("name: " + "[" * 5000, "not YAML of a study (nested too deep)"),
    "empty": ("", "it must have keys at the top level"),
    "list": ("[1, 2]", "it must have keys at the top level"),
    "tag": (STUDY + TAG, "not YAML (could not determine a constructor for the tag"),
    "template": (
        TEMPLATE,
        "config: the file: Additional properties are not allowed ('__use_yte__'",
    ),
    "template in disguise": (
        TEMPLATE.replace("__use_yte__", '"__use\\x5fyte__"'),
        "config: the file: Additional properties are not allowed ('__use_yte__'",
    ),
    "key twice": (f"{STUDY}name: other\n", "not YAML (key 'name' is given twice in"),
    "name of a folder": (STUDY.replace("name: tiny", 'name: "../tiny"'), "config: name: '../tiny'"),
    "pattern": (STUDY.replace("name: tiny", 'name: "{tiny}"'), "config: name: '{tiny}' does not"),
    "missing": (None, "cannot be read (No such file or directory)"),
}


def refusal(words, folder):
    """The one line that a run prints, besides Snakemake's on its profile."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = (
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("Using ")
    )
    assert not (folder / "ran").exists()
    assert not (folder / "results").exists()
    return line


@pytest.mark.parametrize("name", BAD)
def test_config_files(tmp_path, name):
    data, message = BAD[name]
    words = command(tmp_path, TINY, "-n")
    path = tmp_path / "study.yaml"
    path.unlink()
    if data is not None:
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    line = refusal(words, tmp_path)
    assert refusal([sys.executable, DAG, "--configfile", path], tmp_path) == line  # for an audit
    about = "" if message.startswith("config:") else f"{path}: "
    assert line.startswith(f"invariscope: {about}{message}")


def test_the_default_config(tmp_path):
    """Snakemake reads it for the Snakefile."""
    for name in ("Snakefile", "workflow", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config" / "quickstart.yaml").write_text("name: [")
    line = refusal([*command(tmp_path, TINY)[:3], "-n", "--cores", "1"], tmp_path)
    assert line.startswith("invariscope: config/quickstart.yaml: not YAML (while parsing")
