"""Measure how fast this is here: print tables, and write all numbers to one JSON file.

It reads the weights, natural means and stimuli of a study, so run the quickstart first. Nothing
else should run on the machine; its load is kept beside the numbers.
"""

import argparse
import inspect
import json
import os
from pathlib import Path

import pandas as pd

from invariscope import files, provenance

from . import dag, load, phase, quality, rate, roofline, scaling, setting, texture, warp

PARTS = {
    "quality": quality,
    "rate": rate,
    "roofline": roofline,
    "texture": texture,
    "phase": phase,
    "warp": warp,
    "scaling": scaling,
    "dag": dag,
    "load": load,
}
OUTPUT = Path("results/benchmarks.json")


def main(arguments=None):
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=PARTS, metavar="part", help=", ".join(PARTS))
    parser.add_argument(
        "--results", type=Path, default=Path("results/quickstart"), help="a study's"
    )
    parser.add_argument("--units", type=int, default=16, help="of the first three parts")
    parser.add_argument("--threads", type=int, default=1, help="1, as in jobs of the workflow")
    parser.add_argument("--repeats", type=int, default=5, help="of what is short")
    options = parser.parse_args(arguments)
    if not (options.results / "weights" / f"{setting.NETWORK}.safetensors").is_file():
        parser.error(f"--results: {options.results} is not a finished study with {setting.NETWORK}")

    begun = provenance.now()
    measured = setting.read(options.results, options.units, options.threads, options.repeats)
    found = {}
    for name in options.parts or PARTS:
        load = os.getloadavg()[0]
        found[name] = PARTS[name].measure(measured) | dict(load_before=load)
        show(name, found[name])
    found["circumstances"] = provenance.circumstances(begun, options.threads)
    with files.write_whole(OUTPUT) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{OUTPUT}")


def show(name, part):
    """Print one part: its question, its table, its notes."""
    title = inspect.getdoc(PARTS[name]).splitlines()[0]
    table = pd.DataFrame(part["rows"]).to_string(index=False, float_format=number, na_rep="")
    print(
        f"\n{title}",
        f"(load {part['load_before']:.1f} before)",
        "",
        table,
        *part["notes"],
        sep="\n",
    )


def number(value):
    """Three digits, as far as they lie behind the point."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
