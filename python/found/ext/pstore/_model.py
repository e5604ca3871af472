"""The handle of an inverted index, its keys, and how its rows are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional, cast
from uuid import UUID

import found
from found._zstd import zstd
from found.ext import _store, nstore
from found.ext._store import Rows
from found.ext.nstore import NStore

MAX_COUNT = 2**32 - 1
"""How often a document may have a term."""

Entries = dict[UUID, int]
"""What a document has: how often each token."""


class PStoreException(found.BaseFoundException):
    """What cannot be indexed or searched for, or is damaged. Nothing was written."""


class PStore(NamedTuple):
    """An inverted index; `make` returns it."""

    name: str
    prefix: tuple[Any, ...]
    tokens: NStore
    """(term, uid): the token that stands for a term in the other rows."""
    prefix_index: tuple[Any, ...]
    """(prefix_index, uid, docuid) -> (count, length): the documents that have a token; b"" from 0.13."""
    prefix_counters: tuple[Any, ...]
    """(prefix_counters, docuid) -> zstd(((uid, count), ...)): what a document has."""
    prefix_totals: tuple[Any, ...]
    """(prefix_totals, name) -> number of documents, sum of their lengths, and how far they were counted."""
    prefix_frequency: tuple[Any, ...]
    """(prefix_frequency, uid) -> number of documents that have a token."""


def make(name: str, prefix: tuple[Any, ...]) -> PStore:
    """Return a handle for the index under `prefix`.

    Args:
        name: a str, for people.
        prefix: a tuple or a list that can be packed. What else is under it belongs to the store.

    Raises:
        TypeError: `name` is no str, or `prefix` neither a tuple nor a list, or not one that can be packed.
    """
    _store.check_name(name)
    prefix = _store.check_prefix(prefix)
    tokens = nstore.make(f"{name}/tokens", (*prefix, b"\x01"), 2)
    others = [(*prefix, letter) for letter in (b"\x02", b"\x03", b"\x04", b"\x05")]
    return PStore(name, prefix, tokens, *others)


def check_store(pstore: object) -> PStore:
    if not isinstance(pstore, PStore):
        raise TypeError(f"pstore must be what pstore.make returns, not {type(pstore).__name__}")
    return pstore


# ---- keys


def token_span(store: PStore, term: str) -> tuple[bytes, bytes]:
    """The range of the tokens that stand for a term: one, but in a damaged store.

    Raises:
        PStoreException: the term cannot be stored.
    """
    try:
        head = found.pack((term,), store.tokens.heads[0])
    except ValueError as error:
        raise PStoreException(
            f"{store.name} cannot hold the term {_store.shown(term)}: {error}"
        ) from None
    # The key of the token in its longer index has the uid besides.
    if len(head) + 32 > _store.MAX_KEY:
        raise PStoreException(
            f"{store.name} cannot hold a term of {len(head):,} bytes: {_store.shown(term)}"
        )
    return head, head + b"\xff"


def posting_head(store: PStore, token: UUID) -> bytes:
    """What the keys of a token's postings begin with; a document's packed identifier follows."""
    return found.pack((store.prefix_index, token))


def counter_head(store: PStore) -> bytes:
    """What the keys of the counters begin with; a document's packed identifier follows, and the number of a part."""
    return found.pack((store.prefix_counters,))


def total_key(store: PStore, name: str) -> bytes:
    return found.pack((store.prefix_totals, name))


def frequency_key(store: PStore, token: UUID) -> bytes:
    return found.pack((store.prefix_frequency, token))


def packed_docuid(store: PStore, docuid: object) -> bytes:
    """A document's identifier as it is in keys.

    Raises:
        PStoreException: it cannot be in a key.
    """
    try:
        packed = found.pack((docuid,))
    except (TypeError, ValueError) as error:
        message = f"{store.name} cannot hold the docuid {_store.shown(docuid)}: {error}"
        raise PStoreException(message) from None
    if len(posting_head(store, UUID(int=0))) + len(packed) > _store.MAX_KEY:
        raise PStoreException(
            f"{store.name} cannot hold a docuid of {len(packed):,} bytes: {_store.shown(docuid)}"
        )
    return packed


def unpacked(key: bytes, skipped: int) -> tuple[Any, ...]:
    """The elements of a key after its prefix; none if they cannot be read."""
    try:
        return found.unpack(key, skipped)
    except ValueError:
        return ()


# ---- values


def packed_number(number: int) -> bytes:
    """An operand of `found.add`; a negative one is its two's complement."""
    return (number % 2**64).to_bytes(8, "little")


def number_of(row: Optional[bytes]) -> int:
    return int.from_bytes(row or b"", "little")


def packed_posting(count: int, length: int) -> bytes:
    return found.pack((count, length))


def posting_of(value: bytes) -> Optional[tuple[int, int]]:
    """How often the document has the token, and the document's length; None if its counter has to be asked."""
    try:
        count, length = found.unpack(value)
    except ValueError:
        return None
    valid = isinstance(count, int) and isinstance(length, int) and 0 < count <= length
    return (count, length) if valid else None


def packed_counter(entries: Entries) -> list[bytes]:
    """The values of a counter's rows: one, or as many as keep each within a value's limit."""
    items = tuple(entries.items())
    parts = 1
    while True:
        size = -(-len(items) // parts) or 1
        slices = [items[begin : begin + size] for begin in range(0, len(items), size)] or [()]
        values = [zstd.compress(found.pack(part)) for part in slices]
        if max(map(len, values)) <= _store.MAX_VALUE:
            return values
        parts += 1


def counter_of(store: PStore, packed: bytes, rows: Rows) -> Entries:
    """What the rows of a counter say.

    Raises:
        PStoreException: they are damaged.
    """
    entries: Entries = {}
    for _, value in rows:
        try:
            for token, count in found.unpack(zstd.decompress(value)):
                if not isinstance(token, UUID) or not isinstance(count, int) or count < 1:
                    raise ValueError(f"no token and its count: {token!r}, {count!r}")
                entries[token] = count
        except (zstd.ZstdError, ValueError, TypeError) as error:
            docuid = found.unpack(packed)[0]
            raise PStoreException(
                f"the counter of document {_store.shown(docuid)} in {store.name} is damaged: {error}"
            ) from None
    return entries


def checked_counter(store: PStore, counter: object) -> Mapping[str, int]:
    """A counter that can be indexed.

    Raises:
        PStoreException: it is no mapping of str to counts.
    """
    if not isinstance(counter, Mapping):
        raise PStoreException(
            f"counter must be a mapping of terms to counts, not {type(counter).__name__}: {_store.shown(counter)}"
        )
    for term, count in cast("Mapping[object, object]", counter).items():
        if not isinstance(term, str):
            raise PStoreException(
                f"a term must be a str, not {type(term).__name__}: {_store.shown(term)}"
            )
        if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_COUNT:
            raise PStoreException(
                f"the count of {_store.shown(term)} must be an int of 1 to {MAX_COUNT:,}, not {_store.shown(count)}"
            )
    return cast("Mapping[str, int]", counter)
