"""What the tests of queries of an nstore share: a store of people, and a query of it."""

from __future__ import annotations

from typing import Any

from stores import Place

import found
from found.ext import nstore
from found.ext.nstore import NStore

PEOPLE = [
    ("ann", "knows", "bob"),
    ("ann", "knows", "cid"),
    ("ann", "name", "Ann"),
    ("ann", "born", 1970),
    ("bob", "knows", "cid"),
    ("bob", "name", "Bob"),
    ("bob", "born", 1980),
    ("cid", "knows", "ann"),
    ("cid", "name", "Cid"),
    ("cid", "born", 1990),
    ("dan", "name", "Dan"),
]


def make(place: Place, n: int = 3) -> NStore:
    return nstore.make("test", (*place.prefix, "test"), n)


async def fill(place: Place, store: NStore, rows: Any) -> None:
    await nstore.load(place.db, store, rows)


async def people(place: Place) -> NStore:
    store = make(place)
    await fill(place, store, PEOPLE)
    return store


async def queried(place: Place, store: NStore, *patterns: Any, **options: Any) -> list[Any]:
    tx = found.make_transaction(place.db)
    return await found.all(nstore.query(tx, store, *patterns, **options))


async def in_pages(place: Place, store: NStore, *patterns: Any, limit: int, **o: Any) -> list[Any]:
    """All of a query, each page of it in a transaction of its own."""
    rows: list[Any] = []
    after = None
    while True:
        tx = found.make_transaction(place.db)
        results = nstore.query(tx, store, *patterns, limit=limit, after=after, **o)
        page = await found.all(results)
        assert len(page) <= limit
        rows += page
        after = results.continuation
        if after is None:
            return rows
        assert len(page) == limit
