"""Files that appear whole or not at all, and hold the same bytes for the same content."""

import contextlib
import os
import uuid
from pathlib import Path


@contextlib.contextmanager
def write_whole(path):
    """Give a temporary path beside `path`; rename it there when the block ends well.

    The temporary name keeps the suffix, from which some writers tell the format.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_dataset(dataset, path):
    """Write an xarray Dataset as netCDF-4."""
    with write_whole(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


def read_dataset(path, variables=None):
    """Read an xarray Dataset from netCDF-4 into memory: all of it, or the named variables."""
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return (dataset if variables is None else dataset[variables]).load()


def write_table(table, path):
    """Write a pandas DataFrame as CSV, six digits a number."""
    with write_whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
