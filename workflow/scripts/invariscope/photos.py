"""The content of many photos: told by one digest, and read as it is needed.

ImageNet's validation set is of 50,000 photos and 7 GB. To plan a study takes the digest of all,
which must not mean to read all each time; and no job can hold them.
"""

import hashlib
import json
import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from .digest import check_digest
from .errors import UserError
from .files import write_whole
from .natural import photo_paths, read_photo

RECENT = 2  # seconds in which a file may be changed twice, and have the same time of change


def digests(paths, memory):
    """SHA-256 of each photo; of those only are read that changed since they were read last.

    A photo is taken to be as it was if its size, inode, and times of modification and of change
    are. Only the last, no program can set. It has the tick of the file system's clock: a photo
    that was changed less than `RECENT` seconds before it was read is read again.

    Parameters
    ----------
    paths : list of path
    memory : path
        File in which the digests are kept from run to run.

    Returns
    -------
    list of str
    """
    paths, memory = [os.path.abspath(path) for path in paths], Path(memory)
    known = json.loads(memory.read_text()) if memory.is_file() else {}
    now = {path: _status(path) for path in paths}
    found = {path: known[path][-1] for path in paths if known.get(path, ())[:-1] == now[path]}
    unread = [path for path in paths if path not in found]
    try:
        for path in tqdm(unread, "photos", unit="photo", delay=1):
            begun = time.time_ns()
            found[path] = check_digest(path, "", f"photo {path}")
            if max(now[path][2:]) < begun - RECENT * 10**9:
                known[path] = [*now[path], found[path]]
    finally:
        if unread:
            with write_whole(memory) as temporary:
                temporary.write_text(json.dumps(known))
    return [found[path] for path in paths]


def _status(path):
    try:
        status = os.stat(path)
    except OSError as error:
        raise UserError(f"photo {path}: cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(status.st_mode):  # to read a pipe would take for ever
        raise UserError(f"photo {path}: not a file")
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def digest(digests):
    """One digest of photos in their order, from the SHA-256 of each."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read(folder, expected, side):
    """Photos of `natural.photo_paths`, as `natural.read_photo` gives them.

    Parameters
    ----------
    folder : str
    expected : str
        Their `digest` when the run was planned.
    side : int

    Returns
    -------
    Photos

    Raises
    ------
    UserError
        If they are not those.
    """
    paths = photo_paths(folder)
    each = [check_digest(path, "", f"photo {path}") for path in tqdm(paths, "photos checked")]
    if digest(each) != expected:
        raise UserError(f"photos: those in '{folder}' were changed after the run was planned")
    return Photos(paths, each, side)


class Photos(Sequence):
    """Photos that are read when they are asked for, each time, and are as they were.

    Parameters
    ----------
    paths : list of path
    digests : list of str
        SHA-256 of each.
    side : int
        See `natural.read_photo`.
    """

    def __init__(self, paths, digests, side):
        self.paths, self.digests, self.side = paths, digests, side

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        path = self.paths[index]
        check_digest(path, self.digests[index], f"photo {path}")
        return read_photo(path, self.side)
