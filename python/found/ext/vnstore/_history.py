"""Going through history: its pages, what became of a tuple, what differs, and changes that bring something back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Optional
from uuid import UUID

import found
from found.ext import _store, nstore
from found.ext.vnstore import _match, _said, _significance, _state
from found.ext.vnstore._changes import change_create, describe
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import (
    VNStore,
    check,
    check_count,
    check_point,
    check_uid,
    pack_items,
)
from found.ext.vnstore._match import View, look
from found.ext.vnstore._records import Diff, Edit, Event, History, Summary
from found.ext.vnstore._tuples import write

PAGE: Final = 1_000
"""Tuples that a difference has, unless it is said otherwise."""
CHANGES: Final = 64
"""Changes that are gone through at once,"""
AHEAD: Final = 100
"""and tuples that are read of each but the first, which may all be needed."""

_UUID: Final = b"\x30"
_NONE: Final = b"\x00"


async def history(
    tx: found.Transaction,
    vnstore: VNStore,
    *,
    state: Optional[str] = None,
    limit: int = 42,
    continuation: Optional[bytes] = None,
) -> History:
    """Return changes, newest first: those that are open, by when they were created, then those that are applied.

    Open changes of 0.13, whose identifiers have no time, stand among the others anywhere.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        state: "open" or "applied" for these alone; None for all.
        limit: the most changes to return.
        continuation: that of the page before; None for the first page.

    Raises:
        TypeError: an argument has another type.
        ValueError: `state` is neither, or `limit` is less than 1.
        VNStoreException: `continuation` is not one of a history of this store.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    if state not in (None, "open", "applied"):
        raise ValueError(f'state must be "open", "applied" or None, not {state!r}')
    scan = store.changes.scans[0b010]
    begin = scan.head + _state.SIGNIFICANCE
    ranges = {"open": begin + _NONE, "applied": begin + _UUID}
    wanted = [one for name, one in ranges.items() if state in (None, name)]
    after = None
    if continuation is not None:
        if not isinstance(continuation, bytes):
            raise TypeError(f"continuation must be bytes, not {type(continuation).__name__}")
        after = begin + continuation
        while wanted and not after.startswith(wanted[0]):
            del wanted[0]
        if not wanted:
            raise VNStoreException("the continuation is not one of this history")
    keys: list[bytes] = []
    for first in wanted:
        end = first + b"\xff" if after is None else after
        after = None
        if len(keys) <= limit:
            left = limit + 1 - len(keys)
            rows = await found.all(found.query(tx, first, end, limit=left, reverse=True))
            keys += [key for key, _ in rows]
    page = keys[:limit]
    changes = await describe(tx, store, [UUID(bytes=key[-16:]) for key in page])
    return History(
        # 0.13 may have left the row of an open change beside that of an applied one.
        [
            change
            for key, change in zip(page, changes)
            if change is not None and key.startswith(ranges[change.state])
        ],
        page[-1][len(begin) :] if len(keys) > limit else None,
    )


async def head(tx: found.Transaction, vnstore: VNStore) -> Optional[UUID]:
    """Return the significance of the change applied last, or None if none is.

    A transaction that reads it conflicts with every change that is applied meanwhile.

    Raises:
        TypeError: an argument has another type.
    """
    store = check(tx, vnstore)
    significance = _state.head_of(store, await _state.start_head(tx, store))
    return UUID(bytes=significance) if significance else None


async def tuple_history(tx: found.Transaction, vnstore: VNStore, *items: Any) -> list[Event]:
    """Return the changes that add or remove a tuple: open ones first, then those that are applied, newest first.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        items: one for each column.

    Raises:
        TypeError: `vnstore` is no handle.
        VNStoreException: the number of items is not that of the columns, or an item cannot be stored.
    """
    store = check(tx, vnstore)
    view = View(tx, store, None, None, None)
    (rows,) = await _match.histories(view, (pack_items(store, items),))
    said: dict[UUID, bool] = {}
    for row in rows:
        # Of two rows that 0.13 left in a change the removal counts.
        changeid = UUID(bytes=row.changeid)
        said[changeid] = row.alive and said.get(changeid, True)
    changes = await describe(tx, store, said)
    events = [Event(change, said[change.uid]) for change in changes if change is not None]

    def newest(event: Event) -> tuple[bool, int, int]:
        significance = event.change.significance
        return significance is None, significance.int if significance else 0, event.change.uid.int

    return sorted(events, key=newest, reverse=True)


async def _edits(before: View, rows: Sequence[tuple[tuple[Any, ...], bool]]) -> list[Edit]:
    """What becomes of tuples: whether each was alive before, and what those that are alive afterwards replace."""
    store = before.store
    was = await _match.alive(before, [found.pack(items) for items, _ in rows])
    replaced: list[tuple[tuple[Any, ...], ...]] = [()] * len(rows)
    if store.n > 1:
        last = nstore.var("")
        added = [index for index, (_, alive) in enumerate(rows) if alive]
        plans = [_match.plan(store, (*rows[index][0][:-1], last)) for index in added]
        async for page in _match.each_match(before, plans):
            for number, match in page:
                items = rows[added[number]][0]
                other = match.binding[""]
                if found.pack((other,)) != found.pack(items[-1:]):
                    replaced[added[number]] += ((*items[:-1], other),)
    return [
        Edit(items, alive, old, replaces)
        for (items, alive), old, replaces in zip(rows, was, replaced)
    ]


async def change_diff(
    tx: found.Transaction,
    vnstore: VNStore,
    changeid: UUID,
    *,
    limit: int = PAGE,
    continuation: Optional[bytes] = None,
) -> Diff:
    """Return what a change does: to history before it if it is applied, to what is alive now if it is open.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        limit: the most tuples to return.
        continuation: that of the page before; None for the first page.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
        VNStoreException: there is no such change, or `continuation` is not one of its.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    changeid = check_uid("changeid", changeid)
    significance = await _significance_of(tx, store, changeid)
    before = None if significance is None else _significance.point_before(significance)
    view = await look(tx, store, before, None)
    start = None
    if continuation is not None:
        if not isinstance(continuation, bytes):
            raise TypeError(f"continuation must be bytes, not {type(continuation).__name__}")
        start = _said.change_begin(store, changeid.bytes) + continuation
    said, more = await _said.change_page(view, changeid.bytes, start, limit)
    removed = {found.pack(one.items) for one in said if not one.alive}
    edits = await _edits(
        view,
        [
            (items, alive)
            for _, items, alive in said
            if not alive or found.pack(items) not in removed
        ],
    )
    return Diff(
        edits, None if more is None else more[len(_said.change_begin(store, changeid.bytes)) :]
    )


async def _significance_of(tx: found.Transaction, store: VNStore, changeid: UUID) -> Optional[UUID]:
    """The significance of a change that must be there; None if it is open."""
    significance = (await _state.resolve(tx, store, (changeid.bytes,)))[changeid.bytes]
    if significance is None:
        raise VNStoreException(f"{store.name} has no change {changeid}")
    return UUID(bytes=significance) if significance else None


async def diff(
    tx: found.Transaction,
    vnstore: VNStore,
    before: UUID,
    after: Optional[UUID] = None,
    *,
    limit: int = PAGE,
    continuation: Optional[bytes] = None,
) -> Diff:
    """Return the tuples that are alive at one of two points of history and not at the other.

    It goes through the changes between the two, the latest first, and costs about what they hold.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        before: a point, as for `as_of` of `select`; `BEGINNING` for the empty store.
        after: a later one; None for now. An earlier one gives the difference backwards.
        limit: how many changed tuples to look at, about: the most that are returned.
        continuation: that of the page before; None for the first page.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
        VNStoreException: `continuation` is not one of this store.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    check_uid("before", before)
    check_point("after", after)
    if continuation is not None and not isinstance(continuation, bytes):
        raise TypeError(f"continuation must be bytes, not {type(continuation).__name__}")
    last = after
    if last is None:
        packed = _state.head_of(store, await _state.start_head(tx, store))
        last = UUID(bytes=packed) if packed else before
    first = View(tx, store, min(before, last).bytes, None, None)
    later = View(tx, store, max(before, last).bytes, None, None)
    edits: list[Edit] = []
    while True:
        rows, continuation = await _touched(first, later, limit - len(edits), continuation)
        if last >= before:
            some = await _edits(first, rows)
        else:
            now = [items for items, _ in rows]
            ends = await _match.alive(first, [found.pack(items) for items in now])
            some = await _edits(later, list(zip(now, ends)))
        edits += [edit for edit in some if edit.effective]
        if continuation is None or len(edits) == limit:
            return Diff(edits, continuation)


async def _touched(
    first: View, later: View, limit: int, continuation: Optional[bytes]
) -> tuple[list[tuple[tuple[Any, ...], bool]], Optional[bytes]]:
    """Tuples that changes between two points touch, each at the last that does, and whether it is alive after that.

    A continuation is the significance and the identifier of a change that was gone through, or, with the place of a
    row of it, of one to go on with.
    """
    store = first.store
    assert first.as_of is not None and later.as_of is not None
    head = store.changes.scans[0b010].head + _state.SIGNIFICANCE + _UUID
    begin = head + first.as_of + b"\xff"
    end = head + later.as_of + b"\xff"
    place: Optional[bytes] = None
    if continuation is not None:
        significance, changeid, place = continuation[:16], continuation[16:32], continuation[32:]
        end = head + significance + _UUID + changeid + (b"\x00" if place else b"")
        if len(changeid) < 16 or end < begin:
            raise VNStoreException("the continuation is not one of this difference")
    keys = await found.all(found.query(first.tx, begin, end, limit=CHANGES, reverse=True))
    changes = [(key[len(head) :][:16], key[-16:]) for key, _ in keys if len(key) == len(head) + 33]
    places = [
        _said.change_begin(store, changeid) + place if place and not number else None
        for number, (_, changeid) in enumerate(changes)
    ]
    pages = await asyncio.gather(
        *(
            _said.change_page(
                later, changeid, places[number], min(limit, AHEAD) if number else limit
            )
            for number, (_, changeid) in enumerate(changes)
        )
    )
    rows: list[tuple[bytes, tuple[Any, ...], bool]] = []
    going_on: Optional[bytes] = None
    for (significance, changeid), (said, more) in zip(changes, pages):
        if rows and len(rows) + len(said) > limit:
            break
        rows += [(changeid, items, alive) for _, items, alive in said]
        going_on = significance + changeid
        if more is not None:
            going_on += more[len(_said.change_begin(store, changeid)) :]
            break
    else:
        if len(keys) < CHANGES:
            going_on = None
    histories = await _match.histories(later, [found.pack(items) for _, items, _ in rows])
    ranks = await _match.rank(later, (row.changeid for some in histories for row in some))
    return [
        (items, alive)
        for (changeid, items, alive), some in zip(rows, histories)
        if _match.latest(some, ranks) == (changeid, alive)
    ], going_on


async def _propose(
    tx: found.Transaction,
    store: VNStore,
    edits: Sequence[tuple[tuple[Any, ...], bool]],
    base: bytes,
    message: Optional[str],
    metadata: Mapping[str, Any],
    uid: Optional[UUID],
) -> UUID:
    """A new change that sets whether tuples are alive, built on what they were at `base`."""
    changeid = await change_create(tx, store, message=message, metadata=metadata, uid=uid)
    for items, alive in edits:
        write(tx, store, changeid, items, found.pack(items), alive, base)
    return changeid


async def change_revert(
    tx: found.Transaction,
    vnstore: VNStore,
    changeid: UUID,
    *,
    message: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    uid: Optional[UUID] = None,
) -> UUID:
    """Create a change that undoes one that is applied, and make it the active one of the transaction.

    It is open, to be looked at and applied like any other. It is built on what the change did: where others have
    touched the same tuples since, `change_apply` refuses it, and names them.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the identifier of the change to undo.
        message: for the new change; None for one that names the other.
        metadata: for the new change; "reverts" is added, with the identifier of the other.
        uid: the identifier of the new change, as for `change_create`.

    Returns:
        The identifier of the new change. What it holds must fit in a transaction: some thousands of tuples.

    Raises:
        TypeError: an argument has another type.
        VNStoreException: there is no such change, or it is open: that one is to be abandoned.
    """
    store = check(tx, vnstore)
    changeid = check_uid("changeid", changeid)
    significance = await _significance_of(tx, store, changeid)
    if significance is None:
        raise VNStoreException(
            f"change {changeid} of {store.name} is open: there is nothing to revert, change_abandon removes it"
        )
    before = View(tx, store, _significance.point_before(significance).bytes, None, None)
    edits: list[tuple[tuple[Any, ...], bool]] = []
    async for _, said in _said.each_said(before, [changeid.bytes]):
        was = await _match.alive(before, [found.pack(one.items) for one in said])
        edits += [(one.items, old) for one, old in zip(said, was) if one.alive != old]
    if message is None:
        (other,) = await describe(tx, store, (changeid,))
        why = other.message if other is not None else None
        message = f"Revert {why!r}"[:1000] if why else f"Revert {changeid}"
    return await _propose(
        tx,
        store,
        edits,
        significance.bytes,
        message,
        {**(metadata or {}), "reverts": changeid},
        uid,
    )


async def restore(
    tx: found.Transaction,
    vnstore: VNStore,
    point: UUID,
    *,
    message: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    uid: Optional[UUID] = None,
) -> UUID:
    """Create a change that brings back the tuples of a point of history, and make it the active one of the transaction.

    It is open, to be looked at and applied like any other.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        point: as for `as_of` of `select`; `BEGINNING` for a store without tuples.
        message: for the new change; None for one that names the point.
        metadata: for the new change; "restores" is added, with the point.
        uid: the identifier of the new change, as for `change_create`.

    Returns:
        The identifier of the new change. What it holds must fit in a transaction: some thousands of tuples.

    Raises:
        TypeError: an argument has another type.
    """
    store = check(tx, vnstore)
    check_uid("point", point)
    now = _state.head_of(store, await _state.start_head(tx, store)) or _state.BEGINNING
    # Of a point that is still to come there is nothing to bring back.
    first = View(tx, store, min(point.bytes, now), None, None)
    edits: list[tuple[tuple[Any, ...], bool]] = []
    continuation: Optional[bytes] = None
    while True:
        rows, continuation = await _touched(first, first._replace(as_of=now), PAGE, continuation)
        was = await _match.alive(first, [found.pack(items) for items, _ in rows])
        edits += [(items, old) for (items, alive), old in zip(rows, was) if alive != old]
        if continuation is None:
            break
    if message is None:
        when = _significance.time_of(point)
        message = f"Restore what was at {when.isoformat() if when else point}"
    return await _propose(
        tx, store, edits, now, message, {**(metadata or {}), "restores": point}, uid
    )


async def summary(tx: found.Transaction, vnstore: VNStore, *, limit: int = 10_000) -> Summary:
    """Return what is in a store.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        limit: how many rows of each kind to look at, at most.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    scan = store.changes.scans[0b010]
    begin = scan.head + _state.SIGNIFICANCE
    everything, end = _store.span(store.prefix)
    reads = [
        found.all(
            found.query(
                tx, begin + code, begin + code + b"\xff", limit=limit, reverse=True, snapshot=True
            )
        )
        for code in (_NONE, _UUID)
    ]
    estimate = found.estimated_size_bytes(tx, everything, end)
    opened, applied = [await read for read in reads]
    rows, alive = await _match.count_alive(View(tx, store, None, None, True), limit)
    last = None
    if applied:
        (last,) = await describe(tx, store, (UUID(bytes=applied[0][0][-16:]),))
    return Summary(
        len(opened),
        len(applied),
        alive,
        rows,
        await estimate,
        last,
        max(len(opened), len(applied), rows) < limit,
    )
