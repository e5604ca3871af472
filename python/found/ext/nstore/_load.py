"""Many tuples at once, and the check of a store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Optional, cast

import found
from found.ext import _fsck, _store
from found.ext._fsck import Findings, Report, Scan
from found.ext._store import Progress, Rows, Source
from found.ext.nstore._tuples import (
    NStore,
    NStoreException,
    check_handle,
    check_value,
    keys,
)

# Reads that a transaction of a check sends: one for each row and index.
_READS = 4_000


async def load(
    db: found.Database,
    nstore: NStore,
    rows: Source[Any],
    *,
    values: bool = False,
    progress: Optional[Progress] = None,
) -> int:
    """Add many tuples, in as many transactions as they need, four of them under way at once.

    It is not one transaction: others see the tuples as they come, and after an error those before the one that is
    wrong may be there, or not all of them. Loading the same again, or going on after a crash, changes nothing that was
    loaded.

    Args:
        db: a found.Database.
        nstore: the store.
        rows: an iterable of tuples, asynchronous or not, taken as they are needed.
        values: True if `rows` has pairs of a tuple and its value, bytes.
        progress: called with the number of tuples that are committed so far.

    Returns:
        int, the number of tuples.

    Raises:
        FoundException: what a commit can, and a retry does not help.
        NStoreException: a tuple or a value cannot be stored; the message has its place, from 0. A tuple with an
            incomplete versionstamp is one: tried again, it would be there twice.
        TypeError: `db` is no database, or `rows` cannot be iterated.
    """
    check_handle(nstore)
    number = -1

    def prepared(row: Any) -> tuple[list[bytes], bytes]:
        nonlocal number
        number += 1
        items, value = row if values else (row, b"")
        if not isinstance(items, (tuple, list)):
            raise NStoreException(f"row {number} is no tuple: {_store.shown(items)}")
        try:
            check_value(nstore, value)
            return keys(nstore, tuple(cast("tuple[Any, ...]", items))), value
        except NStoreException as error:
            raise NStoreException(f"row {number}: {error}") from None

    async def checked() -> AsyncGenerator[tuple[list[bytes], bytes], None]:
        given = _store.each(rows)
        try:
            async for row in given:
                yield prepared(row)
        finally:
            await given.aclose()

    def write(tx: found.Transaction, row: tuple[list[bytes], bytes]) -> None:
        for key in row[0]:
            found.set(tx, key, row[1])

    def size(row: tuple[list[bytes], bytes]) -> int:
        # A key counts as the mutation's and as both ends of its conflict range.
        return len(row[0]) * (3 * len(row[0][0]) + len(row[1]))

    return await _store.in_transactions(db, checked(), write, size, progress=progress)


async def fsck(
    db: found.Database,
    nstore: NStore,
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
) -> Report:
    """Check that every index has every tuple, with the same value.

    The first index, which `get` reads, decides: what another has more is stale, what it has less is missing. Rows that
    are no tuples of this store are told and never touched; reads pass over them.

    It reads each row of each index, and for a row of the first one of each other index; in transactions of at most
    500 rows, beside whatever else goes on.

    Args:
        db: a found.Database.
        nstore: the store.
        repair: True to write what is missing and clear what is stale.
        progress: called with the number of rows looked at so far.

    Returns:
        A Report: the store's name, the number of rows, of problems and of those repaired, and the first 100 problems.

    Raises:
        FoundException: the database's own.
    """
    check_handle(nstore)
    page = max(1, min(500, _READS // len(nstore.indices)))
    scans: list[Scan] = []
    at, end = _store.span(nstore.prefix)
    for number, head in enumerate(nstore.heads):
        scans.append(Scan(at, head, _foreign))
        at = head + b"\xff"
        check = partial(_check_index, nstore, number)
        scans.append(Scan(head, at, check, page if number == 0 else 500))
    scans.append(Scan(at, end, _foreign))
    return await _fsck.check(db, nstore.name, scans, repair=repair, progress=progress)


async def _foreign(tx: found.Transaction, rows: Rows, findings: Findings) -> None:
    for key, _ in rows:
        findings.damaged(key, "no index has such a key")


async def _check_index(
    store: NStore, number: int, tx: found.Transaction, rows: Rows, findings: Findings
) -> None:
    """Compare rows of an index with the first one; rows of the first with all others."""
    head, order = store.heads[number], store.indices[number]
    others = range(1, len(store.indices)) if number == 0 else range(1)
    asked: list[tuple[bytes, bytes, list[tuple[bytes, Any]]]] = []
    for key, value in rows:
        items = _items(key, len(head), store.n)
        if items is None:
            findings.damaged(key, "it is no tuple of the store")
            continue
        columns = tuple(item for _, item in sorted(zip(order, items)))
        elsewhere = keys(store, columns)
        if elsewhere[number] != key:
            findings.damaged(key, "it is not packed as found.pack does")
            continue
        reads = [(elsewhere[other], found.get(tx, elsewhere[other])) for other in others]
        asked.append((key, value, reads))
    for key, value, reads in asked:
        for other, read in reads:
            present = await read
            if number == 0:
                if present is None:
                    findings.wrong(other, value, "missing: the first index has the tuple")
                elif present != value:
                    findings.wrong(other, value, "its value is not that of the first index")
            elif present is None:
                findings.stale(key, "stale: the first index has not the tuple")


def _items(key: bytes, skip: int, n: int) -> Optional[tuple[Any, ...]]:
    try:
        items = found.unpack(key, skip)
    except ValueError:
        return None
    return items if len(items) == n else None
