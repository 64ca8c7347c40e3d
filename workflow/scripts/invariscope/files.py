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
# How netCDF-4 names, in HDF5, a dimension that no variable has the name of ...
NO_VARIABLE = b"This is a netCDF dimension but not a netCDF variable"
# ... and attributes that say how a variable is stored.
STORAGE = "CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "coordinates", "dtype"


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
    """Read an xarray Dataset from a file of `write_dataset`: all of it, or the named variables.

    As xarray reads it, but ten times as fast: only what is written here is looked for.
    """
    import h5py
    import xarray

    with h5py.File(path) as file:
        dims, bare = {}, set()
        for name, entry in file.items():
            if "NAME" in entry.attrs:
                dims[entry.attrs["_Netcdf4Dimid"]] = name
                if entry.attrs["NAME"].startswith(NO_VARIABLE):
                    bare.add(name)

        def read(name):
            entry = file[name]
            own = [dims[number] for number in entry.attrs.get("_Netcdf4Coordinates", ())]
            is_text = h5py.check_string_dtype(entry.dtype) is not None
            values = entry.asstr()[()].astype(str) if is_text else entry[()]
            if entry.attrs.get("dtype") == "bool":
                values = values.astype(bool)
            return xarray.Variable(own, values, _attributes(entry))

        names = [name for name in file if name not in bare] if variables is None else variables
        found = {name: read(name) for name in names}
        coordinates = {dim for variable in found.values() for dim in variable.dims} - bare
        coordinates.update(*(file[name].attrs.get("coordinates", "").split() for name in names))
        found |= {name: read(name) for name in sorted(coordinates.difference(found))}
        return xarray.Dataset(found, attrs=_attributes(file)).set_coords(coordinates)


def _attributes(entry):
    """Attributes of a file or variable but those that say how it is stored."""
    found = {}
    for name in entry.attrs:
        if not name.startswith("_") and name not in STORAGE:
            value = entry.attrs[name]
            found[name] = value if isinstance(value, str) else value[0]
    return found


def write_table(table, path):
    """Write a pandas DataFrame as CSV, six digits a number."""
    with write_whole(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g")
