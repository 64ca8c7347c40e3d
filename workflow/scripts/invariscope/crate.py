"""RO-Crate of a study: what each job ran, read and wrote, as linked data beside the results.

Follows the Provenance Run Crate profile 0.5 (Leo et al., Recording provenance of workflow runs with
RO-Crate, PLOS ONE 2024), so that others' programs can read how a result came about.
"""

import hashlib
import os
from datetime import datetime
from pathlib import Path

from rocrate.rocrate import ROCrate

from .crate_steps import COMPLETED, add, add_job, add_steps
from .digest import sha256
from .errors import UserError
from .files import write_whole

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
# What the profile adds to the terms of RO-Crate 1.1.
TERMS = {
    name: f"https://w3id.org/ro/terms/workflow-run#{name}"
    for name in ("environment", "resourceUsage", "sha256")
}
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".nc": "application/x-netcdf",
    ".png": "image/png",
    ".rst": "text/x-rst",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    "": "text/plain",
}


def write(folder, records, sources, about, engine):
    """Make a study's folder an RO-Crate.

    Parameters
    ----------
    folder : path
        Of the study; its name is the study's.
    records : dict of str to dict
        Path of each job's record, relative to `folder`, to the record.
    sources : list of path
        The Snakefile, and the files that describe the study: config and registry. The crate gets
        copies.
    about : dict
        Of the workflow: 'name', 'version', 'description', and 'license' if there is one.
    engine : str
        Version of Snakemake.

    Returns
    -------
    list of Path
        Files written: the copies (workflow/), the metadata, and a preview that a browser shows.

    Raises
    ------
    UserError
        If a file is missing; if a job read other bytes than another wrote.
    """
    folder, sources = Path(folder), [Path(source) for source in sources]
    records = dict(sorted(records.items()))
    latest = max((record["run"]["end"] for record in records.values()), key=_time)
    home = f"{os.path.expanduser('~')}/".encode()  # the crate is for others to read
    written = {f"workflow/{source.name}": _read(source).replace(home, b"~/") for source in sources}
    snakefile, *described = written

    crate = ROCrate(gen_preview=True, version="1.1")
    crate.metadata.extra_terms = TERMS
    _describe(crate, folder.name, about, latest, len(records))
    files = {
        path: crate.add_file(dest_path=path, properties=_content(folder / path, digest))
        for path, digest in sorted(_digests(folder, records).items())
    }
    workflow = _workflow(crate, snakefile, written[snakefile], about, engine)
    steps = add_steps(crate, workflow, records)
    jobs = {name: add_job(crate, files, name, record) for name, record in records.items()}
    config = [
        crate.add_file(dest_path=path, properties=_of_copy(path, written[path]))
        for path in described
    ]
    _run(crate, workflow, config, files, steps, jobs, records)

    for entity in (crate.metadata, crate.preview):
        written[entity.id] = b"".join(chunk for _, chunk in entity.stream())
    for path, content in written.items():
        with write_whole(folder / path) as temporary:
            temporary.write_bytes(content)
    return [folder / path for path in written]


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _time(text):
    """A time given as ISO 8601 text, to compare with others."""
    return datetime.fromisoformat(text)


def _digests(folder, records):
    """SHA-256 of each record and of each file that a job read or wrote, by path."""
    digests = {name: sha256(folder / name) for name in records}
    for name, record in records.items():
        for path, digest in (record["inputs"] | record["outputs"]).items():
            if digests.setdefault(path, digest) != digest:
                raise UserError(
                    f"{path}: has another SHA-256 in {name} than in other records; "
                    "run the study again, so that all jobs read and wrote the same file"
                )
    return digests


def _content(path, digest):
    """What the crate says of a file's content."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return _facts(path, size, digest)


def _of_copy(path, content):
    """What the crate says of a copy that it makes."""
    return _facts(Path(path), len(content), hashlib.sha256(content).hexdigest())


def _facts(path, size, digest):
    return {
        "contentSize": str(size),
        "encodingFormat": FORMATS.get(path.suffix, "application/octet-stream"),
        "sha256": digest,
    }


def _describe(crate, study, about, published, jobs):
    """Say what the crate is as a whole."""
    root = crate.root_dataset
    root["name"] = f"{about['name']} study {study}"
    root["description"] = (
        f"{about['description']}. Results of {jobs} jobs, with the record of each."
    )
    root["datePublished"] = published
    root["license"] = about.get("license", "No licence is stated: ask the authors before reuse.")
    root["conformsTo"] = [
        add(crate, profile, "CreativeWork", name=name, version=profile.rsplit("/", 1)[1])
        for profile, name in PROFILES.items()
    ]


def _workflow(crate, path, content, about, engine):
    """The Snakefile, as what the crate is about."""
    properties = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": about["name"],
        "description": about["description"],
        "version": about["version"],
        **_of_copy(path, content),
    }
    return crate.add_workflow(
        dest_path=path, main=True, lang="snakemake", lang_version=engine, properties=properties
    )


def _run(crate, workflow, config, files, steps, jobs, records):
    """The run as a whole: the workflow's own action, and the engine's, which drove the jobs."""
    takes = add(crate, "#config", "FormalParameter", name="config", additionalType="File")
    workflow["input"] = takes
    for file in config:
        file["exampleOfWork"] = takes
    runs = [record["run"] for record in records.values()]
    run = add(
        crate,
        "#run",
        "CreateAction",
        name=f"Run of {workflow['name']}",
        description="The whole study, from the first job's start to the last one's end.",
        instrument=workflow,
        object=config,
        result=[files[path] for record in records.values() for path in sorted(record["outputs"])],
        startTime=min((run["start"] for run in runs), key=_time),
        endTime=max((run["end"] for run in runs), key=_time),
        actionStatus=COMPLETED,
    )
    control = [
        add(
            crate,
            job.id.replace("#job/", "#control/"),
            "ControlAction",
            name=f"Orchestration of {job['name']}",
            instrument=steps[records[name]["rule"]],
            object=job,
            actionStatus=COMPLETED,
        )
        for name, job in jobs.items()
    ]
    engine = workflow["programmingLanguage"]["version"]
    snakemake = add(
        crate, "#snakemake", "SoftwareApplication", name="Snakemake", softwareVersion=engine
    )
    add(
        crate,
        "#engine",
        "OrganizeAction",
        name=f"Run of Snakemake {engine}",
        instrument=snakemake,
        object=control,
        result=run,
        actionStatus=COMPLETED,
    )
    crate.root_dataset["mentions"] = [run, *jobs.values()]
