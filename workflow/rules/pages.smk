rule pages:
    input:
        tables=expand("{out}/tables/{table}.csv", out=OUT, table=tables()),
    output:
        pages=[
            in_report(
                f"{OUT}/tables/{name}.html", caption_path(f"tables/{name}"), "Tables", table=name
            )
            for name in tables()
        ],
        first=f"{OUT}/report.rst",
        record=f"{OUT}/tables/pages.record.json",
    log:
        f"{OUT}/logs/pages.log",
    params:
        record=lambda _: record(
            "pages.py",
            study=config["name"],
            about={name: caption(f"tables/{name}") for name in tables()},
            first=caption("study"),
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/pages.py"
