"""Steps, tools and jobs in a study's RO-Crate: the rules, the scripts they run, each execution."""

import hashlib
import json
from graphlib import TopologicalSorter
from urllib.parse import quote

from rocrate.model import ContextEntity

TYPES = {bool: "Boolean", int: "Integer", float: "Float"}
ENVIRONMENT = "determinism", "device", "git", "packages", "platform", "python", "threads"
COMPLETED = "http://schema.org/CompletedActionStatus"


def add(crate, identifier, kind, /, **properties):
    """Add an entity that is no file, unless the crate has it.

    Parameters
    ----------
    crate : rocrate.rocrate.ROCrate
    identifier : str
        Beginning with '#', or an address.
    kind : str or list of str
        Its type.
    **properties : str, number, entity, or list of these
        A list of one is given as that one, and an empty list not at all, as RO-Crate wants it.

    Returns
    -------
    rocrate.model.ContextEntity
        The one that the crate has now.
    """
    # Not crate.get alone: where it finds nothing it searches all entities.
    if identifier in crate:
        return crate.get(identifier)
    given = {"@type": kind, **properties}
    given = {name: _plain(value) for name, value in given.items() if value != []}
    return crate.add(ContextEntity(crate, identifier, given))


def _plain(value):
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _order(records):
    """Rules of the records, each after those whose outputs it reads."""
    writer = {path: record["rule"] for record in records.values() for path in record["outputs"]}
    before = {record["rule"]: set() for record in records.values()}
    for record in records.values():
        before[record["rule"]] |= {writer[path] for path in record["inputs"] if path in writer}
    sorter, order = TopologicalSorter(before), []
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


def add_steps(crate, workflow, records):
    """Add a step for each rule, with the tools that ran in it and the parameters they took.

    Parameters
    ----------
    crate : rocrate.rocrate.ROCrate
    workflow : rocrate.model.ComputationalWorkflow
        Gets the steps and tools.
    records : dict of str to dict
        Records of all jobs by path.

    Returns
    -------
    dict of str to rocrate.model.ContextEntity
        Step of each rule; a step stands after those whose outputs it reads.
    """
    steps, tools = {}, {}
    for position, rule in enumerate(_order(records), 1):
        ours = [record for record in records.values() if record["rule"] == rule]
        parameters = _parameters(crate, rule, ours)
        used = {_tool_id(record): record for record in ours}
        used = {name: _tool(crate, name, record, parameters) for name, record in used.items()}
        tools |= used
        steps[rule] = add(
            crate,
            f"#step/{rule}",
            "HowToStep",
            name=rule,
            position=str(position),
            workExample=list(used.values()),
        )
    workflow["step"] = list(steps.values())
    workflow["hasPart"] = list(tools.values())
    return steps


def _parameters(crate, rule, records):
    """What a rule's tool takes, each with the types that its values have."""
    types = {}
    for record in records:
        for name, value in record["parameters"].items():
            types.setdefault(name, set()).add(TYPES.get(type(value), "Text"))
    return [
        add(
            crate,
            f"#parameter/{rule}/{name}",
            "FormalParameter",
            name=name,
            additionalType=sorted(found) if len(found) > 1 else found.pop(),
        )
        for name, found in sorted(types.items())
    ]


def _short(value):
    """Name of a JSON value: the first digits of its SHA-256."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _tool_id(record):
    """Identifier of what a job ran: a rule's script, and the modules and packages it imports."""
    ran = [record["script"], record["code"], record["packages"]]
    return f"#tool/{record['rule']}/{_short(ran)}"


def _tool(crate, identifier, record, parameters):
    """A script as a tool, with the modules and packages that it imports."""
    script = record["script"]
    modules = [
        add(
            crate,
            f"#code/{path}/{digest[:16]}",
            "SoftwareSourceCode",
            name=path,
            sha256=digest,
            version=digest[:16],
        )
        for path, digest in sorted(record["code"].items())
        if path != script
    ]
    packages = [
        add(
            crate,
            f"#package/{name}/{version}",
            "SoftwareApplication",
            name=name,
            softwareVersion=version,
        )
        for name, version in sorted(record["packages"].items())
    ]
    return add(
        crate,
        identifier,
        ["SoftwareSourceCode", "SoftwareApplication"],
        name=script,
        sha256=record["code"][script],
        version=identifier.rsplit("/", 1)[1],
        hasPart=modules,
        softwareRequirements=packages,
        input=parameters,
    )


def _value(crate, identifier, name, value, /, **properties):
    """A named value; one that is no text or number is given as JSON."""
    plain = isinstance(value, str | int | float)
    text = value if plain else json.dumps(value, sort_keys=True)
    return add(crate, identifier, "PropertyValue", name=name, value=text, **properties)


def add_job(crate, files, name, record):
    """Add a job: its tool, inputs and parameters, outputs, time, memory and machine.

    Parameters
    ----------
    crate : rocrate.rocrate.ROCrate
        With the job's step, by `add_steps`.
    files : dict of str to rocrate.model.File
        Entity of each file by path: the job's inputs and outputs and its record.
    name : str
        Path of the record.
    record : dict

    Returns
    -------
    rocrate.model.ContextEntity
    """
    rule, run = record["rule"], record["run"]
    stem = name.removesuffix(".record.json")
    parameters = [
        _value(
            crate,
            f"#value/{rule}/{parameter}/{_short(value)}",
            parameter,
            value,
            exampleOfWork=crate.get(f"#parameter/{rule}/{parameter}"),
        )
        for parameter, value in sorted(record["parameters"].items())
    ]
    environment = [
        _value(crate, f"#environment/{key}/{_short(run[key])}", key, run[key])
        for key in ENVIRONMENT
    ]
    memory = _value(
        crate,
        f"#memory/{quote(stem)}",
        "peak memory",
        run["peak_memory"],
        propertyID="peak_memory",
        unitCode="https://qudt.org/vocab/unit/BYTE",
    )
    return add(
        crate,
        f"#job/{quote(stem)}",
        "CreateAction",
        name=f"{rule}: {stem}",
        description=f"Job of rule {rule}; its record is {name}.",
        identifier=record["id"],
        instrument=crate.get(_tool_id(record)),
        object=[files[path] for path in sorted(record["inputs"])] + parameters,
        result=[files[path] for path in sorted(record["outputs"])],
        startTime=run["start"],
        endTime=run["end"],
        actionStatus=COMPLETED,
        environment=environment,
        resourceUsage=memory,
        subjectOf=files[name],
    )
