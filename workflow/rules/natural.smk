rule natural:
    input:
        weights=rules.weights.output.weights,
    output:
        natural=f"{OUT}/natural/{{network}}.nc",
        record=f"{OUT}/natural/{{network}}.record.json",
    log:
        f"{OUT}/logs/natural/{{network}}.log",
    params:
        record=lambda wildcards: record(
            "natural.py",
            network=wildcards.network,
            preprocessing=REGISTRY[wildcards.network]["preprocessing"],
            **photos_record(),
        ),
    # Photos are looked at side by side, in a Python of its own: worth it if they are many.
    threads: 4 if len(PHOTOS) > 100 else 1
    resources:
        gpu=GPU,
    conda:
        "../../envs/networks.yaml"
    script:
        "../scripts/natural.py"
