"""The report in a browser, as a reader opens it from a folder: every figure, and every table."""

import re
import time

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from running import snakemake
from tiny import TINY

from invariscope import pages


@pytest.fixture(scope="module")
def report(study, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    code, printed = snakemake(study, TINY, "--report", path)
    assert code == 0, printed
    return path.as_uri()


@pytest.fixture
def opened(page, report):
    page.goto(report)
    page.wait_for_selector("#rulegraph canvas")
    return page


def open_category(page, name):
    """Open a stage from the menu; the rows that list its files."""
    page.evaluate("app.setView({navbarMode: 'menu'})")
    page.locator("nav li").get_by_text(name).click()
    return page.locator("nav tbody tr")


def test_first_page(opened):
    """What the study is, a graph of rules, and stages in the order of the analysis."""
    text = opened.locator("#app").inner_text()
    assert "Study tiny" in text
    assert "vgg16_untrained conv2_1, 3 units" in text
    menu = opened.locator("nav li").all_inner_texts()
    stages = ["1 Synthesis", "2 Phase", "3 Warp", "4 Invariance", "5 Comparison", "6 Tables"]
    assert [entry.strip() for entry in menu][-6:] == stages
    assert opened.locator("#rulegraph canvas").bounding_box()["height"] > 500
    # The name of the map leads to its caption.
    opened.get_by_role("link", name="map of all units").click()
    opened.locator("nav").get_by_text("Every unit by its phase invariance").wait_for()


def test_every_figure_opens_with_its_caption(opened):
    """Also in a low window, where none begins above its upper edge."""
    opened.set_viewport_size(dict(width=1280, height=300))
    shown = 0
    for category in opened.evaluate("Object.keys(categories)"):
        if category.endswith("Tables"):
            continue
        rows = open_category(opened, category)
        for index in range(rows.count()):
            rows.nth(index).locator("a").nth(0).click()
            picture = opened.locator("#app img[src^='data:image/svg']").last
            opened.wait_for_function("image => image.complete", arg=picture.element_handle())
            assert picture.evaluate("image => image.naturalWidth") > 300
            assert picture.bounding_box()["y"] >= 0
            rows.nth(index).locator("a").nth(1).click()
            caption = opened.locator("nav .prose").inner_text()
            assert len(caption) > 100
            assert "{{" not in caption
            open_category(opened, category)
            shown += 1
    assert shown == 14


def test_statistics_are_drawn(opened):
    opened.evaluate("app.setView({navbarMode: 'menu', content: 'stats'})")
    for name in ("runtimes", "timeline"):
        opened.wait_for_selector(f"#{name} canvas, #{name} svg")


def test_every_table_works_inside_the_report(opened, study):
    """Sorted by a number, and searched, in a frame that has no address of its own."""
    rows = open_category(opened, "6 Tables")
    names = [text.strip() for text in rows.all_inner_texts()]
    assert len(names) == 9
    for index, name in enumerate(names):
        rows.nth(index).locator("a").nth(0).click()
        frame = opened.frame_locator("iframe")
        frame.locator("h1", has_text=name).wait_for()
        count = len(pd.read_csv(study / f"results/tiny/tables/{name}.csv"))
        frame.get_by_text(re.compile(f"of {count} entr")).wait_for()
    rows.filter(has_text="units").locator("a").nth(0).click()
    frame = opened.frame_locator("iframe")
    frame.get_by_text("of 7 entries").wait_for()
    table = pd.read_csv(study / "results/tiny/tables/units.csv")
    assert sort(frame, table, "f1_f0", "ascending") == pytest.approx(
        sorted(table.f1_f0), rel=0.01, abs=1e-6
    )
    frame.get_by_role("searchbox").fill("conv2_1 selective")
    expected = ((table.layer == "conv2_1") & (table.label == "selective")).sum()
    assert frame.locator("tbody tr").count() == expected > 0


def sort(frame, table, name, order):
    """Click on a column's head; its numbers as they are then shown."""
    frame.locator("thead th").filter(has_text=re.compile(f"^{name}$")).first.click()
    frame.locator(f"thead th[aria-sort={order}]").filter(
        has_text=re.compile(f"^{name}$")
    ).first.wait_for()
    at = table.columns.get_loc(name) + 1
    texts = frame.locator(f"tbody tr td:nth-child({at})").all_inner_texts()
    return [float(text) if text else np.nan for text in texts]


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A table of 3,000 rows with missing numbers, and its page."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "network": "n",
            "layer": np.repeat([f"l{n}" for n in range(30)], 100),
            "channel": np.tile(np.arange(100), 30),
            **{f"index_{n}": rng.lognormal(0, 6, 3000) for n in range(20)},
            "label": np.where(rng.random(3000) < 0.1, "both", None),
        }
    )
    table.loc[::7, "index_3"] = np.nan
    path = tmp_path_factory.mktemp("long") / "units.html"
    path.write_text(pages.page(table, "units", "made up", "Made up.\n\n:label: of a unit\n"))
    return table, path.as_uri()


def test_a_long_table_is_sorted_searched_and_paged(page, long):
    table, address = long
    start = time.monotonic()
    page.goto(address)
    page.get_by_text("1 to 25 of 3,000 entries").wait_for()
    assert time.monotonic() - start < 10
    assert page.title() == "made up: units"
    page.locator(".dt-paging-button.next").click()
    page.get_by_text("26 to 50 of 3,000 entries").wait_for()
    # By all digits and as numbers: 9 comes before 10, and missing ones count as the least.
    least = sort(page, table, "index_3", "ascending")
    assert np.isnan(least).all()
    largest = sort(page, table, "index_3", "descending")
    assert largest == pytest.approx(table.index_3.nlargest(25).tolist(), rel=0.005)
    page.get_by_role("searchbox").fill("both l7")
    count = ((table.label == "both") & (table.layer == "l7")).sum()
    page.get_by_text(f"of {count} entries (filtered from 3,000").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_readable(page, long, scheme):
    """Text stands out from what is behind it, by day and by night."""
    page.emulate_media(color_scheme=scheme)
    page.goto(long[1])
    page.get_by_text("1 to 25 of").wait_for()
    dark = page.evaluate("document.documentElement.classList.contains('dark')")
    assert dark == (scheme == "dark")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
