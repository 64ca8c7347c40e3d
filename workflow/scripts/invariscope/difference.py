"""What differs between two runs of a result, back to the first cause."""

from pathlib import Path

from . import records
from .errors import UserError
from .staleness import Reason, changes, differences, past_job

# What differs between any two runs.
_EACH_RUN = "start", "end", "peak_memory"


def difference(one, other):
    """What differs between two runs of a figure or table, back to the first cause.

    Parameters
    ----------
    one, other : (path, str)
        The study's folder and the path of the result in it.

    Returns
    -------
    list of (str, list of Reason)
        Rule of each step that differs, and in what; the figure's own step first.

    Raises
    ------
    UserError
        If one of them has no record.
    """
    found, seen = [], set()

    def records_of(root):
        return {
            output: record
            for record in records.read_whole(root).values()
            for output in record["outputs"]
        }

    first, second = records_of(one[0]), records_of(other[0])

    def compare(name, match):
        if name in seen:
            return
        seen.add(name)
        for root, made, path in ((one[0], first, name), (other[0], second, match)):
            if path not in made:
                raise UserError(f"{Path(root) / path}: has no record that can be read")
        old, new = first[name], second[match]
        reasons = changes(past_job("", new), old, {})
        inputs = sorted(set(old["inputs"]) & set(new["inputs"]))
        differing = [each for each in inputs if old["inputs"][each] != new["inputs"][each]]
        if differing:
            reasons.append(Reason("input differs", tuple(differing)))
        if old["outputs"][name] != new["outputs"][match] and not reasons:
            reasons.append(Reason("bytes differ, though they were made from the same", (name,)))
        reasons += [
            Reason(f"run: {key} {before} and {after}")
            for key, before, after in differences(
                *({k: v for k, v in r["run"].items() if k not in _EACH_RUN} for r in (old, new))
            )
        ]
        if reasons:
            found.append((old["rule"], reasons))
        for each in differing:
            compare(each, each)

    compare(one[1], other[1])
    return found
