"""All that describes a study, checked before anything runs."""

from functools import cache
from pathlib import Path

from . import config as checks
from . import sources
from .errors import UserError, choices
from .natural import photo_paths


def read(config, configfiles, facts):
    """Check a study, and everything outside that it names.

    Parameters
    ----------
    config : dict
        The study's; defaults are filled in, in place.
    configfiles : list of path
        That it was read from.
    facts : function of dict
        Gives, for an entry of the registry, what `network.facts` does.

    Returns
    -------
    registry : dict
        See `config.read_registry`.
    facts : function of str
        Gives, for a network, what `network.facts` does, each asked for once.
    layers : dict
        See `config.resolve`.
    comparisons : list
        See `config.comparisons`.
    photos : list of path

    Raises
    ------
    UserError
        Names the key, or the file, that is wrong.
    """
    checks.validate(config, "config", "config")
    path = config["registry"]
    # They are kept in one folder.
    names = ["Snakefile", *(Path(file).name for file in [*configfiles, path])]
    if len(set(names)) < len(names):
        raise UserError(f"config: two of its files have one name ({choices(names)}); rename one")
    for name in names:
        if set("{}") & set(name):  # Snakemake would take it for a pattern
            raise UserError(f"config: its file '{name}' has a brace in its name; rename it")
    if not Path(path).is_file():
        raise UserError(f"config: registry: there is no file '{path}'")
    registry = checks.read_registry(path)

    @cache
    def known(name):
        try:
            return facts(registry[name])
        except UserError as error:
            raise UserError(f"{path}: {name}: {error}") from None

    layers = checks.resolve(config, registry, known)
    comparisons = checks.comparisons(config, registry, layers)
    for name, layer in layers:
        field, side = known(name)[layer]["rf"], config["natural"]["side"]
        if field > side:
            raise UserError(
                f"natural.side: {side} is less than the {field} pixels of the receptive field of "
                f"'{layer}' of '{name}'"
            )
        sources.check_file(registry[name]["weights"])
    return registry, known, layers, comparisons, photo_paths(config["natural"]["photos"])
