"""In which order the patterns of a query are joined, and where a query stands when it is cut."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Optional

import found
from found.ext._store import shown
from found.ext.nstore._joins import Level
from found.ext.nstore._patterns import Lookup, Path, Pattern, Variable
from found.ext.nstore._tuples import NStore, NStoreException

# An estimate is trusted to tell patterns apart where one is this many times the other, and more than this many bytes:
# a cluster samples its keys, and is no good at small ranges.
TIMES, SMALL = 4, 100_000

_VERSION = 1


class Step(NamedTuple):
    """How a query looks one of its patterns up; `explain` returns one for each, in the order of their turns."""

    pattern: int
    """Which of the patterns, as given, from 0."""
    reads: str
    """What is read for each binding so far: "get" or "range"; after "no ", whether anything is there."""
    columns: tuple[int, ...]
    """The columns in the order of the index that is read."""
    given: tuple[int, ...]
    """The columns whose items are known, with which the keys that are read begin."""
    pushed: Optional[str]
    """The variable of whose items only a range is read, or None."""
    filtered: bool
    """Whether rows may be read that do not match."""
    estimate: Optional[int]
    """Bytes of the range that the pattern's own items leave, where they decided the order."""


class Plan(NamedTuple):
    order: list[int]
    """The patterns in the order of their turns."""
    estimates: dict[int, int]


async def plan(
    tx: found.Transaction,
    store: NStore,
    patterns: Sequence[Pattern],
    seed: Mapping[str, Any],
    reorder: bool,
) -> Plan:
    """Order patterns: the one with most items known comes next.

    A pattern that shares no variable with those before it waits, for each of its tuples meets each binding so far. One
    that nothing may match comes as soon as its variables are known. Else equals keep their order; but which of them
    begins is decided by the size of what they match.
    """
    known = set(seed)
    positive = [number for number, one in enumerate(patterns) if not one.negated]
    shared = {name for number in positive for name in patterns[number].names()}
    left = list(range(len(patterns)))
    order: list[int] = []
    estimates: dict[int, int] = {}
    begins = True
    while left:
        ready = [number for number in left if patterns[number].negated]
        ready = [number for number in ready if patterns[number].names() & shared <= known]
        if not ready:
            candidates = [number for number in left if not patterns[number].negated]
            if reorder:
                candidates = _most_known(patterns, candidates, known)
                if begins and len(candidates) > 1:
                    estimates = await _sizes(tx, store, patterns, candidates, seed)
                    candidates = [_smallest(candidates, estimates)]
            begins = False
            ready = candidates[:1]
            known |= patterns[ready[0]].names()
        order += ready
        left = [number for number in left if number not in ready]
    return Plan(order, estimates)


def _most_known(patterns: Sequence[Pattern], candidates: list[int], known: set[str]) -> list[int]:
    def cost(number: int) -> tuple[int, bool]:
        names = patterns[number].names()
        free = [item for item in patterns[number].items if _is_free(item, known)]
        return len(free), bool(known) and bool(names) and not names & known

    least = min(map(cost, candidates))
    return [number for number in candidates if cost(number) == least]


async def _sizes(
    tx: found.Transaction,
    store: NStore,
    patterns: Sequence[Pattern],
    candidates: list[int],
    seed: Mapping[str, Any],
) -> dict[int, int]:
    """Bytes of the range of each pattern, by estimate; of none if they are conditions, which cost a get each."""
    lookups = [Lookup(store, patterns[number], seed) for number in candidates]
    if lookups[0].point:
        return {}
    asked = [found.estimated_size_bytes(tx, *one.span(one.begin(seed))) for one in lookups]
    return {number: await size for number, size in zip(candidates, asked)}


def _smallest(candidates: list[int], estimates: Mapping[int, int]) -> int:
    first = candidates[0]
    if first not in estimates:
        return first
    smallest = min(candidates, key=lambda number: estimates[number])
    larger = estimates[first] > max(SMALL, TIMES * estimates[smallest])
    return smallest if larger else first


def _is_free(item: Any, known: set[str]) -> bool:
    return isinstance(item, Variable) and item.name not in known


def explain(
    store: NStore, patterns: Sequence[Pattern], known: set[str], ordered: Plan
) -> list[Step]:
    known = set(known)
    steps: list[Step] = []
    for number in ordered.order:
        pattern = patterns[number]
        lookup = Lookup(store, pattern, known)
        reads = "get" if lookup.point else "range"
        steps.append(
            Step(
                number,
                f"no {reads}" if pattern.negated else reads,
                store.indices[lookup.scan.number],
                lookup.scan.given,
                None if lookup.pushed is None else lookup.pushed.name,
                lookup.filtered,
                ordered.estimates.get(number),
            )
        )
        if not pattern.negated:
            known |= pattern.names()
    return steps


class Position(NamedTuple):
    """Where a query was cut: the order of its patterns, and the key of each one's row in the last binding given."""

    order: list[int]
    keys: list[bytes]

    def levels(self, patterns: Sequence[Pattern]) -> list[Level]:
        """The turns of the patterns, to go on from here."""
        levels: list[Level] = []
        keys = iter(self.keys)
        path: Path = None
        last = _last(patterns, self.order)
        for number in self.order:
            key = None if patterns[number].negated else next(keys)
            resume = None if key is None else (path, key)
            levels.append(Level(patterns[number], number == last, resume))
            if key is not None:
                path = (path, key)
        return levels


def levels(patterns: Sequence[Pattern], order: Sequence[int]) -> list[Level]:
    """The turns of the patterns, from the beginning."""
    last = _last(patterns, order)
    return [Level(patterns[number], number == last) for number in order]


def _last(patterns: Sequence[Pattern], order: Sequence[int]) -> Optional[int]:
    positive = [number for number in order if not patterns[number].negated]
    return positive[-1] if positive else None


def fingerprint(store: NStore, patterns: Sequence[Pattern], seed: Mapping[str, Any]) -> bytes:
    """What a continuation is of, in 8 bytes: one of another query is refused rather than misread."""

    def said(item: Any) -> tuple[Any, ...]:
        if not isinstance(item, Variable):
            return ("item", item)
        about = (item.name, item.low, item.high, len(item.checks))
        return ("seed", seed[item.name], *about) if item.name in seed else ("variable", *about)

    described = [(*map(said, one.items), said(one.value), one.negated) for one in patterns]
    packed = found.pack((*store.prefix, store.n, *described))
    return hashlib.blake2b(packed, digest_size=8).digest()


def to_continuation(store: NStore, of: bytes, order: Sequence[int], path: Path) -> bytes:
    skip = len(found.pack(store.prefix))
    keys: list[bytes] = []
    while path is not None:
        path, key = path
        keys.append(key[skip:])
    return found.pack((_VERSION, of, tuple(order), *reversed(keys)))


def from_continuation(
    store: NStore, of: bytes, patterns: Sequence[Pattern], after: object
) -> Position:
    """Where a query goes on.

    Raises:
        NStoreException: `after` is not a continuation of this query.
        TypeError: it is not bytes.
    """
    if not isinstance(after, bytes):
        raise TypeError(f"after must be bytes, not {type(after).__name__}")
    begin = found.pack(store.prefix)
    try:
        version, whose, order, *keys = found.unpack(after)
        position = Position(list(order), [begin + key for key in keys])
    except (TypeError, ValueError):
        raise NStoreException(f"after is no continuation: {shown(after)}") from None
    positive = sum(not one.negated for one in patterns)
    numbers = list(range(len(patterns)))
    if (version, whose) != (_VERSION, of) or sorted(position.order) != numbers:
        raise NStoreException("after is the continuation of another query")
    if len(position.keys) != positive:
        raise NStoreException("after is the continuation of another query")
    return position
