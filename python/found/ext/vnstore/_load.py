"""Many tuples at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Optional, cast
from uuid import UUID

import found
from found.ext import _store
from found.ext._store import Progress, Source
from found.ext.vnstore import _state
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import VNStore, check_store, check_uid, pack_items
from found.ext.vnstore._tuples import write

_BYTES = 1_000_000
"""Of writes and conflict ranges in a transaction, about."""
_AT_ONCE = 4

_Row = tuple[tuple[Any, ...], bytes]


async def load(
    db: found.Database,
    vnstore: VNStore,
    changeid: UUID,
    rows: Source[Any],
    *,
    progress: Optional[Progress] = None,
) -> int:
    """Add many tuples in an open change, in as many transactions as they need, four of them under way at once.

    Others see none of them before the change is applied, and then all at once. After an error, or a crash, some of them
    are in the change: loading the same again adds the others.

    Args:
        db: a found.Database.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        rows: an iterable of tuples, asynchronous or not, taken as they are needed.
        progress: called with the number of tuples that are committed so far.

    Returns:
        The number of tuples.

    Raises:
        FoundException: what a commit can, and a retry does not help.
        TypeError: an argument has another type.
        VNStoreException: there is no such change, it is applied, or a tuple cannot be stored; the message has its
            place, from 0.
    """
    store = check_store(vnstore)
    check_uid("changeid", changeid)

    async def body(tx: found.Transaction, batch: list[_Row]) -> None:
        _, base = await _state.built(tx, store, changeid)
        for items, packed in batch:
            write(tx, store, changeid, items, packed, True, base)

    done = 0
    under_way: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def settle() -> None:
        nonlocal done
        count, task = under_way[0]
        await task
        under_way.popleft()
        done += count
        if progress is not None:
            progress(done)

    batches = _batches(store, rows)
    try:
        async for batch in batches:
            if len(under_way) == _AT_ONCE:
                await settle()
            commit = asyncio.ensure_future(found.transactional(db, body, batch))
            under_way.append((len(batch), commit))
        while under_way:
            await settle()
    finally:
        await batches.aclose()
        for _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, task in under_way), return_exceptions=True)
    return done


async def _batches(store: VNStore, rows: Source[Any]) -> AsyncGenerator[list[_Row], None]:
    """The tuples, as many as a transaction takes at a time."""
    batch: list[_Row] = []
    weight = number = 0
    given = _store.each(rows)
    try:
        async for row in given:
            if not isinstance(row, (tuple, list)):
                raise VNStoreException(f"row {number} is no tuple: {row!r}"[:1000])
            items = tuple(cast("tuple[Any, ...]", row))
            try:
                packed = pack_items(store, items)
            except VNStoreException as error:
                raise VNStoreException(f"row {number}: {error}") from None
            batch.append((items, packed))
            number += 1
            # A clear and a set in each index; a key counts as the mutation's and as both ends of its conflict range.
            weight += 6 * len(store.tuples.heads) * (len(store.tuples.heads[-1]) + len(packed) + 18)
            if weight >= _BYTES:
                yield batch
                batch, weight = [], 0
        if batch:
            yield batch
    finally:
        await given.aclose()
