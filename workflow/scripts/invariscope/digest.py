"""SHA-256 of files."""

import hashlib

from .errors import UserError


def sha256(path):
    """SHA-256 of a file, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path, expected, what):
    """Raise a UserError unless the SHA-256 of the file at `path` is, or begins with, `expected`.

    Returns
    -------
    str
        All of its digits.
    """
    try:
        found = sha256(path)
    except OSError as error:
        raise UserError(f"{what}: cannot be read ({error.strerror})") from None
    if not found.startswith(expected):
        should = f"should be {expected}" if len(expected) == 64 else f"should begin {expected}"
        raise UserError(
            f"{what}: its SHA-256 is {found}, but {should}; "
            "the file is corrupt or not the one meant"
        )
    return found
