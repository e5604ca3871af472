"""Changes: what is proposed, what is said of it, and applying it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final, Optional
from uuid import UUID

import found
from found.ext import _store, nstore
from found.ext.vnstore import _bases, _said, _significance, _state
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import ALIVE, VNStore, check, check_count, check_uid
from found.ext.vnstore._match import CHUNK, View
from found.ext.vnstore._records import Change, Conflict, ConflictException, Size

_logger = logging.getLogger("found")

TYPE: Final = "change"
_ABANDONED: Final = 5_000_000
"""Bytes of a transaction that removes what a change says, about."""
_UUID: Final = b"\x30"
_MESSAGE: Final = found.pack(("message",))
_TYPE: Final = found.pack(("type",))
_VERSIONSTAMP: Final = found.pack(("versionstamp",))


def _check_message(store: VNStore, changeid: UUID, message: object) -> None:
    if message is not None and not isinstance(message, str):
        raise TypeError(f"message must be a str or None, not {type(message).__name__}")
    size = len(store.changes.heads[-1]) + len(found.pack((changeid, "message", message)))
    if size > _store.MAX_KEY:
        raise VNStoreException(
            f"the message of a change is part of a key, which has at most {_store.MAX_KEY:,} bytes: with this one "
            f"of {len(message or ''):,} characters it has {size:,}"
        )


def _check_metadata(
    store: VNStore, changeid: UUID, metadata: Optional[Mapping[str, Any]]
) -> list[tuple[bytes, Optional[bytes]]]:
    """The rows that metadata is written as; no value where one is to be removed."""
    if metadata is None:
        return []
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(metadata).__name__}")
    rows: list[tuple[bytes, Optional[bytes]]] = []
    for name, value in metadata.items():
        if not isinstance(name, str):
            raise TypeError(f"the keys of metadata must be str: {name!r}")
        key = store.metadata + found.pack((changeid, name))
        try:
            packed = None if value is None else found.pack((value,))
        except (OverflowError, TypeError, ValueError) as error:
            raise VNStoreException(
                f"metadata {name!r} cannot be {value!r}: {error}"[:1000]
            ) from error
        if len(key) > _store.MAX_KEY:
            raise VNStoreException(f"the key of metadata {name!r} is too long"[:1000])
        if packed is not None and len(packed) > _store.MAX_VALUE:
            raise VNStoreException(
                f"metadata {name!r} has {len(packed):,} bytes; a value has at most {_store.MAX_VALUE:,}"
            )
        rows.append((key, packed))
    return rows


def _annotate(tx: found.Transaction, rows: list[tuple[bytes, Optional[bytes]]]) -> None:
    for key, value in rows:
        if value is None:
            found.clear(tx, key)
        else:
            found.set(tx, key, value)


def change_uid() -> UUID:
    """Return a new identifier of a change, for `change_create`. They sort by the time they were made at."""
    return _significance.now()


async def change_create(
    tx: found.Transaction,
    vnstore: VNStore,
    *,
    message: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
    uid: Optional[UUID] = None,
) -> UUID:
    """Create a change, and make it the active one of the transaction.

    Nobody sees what it adds and removes until it is applied.

    A transaction whose outcome is not known (1021) is tried again, and would create a second change. With a `uid` that
    was made before the transaction it does not: if there is such a change already, it is continued as it is.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        message: what the change is for.
        metadata: what else there is to say of it, as `change_annotate` takes it.
        uid: its identifier, as `change_uid` makes them; None for a new one.

    Returns:
        Its identifier.

    Raises:
        TypeError: an argument has another type.
        VNStoreException: the message or the metadata cannot be stored.
    """
    store = check(tx, vnstore)
    changeid = change_uid() if uid is None else check_uid("uid", uid)
    _check_message(store, changeid, message)
    rows = _check_metadata(store, changeid, metadata)
    state = await _state.at_version(tx, store)
    state.active = changeid
    if uid is not None:
        known = await _state.resolve(tx, store, (changeid.bytes,))
        if known[changeid.bytes] is not None:
            return changeid
    _state.forget(state, changeid)
    state.created = changeid
    state.written = set()
    await nstore.add(tx, store.changes, changeid, "type", TYPE)
    await nstore.add(tx, store.changes, changeid, "significance", None)
    await nstore.add(tx, store.changes, changeid, "message", message)
    _annotate(tx, rows)
    return changeid


def change_continue(tx: found.Transaction, vnstore: VNStore, changeid: UUID) -> None:
    """Make a change the active one of the transaction: `add` and `remove` write to it.

    Whether there is such a change, and whether it is open, is looked at when it is written to.

    Raises:
        TypeError: `changeid` is no UUID, or another argument has another type.
    """
    store = check(tx, vnstore)
    _state.of(tx, store).active = check_uid("changeid", changeid)


def _unpacked(rows: _store.Rows, skip: int, width: int) -> list[tuple[Any, ...]]:
    """The last elements of keys; those that are damaged are left out."""
    said: list[tuple[Any, ...]] = []
    for key, _ in rows:
        try:
            values = found.unpack(key, skip)
        except ValueError:
            continue
        if len(values) == width:
            said.append(values)
    return said


def _values(said: Iterable[tuple[Any, ...]]) -> Optional[dict[str, Any]]:
    """What is said of a change, by key; None if there is no such change, which is one without a significance.

    Of two values, which 0.13 may have left, the greater counts: None is the least.
    """
    values: dict[str, Any] = {}
    for key, value in said:
        if value is not None or key not in values:
            values[key] = value
    return values if "significance" in values else None


def _as_dict(uid: UUID, values: dict[str, Any]) -> dict[str, Any]:
    """A change as 0.13 has it."""
    return {"uid": uid, **{key: values.get(key) for key in ("type", "significance", "message")}}


async def change_get(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID
) -> Optional[dict[str, Any]]:
    """Return a change as a dict with the keys `uid`, `type`, `significance` and `message`.

    Returns:
        The dict, or None if there is no such change. A significance of None is that of a change which is not applied.

    Raises:
        TypeError: `changeid` is no UUID, or another argument has another type.
    """
    store = check(tx, vnstore)
    # Not to the end of its rows: what apply has written with a versionstamp cannot be read before the commit.
    begin = store.changes.heads[0] + _UUID + check_uid("changeid", changeid).bytes
    rows = await found.all(found.query(tx, begin + _MESSAGE, begin + _TYPE + b"\xff"))
    values = _values(_unpacked(rows, len(begin), 2))
    return None if values is None else _as_dict(changeid, values)


async def change_list(tx: found.Transaction, vnstore: VNStore) -> list[dict[str, Any]]:
    """Return all changes, in the order of their identifiers, each as `change_get` does; `history` has pages.

    Raises:
        TypeError: an argument has another type.
    """
    store = check(tx, vnstore)
    scan = store.changes.scans[0b010]
    said: dict[UUID, list[tuple[Any, ...]]] = {}
    rows = await found.all(found.query(tx, scan.head + _MESSAGE, scan.head + _TYPE + b"\xff"))
    for key, value, changeid in _unpacked(rows, len(scan.head), 3):
        if isinstance(changeid, UUID):
            said.setdefault(changeid, []).append((key, value))
    changes: list[dict[str, Any]] = []
    for changeid in sorted(said):
        values = _values(said[changeid])
        if values is not None:
            changes.append(_as_dict(changeid, values))
    return changes


async def change_message(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, message: Optional[str]
) -> None:
    """Replace the message of an open change.

    Raises:
        TypeError: an argument has another type.
        VNStoreException: there is no such change, it is applied, or the message does not fit in a key.
    """
    store = check(tx, vnstore)
    _check_message(store, check_uid("changeid", changeid), message)
    await _state.writable(tx, store, changeid)
    begin = store.changes.heads[0] + _UUID + changeid.bytes + _MESSAGE
    rows = await found.all(found.query(tx, begin, begin + b"\xff"))
    for (old,) in _unpacked(rows, len(begin), 1):
        await nstore.remove(tx, store.changes, changeid, "message", old)
    await nstore.add(tx, store.changes, changeid, "message", message)


async def change_annotate(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, metadata: Mapping[str, Any]
) -> None:
    """Say more of a change, open or applied: its author, its source, a review.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        metadata: values by name. A value is anything that `found.pack` takes, up to 100,000 bytes; None removes what
            was said under the name. What was said under other names stays.

    Raises:
        TypeError: an argument has another type.
        VNStoreException: there is no such change, or a value cannot be stored.
    """
    store = check(tx, vnstore)
    rows = _check_metadata(store, check_uid("changeid", changeid), metadata)
    known = await _state.resolve(tx, store, (changeid.bytes,))
    if known[changeid.bytes] is None:
        raise VNStoreException(f"{store.name} has no change {changeid}")
    _annotate(tx, rows)


async def describe(
    tx: found.Transaction, store: VNStore, changeids: Iterable[UUID]
) -> list[Optional[Change]]:
    """All that is said of changes, read at once; None where there is no such change."""
    state = await _state.at_version(tx, store)
    reads: list[Any] = []
    for changeid in changeids:
        begin = store.changes.heads[0] + _UUID + changeid.bytes
        # A versionstamp that the commit will give cannot be read.
        end = begin + (_VERSIONSTAMP if changeid in state.applied else b"\xff")
        more = store.metadata + _UUID + changeid.bytes
        said = found.all(found.query(tx, begin, end))
        metadata = found.all(found.query(tx, more, more + b"\xff"))
        reads.append((changeid, len(begin), said, len(more), metadata))
    described: list[Optional[Change]] = []
    for changeid, skip, said, more, metadata in reads:
        values = _values(_unpacked(await said, skip, 2))
        notes: dict[str, Any] = {}
        for key, value in await metadata:
            names, held = _unpacked([(key, value)], more, 1), _unpacked([(value, b"")], 0, 1)
            if names and held:
                notes[names[0][0]] = held[0][0]
        if values is None:
            described.append(None)
            continue
        described.append(
            Change(
                changeid,
                values.get("type"),
                values.get("significance"),
                values.get("message"),
                values.get("versionstamp"),
                notes,
            )
        )
    return described


async def change_describe(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID
) -> Optional[Change]:
    """Return all that is said of a change, its metadata and times included; None if there is no such change.

    Raises:
        TypeError: `changeid` is no UUID, or another argument has another type.
    """
    store = check(tx, vnstore)
    return (await describe(tx, store, (check_uid("changeid", changeid),)))[0]


async def change_changes(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID
) -> list[dict[str, Any]]:
    """Return what a change adds and removes: a dict of the columns for each tuple, and whether it is `alive?` after it.

    Empty if there is no such change. `change_diff` has pages, and says what the tuples replace.

    Raises:
        TypeError: `changeid` is no UUID, or another argument has another type.
    """
    store = check(tx, vnstore)
    view = View(tx, store, None, None, None)
    packed = check_uid("changeid", changeid).bytes
    changes: list[dict[str, Any]] = []
    start: Optional[bytes] = None
    while True:
        said, start = await _said.change_page(view, packed, start, CHUNK)
        changes += [{**dict(zip(store.items, items)), ALIVE: alive} for _, items, alive in said]
        if start is None:
            return changes


async def change_size(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, *, limit: int = 1_000
) -> Size:
    """Count what a change adds and removes, up to `limit` tuples in all.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    view = View(tx, store, None, None, True)
    said, more = await _said.change_page(
        view, check_uid("changeid", changeid).bytes, None, limit + 1
    )
    counted = said[:limit]
    added = sum(one.alive for one in counted)
    return Size(added, len(counted) - added, more is None)


async def change_conflicts(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, *, limit: int = _bases.CONFLICTS
) -> list[Conflict]:
    """Tell what `change_apply` would refuse an open change for, as things are now.

    Costs as much as it does: a read of each tuple of the changes that were applied since this one was begun.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        limit: the most conflicts to look for.

    Returns:
        Conflicts, in the order of history; none for a change that is applied.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
        VNStoreException: there is no such change.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    changeid = check_uid("changeid", changeid)
    reading = _state.start_head(tx, store, snapshot=True)
    least = _bases.start_least(tx, store, changeid)
    significance = (await _state.resolve(tx, store, (changeid.bytes,)))[changeid.bytes]
    if significance is None:
        raise VNStoreException(f"{store.name} has no change {changeid}")
    if significance:
        return []
    head = _state.head_of(store, await reading)
    return await _bases.conflicts(tx, store, changeid, await least, head, limit)


async def change_apply(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, *, force: bool = False
) -> UUID:
    """Apply a change: from the commit on everybody sees what it adds and removes, and it is closed.

    Its place in history is after all that were applied before: its significance is greater than theirs, whatever the
    clock says, and of two changes that are applied at once the one that commits first comes first. The row
    (changeid, "versionstamp", stamp) witnesses it.

    A change that is applied already stays as it is, and the logger `found` warns.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        force: whether to apply it although others have touched what it is built on. 0.13 always did.

    Returns:
        Its significance.

    Raises:
        ConflictException: a change that was applied since has added or removed a tuple that this one writes, or that
            a select or ask of it has matched.
        TypeError: an argument has another type.
        VNStoreException: there is no such change.
    """
    store = check(tx, vnstore)
    changeid = check_uid("changeid", changeid)
    # With its read conflict: another that is applied at once makes this transaction be tried again.
    reading = _state.start_head(tx, store)
    least = _bases.start_least(tx, store, changeid)
    significance = (await _state.resolve(tx, store, (changeid.bytes,)))[changeid.bytes]
    if significance is None:
        raise VNStoreException(f"{store.name} has no change {changeid}")
    if significance:
        _logger.warning("%s: change %s is applied already", store.name, changeid)
        return UUID(bytes=significance)
    head = _state.head_of(store, await reading)
    for begin, end in _bases.spans(store, changeid):
        # And with whatever is still added to the change, or read for it.
        found.add_conflict_range(tx, begin, end, found.CONFLICT_RANGE_TYPE_READ)
    if not force:
        conflicts = await _bases.conflicts(tx, store, changeid, await least, head, _bases.CONFLICTS)
        if conflicts:
            raise ConflictException(changeid, tuple(conflicts))
    place = _significance.after(UUID(bytes=head) if head else None)
    state = _state.of(tx, store)
    stamp = found.Versionstamp(user_version=len(state.applied))
    await nstore.remove(tx, store.changes, changeid, "significance", None)
    await nstore.add(tx, store.changes, changeid, "significance", place)
    await nstore.add(tx, store.changes, changeid, "versionstamp", stamp)
    for begin, end in _bases.spans(store, changeid):
        found.clear(tx, begin, end)
    state.applied.append(changeid)
    _state.forget(state, changeid)
    return place


async def change_abandon(
    tx: found.Transaction, vnstore: VNStore, changeid: UUID, *, limit: int = 2_000
) -> bool:
    """Remove an open change and all that it proposes.

    A transaction has room for some thousands of tuples: where this returns False there are more, and it is to be called
    again, in another. From the first call on the change is no longer one of the store's.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        changeid: the change's identifier.
        limit: the most tuples to remove at once.

    Returns:
        Whether nothing is left of the change; True as well if there was none, so that it can be tried again.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
        VNStoreException: the change is applied.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    begin = store.changes.heads[0] + _UUID + check_uid("changeid", changeid).bytes
    said = _unpacked(await found.all(found.query(tx, begin, begin + b"\xff")), len(begin), 2)
    # One that is there; not what is left of one that was abandoned in part.
    if _values(said) is not None:
        await _state.writable(tx, store, changeid)
    view = View(tx, store, None, None, None)
    rows, more = await _said.change_page(view, changeid.bytes, None, limit)
    weight = 0
    for number, (key, items, alive) in enumerate(rows):
        # In each index a key counts as the mutation's and as both ends of its conflict range.
        weight += 3 * len(store.tuples.heads) * len(key)
        if number and weight > _ABANDONED:
            more = key
            break
        await nstore.remove(tx, store.tuples, *items, changeid, alive)
    for key, value in said:
        if more is None or key == "significance":
            await nstore.remove(tx, store.changes, changeid, key, value)
    for first, last in _bases.spans(store, changeid):
        found.clear(tx, first, last)
    notes = store.metadata + _UUID + changeid.bytes
    found.clear(tx, notes, notes + b"\xff")
    state = _state.of(tx, store)
    _state.forget(state, changeid)
    state.created = None
    if state.active == changeid:
        state.active = None
    return more is None
