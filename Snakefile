# Diverse feature visualisations (Cadena et al., ECCV 2018), from weights to figures.
#
#   weights -> natural -> synthesis -> phase, warp, baselines -> tables -> figures, pages, atlas, crate

import os
import subprocess

from snakemake.utils import min_version

min_version("9.0")

# A study given with --configfile stands alone: merging it with the default would mix the two.
if not workflow.overwrite_configfiles:

    configfile: "config/quickstart.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/natural.smk"
include: "workflow/rules/synthesis.smk"
include: "workflow/rules/phase.smk"
include: "workflow/rules/warp.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/pages.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/atlas.smk"
include: "workflow/rules/crate.smk"


# On a cluster these run where Snakemake does, for they need its network or take seconds. Networks'
# responses to photos, and blocks of units, are sent to nodes.
localrules:
    weights,
    tables,
    comparison,
    diversity_table,
    pages,
    gallery,
    diversity,
    diversity_methods,
    phase_examples,
    phase_population,
    phase_signature,
    texture,
    warp_examples,
    warp_population,
    invariance_map,
    layers,
    network_comparison,
    network_gallery,
    ground_truth,
    atlas,
    crate,
    report,


rule all:
    default_target: True
    input:
        f"{OUT}/tables/units.csv",
        f"{OUT}/atlas/index.html",
        f"{OUT}/ro-crate-metadata.json",
        expand(
            "{out}/figures/{figure}.{format}",
            out=OUT,
            figure=figures(),
            format=["svg", "png"],
        ),
        rules.pages.output.pages,


rule report:
    input:
        rules.all.input,
    log:
        f"{OUT}/logs/report.log",
    message:
        f"Writing {OUT}/report.html"
    run:
        with open(log[0], "w") as said:
            subprocess.run(report_command(), stdout=said, stderr=said, check=True)


# What the report begins with.
report: f"{os.getcwd()}/{OUT}/report.rst"
