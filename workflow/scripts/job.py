"""What every script shares: its record, its log, and how it tells a user of a mistake."""

import json
import sys
import traceback

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
    """Call main(input, output, record, threads); a user's mistake ends in one line, exit code 1."""
    with open(snakemake.log[0], "w") as log:
        sys.stderr = _Tee(sys.__stderr__, log)
        try:
            record = json.loads(snakemake.params.record)
            main(snakemake.input, snakemake.output, record, snakemake.threads)
        except UserError as error:
            print(f"invariscope: {error}", file=sys.stderr)
            sys.exit(1)
        except Exception:
            traceback.print_exc()
            sys.exit(1)
        finally:
            sys.stderr = sys.__stderr__


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
