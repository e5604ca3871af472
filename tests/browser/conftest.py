"""A real browser: Chromium as the system has it, driven by Playwright.

Where either is missing the tests are skipped, and say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from serving_process import started

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Containers run as root, where Chromium has no sandbox of its own.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo() -> Iterator[str]:
    """A server with the airports of the demo, which no test changes."""
    with started("--database", "memory:", "--demo") as server:
        yield server.address


@pytest.fixture
def empty() -> Iterator[str]:
    """A server with nothing in its store."""
    with started("--database", "memory:") as server:
        yield server.address
