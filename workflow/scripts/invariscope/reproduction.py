"""How far two runs of a study agree: byte by byte, and column by column where they do not."""

from pathlib import Path

import numpy as np
import pandas as pd

from . import records
from .errors import choices

# What to expect across machines: the median difference of a number, as a share of the spread over
# units, and the share of units whose label or the like may differ.
TOLERANCE = 0.2
SHARE = 0.1

# Columns that name a row, in whichever table has them.
KEYS = [
    *("network", "layer", "channel", "seed", "method", "yardstick", "contrast"),
    *("network_1", "layer_1", "network_2", "layer_2", "index"),
]


def circumstances(made):
    """Under what a study's jobs ran that may move last digits.

    Parameters
    ----------
    made : dict of str to dict
        Its records.

    Returns
    -------
    dict of str to list of str
        'device', 'platform', 'threads', 'settings' and 'packages', each with all values found.
    """
    found = {key: set() for key in ("device", "platform", "threads", "settings", "packages")}
    for record in made.values():
        run = record["run"]
        found["device"].add(run["device"]["name"])
        found["platform"].add(run["platform"])
        found["threads"].add(str(run["threads"]))
        found["settings"] |= {f"{key} {value}" for key, value in run["determinism"].items()}
        found["packages"] |= {f"{name} {number}" for name, number in record["packages"].items()}
    return {key: sorted(values) for key, values in found.items()}


def otherwise(first, second):
    """Records that two studies share and whose jobs were not asked for the same.

    Parameters
    ----------
    first, second : dict of str to dict
        Records of each.

    Returns
    -------
    list of str
        Those of other parameters or other code. How many threads they had is a circumstance.
    """

    def asked(record):
        parameters = record["parameters"].items()
        return record["code"], {key: value for key, value in parameters if key != "threads"}

    return [
        name
        for name in sorted(set(first) & set(second))
        if asked(first[name]) != asked(second[name])
    ]


def _of_results(folder):
    """Records of jobs by path, but of those that describe the run itself: they read records."""
    return {
        name: record
        for name, record in records.read_whole(folder).items()
        if not any(each.endswith(records.SUFFIX) for each in record["inputs"])
    }


def _files(made):
    return {name for record in made.values() for name in record["outputs"]}


def _bytes(folder, name):
    path = Path(folder) / name
    return path.read_bytes() if path.is_file() else None


def columns(one, other):
    """Differences between two tables, column by column.

    Parameters
    ----------
    one, other : pandas.DataFrame
        Rows are matched by the columns that name them.

    Returns
    -------
    list of dict
        One per column of either table that names no row: `column`; `rows` that both tables have;
        `differ`, how many of them are not equal; for numbers `median` and `most`, the absolute
        differences over rows where both have one, and `spread`, the interquartile range of the
        first table's; `within`, whether that is within TOLERANCE or SHARE, and so is the share of
        rows that only one table has.
    """
    keys = [key for key in KEYS if key in one and key in other]
    one, other = (table.set_index(keys).sort_index() for table in (one, other))
    both = one.index.intersection(other.index)
    alone = len(one.index.union(other.index)) - len(both)
    matched = alone <= SHARE * (len(both) + alone)
    found = []
    for column in one.columns.union(other.columns, sort=False):
        if column not in one or column not in other:
            found.append(dict(column=column, rows=0, differ=0, within=False))
            continue
        a, b = one.loc[both, column], other.loc[both, column]
        unequal = a.ne(b) & ~(a.isna() & b.isna())
        row = dict(column=column, rows=len(both), differ=int(unequal.sum()))
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            difference = (a - b).abs().dropna()
            low, high = a.quantile(0.25), a.quantile(0.75)
            row |= dict(median=difference.median(), most=difference.max(), spread=high - low)
            lost = int((a.isna() != b.isna()).sum())
            close = not len(difference) or row["median"] <= TOLERANCE * (high - low)
            row["within"] = bool(close and lost <= SHARE * len(both)) or not unequal.any()
        else:
            row["within"] = bool(unequal.sum() <= SHARE * len(both))
        row["within"] &= matched
        found.append({key: _plain(value) for key, value in row.items()})
    return found


def _plain(value):
    """A number as JSON has it; None in place of NaN."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def compare(one, other):
    """How far two runs of a study agree.

    Parameters
    ----------
    one, other : path
        Folders of two studies.

    Returns
    -------
    dict
        `circumstances` that differ, as {name: [values of the one, of the other]}; records of jobs
        that were asked for something `otherwise`; files by path:
        `same`, `different`, `only_one`, `only_other`; `tables`, for each one that is not the same
        what `columns` says; whether they must be `exact`, as under the same circumstances on a
        CPU; and whether they `agree`: byte by byte if so, else within tolerances, in all files
        that are tables.
    """
    first, second = _of_results(one), _of_results(other)
    files, others = _files(first), _files(second)
    only_one, only_other = sorted(files - others), sorted(others - files)
    same, different = [], []
    for name in sorted(files & others):
        (same if _bytes(one, name) == _bytes(other, name) else different).append(name)
    tables = {
        name: columns(*(pd.read_csv(Path(folder) / name) for folder in (one, other)))
        for name in different
        if name.endswith(".csv")
    }
    mine, theirs = circumstances(first), circumstances(second)
    changed = {
        key: [sorted(set(mine[key]) - set(theirs[key])), sorted(set(theirs[key]) - set(mine[key]))]
        for key in mine
        if mine[key] != theirs[key]
    }
    # Some sums have no fixed order on a GPU, so that warps differ from one run to the next.
    gpu = any(made["run"]["device"]["driver"] for made in [*first.values(), *second.values()])
    exact = not changed and not gpu
    within = all(column["within"] for found in tables.values() for column in found)
    asked = otherwise(first, second)
    whole = not (only_one or only_other or asked)
    return dict(
        circumstances=changed,
        otherwise=asked,
        same=same,
        different=different,
        only_one=only_one,
        only_other=only_other,
        tables=tables,
        exact=exact,
        agree=whole and (not different if exact else within),
    )


_COLUMNS = ["column", "rows", "differ", "median", "most", "spread", "within"]


def in_words(found):
    """What `compare` found, as lines of text."""
    lines = []
    for key, sides in found["circumstances"].items():
        only = zip(("first", "second"), sides, strict=True)
        words = [f"only in the {side}: {', '.join(values)}" for side, values in only if values]
        lines.append(f"{key}, {'; '.join(words)}")
    if not found["circumstances"]:
        must = "bytes must be the same" if found["exact"] else "bytes may differ on a GPU"
        lines.append(f"same machine and packages: {must}")
    if found["otherwise"]:
        lines.append(f"other parameters or code: {choices(found['otherwise'], most=5)}")
    lines.append(f"{len(found['same'])} files are the same, {len(found['different'])} differ")
    for key, words in (("only_one", "first"), ("only_other", "second")):
        if found[key]:
            lines.append(f"only in the {words}: {choices(found[key])}")
    if not found["circumstances"] and found["different"]:
        lines.append(f"differ: {choices(found['different'])}")
    for name, those in found["tables"].items():
        table = pd.DataFrame(those, columns=_COLUMNS)
        table = table[table.differ.gt(0) | ~table.within]
        table["within"] = table.within.map({True: "yes", False: "NO"})
        lines += ["", name, table.to_string(index=False, float_format="%.3g", na_rep="")]
    return [*lines, "", "they agree" if found["agree"] else "they do not agree"]
