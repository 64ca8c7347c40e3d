"""A small made-up study with records, as jobs of the workflow leave them."""

from invariscope import provenance, records
from invariscope.digest import sha256
from invariscope.staleness import Job

RUN = {
    "start": "2026-01-01T00:00:00.000+00:00",
    "end": "2026-01-01T00:00:01.000+00:00",
    "peak_memory": 1,
    "threads": 1,
    "device": {"name": "processor", "driver": None},
    "determinism": {},
    "python": "3.12.1",
    "platform": "Linux",
    "packages": {"numpy": "2.0"},
    "git": None,
    "config": {"files": ["study.yaml"], "values": {}},
}


def job(rule, output, inputs=(), **changes):
    """A job of one output."""
    fields = dict(
        rule=rule,
        parameters={"seed": 0},
        code={f"{rule}.py": "1" * 64, "shared.py": "2" * 64},
        packages={"numpy": "2.0", "python": "3.12"},
        inputs=tuple(inputs),
        outputs=(output,),
        record=f"{output.rsplit('.', 1)[0]}.record.json",
    )
    return Job(**(fields | changes))


def chain():
    """Weights, two blocks of stimuli, a table of both, and a figure of the table."""
    blocks = ["stimuli/a.nc", "stimuli/b.nc"]
    return [
        job("weights", "weights/n.safetensors", parameters={"source": {"seed": 0}}),
        *(job("synthesis", block, ["weights/n.safetensors"]) for block in blocks),
        job("tables", "tables/units.csv", blocks),
        job("gallery", "figures/gallery.svg", ["tables/units.csv"]),
    ]


def leave(folder, job, content=None, **run):
    """What a job leaves: its outputs, the same for the same content, and its record."""
    for name in job.outputs:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or f"made as {name}")
    record = dict(
        rule=job.rule,
        script=f"{job.rule}.py",
        parameters=job.parameters,
        code=job.code,
        packages=job.packages,
        inputs={name: sha256(folder / name) for name in job.inputs},
        outputs={name: sha256(folder / name) for name in job.outputs},
        run=RUN | run,
    )
    provenance.write(folder / job.record, record | {"id": provenance.identity(record)})


def outputs(folder):
    """All files that a study's records name as outputs."""
    found = records.read_all(folder).values()
    return sorted(name for record in found for name in record["outputs"])
