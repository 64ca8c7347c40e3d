"""Files that appear whole or not at all, and hold the same bytes for the same content."""

import contextlib
import errno
import os
import re
import uuid
from pathlib import Path

from .errors import UserError

TEMPORARY = re.compile(r"\.[0-9a-f]{32}(\.\w+)?")
# What keeps a file from being written that is no fault of what writes it.
HINDRANCES = errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES


@contextlib.contextmanager
def write_whole(path):
    """Give a temporary path beside `path`; rename it there when the block ends well.

    The temporary name keeps the suffix, from which some writers tell the format.

    Raises
    ------
    UserError
        If the disk is full or must not be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        if hindrance := _hindrance(error):
            raise UserError(f"{path}: {hindrance}") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _hindrance(error):
    """What kept a file from being written, in the system's words, which libraries hand on."""
    known = {os.strerror(number) for number in HINDRANCES}
    return next((words for words in known if words in str(error)), None)


def remove_temporary(folder):
    """Remove what `write_whole` left anywhere in a folder when its process was killed."""
    for place, _, names in os.walk(folder):
        for name in filter(TEMPORARY.fullmatch, names):
            os.unlink(os.path.join(place, name))


def write_dataset(dataset, path):
    """Write an xarray Dataset as netCDF-4."""
    content = dataset.to_netcdf(engine="h5netcdf")  # in memory, as HDF5 crashes on a full disk
    with write_whole(path) as temporary:
        temporary.write_bytes(content)


def read_dataset(path, variables=None):
    """Read an xarray Dataset from netCDF-4 into memory: all of it, or the named variables."""
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return (dataset if variables is None else dataset[variables]).load()


def write_table(table, path):
    """Write a pandas DataFrame as CSV, six digits a number."""
    with write_whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
