"""What a change is built on: tuples that it adds and removes, patterns that were read for it, and since when.

A change is made in several transactions, and others are applied meanwhile. Beside each tuple that it writes stands the
head of history at that moment, its base; beside each pattern that was read, the head when it was first read. Applying
the change looks through what was applied since, for tuples that it writes or has read: what FoundationDB does with the
conflict ranges of a transaction, for changes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import Any, Final, NamedTuple, Optional
from uuid import UUID

import found
from found.ext import _store
from found.ext.vnstore import _said, _state
from found.ext.vnstore._handle import VNStore
from found.ext.vnstore._match import Plan, View
from found.ext.vnstore._records import Conflict

CONFLICTS: Final = 100
"""Conflicts that a refusal names."""
PAGE: Final = 1_000
"""Rows that are read at once."""

_UUID: Final = b"\x30"
_LITERAL: Final = "."


def spans(store: VNStore, changeid: UUID) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """The ranges that hold what a change is built on: of `bases`, and of `reads`."""
    packed = _UUID + changeid.bytes
    return (
        (store.bases + packed, store.bases + packed + b"\xff"),
        (store.reads + packed, store.reads + packed + b"\xff"),
    )


def wrote(
    tx: found.Transaction, store: VNStore, changeid: UUID, packed: bytes, base: bytes
) -> None:
    """A change adds or removes a tuple: it has seen what became of it until `base`."""
    (begin, _), _ = spans(store, changeid)
    found.byte_min(tx, begin, base)
    found.set(tx, begin + packed, base)


def remembers(view: View) -> bool:
    """Whether what is read belongs to a change.

    Reads of the past and snapshot reads do not, nor those of a transaction that cannot write.
    """
    active = _state.of(view.tx, view.store).active
    return not (active is None or view.tx.snapshot or view.snapshot or view.as_of is not None)


async def read(view: View, how: Plan) -> None:
    """The active change, if it is open, is built on what matches a pattern."""
    tx, store = view.tx, view.store
    active = _state.of(tx, store).active
    if active is None or not remembers(view):
        return
    if (await _state.resolve(tx, store, (active.bytes,)))[active.bytes] != _state.OPEN:
        return
    _, base = await _state.built(tx, store, active)
    (begin, _), (reads, _) = spans(store, active)
    key = reads + _pack_pattern(store, how)
    if len(key) > _store.MAX_KEY:
        # Too long for a key by the few bytes of its shape: everything is what it has read then.
        key = reads + found.pack(("".join(chr(ord("a") + column) for column in range(store.n)),))
    state = _state.of(tx, store)
    if key not in state.recorded:
        state.recorded.add(key)
        found.byte_min(tx, begin, base)
        found.byte_min(tx, key, base)


def _pack_pattern(store: VNStore, how: Plan) -> bytes:
    """A pattern for a key: its shape, a dot for an item and a letter for a variable, and its items.

    What else is asked of the variables is left out: the pattern then stands for more than was read.
    """
    names = {column: variable.name for column, variable in zip(how.columns, how.variables)}
    letters: dict[str, str] = {}
    shape = "".join(
        letters.setdefault(names[column], chr(ord("a") + len(letters)))
        if column in names
        else _LITERAL
        for column in range(store.n)
    )
    items = b"".join([how.given[column] for column in range(store.n) if column in how.given])
    return found.pack((shape,)) + items


class _Read(NamedTuple):
    """A pattern that was read."""

    base: bytes
    shape: str
    items: tuple[bytes, ...]
    """Its items, packed."""

    def matches(self, items: tuple[bytes, ...]) -> bool:
        """Whether a tuple, its items packed, is one that the pattern stands for."""
        given = iter(self.items)
        bound: dict[str, bytes] = {}
        return all(
            item == (next(given) if letter == _LITERAL else bound.setdefault(letter, item))
            for letter, item in zip(self.shape, items)
        )


def unpack_read(store: VNStore, suffix: bytes, base: bytes) -> Optional[_Read]:
    """A row of `reads`; None for one that this has not written."""
    try:
        shape, *items = found.unpack(suffix)
    except ValueError:
        return None
    if not isinstance(shape, str) or len(shape) != store.n or shape.count(_LITERAL) != len(items):
        return None
    return _Read(base, shape, tuple(found.pack((item,)) for item in items))


async def _applied_since(
    view: View, base: bytes
) -> AsyncGenerator[list[tuple[bytes, bytes]], None]:
    """Significance and identifier of the changes after a point, in pages, in the order of history."""
    scan = view.store.changes.scans[0b010]
    skip = len(scan.head) + len(_state.SIGNIFICANCE)
    begin = scan.head + _state.SIGNIFICANCE + _UUID + base + b"\xff"
    end = scan.head + _state.SIGNIFICANCE + b"\xff"
    while True:
        rows = await found.all(found.query(view.tx, begin, end, limit=PAGE, snapshot=True))
        yield [
            (key[skip + 1 : skip + 17], key[skip + 18 :])
            for key, _ in rows
            if len(key) == skip + 34
        ]
        if len(rows) < PAGE:
            return
        begin = rows[-1][0] + b"\x00"


async def _bases_of(
    view: View, begin: bytes, few: Optional[dict[bytes, bytes]], tuples: list[bytes]
) -> list[Optional[bytes]]:
    """The base of each of some tuples, None where the change does not write it."""
    if few is not None:
        return [few.get(packed) for packed in tuples]
    reads = [found.get(view.tx, begin + packed, snapshot=True) for packed in tuples]
    values = [await read for read in reads]
    return [None if value is None else _point(value) for value in values]


def _point(value: bytes) -> bytes:
    """A base as it was written; what is damaged counts as the beginning of history."""
    return value if len(value) == 16 else _state.BEGINNING


def start_least(
    tx: found.Transaction, store: VNStore, changeid: UUID
) -> Awaitable[Optional[bytes]]:
    """Begin to read the least of the points that a change is built on."""
    (begin, _), _ = spans(store, changeid)
    return found.get(tx, begin, snapshot=True)


async def conflicts(
    tx: found.Transaction,
    store: VNStore,
    changeid: UUID,
    least: Optional[bytes],
    head: bytes,
    limit: int,
) -> list[Conflict]:
    """What an open change is built on and others have touched since, in the order of history.

    Reads what the changes say that were applied since: nothing if there are none. `least` is what `start_least` reads,
    `head` the head of history.
    """
    if least is None or _point(least) >= head:
        return []
    (begin, end), (reads_begin, reads_end) = spans(store, changeid)
    reading = [
        found.all(found.query(tx, reads_begin, reads_end, snapshot=True)),
        found.all(found.query(tx, begin + b"\x00", end, limit=PAGE, snapshot=True)),
    ]
    patterns = [
        pattern
        for key, value in await reading[0]
        if (pattern := unpack_read(store, key[len(reads_begin) :], _point(value))) is not None
    ]
    rows = await reading[1]
    few = {key[len(begin) :]: _point(value) for key, value in rows} if len(rows) < PAGE else None
    view = View(tx, store, None, None, True)
    conflicting: list[Conflict] = []
    async for page in _applied_since(view, _point(least)):
        # What 0.13 has applied again, with another significance, is no other change.
        others = [(point, other) for point, other in page if other != changeid.bytes]
        async for number, said in _said.each_said(view, [other for _, other in others]):
            significance, other = others[number]
            bases = await _bases_of(view, begin, few, [found.pack(one.items) for one in said])
            for one, base in zip(said, bases):
                how = "written"
                if base is None or base >= significance:
                    base, how = _seen(patterns, one.items, significance), "read"
                if base is not None:
                    built_on, by, when = (UUID(bytes=at) for at in (base, other, significance))
                    conflicting.append(Conflict(one.items, how, built_on, by, when, one.alive))
                    if len(conflicting) == limit:
                        return conflicting
    return conflicting


def _seen(patterns: list[_Read], items: tuple[Any, ...], significance: bytes) -> Optional[bytes]:
    """The base of a pattern that was read before a change and that its tuple matches."""
    packed: Optional[tuple[bytes, ...]] = None
    for pattern in patterns:
        if pattern.base < significance:
            packed = packed or tuple(found.pack((item,)) for item in items)
            if pattern.matches(packed):
                return pattern.base
    return None
