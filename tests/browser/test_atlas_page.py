"""The atlas in a real browser, opened from disk."""

import io
import json
import re

import numpy as np
import pytest
from atlases import LAYERS, UNITS, address, large, read_units
from axe_playwright_python.sync_playwright import Axe
from PIL import Image


@pytest.fixture(scope="session")
def tiny(study):
    """Folder of the tiny study's results."""
    return study / "results" / "tiny"


@pytest.fixture(scope="session")
def big(tmp_path_factory):
    """Folder of a large made-up study."""
    folder = tmp_path_factory.mktemp("big")
    large(folder)
    return folder


def visit(page, folder, view=""):
    """Open the atlas at a view and wait until its map is drawn."""
    page.goto("about:blank")  # else only the view would change
    page.goto(address(folder) + view)
    page.wait_for_selector("#scatter .main-svg")
    return page


def listed(page):
    """Units that have a card, in order, after scrolling to the end."""
    total = int(page.inner_text("#status").split(" of ")[0].split()[-1])
    while page.locator(".card").count() < total:
        page.locator("#more").scroll_into_view_if_needed()
        page.mouse.wheel(0, 20000)
    return page.locator(".card").evaluate_all("cards => cards.map(card => card.dataset.unit)")


def names(units):
    return (units.network + "/" + units.layer + "/" + units.channel.astype(str)).tolist()


def picture(locator):
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB")).astype(int)


def shows(seen, pixels, zoom):
    """Whether a screenshot shows just these pixels, each enlarged to a square.

    An element may begin within a pixel of the screen, whose picture then has one more.
    """
    enlarged = np.kron(pixels, np.ones((zoom, zoom, 1), int))
    height, width = enlarged.shape[:2]
    cuts = [seen[y : y + height, x : x + width] for y in (0, 1) for x in (0, 1)]
    return any(np.array_equal(cut, enlarged) for cut in cuts)


@pytest.mark.parametrize("folder", ["tiny", "big"])
def test_every_unit_has_a_card_and_every_placed_one_a_point(page, request, folder):
    folder = request.getfixturevalue(folder)
    units = read_units(folder)
    visit(page, folder)
    assert listed(page) == names(units)
    placed = units.f1_f0.notna() & (units.path_retention - units.control_retention).notna()
    points = page.locator("#scatter .scatterlayer .point")
    assert points.count() == placed.sum()
    away = len(units) - placed.sum()
    said = f"{away} of {len(units)} units lack one of the two indices." if away else ""
    assert page.inner_text("#unplaced") == said


def test_thumbnails_are_the_pixels_of_the_stimuli(page, tiny):
    visit(page, tiny)
    row = read_units(tiny).iloc[0]
    seen = picture(page.locator(".card .crop").first)
    sheet = np.asarray(
        Image.open(tiny / f"atlas/units/{row.network}/{row.layer}/{row.channel}.png")
    ).astype(int)
    zoom = 48 // row.rf
    strip = sheet[: row.rf, : 3 * row.rf]
    assert shows(seen, strip, zoom)


def test_series_and_texture_are_the_pixels_of_the_sheet(page, tiny):
    page.emulate_media(reduced_motion="reduce")
    row = read_units(tiny).iloc[1]
    name = f"{row.network}/{row.layer}/{row.channel}"
    visit(page, tiny, f"#unit={name}")
    page.get_by_label("phase of the picture").fill("2")
    sheet = np.asarray(Image.open(tiny / f"atlas/units/{name}.png")).astype(int)
    side = row.rf
    parts = {
        "figure:has(#loop) .crop": (sheet[side : 2 * side, 2 * side : 3 * side], 192 // side),
        ".crop:has(img[alt^=texture])": (sheet[2 * side :, : 2 * side - 1], 230 // (2 * side - 1)),
    }
    for selector, (pixels, zoom) in parts.items():
        box = page.locator(f"#unit {selector}")
        box.evaluate("box => box.scrollIntoView({block: 'center'})")
        assert shows(picture(box), pixels, zoom)


def test_screenshot_is_not_empty(page, big):
    visit(page, big)
    page.wait_for_function("document.querySelector('.card img').complete")
    seen = picture(page)
    colours, counts = np.unique(seen.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) > 1000
    assert counts.max() < 0.9 * counts.sum()
    for part in ("#scatter", ".card"):
        seen = picture(page.locator(part).first)
        assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 50


@pytest.mark.parametrize("view", ["#sort=f1_f0", "#find=29"])
def test_pictures_of_all_cards_on_the_screen_are_read(page, big, view):
    visit(page, big, view)
    page.wait_for_function(
        "[...document.querySelectorAll('.card img')]"
        ".filter(image => image.parentElement.getBoundingClientRect().top < innerHeight)"
        ".every(image => image.naturalWidth)"
    )


def test_dragging_zooms_in_where_that_is_asked_for(page, big):
    visit(page, big, "#layer=conv0&y=warp_p&drag=zoom")
    area = page.locator("#scatter .nsewdrag").bounding_box()
    page.mouse.move(area["x"] + 50, area["y"] + 50)
    page.mouse.down()
    page.mouse.move(area["x"] + 150, area["y"] + 150, steps=5)
    page.mouse.up()
    across = "document.getElementById('scatter').layout.xaxis.range"
    span = f"({across}[1] - {across}[0])"
    page.wait_for_function(f"{span} < 0.5")
    page.select_option("#colour", "label")
    assert page.evaluate(span) < 0.5
    assert f"{UNITS} of {LAYERS * UNITS} units" in page.inner_text("#status")


def test_large_atlas_reads_pictures_and_numbers_when_they_are_needed(page, big):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    visit(page, big)
    page.wait_for_timeout(500)
    assert (big / "atlas" / "index.html").stat().st_size < 20_000
    assert 0 < sum(url.endswith(".png") for url in asked) < 200
    numbers = [url for url in asked if "/blocks/" in url and url.endswith(".js")]
    assert not numbers
    assert page.locator(".card img:not([loading=lazy])").count() == 0
    assert "3000 of 3000 units" in page.inner_text("#status")
    assert page.locator(".card").count() < 300
    page.locator(".card").first.click()
    page.wait_for_selector("dialog[open]")
    page.wait_for_selector("#unit .plot-container")
    numbers = [url for url in asked if "/blocks/" in url and url.endswith(".js")]
    assert len(numbers) == 1


def test_filters_keep_the_units_that_the_table_says(page, big):
    units = read_units(big)
    visit(page, big)
    page.select_option("#network", "net1")
    assert f"{5 * UNITS} of {LAYERS * UNITS} units" in page.inner_text("#status")
    layers = page.locator("#layer option").all_inner_texts()
    assert layers == ["all", "conv1", "conv3", "conv5", "conv7", "conv9"]
    page.select_option("#layer", "conv3")
    page.select_option("#label", "phase-invariant")
    kept = units[(units.layer == "conv3") & (units.label == "phase-invariant")]
    assert listed(page) == names(kept)
    assert page.locator("#scatter .scatterlayer .point").count() == kept.f1_f0.notna().sum()
    page.select_option("#label", "none")
    page.fill("#find", "1")
    kept = units[(units.layer == "conv3") & (units.label == "")]
    assert listed(page) == names(kept[kept.channel.astype(str).str.startswith("1")])
    page.click("#reset")
    assert f"{LAYERS * UNITS} of {LAYERS * UNITS} units" in page.inner_text("#status")


@pytest.mark.parametrize("order", ["up", "down"])
def test_sorting_puts_units_without_the_index_last(page, big, order):
    units = read_units(big).query("layer == 'conv4'")
    visit(page, big, "#layer=conv4")
    page.select_option("#sort", "f1_f0")
    page.select_option("#order", order)
    ranked = units.sort_values("f1_f0", ascending=order == "up", kind="stable")
    assert listed(page) == names(ranked)


def test_a_view_has_a_link_and_the_link_the_view(page, big):
    visit(page, big)
    page.select_option("#network", "net0")
    page.select_option("#sort", "warp_p")
    page.select_option("#x", "warp_p")
    page.locator(".card").nth(2).click()
    page.wait_for_selector("dialog[open]")
    view = "#" + page.url.split("#")[1]
    title, cards = page.inner_text("#unit-title"), listed(page)
    visit(page, big, view)
    page.wait_for_selector("dialog[open]")
    assert page.inner_text("#unit-title") == title
    assert listed(page) == cards
    assert page.input_value("#x") == "warp_p"
    unit = re.search(r"unit=([\w/]+)", view).group(1)
    assert unit == cards[2]


def test_back_button_closes_a_unit_and_keeps_the_list(page, big):
    visit(page, big, "#layer=conv2")
    page.locator(".card").nth(1).click()
    page.wait_for_selector("dialog[open]")
    page.go_back()
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.url.endswith("#layer=conv2")
    page.go_forward()
    page.wait_for_selector("dialog[open]")


def test_a_link_to_what_is_not_there_says_so(page, tiny):
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/99&network=none&sort=nothing")
    said = page.inner_text("#status")
    for missing in ("unit vgg16_untrained/conv2_1/99", "network none", "sort nothing"):
        assert missing in said
    assert page.locator("dialog[open]").count() == 0


def test_unit_shows_its_numbers_pictures_and_records(page, tiny):
    units = read_units(tiny)
    row = units[units.network == "resnet50_untrained_0"].iloc[1]
    visit(page, tiny, f"#unit={row.network}/{row.layer}/{row.channel}")
    page.wait_for_selector("dialog[open] .plot-container")
    assert page.inner_text("#unit-title").startswith(
        f"{row.network} {row.layer} unit {row.channel}"
    )
    table = {
        cells[0].split(" (")[0]: cells[1]
        for cells in page.locator("#unit tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
        )
    }
    assert float(table["F1/F0"]) == pytest.approx(row.f1_f0, rel=0.01)
    retained = table["response kept along own warps"]
    assert float(retained) == pytest.approx(row.path_retention, rel=0.01)
    # All pictures have words, and all that are read are there.
    alts = page.locator("#unit .crop img").evaluate_all("all => all.map(image => image.alt)")
    assert all(alts)
    assert sum(alt.startswith("diverse stimulus") for alt in alts) == 3
    assert sum(alt.startswith("random restart") for alt in alts) == 3
    page.wait_for_function(
        "[...document.querySelectorAll('#unit img')].every(i => i.complete && i.naturalWidth)"
    )
    links = page.locator("#unit a[href$='.record.json']")
    addresses = links.evaluate_all("links => links.map(link => link.href)")
    assert len(addresses) == 4
    for link in addresses:
        page.goto(link)
        record = json.loads(page.inner_text("pre"))
        assert record["id"]
    assert "units" in addresses[-1]


def test_model_cells_are_ticks_of_every_comparable_index(page, tiny):
    cells = read_units(tiny).query("truth != ''")
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/1")
    page.wait_for_selector("dialog[open] .plot-container")
    chart = page.locator("#unit .chart").last
    chart.scroll_into_view_if_needed()
    traces = chart.evaluate("chart => chart.data.map(t => [t.name, t.x[0], t.xaxis])")
    f1_f0 = {name: x for name, x, axis in traces if axis == "x" and name.endswith(" cell")}
    expected = {f"{cell.truth} cell": cell.f1_f0 for cell in cells.itertuples()}
    assert f1_f0 == pytest.approx(expected)
    axes = chart.evaluate("chart => Object.keys(chart.layout).filter(k => /^xaxis/.test(k)).length")
    assert len({axis for name, _, axis in traces if name.endswith(" cell")}) > 5
    assert {axis for name, _, axis in traces if name == "this unit"} == {
        f"x{number or ''}" for number in [0, *range(2, axes + 1)]
    }


def test_series_over_phase_runs_stops_and_follows_the_slider(page, tiny):
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/1")
    page.wait_for_selector("#loop")
    image = page.locator("#unit figure:has(#loop) img")
    places = {image.evaluate("image => image.style.left")}
    for _ in range(20):
        page.wait_for_timeout(100)
        places.add(image.evaluate("image => image.style.left"))
    assert len(places) > 4
    page.keyboard.press("Escape")
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/1")
    page.click("#loop")
    assert page.inner_text("#loop") == "Run"
    slider = page.get_by_label("phase of the picture")
    slider.fill("2")
    width = image.evaluate("image => parseFloat(image.parentElement.style.width)")
    assert image.evaluate("image => parseFloat(image.style.left)") == pytest.approx(-2 * width)
    assert "90°" in page.inner_text("#unit figure:has(#loop) figcaption")


def test_series_stands_still_for_who_wants_less_motion(page, tiny):
    page.emulate_media(reduced_motion="reduce")
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/1")
    page.wait_for_selector("#loop")
    assert page.inner_text("#loop") == "Run"


def test_keys(page, big):
    visit(page, big)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    focused = "document.activeElement.dataset.unit"
    assert page.evaluate(focused) == "net0/conv0/1"
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.getElementById('unit-title').textContent.includes('unit 2')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert "unit=" not in page.url
    page.keyboard.press("/")
    page.keyboard.type("conv7 12")
    assert page.locator(".card").first.get_attribute("data-unit") == "net1/conv7/12"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()


def test_dragging_over_points_keeps_their_units(page, big):
    units = read_units(big)
    visit(page, big, "#layer=conv0&y=warp_p")
    area = page.locator("#scatter .nsewdrag").bounding_box()
    start = area["x"] + 2, area["y"] + 2
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + area["width"] / 2, start[1] + area["height"] - 4, steps=8)
    page.mouse.up()
    page.wait_for_function("document.getElementById('status').textContent.includes('dragged')")
    low, high = (
        page.evaluate("document.getElementById('scatter').layout.selections[0]['x0']"),
        (page.evaluate("document.getElementById('scatter').layout.selections[0]['x1']")),
    )
    own = units[units.layer == "conv0"]
    assert listed(page) == names(own[own.f1_f0.between(min(low, high), max(low, high))])
    page.mouse.dblclick(*start)
    page.wait_for_function("!document.getElementById('status').textContent.includes('dragged')")
    assert f"{UNITS} of {LAYERS * UNITS} units" in page.inner_text("#status")


def test_the_list_goes_on_wherever_one_is_in_it(page, big):
    page.set_viewport_size(dict(width=2560, height=2160))
    visit(page, big)
    page.mouse.wheel(0, 4000)
    page.wait_for_timeout(300)
    page.select_option("#layer", "conv3")
    assert len(listed(page)) == UNITS
    page.click("#reset")
    page.wait_for_function("document.querySelectorAll('.card').length > 100")


def test_units_without_a_place_on_a_logarithmic_axis_are_counted(page, tmp_path):
    units = large(tmp_path, layers=1, a_max=np.linspace(-2, 5, UNITS))
    visit(page, tmp_path, "#x=a_max&y=warp_p")
    away = (units.a_max <= 0).sum()
    assert page.locator("#scatter .scatterlayer .point").count() == UNITS - away
    assert page.inner_text("#unplaced").startswith(f"{away} of {UNITS} units lack")
    page.goto(address(tmp_path) + "#unit=net0/conv0/0")
    page.wait_for_selector("dialog[open] .plot-container")


def test_stepping_through_units_leaves_nothing_behind(page, big):
    visit(page, big, "#layer=conv2&unit=net0/conv2/0")
    page.wait_for_selector("dialog[open] .plot-container")

    def elements():
        return page.evaluate("document.querySelectorAll('*').length")

    before = elements()
    for unit in range(1, 6):
        page.keyboard.press("j")
        page.wait_for_function(f"document.title.includes('unit {unit} ')")
        page.wait_for_selector("dialog[open] .plot-container")
    page.wait_for_timeout(300)
    assert elements() < 1.1 * before
    assert page.locator("body > svg").count() <= 1  # Plotly's place to measure texts


def test_focus_stays_where_one_is(page, big):
    visit(page, big, "#layer=conv2")
    page.locator(".card").nth(1).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#unit .plot-container")
    page.focus("#next")
    for unit in (2, 3):
        page.keyboard.press("Enter")
        page.wait_for_function(f"document.title.includes('unit {unit} ')")
    assert page.evaluate("document.activeElement.id") == "next"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    assert page.evaluate("document.activeElement.dataset.unit") == "net0/conv2/3"


def test_theme_turns_without_losing_the_place(page, tiny):
    page.emulate_media(reduced_motion="reduce")
    visit(page, tiny, "#unit=vgg16_untrained/conv2_1/1")
    page.wait_for_selector("#unit .plot-container")
    page.evaluate("document.getElementById('unit').scrollTop = 400")
    page.keyboard.press("t")
    page.wait_for_timeout(300)
    assert page.evaluate("document.getElementById('unit').scrollTop") == 400
    assert page.inner_text("#loop") == "Run"


def test_back_after_closing_keeps_what_was_chosen_since(page, big):
    visit(page, big, "#layer=conv2")
    page.locator(".card").nth(1).click()
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    page.select_option("#network", "net1")
    page.go_back()
    page.wait_for_timeout(200)
    assert page.locator("dialog[open]").count() == 0


def test_numbers_that_are_not_there_are_missed_in_words(chromium, tmp_path):
    large(tmp_path, layers=1)
    (tmp_path / "atlas/blocks/net0/conv0/0000-0299.js").unlink()
    page = chromium.new_page()  # without the fixture, as the console tells of the file, too
    visit(page, tmp_path, "#unit=net0/conv0/3")
    page.wait_for_selector("#unit .missing")
    said = page.inner_text("#unit .missing")
    assert "0000-0299.js cannot be read" in said
    page.close()


@pytest.mark.parametrize("unit", ["constructor", "__proto__", "n/l/x"])
def test_no_link_names_what_all_objects_have(page, tiny, unit):
    visit(page, tiny, f"#unit={unit}&theme=pink&keep=1,2")
    said = page.inner_text("#status")
    assert all(word in said for word in (f"unit {unit}", "theme pink", "keep 1,2"))


def test_a_point_shows_its_stimuli_and_opens_its_unit(page, tiny):
    visit(page, tiny, "#network=ground_truth")
    point = page.locator("#scatter .scatterlayer .point").first
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#tip:not([hidden]) img")
    name = page.inner_text("#tip strong")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("dialog[open]")
    assert page.inner_text("#unit-title").startswith(name)


def test_dark_and_light(page, tiny):
    ground = "getComputedStyle(document.body).backgroundColor"
    page.emulate_media(color_scheme="dark")
    visit(page, tiny)
    dark = page.evaluate(ground)
    page.click("#theme")
    light = page.evaluate(ground)
    assert dark != light
    assert "theme=light" in page.url
    page.emulate_media(color_scheme="light")
    visit(page, tiny)
    assert page.evaluate(ground) == light
    page.keyboard.press("t")
    assert page.evaluate(ground) == dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "view", ["", "#unit=vgg16_untrained/conv2_1/1", "#unit=ground_truth/cells/1"]
)
def test_nothing_hinders_access(page, tiny, scheme, view):
    page.emulate_media(color_scheme=scheme)
    visit(page, tiny, view)
    if view:
        page.wait_for_selector("dialog[open] .plot-container")
    # Without preloading, which asks for the style by a request that files do not answer.
    found = Axe().run(page, options=dict(resultTypes=["violations"], preload=False))
    assert found.violations_count == 0, found.generate_report()
