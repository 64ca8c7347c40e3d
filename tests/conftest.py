"""What the tests share: options, a study that was really run, small networks, a validator."""

import shutil
from pathlib import Path

import pytest
import torch
from architectures import STD, VGG, traced
from running import ROOT, snakemake
from threadpoolctl import threadpool_limits
from tiny import TINY

from invariscope import cells
from invariscope.trunk import Trunk

collect_ignore = []


def pytest_addoption(parser):
    parser.addoption(
        "--chromium",
        metavar="PATH",
        help="Chromium's program; runs the tests in browser, which are left out otherwise",
    )
    parser.addoption(
        "--resnet50",
        metavar="PATH",
        help="ResNet-50's ImageNet weights up to layer1.2; runs the tests in real_weights, which "
        "are left out otherwise",
    )
    parser.addoption(
        "--slurm",
        action="store_true",
        help="runs the tests in slurm, which are left out otherwise; they start a cluster of their "
        "own and take Debian's packages slurm-wlm and munge",
    )


def pytest_configure(config):
    threadpool_limits(1, "blas")  # as in `device.prepare`
    for option, tests in (("--chromium", "browser"), ("--resnet50", "real_weights")):
        path = config.getoption(option)
        if path is None:
            collect_ignore.append(tests)
        elif not Path(path).is_file():
            raise pytest.UsageError(f"{option}: no file {path}")
    if not config.getoption("--slurm"):
        collect_ignore.append("slurm")


@pytest.fixture(autouse=True)
def _repeatable():
    torch.manual_seed(0)
    torch.set_num_threads(2)


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The tiny study's folder after a run. Tests leave its results as they are."""
    folder = tmp_path_factory.mktemp("study") / "first"
    code, printed = snakemake(folder, TINY)
    assert code == 0, printed
    (folder.parent / "printed").write_text(printed)
    return folder


@pytest.fixture
def copy(study, tmp_path):
    """A copy of the study's folder, without what Snakemake keeps for itself."""
    folder = tmp_path / "study"
    shutil.copytree(study, folder, ignore=shutil.ignore_patterns(".snakemake"))
    return folder


@pytest.fixture(scope="session")
def printed(study):
    """What that run printed, into a file."""
    return (study.parent / "printed").read_text()


@pytest.fixture
def template():
    """Reads a caption's template."""
    return lambda name: (ROOT / "workflow" / "report" / f"{name}.rst").read_text()


@pytest.fixture(scope="session")
def vgg():
    """VGG-16's first layers with torchvision's random weights: trunk and model."""
    torch.manual_seed(1)
    architecture, model = traced("vgg16", VGG)
    state = model.state_dict()
    parameters = {name: state[name] for name in architecture.parameters()}
    return Trunk(architecture, parameters, STD), model


@pytest.fixture(scope="session")
def cell_trunk():
    """The model cells."""
    architecture, parameters = cells.architecture()
    tensors = {name: torch.from_numpy(value) for name, value in parameters.items()}
    return Trunk(architecture, tensors, (1 / 255,) * 3)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The crate validator's cache of web pages, with the one page that it needs.

    That is RO-Crate 1.1's JSON-LD context as its authors published it, which rocrate carries.
    """
    import requests
    import rocrate
    from requests_cache import CachedResponse, CachedSession

    address = "https://w3id.org/ro/crate/1.1/context"
    path = tmp_path_factory.mktemp("cache") / "pages"
    with CachedSession(str(path), backend="sqlite", expire_after=-1) as session:
        page = CachedResponse(
            url=address,
            status_code=200,
            headers={"Content-Type": "application/ld+json"},
            content=(Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes(),
        )
        key = session.cache.create_key(requests.Request("GET", address).prepare())
        session.cache.save_response(page, key)
    return path


@pytest.fixture
def validate(pages):
    """Validate a folder as a Provenance Run Crate, without network."""
    from rocrate_validator import services

    def run(folder):
        settings = {
            "rocrate_uri": str(folder),
            "profile_identifier": "provenance-run-crate",
            "requirement_severity": "REQUIRED",
            "offline": True,
            "cache_path": pages,
        }
        return services.validate(settings)

    return run
