"""How far two runs of a study agree: byte by byte, and column by column where they do not."""

from pathlib import Path

import numpy as np
import pandas as pd

from . import records

# Columns that name a row, in whichever table has them.
KEYS = [
    *("network", "layer", "channel", "seed", "method", "yardstick", "contrast"),
    *("network_1", "layer_1", "network_2", "layer_2", "index"),
]


def circumstances(folder):
    """Under what a study's jobs ran that may move last digits.

    Returns
    -------
    dict of str to list of str
        'device', 'platform', 'threads' and 'packages', each with all values found.
    """
    found = {key: set() for key in ("device", "platform", "threads", "packages")}
    for record in records.read_all(folder).values():
        if isinstance(record, dict):
            run = record["run"]
            found["device"].add(run["device"]["name"])
            found["platform"].add(run["platform"])
            found["threads"].add(str(run["threads"]))
            found["packages"] |= {f"{name} {v}" for name, v in record["packages"].items()}
    return {key: sorted(values) for key, values in found.items()}


def differing(one, other):
    """Files of two studies that are not the same.

    Parameters
    ----------
    one, other : path
        Folders of two studies.

    Returns
    -------
    same, different, only_one, only_other : list of str
        Outputs of jobs by path, as the files lie there.
    """
    first, second = set(records.outputs(one)), set(records.outputs(other))
    both = sorted(first & second)
    same = [name for name in both if _bytes(one, name) == _bytes(other, name)]
    different = [name for name in both if name not in set(same)]
    return same, different, sorted(first - second), sorted(second - first)


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
    pandas.DataFrame
        One row per column that both have: `column`; `rows` that both have; `differ`, how many of
        them are not equal; `median` and `most`, absolute differences of numbers, over the rows
        where both have one; `lost`, rows where only one has a number; `spread`, the interquartile
        range of the first table's numbers.
    """
    keys = [key for key in KEYS if key in one and key in other]
    one, other = (table.set_index(keys).sort_index() for table in (one, other))
    both = one.index.intersection(other.index)
    found = []
    for column in one.columns.intersection(other.columns):
        a, b = one.loc[both, column], other.loc[both, column]
        row = dict(
            column=column, rows=len(both), differ=int((a.ne(b) & ~(a.isna() & b.isna())).sum())
        )
        if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
            difference = (a - b).abs().dropna()
            low, high = np.nanquantile(a, [0.25, 0.75]) if a.notna().any() else (np.nan, np.nan)
            row |= dict(
                median=difference.median(),
                most=difference.max(),
                lost=int((a.isna() != b.isna()).sum()),
                spread=high - low,
            )
        found.append(row)
    return pd.DataFrame(found, columns=[*_COLUMNS])


_COLUMNS = "column", "rows", "differ", "median", "most", "lost", "spread"
