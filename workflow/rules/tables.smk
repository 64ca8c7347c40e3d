rule tables:
    input:
        stimuli=files_of_all_seeds("stimuli"),
        phase=files_of_all_seeds("phase"),
        warp=files_of_all_seeds("warp"),
    output:
        units=f"{OUT}/tables/units.csv",
        seeds=f"{OUT}/tables/seeds.csv",
        layers=f"{OUT}/tables/layers.csv",
        signature=f"{OUT}/tables/signature.csv",
        warp=f"{OUT}/tables/warp.csv",
        record=f"{OUT}/tables/units.record.json",
    log:
        f"{OUT}/logs/tables/units.log",
    params:
        record=lambda _: record("units_table.py", seed=config["seed"], layers=list(STUDY)),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/units_table.py"


rule comparison:
    input:
        units=rules.tables.output.units,
        seeds=rules.tables.output.seeds,
    output:
        correspondence=f"{OUT}/tables/correspondence.csv",
        comparison=f"{OUT}/tables/comparison.csv",
        record=f"{OUT}/tables/comparison.record.json",
    log:
        f"{OUT}/logs/tables/comparison.log",
    params:
        record=lambda _: record("comparison_table.py", comparisons=COMPARISONS),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/comparison_table.py"
