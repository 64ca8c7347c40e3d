"""Which code a script runs: the digest of its own modules, comments and layout apart."""

import ast
import hashlib
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
    found, waiting = set(), [Path(script)]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for statement in _import_statements(path.read_text()):
            waiting += _imported(statement, path, root)
    return sorted(found)


# By text, not by path: the same modules are read for every script, and parsing is slow.
@cache
def _import_statements(text):
    """Import statements of a module, those inside functions included."""
    nodes = ast.walk(ast.parse(text))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def _imported(node, path, root):
    """Files under `root` that an import statement in `path` reads."""
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    else:
        package = path.parent.relative_to(root).parts
        package = package[: len(package) - node.level + 1] if node.level else ()
        module = ".".join([*package, *filter(None, [node.module])])
        modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
    files = []
    for module in modules:
        base = root.joinpath(*module.split("."))
        candidates = [base.with_suffix(".py"), base / "__init__.py"]
        candidates += [parent / "__init__.py" for parent in base.parents if root in parent.parents]
        files += [file for file in candidates if file.is_file()]
    return files


def digest(script):
    """SHA-256 of what a script's closure does: its syntax trees, docstrings removed."""
    total = hashlib.sha256()
    for path in closure(script):
        name = path.relative_to(Path(script).parent)
        total.update(f"{name}\n{_meaning(path.read_text())}\n".encode())
    return total.hexdigest()


@cache
def _meaning(text):
    """What a module does: its syntax tree as text, docstrings removed."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)


@cache
def _distributions():
    return metadata.packages_distributions()


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


def packages(script):
    """Versions of the packages that a script's closure imports.

    Returns
    -------
    dict of str to str
        Package to version; own modules and the standard library left out, and packages that are
        not installed here.
    """
    names = {name for module in imports(script) for name in _distributions().get(module, ())}
    return {name: metadata.version(name) for name in sorted(names)}
