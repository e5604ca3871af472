"""What tests write again and again: a run, an expected error, keys of one's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping
from typing import Any, Optional, TypeVar

import pytest

import found

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop of its own."""
    if os.environ.get("FOUND_TEST_EVENT_LOOP") == "uvloop":
        import uvloop

        return uvloop.run(coroutine)
    return asyncio.run(coroutine)


def fails_with(code: int) -> pytest.RaisesExc[found.FoundException]:
    """Expect an error of FoundationDB, by its code."""
    return pytest.raises(found.FoundException, match=f"^{code}: ")


class Space:
    """The keys of one test: `space(b"a")` is one, `space.end` is past all of them."""

    def __init__(self, db: found.Database, prefix: bytes) -> None:
        self.db = db
        self.prefix = prefix
        self.end = found.next_prefix(prefix)

    def __call__(self, suffix: bytes = b"") -> bytes:
        return self.prefix + suffix

    def within(self, suffix: bytes) -> Space:
        """A part of the space, as a space."""
        return Space(self.db, self(suffix))

    def suffix(self, key: bytes) -> bytes:
        """What a key has after the prefix of the space."""
        assert key.startswith(self.prefix), key
        return key[len(self.prefix) :]

    async def write(self, pairs: Mapping[bytes, Optional[bytes]]) -> int:
        """Commit these pairs, None for a clear, and return the version they were committed at."""
        tx = found.make_transaction(self.db)
        for suffix, value in pairs.items():
            if value is None:
                found.clear(tx, self(suffix))
            else:
                found.set(tx, self(suffix), value)
        await found.commit(tx)
        return found.get_committed_version(tx)

    async def read(self, tx: Optional[found.Transaction] = None) -> dict[bytes, bytes]:
        """What the space holds, by suffix: as committed, or as a transaction sees it."""
        tx = found.make_transaction(self.db) if tx is None else tx
        rows = await found.all(found.query(tx, self.prefix, self.end))
        return {self.suffix(key): value for key, value in rows}

    async def get(self, suffix: bytes) -> Optional[bytes]:
        """What is committed under one key."""
        return await found.get(found.make_transaction(self.db), self(suffix))
