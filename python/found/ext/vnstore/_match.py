"""Which tuples are alive: rows of all changes in, each tuple that the latest of them leaves alive out, once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Optional
from uuid import UUID

import found
from found import _found
from found.ext._store import Rows
from found.ext.nstore import Scan, Variable
from found.ext.nstore._patterns import admits
from found.ext.vnstore import _state
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import (
    VNStore,
    check_point,
    check_uid,
    check_width,
    is_grouped,
    is_led,
)

CHUNK: Final = 10_000
"""Rows of a range that are held at once."""
JOINED: Final = 64
"""Patterns whose scans are under way at once."""
COMPLETE: Final = 1_000
"""Rows that such a scan reads; one that has more is read on its own."""
FEW: Final = 64
"""Rows that are read at least, where a limit is given."""

_PREVIEW: Final = b"\xff" * 17
"""The rank of a change that is seen as if it were applied: after all others."""
_REFERENCE: Final = 18
_UUID: Final = 0x30
_FALSE: Final = 0x26
_TRUE: Final = 0x27

Ranks = dict[bytes, bytes]
"""The significance of each change that shows."""


class View(NamedTuple):
    """What is looked at: a store in a transaction, at some point of history."""

    tx: found.Transaction
    store: VNStore
    as_of: Optional[bytes]
    """A significance: later changes do not show. None for now."""
    change: Optional[bytes]
    """An open change that is to show as well, after all others."""
    snapshot: Optional[bool]


async def look(
    tx: found.Transaction,
    store: VNStore,
    as_of: Optional[UUID],
    change: Optional[UUID],
    snapshot: Optional[bool] = None,
) -> View:
    """A view, of arguments as they are given to `select`."""
    point = check_point("as_of", as_of)
    preview = None
    if change is not None:
        preview = check_uid("change", change).bytes
        significance = (await _state.resolve(tx, store, (preview,)))[preview]
        if significance is None:
            raise VNStoreException(f"{store.name} has no change {change}")
        if significance:
            preview = None
    return View(tx, store, None if point is None else point.bytes, preview, snapshot)


async def rank(view: View, meets: Iterable[bytes]) -> Ranks:
    """The significance of those changes that show in a view, of all that are met."""
    # In the order they are met in, not that of a set: one run is like another.
    changes = dict.fromkeys(meets)
    known = await _state.resolve(view.tx, view.store, changes, snapshot=view.snapshot)
    ranks: Ranks = {}
    for changeid in changes:
        significance = known[changeid]
        if changeid == view.change:
            ranks[changeid] = _PREVIEW
        elif significance and (view.as_of is None or significance <= view.as_of):
            ranks[changeid] = significance
    return ranks


class Row(NamedTuple):
    """What a change says of a tuple."""

    changeid: bytes
    alive: bool


def latest(rows: Iterable[Row], ranks: Ranks) -> Optional[Row]:
    """The row that tells whether a tuple is alive; None if none shows.

    0.13 could leave both rows of a tuple in a change. It read them as a removal, and so does this.
    """
    best: Optional[Row] = None
    best_order = (b"", b"", False)
    for row in rows:
        significance = ranks.get(row.changeid)
        if significance is not None:
            order = (significance, row.changeid, not row.alive)
            if best is None or order > best_order:
                best, best_order = row, order
    return best


async def histories(view: View, tuples: Sequence[bytes]) -> list[list[Row]]:
    """What all changes say of some tuples, packed: a range read for each, all at once."""
    head = view.store.tuples.heads[0]
    found_rows: list[list[Row]] = []
    for first in range(0, len(tuples), _state.AT_ONCE):
        begins = [head + packed for packed in tuples[first : first + _state.AT_ONCE]]
        reads = [
            found.all(found.query(view.tx, begin, begin + b"\xff", snapshot=view.snapshot))
            for begin in begins
        ]
        for begin, read in zip(begins, reads):
            found_rows.append(
                [
                    Row(key[-17:-1], key[-1] == _TRUE)
                    for key, _ in await read
                    if len(key) == len(begin) + _REFERENCE
                ]
            )
    return found_rows


async def alive(view: View, tuples: Sequence[bytes]) -> list[bool]:
    """Whether some tuples, packed, are alive."""
    found_rows = await histories(view, tuples)
    ranks = await rank(view, (row.changeid for rows in found_rows for row in rows))
    winners = [latest(rows, ranks) for rows in found_rows]
    return [winner is not None and winner.alive for winner in winners]


class Match(NamedTuple):
    """A tuple that is alive and matches a pattern."""

    position: bytes
    """Its place in the range that was scanned: where to go on."""
    binding: dict[str, Any]


class Plan(NamedTuple):
    """How a pattern is scanned."""

    scan: Scan
    begin: bytes
    """What the keys of its rows begin with."""
    first: bytes
    end: bytes
    """The range of its rows."""
    variables: tuple[Variable, ...]
    """In the order that their items have in the keys."""
    columns: tuple[int, ...]
    """Their columns."""
    seed: dict[str, Any]
    given: dict[int, bytes]
    """The other columns, packed."""
    grouped: bool
    """Whether the rows of a tuple are side by side in the index."""
    tested: bool
    """Whether what rows give is to be looked at: a variable stands in several columns, or takes only some items."""


def plan(
    store: VNStore, pattern: tuple[Any, ...], seed: Optional[Mapping[str, Any]] = None
) -> Plan:
    """How to scan for a pattern, its variables bound by `seed`.

    Raises:
        VNStoreException: an item cannot be stored, so nothing can match it.
    """
    given: dict[int, bytes] = {}
    columns = 0
    known = {} if seed is None else dict(seed)
    free: dict[int, Variable] = {}
    admitted = True
    for column, item in enumerate(pattern):
        if isinstance(item, Variable) and item.name not in known:
            free[column] = item
            continue
        columns |= 1 << column
        value = known[item.name] if isinstance(item, Variable) else item
        try:
            given[column] = found.pack((value,))
        except (OverflowError, TypeError, ValueError) as error:
            raise VNStoreException(
                f"{store.name} cannot hold {value!r} of the pattern {pattern!r}: {error}"[:1000]
            ) from error
        if isinstance(item, Variable):
            admitted = admitted and admits(item, value)
    scan, pushed = _choose(store, columns, free)
    begin = scan.head + b"".join([given[column] for column in scan.given])
    low, high = (b"", b"\xff") if pushed is None else (pushed.low, pushed.high)
    ordered = tuple(column for column in scan.free if column < store.n)
    variables = tuple(free[column] for column in ordered)
    return Plan(
        scan,
        begin,
        begin + low,
        begin + max(low, high) if admitted else begin + low,
        variables,
        ordered,
        known,
        given,
        is_grouped(scan, store.n),
        len({one.name for one in variables}) < len(variables)
        or any(one.checks or (one.bounded and one is not pushed) for one in variables),
    )


def _choose(
    store: VNStore, columns: int, free: dict[int, Variable]
) -> tuple[Scan, Optional[Variable]]:
    """The index to scan, and the variable of whose items only a range is scanned."""
    for column, variable in free.items():
        if variable.bounded:
            scan = store.tuples.ranges.get((columns, column))
            if scan is not None:
                return scan, variable
    return store.scans[columns], None


def check_pattern(store: VNStore, pattern: tuple[Any, ...]) -> None:
    """Refuse a pattern before it is scanned for."""
    check_width(store, pattern, "pattern")
    plan(store, pattern)


def _bind(how: Plan, items: tuple[Any, ...]) -> Optional[dict[str, Any]]:
    """The binding of the items of a row, or None if they are not what the variables take."""
    if how.tested:
        bound: dict[str, bytes] = {}
        for variable, item in zip(how.variables, items):
            packed = found.pack((item,))
            if bound.setdefault(variable.name, packed) != packed or not admits(variable, item):
                return None
    binding = dict(how.seed)
    for variable, item in zip(how.variables, items):
        binding[variable.name] = item
    return binding


class _Parsed(NamedTuple):
    """A row of a scan that is not grouped."""

    key: bytes
    group: bytes
    """The items of the columns that the pattern leaves free, packed."""
    changeid: bytes
    alive: bool


def _parse(how: Plan, store: VNStore, rows: Rows) -> list[_Parsed]:
    """The rows of a scan; what 0.13 or this cannot have written is left out."""
    skip = len(how.begin)
    free = how.scan.free
    if is_led(how.scan, store.n):
        tail = skip + _REFERENCE
        return [
            _Parsed(key, key[tail:], key[skip + 1 : skip + 17], key[skip + 17] == _TRUE)
            for key, _ in rows
            if len(key) >= tail and key[skip] == _UUID
        ]
    changeid_at, alive_at = free.index(store.n), free.index(store.n + 1)
    first, second = sorted((changeid_at, alive_at))
    parsed: list[_Parsed] = []
    for key, _ in rows:
        try:
            values = found.unpack(key, skip)
        except ValueError:
            continue
        if len(values) != len(free):
            continue
        changeid, alive_ = values[changeid_at], values[alive_at]
        if isinstance(changeid, UUID) and isinstance(alive_, bool):
            items = values[:first] + values[first + 1 : second] + values[second + 1 :]
            parsed.append(_Parsed(key, found.pack(items), changeid.bytes, alive_))
    return parsed


def _bound(how: Plan, group: bytes) -> Optional[dict[str, Any]]:
    """The binding of the items of a row, packed, or None if they are not what the variables take."""
    try:
        items = found.unpack(group)
    except ValueError:
        return None
    return _bind(how, items) if len(items) == len(how.variables) else None


def _matches(how: Plan, winners: list[tuple[bytes, bytes]]) -> list[Match]:
    """The bindings of rows, each its position and the items of its free columns, packed."""
    if not how.tested:
        names = tuple([variable.name for variable in how.variables])
        rows = [(group, b"") for _, group in winners]
        bindings = _found._bind(rows, 0, names, None, None, how.seed, None)
        if len(bindings) == len(winners):
            return [Match(*one) for one in zip([position for position, _ in winners], bindings)]
    return [
        Match(position, binding)
        for position, group in winners
        if (binding := _bound(how, group)) is not None
    ]


def _collected(how: Plan, parsed: list[_Parsed], ranks: Ranks) -> list[Match]:
    """The tuples alive among all rows of a pattern, in the order of the rows that say so."""
    best: dict[bytes, tuple[bytes, bytes, bool, bytes]] = {}
    for key, group, changeid, alive_ in parsed:
        significance = ranks.get(changeid)
        if significance is not None:
            other = best.get(group)
            # As `latest` has it; the keys are not reached, of one tuple no two rows have the same change and word.
            order = (significance, changeid, not alive_, key)
            if other is None or order > other:
                best[group] = order
    found_keys = sorted([(order[3], group) for group, order in best.items() if not order[2]])
    return _matches(how, found_keys)


def _tails(how: Plan, rows: Rows) -> list[tuple[bytes, bytes, int]]:
    """The rows of a grouped scan: the items' bytes, the change's identifier and the code of True or False."""
    skip = len(how.begin)
    return [
        (key[skip:-_REFERENCE], key[-17:-1], key[-1])
        for key, _ in rows
        if len(key) >= skip + _REFERENCE and key[-_REFERENCE] == _UUID
    ]


def _grouped(how: Plan, tails: list[tuple[bytes, bytes, int]], ranks: Ranks) -> list[Match]:
    """The tuples alive among rows that are whole groups."""
    winners: list[tuple[bytes, bytes]] = []
    index = 0
    count = len(tails)
    while index < count:
        group, changeid, code = tails[index]
        index += 1
        significance = ranks.get(changeid)
        order = None if significance is None else (significance, changeid, code == _FALSE)
        while index < count and tails[index][0] == group:
            _, changeid, another = tails[index]
            index += 1
            significance = ranks.get(changeid)
            if significance is not None:
                other = (significance, changeid, another == _FALSE)
                if order is None or other > order:
                    order, code = other, another
        if order is not None and code == _TRUE:
            winners.append((how.begin + group, group))
    return _matches(how, winners)


def _digest(
    how: Plan, store: VNStore, rows: Rows
) -> tuple[list[bytes], Callable[[Ranks], list[Match]]]:
    """The changes that all rows of a pattern are of, and what makes its matches of their ranks."""
    if how.grouped:
        tails = _tails(how, rows)
        return [changeid for _, changeid, _ in tails], partial(_grouped, how, tails)
    parsed = _parse(how, store, rows)
    return [one.changeid for one in parsed], partial(_collected, how, parsed)


def read_rows(view: View, begin: bytes, end: bytes, limit: int) -> Awaitable[Rows]:
    return found.all(found.query(view.tx, begin, end, limit=limit, snapshot=view.snapshot))


def _place(how: Plan, start: Optional[bytes], inclusive: bool) -> bytes:
    """Where a scan begins that goes on at the position of a match."""
    if start is None:
        return how.first
    if not how.first <= start < how.end:
        raise VNStoreException("the continuation is not one of this query")
    if inclusive:
        return start
    # Not past the end: backwards, a range is read from its end.
    return min(start + (b"\xff" if how.grouped else b"\x00"), how.end)


def pages(
    view: View,
    how: Plan,
    *,
    start: Optional[bytes] = None,
    inclusive: bool = False,
    limit: int = 0,
) -> AsyncGenerator[list[Match], None]:
    """The tuples alive that match a pattern, in pages, in the order of the index that holds them side by side.

    Where the index has the rows of a tuple side by side too, memory is bounded. Where it has not, all rows of the
    pattern are held, since any may be the latest of its tuple; but with a limit, or when going on, tuples are looked
    up one by one, a range read for each.

    Args:
        view: what is looked at.
        how: the pattern.
        start: the position of a match to go on at.
        inclusive: whether with the match itself, rather than after it.
        limit: how many are wanted, about; 0 for all.
    """
    begin = _place(how, start, inclusive)
    if how.grouped:
        return _run_grouped(view, how, begin, limit)
    if start is None and not limit:
        return _run_collected(view, how)
    return _run_verified(view, how, begin, limit)


async def _run_grouped(
    view: View, how: Plan, begin: bytes, limit: int
) -> AsyncGenerator[list[Match], None]:
    end = how.end
    size = min(CHUNK, max(FEW, 2 * limit)) if limit else CHUNK
    held: list[tuple[bytes, bytes, int]] = []
    while True:
        rows = await read_rows(view, begin, end, size)
        last = len(rows) < size
        tails = held + _tails(how, rows)
        held = []
        if not last:
            begin = rows[-1][0] + b"\x00"
            # The last group may go on.
            keep = len(tails)
            while keep and tails[keep - 1][0] == tails[-1][0]:
                keep -= 1
            tails, held = tails[:keep], tails[keep:]
        ranks = await rank(view, (changeid for _, changeid, _ in tails))
        yield _grouped(how, tails, ranks)
        if last:
            return
        size = CHUNK


async def _run_collected(view: View, how: Plan) -> AsyncGenerator[list[Match], None]:
    parsed: list[_Parsed] = []
    begin = how.first
    while True:
        rows = await read_rows(view, begin, how.end, CHUNK)
        parsed += _parse(how, view.store, rows)
        if len(rows) < CHUNK:
            break
        begin = rows[-1][0] + b"\x00"
    ranks = await rank(view, (one.changeid for one in parsed))
    yield _collected(how, parsed, ranks)


async def _run_verified(
    view: View, how: Plan, begin: bytes, limit: int
) -> AsyncGenerator[list[Match], None]:
    end = how.end
    size = min(_state.AT_ONCE, max(FEW, 2 * (limit or _state.AT_ONCE)))
    while True:
        rows = await read_rows(view, begin, end, size)
        parsed = [one for one in _parse(how, view.store, rows) if one.alive]
        ranks = await rank(view, (one.changeid for one in parsed))
        shown = [
            (one, binding, _whole(how, view.store, binding))
            for one in parsed
            if one.changeid in ranks and (binding := _bound(how, one.group)) is not None
        ]
        found_rows = await histories(view, [packed for _, _, packed in shown])
        ranks = await rank(view, (row.changeid for each in found_rows for row in each))
        batch = [
            Match(one.key, binding)
            for (one, binding, _), each in zip(shown, found_rows)
            if latest(each, ranks) == (one.changeid, True)
        ]
        yield batch
        if len(rows) < size:
            return
        begin = rows[-1][0] + b"\x00"
        size = _state.AT_ONCE


def _whole(how: Plan, store: VNStore, binding: dict[str, Any]) -> bytes:
    """The tuple, packed, that a binding is of."""
    items = dict(how.given)
    for column, variable in zip(how.columns, how.variables):
        items[column] = found.pack((binding[variable.name],))
    return b"".join([items[column] for column in range(store.n)])


async def each_match(
    view: View, plans: Sequence[Plan]
) -> AsyncGenerator[list[tuple[int, Match]], None]:
    """The tuples alive that match patterns, with the number of the pattern, one pattern after the other, in pages.

    The scans of 64 patterns are under way at once, and the changes they meet are read at once.
    """
    for first in range(0, len(plans), JOINED):
        batch = plans[first : first + JOINED]
        reads = [read_rows(view, how.first, how.end, COMPLETE) for how in batch]
        rows = [await read for read in reads]
        digests = [_digest(how, view.store, some) for how, some in zip(batch, rows)]
        ranks = await rank(view, (changeid for changes, _ in digests for changeid in changes))
        page: list[tuple[int, Match]] = []
        for number, (how, some, (_, finish)) in enumerate(zip(batch, rows, digests), first):
            if len(some) < COMPLETE:
                page += [(number, match) for match in finish(ranks)]
                continue
            yield page
            page = []
            run = pages(view, how)
            try:
                async for matches in run:
                    yield [(number, match) for match in matches]
            finally:
                await run.aclose()
        yield page


async def count_alive(view: View, limit: int) -> tuple[int, int]:
    """How many of the first rows of a store there are, and how many tuples they leave alive."""
    how = plan(view.store, tuple(Variable(column) for column in view.store.items))
    rows = await read_rows(view, how.first, how.end, limit)
    changes, finish = _digest(how, view.store, rows)
    return len(rows), len(finish(await rank(view, changes)))
