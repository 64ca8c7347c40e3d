rule phase:
    input:
        weights=rules.weights.output.weights,
        natural=rules.natural.output.natural,
        stimuli=rules.synthesis.output.stimuli,
    output:
        phase=f"{OUT}/{{again}}phase/{{network}}/{{layer}}/{{block}}.nc",
        record=f"{OUT}/{{again}}phase/{{network}}/{{layer}}/{{block}}.record.json",
    log:
        f"{OUT}/logs/{{again}}phase/{{network}}/{{layer}}/{{block}}.log",
    params:
        record=lambda wildcards, threads: record(
            "phase.py",
            threads=threads,
            network=wildcards.network,
            layer=wildcards.layer,
            std=REGISTRY[wildcards.network]["preprocessing"]["std"],
            seed=seed_of(wildcards),
            phase=config["phase"],
        ),
    threads: 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/phase.py"
