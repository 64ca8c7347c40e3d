"""A real browser, Debian's Chromium, that has no network."""

import pytest
from playwright.sync_api import sync_playwright

LOCAL = "file:", "data:", "blob:"


@pytest.fixture(scope="session")
def chromium(request):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=request.config.getoption("chromium"))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    """A page of the browser. It must leave no error, and ask for nothing but files."""
    page = chromium.new_page(viewport=dict(width=1280, height=900))
    faults = []

    def asked(request):
        if not request.url.startswith(LOCAL):
            faults.append(f"asked for {request.url}")

    page.on("console", lambda said: said.type == "error" and faults.append(said.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(f"missing: {request.url}"))
    page.on("request", asked)
    yield page
    page.close()
    assert not faults
