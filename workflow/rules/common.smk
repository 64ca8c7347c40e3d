"""The study: config and registry, checked; what rules ask of them."""

import json
import os
import shutil
import sys
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import yaml
from snakemake.settings.types import DeploymentMethod

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

import dag
import forking
import locking
import progress
import reporting
import scheduling
import submitting
from invariscope import code, network, photos, provenance, study
from invariscope.config import blocks
from invariscope.digest import sha256
from invariscope.errors import UserError


IN_CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
if IN_CONDA and shutil.which("conda") is None:
    sys.exit(
        "invariscope: --sdm conda: there is no command `conda` on this machine; without the flag, "
        "all packages are those of pyproject.toml"
    )
# What jobs, and the processes that they are forked from, find in their environment.
dag.import_from(SCRIPTS)
os.environ |= progress.BARS
if not IN_CONDA:
    forking.start_first(workflow)


def facts_of(entry):
    """What is known of the layers of a network, by its entry in the registry."""
    digests = code.digests(SCRIPTS / "invariscope" / "network.py")
    return network.facts(entry, digests, "results/.architectures")


@cache
def code_of(script):
    """What a script of the workflow runs: digests of its code, versions of its packages."""
    path = SCRIPTS / script
    return dict(code=code.digests(path), packages=code.packages(path, pins() if IN_CONDA else None))


def pins():
    """Versions that the conda environments pin, by the packages' names in the Python index."""
    found = {}
    for path in sorted((Path(workflow.basedir) / "envs").glob("*.yaml")):
        found |= dict(line.split("=") for line in yaml.safe_load(path.read_text())["dependencies"])
    return found | {"torch": found["pytorch"]}


def record(script, places=None, **parameters):
    """All that a job's result depends on besides its input files, as canonical text.

    Its parameters, the code that the script runs and the versions of the packages that this
    imports. Besides, what it does not depend on: `places`, of files whose content is among the
    parameters as digests, and the config files of the study.
    """
    own = dict(script=script, parameters=parameters, places=places or {}, config=DESCRIBED)
    return json.dumps(own | code_of(script), sort_keys=True)


try:
    REGISTRY, facts, STUDY, COMPARISONS, PHOTOS = study.read(config, workflow.configfiles, facts_of)
    PHOTOS_DIGEST = photos.digest(photos.digests(PHOTOS, "results/.photos.json"))
except UserError as error:
    sys.exit(f"invariscope: {error}")

OUT = f"results/{config['name']}"
# What describes the study, as files.
SOURCES = [Path(workflow.basedir) / "Snakefile", *workflow.configfiles, config["registry"]]
SOURCES = list(map(str, SOURCES))
# Where the study is described, so that an audit can look what it says now.
DESCRIBED = provenance.described(workflow.configfiles, workflow.config_settings.config)
dag.plan_by_content(OUT)
reporting.report_by_records(OUT, Path(workflow.basedir) / "workflow" / "report" / "report.css")
CELLS = [key for key in STUDY if REGISTRY[key[0]]["architecture"] == "cells"]
REAL = [key for key in STUDY if key not in CELLS]
UNTRAINED = sorted({name for name, _ in REAL if "seed" in REGISTRY[name]["weights"]})
COMPARED = [key for key in REAL if any(key[0] in pair["networks"] for pair in COMPARISONS)]
WITH_BASELINES = [key for key, layer in STUDY.items() if layer["baselines"]]
# What the atlas's page is made of.
ATLAS = sorted((Path(workflow.basedir) / "workflow" / "atlas").iterdir())
# A GPU is shared by no two jobs: each that wants one claims all there is (see the profile).
GPU = int(shutil.which("nvidia-smi") is not None)


def layers_needed(name):
    """Layers of network `name` that are studied or lie below one that is, with their nodes.

    With those below, so that to study one of them too changes nothing.
    """
    needed = {layer for owner, layer in STUDY if owner == name}
    needed |= {below for layer in needed for below in facts(name)[layer]["below"]}
    return {layer: REGISTRY[name]["layers"][layer] for layer in sorted(needed)}


def source(name):
    """Where the weights of network `name` come from, `up_to` as a graph node; the place apart."""
    entry = REGISTRY[name]
    found = {key: value for key, value in entry["weights"].items() if key != "file"}
    return found | ({"up_to": entry["layers"][found["up_to"]]} if "up_to" in found else {})


def place(name):
    """Where the weights of network `name` lie, if that is a file of the user's."""
    weights = REGISTRY[name]["weights"]
    return {"file": weights["file"]} if "file" in weights else {}


def blocks_of(name, layer):
    """Blocks of units studied in a layer."""
    return blocks(STUDY[name, layer]["units"], config["block"])


def extent(wildcards):
    """Units that a job is about, their layer and the pixels of its receptive field, if any."""
    if not wildcards.get("block"):
        return None, None, 1
    name, layer = wildcards.network, wildcards.layer
    return (
        len(blocks_of(name, layer)[wildcards.block]),
        (name, layer),
        facts(name)[layer]["rf"] ** 2,
    )


def block_files(stage, layers, again=""):
    """Files that a stage leaves for all blocks of some (network, layer) of the study.

    `again` is empty for the study's own seed, and the folder of a further one else.
    """
    return [
        f"{OUT}/{again}{stage}/{name}/{layer}/{block}.nc"
        for name, layer in layers
        for block in blocks_of(name, layer)
    ]


def files_of_all_seeds(stage):
    """Files that a stage leaves for all blocks of the study, at its own and at further seeds."""
    found = block_files(stage, STUDY)
    for key, layer in STUDY.items():
        for further in range(1, layer["seeds"]):
            found += block_files(stage, [key], f"seeds/{config['seed'] + further}/")
    return found


def seed_of(wildcards):
    """Seed of a job: the study's own, or the further one that its folder names."""
    return int(Path(wildcards.again).name) if wildcards.again else config["seed"]


def synthesis_settings():
    """The synthesis settings that the chosen objective reads."""
    unread = {"constrained": "weight", "penalty": "fraction"}[config["synthesis"]["objective"]]
    return {key: value for key, value in config["synthesis"].items() if key != unread}


def photos_record():
    """What the photos are, and how they are read."""
    return dict(
        places=dict(photos=config["natural"]["photos"]),
        photos_digest=PHOTOS_DIGEST,
        side=config["natural"]["side"],
    )


def gallery_units():
    """Units that the gallery shows, by network and layer."""
    chosen = {}
    for name, layer in REAL:
        chosen.setdefault(name, {})[layer] = STUDY[name, layer]["show"]
    return chosen


def figures():
    """Figures that the study's layers allow."""
    always = ["diversity", "phase_examples", "phase_population", "texture", "phase_signature"]
    always += ["warp_examples", "warp_population", "invariance_map"]
    real = ["gallery", "layers"] * bool(REAL)
    compared = ["network_comparison", "network_gallery"] * bool(COMPARISONS)
    real += ["diversity_methods"] * bool(WITH_BASELINES)
    return always + real + compared + ["ground_truth"] * bool(CELLS)


def tables():
    """Tables that the study's layers allow."""
    always = ["units", "seeds", "layers", "signature", "warp"]
    compared = ["correspondence", "comparison"] * bool(COMPARISONS)
    return always + compared + ["diversity", "diversity_methods"] * bool(WITH_BASELINES)


# Categories of Snakemake's report, which sorts them by name.
STAGES = ["Synthesis", "Phase", "Warp", "Invariance", "Comparison", "Tables"]


def in_report(path, caption, stage, **labels):
    """A file that Snakemake's report shows, with its caption, in the category of a stage."""
    category = f"{STAGES.index(stage) + 1} {stage}"
    return report(path, caption=os.path.abspath(caption), category=category, labels=labels)


def figure_files(figure, title, stage):
    """What the job of a figure leaves: the figure, its caption and the record."""
    path = f"{OUT}/figures/{figure}"
    return dict(
        svg=in_report(f"{path}.svg", f"{path}.rst", stage, figure=title),
        png=f"{path}.png",
        caption=f"{path}.rst",
        record=f"{path}.record.json",
    )


def all_records():
    """Records of all jobs of the study, but of the one that describes it as a whole."""
    made = [f"{OUT}/{stage}/{name}" for name, _ in STUDY for stage in ("weights", "natural")]
    made += [file for stage in ("stimuli", "phase", "warp") for file in files_of_all_seeds(stage)]
    made += block_files("baselines", WITH_BASELINES)
    jobs = ["units", *["comparison"] * bool(COMPARISONS), *["diversity"] * bool(WITH_BASELINES)]
    made += [f"{OUT}/tables/{job}" for job in [*jobs, "pages"]]
    made += [f"{OUT}/figures/{figure}" for figure in figures()] + [f"{OUT}/atlas/index"]
    return sorted({f"{path.removesuffix('.nc')}.record.json" for path in made})


def about():
    """What the workflow is, as its project file says."""
    project = tomllib.loads((Path(workflow.basedir) / "pyproject.toml").read_text())["project"]
    wanted = ("name", "version", "description", "license")
    return {key: project[key] for key in wanted if key in project}


def caption_path(name):
    """Where the caption of a table, or the template of a figure's caption, lies."""
    return Path(workflow.basedir) / "workflow" / "report" / f"{name}.rst"


def caption(name):
    """Text of that."""
    return caption_path(name).read_text()


def report_command():
    """The command that makes Snakemake's report of this study, given as it was to this run."""
    words = [sys.executable, "-m", "snakemake", "--snakefile", workflow.main_snakefile]
    words += ["--report"]
    if files := workflow.overwrite_configfiles:
        words += ["--configfile", *map(str, files)]
    if values := workflow.config_settings.config:
        words += ["--config", *(f"{key}={json.dumps(value)}" for key, value in values.items())]
    return words


progress.show(extent)
scheduling.count_every_job()
scheduling.look_again_once()
scheduling.most_work_first(extent)
forking.fork_jobs(workflow)
locking.one_run_at_a_time(OUT)
submitting.tell_of_every_job()


wildcard_constraints:
    again=r"(seeds/\d+/)?",
    network="|".join(REGISTRY),
    layer="[^/]+",
    block=r"\d+-\d+",
