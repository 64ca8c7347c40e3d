rule weights:
    output:
        weights=f"{OUT}/weights/{{network}}.safetensors",
    log:
        f"{OUT}/logs/weights/{{network}}.log",
    params:
        record=lambda wildcards: record(
            "weights.py",
            architecture=REGISTRY[wildcards.network]["architecture"],
            source=source(wildcards.network),
            layers=layers_needed(wildcards.network),
        ),
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/weights.py"
