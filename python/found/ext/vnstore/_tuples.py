"""Tuples: adding and removing them in a change, and finding those that are alive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Mapping
from typing import Any, NamedTuple, Optional, cast
from uuid import UUID

import found
from found.ext import nstore
from found.ext._store import PagedResults, each
from found.ext.nstore._tuples import keys as tuple_keys
from found.ext.vnstore import _bases, _match, _state
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import VNStore, check, check_count, pack_items
from found.ext.vnstore._match import View, look
from found.ext.vnstore._records import Page

Binding = dict[str, Any]


def write(
    tx: found.Transaction,
    store: VNStore,
    changeid: UUID,
    items: tuple[Any, ...],
    packed: bytes,
    alive: bool,
    base: bytes,
) -> None:
    """The last word of a change on a tuple, built on what became of it until `base`."""
    state = _state.of(tx, store)
    # What it has said before is cleared, whether it is there or not; of a change that begins here it is known.
    if state.created != changeid or packed in state.written:
        for key in tuple_keys(store.tuples, (*items, changeid, not alive)):
            found.clear(tx, key)
    for key in tuple_keys(store.tuples, (*items, changeid, alive)):
        found.set(tx, key, b"")
    if state.created == changeid:
        state.written.add(packed)
    _bases.wrote(tx, store, changeid, packed, base)


async def add(tx: found.Transaction, vnstore: VNStore, *items: Any) -> bool:
    """Add a tuple, in the active change of the transaction.

    If the change removes the tuple it no longer does.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        items: one for each column, anything that `found.pack` takes.

    Returns:
        True.

    Raises:
        TypeError: `vnstore` is no handle.
        VNStoreException: the number of items is not that of the columns, an item cannot be stored, there is no active
            change, or it is applied. Nothing was written.
    """
    store = check(tx, vnstore)
    packed = pack_items(store, items)
    changeid, base = await _state.built(tx, store, None)
    write(tx, store, changeid, items, packed, True, base)
    return True


async def remove(tx: found.Transaction, vnstore: VNStore, *items: Any) -> bool:
    """Remove a tuple, in the active change of the transaction.

    If the change adds the tuple it no longer does.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        items: one for each column.

    Returns:
        True; False, and nothing is written, if the tuple is not alive, neither in the store nor in the change.

    Raises:
        TypeError: `vnstore` is no handle.
        VNStoreException: the number of items is not that of the columns, an item cannot be stored, there is no active
            change, or it is applied. Nothing was written.
    """
    store = check(tx, vnstore)
    packed = pack_items(store, items)
    changeid, base = await _state.built(tx, store, None)
    # No conflict with others who touch the tuple: apply looks for them, from the base on.
    view = View(tx, store, None, changeid.bytes, True)
    if not (await _match.alive(view, (packed,)))[0]:
        await _bases.read(view._replace(snapshot=None), _match.plan(store, items))
        return False
    write(tx, store, changeid, items, packed, False, base)
    return True


async def ask(
    tx: found.Transaction,
    vnstore: VNStore,
    *items: Any,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    snapshot: Optional[bool] = None,
) -> bool:
    """Return whether a tuple is alive. The arguments are those of `select`, and so is what it raises."""
    store = check(tx, vnstore)
    packed = pack_items(store, items)
    view = await look(tx, store, as_of, change, snapshot)
    if _bases.remembers(view):
        await _bases.read(view, _match.plan(store, items))
    return (await _match.alive(view, (packed,)))[0]


def select(
    tx: found.Transaction,
    vnstore: VNStore,
    *pattern: Any,
    seed: Optional[Mapping[str, Any]] = None,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    limit: int = 0,
    snapshot: Optional[bool] = None,
) -> PagedResults[Binding]:
    """Yield a dict for each tuple alive that matches `pattern`: what its variables stand for, and what `seed` has.

    A tuple is alive if the change that was applied last, of all that say something of it, adds it. Each comes once,
    whatever its history.

    If a change is active in the transaction, it is built on what is read here: `change_apply` refuses it once others
    have touched a tuple that the pattern matches. Reads of the past are not remembered so.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        pattern: for each column an item, or a variable as `var` makes them.
        seed: values for variables, by name: what they have been bound to elsewhere.
        as_of: a point of history, the significance of a change or what `point_at` or `point_before` returned: later
            changes do not show. None for now.
        change: the identifier of an open change that is to show as if it were applied.
        limit: the most dicts to yield; 0 for all.
        snapshot: True for snapshot reads, which nothing conflicts with, neither in the transaction nor in its change.

    Returns:
        An asynchronous iterator, which may also be awaited and then gives itself.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is negative.
        VNStoreException: the pattern has not the store's width, an item cannot be stored, or, while it is read, there
            is no such `change`.
    """
    store = check(tx, vnstore)
    _match.check_pattern(store, pattern)
    check_count("limit", limit, 0)
    return _results(
        lambda: look(tx, store, as_of, change, snapshot),
        lambda view: _first(view, pattern, seed=seed, limit=limit),
        limit,
    )


def where(
    tx: found.Transaction,
    vnstore: VNStore,
    iterator: AsyncIterable[Mapping[str, Any]],
    *pattern: Any,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    snapshot: Optional[bool] = None,
) -> PagedResults[Binding]:
    """Yield, for each binding of `iterator`, the bindings that match `pattern` too.

    They come in the order of a nested loop; the scans of 64 bindings are under way at once. The other arguments are
    those of `select`, and so is what it raises.
    """
    store = check(tx, vnstore)
    _match.check_pattern(store, pattern)
    return _results(
        lambda: look(tx, store, as_of, change, snapshot),
        lambda view: _join(view, _unplaced(iterator), pattern),
    )


def query(
    tx: found.Transaction,
    vnstore: VNStore,
    pattern: Any,
    *patterns: Any,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    limit: int = 0,
    snapshot: Optional[bool] = None,
) -> PagedResults[Binding]:
    """Yield a dict for each way to match all of the patterns at once, each a tuple or a list.

    They come in the order of a nested loop, the first pattern outermost. The other arguments are those of `select`,
    and so is what it raises.
    """
    store = check(tx, vnstore)
    check_count("limit", limit, 0)
    checked = [_check_sequence(store, one) for one in (pattern, *patterns)]
    return _results(
        lambda: look(tx, store, as_of, change, snapshot),
        lambda view: _nested(view, checked, limit=limit),
        limit,
    )


def _check_sequence(store: VNStore, pattern: Any) -> tuple[Any, ...]:
    if not isinstance(pattern, (tuple, list)) or isinstance(pattern, nstore.Pattern):
        raise TypeError(f"a pattern must be a tuple or a list, not {type(pattern).__name__}")
    checked = tuple(cast("tuple[Any, ...]", pattern))
    _match.check_pattern(store, checked)
    return checked


class _Placed(NamedTuple):
    """A binding, and where it was found."""

    positions: tuple[bytes, ...]
    """The position of the tuple that each pattern has matched."""
    binding: Binding


_Pages = AsyncGenerator[list[_Placed], None]


def _results(
    look: Callable[[], Awaitable[View]], run: Callable[[View], _Pages], limit: int = 0
) -> PagedResults[Binding]:
    """The bindings of what `run` gives, `limit` of them at most; 0 for all."""
    return PagedResults(lambda _: _bindings(look, run, limit))


async def _bindings(
    look: Callable[[], Awaitable[View]], run: Callable[[View], _Pages], limit: int
) -> AsyncGenerator[list[Binding], None]:
    pages = run(await look())
    left = limit
    try:
        async for page in pages:
            yield [placed.binding for placed in (page[:left] if limit else page)]
            left -= len(page)
            if limit and left <= 0:
                return
    finally:
        await pages.aclose()


async def _unplaced(bindings: AsyncIterable[Mapping[str, Any]]) -> _Pages:
    page: list[_Placed] = []
    source = each(bindings)
    try:
        async for binding in source:
            page.append(_Placed((), dict(binding)))
            if len(page) == _match.JOINED:
                yield page
                page = []
        yield page
    finally:
        await source.aclose()


def _nested(
    view: View,
    patterns: list[tuple[Any, ...]],
    start: Optional[tuple[bytes, ...]] = None,
    *,
    limit: int,
) -> _Pages:
    """The bindings that match patterns, the first outermost; after those at the positions `start`, if it is given."""
    only = len(patterns) == 1
    run = _first(
        view,
        patterns[0],
        start=start[0] if start else None,
        inclusive=not only,
        limit=limit if only else 0,
    )
    for level, pattern in enumerate(patterns[1:], 2):
        run = _join(view, run, pattern, start[:level] if start else None, level < len(patterns))
    return run


async def _first(
    view: View,
    pattern: tuple[Any, ...],
    *,
    seed: Optional[Mapping[str, Any]] = None,
    start: Optional[bytes] = None,
    inclusive: bool = False,
    limit: int = 0,
) -> _Pages:
    how = _match.plan(view.store, pattern, seed)
    await _bases.read(view, how)
    run = _match.pages(view, how, start=start, inclusive=inclusive, limit=limit)
    try:
        async for matches in run:
            yield [_Placed((match.position,), match.binding) for match in matches]
    finally:
        await run.aclose()


async def _join(
    view: View,
    outer: _Pages,
    pattern: tuple[Any, ...],
    start: Optional[tuple[bytes, ...]] = None,
    inclusive: bool = False,
) -> _Pages:
    """Each binding of `outer` with those that match the pattern too; for the one at `start`, only what comes after."""
    try:
        async for page in outer:
            if page and start is not None:
                # If it is still there it comes first: `outer` goes on there as well.
                if page[0].positions == start[:-1]:
                    async for more in _gone_on(view, page[0], pattern, start[-1], inclusive):
                        yield more
                    page = page[1:]
                start = None
            for first in range(0, len(page), _match.JOINED):
                batch = page[first : first + _match.JOINED]
                plans = [_match.plan(view.store, pattern, placed.binding) for placed in batch]
                for how in plans:
                    await _bases.read(view, how)
                async for matches in _match.each_match(view, plans):
                    yield [
                        _Placed((*batch[number].positions, match.position), match.binding)
                        for number, match in matches
                    ]
    finally:
        await outer.aclose()


async def _gone_on(
    view: View, placed: _Placed, pattern: tuple[Any, ...], start: bytes, inclusive: bool
) -> _Pages:
    """A binding with those that match the pattern too, from a position on."""
    how = _match.plan(view.store, pattern, placed.binding)
    await _bases.read(view, how)
    async for matches in _match.pages(view, how, start=start, inclusive=inclusive):
        yield [_Placed((*placed.positions, match.position), match.binding) for match in matches]


async def page(
    tx: found.Transaction,
    vnstore: VNStore,
    pattern: Any,
    *patterns: Any,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    limit: int = 42,
    continuation: Optional[bytes] = None,
    snapshot: Optional[bool] = None,
) -> Page:
    """Return some of what `query` yields, and what the next page begins with, in this transaction or another.

    With `as_of` all pages are of one point of history. Without, they are of the moment each is asked for: a tuple that
    is added meanwhile shows if its place is still to come.

    Args:
        tx: a found.Transaction.
        vnstore: what `make` returned.
        pattern: for each column an item or a variable, in a tuple or a list.
        patterns: more of them, to be matched at once.
        as_of: as for `select`.
        change: as for `select`.
        limit: the most bindings to return.
        continuation: that of the page before, for the same patterns; None for the first page.
        snapshot: as for `select`.

    Raises:
        TypeError: an argument has another type.
        ValueError: `limit` is less than 1.
        VNStoreException: as `select`, or `continuation` is not one of this query.
    """
    store = check(tx, vnstore)
    check_count("limit", limit)
    checked = [_check_sequence(store, one) for one in (pattern, *patterns)]
    start = None if continuation is None else _unpack_continuation(continuation, len(checked))
    view = await look(tx, store, as_of, change, snapshot)
    results: list[_Placed] = []
    run = _nested(view, checked, start, limit=limit + 1)
    try:
        async for placed in run:
            results += placed
            if len(results) > limit:
                break
    finally:
        await run.aclose()
    bindings = [placed.binding for placed in results[:limit]]
    more = len(results) > limit
    return Page(bindings, found.pack(results[limit - 1].positions) if more else None)


def _unpack_continuation(continuation: bytes, patterns: int) -> tuple[bytes, ...]:
    if not isinstance(continuation, bytes):
        raise TypeError(f"continuation must be bytes, not {type(continuation).__name__}")
    try:
        positions = found.unpack(continuation)
    except ValueError:
        positions = ()
    if len(positions) != patterns or not all(isinstance(one, bytes) for one in positions):
        raise VNStoreException("the continuation is not one of this query")
    return positions


async def count(
    tx: found.Transaction,
    vnstore: VNStore,
    pattern: Any,
    *patterns: Any,
    as_of: Optional[UUID] = None,
    change: Optional[UUID] = None,
    snapshot: Optional[bool] = None,
) -> int:
    """Return how many bindings `query` would give; it reads what `query` does.

    The arguments are those of `query`, and so is what it raises.
    """
    results = query(tx, vnstore, pattern, *patterns, as_of=as_of, change=change, snapshot=snapshot)
    number = 0
    async for page in results.pages():
        number += len(page)
    return number
