rule tables:
    input:
        stimuli=stimuli_files(STUDY),
    output:
        units=f"{OUT}/tables/units.csv",
    log:
        f"{OUT}/logs/tables.log",
    params:
        record=record("units_table.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/units_table.py"
