"""Documents in and out of the index."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Optional
from uuid import UUID, uuid4

import found
from found.ext import _store
from found.ext._store import Rows
from found.ext.nstore._tuples import keys as tuple_keys
from found.ext.pstore._model import (
    Entries,
    PStore,
    PStoreException,
    check_store,
    checked_counter,
    counter_head,
    counter_of,
    frequency_key,
    packed_counter,
    packed_docuid,
    packed_number,
    packed_posting,
    posting_head,
    token_span,
    total_key,
)

MAX_TRANSACTION = 10_000_000
"""Bytes of a transaction (fdbclient/ServerKnobs.cpp, TRANSACTION_SIZE_LIMIT)."""
ALL = b"\xff"
"""How far documents were counted, if all were: past any document's identifier."""
NOTHING = packed_number(0)


async def index(
    tx: found.Transaction, pstore: PStore, docuid: Any, counter: Mapping[str, int]
) -> None:
    """Index a document, in place of what was indexed for it before.

    Only what has changed is written: a document that is indexed once more as it is writes nothing.

    Args:
        tx: a found.Transaction.
        pstore: a handle.
        docuid: what `search` is to give for the document: anything that can be packed.
        counter: how often the document has each term: a mapping of str to int, 1 or more. `tokenize` makes one of
            text.

    Raises:
        PStoreException: `docuid` cannot be in a key, or `counter` is not such a mapping or too large for a
            transaction; or what is there for the document is damaged.
    """
    check_store(pstore)
    packed = packed_docuid(pstore, docuid)
    terms = checked_counter(pstore, counter)
    size = len(terms) * (8 * (len(posting_head(pstore, UUID(int=0))) + 64) + 3 * len(packed))
    size += sum(8 * len(term) for term in terms)
    if size > MAX_TRANSACTION:
        raise PStoreException(
            f"a document of {len(terms):,} different terms does not fit in a transaction of {MAX_TRANSACTION:,} bytes"
        )
    # Before the first read: a term that cannot be stored.
    spans = {term: token_span(pstore, term) for term in terms}
    old_rows = _counter_rows(tx, pstore, packed)
    counted = found.get(tx, total_key(pstore, "counted"))

    def look(term: str) -> Awaitable[Rows]:
        return found.all(found.query(tx, *spans[term]))

    tokens: dict[str, UUID] = {}
    async for term, rows in _store.pipelined(terms, look):
        if rows:
            tokens[term] = found.unpack(rows[0][0], len(spans[term][0]))[0]
    rows = await old_rows
    old = counter_of(pstore, packed, rows)
    entries: Entries = {}
    for term, count in terms.items():
        token = tokens.get(term)
        if token is None:
            token = uuid4()
            for key in tuple_keys(pstore.tokens, (term, token)):
                found.set(tx, key, b"")
        entries[token] = entries.get(token, 0) + count
    await _replace(tx, pstore, packed, (len(rows), old), await counted, entries)


async def remove(tx: found.Transaction, pstore: PStore, docuid: Any) -> bool:
    """Take a document out of the index, and return whether it was there.

    Raises:
        PStoreException: `docuid` cannot be in a key, or what is there for the document is damaged.
    """
    check_store(pstore)
    packed = packed_docuid(pstore, docuid)
    old_rows = _counter_rows(tx, pstore, packed)
    counted = found.get(tx, total_key(pstore, "counted"))
    rows = await old_rows
    if not rows:
        return False
    old = counter_of(pstore, packed, rows)
    await _replace(tx, pstore, packed, (len(rows), old), await counted, None)
    return True


def _counter_rows(tx: found.Transaction, store: PStore, packed: bytes) -> Awaitable[Rows]:
    key = counter_head(store) + packed
    return found.all(found.query(tx, key, key + b"\xff"))


async def _replace(
    tx: found.Transaction,
    store: PStore,
    packed: bytes,
    before: tuple[int, Entries],
    counted: Optional[bytes],
    entries: Optional[Entries],
) -> None:
    """Write what a document has, None for a document that is not, in place of what it had: rows, and what they say."""
    old_parts, old = before
    new = {} if entries is None else entries
    counter = counter_head(store)
    if counted is None:
        # Of an index that 0.13 has begun the statistics would be of some documents only, until a check counts all.
        # One that begins empty is counted from the start.
        first = await found.get_key(tx, found.gte(counter))
        if not first.startswith(counter):
            counted = ALL
            found.set(tx, total_key(store, "counted"), counted)
    in_totals = counted is not None and packed <= counted

    length, old_length = sum(new.values()), sum(old.values())
    for token, count in new.items():
        if old.get(token) != count or length != old_length:
            found.set(tx, posting_head(store, token) + packed, packed_posting(count, length))
        if in_totals and token not in old:
            found.add(tx, frequency_key(store, token), packed_number(1))
    for token in old:
        if token not in new:
            found.clear(tx, posting_head(store, token) + packed)
            if in_totals:
                found.add(tx, frequency_key(store, token), packed_number(-1))
                found.compare_and_clear(tx, frequency_key(store, token), NOTHING)
    if entries is None or old != new or not old_parts:
        _write_counter(tx, store, packed, old_parts, entries)
    if in_totals:
        documents = (entries is not None) - bool(old_parts)
        if documents:
            found.add(tx, total_key(store, "documents"), packed_number(documents))
        if length != old_length:
            found.add(tx, total_key(store, "length"), packed_number(length - old_length))


def _write_counter(
    tx: found.Transaction, store: PStore, packed: bytes, old_parts: int, entries: Optional[Entries]
) -> None:
    key = counter_head(store) + packed
    values = [] if entries is None else packed_counter(entries)
    if old_parts > len(values):
        found.clear(tx, key, key + b"\xff")
    for part, value in enumerate(values):
        # The first part is where 0.13 has the whole counter.
        found.set(tx, key + (found.pack((part,)) if part else b""), value)
