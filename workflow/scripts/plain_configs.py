"""Config files that are plain values: Snakemake would run Python that stands in them.

It reads them before the Snakefile. So profiles import this module, which comes before both.
"""

from snakemake.common import configfile
from snakemake.settings import types

from invariscope.config import read_yaml
from invariscope.errors import UserError


def load_configfile(path):
    """The values of a config file; end in one line if it has none or cannot be read."""
    try:
        values = read_yaml(path)
        if not isinstance(values, dict):
            raise UserError(f"{path}: it must have keys at the top level, as {{name: ...}}")
    except UserError as error:
        raise SystemExit(f"invariscope: {error}") from None
    return values


configfile.load_configfile = types.load_configfile = load_configfile
