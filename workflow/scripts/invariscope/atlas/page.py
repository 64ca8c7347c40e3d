"""Files of the atlas: pictures and numbers of each unit, and the page that shows them.

A page that is opened from disk may read scripts and pictures, but neither modules nor other files.
So each file of numbers is a script that hands over its content.
"""

import json
from functools import partial
from pathlib import Path

import jinja2
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from plotly.offline import get_plotlyjs

from ..digest import check_digest
from ..figures.identity import metadata
from ..files import write_whole
from . import details, sheet, table

PAGE = "index.html"


def write_block(folder, block, stimuli, phase, warp, identity):
    """Write numbers and small pictures of a block's units, and a sheet of each.

    They are `blocks/<network>/<layer>/<block>.js` and `.png`, and
    `units/<network>/<layer>/<channel>.png`.

    Parameters
    ----------
    folder : path
        The atlas's.
    block : str
        Name of the block of units.
    stimuli, phase, warp : xarray.Dataset
        As the stages leave them.
    identity : str
        The `id` of the atlas's record, which the pictures carry.

    Returns
    -------
    dict of str to (str, int)
        Each unit, `<network>/<layer>/<channel>`, to the block and its place there.
    """
    layer = f"{stimuli.attrs['network']}/{stimuli.attrs['layer']}"
    units = stimuli.unit.values.tolist()
    told = dict(zip(units, details.details(stimuli, phase, warp), strict=True))
    path = Path(folder, "blocks", layer, block)
    write_text(path.with_suffix(".js"), _call("addBlock", f"{layer}/{block}", told))
    names = [f"{layer}/{unit}" for unit in units]
    pictures = [Path(folder, "units", f"{name}.png") for name in names]
    inside = PngInfo()
    for key, text in metadata(".png", identity).items():
        inside.add_text(key, text)
    write = partial(_write_picture, pnginfo=inside)
    write(path.with_suffix(".png"), sheet.small_pictures(stimuli))
    for picture, made in zip(pictures, sheet.sheets(stimuli, phase, warp), strict=True):
        write(picture, made)
    return {name: (block, place) for place, name in enumerate(names)}


def write_study(folder, name, units, blocks, images, phases):
    """Write `study.js`: the table of units and what the page needs to know of it.

    Parameters
    ----------
    folder : path
        The atlas's.
    name : str
        The study's.
    units : pandas.DataFrame
        units.csv.
    blocks : dict of str to (str, int)
        What `write_block` gave, of all blocks.
    images : int
        Stimuli of a set.
    phases : numpy.ndarray, (phase,)
        Phases of the series, in radians.
    """
    names = units.network + "/" + units.layer + "/" + units.channel.astype(str)
    block, place = zip(*(blocks[name] for name in names), strict=True)
    study = dict(
        name=name,
        images=images,
        phases=details.plain(phases, 6),
        places=sheet.places(images),
        small=sheet.SMALL,
        columns=sheet.columns(images, len(phases)),
        units=table.columns(units) | dict(block=block, place=place),
        **table.meanings(),
    )
    write_text(Path(folder, "study.js"), _call("startAtlas", study))


def write_page(folder, sources, **values):
    """Write the page, its scripts and style, and the charting library as its package carries it.

    Parameters
    ----------
    folder : path
        The atlas's.
    sources : dict of str to str
        Files by name: the page, which is a template, and what it reads.
    **values
        What the template asks for.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(sources[PAGE])
    others = {name: text for name, text in sources.items() if name != PAGE}
    scripts = [name for name in sorted(others) if name.endswith(".js")]
    others |= {PAGE: template.render(scripts=scripts, **values), "plotly.min.js": get_plotlyjs()}
    for name, text in others.items():
        write_text(Path(folder, name), text)


def read_sources(paths, digests):
    """Files that the page is made of, by their names.

    Raises
    ------
    UserError
        If one has not the SHA-256 that it had when the run was planned.
    """
    for path, digest in zip(paths, digests, strict=True):
        check_digest(path, digest, f"page's source {path}")
    return {Path(path).name: Path(path).read_text(encoding="utf-8") for path in paths}


def write_text(path, text):
    """Write a text file."""
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _call(name, *values):
    """A script that calls function `name` of the page."""
    texts = (json.dumps(value, separators=(",", ":"), allow_nan=False) for value in values)
    return f"{name}({','.join(texts)});\n"


def _write_picture(path, pixels, **options):
    with write_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, **options)
