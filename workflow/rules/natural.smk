rule natural:
    input:
        weights=rules.weights.output.weights,
    output:
        natural=f"{OUT}/natural/{{network}}.nc",
        record=f"{OUT}/natural/{{network}}.record.json",
    log:
        f"{OUT}/logs/natural/{{network}}.log",
    params:
        record=lambda wildcards, threads: record(
            "natural.py",
            threads=threads,
            network=wildcards.network,
            preprocessing=REGISTRY[wildcards.network]["preprocessing"],
            **photos_record(),
        ),
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/natural.py"
