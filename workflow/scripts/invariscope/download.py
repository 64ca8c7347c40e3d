"""A file from the network: streamed, resumed where it was cut, checked, and removed after use.

Whatever lies in a file that is still growing is not trusted: a file is whole when its digest fits.
"""

import contextlib
import os
import re
import sys
import time
from pathlib import Path

from .digest import check_digest, sha256
from .errors import UserError

BY_HAND = Path("downloads")
MIRROR = "INVARISCOPE_MIRROR"
PAUSES = (1, 2, 4, 8)  # seconds before a cut transfer is taken up again
TIMEOUT = (10, 30)  # seconds for a connection, and for some bytes to arrive
CHUNK = 2**16  # bytes written at a time


@contextlib.contextmanager
def fetched(address, digest, folder, owner):
    """Give the path of a file that lies at an address, checked. It is for reading only.

    It is looked for in `downloads/`, where a user may have put it; at the mirror that the variable
    INVARISCOPE_MIRROR names, a folder or an http(s) address; then at its address. A file that lies
    on this machine is used where it is. One that had to be downloaded is removed when the block
    ends. One that was cut stays, and the next call goes on from there.

    Parameters
    ----------
    address : str
        Its last part is the file's name.
    digest : str
        SHA-256, or its first digits.
    folder : path
        Where a download grows.
    owner : str
        Whose download it is. No two calls at once may have the same, so that two networks which
        need the same file do not write into each other's.

    Raises
    ------
    UserError
        If it cannot be had, or is not the one meant.
    """
    name = address.rsplit("/", 1)[1]
    mirror = os.environ.get(MIRROR, "")
    remote = mirror.startswith(("http://", "https://"))
    for place in [BY_HAND, Path(mirror)] if mirror and not remote else [BY_HAND]:
        path = place / name
        if path.is_file():
            _say(name, check_digest(path, digest, f"weights file {path}"))
            yield path
            return
    part = Path(folder) / f"{owner}.{name}.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = (
        [f"{mirror} ({MIRROR}: no such file in this folder)"] if mirror and not remote else []
    )
    addresses = [f"{mirror.rstrip('/')}/{name}", address] if remote else [address]
    _say(name, _download(addresses, digest, part, failures))
    try:
        yield part
    finally:
        part.unlink()


def _say(name, digest):
    print(f"{name}: SHA-256 {digest}", file=sys.stderr)


def _download(addresses, digest, part, failures):
    """Make `part` the whole file, from the first address that serves it; its SHA-256."""
    import requests

    if _size(part) and (found := sha256(part)).startswith(digest):
        return found
    name = addresses[-1].rsplit("/", 1)[1]
    for address in addresses:
        try:
            with requests.Session() as client:
                pieced = _transfer(client, address, part)
                if pieced and not sha256(part).startswith(digest):
                    # Pieces that do not fit together, such as of a file that has since changed.
                    part.unlink()
                    _transfer(client, address, part)
        except requests.RequestException as error:
            failures.append(f"{_shown(address)} ({_reason(error)})")
            print(f"{name}: not to be had from {failures[-1]}", file=sys.stderr)
            continue
        except OSError as error:
            raise UserError(f"{part}: cannot be written ({error.strerror})") from None
        try:
            return check_digest(part, digest, f"weights file from {_shown(address)}")
        except UserError:
            part.unlink()
            raise
    kept = f"; {_size(part)} bytes are kept, and the next run goes on from there" * bool(
        _size(part)
    )
    raise UserError(
        f"weights file {name}: not to be had from {' nor from '.join(failures)}; check the "
        f"network, or put the file at {BY_HAND / name} (its SHA-256 begins {digest}), or set "
        f"{MIRROR} to a folder or an http(s) address that has it{kept}"
    )


def _transfer(client, address, part):
    """Append to `part` what it lacks of the file at `address`, resuming where a transfer is cut.

    Returns
    -------
    bool
        Whether it was put together from more than one answer.

    Raises
    ------
    requests.RequestException
        If nothing arrives at all, or the transfer is cut once too often.
    """
    import requests

    pieced = arrived = False
    for pause in (*PAUSES, None):
        before = _size(part)
        pieced |= before > 0
        try:
            _request(client, address, part)
        except requests.RequestException as error:
            arrived |= _size(part) != before
            status = getattr(error.response, "status_code", 500)
            if pause is None or not arrived or status < 500:
                raise
            time.sleep(pause)
        else:
            return pieced


def _request(client, address, part):
    """One request for what `part` lacks; what arrives is appended to it."""
    import requests
    from tqdm import tqdm

    begun = _size(part)
    # Compressed on the way, bytes could not be counted.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
    with client.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if begun and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing lies beyond: whole, or not of this file, which its digest tells
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        begun = begun if resumed else 0
        length = answer.headers.get("Content-Length", "")
        bar = tqdm(
            desc=address.rsplit("/", 1)[1],
            total=begun + int(length) if length.isdecimal() else None,
            initial=begun,
            unit="B",
            unit_scale=True,
        )
        with bar, open(part, "ab" if resumed else "wb") as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))


def _size(path):
    return path.stat().st_size if path.exists() else 0


def _shown(address):
    """An address without the name and password that it may have."""
    return re.sub("//[^/]*@", "//", address, count=1)


def _reason(error):
    if error.response is not None:
        return f"it answers {error.response.status_code}"
    return type(error).__name__
