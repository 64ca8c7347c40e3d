rule weights:
    output:
        weights=f"{OUT}/weights/{{network}}.safetensors",
        record=f"{OUT}/weights/{{network}}.record.json",
    log:
        f"{OUT}/logs/weights/{{network}}.log",
    params:
        record=lambda wildcards: record(
            "weights.py",
            architecture=REGISTRY[wildcards.network]["architecture"],
            source=source(wildcards.network),
            places=place(wildcards.network),
            layers=layers_needed(wildcards.network),
        ),
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/weights.py"
