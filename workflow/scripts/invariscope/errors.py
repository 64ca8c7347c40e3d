"""The one exception a user is meant to read."""


class UserError(Exception):
    """A mistake the user can mend: one line saying what, where and what is allowed."""


def choices(names, most=20):
    """List the allowed `names` for an error message, cut after `most`."""
    names = [str(name) for name in names]
    shown = ", ".join(names[:most])
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")
