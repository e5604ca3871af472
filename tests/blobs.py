"""What the tests of blobs share: a store of their own, bytes to put into it, and its rows."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator
from hashlib import blake2b
from random import Random
from uuid import UUID

from stores import Place

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


def place(db: found.Database, store: BStore) -> Place:
    """Where the store's rows are."""
    where = Place(db)
    where.prefix = store.prefix
    return where


async def rows(db: found.Database, store: BStore) -> dict[bytes, bytes]:
    """All rows of the store, as committed."""
    return await place(db, store).rows()


async def put(db: found.Database, *pairs: tuple[bytes, bytes]) -> None:
    """Commit rows as they are."""
    await Place(db).put(dict(pairs))


async def drop(db: found.Database, *keys: bytes) -> None:
    await Place(db).drop(*keys)


async def clear(db: found.Database, store: BStore) -> None:
    await place(db, store).clear()


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
