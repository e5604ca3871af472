"""A place for the stores of one test: the prefix they are made with, and all rows they have under it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Optional, TypeVar

import found

T = TypeVar("T")


class Place:
    """`place.prefix` is for `make`; `place.rows()` is what is under it, in the keys of whatever store."""

    def __init__(self, db: found.Database) -> None:
        self.db = db
        self.prefix = ("found-test", secrets.token_hex(6))

    def spans(self) -> list[tuple[bytes, bytes]]:
        """The keys that begin with the prefix, and those that begin with a tuple that begins with it."""
        flat = found.pack(self.prefix)
        nested = found.pack((self.prefix,))[:-1]
        return [(flat, flat + b"\xff"), (nested, found.next_prefix(nested))]

    async def rows(self, tx: Optional[found.Transaction] = None) -> dict[bytes, bytes]:
        """What is there, by key: as committed, or as a transaction sees it."""
        tx = found.make_transaction(self.db) if tx is None else tx
        pages = [await found.all(found.query(tx, *span)) for span in self.spans()]
        return dict(row for page in pages for row in page)

    async def put(self, pairs: dict[bytes, bytes]) -> None:
        """Commit rows as they are."""
        tx = found.make_transaction(self.db)
        for key, value in pairs.items():
            found.set(tx, key, value)
        await found.commit(tx)

    async def drop(self, *keys: bytes) -> None:
        """Take rows away."""
        tx = found.make_transaction(self.db)
        for key in keys:
            found.clear(tx, key)
        await found.commit(tx)

    async def run(self, body: Callable[..., Awaitable[T]], *args: Any, **kwargs: Any) -> T:
        """`found.transactional` on the database."""
        return await found.transactional(self.db, body, *args, **kwargs)

    async def clear(self) -> None:
        tx = found.make_transaction(self.db)
        for span in self.spans():
            found.clear(tx, *span)
        await found.commit(tx)
