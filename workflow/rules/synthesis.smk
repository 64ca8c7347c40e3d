rule synthesis:
    input:
        weights=rules.weights.output.weights,
        natural=rules.natural.output.natural,
    output:
        stimuli=f"{OUT}/{{again}}stimuli/{{network}}/{{layer}}/{{block}}.nc",
        record=f"{OUT}/{{again}}stimuli/{{network}}/{{layer}}/{{block}}.record.json",
    log:
        f"{OUT}/logs/{{again}}synthesis/{{network}}/{{layer}}/{{block}}.log",
    params:
        record=lambda wildcards, threads: record(
            "synthesis.py",
            threads=threads,
            network=wildcards.network,
            layer=wildcards.layer,
            units=blocks_of(wildcards.network, wildcards.layer)[wildcards.block],
            features=STUDY[wildcards.network, wildcards.layer]["features"],
            std=REGISTRY[wildcards.network]["preprocessing"]["std"],
            seed=seed_of(wildcards),
            synthesis=synthesis_settings(),
        ),
    # The last bits of a sum depend on the threads; blocks run side by side instead.
    threads: 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/synthesis.py"
