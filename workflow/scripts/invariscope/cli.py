"""The command `invariscope`: what a reader does with results that lie there."""

import argparse
import dataclasses
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from . import records
from .audit import CURRENT, TAMPERED, UNKNOWN, audit, flaws, root_of, trace
from .audit_tree import tree
from .difference import difference
from .digest import sha256
from .errors import UserError, choices
from .reproduction import compare, in_words
from .staleness import Job

PROJECT = Path(__file__).parents[3]
DEFAULT = "config/quickstart.yaml"


def main():
    parser = argparse.ArgumentParser(prog="invariscope", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_audit(commands)
    _add_verify(commands)
    _add_compare(commands)
    options = parser.parse_args()
    try:
        sys.exit(options.run(options))
    except UserError as error:
        sys.exit(f"invariscope: {error}")


def _add_audit(commands):
    words = "Tell whether a result is still what its record says, back to the weights."
    command = _add(commands, "audit", _audit, words)
    command.add_argument("path", type=Path, help="a result, a copy of one, or a study's folder")
    command.add_argument("other", type=Path, nargs="?", help="another one, with --diff")
    command.add_argument("--diff", action="store_true", help="tell what differs between two")
    _add_places(command)


def _add_verify(commands):
    words = "Check every file of a study: bytes, records, figures' identities, code and parameters."
    command = _add(commands, "verify", _verify, words)
    command.add_argument("path", type=Path, help="a study's folder")
    _add_places(command)


def _add_compare(commands):
    words = "Tell how far two runs of a study agree: byte by byte, and column by column."
    command = _add(commands, "compare", _compare, words)
    command.add_argument("one", type=Path, help="a study's folder")
    command.add_argument("other", type=Path, help="another one's")


def _add(commands, name, run, words):
    """A command, with what all of them take."""
    command = commands.add_parser(name, help=words, description=words)
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)
    return command


def _add_places(command):
    command.add_argument(
        "--configfile", type=Path, help="of the study; by default the one that its records name"
    )
    command.add_argument(
        "--results", type=Path, default=Path("results"), help="where a copy is looked for"
    )


def _audit(options):
    if options.diff != (options.other is not None):
        raise UserError("audit: give two results with --diff, and one without")
    if options.diff:
        return _diff(options)
    root, target = _place(options.path, options.results)
    return _report(root, target, options, _altered(options.path, root, target))


def _verify(options):
    root = _study(options.path, options.results)
    return _report(root, "", options, flaws(root))


def _report(root, target, options, found):
    """Print the audit of some results, and what else was found wrong; 0 only if all is current."""
    config = _config(root, target, options.configfile)
    name, jobs = planned(root, config) if config else (root.name, None)
    steps = audit(root, jobs, target)
    current = config is not None and not found and all(s.status == CURRENT for s in steps)
    advice = [] if current else _advice(root, name, config, target, steps)
    if options.json:
        found = dict(current=current, steps=[dataclasses.asdict(s) for s in steps], flaws=found)
        print(json.dumps(found | dict(advice=advice), indent=1))
    else:
        print(*tree(steps), *found, *advice, sep="\n")
    return 0 if current else 1


def _diff(options):
    pair = []
    for path in (options.path, options.other):
        root, target = _place(path, options.results)
        if target == "" or target.endswith("/"):
            raise UserError(f"{path}: a folder; give a result")
        pair.append((root, target))
    found = difference(*pair)
    if options.json:
        print(json.dumps(found, indent=1))
        return 1 if found else 0
    for rule, reasons in found:
        print(f"{rule}:")
        for reason in reasons:
            print(f"  {reason}")
    if not found:
        print("nothing differs")
    return 1 if found else 0


def _compare(options):
    """Print how far two runs agree; 0 if as far as is to be expected."""
    found = compare(*(_study(path, Path("results")) for path in (options.one, options.other)))
    print(json.dumps(found, indent=1) if options.json else "\n".join(in_words(found)))
    return 0 if found["agree"] else 1


def _place(path, results):
    """A study's folder, and the path in it that is meant, as `audit` takes it."""
    if not path.exists():
        raise UserError(f"{path}: not there")
    for where in (Path(os.path.abspath(path)), path.resolve()):
        root = root_of(where)
        if root is not None:
            name = where.relative_to(root).as_posix()
            return root, "" if name == "." else name + "/" * path.is_dir()
    studies = [folder for folder in sorted(results.glob("*")) if folder.is_dir()]
    found = trace(path, studies) if path.is_file() else None
    if found is None:
        raise UserError(f"{path}: unknown; no record beside it or in {results} tells of it")
    return found


def _study(path, results):
    """A study's folder, and no other place."""
    root, target = _place(path, results)
    if target:
        raise UserError(f"{path}: not a study's folder; give one, such as {root}")
    return root


def _altered(path, root, target):
    """What is to say of a copy elsewhere whose bytes are not those that were made, as a list."""
    if not path.is_file() or path.resolve() == (root / target).resolve():
        return []
    made = {record["outputs"].get(target) for record in records.read_whole(root).values()}
    if sha256(path) in made:
        return []
    return [f"{path}: not the bytes that its record tells of: {TAMPERED}"]


def _config(root, target, given):
    """Config files of a study and the values that were put in their place; None if not there."""
    if given is not None:
        if not given.is_file():
            raise UserError(f"--configfile: {given} is not there")
        return dict(files=[str(given.absolute())], values={})
    written = records.read_whole(root).values()
    own = [record for record in written if target in record["outputs"]]
    for record in sorted(own or written, key=lambda record: record["run"]["end"], reverse=True):
        text = json.dumps(record["run"]["config"])
        config = json.loads(text.replace('"~/', f'"{os.path.expanduser("~")}/'))
        if all((_workplace(root) / name).is_file() for name in config["files"]):
            return config
    return None


def _workplace(root):
    """The folder that the workflow runs in for a study to lie where it lies."""
    return root.parents[1]


def planned(root, config):
    """Name of the study, and what the workflow would do for it now, as jobs."""
    command = [sys.executable, PROJECT / "workflow" / "scripts" / "dag.py"]
    command += ["--config", json.dumps(config["values"]), "--configfile", *config["files"]]
    done = subprocess.run(
        command, cwd=_workplace(root), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"the workflow cannot be asked: {said[-1].removeprefix('invariscope: ')}")
    found = json.loads(done.stdout)
    return found["name"], [Job(**job) for job in found["jobs"]]


def _advice(root, name, config, target, steps):
    """What brings results up to date that are not current, a line each."""
    strangers = [step.record for step in steps if not step.rule and step.status == UNKNOWN]
    lines = [f"to move away or delete: {choices(strangers)}"] * bool(strangers)
    if config is None:
        return [
            *lines,
            "parameters and code were not compared: the config file that the records name is not "
            "here; give it with --configfile",
        ]
    if (root.parent.name, root.name) != ("results", name):
        return [*lines, f"it can be brought up to date where it was made: as results/{name}"]
    if len(strangers) < sum(step.status != CURRENT for step in steps):
        lines.append(f"to bring it up to date: {_command(root, config, target)}")
    return lines


def _command(root, config, target):
    """The command that makes results anew where they are not current."""
    place = _workplace(root)
    words = ["uv", "run", "snakemake", "--cores", "all"]
    files = config["files"]
    if place.resolve() != Path.cwd().resolve():
        words += ["--directory", str(place)]
        files = [str(place / file) for file in files]
    if Path.cwd().resolve() != PROJECT:
        words += ["--snakefile", str(PROJECT / "Snakefile")]
    if files != [DEFAULT]:
        words += ["--configfile", *files]
    if config["values"]:
        values = {key: json.dumps(value) for key, value in config["values"].items()}
        words += ["--config", *(f"{key}={value}" for key, value in values.items())]
    if target and not target.endswith("/"):
        # After a list of values, what follows would be taken for one more of them.
        words += ["--", f"results/{root.name}/{target}"]
    return shlex.join(words)
