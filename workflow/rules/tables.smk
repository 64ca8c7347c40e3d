rule tables:
    input:
        stimuli=block_files("stimuli", STUDY),
        phase=block_files("phase", STUDY),
        warp=block_files("warp", STUDY),
    output:
        units=f"{OUT}/tables/units.csv",
        signature=f"{OUT}/tables/signature.csv",
        warp=f"{OUT}/tables/warp.csv",
    log:
        f"{OUT}/logs/tables.log",
    params:
        record=lambda _: record("units_table.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/units_table.py"
