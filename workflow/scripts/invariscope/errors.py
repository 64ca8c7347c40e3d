"""The one exception a user is meant to read."""

from difflib import get_close_matches


class UserError(Exception):
    """A mistake the user can mend: one line saying what, where and what is allowed."""


def choices(names, meant=None, most=20):
    """List the allowed `names` for an error message, those near to what was `meant` first.

    Cut after `most`.
    """
    names = [str(name) for name in names]
    near = get_close_matches(str(meant), names) if meant is not None else []
    ordered = near + [name for name in names if name not in near]
    shown = ", ".join(ordered[:most])
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")
