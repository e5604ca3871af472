"""How the bindings of one pattern are extended by the next: many scans at once."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple, Optional

import found
from found.ext._store import Rows
from found.ext.nstore._patterns import PATH, Binding, Lookup, Path, Pattern
from found.ext.nstore._tuples import NStore

AT_ONCE = 64
"""Scans that each pattern of a query has under way at most. The first page of each is 4,096 bytes, or a row."""
RECENT = 128
"""Reads of each pattern that are kept, for bindings that need the same: many people live in few cities."""
PAGE = 256
"""Bindings that are handed on at once, as soon as there are so many."""

Pages = AsyncGenerator[list[Binding], None]


class Level(NamedTuple):
    """One pattern's turn in a join."""

    pattern: Pattern
    last: bool
    """Whether the bindings it gives are the query's."""
    resume: Optional[tuple[Path, bytes]] = None
    """The path of the binding at which a query goes on, and the key it goes on from."""


class _Started(NamedTuple):
    seed: Binding
    lookup: Lookup
    begin: bytes
    operation: Any = None
    """The read of the first rows; None if it is known that there are none."""
    query: Optional[found.Query[tuple[bytes, bytes]]] = None
    """None for a get."""
    end: bytes = b""
    """Where the range ends."""
    limited: bool = False
    """Whether only some of its rows are read."""
    shared: bool = False
    """Whether another binding has sent the read, and goes on with the query if there is more."""


class Join:
    """Bindings extended by the tuples that match one pattern, in the order of a nested loop.

    Args:
        tx: the transaction.
        store: the store.
        level: the pattern's turn.
        mode: the streaming mode of the scans.
        limit: how many bindings are wanted of one scan at most; 0 for all.
        at_once: scans under way.
        tracked: whether bindings are to have their path under PATH.
        alike: whether all bindings that are extended have the same names.
    """

    def __init__(
        self,
        tx: found.Transaction,
        store: NStore,
        level: Level,
        *,
        mode: int = found.STREAMING_MODE_ITERATOR,
        limit: int = 0,
        at_once: int = AT_ONCE,
        tracked: bool = False,
        alike: bool = False,
    ) -> None:
        self._tx = tx
        self._store = store
        self._level = level
        self._pattern = level.pattern
        self._names = sorted(level.pattern.names())
        self._lookups: dict[tuple[bool, ...], Lookup] = {}
        self._alike = alike
        self._only: Optional[Lookup] = None
        self._recent: dict[bytes, _Started] = {}
        self._mode = mode
        self._limit = limit
        self._tracked = tracked
        self._at_once = at_once

    def _lookup(self, seed: Mapping[str, Any]) -> Lookup:
        shape = tuple([name in seed for name in self._names])
        lookup = self._lookups.get(shape)
        if lookup is None:
            known = [name for name in self._names if name in seed]
            lookup = self._lookups[shape] = Lookup(self._store, self._pattern, known)
        if self._alike:
            self._only = lookup
        return lookup

    def _start(self, seed: Binding) -> _Started:
        """Send the scan for one binding."""
        lookup = self._only or self._lookup(seed)
        if not lookup.admits(seed):
            return _Started(seed, lookup, b"")
        begin = lookup.begin(seed)
        resume = b""
        if self._level.resume is not None:
            path, key = self._level.resume
            if seed.get(PATH) == path:
                # The last pattern's own row was given; another pattern's may have more to give.
                resume = key + b"\x00" if self._level.last else key
        same = self._recent.get(begin)
        if same is not None and not resume and same.lookup is lookup:
            return _Started(
                seed, lookup, begin, same.operation, same.query, same.end, same.limited, True
            )
        started = self._send(seed, lookup, begin, resume)
        if started.operation is not None and not resume:
            if len(self._recent) >= RECENT:
                del self._recent[next(iter(self._recent))]
            self._recent[begin] = started
        return started

    def _send(self, seed: Binding, lookup: Lookup, begin: bytes, resume: bytes) -> _Started:
        if lookup.point:
            operation = found.get(self._tx, begin) if begin >= resume else None
            return _Started(seed, lookup, begin, operation)
        first, end = lookup.span(begin)
        first = max(first, resume)
        if first >= end:
            # Given backwards, the range would be read from its end.
            return _Started(seed, lookup, begin)
        limit = 0
        if not lookup.filtered:
            limit = 1 if self._pattern.negated else self._limit
        query = found.query(self._tx, first, end, limit=limit, mode=self._mode)
        return _Started(seed, lookup, begin, query._page(), query, end, limit > 0)

    async def pages(self, seeds: Pages) -> Pages:
        """Yield pages of bindings, each of which extends one of `seeds`."""
        negated = self._pattern.negated
        under_way: deque[_Started] = deque()
        waiting: deque[Binding] = deque()
        out: list[Binding] = []
        exhausted = False
        try:
            while True:
                while len(under_way) < self._at_once:
                    if waiting:
                        started = self._start(waiting.popleft())
                        if started.operation is not None or negated:
                            under_way.append(started)
                    elif exhausted:
                        break
                    else:
                        try:
                            waiting.extend(await seeds.__anext__())
                        except StopAsyncIteration:
                            exhausted = True
                if not under_way:
                    break
                started = under_way.popleft()
                rows: Rows = []
                more = False
                if started.query is not None:
                    rows, more = await started.operation
                elif started.operation is not None:
                    value: Optional[bytes] = await started.operation
                    rows = [] if value is None else [(started.begin, value)]
                bound = self._bind(started, rows) if rows else []
                # A limit counts rows that are no tuples too.
                more = more or (started.limited and len(bound) < len(rows))
                if negated:
                    if not bound and not (more and await self._any(started, rows[-1][0])):
                        out.append(started.seed)
                elif not more:
                    out += bound
                else:
                    yield [*out, *bound]
                    out = []
                    async for bound in self._further(started, rows[-1][0]):
                        yield bound
                if len(out) >= PAGE:
                    yield out
                    out = []
            if out:
                yield out
        finally:
            for started in under_way:
                if started.operation is not None:
                    started.operation.cancel()
            await seeds.aclose()

    async def _any(self, started: _Started, after: bytes) -> bool:
        """Whether a row after a key matches."""
        pages = self._further(started, after)
        try:
            async for bound in pages:
                if bound:
                    return True
        finally:
            await pages.aclose()
        return False

    async def _further(self, started: _Started, after: bytes) -> Pages:
        """The bindings of a range after those of its first page, which ended with a key."""
        query = started.query
        if started.limited or started.shared or query is None:
            after += b"\x00"
            query = found.query(self._tx, after, started.end, mode=self._mode)
        more = True
        while more:
            rows, more = await query._page()
            yield self._bind(started, rows)

    def _bind(self, started: _Started, rows: Rows) -> list[Binding]:
        path = (PATH, started.seed.get(PATH)) if self._tracked else None
        return started.lookup.bind(rows, len(started.begin), started.seed, path)
