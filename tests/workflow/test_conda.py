"""With `--sdm conda`, each job runs in the environment that its rule names."""

import json
import os
import re
import sys
from pathlib import Path

import pytest
import yaml
from running import ROOT, snakemake
from tiny import TINY

CELLS = TINY | {"layers": TINY["layers"][:1], "compare": []}
# In an environment, this Python, which notes what it runs.
PYTHON = '#!/bin/sh\necho "$0 $@" >> {folder}/ran\nexec {python} "$@"\n'
# Answers Snakemake's questions as conda does, and makes environments that hold that.
CONDA = """\
#!/bin/sh
case "$*" in
    "info --json") echo '{{"conda_prefix": "{folder}", "platform": "linux-64"}}' ;;
    --version) echo conda 24.9.2 ;;
    "config --get"*) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
    clean*) ;;
    *create*)
        while [ $# -gt 0 ]; do
            case "$1" in
                --file) file="$2" ;;
                --prefix) prefix="$2" ;;
            esac
            shift
        done
        mkdir -p "$prefix/bin"
        cp {folder}/python "$prefix/bin/python"
        cp "$file" "$prefix/asked.yaml"
        ;;
    *) echo "conda does not know: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def conda(tmp_path):
    """A folder with a command `conda` that makes environments without a network."""
    folder = tmp_path / "conda"
    (folder / "bin").mkdir(parents=True)
    for path, text in ((folder / "bin" / "conda", CONDA), (folder / "python", PYTHON)):
        path.write_text(text.format(folder=folder, python=sys.executable))
        path.chmod(0o755)
    (folder / "bin" / "activate").write_text('PATH="$1/bin:$PATH"; CONDA_PREFIX="$1"\n')
    return folder


def test_jobs_run_in_their_environment(conda, tmp_path):
    path = f"{conda}/bin:{os.environ['PATH']}"
    goal = "--until", "natural"
    code, printed = snakemake(tmp_path / "study", CELLS, "--sdm", "conda", *goal, PATH=path)
    assert code == 0, printed
    ran = re.findall(r"^(\S+)/bin/python \S+\.(\w+)\.py$", (conda / "ran").read_text(), re.M)
    assert [script for _, script in ran] == ["weights", "natural"]
    wanted = (ROOT / "envs" / "networks.yaml").read_text()
    assert {Path(folder, "asked.yaml").read_text() for folder, _ in ran} == {wanted}
    record = tmp_path / "study" / "results" / "tiny" / "natural" / "ground_truth.record.json"
    noted = json.loads(record.read_text())["packages"]
    assert f"pytorch={noted['torch']}" in yaml.safe_load(wanted)["dependencies"]


@pytest.mark.parametrize("dry", [[], ["-n"]])
def test_without_conda_it_says_so_in_one_line(tmp_path, dry):
    code, printed = snakemake(tmp_path / "study", CELLS, "--sdm", "conda", *dry, PATH="/bin")
    assert code == 1
    (line,) = [line for line in printed.splitlines() if "conda" in line]
    assert line.startswith("invariscope: --sdm conda: there is no command `conda`")
    assert not (tmp_path / "study" / "results").exists()
