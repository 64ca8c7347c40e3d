"""No more jobs run side by side than there are cores, in whatever order they become ready."""

import subprocess
import sys

import pytest
from running import ROOT

# Five jobs after each other, then four that are ready at once; each notes when it begins and ends.
SNAKEFILE = """
import sys

sys.path.insert(0, {scripts!r})
{mend}
rule all:
    input: expand("wide{{k}}", k=range(4))

rule wide:
    input: "long4"
    output: "wide{{k}}"
    shell: "echo begin >> times; sleep 0.5; echo end >> times; touch {{output}}"

rule long:
    input: lambda w: f"long{{int(w.k) - 1}}" if int(w.k) else []
    output: "long{{k}}"
    wildcard_constraints: k=r"\\d"
    shell: "touch {{output}}"
"""
MEND = "import scheduling\n\nscheduling.count_every_job()"


@pytest.mark.parametrize(("mend", "most"), [(MEND, 1), ("", 4)], ids=["mended", "as it is"])
def test_jobs_side_by_side_on_one_core(tmp_path, mend, most):
    """The second case fails once Snakemake needs the mend no longer."""
    text = SNAKEFILE.format(scripts=str(ROOT / "workflow" / "scripts"), mend=mend)
    (tmp_path / "Snakefile").write_text(text)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", tmp_path]
    subprocess.run([*command, "--snakefile", tmp_path / "Snakefile"], check=True, cwd=tmp_path)
    running, found = 0, []
    for word in (tmp_path / "times").read_text().split():
        running += 1 if word == "begin" else -1
        found.append(running)
    assert max(found) == most
    assert found[-1] == 0
