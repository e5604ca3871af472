"""The check of a store."""

from __future__ import annotations

from functools import partial
from typing import Any, Optional
from uuid import UUID

import found
from found.ext import _store, nstore
from found.ext._fsck import Findings, Report, Scan, Tally
from found.ext._store import Progress, Rows
from found.ext.nstore._tuples import keys as tuple_keys
from found.ext.vnstore import _bases, _state
from found.ext.vnstore._changes import TYPE
from found.ext.vnstore._handle import VNStore, check_store

_UUID = b"\x30"


async def fsck(
    db: found.Database,
    vnstore: VNStore,
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
) -> Report:
    """Check a store: its indexes, and that what stands in it belongs together.

    Beside what `nstore.fsck` tells of its two stores: tuples and notes of changes that are not there, as of one that
    was abandoned in part; tuples that a change both adds and removes, which 0.13 could leave; two significances or
    messages of a change, or none; notes on what an applied change was built on. Readers pass over all of it.

    It runs in transactions of at most 500 rows, beside whatever else goes on.

    Args:
        db: a found.Database.
        vnstore: what `make` returned.
        repair: True to clear what is stale and write what is missing.
        progress: called with the number of rows looked at so far.

    Returns:
        A Report: the store's name, the number of rows, of problems and of those repaired, and the first 100 problems.

    Raises:
        FoundException: the database's own.
        TypeError: `vnstore` is no handle.
    """
    store = check_store(vnstore)
    tally = Tally(db, store.name, repair, progress)
    for part in (store.changes, store.tuples):
        tally.keep(await nstore.fsck(db, part, repair=repair, progress=tally.seen))
    scans = [
        Scan(store.changes.heads[0], store.changes.heads[0] + b"\xff", partial(_changes, store)),
        Scan(store.tuples.heads[0], store.tuples.heads[0] + b"\xff", partial(_tuples, store)),
        Scan(store.metadata, store.metadata + b"\xff", partial(_metadata, store)),
        Scan(store.bases, store.bases + b"\xff", partial(_built_on, store, store.bases)),
        Scan(store.reads, store.reads + b"\xff", partial(_built_on, store, store.reads)),
    ]
    at, end = _store.span(store.prefix)
    parts = (store.bases, found.pack(store.changes.prefix), store.metadata, store.reads)
    for begin in (*parts, found.pack(store.tuples.prefix)):
        scans.append(Scan(at, begin, _foreign))
        at = begin + b"\xff"
    scans.append(Scan(at, end, _foreign))
    await tally.scan(*scans)
    return tally.report()


async def _foreign(tx: found.Transaction, rows: Rows, findings: Findings) -> None:
    for key, _ in rows:
        findings.damaged(key, "the store has no such keys")


def _unpacked(key: bytes, skip: int) -> tuple[Any, ...]:
    try:
        return found.unpack(key, skip)
    except ValueError:
        return ()


def _stale(findings: Findings, part: nstore.NStore, items: tuple[Any, ...], what: str) -> None:
    """A tuple that should not be, in no index."""
    first, *others = tuple_keys(part, items)
    findings.stale(first, what)
    if findings.repair:
        for key in others:
            found.clear(findings.tx, key)


def _missing(findings: Findings, part: nstore.NStore, items: tuple[Any, ...], what: str) -> None:
    """A tuple that should be, in every index."""
    first, *others = tuple_keys(part, items)
    findings.wrong(first, b"", what)
    if findings.repair:
        for key in others:
            found.set(findings.tx, key, b"")


async def _changes(store: VNStore, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
    head = store.changes.heads[0]
    here: dict[UUID, None] = {}
    for key, _ in rows:
        items = _unpacked(key, len(head))
        if len(items) == 3 and isinstance(items[0], UUID) and isinstance(items[1], str):
            here[items[0]] = None
        elif len(items) == 3:
            findings.damaged(key, "it is of no change")
        # Other rows are told as no tuples of the nstore.
    reads: list[tuple[UUID, Any]] = []
    for changeid in here:
        begin = head + _UUID + changeid.bytes
        reads.append((changeid, found.all(found.query(tx, begin, begin + b"\xff"))))
    # A change is checked with the first of its rows, so that it is told once.
    first = rows[0][0]
    for changeid, read in reads:
        whole: Rows = await read
        if whole[0][0] < first:
            continue
        said: dict[str, list[Any]] = {}
        for key, _ in whole:
            items = _unpacked(key, len(head))
            if len(items) == 3 and isinstance(items[1], str):
                said.setdefault(items[1], []).append(items[2])
        _check_change(store, changeid, said, findings)


def _check_change(
    store: VNStore, changeid: UUID, said: dict[str, list[Any]], findings: Findings
) -> None:
    part = store.changes
    if "significance" not in said:
        for name, values in said.items():
            for value in values:
                what = "stale: its change has no significance, it was abandoned in part"
                _stale(findings, part, (changeid, name, value), what)
        return
    for name in ("message", "significance", "type"):
        # In the order of keys: None is the least, and the last is what counts.
        for value in said.get(name, [])[:-1]:
            _stale(findings, part, (changeid, name, value), f"stale: there is another {name}")
    if "type" not in said:
        _missing(findings, part, (changeid, "type", TYPE), "missing: the change has no type")
    if "message" not in said:
        _missing(findings, part, (changeid, "message", None), "missing: the change has no message")
    if said["significance"][-1] is None:
        for value in said.get("versionstamp", ()):
            what = "stale: the change is not applied"
            _stale(findings, part, (changeid, "versionstamp", value), what)
    elif not isinstance(said["significance"][-1], UUID):
        key = tuple_keys(part, (changeid, "significance", said["significance"][-1]))[0]
        findings.damaged(key, "it is no place in history")


async def _tuples(store: VNStore, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
    head = store.tuples.heads[0]
    parsed: list[tuple[bytes, tuple[Any, ...]]] = []
    for key, _ in rows:
        items = _unpacked(key, len(head))
        if len(items) == store.n + 2:
            if isinstance(items[-2], UUID) and isinstance(items[-1], bool):
                parsed.append((key, items))
            else:
                findings.damaged(key, "it is of no change")
    known = await _state.resolve(tx, store, {items[-2].bytes for _, items in parsed})
    # The row of a removal comes right before that of an addition, in the same page or the one before.
    removals = [
        (key, items, found.get(tx, tuple_keys(store.tuples, (*items[:-1], False))[0]))
        if items[-1]
        else (key, items, None)
        for key, items in parsed
    ]
    for _, items, removal in removals:
        if known[items[-2].bytes] is None:
            _stale(findings, store.tuples, items, "stale: there is no such change")
        elif removal is not None and await removal is not None:
            _stale(findings, store.tuples, items, "stale: the change removes the tuple as well")


async def _metadata(store: VNStore, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
    parsed: list[tuple[bytes, UUID]] = []
    for key, value in rows:
        items = _unpacked(key, len(store.metadata))
        if len(items) != 2 or not isinstance(items[0], UUID) or len(_unpacked(value, 0)) != 1:
            findings.damaged(key, "it says nothing of a change")
        else:
            parsed.append((key, items[0]))
    known = await _state.resolve(tx, store, {changeid.bytes for _, changeid in parsed})
    for key, changeid in parsed:
        if known[changeid.bytes] is None:
            findings.stale(key, "stale: there is no such change")


async def _built_on(
    store: VNStore, head: bytes, tx: found.Transaction, rows: Rows, findings: Findings
) -> None:
    """Rows of `bases` or of `reads`."""
    skip = len(head) + 17
    wanted = {key[skip - 16 : skip] for key, _ in rows if len(key) >= skip}
    known = await _state.resolve(tx, store, wanted)
    reads = {
        changeid: found.get(tx, store.bases + _UUID + changeid)
        for changeid in wanted
        if known[changeid] == _state.OPEN
    }
    least = {changeid: await read for changeid, read in reads.items()}
    for key, value in rows:
        changeid = key[skip - 16 : skip]
        if len(key) < skip or key[len(head) : len(head) + 1] != _UUID:
            findings.damaged(key, "it is of no change")
        elif changeid not in least:
            findings.stale(key, "stale: there is no such change, or it is applied")
        elif len(value) != 16:
            # As readers take it.
            findings.wrong(key, bytes(16), "it is no point of history")
        elif head == store.reads and _bases.unpack_read(store, key[skip:], value) is None:
            findings.stale(key, "stale: it is no pattern of the store")
        elif (least[changeid] or b"\xff") > value:
            first = store.bases + _UUID + changeid
            findings.wrong(first, value, "it is not the least of what the change is built on")
            least[changeid] = value
