"""What the tests of blobs share: a store of their own, bytes to put into it, and its rows."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from hashlib import blake2b
from random import Random
from uuid import UUID

import found
from found.ext import bstore
from found.ext.bstore import BStore

CHUNK = 100_000
SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 350_001]


def a_store() -> BStore:
    """A store under a prefix that no other test has."""
    return bstore.make("blobs", ("found-test", secrets.token_hex(6)))


def blob(size: int, seed: int = 1) -> bytes:
    return Random(seed).randbytes(size)


def spans(store: BStore) -> list[tuple[bytes, bytes]]:
    """The ranges of the store's rows, wherever they lie."""
    nested = [found.pack(((*store.prefix, letter),)) for letter in (b"\x01", b"\x02", b"\x03")]
    return [(head, head + b"\xff") for head in [found.pack(store.prefix), *nested]]


async def rows(db: found.Database, store: BStore) -> dict[bytes, bytes]:
    """All rows of the store, as committed."""
    tx = found.make_transaction(db)
    pages = [await found.all(found.query(tx, *span)) for span in spans(store)]
    return dict(row for page in pages for row in page)


async def put(db: found.Database, *pairs: tuple[bytes, bytes]) -> None:
    """Commit rows as they are."""
    tx = found.make_transaction(db)
    for key, value in pairs:
        found.set(tx, key, value)
    await found.commit(tx)


async def drop(db: found.Database, *keys: bytes) -> None:
    tx = found.make_transaction(db)
    for key in keys:
        found.clear(tx, key)
    await found.commit(tx)


async def clear(db: found.Database, store: BStore) -> None:
    tx = found.make_transaction(db)
    for begin, end in spans(store):
        found.clear(tx, begin, end)
    await found.commit(tx)


def hash_row(store: BStore, content: bytes) -> bytes:
    return found.pack(((*store.prefix, b"\x01"), blake2b(content).digest()))


def chunk_row(store: BStore, uid: UUID, index: int) -> bytes:
    return found.pack(((*store.prefix, b"\x02"), uid, index))


def state_row(store: BStore, uid: UUID) -> bytes:
    return found.pack(((*store.prefix, b"\x03"), uid))


def as_0_13_has_it(store: BStore, uid: UUID, content: bytes) -> list[tuple[bytes, bytes]]:
    """The rows that 0.13 writes for a blob."""
    chunks = [content[place : place + CHUNK] for place in range(0, len(content), CHUNK)]
    return [
        (hash_row(store, content), uid.bytes),
        *((chunk_row(store, uid, index), chunk) for index, chunk in enumerate(chunks)),
    ]


async def in_pieces(content: bytes, size: int) -> AsyncGenerator[bytes, None]:
    for place in range(0, len(content), size):
        yield content[place : place + size]
