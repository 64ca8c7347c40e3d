"""What is rerun after a change: exactly what depends on it, by a study that was really run."""

import os
import re
import shutil
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from running import ROOT, snakemake
from tiny import TINY, outputs

from invariscope import natural, provenance, records
from invariscope.digest import sha256

FIGURES = {
    "of stimuli": ["diversity", "gallery", "ground_truth"],
    "of phase": ["phase_examples"],
    "of warps": ["warp_examples"],
    "of tables": [
        *("phase_population", "texture", "phase_signature", "warp_population"),
        *("invariance_map", "layers", "network_comparison", "network_gallery"),
    ],
    "of methods": ["diversity_methods"],
}


def figures(*kinds):
    return {rule: 1 for kind in kinds for rule in FIGURES[f"of {kind}"]}


# What follows after the stages. The crate lists every job's record.
TABLES = {"tables": 1, "comparison": 1, "pages": 1, **figures("tables"), "atlas": 1}
METHODS = {"diversity_table": 1, "pages": 1, **figures("methods")}
ABOUT = {"crate": 1}
PHASE = {"phase": 5, **TABLES, **figures("phase"), **ABOUT}
WARP = {"warp": 5, **TABLES, **figures("warps"), **ABOUT}
SYNTHESIS = {"synthesis": 5, "baselines": 2, **PHASE, **WARP, **METHODS, **figures("stimuli")}
NATURAL = {"natural": 3, **SYNTHESIS}
ALL = {"weights": 3, **NATURAL}
ALL_FIGURES = {**figures("stimuli", "phase", "warps", "tables", "methods"), **ABOUT}
# One more block of units of a layer with features and baselines, or without.
ONE_BLOCK = {"synthesis": 1, "phase": 1, **TABLES, **figures("phase", "warps"), **ABOUT}


@pytest.fixture(scope="module")
def place(study, tmp_path_factory):
    """A copy of the workflow and of the study's folder, each free to be changed."""
    folder = tmp_path_factory.mktemp("reruns")
    root = folder / "root"
    for name in ("workflow", "config", "envs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(study, folder / "study")
    return folder


@pytest.fixture
def clean(place):
    """That copy, put back as it was after the test."""
    root, study = place / "root", place / "study"
    shutil.copytree(root, place / "root before")
    shutil.copytree(study, place / "study before")
    yield root, study
    for changed in (root, study):
        shutil.rmtree(changed)
        (place / f"{changed.name} before").rename(changed)


def planned(root, study, config=TINY, **environment):
    """Jobs that a dry run would run, as {rule: number}, and what it prints."""
    code, printed = snakemake(study, config, "--dry-run", root=root, **environment)
    assert code == 0, printed
    stats = re.search(r"^job +count\n-+ +-+\n(.*?)^total", printed, re.M | re.S)
    rows = stats[1].split() if stats else []
    counts = {rule: int(n) for rule, n in zip(rows[::2], rows[1::2], strict=True)}
    assert counts.pop("all", 1) == 1
    return counts, printed


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1))


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def layers(index, **changes):
    found = list(TINY["layers"])
    found[index] = {**found[index], **changes}
    return {**TINY, "layers": found}


def more(network, layer):
    entry = dict(network=network, layer=layer, units=[0])
    return {**TINY, "layers": [*TINY["layers"], entry]}


CONFIGS = {
    "seed": ({**TINY, "seed": 1}, SYNTHESIS, "parameter seed changed from 0 to 1"),
    "photos' size": (
        {**TINY, "natural": {"side": 80}},
        NATURAL,
        "parameter side changed from 64 to 80",
    ),
    "synthesis": (
        {**TINY, "synthesis": {"images": 3, "steps": 11}},
        SYNTHESIS,
        "parameter synthesis.steps changed from 10 to 11",
    ),
    "phase": (
        {**TINY, "phase": {"phases": 8, "texture": {"steps": 6}}},
        PHASE,
        "parameter phase.texture.steps changed from 5 to 6",
    ),
    "warp": (
        {**TINY, "warp": {"steps": 4, "draws": 3}},
        WARP,
        "parameter warp.draws changed from 2 to 3",
    ),
    "layers in another order": (
        {**TINY, "layers": TINY["layers"][::-1]},
        {**TABLES, **figures("phase", "warps"), "diversity": 1, "gallery": 1, **ABOUT},
        "parameter layers[0][0] changed from ground_truth to resnet50_untrained_0",
    ),
    "two swapped": (
        {**TINY, "warp": {"steps": 2, "draws": 4}},
        WARP,
        "parameter warp.steps changed from 4 to 2",
    ),
    "gallery": (layers(1, show=[3]), {"gallery": 1, **ABOUT}, "parameter show."),
    # Null and controls come from all units of the layer, and so do warps.
    "unit": (
        layers(1, units=[1, 2, 3, 4]),
        {**ONE_BLOCK, "warp": 3, "baselines": 1, **METHODS, "diversity": 1, "gallery": 1},
        "input was not there",
    ),
    "unit of a block": (
        layers(1, units=[0, 1, 2, 3]),
        {**ONE_BLOCK, "warp": 2, "baselines": 1, **METHODS, "diversity": 1, "gallery": 1},
        "parameter units changed from [1] to [0, 1]",
    ),
    "layer below": (
        more("vgg16_untrained", "conv1_1"),
        {**ONE_BLOCK, "warp": 1, "diversity": 1, "gallery": 1},
        "is yet to be made",
    ),
    "network": (
        more("resnet50_untrained_1", "maxpool"),
        {**ONE_BLOCK, "weights": 1, "natural": 1, "warp": 1, "diversity": 1, "gallery": 1},
        "is yet to be made",
    ),
    "further seed": (
        layers(2, seeds=3),
        {"synthesis": 1, "phase": 1, "warp": 1, **TABLES, **ABOUT},
        "input was not there",
    ),
}


@pytest.mark.parametrize("change", CONFIGS)
def test_change_of_the_config(place, change):
    config, expected, reason = CONFIGS[change]
    counts, printed = planned(place / "root", place / "study", config)
    assert counts == expected
    assert reason in printed


LIBRARY = "workflow/scripts/invariscope"
CODE = {
    "module of one stage": (f"{LIBRARY}/texture.py", "\nMORE = 1\n", PHASE),
    "module of all": (f"{LIBRARY}/files.py", "\nMORE = 1\n", ALL),
    "comment": (f"{LIBRARY}/files.py", "\n# as before\n", {}),
    "script": ("workflow/scripts/warp.py", "\nprint()\n", WARP),
    "script of a figure": ("workflow/scripts/layers.py", "\nprint()\n", {"layers": 1, **ABOUT}),
    "style": (f"{LIBRARY}/figures/style.py", "\nMORE = 1\n", ALL_FIGURES),
    "page": ("workflow/atlas/atlas.css", "\nbody {}\n", {"atlas": 1, **ABOUT}),
    "caption": ("workflow/report/layers.rst", "\nMore.\n", {"layers": 1, **ABOUT}),
    "module of no job": (f"{LIBRARY}/audit.py", "\nMORE = 1\n", {}),
    "rule's comment": ("workflow/rules/warp.smk", "\n# as before\n", {}),
}


@pytest.mark.parametrize("change", CODE)
def test_change_of_the_code(clean, change):
    root, study = clean
    path, text, expected = CODE[change]
    append(root / path, text)
    counts, printed = planned(root, study)
    assert counts == expected
    if expected and path.endswith(".py"):
        assert f"code changed in {path.removeprefix('workflow/scripts/')}" in printed


def test_another_layout_of_the_code_is_the_same_code(clean):
    root, study = clean
    path = root / LIBRARY / "files.py"
    edit(path, '"""Write an xarray Dataset as netCDF-4."""', '"""Write it."""')
    edit(path, "table.to_csv(temporary,", "table.to_csv(\n            temporary,")
    assert planned(root, study)[0] == {}


def test_change_of_an_environment(clean, tmp_path):
    """As if another version of seaborn were installed: found first on the path."""
    root, study = clean
    found = tmp_path / "seaborn-99.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: seaborn\nVersion: 99\n")
    (found / "top_level.txt").write_text("seaborn\n")
    counts, printed = planned(root, study, PYTHONPATH=str(tmp_path))
    assert counts == {**ALL_FIGURES, "atlas": 1}  # which has the figures' colours
    assert f"package seaborn changed from {metadata.version('seaborn')} to 99" in printed


def test_photos_count_by_their_content(clean, tmp_path):
    """The same photos elsewhere are the same; others under an old name and time are not."""
    root, study = clean
    for number, path in enumerate(natural.photo_paths("packaged")):
        shutil.copy2(path, tmp_path / f"{number:02d}{Path(path).suffix}")
    config = {**TINY, "natural": {"side": 64, "photos": str(tmp_path)}}
    assert planned(root, study, config)[0] == ABOUT  # which has a copy of the config
    first, second = sorted(tmp_path.iterdir())[:2]
    before = os.stat(first)
    if first.suffix != second.suffix:
        second = next(p for p in sorted(tmp_path.iterdir())[1:] if p.suffix == first.suffix)
    shutil.copy(second, first)
    os.utime(first, ns=(before.st_atime_ns, before.st_mtime_ns))
    counts, printed = planned(root, study, config)
    # Baselines look for patches in them, and are synthesised again in any case.
    assert counts == NATURAL
    assert "parameter photos_digest changed from" in printed


def test_weights_of_the_registry(clean):
    """Other weights of one network; and a network more in the registry, which none studies."""
    root, study = clean
    registry = yaml.safe_load((ROOT / "config" / "networks.yaml").read_text())
    path = study / "networks.yaml"
    config = {**TINY, "registry": "networks.yaml"}
    path.write_text(yaml.safe_dump(registry | {"more": registry["vgg16_untrained"]}))
    assert planned(root, study, config)[0] == ABOUT  # which has a copy of the registry
    registry["resnet50_untrained_0"]["weights"] = {"seed": 7}
    path.write_text(yaml.safe_dump(registry))
    counts, printed = planned(root, study, config)
    once = {"weights": 1, "natural": 1, "synthesis": 2, "phase": 2, "warp": 2}
    after = {**TABLES, **figures("phase", "warps"), "diversity": 1, "gallery": 1, **ABOUT}
    assert counts == {**once, **after}
    assert "parameter source.seed changed from 0 to 7" in printed


STUDY = "results/tiny"
BLOCK = f"{STUDY}/stimuli/vgg16_untrained/conv2_1/0002-0003"


def flip(path):
    """Change one byte of a file, and leave its time of modification."""
    before = os.stat(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


DAMAGES = {
    "weights": (f"{STUDY}/weights/vgg16_untrained.safetensors", "weights"),
    "stimuli": (f"{BLOCK}.nc", "synthesis"),
    "table": (f"{STUDY}/tables/units.csv", "tables"),
    "figure": (f"{STUDY}/figures/layers.png", "layers"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_restored_and_nothing_else_is_run(clean, damage):
    root, study = clean
    name, rule = DAMAGES[damage]
    flip(study / name)
    counts, printed = planned(root, study)
    assert counts == {rule: 1, **ABOUT}
    assert "output was changed after it was made" in printed
    (study / name).unlink()
    counts, printed = planned(root, study)
    assert counts == {rule: 1, **ABOUT}
    assert "output is missing" in printed


def test_times_and_snakemakes_notes_do_not_count(clean):
    root, study = clean
    shutil.rmtree(study / ".snakemake")
    assert planned(root, study)[0] == {}
    for number, path in enumerate(sorted((study / STUDY).rglob("*.*"))):
        os.utime(path, (number, number))
    assert planned(root, study)[0] == {}
    # What Snakemake's --touch would falsify: without notes of its own, a change is still seen.
    append(root / LIBRARY / "texture.py", "\nMORE = 1\n")
    assert planned(root, study)[0] == PHASE


def run(root, study, *arguments, config=TINY):
    """Run the workflow; the rules of the jobs that were really run, as {rule: number}."""

    def starts():
        found = records.read_all(study / STUDY)
        return {name: (each["rule"], each["run"]["start"]) for name, each in found.items()}

    before = starts()
    code, printed = snakemake(study, config, *arguments, root=root)
    assert code == 0, printed
    ran = [rule for name, (rule, start) in starts().items() if before.get(name) != (rule, start)]
    return {rule: ran.count(rule) for rule in ran}, printed


def test_a_damaged_block_is_made_again_as_it_was(clean):
    root, study = clean
    before = outputs(study)
    flip(study / f"{BLOCK}.nc")
    (study / STUDY / "tables/layers.csv").unlink()
    assert run(root, study)[0] == {"synthesis": 1, "tables": 1, **ABOUT}
    assert {k: v for k, v in outputs(study).items() if before.get(k) != v} == {}
    assert planned(root, study)[0] == {}


def test_nothing_is_run_after_jobs_that_leave_the_same_bytes(clean):
    """Other code that does the same, in the first stage and in a late one."""
    root, study = clean
    before = outputs(study)
    append(root / LIBRARY / "download.py", "\nMORE = 1\n")
    append(root / "workflow/scripts/units_table.py", "\nprint()\n")
    assert planned(root, study)[0] == ALL
    ran, printed = run(root, study)
    assert ran == {"weights": 3, "tables": 1, **ABOUT}
    assert "need not run" in printed
    assert {k: v for k, v in outputs(study).items() if before.get(k) != v} == {}
    assert planned(root, study)[0] == {}


def test_what_cannot_be_restored_is_followed_by_all_that_read_it(clean):
    """Records that tell of other bytes, consistently, as of another machine's run."""
    root, study = clean
    path = study / STUDY / "tables/layers.csv"
    path.write_text(path.read_text().replace("maxpool", "minpool"))
    told = [("tables/units", "outputs"), ("tables/pages", "inputs"), ("figures/layers", "inputs")]
    for name, key in told:
        where = study / STUDY / f"{name}.record.json"
        record = records.read(where)
        record[key]["tables/layers.csv"] = sha256(path)
        provenance.write(where, record | {"id": provenance.identity(record)})
    path.unlink()
    assert planned(root, study)[0] == {"tables": 1, **ABOUT}
    assert run(root, study)[0] == {"tables": 1, "layers": 1, "pages": 1, **ABOUT}
    assert planned(root, study)[0] == {}


def test_a_lost_record_is_made_again_and_nothing_else_is_run(clean):
    root, study = clean
    (study / f"{BLOCK}.record.json").unlink()
    counts, printed = planned(root, study)
    assert counts["synthesis"] == 1
    assert "has no record" in printed
    assert run(root, study)[0] == {"synthesis": 1, **ABOUT}


def test_threads_count(clean):
    """Last bits of sums depend on them."""
    root, study = clean
    arguments = ("--dry-run", "--set-threads", "phase=2")
    code, printed = snakemake(study, TINY, *arguments, root=root)
    assert code == 0, printed
    assert "parameter threads changed from 1 to 2" in printed
    assert re.search(r"^phase +5$", printed, re.M)


def test_code_that_is_changed_while_the_study_runs_is_noticed(clean):
    """As the record tells of the code that there was when the run was planned."""
    root, study = clean
    (study / f"{STUDY}/figures/layers.rst").unlink()
    late = root / "workflow/scripts/layers.py"
    append(root / LIBRARY / "figures/style.py", "\nMORE = 1\n")
    edit(
        late,
        "import job\n",
        f"import job\n\nopen({str(root / LIBRARY / 'labels.py')!r}, 'a').write('X = 1')\n",
    )
    code, printed = snakemake(study, TINY, "--", f"{STUDY}/figures/layers.rst", root=root)
    assert code == 1
    assert "invariscope: the code was changed while the study ran; run it again" in printed
    assert not (study / f"{STUDY}/figures/layers.rst").exists()


def test_asked_for(clean):
    root, study = clean
    assert run(root, study, "--forcerun", "tables")[0] == {"tables": 1, **ABOUT}


def test_a_job_that_failed_is_not_tried_again(clean):
    """The others go on and leave what was there, upon which the plan is made anew."""
    root, study = clean
    line = '    name = record["architecture"]\n'
    path = root / "workflow/scripts/weights.py"
    edit(path, line, f'{line}    if name == "cells":\n        raise ValueError\n')
    code, printed = snakemake(study, TINY, "--keep-going", root=root)
    assert code == 1
    assert printed.count("weights ground_truth failed after ") == 1
    assert len(re.findall(r"^\S+ \S+ weights \S+ took ", printed, re.M)) == 2
    assert printed.count("\nValueError\n") == 1
    assert not (study / STUDY / "weights/ground_truth.safetensors").exists()
    edit(path, f'{line}    if name == "cells":\n        raise ValueError\n', line)
    assert run(root, study)[0] == {"weights": 3, **ABOUT}


def test_the_changed_code_is_what_then_runs(clean):
    """Not that of another copy, such as the one that is installed."""
    root, study = clean
    edit(root / LIBRARY / "captions.py", ".render(**values)", '.render(**values) + "Well."')
    target = f"{STUDY}/figures/layers.rst"
    assert run(root, study, "--", target)[0] == {"layers": 1}
    assert (study / target).read_text().endswith("Well.")
