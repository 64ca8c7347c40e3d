"""Describe the whole study as an RO-Crate, for others' programs and for a browser."""

import job

from pathlib import Path

from invariscope import crate, records


def main(input, output, record, threads):
    folder = Path(output.metadata).parent
    made = {str(Path(path).relative_to(folder)): records.read(path) for path in input}
    crate.write(folder, made, record["sources"], record["about"], record["engine"])


job.run(main, snakemake)  # noqa: F821
