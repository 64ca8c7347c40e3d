"""Which code a script runs: digests of its own modules, comments and layout apart."""

import ast
import hashlib
import sys
from functools import cache
from importlib import metadata
from pathlib import Path


def closure(script):
    """A script and all modules of its folder that it imports, directly or through others.

    Parameters
    ----------
    script : path

    Returns
    -------
    list of Path
        Sorted; imports inside functions count.
    """
    root = Path(script).parent
    own = {path.stem for path in root.iterdir()}
    found, waiting = set(), [Path(script)]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for statement in _import_statements(path.read_text()):
            waiting += _imported(statement, path, root, own)
    return sorted(found)


# By text, not by path: the same modules are read for every script, and parsing is slow.
@cache
def _nodes(text):
    """All nodes of a module's syntax tree, the module itself first."""
    return list(ast.walk(ast.parse(text)))


@cache
def _import_statements(text):
    """Import statements of a module, those inside functions included."""
    return [node for node in _nodes(text) if isinstance(node, ast.Import | ast.ImportFrom)]


def _imported(node, path, root, own):
    """Files under `root`, whose names begin with those in `own`, that an import in `path` reads."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        package = path.parent.relative_to(root).parts
        package = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*package, *filter(None, [node.module])])
        modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
    files = []
    for module in modules:
        if module.split(".")[0] not in own:  # spares most looks for files
            continue
        base = root.joinpath(*module.split("."))
        candidates = [base.with_suffix(".py"), base / "__init__.py"]
        candidates += [parent / "__init__.py" for parent in base.parents if root in parent.parents]
        files += [file for file in candidates if file.is_file()]
    return files


def digests(script):
    """SHA-256 of what each module of a script's closure does, comments and docstrings apart.

    Returns
    -------
    dict of str to str
        Path of the module, relative to the script's folder, to its digest.
    """
    root = Path(script).parent
    return {
        path.relative_to(root).as_posix(): _digest(path.read_text()) for path in closure(script)
    }


@cache
def _digest(text):
    """SHA-256 of a module's syntax tree, docstrings removed."""
    nodes = _nodes(text)
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return hashlib.sha256(_shown(nodes[0]).encode()).hexdigest()


def _shown(node):
    """A syntax tree as text that is the same in every version of Python.

    `ast.dump` is not: newer versions have fields that older ones lack, empty where unused.
    """
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        inner = ", ".join(f"{name}={_shown(value)}" for name, value in fields)
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return f"[{', '.join(map(_shown, node))}]"
    return repr(node)


@cache
def _distributions():
    return metadata.packages_distributions()


@cache
def _version(name):
    return metadata.version(name)


def imports(script):
    """Top-level names of all modules that a script's closure imports, relative imports apart."""
    modules = set()
    for path in closure(script):
        for node in _import_statements(path.read_text()):
            if isinstance(node, ast.Import):
                modules.update(alias.name.split(".")[0] for alias in node.names)
            elif not node.level:
                modules.add(node.module.split(".")[0])
    return modules


def packages(script, pins=None):
    """Versions of what a script's closure runs on: the packages that it imports, and Python.

    Parameters
    ----------
    script : path
    pins : dict of str to str, optional
        Versions that stand in place of those installed here, where the script runs elsewhere.

    Returns
    -------
    dict of str to str
        Package to version; own modules and the standard library left out, and packages that are
        not installed here. Of Python, major and minor version.
    """
    root = Path(script).parent
    own = {path.name for path in root.iterdir()} | {path.stem for path in root.glob("*.py")}
    modules = imports(script) - own
    names = {name for module in modules for name in _distributions().get(module, ())}
    found = {name: _version(name) for name in names}
    found["python"] = "{}.{}".format(*sys.version_info)
    found |= {name: version for name, version in (pins or {}).items() if name in found}
    return dict(sorted(found.items()))
