"""Where tensors live, and the settings under which the same input gives the same bytes."""

import ctypes
import os
import platform
import threading

import scipy.linalg.cython_blas  # noqa: F401 - so that its threads are limited, too
import torch
from threadpoolctl import threadpool_limits


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
    # Compiled functions have threads of their own, each of which calls for matrix products. PyTorch
    # comes last, for it may use the same library.
    limiting = threading.Thread(target=threadpool_limits, args=(1, "blas"))
    limiting.start()  # not here, for the system calls it back, and an interrupt would be lost there
    limiting.join()
    torch.set_num_threads(threads)
    _keep_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    torch.set_deterministic_debug_mode("warn")  # as use_deterministic_algorithms, faster to import
    # Torch then fills every new tensor, a tenth of the time, in case one is read unwritten.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _keep_memory():
    """Have the C library keep freed memory instead of returning it to the system.

    Every step frees and allocates the same large tensors; asking the system for fresh pages each
    time cost a fifth of the synthesis loop. Only glibc has these switches.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        for parameter in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            library.mallopt(parameter, 2**31 - 1)
