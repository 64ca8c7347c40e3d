"""How fast an atlas of 3,000 made-up units is made, and how fast it opens in Chromium from disk.

uv run python benchmarks/atlas.py /usr/bin/chromium
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "browser")]

from atlases import address, large  # noqa: E402

PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
WATCH = """
new MutationObserver(() => {
  for (const [name, what] of [['cards', '.card'], ['map', '#scatter .main-svg']]) {
    if (document.querySelector(what)) window.first[name] ??= performance.now();
  }
}).observe(document, {childList: true, subtree: true});
window.first = {};
"""
FILTER = "const start = performance.now(); go({network: 'net1'}); return performance.now() - start"


def opened(browser, folder):
    """Milliseconds until something is seen, cards are listed, the map is drawn, a filter done."""
    page = browser.new_page()
    page.add_init_script(WATCH)
    page.goto(address(folder))
    page.wait_for_selector("#scatter .main-svg")
    seen = page.evaluate("window.first")
    found = page.evaluate(PAINT), seen["cards"], seen["map"], page.evaluate(f"() => {{{FILTER}}}")
    page.close()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("chromium", help="path of its program")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        start = time.perf_counter()
        units = len(large(folder))
        print(f"{units} units, made in {time.perf_counter() - start:.1f} s; medians, ms:")
        browser = playwright.chromium.launch(executable_path=options.chromium)
        runs = [opened(browser, folder) for _ in range(options.repeats)]
        names = "first paint", "cards listed", "map drawn", "filtered"
        for name, times in zip(names, zip(*runs, strict=True), strict=True):
            print(
                f"  {name:13} {statistics.median(times):7.0f}   ({min(times):.0f}-{max(times):.0f})"
            )
        browser.close()


if __name__ == "__main__":
    main()
