"""A transaction as FoundationDB describes it, in plain dictionaries and lists; it shares no code with the engine.

What it reads, what it then conflicts with, and what its commit leaves, by ReadYourWrites.actor.cpp (addConflictRange,
updateConflictMap, resolveKeySelectorFromCache), WriteMap.cpp and Atomic.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional, Union

END = b"\xff"
STAMP = 10

Range = tuple[bytes, bytes]
Rows = dict[bytes, bytes]


class Unreadable(Exception):
    """A key on the way has a value that is not known before the commit: error 1036."""


class Hidden(Exception):
    """The range that is in the way."""

    def __init__(self, begin: bytes, end: bytes) -> None:
        self.begin = begin
        self.end = end


class Selector(NamedTuple):
    key: bytes
    or_equal: bool
    offset: int

    @property
    def base(self) -> bytes:
        """The key it counts from, as one that is never equal."""
        return after(self.key) if self.or_equal else self.key


def after(key: bytes) -> bytes:
    return key + b"\x00"


def only(key: bytes) -> Range:
    return key, after(key)


def without(ranges: Iterable[Range], hole: Range) -> list[Range]:
    """The parts of ranges that are not in the hole."""
    begin, end = hole
    pieces = []
    for first, last in ranges:
        pieces += [(first, min(last, begin)), (max(first, end), last)]
    return [(first, last) for first, last in pieces if first < last]


def holds(ranges: Iterable[Range], key: bytes) -> bool:
    return any(begin <= key < end for begin, end in ranges)


def meet(one: Range, other: Range) -> bool:
    return one[0] < other[1] and other[0] < one[1]


# ---- atomic operations

Operation = Callable[[Optional[bytes], bytes], Optional[bytes]]


def _number(operation: Callable[[int, int], int]) -> Operation:
    """On little-endian numbers as long as the operand; a missing value gives the operand."""

    def apply(old: Optional[bytes], operand: bytes) -> bytes:
        if old is None:
            return operand
        length = len(operand)
        one = int.from_bytes(old[:length], "little")
        result = operation(one, int.from_bytes(operand, "little"))
        return (result % (1 << 8 * length)).to_bytes(length, "little")

    return apply


def _bytes(operation: Callable[[bytes, bytes], bytes]) -> Operation:
    return lambda old, operand: operand if old is None else operation(old, operand)


ATOMIC: dict[str, Operation] = {
    "add": _number(lambda old, operand: old + operand),
    "bit_and": _number(lambda old, operand: old & operand),
    "bit_or": _number(lambda old, operand: old | operand),
    "bit_xor": _number(lambda old, operand: old ^ operand),
    "max": _number(max),
    "min": _number(min),
    "byte_max": _bytes(max),
    "byte_min": _bytes(min),
    "append_if_fits": _bytes(lambda old, operand: old + operand),
    "compare_and_clear": lambda old, operand: None if old == operand else old,
}


# ---- writes


class Set(NamedTuple):
    key: bytes
    value: bytes


class Clear(NamedTuple):
    begin: bytes
    end: bytes


class Atomic(NamedTuple):
    key: bytes
    operation: str
    operand: bytes


class StampedValue(NamedTuple):
    """A value that is the stamp and something more."""

    key: bytes
    rest: bytes


@dataclass
class StampedKey:
    """A key that is `prefix STAMP suffix`, of which it is known what it will be past."""

    prefix: bytes
    suffix: bytes
    value: bytes
    version: int
    # Sent ahead of the rest by a later one whose range it lies in: then no clear takes it back.
    sent: bool = False
    gone: bool = False

    @property
    def lowest(self) -> bytes:
        return self.prefix + self.version.to_bytes(8, "big") + b"\x00\x00" + self.suffix

    @property
    def span(self) -> Range:
        """The keys that it may become."""
        return self.lowest, after(self.prefix + b"\xff" * STAMP + self.suffix)

    @property
    def place(self) -> bytes:
        """What stands for it until the commit: the parameter with the lowest stamp."""
        return self.lowest + len(self.prefix).to_bytes(4, "little")


Write = Union[Set, Clear, Atomic, StampedValue, StampedKey]


def apply(write: Write, rows: Rows, stamp: Optional[bytes] = None) -> None:
    """Apply a write. Without a stamp, what waits for one is left out: nobody can see it."""
    if isinstance(write, Set):
        rows[write.key] = write.value
    elif isinstance(write, Clear):
        for key in [key for key in rows if write.begin <= key < write.end]:
            del rows[key]
    elif isinstance(write, Atomic):
        value = ATOMIC[write.operation](rows.pop(write.key, None), write.operand)
        if value is not None:
            rows[write.key] = value
    elif stamp is not None and isinstance(write, StampedValue):
        rows[write.key] = stamp + write.rest
    elif stamp is not None and isinstance(write, StampedKey) and not write.gone:
        rows[write.prefix + stamp + write.suffix] = write.value


# ---- reads


class Place(NamedTuple):
    """An end of a range read: a key, and what was left of the offset where the database ended."""

    key: bytes
    left: int = 1
    off_begin: bool = False
    off_end: bool = False


class View:
    """What a transaction sees."""

    def __init__(self, rows: Rows, hidden: list[Range]) -> None:
        self.hidden = hidden
        self.rows = {key: rows[key] for key in sorted(rows) if not holds(hidden, key)}

    def forward(self, start: bytes, until: bytes) -> tuple[list[bytes], Optional[Range]]:
        """The keys up to the first range that is hidden, and that range."""
        ahead = [(max(begin, start), end) for begin, end in self.hidden if end > start]
        wall = min(ahead, default=None)
        if wall is not None and wall[0] >= until:
            wall = None
        stop = until if wall is None else wall[0]
        return [key for key in self.rows if start <= key < stop], wall

    def backward(self, start: bytes, until: bytes) -> tuple[list[bytes], Optional[Range]]:
        ahead = [(begin, min(end, start)) for begin, end in self.hidden if begin < start]
        wall = max(ahead, default=None, key=lambda one: one[1])
        if wall is not None and wall[1] <= until:
            wall = None
        stop = until if wall is None else wall[1]
        return [key for key in reversed(list(self.rows)) if stop <= key < start], wall

    def nth(self, start: bytes, count: int, reverse: bool) -> Union[bytes, int]:
        """The nth key from somewhere, or how many keys there are."""
        keys, wall = self.backward(start, b"") if reverse else self.forward(start, END)
        if len(keys) >= count:
            return keys[count - 1]
        if wall is not None:
            raise Hidden(*wall)
        return len(keys)

    def place(self, selector: Selector) -> Place:
        """Of offset 1 the base itself, wherever the next key is; of any other, so many keys away."""
        base, offset = selector.base, selector.offset
        if offset == 1:
            return Place(base)
        if offset > 1:
            found = self.nth(base, offset - 1, reverse=False)
            if isinstance(found, int):
                return Place(END, offset - found, off_end=True)
            return Place(after(found))
        found = self.nth(base, 1 - offset, reverse=True)
        return (
            Place(b"", offset + found, off_begin=True) if isinstance(found, int) else Place(found)
        )


@dataclass
class Plain:
    """What a transaction should see and do."""

    rows: Rows
    version: int
    started: int
    log: list[Write] = field(default_factory=list)
    reads: list[Range] = field(default_factory=list)
    written: list[Range] = field(default_factory=list)
    quiet: bool = False
    failed: bool = False

    def view(self) -> View:
        rows, hidden = dict(self.rows), list[Range]()
        for write in self.log:
            apply(write, rows)
            if isinstance(write, Clear):
                hidden = without(hidden, write)
            elif isinstance(write, StampedValue):
                hidden.append(only(write.key))
            elif isinstance(write, StampedKey):
                hidden += [write.span, only(write.place)]
        return View(rows, hidden)

    def known(self) -> list[Range]:
        """The keys whose value this transaction knows without the database."""
        known, hidden, dependent = list[Range](), list[Range](), set[bytes]()
        for write in self.log:
            if isinstance(write, (Set, StampedValue)):
                # An unreadable key remembers all that happened to it.
                if not (holds(hidden, write.key) and write.key in dependent):
                    dependent.discard(write.key)
                    known.append(only(write.key))
                if isinstance(write, StampedValue):
                    hidden.append(only(write.key))
            elif isinstance(write, Atomic):
                if not holds(known, write.key):
                    dependent.add(write.key)
            elif isinstance(write, Clear):
                dependent = {key for key in dependent if not holds([write], key)}
                hidden = without(hidden, write)
                known.append(write)
            else:
                dependent = {key for key in dependent if not holds([write.span], key)}
                known = [*without(known, write.span), only(write.place)]
                hidden.append(write.span)
        return known

    def has_read(self, begin: bytes, end: bytes) -> None:
        """Add a read conflict range, less what this transaction knows by itself."""
        ranges = [(begin, end)] if begin < end else []
        for hole in self.known():
            ranges = without(ranges, hole)
        self.reads += ranges

    def fail(self) -> Unreadable:
        # The commit fails for it too.
        self.failed = True
        return Unreadable()

    def get(self, key: bytes, snapshot: bool) -> Optional[bytes]:
        view = self.view()
        if holds(view.hidden, key):
            raise self.fail()
        if not snapshot:
            self.has_read(*only(key))
        return view.rows.get(key)

    def get_key(self, selector: Selector, snapshot: bool) -> bytes:
        base, forward = selector.base, selector.offset > 0
        count = selector.offset if forward else 1 - selector.offset
        try:
            key = self.view().nth(base, count, reverse=not forward)
        except Hidden:
            raise self.fail() from None
        if isinstance(key, int):
            key = END if forward else b""
        if not snapshot:
            self.has_read(*((base, after(key)) if forward else (key, base)))
        return key

    def query(
        self, begin: Selector, end: Selector, limit: int, reverse: bool, snapshot: bool
    ) -> list[tuple[bytes, bytes]]:
        if begin.offset >= end.offset and begin.base >= end.base:
            return []
        view = self.view()
        first, last = self._places(view, begin, end, reverse)
        stop = min(last.key, END)
        keys, wall = list[bytes](), None
        if first.key < stop and reverse:
            keys, wall = view.backward(stop, first.key)
        elif first.key < stop:
            keys, wall = view.forward(first.key, stop)
        more = 0 < limit <= len(keys)
        if wall is not None and not more:
            raise self.fail()
        keys = keys[:limit] if limit else keys
        if not snapshot:
            off_begin = off_end = False
            if not (first.left >= last.left and first.key >= last.key):
                off_begin = (first.off_begin or last.off_begin) and not (reverse and more)
                off_end = (first.off_end or last.off_end) and (reverse or not more)
            self._has_read_range(begin, end, keys, more, reverse, off_begin, off_end)
        return [(key, view.rows[key]) for key in keys]

    def _places(
        self, view: View, begin: Selector, end: Selector, reverse: bool
    ) -> tuple[Place, Place]:
        """The ends. One that is hidden may be ahead of the walk, which a limit may end before it."""
        hidden: dict[Selector, Hidden] = {}
        places: dict[Selector, Place] = {}
        for selector in (begin, end):
            try:
                places[selector] = view.place(selector)
            except Hidden as wall:
                hidden[selector] = wall
        first, last = places.get(begin), places.get(end)
        if first and not last and not reverse and end.offset > 1 and first.key < hidden[end].end:
            last = Place(END)
        elif last and not first and reverse and begin.offset < 1 and last.key > hidden[begin].begin:
            first = Place(b"")
        if not (first and last):
            raise self.fail()
        return first, last

    def _has_read_range(
        self,
        begin: Selector,
        end: Selector,
        keys: list[bytes],
        more: bool,
        reverse: bool,
        off_begin: bool,
        off_end: bool,
    ) -> None:
        low, high = sorted((begin.base, end.base))
        if begin.base < end.base and more:
            # What is past the limit cannot change the result, unless an end counts keys there.
            if reverse and begin.offset <= 1:
                low = high
            elif not reverse and end.offset > 0:
                high = low
        if off_begin and begin.offset <= 0:
            low = b""
        if off_end and end.offset > 0:
            high = END
        if keys:
            if reverse or begin.offset <= 0:
                low = min(low, min(keys))
            if high <= max(keys) and (not reverse or end.offset > 0):
                high = after(max(keys))
        self.has_read(low, high)

    def write(self, write: Write) -> None:
        """Write, and with it conflict with those who read there, unless that is off for this one write."""
        quiet, self.quiet = self.quiet, False
        if isinstance(write, Clear):
            for earlier in self.log:
                if isinstance(earlier, StampedKey) and not earlier.sent:
                    earlier.gone |= holds([write], earlier.place)
        elif isinstance(write, StampedKey):
            for earlier in self.log:
                if isinstance(earlier, StampedKey):
                    earlier.sent |= holds([write.span], earlier.place)
        if not quiet and not isinstance(write, StampedKey):
            self.written.append(write if isinstance(write, Clear) else only(write.key))
        self.log.append(write)

    def commit(self, rows: Rows, stamp: bytes) -> list[Range]:
        """Apply everything to rows, and return what was written there for others to conflict with."""
        written = list(self.written)
        # A stamped key stays in its place until something sends it ahead, which comes first.
        kept = [one for one in self.log if isinstance(one, StampedKey) and not one.sent]
        sent = [one for one in self.log if not (isinstance(one, StampedKey) and not one.sent)]
        for write in [*sent, *sorted(kept, key=lambda one: one.place)]:
            apply(write, rows, stamp)
            if isinstance(write, StampedKey) and not write.gone:
                written.append(only(write.prefix + stamp + write.suffix))
        return written
