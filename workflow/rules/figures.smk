rule gallery:
    input:
        stimuli=stimuli_files(REAL),
    output:
        svg=report(
            f"{OUT}/figures/gallery.svg",
            caption="../report/gallery.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/gallery.png",
    log:
        f"{OUT}/logs/figures/gallery.log",
    params:
        record=record("gallery.py", show=gallery_units()),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/gallery.py"


rule diversity:
    input:
        stimuli=stimuli_files(STUDY),
    output:
        svg=report(
            f"{OUT}/figures/diversity.svg",
            caption="../report/diversity.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/diversity.png",
    log:
        f"{OUT}/logs/figures/diversity.log",
    params:
        record=record("diversity.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/diversity.py"


rule ground_truth:
    input:
        stimuli=stimuli_files(CELLS),
    output:
        svg=report(
            f"{OUT}/figures/ground_truth.svg",
            caption="../report/ground_truth.rst",
            category="Synthesis",
        ),
        png=f"{OUT}/figures/ground_truth.png",
    log:
        f"{OUT}/logs/figures/ground_truth.log",
    params:
        record=record("ground_truth.py"),
    conda:
        "../../envs/figures.yaml"
    script:
        "../scripts/ground_truth.py"
