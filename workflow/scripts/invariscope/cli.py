"""The command `invariscope`: what a reader does with results that lie there."""

import argparse
import dataclasses
import json
import shlex
import subprocess
import sys
from pathlib import Path

from . import records
from .audit import CURRENT, TAMPERED, audit, difference, flaws, root_of, trace, tree
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
    command = commands.add_parser("audit", help=words, description=words)
    command.add_argument("path", type=Path, help="a result, a copy of one, or a study's folder")
    command.add_argument("other", type=Path, nargs="?", help="another one, with --diff")
    command.add_argument("--diff", action="store_true", help="tell what differs between two")
    _add_shared(command)
    command.set_defaults(run=_audit)


def _add_verify(commands):
    words = "Check every file of a study: bytes, records, figures' identities, code and parameters."
    command = commands.add_parser("verify", help=words, description=words)
    command.add_argument("path", type=Path, help="a study's folder")
    _add_shared(command)
    command.set_defaults(run=_verify)


def _add_compare(commands):
    words = "Tell how far two runs of a study agree: byte by byte, and column by column."
    command = commands.add_parser("compare", help=words, description=words)
    command.add_argument("one", type=Path, help="a study's folder")
    command.add_argument("other", type=Path, help="another one's")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_compare)


def _add_shared(command):
    command.add_argument("--json", action="store_true", help="print JSON")
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
    root, targets = _place(options.path, options.results)
    return _report(root, targets, options, _altered(options.path, root, targets))


def _verify(options):
    root, targets = _place(options.path, options.results)
    if targets is not None:
        raise UserError(f"{options.path}: not a study's folder; give one, such as {root}")
    return _report(root, None, options, flaws(root))


def _report(root, targets, options, found):
    """Print the audit of some results, and what else was found wrong; 0 only if all is current."""
    config = _config(root, targets, options.configfile)
    steps = audit(root, config and _jobs(root, config), targets)
    current = config is not None and not found and all(s.status == CURRENT for s in steps)
    command = None if current or config is None else _command(root, config, targets)
    if options.json:
        found = dict(current=current, steps=[dataclasses.asdict(s) for s in steps], flaws=found)
        print(json.dumps(found | dict(command=command), indent=1))
        return 0 if current else 1
    print(*tree(steps), *found, sep="\n")
    if config is None:
        print(
            "parameters and code were not compared: the config file that the record names is not "
            "here; give it with --configfile"
        )
    if command:
        print(f"to bring it up to date: {command}")
    return 0 if current else 1


def _diff(options):
    pair = []
    for path in (options.path, options.other):
        root, targets = _place(path, options.results)
        if targets is None or len(targets) != 1:
            raise UserError(f"{path}: a folder; give a result")
        pair.append((root, targets[0]))
    found = difference(*pair)
    if options.json:
        print(json.dumps(found, indent=1))
        return 1 if found else 0
    for rule, reasons in found:
        print(f"{rule}:")
        for what, files in reasons:
            print(f"  {what}" + (f": {choices(files, most=3)}" if files else ""))
    if not found:
        print("nothing differs")
    return 1 if found else 0


def _compare(options):
    """Print how far two runs agree; 0 if as far as is to be expected."""
    pair = []
    for path in (options.one, options.other):
        root, targets = _place(path, Path("results"))
        if targets is not None:
            raise UserError(f"{path}: not a study's folder; give one, such as {root}")
        pair.append(root)
    found = compare(*pair)
    print(json.dumps(found, indent=1) if options.json else "\n".join(in_words(found)))
    return 0 if found["agree"] else 1


def _place(path, results):
    """A study's folder, and the files in it that are meant: None for all of them."""
    if not path.exists():
        raise UserError(f"{path}: not there")
    root = root_of(path)
    if root is not None:
        name = path.absolute().relative_to(root).as_posix()
        if name == ".":
            return root, None
        made = records.outputs(root)
        meant = [each for each in made if each == name or each.startswith(f"{name}/")]
        if meant:
            return root, meant
    studies = [folder for folder in sorted(results.glob("*")) if folder.is_dir()]
    found = trace(path, studies) if path.is_file() else None
    if found is None:
        raise UserError(f"{path}: unknown; no record beside it or in {results} tells of it")
    return found[0], [found[1]]


def _altered(path, root, targets):
    """What is to say of a copy elsewhere whose bytes are not those that were made, as a list."""
    if targets is None or len(targets) > 1 or path.resolve() == (root / targets[0]).resolve():
        return []
    made = {
        digest
        for record in records.read_all(root).values()
        if isinstance(record, dict)
        for name, digest in record["outputs"].items()
        if name == targets[0]
    }
    if path.is_dir() or sha256(path) in made:
        return []
    return [f"{path}: not the bytes that its record tells of: {TAMPERED}"]


def _config(root, targets, given):
    """Config files of a study and the values that were put in their place; None if not there."""
    if given is not None:
        if not given.is_file():
            raise UserError(f"--configfile: {given} is not there")
        return dict(files=[str(given.absolute())], values={})
    for record in records.read_all(root).values():
        if isinstance(record, dict) and (targets is None or set(targets) & set(record["outputs"])):
            text = json.dumps(record["run"]["config"])
            config = json.loads(text.replace('"~/', f'"{Path.home()}/'))
            if all((_workplace(root) / name).is_file() for name in config["files"]):
                return config
    return None


def _workplace(root):
    """The folder that the workflow runs in for a study to lie where it lies."""
    return root.parents[1]


def _jobs(root, config):
    """What the workflow would do now for a study."""
    command = [sys.executable, PROJECT / "workflow" / "scripts" / "dag.py"]
    command += ["--config", json.dumps(config["values"]), "--configfile", *config["files"]]
    done = subprocess.run(
        command, cwd=_workplace(root), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UserError(f"the workflow cannot be asked: {said[-1].removeprefix('invariscope: ')}")
    return [Job(**job) for job in json.loads(done.stdout)]


def _command(root, config, targets):
    """The command that makes results anew where they are not current."""
    words = ["uv", "run", "snakemake", "--cores", "all"]
    if config["files"] != [DEFAULT]:
        words += ["--configfile", *config["files"]]
    if config["values"]:
        words += ["--config", *(f"{key}={value}" for key, value in config["values"].items())]
    if targets is not None:
        # After a list of values, what follows would be taken for one more of them.
        words += ["--", *(str((root / name).relative_to(_workplace(root))) for name in targets)]
    return shlex.join(words)
