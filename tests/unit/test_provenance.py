"""What a job writes down of itself."""

import re
import subprocess
from importlib import metadata
from pathlib import Path

import jsonschema
import pytest
import recorded
import torch
from recorded import RUN, chain, leave

from invariscope import provenance, records
from invariscope.config import schema


def test_circumstances_are_of_this_process():
    start = provenance.now()
    found = provenance.circumstances(start, 2) | {"config": RUN["config"]}
    fits = jsonschema.Draft202012Validator(
        schema("record")["properties"]["run"] | {"$defs": schema("record")["$defs"]}
    )
    fits.validate(found)
    assert found["start"] == start <= found["end"]
    assert found["threads"] == 2
    # Within a factor of two of what the system says.
    resident = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found["peak_memory"] == pytest.approx(int(resident[1]) * 1024, rel=0.5)
    assert found["packages"]["torch"] == metadata.version("torch")
    assert found["determinism"]["torch_threads"] == torch.get_num_threads()


def test_a_gpu_and_its_driver(tmp_path, monkeypatch):
    """As torch and the driver's own tool name them."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "G")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert provenance.circumstances("", 1)["device"] == {"name": "G", "driver": None}
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 580.1\necho 580.1\n")
    tool.chmod(0o755)
    assert provenance.circumstances("", 1)["device"] == {"name": "G", "driver": "580.1"}


def test_git(tmp_path):
    assert provenance.git(tmp_path) is None

    def git(*arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e"]
        command = ["git", *identity, *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked" / "file").write_text("1")
    assert provenance.git(tmp_path / "unpacked") is None
    assert provenance.git(tmp_path) == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "stray").write_text("1")
    assert provenance.git(tmp_path)["dirty"] is False
    (tmp_path / "file").write_text("2")
    assert provenance.git(tmp_path)["dirty"] is True


def test_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.git(Path(__file__).parent) is None


def test_what_is_said_of_the_config(tmp_path, monkeypatch):
    home, here = tmp_path / "home" / "ann", tmp_path / "work"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    files = [here / "config" / "a.yaml", Path("b.yaml"), home / "c.yaml", "/etc/d.yaml"]
    values = {"seed": 1, "registry": f"{home}/n.yaml", "natural": {"photos": f"{home}/p"}}
    assert provenance.described(files, values) == {
        "files": ["config/a.yaml", "b.yaml", "~/c.yaml", "/etc/d.yaml"],
        "values": {"seed": 1, "registry": "~/n.yaml", "natural": {"photos": "~/p"}},
    }


def test_the_identity_is_of_what_outputs_follow_from(tmp_path):
    leave(tmp_path, chain()[0])
    record = records.read(tmp_path / chain()[0].record)
    identity = provenance.identity(record)
    assert identity == record["id"]
    for key in ("run", "outputs", "script"):
        assert provenance.identity(record | {key: {}}) == identity
    for key in ("rule", "parameters", "code", "packages", "inputs"):
        assert provenance.identity(record | {key: {"other": 1}}) != identity


def test_the_digest_does_not_depend_on_order():
    assert provenance.digest({"a": 1, "b": [2]}) == provenance.digest({"b": [2], "a": 1})
    assert provenance.digest({"a": 1, "b": 2}) != provenance.digest({"a": 2, "b": 1})


def test_a_record_that_was_written_is_read_back(tmp_path):
    leave(tmp_path, chain()[0], git={"commit": "ä" * 40, "dirty": True})
    record = records.read(tmp_path / chain()[0].record)
    assert record["run"]["git"]["commit"] == "ä" * 40
    assert recorded.outputs(tmp_path) == ["weights/n.safetensors"]
    assert list(records.read_all(tmp_path)) == [chain()[0].record]
