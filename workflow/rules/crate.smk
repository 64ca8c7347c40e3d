rule crate:
    input:
        all_records(),
    output:
        metadata=f"{OUT}/ro-crate-metadata.json",
        preview=f"{OUT}/ro-crate-preview.html",
        sources=[f"{OUT}/workflow/{Path(path).name}" for path in SOURCES],
        record=f"{OUT}/ro-crate.record.json",
    log:
        f"{OUT}/logs/crate.log",
    params:
        record=lambda _: record(
            "crate.py",
            places=dict(sources=SOURCES),
            digests=[sha256(path) for path in SOURCES],
            about=about(),
            engine=version("snakemake"),
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/crate.py"
