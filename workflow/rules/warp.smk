rule warp:
    input:
        weights=rules.weights.output.weights,
        natural=rules.natural.output.natural,
        stimuli=rules.synthesis.output.stimuli,
        # Null and controls come from all units of the layer.
        layer=lambda wildcards: block_files("stimuli", [(wildcards.network, wildcards.layer)]),
    output:
        warp=f"{OUT}/warp/{{network}}/{{layer}}/{{block}}.nc",
    log:
        f"{OUT}/logs/warp/{{network}}/{{layer}}/{{block}}.log",
    params:
        record=lambda wildcards: record(
            "warp.py",
            network=wildcards.network,
            layer=wildcards.layer,
            std=REGISTRY[wildcards.network]["preprocessing"]["std"],
            seed=config["seed"],
            warp=config["warp"],
        ),
    threads: 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/warp.py"
