"""The digest of a script's code: what it must notice, and what it must not."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from invariscope import code

SCRIPT = '"""Doc."""\nimport plain\nfrom lib import used\nfrom lib.deep import thing\n\n'
SCRIPT += "print(used.f(), thing, plain)\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "lib" / "__init__.py").write_text("")
    (tmp_path / "lib" / "used.py").write_text(
        "def f():\n    from . import late\n    return late.x\n"
    )
    (tmp_path / "lib" / "late.py").write_text("x = 1\n")
    (tmp_path / "lib" / "deep.py").write_text("from .used import f as thing\n")
    (tmp_path / "lib" / "other.py").write_text("y = 1\n")
    (tmp_path / "plain.py").write_text("import numpy\nfrom lib.sub.m import x\n")
    (tmp_path / "lib" / "sub").mkdir()
    (tmp_path / "lib" / "sub" / "__init__.py").write_text("")
    (tmp_path / "lib" / "sub" / "m.py").write_text("from ..above import x\n")
    (tmp_path / "lib" / "above.py").write_text('class A:\n    """Doc."""\n\n    x = 1\n')
    return tmp_path


def test_closure(folder):
    found = [str(path.relative_to(folder)) for path in code.closure(folder / "script.py")]
    assert found == [
        "lib/__init__.py",
        "lib/above.py",
        "lib/deep.py",
        "lib/late.py",
        "lib/sub/__init__.py",
        "lib/sub/m.py",
        "lib/used.py",
        "plain.py",
        "script.py",
    ]


def test_packages(folder):
    python = "{}.{}".format(*sys.version_info)
    found = code.packages(folder / "script.py")
    assert found == {"numpy": np.__version__, "python": python}
    pins = {"numpy": "1.0", "python": "3.9", "pandas": "2.0"}
    assert code.packages(folder / "script.py", pins) == {"numpy": "1.0", "python": "3.9"}


def test_own_modules_are_no_packages(monkeypatch):
    scripts = Path(code.__file__).parents[1]
    found = code.packages(scripts / "synthesis.py")
    assert {"torch", "numpy", "xarray"} <= set(found)
    assert not {"invariscope", "job"} & set(found)
    # Nor where the library is installed as one.
    monkeypatch.setattr(code, "_distributions", lambda: {"invariscope": ["numpy"]})
    assert set(code.packages(scripts / "synthesis.py")) == {"python"}


def test_each_module_has_its_digest(folder):
    before = code.digests(folder / "script.py")
    assert list(before) == [
        path.relative_to(folder).as_posix() for path in code.closure(folder / "script.py")
    ]
    (folder / "lib" / "late.py").write_text("x = 2\n")
    after = code.digests(folder / "script.py")
    assert {name for name in before if before[name] != after[name]} == {"lib/late.py"}


def test_the_digest_is_of_what_every_python_knows():
    """Fields that newer versions add to the syntax tree are empty where unused: no part of it."""
    text = 'class A:\n    def f(self, x: int = None):\n        return f"{x!r}", -1.5, b"b", ...\n'
    shown = (
        "Module(body=[ClassDef(name='A', body=[FunctionDef(name='f', args=arguments(args=[arg("
        "arg='self'), arg(arg='x', annotation=Name(id='int', ctx=Load()))], defaults=[Constant()]),"
        " body=[Return(value=Tuple(elts=[JoinedStr(values=[FormattedValue(value=Name(id='x', "
        "ctx=Load()), conversion=114)]), UnaryOp(op=USub(), operand=Constant(value=1.5)), "
        "Constant(value=b'b'), Constant(value=Ellipsis)], ctx=Load()))])])])"
    )
    assert code._shown(ast.parse(text)) == shown


def test_which_file_holds_what_counts(folder):
    before = code.digests(folder / "script.py")
    late, above = folder / "lib" / "late.py", folder / "lib" / "above.py"
    one, other = late.read_text(), above.read_text()
    late.write_text(other)
    above.write_text(one)
    assert code.digests(folder / "script.py") != before


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("script.py", SCRIPT + "\n# a comment\n", False),
        ("script.py", SCRIPT.replace("Doc.", "Other words."), False),
        ("script.py", SCRIPT.replace("used.f(), thing", "used.f(),\n    thing"), False),
        ("script.py", SCRIPT.replace("plain)", "plain, 1)"), True),
        ("lib/above.py", 'class A:\n    """Other."""\n\n    x = 1\n', False),
        ("lib/above.py", "class A:\n    x = 2\n", True),
        ("lib/late.py", "x = 2\n", True),
        (
            "lib/used.py",
            'def f():\n    """Doc."""\n    from . import late\n    return late.x\n',
            False,
        ),
        ("lib/used.py", "def f():\n    from . import late\n    return -late.x\n", True),
        ("lib/__init__.py", "z = 3\n", True),
        ("lib/other.py", "y = 2\n", False),
    ],
)
def test_digest(folder, file, text, changes):
    before = code.digests(folder / "script.py")
    (folder / file).write_text(text)
    assert (code.digests(folder / "script.py") != before) == changes
