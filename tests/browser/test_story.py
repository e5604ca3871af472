"""found-vnstore in a real browser: the whole story, without JavaScript too, on a phone, by keyboard, in the dark.

The browser is Chromium as the system has it, driven by Playwright; where either is missing the tests are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from serving_process import started

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
)

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser. Not for longer: while it is driven an event loop runs, and the tests of others start their own."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Containers run as root, where Chromium has no sandbox of its own.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo() -> Iterator[str]:
    """A server with the airports of the demo, which no test changes."""
    with started("--database", "memory:", "--demo") as server:
        yield server.address


@pytest.fixture
def empty() -> Iterator[str]:
    """A server with nothing in its store."""
    with started("--database", "memory:") as server:
        yield server.address


PAGES = [
    "/",
    "/history/",
    "/history/change/",
    "/navigate/",
    "/navigate/?uid=CDG",
    "/value/?v=FR",
    "/help/",
    "/nowhere/",
]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_change_is_made_reviewed_applied_gone_back_from_and_reverted(
    chromium: Any, empty: str, javascript: bool
) -> None:
    page = chromium.new_context(java_script_enabled=javascript).new_page()
    page.goto(empty)
    page.get_by_role("link", name="New change").first.click()
    page.get_by_label("description").fill("Where Ada lives")
    page.get_by_label("author").fill("Ada")
    page.get_by_role("button", name="Make the change").click()
    for key, value in (("city", "London"), ("born", "#i1815")):
        page.get_by_role("link", name="Add a tuple").click()
        page.get_by_label("uid", exact=True).fill("ada")
        page.get_by_label("key", exact=True).fill(key)
        page.get_by_label("value", exact=True).fill(value)
        page.get_by_role("button", name="Add").click()
    page.get_by_text("2 added, 0 removed").wait_for()
    assert page.get_by_role("row").filter(has_text="+ added").count() == 2

    page.get_by_role("link", name="Add a tuple").click()
    page.get_by_label("uid", exact=True).fill("#wrong")
    page.get_by_label("value", exact=True).fill("is kept")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("value", exact=True).input_value() == "is kept"
    page.get_by_role("link", name="Cancel").click()

    page.get_by_role("link", name="Apply…").click()
    page.get_by_text("Everybody will see these 2 edits").wait_for()
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("applied", exact=True).wait_for()

    page.get_by_role("link", name="New change").click()
    page.get_by_label("description").fill("She moved")
    page.get_by_role("button", name="Make the change").click()
    for doing, value in (("Remove", "London"), ("Add", "Paris")):
        page.get_by_role("link", name=f"{doing} a tuple").click()
        page.get_by_label("uid", exact=True).fill("ada")
        page.get_by_label("key", exact=True).fill("city")
        page.get_by_label("value", exact=True).fill(value)
        page.get_by_role("button", name=doing).click()
    page.get_by_role("link", name="Apply…").click()
    page.get_by_role("button", name="Apply").click()

    page.get_by_role("link", name="The tuples before it").click()
    page.get_by_role("cell", name="London").wait_for()
    assert page.get_by_role("cell", name="Paris").count() == 0
    page.get_by_label("as of").select_option(label="now")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("cell", name="Paris").wait_for()
    page.get_by_role("cell", name="Paris").get_by_role("link").click()
    page.get_by_role("heading", name="As value").wait_for()
    page.get_by_role("link", name="Its neighbourhood, as a graph").click()
    assert page.locator("svg a").count() == 2
    page.locator("svg a").nth(1).click()
    page.get_by_role("heading", name="Around ada").wait_for()

    page.get_by_role("link", name="History", exact=True).first.click()
    page.get_by_role("link", name="She moved").click()
    page.get_by_role("link", name="Revert…").click()
    page.get_by_role("button", name="Propose the revert").click()
    page.get_by_role("link", name="Apply…").click()
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name="Navigate").click()
    page.get_by_role("cell", name="London").wait_for()
    assert page.get_by_role("cell", name="Paris").count() == 0
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Any, demo: str, scheme: str) -> None:
    page = chromium.new_context(color_scheme=scheme).new_page()
    for path in [*PAGES, *_pages_of_changes(page, demo)]:
        page.goto(demo + path)
        found_by_axe = axe.Axe().run(page).response["violations"]
        serious = [
            (violation["id"], [node["html"] for node in violation["nodes"]])
            for violation in found_by_axe
            if violation["impact"] in ("serious", "critical")
        ]
        assert not serious, (path, serious)
    page.context.close()


def test_no_page_is_wider_than_a_phone(chromium: Any, demo: str) -> None:
    page = chromium.new_context(viewport={"width": 360, "height": 740}).new_page()
    for path in [*PAGES, *_pages_of_changes(page, demo)]:
        page.goto(demo + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.context.close()


def test_no_page_breaks_its_own_policy_or_asks_another_site(chromium: Any, demo: str) -> None:
    page = chromium.new_context().new_page()
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    for path in [*PAGES[:-1], *_pages_of_changes(page, demo)]:
        page.goto(demo + path)
    assert not complaints
    assert all(url.startswith(demo) for url in asked)
    page.context.close()


def test_the_keyboard_is_enough(chromium: Any, empty: str) -> None:
    page = chromium.new_context().new_page()
    page.goto(f"{empty}/history/change/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("typed")
    page.keyboard.press("Tab")
    page.keyboard.type("by hand")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="typed").wait_for()
    page.context.close()


def test_the_graph_can_be_walked_by_keyboard(chromium: Any, demo: str) -> None:
    page = chromium.new_context().new_page()
    page.goto(f"{demo}/graph/?v=CDG")
    page.locator("svg a").nth(1).focus()
    to = page.evaluate("document.activeElement.querySelector('title').textContent")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=f"Around {to}").wait_for()
    page.context.close()


def _pages_of_changes(page: Any, address: str) -> list[str]:
    """Every page that there is of the demo's changes, applied and open."""
    paths = ["/graph/?v=CDG", "/tuple/?uid=CDG&key=name&value=Paris+Charles+de+Gaulle"]
    for state, pages in (
        ("open", ["", "add/", "remove/", "apply/", "message/", "abandon/"]),
        ("applied", ["", "revert/", "restore/"]),
    ):
        page.goto(f"{address}/history/?state={state}")
        change = page.locator("tbody a").first.get_attribute("href")
        paths += [f"{change}{path}" for path in pages]
    return paths
