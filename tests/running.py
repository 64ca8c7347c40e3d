"""Running the workflow as a user does."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def command(folder, config, *arguments, root=ROOT):
    """The command that runs the workflow with `folder` as the working folder.

    `root` is where the Snakefile lies.
    """
    folder.mkdir(exist_ok=True)
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    words = [sys.executable, "-m", "snakemake", "--snakefile", root / "Snakefile"]
    return [*words, "--directory", folder, "--configfile", path, "--cores", "2", *arguments]


def snakemake(folder, config, *arguments, root=ROOT, **environment):
    """Run the workflow with `folder` as the working folder; its exit code and all it printed."""
    done = subprocess.run(
        command(folder, config, *arguments, root=root),
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=3000,
    )
    return done.returncode, done.stdout + done.stderr


def invariscope(folder, *arguments):
    """Run the command with `folder` as the working folder; its exit code and what it printed."""
    command = [Path(sys.executable).with_name("invariscope"), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
