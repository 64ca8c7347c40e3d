"""Where tensors live, and the settings under which the same input gives the same bytes."""

import os

import torch


def prepare(threads):
    """Set up torch for exact, repeatable arithmetic and choose the device.

    Parameters
    ----------
    threads : int
        On the CPU, the last bits of a sum depend on them.

    Returns
    -------
    torch.device
        The GPU where there is one, else the CPU.
    """
    torch.set_num_threads(threads)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
