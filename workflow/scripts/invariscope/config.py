"""A study: its config and network registry, checked, with defaults, as units and blocks."""

import copy
import itertools
import math
import re
from functools import cache
from pathlib import Path

import jsonschema
import yaml

from .errors import UserError, choices

SCHEMAS = Path(__file__).parents[2] / "schemas"
MOST_VALUES = 100_000  # of a YAML file with its aliases written out


@cache
def schema(name):
    """The JSON Schema `name` ('config', 'networks' or 'record')."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text())


def _fill_defaults(validator_class):
    """A validator that also writes the schema's defaults into what it checks."""
    check = validator_class.VALIDATORS["properties"]

    def properties(validator, properties, instance, schema):
        if validator.is_type(instance, "object"):
            for key, subschema in properties.items():
                if "default" in subschema:
                    instance.setdefault(key, copy.deepcopy(subschema["default"]))
        yield from check(validator, properties, instance, schema)

    return jsonschema.validators.extend(validator_class, {"properties": properties})


def _is_number(checker, instance):
    """Whether a value is a finite number: YAML also has .nan and .inf."""
    if isinstance(instance, float):
        return math.isfinite(instance)
    return _is_integer(checker, instance)


def _is_integer(checker, instance):
    """Whether a value is written as an integer: JSON Schema would take 10.0 for one."""
    return isinstance(instance, int) and not isinstance(instance, bool)


def _pattern(validator, pattern, instance, schema):
    """As JSON Schema has it, where $ is the very end: Python's may have a newline after it."""
    if validator.is_type(instance, "string") and not re.search(
        pattern.replace("$", r"\Z"), instance
    ):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = jsonschema.validators.extend(
    _fill_defaults(jsonschema.Draft202012Validator),
    {"pattern": _pattern},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def validate(values, name, where):
    """Check `values` against a schema and fill in its defaults, in place.

    Parameters
    ----------
    values : dict
    name : {'config', 'networks'}
    where : str
        What the message calls the file.

    Raises
    ------
    UserError
        Names the first wrong key and what is allowed.
    """
    error = jsonschema.exceptions.best_match(_Validator(schema(name)).iter_errors(values))
    if error is None:
        return
    error = _in_the_form_meant(error)
    key = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in error.absolute_path)
    message = error.message
    if error.validator == "additionalProperties":
        message += f"; allowed: {choices(error.schema['properties'])}"
    elif error.validator == "oneOf":
        forms = [
            form.get("title") or form.get("const") or form["type"] for form in error.validator_value
        ]
        message = f"{error.instance!r} is none of the allowed forms: {choices(forms)}"
    raise UserError(f"{where}: {(key or '.the file').lstrip('.')}: {message}")


def _in_the_form_meant(error):
    """Where a value has none of some forms, but the key that names one: what is wrong with that."""
    if error.validator == "oneOf" and isinstance(error.instance, dict):
        forms = enumerate(error.validator_value)
        meant = [index for index, form in forms if form.get("title") in error.instance]
        if len(meant) == 1:
            within = [inner for inner in error.context if inner.schema_path[0] == meant[0]]
            return jsonschema.exceptions.best_match(within)
    return error


class _Loader(yaml.SafeLoader):
    """Loader of plain values that refuses a key given twice: PyYAML would take the last."""

    def compose_mapping_node(self, anchor):
        node, seen = super().compose_mapping_node(anchor), set()
        for key, _ in node.value:
            if (key.tag, str(key.value)) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key.value}' is given twice", problem_mark=key.start_mark
                )
            seen.add((key.tag, str(key.value)))
        return node


def _written_out(node, sizes):
    """How many values a YAML node holds with its aliases written out."""
    if node not in sizes:
        sizes[node] = math.inf  # what it is as a part of itself
        parts = itertools.chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
        parts = () if isinstance(node, yaml.ScalarNode) else parts
        sizes[node] = 1 + sum(_written_out(part, sizes) for part in parts)
    return sizes[node]


def read_yaml(path):
    """What a YAML file holds.

    Raises
    ------
    UserError
        Also if a key is given twice, or if aliases make a small file hold more than any study's.
    """
    try:
        loader = _Loader(Path(path).read_text(encoding="utf-8"))
        loader.name = str(path)
        node = loader.get_single_node()
        if node is None:
            return None
        if _written_out(node, {}) > MOST_VALUES:
            raise UserError(f"{path}: its aliases stand for more than {MOST_VALUES} values")
        return loader.construct_document(node)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except RecursionError:
        raise UserError(f"{path}: not YAML of a study (nested too deep)") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None


def read_registry(path):
    """The network registry at `path`, checked, with defaults."""
    registry = read_yaml(path)
    validate(registry, "networks", path)
    for name, entry in registry.items():
        source = entry["weights"]
        if (entry["architecture"] == "cells") != ("cells" in source):
            raise UserError(
                f"{path}: {name}.weights: 'cells' goes with architecture 'cells', and with no other"
            )
        if "cells" in source and entry["layers"] != {"cells": "cells"}:
            raise UserError(f"{path}: {name}.layers: the model cells have one: {{cells: cells}}")
        if "package" in source and ("tree" in source) == source["member"].endswith(".pth"):
            raise UserError(
                f"{path}: {name}.weights.tree: a .pth member has none, any other is a Flax tree "
                "and needs one"
            )
        if source.get("up_to", next(iter(entry["layers"]))) not in entry["layers"]:
            raise UserError(
                f"{path}: {name}.weights.up_to: '{source['up_to']}' is none of the network's "
                f"layers; it has: {choices(entry['layers'], source['up_to'])}"
            )
    return registry


def resolve(config, registry, facts):
    """The layers of a study with their units as channel numbers.

    Parameters
    ----------
    config : dict
        Validated.
    registry : dict
        Validated.
    facts : function of str
        Gives, for a network, its layers as {layer: {'channels': ..., 'below': [...]}}.

    Returns
    -------
    dict of (network, layer) to dict
        With 'units' and 'show' (lists of int), 'features' (a layer, or None for pixels),
        'baselines' (bool) and 'seeds' (how many).

    Raises
    ------
    UserError
        Unknown network or layer, a layer that the weights do not reach, unit out of range, a layer
        listed twice, features not below it.
    """
    study = {}
    for index, entry in enumerate(config["layers"]):
        networks = entry["network"] if isinstance(entry["network"], list) else [entry["network"]]
        for network in networks:
            where = f"layers[{index}]"
            found = _layer(entry, network, registry, facts, where, config["registry"])
            if (network, entry["layer"]) in study:
                raise UserError(
                    f"{where}: layer '{entry['layer']}' of '{network}' is listed twice; "
                    "list it once"
                )
            study[network, entry["layer"]] = found
    return study


def _layer(entry, network, registry, facts, where, path):
    """One entry of `layers` for one of its networks, see `resolve`."""
    layer, features = entry["layer"], entry["features"]
    if network not in registry:
        raise UserError(
            f"{where}.network: '{path}' has no network '{network}'; "
            f"it has: {choices(registry, network)}"
        )
    layers = facts(network)
    if layer not in layers:
        raise UserError(
            f"{where}.layer: network '{network}' has no layer '{layer}'; "
            f"it has: {choices(layers, layer)}"
        )
    top = registry[network]["weights"].get("up_to", layer)
    if layer != top and layer not in layers[top]["below"]:
        raise UserError(
            f"{where}.layer: the weights of '{network}' go up to '{top}'; '{layer}' does not "
            f"lie below it; allowed: {choices([*layers[top]['below'], top])}"
        )
    below = layers[layer]["below"]
    if features != "pixels" and features not in below:
        raise UserError(
            f"{where}.features: '{features}' is not a layer below '{layer}'; "
            f"allowed: {choices(['pixels', *below])}"
        )
    if entry["baselines"] and features == "pixels":
        raise UserError(
            f"{where}.baselines: they compare features, and pixels make none; give a layer as "
            f"'features'; allowed: {choices(below)}"
        )
    units = _channels(entry["units"], layers[layer]["channels"], f"{where}.units", layer)
    show = entry.get("show", units[:8])
    if strangers := sorted(set(show) - set(units)):
        raise UserError(f"{where}.show: {choices(strangers)} not among the units studied")
    return dict(
        units=units,
        show=show,
        features=None if features == "pixels" else features,
        baselines=entry["baselines"],
        seeds=entry["seeds"],
    )


def comparisons(config, registry, study):
    """Pairs of networks to compare, each with its untrained controls.

    Parameters
    ----------
    config, registry : dict
        Validated.
    study : dict
        From `resolve`.

    Returns
    -------
    list of dict
        One per pair: 'networks' (two names) and 'controls' (two lists of names): the studied
        networks of the same architecture with random weights.

    Raises
    ------
    UserError
        A network that is not studied, or the model cells.
    """
    studied = list(dict.fromkeys(network for network, _ in study))
    real = [name for name in studied if registry[name]["architecture"] != "cells"]

    def controls(network, pair):
        entry = registry[network]
        return [
            name
            for name in real
            if name not in pair
            and registry[name]["architecture"] == entry["architecture"]
            and "seed" in registry[name]["weights"]
            and "seed" not in entry["weights"]
        ]

    found = []
    for index, pair in enumerate(config["compare"]):
        for network in pair:
            if network not in real:
                raise UserError(
                    f"compare[{index}]: '{network}' is no network whose layers are studied; "
                    f"allowed: {choices(real, network)}"
                )
        found.append(dict(networks=pair, controls=[controls(name, pair) for name in pair]))
    return found


def _channels(units, count, where, layer):
    """Sorted channel numbers that a units entry means."""
    if units == "all":
        return list(range(count))
    wanted = set()
    for unit in units:
        first, last = map(int, unit.split("-")) if isinstance(unit, str) else (unit, unit)
        if first > last:
            raise UserError(f"{where}: range '{unit}' runs backwards; write it as {last}-{first}")
        if last >= count:
            raise UserError(
                f"{where}: unit {last} is out of range; layer '{layer}' has channels 0-{count - 1}"
            )
        wanted.update(range(first, last + 1))
    return sorted(wanted)


def blocks(units, size):
    """Units of one layer by block: a fixed partition of channels, so that adding a unit moves none.

    Parameters
    ----------
    units : list of int
    size : int
        Channels per block.

    Returns
    -------
    dict of str to list of int
        Block name (first and last channel of its range) to the units in it.
    """
    found = {}
    for unit in units:
        first = unit // size * size
        found.setdefault(f"{first:04d}-{first + size - 1:04d}", []).append(unit)
    return found
