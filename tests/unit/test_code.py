"""The digest of a script's code: what it must notice, and what it must not."""

import pytest

from invariscope import code

SCRIPT = '"""Doc."""\nfrom lib import used\nfrom lib.deep import thing\n\nprint(used.f(), thing)\n'


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
    return tmp_path


def test_closure(folder):
    found = [str(path.relative_to(folder)) for path in code.closure(folder / "script.py")]
    assert found == ["lib/__init__.py", "lib/deep.py", "lib/late.py", "lib/used.py", "script.py"]


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("script.py", SCRIPT + "\n# a comment\n", False),
        ("script.py", SCRIPT.replace("Doc.", "Other words."), False),
        ("script.py", SCRIPT.replace("used.f(), thing", "used.f(),\n    thing"), False),
        ("script.py", SCRIPT.replace("thing)", "thing, 1)"), True),
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
