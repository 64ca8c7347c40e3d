"""What a job sees of the machine."""

import os
import subprocess
import sys
from pathlib import Path

import dag
import pytest

SCRIPT = """
import sys
from types import SimpleNamespace
claimed = {"gpu": int(sys.argv[2])} if sys.argv[2] else {}
snakemake = SimpleNamespace(log=[sys.argv[1]], rule="any", resources=claimed)
snakemake.params = SimpleNamespace(record="{")
import os
import job
try:
    job.run(None, snakemake)
except ValueError:
    print("sees", os.environ["CUDA_VISIBLE_DEVICES"] or "none")
"""


@pytest.mark.parametrize(("claimed", "seen"), [("1", "0,1"), ("0", "none"), ("", "none")])
def test_only_jobs_that_claim_a_gpu_see_one(tmp_path, claimed, seen):
    place = {"PYTHONPATH": str(Path(dag.__file__).parent), "CUDA_VISIBLE_DEVICES": "0,1"}
    words = [sys.executable, "-c", SCRIPT, tmp_path / "log", claimed]
    subprocess.run(words, env={**os.environ, **place}, check=True)
    assert (tmp_path / "log").read_text().splitlines()[-1] == f"sees {seen}"
