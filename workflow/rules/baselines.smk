rule baselines:
    input:
        weights=rules.weights.output.weights,
        natural=rules.natural.output.natural,
        stimuli=f"{OUT}/stimuli/{{network}}/{{layer}}/{{block}}.nc",
    output:
        baselines=f"{OUT}/baselines/{{network}}/{{layer}}/{{block}}.nc",
        record=f"{OUT}/baselines/{{network}}/{{layer}}/{{block}}.record.json",
    log:
        f"{OUT}/logs/baselines/{{network}}/{{layer}}/{{block}}.log",
    params:
        record=lambda wildcards, threads: record(
            "baselines.py",
            threads=threads,
            network=wildcards.network,
            layer=wildcards.layer,
            features=STUDY[wildcards.network, wildcards.layer]["features"],
            preprocessing=REGISTRY[wildcards.network]["preprocessing"],
            seed=config["seed"],
            steps=config["synthesis"]["steps"],
            **photos_record(),
        ),
    threads: 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/baselines.py"


rule diversity_table:
    input:
        baselines=block_files("baselines", WITH_BASELINES),
    output:
        units=f"{OUT}/tables/diversity.csv",
        methods=f"{OUT}/tables/diversity_methods.csv",
        record=f"{OUT}/tables/diversity.record.json",
    log:
        f"{OUT}/logs/tables/diversity.log",
    params:
        record=lambda _: record("diversity_table.py", layers=WITH_BASELINES),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/diversity_table.py"
