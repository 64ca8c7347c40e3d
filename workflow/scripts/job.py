"""What every script shares: its record, its log, and how it tells a user of a mistake."""

import json
import sys
import traceback
from pathlib import Path

from invariscope import code, provenance
from invariscope.digest import sha256
from invariscope.errors import UserError


class _Tee:
    """A text stream that writes to two others."""

    def __init__(self, *streams):
        self.streams = streams

    def write(self, text):
        for stream in self.streams:
            stream.write(text)

    def flush(self):
        for stream in self.streams:
            stream.flush()

    def isatty(self):
        return self.streams[0].isatty()


def run(main, snakemake):
    """Call main(input, output, record, threads) and leave a record of what it made, and from what.

    `record` is what the job is to do: its parameters, places of files, and the `id` that its own
    record will have. A user's mistake ends in one line, exit code 1.
    """
    with open(snakemake.log[0], "w") as log:
        sys.stderr = _Tee(sys.__stderr__, log)
        try:
            start = provenance.now()
            planned = json.loads(snakemake.params.record)
            _check_code(Path(snakemake.scriptdir), planned)
            path = Path(snakemake.output.record)
            study = Path("results", path.parts[1])
            made = {key: planned[key] for key in ("script", "parameters", "code", "packages")}
            made |= dict(rule=snakemake.rule, inputs=_digests(snakemake.input, study))
            made["id"] = provenance.identity(made)
            record = made["parameters"] | planned["places"] | dict(id=made["id"])
            main(snakemake.input, snakemake.output, record, snakemake.threads)
            made["outputs"] = _digests(set(snakemake.output) - {str(path)}, study)
            run = provenance.circumstances(start, snakemake.threads)
            made["run"] = run | dict(config=planned["config"])
            provenance.write(path, made)
        except UserError as error:
            print(f"invariscope: {error}", file=sys.stderr)
            sys.exit(1)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
        finally:
            sys.stderr = sys.__stderr__


def _check_code(folder, planned):
    """Raise a UserError unless the code that runs is that which the record will tell of."""
    for module in (sys.modules[__name__], provenance):
        if not Path(module.__file__).resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{module.__file__} is imported, but the workflow lies in {folder}")
    if code.digests(folder / planned["script"]) != planned["code"]:
        raise UserError("the code was changed while the study ran; run it again")


def _digests(paths, study):
    """SHA-256 of files, by their path within the study's folder."""
    return {Path(path).relative_to(study).as_posix(): sha256(path) for path in sorted(set(paths))}


def progress(total, unit, description):
    """Progress bar on standard error: live on a terminal, a line now and then in a file."""
    from tqdm import tqdm

    live = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        file=sys.stderr,
        mininterval=0.5 if live else 20,
        ascii=not live,
    )
