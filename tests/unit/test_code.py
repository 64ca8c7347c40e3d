"""The digest of a script's code: what it must notice, and what it must not."""

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
    assert code.packages(folder / "script.py") == {"numpy": np.__version__}


def test_which_file_holds_what_counts(folder):
    before = code.digest(folder / "script.py")
    late, above = folder / "lib" / "late.py", folder / "lib" / "above.py"
    one, other = late.read_text(), above.read_text()
    late.write_text(other)
    above.write_text(one)
    assert code.digest(folder / "script.py") != before


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
    before = code.digest(folder / "script.py")
    (folder / file).write_text(text)
    assert (code.digest(folder / "script.py") != before) == changes
