rule weights:
    output:
        weights=f"{OUT}/weights/{{network}}.safetensors",
    log:
        f"{OUT}/logs/weights/{{network}}.log",
    params:
        record=lambda wildcards: record(
            "weights.py",
            entry=REGISTRY[wildcards.network],
            layers=deepest(wildcards.network),
        ),
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/weights.py"
