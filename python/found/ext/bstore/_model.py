"""The handle of a blob store, its keys, and what is known of a blob beside its bytes."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, NamedTuple, Optional, Union, cast
from uuid import UUID

import found
from found.ext import _store

CHUNK = _store.MAX_VALUE
"""Bytes in each row of a blob but the last, which has what is left."""

BytesLike = Union[bytes, bytearray, memoryview]


class BStoreException(found.BaseFoundException):
    """What cannot be stored, is not there, or is damaged. Nothing was written."""


class BStore(NamedTuple):
    """A store of blobs; `make` returns it."""

    name: str
    prefix: tuple[Any, ...]
    prefix_hash: tuple[Any, ...]
    """(prefix_hash, digest) -> uid: which blob has this content."""
    prefix_blob: tuple[Any, ...]
    """(prefix_blob, uid, index) -> chunk: the bytes, `CHUNK` a row."""
    prefix_state: tuple[Any, ...]
    """(prefix_state, uid) -> (digest, size) of a blob, (versionstamp,) of what is still being written."""


class Stat(NamedTuple):
    """What is known of a blob."""

    uid: UUID
    size: int
    """Bytes."""
    digest: bytes
    """blake2b, 64 bytes."""


class Writing(NamedTuple):
    """The state of a blob whose writer has not published it: nobody knows its uid but the writer."""

    version: int
    """The version at which its writer was last heard of."""


State = Union[Stat, Writing]


def check_store(bstore: object) -> BStore:
    if not isinstance(bstore, BStore):
        raise TypeError(f"bstore must be what bstore.make returns, not {type(bstore).__name__}")
    return bstore


def check_uid(uid: object) -> UUID:
    if not isinstance(uid, UUID):
        raise BStoreException(
            f"uid must be a uuid.UUID, not {type(uid).__name__}: {_store.shown(uid)}"
        )
    return uid


def check_bytes(blob: object, what: str) -> memoryview:
    """What is bytes-like as a flat view of its bytes."""
    if not isinstance(blob, (bytes, bytearray, memoryview)):
        raise BStoreException(
            f"{what} must be bytes, not {type(blob).__name__}: {_store.shown(blob)}"
        )
    view = memoryview(cast("BytesLike", blob))
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    return view.cast("B")


def check_span(begin: object, end: object) -> tuple[int, Optional[int]]:
    """Where a read of a blob begins and ends, in bytes; None for its end."""
    for name, place in (("begin", begin), ("end", end)):
        if place is None and name == "end":
            continue
        if isinstance(place, bool) or not isinstance(place, int):
            raise TypeError(f"{name} must be an int, not {type(place).__name__}")
        if place < 0:
            raise ValueError(f"{name} must be 0 or more, not {place}")
    assert isinstance(begin, int) and (end is None or isinstance(end, int))
    return begin, end


def hash_key(store: BStore, digest: bytes) -> bytes:
    return found.pack((store.prefix_hash, digest))


def state_key(store: BStore, uid: UUID) -> bytes:
    return found.pack((store.prefix_state, uid))


def chunk_span(store: BStore, uid: UUID) -> tuple[bytes, bytes]:
    """The range of a blob's chunks."""
    head = found.pack((store.prefix_blob, uid))
    return head, head + b"\xff"


def chunk_keys(store: BStore, uid: UUID, begin: int, end: int) -> list[bytes]:
    """The keys of the chunks from `begin` up to `end`."""
    head = found.pack((store.prefix_blob, uid))
    return [head + found.pack((index,)) for index in range(begin, end)]


def whole_span(prefix: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """The range of all rows `(prefix, ...)`: the rows nest the prefix, so they go on inside its tuple's terminator."""
    return _store.span((prefix,))


def digest_of(blob: BytesLike) -> bytes:
    return blake2b(blob).digest()


def state_of(uid: UUID, row: Optional[bytes]) -> Optional[State]:
    """What a row of states says; None if there is none, as for the blobs of 0.13.

    Raises:
        BStoreException: it says nothing that this store writes.
    """
    if row is None:
        return None
    try:
        items = found.unpack(row)
    except ValueError:
        items = ()
    if len(items) == 1 and isinstance(items[0], found.Versionstamp):
        return Writing(int.from_bytes(items[0].to_bytes()[:8], "big"))
    if len(items) == 2 and isinstance(items[0], bytes) and isinstance(items[1], int):
        return Stat(uid, items[1], items[0])
    raise BStoreException(f"the state of blob {uid} is damaged: {_store.shown(row)}")


def packed_stat(digest: bytes, size: int) -> bytes:
    return found.pack((digest, size))


def uid_of(row: Optional[bytes]) -> Optional[UUID]:
    """The uid that a row of hashes names; None if there is no row, or one that names none."""
    return UUID(bytes=row) if row is not None and len(row) == 16 else None


def count_of(size: int) -> int:
    """Chunks of a blob of so many bytes."""
    return -(-size // CHUNK)


def missing(uid: UUID) -> BStoreException:
    return BStoreException(f"there is no blob {uid}")


def damaged(uid: UUID, what: str) -> BStoreException:
    return BStoreException(f"blob {uid} is damaged: {what}")
