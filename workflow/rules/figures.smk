rule gallery:
    input:
        stimuli=block_files("stimuli", REAL),
    output:
        **figure_files("gallery", "Diverse stimuli and random restarts", "Synthesis"),
    log:
        f"{OUT}/logs/figures/gallery.log",
    params:
        record=lambda _: record(
            "gallery.py", caption=caption("gallery"), show=gallery_units(), layers=REAL
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/gallery.py"


rule diversity:
    input:
        stimuli=block_files("stimuli", STUDY),
    output:
        **figure_files("diversity", "Response against distance", "Synthesis"),
    log:
        f"{OUT}/logs/figures/diversity.log",
    params:
        record=lambda _: record("diversity.py", caption=caption("diversity"), layers=list(STUDY)),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/diversity.py"


rule ground_truth:
    input:
        stimuli=block_files("stimuli", CELLS),
    output:
        **figure_files("ground_truth", "Model cells with known invariances", "Synthesis"),
    log:
        f"{OUT}/logs/figures/ground_truth.log",
    params:
        record=lambda _: record("ground_truth.py", caption=caption("ground_truth"), layers=CELLS),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/ground_truth.py"


rule phase_examples:
    input:
        phase=block_files("phase", STUDY),
    output:
        **figure_files("phase_examples", "The most and the least phase-invariant units", "Phase"),
    log:
        f"{OUT}/logs/figures/phase_examples.log",
    params:
        record=lambda _: record(
            "phase_examples.py", caption=caption("phase_examples"), layers=list(STUDY)
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/phase_examples.py"


rule phase_population:
    input:
        units=rules.tables.output.units,
    output:
        **figure_files("phase_population", "Phase invariance of each layer", "Phase"),
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
        **figure_files("texture", "Texture test against phase tuning", "Phase"),
    log:
        f"{OUT}/logs/figures/texture.log",
    params:
        record=lambda _: record("texture.py", caption=caption("texture")),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/texture.py"


rule phase_signature:
    input:
        units=rules.tables.output.units,
        signature=rules.tables.output.signature,
    output:
        **figure_files("phase_signature", "Spectra and phases of diverse sets", "Phase"),
    log:
        f"{OUT}/logs/figures/phase_signature.log",
    params:
        record=lambda _: record("phase_signature.py", caption=caption("phase_signature")),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/phase_signature.py"


rule warp_examples:
    input:
        stimuli=block_files("stimuli", STUDY),
        warp=block_files("warp", STUDY),
    output:
        **figure_files("warp_examples", "The most and the least warp-invariant units", "Warp"),
    log:
        f"{OUT}/logs/figures/warp_examples.log",
    params:
        record=lambda _: record(
            "warp_examples.py", caption=caption("warp_examples"), layers=list(STUDY)
        ),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/warp_examples.py"


rule warp_population:
    input:
        units=rules.tables.output.units,
        warp=rules.tables.output.warp,
    output:
        **figure_files("warp_population", "Warp invariance of each layer", "Warp"),
    log:
        f"{OUT}/logs/figures/warp_population.log",
    params:
        record=lambda _: record("warp_population.py", caption=caption("warp_population")),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/warp_population.py"


rule invariance_map:
    input:
        units=rules.tables.output.units,
        stimuli=block_files("stimuli", STUDY),
    output:
        **figure_files("invariance_map", "Map of all units", "Invariance"),
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
        **figure_files("layers", "Invariant units by receptive field", "Invariance"),
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
        **figure_files("network_comparison", "Indices of corresponding layers", "Comparison"),
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
        **figure_files("network_gallery", "Example units of corresponding layers", "Comparison"),
    log:
        f"{OUT}/logs/figures/network_gallery.log",
    params:
        record=lambda _: record(
            "network_gallery.py", caption=caption("network_gallery"), layers=COMPARED
        ),
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
        **figure_files("diversity_methods", "Other methods than diverse synthesis", "Synthesis"),
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
