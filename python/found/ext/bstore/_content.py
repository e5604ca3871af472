"""Blobs in a transaction: stored under the digest of what they hold, read, described and deleted."""

from __future__ import annotations

from typing import Optional
from uuid import UUID, uuid4

import found
from found.ext import _store
from found.ext._store import Rows
from found.ext.bstore._model import (
    CHUNK,
    BStore,
    BStoreException,
    BytesLike,
    Stat,
    State,
    Writing,
    check_bytes,
    check_span,
    check_store,
    check_uid,
    chunk_keys,
    chunk_span,
    count_of,
    damaged,
    digest_of,
    hash_key,
    missing,
    packed_stat,
    state_key,
    state_of,
    uid_of,
)

MAX_TRANSACTION = 10_000_000
"""Bytes of a transaction (fdbclient/ServerKnobs.cpp, TRANSACTION_SIZE_LIMIT)."""


def make(name: str, prefix: tuple[object, ...]) -> BStore:
    """Return a handle for the blobs under `prefix`.

    Args:
        name: a str, for people.
        prefix: a tuple or a list that can be packed. What else is under it belongs to the store.

    Raises:
        TypeError: `name` is no str, or `prefix` neither a tuple nor a list, or not one that can be packed.
    """
    _store.check_name(name)
    prefix = _store.check_prefix(prefix)
    return BStore(name, prefix, (*prefix, b"\x01"), (*prefix, b"\x02"), (*prefix, b"\x03"))


async def get_or_create(tx: found.Transaction, bstore: BStore, blob: BytesLike) -> UUID:
    """Store a blob, unless there is one of the same content, and return its uid.

    Two transactions that store the same content at once conflict: the second one is tried again, and finds the blob
    of the first.

    Args:
        tx: a found.Transaction.
        bstore: a handle.
        blob: bytes, bytearray or memoryview. What does not fit in a transaction is for `write`.

    Raises:
        BStoreException: `blob` is not bytes or does not fit in a transaction; the row of its digest is damaged.
    """
    check_store(bstore)
    view = check_bytes(blob, "blob")
    size = len(view)
    uid = uuid4()
    keys = chunk_keys(bstore, uid, 0, count_of(size))
    # A set counts its key, its value and the two ends of its write conflict.
    written = size + sum(3 * len(key) + 64 for key in keys)
    if written > MAX_TRANSACTION:
        raise BStoreException(
            f"a blob of {size:,} bytes does not fit in a transaction of {MAX_TRANSACTION:,}: use bstore.write"
        )
    digest = digest_of(view)
    row = await found.get(tx, hash_key(bstore, digest))
    if row is not None:
        return _named(row, digest)
    found.set(tx, hash_key(bstore, digest), uid.bytes)
    found.set(tx, state_key(bstore, uid), packed_stat(digest, size))
    for index, key in enumerate(keys):
        found.set(tx, key, bytes(view[index * CHUNK : (index + 1) * CHUNK]))
    return uid


def _named(row: bytes, digest: bytes) -> UUID:
    uid = uid_of(row)
    if uid is None:
        raise BStoreException(
            f"the row of digest {digest.hex()} is damaged, it names no blob: {_store.shown(row)}"
        )
    return uid


async def get(
    tx: found.Transaction,
    bstore: BStore,
    uid: UUID,
    begin: int = 0,
    end: Optional[int] = None,
    *,
    verify: bool = False,
) -> bytes:
    """Return a blob, or a range of its bytes.

    Only the chunks that hold the range are read. A blob that a transaction has not the time or the memory for is for
    `read`.

    Args:
        tx: a found.Transaction.
        bstore: a handle.
        uid: the blob's.
        begin: the first byte, 0 or more. Past the end of the blob there is nothing: `b""`.
        end: the first byte that is not wanted; None, the default, for the end of the blob.
        verify: True to compare the blob with its digest; only of a whole blob.

    Raises:
        BStoreException: there is no such blob; bytes of it are missing or not what its digest says.
        TypeError: `begin` or `end` is no int.
        ValueError: `begin` or `end` is negative, or `verify` is asked for a range.
    """
    check_store(bstore)
    check_uid(uid)
    check_span(begin, end)
    whole = begin == 0 and end is None
    if verify and not whole:
        raise ValueError("verify compares a whole blob with its digest: leave begin and end out")
    first, past = chunk_span(bstore, uid)
    if begin >= CHUNK:
        first = first + found.pack((begin // CHUNK,))
    if end is not None:
        past = chunk_span(bstore, uid)[0] + found.pack((count_of(end),))
    # Both reads are under way before either is awaited.
    state_read = found.get(tx, state_key(bstore, uid))
    # An old blob has no state, and chunks of any size up to CHUNK: a range of it is cut from the whole.
    rows = await found.all(found.query(tx, first, max(first, past)))
    state = state_of(uid, await state_read)
    if isinstance(state, Writing):
        raise missing(uid)
    if state is None:
        content = await read_unstated(tx, bstore, uid, rows if whole else None)
        if verify:
            await check_unstated(tx, bstore, uid, content)
        return content[begin:end]
    check_chunks(bstore, state, rows, begin, end)
    skipped = begin // CHUNK * CHUNK
    content = b"".join([chunk for _, chunk in rows])
    if verify and digest_of(content) != state.digest:
        raise damaged(uid, "its bytes are not those of its digest")
    return content if whole else content[begin - skipped : None if end is None else end - skipped]


def check_chunks(
    store: BStore, stat: Stat, rows: Rows, begin: int = 0, end: Optional[int] = None
) -> None:
    """Check that these are the chunks that hold a range of a blob, none missing, short or too many.

    Raises:
        BStoreException: they are not.
    """
    end = stat.size if end is None else min(end, stat.size)
    indices = range(begin // CHUNK, max(count_of(end), begin // CHUNK))
    keys = chunk_keys(store, stat.uid, indices.start, indices.stop)
    for (key, chunk), index, expected in zip(rows, indices, keys):
        size = min(CHUNK, stat.size - index * CHUNK)
        if key != expected:
            raise damaged(stat.uid, f"chunk {index} is missing")
        if len(chunk) != size:
            raise damaged(stat.uid, f"chunk {index} has {len(chunk):,} bytes, not {size:,}")
    if len(rows) != len(keys):
        what = "is missing" if len(rows) < len(keys) else "is past its end"
        raise damaged(stat.uid, f"chunk {indices.start + min(len(rows), len(keys))} {what}")


async def read_unstated(
    tx: found.Transaction, store: BStore, uid: UUID, rows: Optional[Rows] = None
) -> bytes:
    """The content of a blob that has no state, as 0.13 has written it: all fit in a transaction.

    Raises:
        BStoreException: there is no such blob, or a chunk is missing.
    """
    if rows is None:
        rows = await found.all(found.query(tx, *chunk_span(store, uid)))
    for index, ((key, _), expected) in enumerate(zip(rows, chunk_keys(store, uid, 0, len(rows)))):
        if key != expected:
            raise damaged(uid, f"chunk {index} is missing")
    # The empty blob is a row of hashes and no chunk.
    if not rows and uid_of(await found.get(tx, hash_key(store, digest_of(b"")))) != uid:
        raise missing(uid)
    return b"".join([chunk for _, chunk in rows])


async def check_unstated(tx: found.Transaction, store: BStore, uid: UUID, content: bytes) -> None:
    """Check that the row of this content's digest names the blob.

    Raises:
        BStoreException: it does not.
    """
    if uid_of(await found.get(tx, hash_key(store, digest_of(content)))) != uid:
        raise damaged(uid, "the digest of its bytes names another blob, or none")


async def stat(tx: found.Transaction, bstore: BStore, uid: UUID) -> Stat:
    """Return the size and the digest of a blob, as it was stored.

    It is one read; a blob of 0.13 has to be read for it.

    Raises:
        BStoreException: there is no such blob.
    """
    check_store(bstore)
    check_uid(uid)
    state = await read_state(tx, bstore, uid)
    if isinstance(state, Stat):
        return state
    if state is not None:
        raise missing(uid)
    content = await read_unstated(tx, bstore, uid)
    return Stat(uid, len(content), digest_of(content))


async def read_state(tx: found.Transaction, store: BStore, uid: UUID) -> Optional[State]:
    return state_of(uid, await found.get(tx, state_key(store, uid)))


async def delete(tx: found.Transaction, bstore: BStore, uid: UUID) -> bool:
    """Delete a blob, for everyone who has its uid, and return whether it was there.

    A blob is shared by all who stored the same content, and the store does not know them. Where several may, keep rows
    that say who refers to a blob, and read them in the transaction that deletes it: a transaction that stores the
    content and writes such a row at the same time conflicts with it, and is tried again.

    Raises:
        BStoreException: `uid` is no UUID.
    """
    check_store(bstore)
    check_uid(uid)
    state = await read_state(tx, bstore, uid)
    if isinstance(state, Writing):
        return False
    if state is None:
        try:
            content = await read_unstated(tx, bstore, uid)
        except BStoreException:
            rows = await found.all(found.query(tx, *chunk_span(bstore, uid), limit=1))
            if not rows:
                return False
            content = b""
        digest = digest_of(content)
    else:
        digest = state.digest
    if uid_of(await found.get(tx, hash_key(bstore, digest))) == uid:
        found.clear(tx, hash_key(bstore, digest))
    forget(tx, bstore, uid)
    return True


def forget(tx: found.Transaction, store: BStore, uid: UUID) -> None:
    """Clear the chunks and the state of a blob."""
    found.clear(tx, *chunk_span(store, uid))
    found.clear(tx, state_key(store, uid))
