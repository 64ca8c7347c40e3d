"""Reading the records that jobs left, and whether they are as they were left."""

import json
from pathlib import Path

from . import provenance
from .config import schema

SUFFIX = ".record.json"
ABSENT = "has no record"
CHANGED = "its record was changed after it was written"
LAYOUT = "its record has the layout of another version"


class RecordError(Exception):
    """A record is missing, or is not as it was written; the message says which."""


def read(path):
    """Read a record and check that every byte is as `provenance.write` left it.

    Raises
    ------
    RecordError
        If there is none, it was changed, or another version of this program wrote it.
    """
    try:
        written = Path(path).read_bytes().decode()
        record = json.loads(written)
        found = record.pop("sha256")
        same = provenance.text(record | {"sha256": found}) == written
        whole = same and provenance.digest(record) == found
    except FileNotFoundError:
        raise RecordError(ABSENT) from None
    except (ValueError, TypeError, KeyError, AttributeError, OSError, RecursionError):
        whole = False
    if not whole:
        raise RecordError(CHANGED)
    if not _fits(record, schema("record")):
        raise RecordError(LAYOUT)
    if provenance.identity(record) != record["id"]:
        raise RecordError(CHANGED)
    return record


def _fits(values, layout):
    """Whether a record has all that is read of it: a quick look, unlike that of `audit.flaws`."""
    parts = layout["properties"]
    return all(
        key in values
        and (parts[key].get("type") != "object" or isinstance(values[key], dict))
        and (parts[key].get("$ref") not in MAPPINGS or isinstance(values[key], dict))
        and ("required" not in parts[key] or key == "git" or _fits(values[key], parts[key]))
        for key in layout["required"]
    )


MAPPINGS = "#/$defs/digests", "#/$defs/versions"


def read_all(folder):
    """Records of a study, by path relative to its folder; broken ones as their RecordError.

    Parameters
    ----------
    folder : path
        results/<study>

    Returns
    -------
    dict of str to (dict or RecordError)
        Sorted by path.
    """
    found = {}
    for path in sorted(Path(folder).rglob(f"*{SUFFIX}")):
        name = path.relative_to(folder).as_posix()
        try:
            found[name] = read(path)
        except RecordError as error:
            found[name] = error
    return found


def read_whole(folder):
    """Records of a study that are as they were left, as `read_all` gives them."""
    return {name: each for name, each in read_all(folder).items() if isinstance(each, dict)}
