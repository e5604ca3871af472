"""What a change says: the tuples that it adds and removes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, NamedTuple, Optional

import found
from found.ext._store import Rows
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import VNStore
from found.ext.vnstore._match import COMPLETE, JOINED, View, read_rows


def change_begin(store: VNStore, changeid: bytes) -> bytes:
    """What the keys begin with that hold what a change says, in the index that has them side by side."""
    return store.tuples.scans[1 << store.n].head + b"\x30" + changeid


class Said(NamedTuple):
    """What a change says of a tuple."""

    key: bytes
    items: tuple[Any, ...]
    alive: bool


def start_change(
    view: View, changeid: bytes, start: Optional[bytes], limit: int
) -> Awaitable[Rows]:
    """Begin to read what a change says, after the row with the key `start`: `said` by the rows."""
    begin = change_begin(view.store, changeid)
    end = begin + b"\xff"
    if start is not None and not begin <= start < end:
        raise VNStoreException("the continuation is not one of this change")
    return read_rows(view, begin if start is None else start + b"\x00", end, limit)


def said(store: VNStore, changeid: bytes, rows: Rows) -> list[Said]:
    """What rows of a change say."""
    scan = store.tuples.scans[1 << store.n]
    skip = len(change_begin(store, changeid))
    places = [scan.free.index(column) for column in range(store.n)]
    alive_at = scan.free.index(store.n + 1)
    all_said: list[Said] = []
    for key, _ in rows:
        try:
            values = found.unpack(key, skip)
        except ValueError:
            continue
        if len(values) == len(scan.free) and isinstance(values[alive_at], bool):
            all_said.append(Said(key, tuple([values[at] for at in places]), values[alive_at]))
    return all_said


async def change_page(
    view: View, changeid: bytes, start: Optional[bytes], limit: int
) -> tuple[list[Said], Optional[bytes]]:
    """A page of what a change says, and the key after which there is more."""
    rows = await start_change(view, changeid, start, limit)
    return said(view.store, changeid, rows), rows[-1][0] if len(rows) == limit else None


async def each_said(
    view: View, changes: Sequence[bytes]
) -> AsyncGenerator[tuple[int, list[Said]], None]:
    """What changes say, in pages, with the number of the change. The first pages of 64 changes are read at once."""
    for first in range(0, len(changes), JOINED):
        batch = changes[first : first + JOINED]
        reads = [start_change(view, changeid, None, COMPLETE) for changeid in batch]
        for number, (changeid, read) in enumerate(zip(batch, reads), first):
            rows = await read
            yield number, said(view.store, changeid, rows)
            while len(rows) == COMPLETE:
                rows = await start_change(view, changeid, rows[-1][0], COMPLETE)
                yield number, said(view.store, changeid, rows)
