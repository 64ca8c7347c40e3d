# Diverse feature visualisations (Cadena et al., ECCV 2018), from weights to figures.
#
#   weights -> natural -> synthesis -> phase, warp, baselines -> tables -> figures, atlas, crate

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
include: "workflow/rules/figures.smk"
include: "workflow/rules/atlas.smk"
include: "workflow/rules/crate.smk"


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
