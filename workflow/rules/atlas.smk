rule atlas:
    input:
        stimuli=block_files("stimuli", STUDY),
        phase=block_files("phase", STUDY),
        warp=block_files("warp", STUDY),
        units=rules.tables.output.units,
    output:
        page=f"{OUT}/atlas/index.html",
        sources=[f"{OUT}/atlas/{path.name}" for path in ATLAS if path.suffix != ".html"],
        library=f"{OUT}/atlas/plotly.min.js",
        study=f"{OUT}/atlas/study.js",
        blocks=[
            path.removesuffix("nc") + suffix
            for path in block_files("atlas/blocks", STUDY)
            for suffix in ("js", "png")
        ],
        pictures=[
            f"{OUT}/atlas/units/{name}/{layer}/{channel}.png"
            for name, layer in STUDY
            for channel in STUDY[name, layer]["units"]
        ],
        record=f"{OUT}/atlas/index.record.json",
    log:
        f"{OUT}/logs/atlas.log",
    params:
        record=lambda _: record(
            "atlas.py",
            places=dict(sources=list(map(str, ATLAS))),
            digests=[sha256(path) for path in ATLAS],
            name=config["name"],
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/atlas.py"
