"""A study's RO-Crate passes the community's validator, and says of each file what is true."""

import hashlib
import json
import re
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from invariscope import crate
from invariscope.errors import UserError

ABOUT = {"name": "looking", "version": "1.2", "description": "Looks at units"}
ENGINE = "9.9.9"
FIGURES = "figures/gallery.svg", "figures/gallery.png"


def digest(content):
    return hashlib.sha256(content).hexdigest()


class Study:
    """A made-up study in a folder, whose jobs ran one after another a minute long each."""

    def __init__(self, folder):
        self.project = folder / "project"
        self.folder = self.project / "results" / "toy"
        self.records = {}
        (self.project / "config").mkdir(parents=True)
        (self.project / "Snakefile").write_text("rule all:\n")
        (self.project / "config" / "toy.yaml").write_text("name: toy\n")
        self.about = dict(ABOUT)

    def job(self, rule, record, reads, outputs, **parameters):
        """Write a job's outputs (path to content) and its record."""
        written = {path: digest(self.write(path, content)) for path, content in outputs.items()}
        minute = 59 - len(self.records)  # a job's name tells nothing of when it ran
        code = {path: digest(path.encode()) for path in (f"{rule}.py", "invariscope/files.py")}
        self.records[record] = {
            "id": digest(f"{rule} {record}".encode()),
            "rule": rule,
            "parameters": parameters,
            "code": code,
            "script": f"{rule}.py",
            "packages": {"numpy": "2.3.5", "python": "3.11"},
            "inputs": {path: digest((self.folder / path).read_bytes()) for path in reads},
            "outputs": written,
            "run": {
                "start": f"2001-02-03T04:{minute:02}:00.500+00:00",
                "end": f"2001-02-03T04:{minute:02}:59.500+00:00",
                "peak_memory": 1000 + minute,
                "threads": 1,
                "device": {"name": "abacus", "driver": None},
                "determinism": {"deterministic": True},
                "python": "3.11.9",
                "platform": "Linux",
                "packages": {"numpy": "2.3.5"},
                "git": {"commit": "abc", "dirty": False},
                "config": {"files": ["config/toy.yaml"], "values": {}},
            },
        }
        self.write(record, json.dumps(self.records[record]).encode())

    def write(self, path, content):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return content

    def crate(self):
        sources = [self.project / "Snakefile", self.project / "config" / "toy.yaml"]
        return crate.write(self.folder, self.records, sources, self.about, ENGINE)


def study(folder):
    """Weights, stimuli of two blocks, a table, a figure; the rules' order is not the alphabet's."""
    made = Study(folder)
    weights, blocks = (
        "weights/net.safetensors",
        ["stimuli/net/a 1/0-1.nc", "stimuli/net/a 1/2-3.nc"],
    )
    made.job("weights", "weights/net.record.json", [], {weights: b"w"}, architecture="net")
    for number, block in enumerate(blocks):
        values = {"network": "net", "units": [number], "seed": 0, "fraction": 0.5, "all": True}
        content = f"block {number}".encode()
        made.job(
            "synthesis", block.replace(".nc", ".record.json"), [weights], {block: content}, **values
        )
    table = "tables/units.csv"
    made.job("measure", "tables/units.record.json", blocks, {table: b"unit\n"}, caption=None)
    outputs = {path: path.encode() for path in FIGURES}
    made.job(
        "gallery", "figures/gallery.record.json", [*blocks, table], outputs, show={"net": [1, 2]}
    )
    return made


@pytest.fixture
def made(tmp_path):
    return study(tmp_path)


def graph(folder):
    """Entities of the crate in a folder by identifier."""
    entities = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    named = {entity["@id"]: entity for entity in entities}
    assert len(named) == len(entities)
    return named


def references(value):
    """Identifiers that a property refers to."""
    return [entry["@id"] for entry in (value if isinstance(value, list) else [value])]


def of_type(entities, kind):
    return [e for e in entities.values() if kind in [e["@type"], *e["@type"]]]


# The validator's own RDF library reads JSON-LD with a class that it deprecates itself.
rdflib_reads = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")


@rdflib_reads
def test_the_validator_passes_it(made, validate):
    made.crate()
    result = validate(made.folder)
    assert [issue.message for issue in result.get_issues()] == []
    assert result.passed()
    checked = {check.identifier.rsplit("_", 1)[0] for check in result.executed_checks}
    profiles = {"process-run-crate-0.5", "workflow-run-crate-0.5", "provenance-run-crate-0.5"}
    assert checked == profiles | {"ro-crate-1.1", "workflow-ro-crate-1.0"}


def without(identifier, name):
    """A change to a crate: an entity's property is gone."""

    def change(entities, folder):
        del next(e for key, e in entities.items() if key.startswith(identifier))[name]

    return change


def swap_profile(entities, folder):
    entities["./"]["conformsTo"] = {"@id": "https://w3id.org/ro/wfrun/workflow/0.5"}


def misspell(entities, folder):
    entities["#run"]["resourceUsages"] = "much"


def lose_a_file(entities, folder):
    (folder / "tables" / "units.csv").unlink()


@rdflib_reads
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without("./", "mainEntity"), "mainEntity"),
        (without("#job/figures/gallery", "instrument"), "instrument"),
        (without("#run", "instrument"), "instrument"),
        (without("#control/weights/net", "object"), "ControlAction"),
        (without("#memory/weights/net", "propertyID"), "propertyID"),
        (swap_profile, "Provenance Run Crate"),
        (misspell, "resourceUsages"),
        (lose_a_file, "units.csv"),
    ],
)
def test_the_validator_complains_of_a_broken_one(made, validate, change, complaint):
    made.crate()
    path = made.folder / "ro-crate-metadata.json"
    content, entities = json.loads(path.read_text()), graph(made.folder)
    change(entities, made.folder)
    path.write_text(json.dumps(content | {"@graph": list(entities.values())}))
    result = validate(made.folder)
    assert not result.passed()
    assert any(complaint in str(issue.message) for issue in result.get_issues())


def test_every_file_is_listed_with_its_digest(made):
    written = made.crate()
    expected = [path for record in made.records.values() for path in record["outputs"]]
    expected += [*made.records, "workflow/Snakefile", "workflow/toy.yaml"]
    # Read back by the library, which knows the files' names from their identifiers.
    files = {
        str(entity.source.relative_to(made.folder)): entity
        for entity in ROCrate(made.folder).data_entities
    }
    assert sorted(files) == sorted(expected)
    for path, entity in files.items():
        content = (made.folder / path).read_bytes()
        assert (entity["sha256"], entity["contentSize"]) == (digest(content), str(len(content)))
    formats = {Path(path).suffix: entity["encodingFormat"] for path, entity in files.items()}
    assert formats == {
        ".safetensors": "application/octet-stream",
        ".nc": "application/x-netcdf",
        ".csv": "text/csv",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".json": "application/json",
        ".yaml": "application/yaml",
        "": "text/plain",
    }
    assert (made.folder / "workflow" / "Snakefile").read_text() == "rule all:\n"
    assert (made.folder / "workflow" / "toy.yaml").read_text() == "name: toy\n"
    names = ["workflow/Snakefile", "workflow/toy.yaml"]
    names += ["ro-crate-metadata.json", "ro-crate-preview.html"]
    assert written == [made.folder / name for name in names]


def test_a_job_has_what_its_record_says(made):
    made.crate()
    read = ROCrate(made.folder)
    jobs = {job["identifier"]: job for job in read.get_by_type("CreateAction") if job.id != "#run"}
    assert len(jobs) == len(made.records) == 5

    def listed(value):
        return value if isinstance(value, list) else [value]

    def paths(value):
        return [str(e.source.relative_to(made.folder)) for e in listed(value) if "File" in e.type]

    for name, record in made.records.items():
        job = jobs[record["id"]]
        taken = listed(job["object"])
        assert sorted(paths(taken)) == sorted(record["inputs"])
        values = {e["name"]: e["value"] for e in taken if e.type == "PropertyValue"}
        for parameter, value in record["parameters"].items():
            plain = isinstance(value, str | int | float)
            assert (values[parameter] if plain else json.loads(values[parameter])) == value
        assert len(values) == len(record["parameters"])
        assert sorted(paths(job["result"])) == sorted(record["outputs"])
        assert paths(job["subjectOf"]) == [name]
        tool = job["instrument"]
        ran = {e["name"]: e["sha256"] for e in [tool, *listed(tool["hasPart"])]}
        assert ran == record["code"]
        packages = {e["name"]: e["softwareVersion"] for e in tool["softwareRequirements"]}
        assert packages == record["packages"]
        run = record["run"]
        assert (job["startTime"], job["endTime"]) == (run["start"], run["end"])
        assert job["actionStatus"] == "http://schema.org/CompletedActionStatus"
        assert job["resourceUsage"]["value"] == run["peak_memory"]
        around = {e["name"]: e["value"] for e in job["environment"]}
        assert json.loads(around["device"]) == run["device"]
        assert json.loads(around["git"]) == run["git"]
        assert json.loads(around["packages"]) == run["packages"]
        assert (around["platform"], around["threads"]) == (run["platform"], run["threads"])


def test_steps_stand_in_the_order_of_the_data(made):
    made.job(
        "album", "figures/album.record.json", ["tables/units.csv"], {"figures/album.svg": b"a"}
    )
    made.crate()
    entities = graph(made.folder)
    steps = of_type(entities, "HowToStep")
    order = sorted(steps, key=lambda step: int(step["position"]))
    names = ["weights", "synthesis", "measure", "album", "gallery"]
    assert [step["name"] for step in order] == names
    workflow = entities["workflow/Snakefile"]
    assert references(workflow["step"]) == [step["@id"] for step in order]
    tools = [references(step["workExample"])[0] for step in order]
    assert references(workflow["hasPart"]) == tools
    for control in of_type(entities, "ControlAction"):
        job = entities[control["object"]["@id"]]
        step = entities[control["instrument"]["@id"]]
        assert job["instrument"] == step["workExample"]
        assert job["name"].startswith(step["name"])
    engine = entities["#engine"]
    assert len(references(engine["object"])) == len(made.records)
    assert entities[engine["instrument"]["@id"]]["softwareVersion"] == ENGINE
    assert entities[workflow["programmingLanguage"]["@id"]]["version"] == ENGINE


def test_parameters_have_the_types_of_their_values(made):
    made.crate()
    entities = graph(made.folder)
    tool = entities["#step/synthesis"]["workExample"]["@id"]
    types = {
        entity["name"]: entity["additionalType"]
        for entity in (entities[key] for key in references(entities[tool]["input"]))
    }
    assert types == {
        "network": "Text",
        "units": "Text",
        "seed": "Integer",
        "fraction": "Float",
        "all": "Boolean",
    }
    values = [e for e in of_type(entities, "PropertyValue") if e["@id"].startswith("#value/")]
    # Both blocks share all values but their units.
    assert len([e for e in values if e["@id"].startswith("#value/synthesis/")]) == 6
    for value in values:
        assert entities[value["exampleOfWork"]["@id"]]["name"] == value["name"]


def test_a_file_of_no_job_is_an_input_all_the_same(made):
    del made.records["weights/net.record.json"]
    made.crate()
    entities = graph(made.folder)
    assert entities["weights/net.safetensors"]["sha256"] == digest(b"w")
    job = entities["#job/stimuli/net/a%201/0-1"]
    assert "weights/net.safetensors" in references(job["object"])


def test_tools_differ_where_their_code_does(made):
    """Two jobs of a rule that ran different code: two tools of one step."""
    name = next(name for name in made.records if name.startswith("stimuli"))
    made.records[name]["code"]["invariscope/files.py"] = digest(b"other")
    made.crate()
    entities = graph(made.folder)
    tools = references(entities["#step/synthesis"]["workExample"])
    assert len(set(tools)) == 2
    digests = {
        entities[part["@id"]]["sha256"] for tool in tools for part in [entities[tool]["hasPart"]]
    }
    assert digests == {digest(b"other"), digest(b"invariscope/files.py")}


def test_the_whole_run(made):
    made.crate()
    entities = graph(made.folder)
    root, run = entities["./"], entities["#run"]
    assert run["instrument"] == root["mainEntity"] == {"@id": "workflow/Snakefile"}
    assert run["object"] == {"@id": "workflow/toy.yaml"}
    config = entities["workflow/Snakefile"]["input"]
    assert entities["workflow/toy.yaml"]["exampleOfWork"] == config
    assert entities[config["@id"]]["name"] == "config"
    actions = [entity["@id"] for entity in of_type(entities, "CreateAction")]
    assert sorted(references(root["mentions"])) == sorted(actions)
    assert len(actions) == 6
    assert len(references(run["result"])) == 6
    ends = [datetime.fromisoformat(record["run"]["end"]) for record in made.records.values()]
    assert datetime.fromisoformat(root["datePublished"]) == max(ends)
    assert run["endTime"] == root["datePublished"]
    assert run["startTime"] == "2001-02-03T04:55:00.500+00:00"
    assert "toy" in root["name"]
    assert "Looks at units" in root["description"]
    assert "No licence" in root["license"]


def test_a_licence_of_the_project_is_the_crates(made):
    made.about["license"] = "MIT"
    made.crate()
    assert graph(made.folder)["./"]["license"] == "MIT"


def test_the_same_records_give_the_same_bytes(tmp_path):
    first, second = study(tmp_path / "here"), study(tmp_path / "elsewhere")
    contents = [path.read_bytes() for path in first.crate()]
    for record in second.records.values():
        for part in ("inputs", "outputs", "code", "parameters", "packages"):
            record[part] = dict(reversed(record[part].items()))
    second.records = dict(reversed(second.records.items()))
    assert [path.read_bytes() for path in second.crate()] == contents
    assert [path.read_bytes() for path in second.crate()] == contents
    text = b"".join(contents).decode()
    assert str(tmp_path) not in text
    assert set(re.findall(r"\d{4}-\d\d-\d\d[T ]", text)) <= {"2001-02-03T", "2001-02-03 "}


class Links(HTMLParser):
    """Addresses that a page loads or links to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href")]


def test_the_preview_names_the_figures_and_needs_no_network(made):
    made.crate()
    text = (made.folder / "ro-crate-preview.html").read_text()
    links = Links()
    links.feed(text)
    assert set(FIGURES) <= set(links.found)
    assert not [link for link in links.found if "//" in link]
    assert "url(" not in text
    assert "@import" not in text
    assert "looking study toy" in text


def test_no_home_is_named(made, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "ann"))
    (made.project / "config" / "toy.yaml").write_text(f"photos: {tmp_path}/home/ann/photos\n")
    made.crate()
    copy = made.folder / "workflow" / "toy.yaml"
    assert copy.read_text() == "photos: ~/photos\n"
    entity = graph(made.folder)["workflow/toy.yaml"]
    assert entity["sha256"] == digest(copy.read_bytes())
    assert entity["contentSize"] == str(copy.stat().st_size)


def test_mistakes_are_told_and_nothing_is_written(made):
    def told(words):
        with pytest.raises(UserError, match=words):
            made.crate()
        assert not (made.folder / "ro-crate-metadata.json").exists()
        assert not (made.folder / "workflow").exists()

    (made.folder / "tables" / "units.csv").rename(made.folder / "moved")
    told("units.csv: cannot be read")
    (made.folder / "moved").rename(made.folder / "tables" / "units.csv")
    record = made.records["figures/gallery.record.json"]
    right = record["inputs"]["tables/units.csv"]
    record["inputs"]["tables/units.csv"] = digest(b"other")
    told("tables/units.csv: has another SHA-256 in")
    record["inputs"]["tables/units.csv"] = right
    (made.project / "config" / "toy.yaml").unlink()
    told("toy.yaml: cannot be read")
