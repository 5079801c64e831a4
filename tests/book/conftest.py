"""A real browser for the tests of pages, with no network.

Needs Chromium (Debian: ``apt-get install chromium``) or Chrome; SCALINGLAB_BROWSER names one that stands
elsewhere.  Without a browser these tests are skipped, in continuous integration (CI=true) they fail.
"""

import os
import re
import shutil

import pytest
from playwright.sync_api import sync_playwright

ELSEWHERE = re.compile(r"^(?!file:|data:|blob:|about:)")


def find_browser():
    """Path of a Chromium or Chrome, or None."""
    named = os.environ.get("SCALINGLAB_BROWSER")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    path = find_browser()
    if path is None:
        message = "no browser found: install Chromium, or name one in SCALINGLAB_BROWSER"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def window(browser):
    """A window without a network, with a touch screen."""
    opened = browser.new_context(
        viewport={"width": 1280, "height": 900}, has_touch=True, offline=True, reduced_motion="reduce"
    )
    opened.route(ELSEWHERE, lambda route: route.abort())
    yield opened
    opened.close()
