rule warp:
    input:
        weights=rules.weights.output.weights,
        natural=rules.natural.output.natural,
        stimuli=rules.synthesis.output.stimuli,
        # Null and controls come from all units of the layer.
        layer=lambda wildcards: block_files(
            "stimuli", [(wildcards.network, wildcards.layer)], wildcards.again
        ),
    output:
        warp=f"{OUT}/{{again}}warp/{{network}}/{{layer}}/{{block}}.nc",
        record=f"{OUT}/{{again}}warp/{{network}}/{{layer}}/{{block}}.record.json",
    log:
        f"{OUT}/logs/{{again}}warp/{{network}}/{{layer}}/{{block}}.log",
    params:
        record=lambda wildcards, threads: record(
            "warp.py",
            threads=threads,
            network=wildcards.network,
            layer=wildcards.layer,
            block=wildcards.block,
            std=REGISTRY[wildcards.network]["preprocessing"]["std"],
            seed=seed_of(wildcards),
            warp=config["warp"],
        ),
    threads: 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/warp.py"
