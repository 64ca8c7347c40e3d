"""The identity of a figure's record, inside the figure, so that a lone file can be traced."""

from pathlib import Path
from xml.etree import ElementTree

PREFIX = "invariscope:"
_DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}identifier"


def metadata(suffix, identity):
    """What matplotlib is to write into a file beside the picture, but not the time of day.

    Parameters
    ----------
    suffix : {'.svg', '.png'}
    identity : str
        The `id` of the figure's record.

    Returns
    -------
    dict
        For SVG the Dublin Core's identifier, for PNG a text chunk.
    """
    date = {"Date": None} if suffix == ".svg" else {}
    return date | {"Identifier": PREFIX + identity}


def read(path):
    """The identity that a figure carries, or None: of PNG and SVG files."""
    try:
        found = {".png": _of_png, ".svg": _of_svg}[Path(path).suffix.lower()](path)
    except (KeyError, OSError, SyntaxError, ValueError):  # no figure, or not one any more
        return None
    return found.removeprefix(PREFIX) if found and found.startswith(PREFIX) else None


def _of_png(path):
    from PIL import Image

    with Image.open(path) as picture:
        return picture.text.get("Identifier")


def _of_svg(path):
    return ElementTree.parse(path).findtext(f".//{_DUBLIN_CORE}")
