"""Tables as pages: what is in them. How they behave is tested in a browser."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from running import ROOT

from invariscope import pages

TEXTS = {
    path.stem: path.read_text() for path in (ROOT / "workflow" / "report" / "tables").glob("*.rst")
}
TEXT = "One row\na unit.\n\n:network, layer: the layer\n:f1_f0: 2\\|R1\\|, `Fourier`: 0 to 2\n"


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "network": ["n", "n<b>"],
            "layer": ["a", "b"],
            "f1_f0": [0.123456, np.nan],
            "label": ["selective", np.nan],
        }
    )


def test_a_caption_is_a_sentence_and_what_columns_mean():
    about, columns = pages.meanings(TEXT)
    assert about == "One row a unit."
    assert columns == {"network, layer": "the layer", "f1_f0": "2|R1|, Fourier: 0 to 2"}


def test_a_page_holds_its_table_and_says_what_it_is(table):
    page = pages.page(table, "units", "study & all", TEXT)
    assert "<title>study &amp; all: units</title>" in page
    assert "<p>One row a unit. Study study &amp; all, 2 rows;" in page
    assert "<dt>network, layer</dt><dd>the layer</dd>" in page
    data = json.loads(json.loads(re.search(r'"data_json": (".*"),$', page, re.M)[1]))
    assert data == [
        ["n", "a", 0.123456, "selective"],
        ["n&lt;b&gt;", "b", "___NaN___", ""],
    ]
    assert '"fixedColumns": {"start": 2}' in page
    assert re.search(r'"targets": \[2\]', page)


def test_a_page_is_the_same_again(table):
    assert pages.page(table, "units", "s", TEXT) == pages.page(table.copy(), "units", "s", TEXT)


def test_a_page_of_texts_alone(table):
    assert '"targets": []' in pages.page(table[["network"]], "units", "s", TEXT)


def test_captions_and_readme_say_the_same_of_columns():
    """Each meaning in README is in the table's caption, in the same words."""
    readme = (ROOT / "README.md").read_text()
    said = {meaning for text in TEXTS.values() for meaning in pages.meanings(text)[1].values()}
    found = 0
    for table in re.findall(r"^\| column \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", readme, re.M):
        for meaning in re.findall(r"^\| .+? \| (.+) \|$", table, re.M):
            plain = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", meaning)
            assert re.sub(r"[\\`]", "", plain) in said
            found += 1
    assert found > 40
