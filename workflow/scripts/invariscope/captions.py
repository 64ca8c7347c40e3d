"""Captions whose numbers are filled in from tables, never typed."""

import jinja2

from .files import write_whole


def fill(template, **values):
    """A caption from its template; a name that no value is given for is an error."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(**values)


def write(path, template, **values):
    """Write a caption filled by `fill`."""
    with write_whole(path) as temporary:
        temporary.write_text(fill(template, **values))
