rule gallery:
    input:
        stimuli=block_files("stimuli", REAL),
    output:
        svg=report(
            f"{OUT}/figures/gallery.svg",
            caption="../report/gallery.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/gallery.png",
        record=f"{OUT}/figures/gallery.record.json",
    log:
        f"{OUT}/logs/figures/gallery.log",
    params:
        record=lambda _: record("gallery.py", show=gallery_units(), layers=REAL),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/gallery.py"


rule diversity:
    input:
        stimuli=block_files("stimuli", STUDY),
    output:
        svg=report(
            f"{OUT}/figures/diversity.svg",
            caption="../report/diversity.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/diversity.png",
        record=f"{OUT}/figures/diversity.record.json",
    log:
        f"{OUT}/logs/figures/diversity.log",
    params:
        record=lambda _: record("diversity.py", layers=list(STUDY)),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/diversity.py"


rule ground_truth:
    input:
        stimuli=block_files("stimuli", CELLS),
    output:
        svg=report(
            f"{OUT}/figures/ground_truth.svg",
            caption="../report/ground_truth.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/ground_truth.png",
        record=f"{OUT}/figures/ground_truth.record.json",
    log:
        f"{OUT}/logs/figures/ground_truth.log",
    params:
        record=lambda _: record("ground_truth.py", layers=CELLS),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/ground_truth.py"


rule phase_examples:
    input:
        phase=block_files("phase", STUDY),
    output:
        svg=report(
            f"{OUT}/figures/phase_examples.svg",
            caption="../report/phase_examples.rst",
            category="Phase",
        ),
        png=f"{OUT}/figures/phase_examples.png",
        record=f"{OUT}/figures/phase_examples.record.json",
    log:
        f"{OUT}/logs/figures/phase_examples.log",
    params:
        record=lambda _: record("phase_examples.py", layers=list(STUDY)),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/phase_examples.py"


rule phase_population:
    input:
        units=rules.tables.output.units,
    output:
        svg=report(
            f"{OUT}/figures/phase_population.svg",
            caption=os.path.abspath(f"{OUT}/figures/phase_population.rst"),
            category="Phase",
        ),
        png=f"{OUT}/figures/phase_population.png",
        caption=f"{OUT}/figures/phase_population.rst",
        record=f"{OUT}/figures/phase_population.record.json",
    log:
        f"{OUT}/logs/figures/phase_population.log",
    params:
        record=lambda _: record("phase_population.py", caption=caption("phase_population")),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/phase_population.py"


rule texture:
    input:
        units=rules.tables.output.units,
    output:
        svg=report(
            f"{OUT}/figures/texture.svg",
            caption="../report/texture.rst",
            category="Phase",
        ),
        png=f"{OUT}/figures/texture.png",
        record=f"{OUT}/figures/texture.record.json",
    log:
        f"{OUT}/logs/figures/texture.log",
    params:
        record=lambda _: record("texture.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/texture.py"


rule phase_signature:
    input:
        units=rules.tables.output.units,
        signature=rules.tables.output.signature,
    output:
        svg=report(
            f"{OUT}/figures/phase_signature.svg",
            caption="../report/phase_signature.rst",
            category="Phase",
        ),
        png=f"{OUT}/figures/phase_signature.png",
        record=f"{OUT}/figures/phase_signature.record.json",
    log:
        f"{OUT}/logs/figures/phase_signature.log",
    params:
        record=lambda _: record("phase_signature.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/phase_signature.py"


rule warp_examples:
    input:
        stimuli=block_files("stimuli", STUDY),
        warp=block_files("warp", STUDY),
    output:
        svg=report(
            f"{OUT}/figures/warp_examples.svg",
            caption="../report/warp_examples.rst",
            category="Warp",
        ),
        png=f"{OUT}/figures/warp_examples.png",
        record=f"{OUT}/figures/warp_examples.record.json",
    log:
        f"{OUT}/logs/figures/warp_examples.log",
    params:
        record=lambda _: record("warp_examples.py", layers=list(STUDY)),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/warp_examples.py"


rule warp_population:
    input:
        units=rules.tables.output.units,
        warp=rules.tables.output.warp,
    output:
        svg=report(
            f"{OUT}/figures/warp_population.svg",
            caption="../report/warp_population.rst",
            category="Warp",
        ),
        png=f"{OUT}/figures/warp_population.png",
        record=f"{OUT}/figures/warp_population.record.json",
    log:
        f"{OUT}/logs/figures/warp_population.log",
    params:
        record=lambda _: record("warp_population.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/warp_population.py"


rule invariance_map:
    input:
        units=rules.tables.output.units,
        stimuli=block_files("stimuli", STUDY),
    output:
        svg=report(
            f"{OUT}/figures/invariance_map.svg",
            caption=os.path.abspath(f"{OUT}/figures/invariance_map.rst"),
            category="Invariance",
        ),
        png=f"{OUT}/figures/invariance_map.png",
        caption=f"{OUT}/figures/invariance_map.rst",
        record=f"{OUT}/figures/invariance_map.record.json",
    log:
        f"{OUT}/logs/figures/invariance_map.log",
    params:
        record=lambda _: record(
            "invariance_map.py", caption=caption("invariance_map"), layers=list(STUDY)
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/invariance_map.py"


rule layers:
    input:
        layers=rules.tables.output.layers,
    output:
        svg=report(
            f"{OUT}/figures/layers.svg",
            caption=os.path.abspath(f"{OUT}/figures/layers.rst"),
            category="Invariance",
        ),
        png=f"{OUT}/figures/layers.png",
        caption=f"{OUT}/figures/layers.rst",
        record=f"{OUT}/figures/layers.record.json",
    log:
        f"{OUT}/logs/figures/layers.log",
    params:
        record=lambda _: record("layers.py", caption=caption("layers"), untrained=UNTRAINED),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/layers.py"


rule network_comparison:
    input:
        units=rules.tables.output.units,
        comparison=rules.comparison.output.comparison,
    output:
        svg=report(
            f"{OUT}/figures/network_comparison.svg",
            caption=os.path.abspath(f"{OUT}/figures/network_comparison.rst"),
            category="Comparison",
        ),
        png=f"{OUT}/figures/network_comparison.png",
        caption=f"{OUT}/figures/network_comparison.rst",
        record=f"{OUT}/figures/network_comparison.record.json",
    log:
        f"{OUT}/logs/figures/network_comparison.log",
    params:
        record=lambda _: record(
            "network_comparison.py",
            caption=caption("network_comparison"),
            comparisons=COMPARISONS,
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/network_comparison.py"


rule network_gallery:
    input:
        units=rules.tables.output.units,
        correspondence=rules.comparison.output.correspondence,
        stimuli=block_files("stimuli", COMPARED),
    output:
        svg=report(
            f"{OUT}/figures/network_gallery.svg",
            caption="../report/network_gallery.rst",
            category="Comparison",
        ),
        png=f"{OUT}/figures/network_gallery.png",
        record=f"{OUT}/figures/network_gallery.record.json",
    log:
        f"{OUT}/logs/figures/network_gallery.log",
    params:
        record=lambda _: record("network_gallery.py", layers=COMPARED),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/network_gallery.py"


rule diversity_methods:
    input:
        methods=rules.diversity_table.output.methods,
        units=rules.diversity_table.output.units,
        baselines=block_files("baselines", WITH_BASELINES),
    output:
        svg=report(
            f"{OUT}/figures/diversity_methods.svg",
            caption=os.path.abspath(f"{OUT}/figures/diversity_methods.rst"),
            category="Synthesis",
        ),
        png=f"{OUT}/figures/diversity_methods.png",
        caption=f"{OUT}/figures/diversity_methods.rst",
        record=f"{OUT}/figures/diversity_methods.record.json",
    log:
        f"{OUT}/logs/figures/diversity_methods.log",
    params:
        record=lambda _: record(
            "diversity_methods.py",
            caption=caption("diversity_methods"),
            layers=WITH_BASELINES,
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/diversity_methods.py"
