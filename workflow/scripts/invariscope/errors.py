"""The one exception a user is meant to read."""

from difflib import get_close_matches

LONGEST, TAIL = 2000, 500  # characters of a message, and of its end, if that is cut


class UserError(Exception):
    """A mistake the user can mend: one line saying what, where and what is allowed.

    What is quoted in it may come from anywhere: it cannot break the line, steer a terminal, or
    flood it. The beginning says where, the end what is allowed.
    """

    def __init__(self, message):
        line = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
        cut = len(line) - LONGEST
        super().__init__(line if cut <= 0 else f"{line[: -cut - TAIL]} ... {line[-TAIL:]}")


def choices(names, meant=None, most=20):
    """List the allowed `names` for an error message, those near to what was `meant` first.

    Cut after `most`.
    """
    names = [str(name) for name in names]
    near = get_close_matches(str(meant), names) if meant is not None else []
    ordered = near + [name for name in names if name not in near]
    shown = ", ".join(ordered[:most])
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")
