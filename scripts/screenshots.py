"""Take the pictures of found-vnstore in docs/images/, from the demo, with the system's Chromium: `make screenshots`."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
SERVER = [
    sys.executable,
    "-m",
    "found.ext.vnstore.server",
    "--demo",
    "--database",
    "memory:",
    "--port",
    "0",
]


def main() -> None:
    """Start a server, and look at it."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium on this machine")
    FOLDER.mkdir(exist_ok=True)
    with (
        subprocess.Popen(SERVER, stderr=subprocess.PIPE, text=True) as server,
        sync_playwright() as driver,
    ):
        assert server.stderr is not None
        addresses = (re.search(r"running on (http://\S+)", line) for line in server.stderr)
        address = next(filter(None, addresses))[1]
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            _take(browser.new_context(viewport={"width": 1000, "height": 640}).new_page(), address)
            narrow = browser.new_context(
                viewport={"width": 360, "height": 640}, color_scheme="dark"
            ).new_page()
            narrow.goto(f"{address}/navigate/?uid=CDG")
            narrow.screenshot(path=FOLDER / "vnstore-phone.png")
        finally:
            browser.close()
            server.terminate()


def _take(page: Any, address: str) -> None:
    page.goto(f"{address}/history/")
    page.screenshot(path=FOLDER / "vnstore-history.png")
    page.get_by_role("link", name="Paris has a name for its largest airport").click()
    page.screenshot(path=FOLDER / "vnstore-change.png")
    page.goto(f"{address}/graph/?v=CDG")
    page.screenshot(path=FOLDER / "vnstore-graph.png")


if __name__ == "__main__":
    main()
