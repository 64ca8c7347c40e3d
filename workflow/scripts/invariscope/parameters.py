"""Parameters from files: read without running anything that is in them, and held to be complete."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from .errors import UserError, choices


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
    except UserError:
        raise
    except Exception as error:  # a damaged pickle may raise any
        raise UserError(
            f"weights file: not a pickled Flax tree with a branch '{tree}' of {len(convolutions)} "
            f"convolutions ({error})"
        ) from None
    return parameters


def read_safetensors(path, wanted, what):
    """Content of a .safetensors file.

    Parameters
    ----------
    path : path
    wanted : collection of str
        The parameters whose values are read.
    what : str
        What a message calls the file.

    Returns
    -------
    dict of str to torch.Tensor or None
        Every name in the file; None for those not wanted.
    """
    try:
        with safe_open(path, "pt") as file:
            names = list(file.keys())
            return {name: file.get_tensor(name) if name in wanted else None for name in names}
    except SafetensorError as error:
        raise UserError(f"{what}: not a safetensors file ({error})") from None


def read_torch(file, what):
    """Content of a .pth file, by torch's weights-only unpickler, which executes nothing.

    Parameters
    ----------
    file : binary file object
    what : str
        What a message calls the file.

    Returns
    -------
    dict
    """
    import torch

    try:
        if zipfile.is_zipfile(file) and _unpacked(file) > file.seek(0, os.SEEK_END):
            # PyTorch packs nothing: this is meant to fill the memory.
            raise UserError(f"{what}: it unpacks to more than it has, as no PyTorch file does")
        file.seek(0)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:  # torch raises many kinds on a file that is not its own
        raise UserError(
            f"{what}: not a PyTorch file of plain tensors, or a damaged one "
            f"({type(error).__name__})"
        ) from None
    return state if isinstance(state, dict) else {}


def _unpacked(file):
    """Bytes of all that a zip archive holds."""
    with zipfile.ZipFile(file) as archive:
        return sum(member.file_size for member in archive.infolist())


def read_file(path, wanted):
    """Content of a .safetensors or .pth file; see `read_safetensors` and `read_torch`."""
    what = f"weights file {path}"
    if Path(path).suffix == ".safetensors":
        return read_safetensors(path, wanted, what)
    with open(path, "rb") as file:
        return read_torch(file, what)


def fit(state, expected, what, strict=True, advice=""):
    """Parameters of a file as the architecture wants them.

    Parameters
    ----------
    state : dict
        What the file has.
    expected : dict of str to tuple of int
        The parameters that must be there, with their shapes; see `models.shapes`.
    what : str
        What a message calls the file.
    strict : bool
        Whether nothing else may be there.
    advice : str
        Told to a user whose file lacks some.

    Returns
    -------
    dict of str to numpy.ndarray
        The expected ones, single precision.

    Raises
    ------
    UserError
        Names parameters that are missing, unexpected, misshapen, or not plain finite numbers.
    """
    faults = {
        "it lacks": [name for name in expected if name not in state],
        "it has besides": [
            name
            for name in state
            if name not in expected and not str(name).endswith("num_batches_tracked")
        ],
    }
    if not strict:
        del faults["it has besides"]
    found = {name: state[name] for name in expected if name in state}
    plain = [name for name, value in found.items() if _is_plain(value)]
    faults["not plain floating-point numbers"] = [name for name in found if name not in plain]
    # Before anything is copied: a small file may tell of a large array.
    fitting = [name for name in plain if tuple(found[name].shape) == expected[name]]
    faults["other shapes"] = [
        f"{name} {_by(found[name].shape)} instead of {_by(expected[name])}"
        for name in plain
        if name not in fitting
    ]
    found |= {name: _single(found[name]) for name in fitting}
    faults["values that are not finite"] = [n for n in fitting if not np.isfinite(found[n]).all()]
    told = [f"{fault}: {choices(names, most=3)}" for fault, names in faults.items() if names]
    if told:
        told += [advice] * bool(advice and faults["it lacks"])
        raise UserError(f"{what}: it does not fit the architecture; {'; '.join(told)}")
    return found


def _by(shape):
    return "x".join(map(str, shape)) or "single"


def _is_plain(value):
    """Whether a value is an array or a tensor of plain numbers."""
    import torch

    if isinstance(value, np.ndarray):
        return np.issubdtype(value.dtype, np.floating)
    return (
        torch.is_tensor(value)
        and value.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
        and value.layout == torch.strided
        and value.device.type == "cpu"
    )


def _single(value):
    """A plain array or tensor as an array of single precision."""
    if isinstance(value, np.ndarray):
        with np.errstate(over="ignore"):  # what is too large becomes infinite
            return value.astype(np.float32)
    return value.detach().float().numpy()
