"""The tiny study, really run, once for all tests."""

import pytest
from running import snakemake
from tiny import TINY


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The tiny study's folder after a run. Tests leave its results as they are."""
    folder = tmp_path_factory.mktemp("study") / "first"
    code, printed = snakemake(folder, TINY)
    assert code == 0, printed
    (folder.parent / "printed").write_text(printed)
    return folder


@pytest.fixture(scope="session")
def printed(study):
    """What that run printed, into a file."""
    return (study.parent / "printed").read_text()
