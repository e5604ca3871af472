"""found-vnstore without a socket: the application, its lifespan, and a browser with cookies that fills in forms."""

from __future__ import annotations

import asyncio
import contextlib
import html
import re
from collections.abc import AsyncIterator
from typing import Any, Optional

import httpx
import pytest

from found.ext import vnstore
from found.ext.vnstore.server import server
from found.ext.vnstore.server.site import Site

HOST = "http://127.0.0.1:8000"


class Browser:
    """Asks the application, in the same event loop."""

    def __init__(self, site: Site, headers: Optional[dict[str, str]] = None) -> None:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            # What uvicorn does with the state of the lifespan.
            await server({**scope, "state": {"site": site}}, receive, send)

        transport = httpx.ASGITransport(application, raise_app_exceptions=False)
        self.site = site
        self.client = httpx.AsyncClient(transport=transport, base_url=HOST, headers=headers)

    async def get(self, path: str, **query: str) -> httpx.Response:
        """A page."""
        return await self.client.get(path, params=query or None)

    async def submit(self, path: str, **fields: str) -> httpx.Response:
        """Fill in the form at a path, as it is shown, and send it."""
        return await self.send(path, token=await self.token(path), **fields)

    async def send(self, path: str, **fields: str) -> httpx.Response:
        """Send a form, with no other fields than these."""
        return await self.client.post(path, data=fields)

    async def token(self, path: str = "/history/change/") -> str:
        """The token of the form at a path."""
        page = await self.client.get(path)
        return re.findall(r'name="token" value="(\w+)"', page.text)[0]

    async def change(self, description: str = "a change", author: str = "") -> str:
        """A new change: the path of its page."""
        made = await self.submit("/history/change/", description=description, author=author)
        assert made.status_code == 303, made.text
        return made.headers["location"]

    async def applied(self, *tuples: tuple[str, ...], description: str = "a change") -> str:
        """A change that adds tuples, as they are typed, and is applied: the path of its page."""
        path = await self.change(description)
        for items in tuples:
            added = await self.submit(f"{path}add/", **dict(zip(self.site.store.items, items)))
            assert added.status_code == 303, added.text
        done = await self.submit(f"{path}apply/")
        assert done.status_code == 303, done.text
        return path

    async def json(self, path: str, **query: str) -> Any:
        """A page as a program gets it."""
        response = await self.client.get(
            path, params=query or None, headers={"accept": "application/json"}
        )
        return response.json()


@contextlib.asynccontextmanager
async def serving(
    monkeypatch: pytest.MonkeyPatch, database: str = "memory:", **settings: str
) -> AsyncIterator[Browser]:
    """The application between its start and its end, with settings as `FOUND_VNSTORE_*`."""
    for name, value in {"DATABASE": database, **settings}.items():
        monkeypatch.setenv(f"FOUND_VNSTORE_{name}", value)
    async with lifespan() as state:
        browser = Browser(state["site"])
        async with browser.client:
            yield browser


@contextlib.asynccontextmanager
async def lifespan() -> AsyncIterator[dict[str, Any]]:
    """What an ASGI server says to the application before and after its requests. RuntimeError: it did not start."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    answered: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    state: dict[str, Any] = {}
    task = asyncio.ensure_future(
        server({"type": "lifespan", "state": state}, asked.get, answered.put)
    )
    await asked.put({"type": "lifespan.startup"})
    started = await answered.get()
    if started["type"] == "lifespan.startup.failed":
        await task
        raise RuntimeError(started["message"])
    try:
        yield state
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        assert (await answered.get())["type"] == "lifespan.shutdown.complete"
        await task


def words(page: httpx.Response) -> str:
    """What a person reads on a page: its text, without its markup."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text)))


def uid_of(path: str) -> str:
    """The change that a path like `/history/u/.../` names."""
    return path.split("/")[3]


async def check(browser: Browser) -> None:
    """Whether the store is as it must be."""
    report = await vnstore.fsck(browser.site.db, browser.site.store)
    assert report.problems == 0, report.examples
