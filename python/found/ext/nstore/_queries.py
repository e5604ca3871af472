"""Queries of an nstore: what matches patterns, as bindings of their variables."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, Optional, Union

import found
from found.ext._store import PagedResults, each
from found.ext.nstore import _patterns, _plans
from found.ext.nstore._joins import AT_ONCE, Join, Level, Pages
from found.ext.nstore._patterns import PATH, Binding, Path, Pattern, Variable, as_pattern
from found.ext.nstore._tuples import NStore, NStoreException, check_width, refused

# Scans under way where only some bindings are wanted: what is read ahead may be for nothing.
FEW_AT_ONCE = 8


class Bindings(PagedResults[Binding]):
    """The bindings of a query, each a new dict: `async for one in bindings`, `await found.all(bindings)`."""

    __slots__ = ("_continuation",)

    _continuation: Union[bytes, str, None]

    @property
    def continuation(self) -> Optional[bytes]:
        """Where the query goes on, once the iteration has ended: bytes for `after` if `limit` ended it, else None.

        It goes on after the last binding, whatever has changed meanwhile, in this transaction or another.

        Raises:
            RuntimeError: the iteration has not ended, or the query has none: those of `where`, and with `distinct`.
        """
        if isinstance(self._continuation, str):
            raise RuntimeError(self._continuation)
        return self._continuation


def _results(query: _Query) -> Bindings:
    results = Bindings(lambda mode: query.run(mode, results))
    results._continuation = "the iteration has not ended"
    return results


class _Query:
    """A query that was checked, to be run once."""

    def __init__(
        self,
        tx: found.Transaction,
        store: NStore,
        patterns: list[Pattern],
        seed: Binding,
        *,
        limit: int = 0,
        after: Optional[bytes] = None,
        distinct: Optional[tuple[str, ...]] = None,
        reorder: bool = True,
    ) -> None:
        self.tx = tx
        self.store = store
        self.patterns = patterns
        self.seed = seed
        self.limit = limit
        self.distinct = distinct
        self.reorder = reorder
        self.tracked = (limit > 0 or after is not None) and distinct is None
        self.fingerprint = b""
        self.position: Optional[_plans.Position] = None
        if self.tracked:
            self.fingerprint = _plans.fingerprint(store, patterns, seed)
        if after is not None:
            self.position = _plans.from_continuation(store, self.fingerprint, patterns, after)

    async def plan(self) -> _plans.Plan:
        return await _plans.plan(self.tx, self.store, self.patterns, self.seed, self.reorder)

    async def pages(self, mode: int) -> Pages:
        if self.position is not None:
            self.order = self.position.order
            levels = self.position.levels(self.patterns)
        else:
            self.order = (await self.plan()).order
            levels = _plans.levels(self.patterns, self.order)
        limit = 0 if self.distinct is not None else self.limit
        pages = _first(dict(self.seed))
        for turn, level in enumerate(levels):
            join = Join(
                self.tx,
                self.store,
                level,
                # Only the first reads one long range; the others' are many.
                mode=mode if turn == 0 and not self.limit else found.STREAMING_MODE_ITERATOR,
                limit=limit if turn == len(levels) - 1 else 0,
                at_once=FEW_AT_ONCE if self.limit else AT_ONCE,
                tracked=self.tracked,
                alike=True,
            )
            pages = join.pages(pages)
        return pages

    async def run(self, mode: int, results: Bindings) -> Pages:
        pages = await self.pages(mode)
        left = self.limit
        seen: set[bytes] = set()
        path: Path = None
        try:
            async for page in pages:
                if self.distinct is not None:
                    page = _distinct(page, self.distinct, seen)
                if self.limit:
                    page = page[:left]
                    left -= len(page)
                if self.tracked:
                    for binding in page:
                        path = binding.pop(PATH, None)
                if page:
                    yield page
                if self.limit and not left:
                    results._continuation = self._continuation(path)
                    return
            results._continuation = self._continuation(None)
        finally:
            await pages.aclose()

    def _continuation(self, path: Path) -> Union[bytes, str, None]:
        """Where the query goes on after the binding of a path; None if there is nothing more."""
        if self.distinct is not None:
            return "a query with distinct has no continuation"
        # Without a path there was one binding to give, the seed.
        if path is None:
            return None
        return _plans.to_continuation(self.store, self.fingerprint, self.order, path)


async def _first(seed: Binding) -> Pages:
    yield [seed]


def _distinct(page: list[Binding], names: tuple[str, ...], seen: set[bytes]) -> list[Binding]:
    """The bindings with these names alone, those that were not seen before."""
    new: list[Binding] = []
    for binding in page:
        kept = {name: binding[name] for name in names}
        # Packed: as keys of a dict 1, 1.0 and True would be one.
        packed = found.pack(tuple(kept.values()))
        if packed not in seen:
            seen.add(packed)
            new.append(kept)
    return new


def select(
    tx: found.Transaction,
    nstore: NStore,
    *pattern: Any,
    seed: Optional[Mapping[str, Any]] = None,
    value: Union[str, Variable, None] = None,
    limit: int = 0,
    after: Optional[bytes] = None,
) -> Bindings:
    """Yield a dict for each tuple that matches a pattern: what its variables stand for, and what `seed` has.

    The tuples come in the order of the index that is read, which begins with the columns the pattern has items for.
    It is one range read, or a get if the pattern has an item for each column.

    Args:
        tx: a found.Transaction.
        nstore: the store.
        pattern: an item, or what `var`, `between`, `prefix` or `satisfying` returned, for each column.
        seed: a mapping of names to items. A variable of such a name stands for that item.
        value: a name for the tuple's value, which is then in the bindings.
        limit: int, the most bindings; 0, the default, for all.
        after: bytes, the `continuation` of the bindings that a `limit` ended, of the same pattern and seed.

    Returns:
        Bindings, an asynchronous iterator of dicts, to be iterated once. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query` can.
        NStoreException: from the call: the pattern has not the store's width, an item cannot be in a tuple, or
            `after` is of another query.
        TypeError, ValueError: from the call: another argument is wrong.
    """
    return query(
        tx, nstore, _pattern_of(nstore, pattern, value), seed=seed, limit=limit, after=after
    )


def _pattern_of(
    store: NStore, items: tuple[Any, ...], value: Union[str, Variable, None]
) -> Pattern:
    check_width(store, items, "pattern")
    return _patterns.pattern(*items, value=value)


def query(
    tx: found.Transaction,
    nstore: NStore,
    pattern: Any,
    *patterns: Any,
    seed: Optional[Mapping[str, Any]] = None,
    limit: int = 0,
    after: Optional[bytes] = None,
    distinct: Optional[Iterable[str]] = None,
    reorder: bool = True,
) -> Bindings:
    """Yield a dict for each way to match all patterns at once: what their variables stand for, and what `seed` has.

    The patterns are joined one after the other: for each binding that those before have given, the tuples are read that
    match the next. The reads for up to 64 bindings are sent together, whose first pages are 4,096 bytes each, and
    bindings come in the order of a nested loop all the same. The pattern with most items known comes first; where
    several have as many, an estimate of the bytes they match may decide; else they keep their order. `explain` tells.

    Args:
        tx: a found.Transaction.
        nstore: the store.
        pattern: a tuple of an item or a variable for each column; or what `pattern` or `no` returned.
        patterns: more of these.
        seed: a mapping of names to items. A variable of such a name stands for that item.
        limit: int, the most bindings; 0, the default, for all.
        after: bytes, the `continuation` of the bindings that a `limit` ended, of the same patterns and seed.
        distinct: names; the bindings have these alone, and each comes once. Those that came are kept in memory, packed.
        reorder: False to join the patterns in the order they are given in.

    Returns:
        Bindings, an asynchronous iterator of dicts, to be iterated once. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query` and `found.estimated_size_bytes` can.
        NStoreException: from the call: a pattern has not the store's width, an item cannot be in a tuple, `distinct`
            has a name that the bindings have not, or `after` is of another query or given beside `distinct`.
        TypeError, ValueError: from the call: another argument is wrong.
    """
    return _results(
        _checked(tx, nstore, (pattern, *patterns), seed, limit, after, distinct, reorder)
    )


def _checked(
    tx: found.Transaction,
    store: NStore,
    patterns: tuple[Any, ...],
    seed: Optional[Mapping[str, Any]],
    limit: int,
    after: Optional[bytes],
    distinct: Optional[Iterable[str]],
    reorder: bool,
) -> _Query:
    if not isinstance(tx, found.Transaction):
        raise TypeError(f"tx must be a found.Transaction, not {type(tx).__name__}")
    checked = [as_pattern(store, one) for one in patterns]
    names = {name for one in checked if not one.negated for name in one.names()}
    known = _check_seed(store, seed, checked)
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"limit must be an int, not {type(limit).__name__}")
    if limit < 0:
        raise ValueError(f"limit must be a number of bindings, or 0 for all, not {limit}")
    kept: Optional[tuple[str, ...]] = None
    if distinct is not None:
        if isinstance(distinct, (str, bytes)) or not isinstance(distinct, Iterable):
            kind = type(distinct).__name__
            raise TypeError(f"distinct must be an iterable of names, not {kind}")
        kept = tuple(dict.fromkeys(distinct))
        unknown = [name for name in kept if name not in names and name not in known]
        if unknown:
            raise NStoreException(f"distinct has {unknown[0]!r}, which no pattern gives")
        if after is not None:
            raise NStoreException("after cannot be given beside distinct")
    return _Query(
        tx, store, checked, known, limit=limit, after=after, distinct=kept, reorder=reorder
    )


def _check_seed(
    store: NStore, seed: Optional[Mapping[str, Any]], patterns: list[Pattern]
) -> Binding:
    """A copy of the seed, whose items for the patterns can be packed."""
    if seed is None:
        return {}
    if not isinstance(seed, Mapping):
        raise TypeError(f"seed must be a mapping, not {type(seed).__name__}")
    known = dict(seed)
    names = {item.name for one in patterns for item in one.items if isinstance(item, Variable)}
    items = tuple(known[name] for name in names if name in known)
    try:
        found.pack(items)
    except (TypeError, ValueError) as error:
        raise refused(store, items, error) from None
    return known


def where(
    tx: found.Transaction,
    nstore: NStore,
    iterator: AsyncIterable[Mapping[str, Any]],
    *pattern: Any,
    value: Union[str, Variable, None] = None,
) -> Bindings:
    """Yield, for each binding of `iterator`, a dict for each tuple that matches `pattern`, as a nested loop would.

    What a binding says of the pattern's variables is known before the store is read; the new one has what it has, and
    the rest. Up to 64 bindings are taken ahead, so that their reads are sent together.

    Args:
        tx: a found.Transaction.
        nstore: the store.
        iterator: an asynchronous iterable of mappings, as `select`, `where` and `query` return; closed at the end.
        pattern: an item or a variable for each column.
        value: a name for the tuple's value, which is then in the bindings.

    Returns:
        Bindings, an asynchronous iterator of dicts, to be iterated once. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query` can.
        NStoreException: from the call: the pattern has not the store's width, or an item cannot be in a tuple; while
            it is iterated, an item of a binding.
        TypeError: from the call: `tx` is no transaction, or `iterator` no asynchronous iterable.
    """
    if not isinstance(tx, found.Transaction):
        raise TypeError(f"tx must be a found.Transaction, not {type(tx).__name__}")
    if not isinstance(iterator, AsyncIterable):
        kind = type(iterator).__name__
        raise TypeError(f"iterator must be an asynchronous iterable, not {kind}")
    checked = as_pattern(nstore, _pattern_of(nstore, pattern, value))

    def run(mode: int) -> Pages:
        seeds = iterator.pages(mode) if isinstance(iterator, Bindings) else _one_each(iterator)
        return Join(tx, nstore, Level(checked, False)).pages(seeds)

    results = Bindings(run)
    results._continuation = "what where returns has no continuation: query has"
    return results


async def _one_each(iterator: AsyncIterable[Mapping[str, Any]]) -> Pages:
    items = each(iterator)
    try:
        async for binding in items:
            yield [dict(binding)]
    finally:
        await items.aclose()


async def count(
    tx: found.Transaction,
    nstore: NStore,
    pattern: Any,
    *patterns: Any,
    seed: Optional[Mapping[str, Any]] = None,
    distinct: Optional[Iterable[str]] = None,
    reorder: bool = True,
) -> int:
    """Count the bindings that `query` would give.

    It reads what `query` does: FoundationDB has no count. Keep one with `found.add` where it is asked often.

    Args and what it raises: as `query`.

    Returns:
        int.
    """
    asked = _checked(tx, nstore, (pattern, *patterns), seed, 0, None, distinct, reorder)
    total = 0
    async for page in _results(asked).pages(found.STREAMING_MODE_WANT_ALL):
        total += len(page)
    return total


async def explain(
    tx: found.Transaction,
    nstore: NStore,
    pattern: Any,
    *patterns: Any,
    seed: Optional[Mapping[str, Any]] = None,
    reorder: bool = True,
) -> list[_plans.Step]:
    """Tell how `query` would look its patterns up: in which order, in which index, by which items.

    It asks for the same estimates, and reads nothing else.

    Args and what it raises: as `query`.

    Returns:
        A list of Step, a named tuple, one for each pattern in the order of their turns.
    """
    asked = _checked(tx, nstore, (pattern, *patterns), seed, 0, None, None, reorder)
    return _plans.explain(nstore, asked.patterns, set(asked.seed), await asked.plan())
