"""Which dictionaries of an eavstore meet conditions, and in which order."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Optional, Union

import found
from found.ext import _store
from found.ext._store import PagedResults, Results, Rows, Source, shown
from found.ext.eavstore._entities import (
    EAVStore,
    EAVStoreException,
    Entity,
    check_handle,
    pack,
    values_of,
)

# What every packed value lies between.
_FIRST, _LAST = b"", b"\xff"

# Rows of the index that are checked against the dictionaries at once.
_AT_ONCE = _store.AT_ONCE

_VERSION = 1


class Condition(NamedTuple):
    """What `find` asks of a value: that it is packed to bytes in this range.

    `between`, `prefix` and `has` return one.
    """

    low: bytes
    high: bytes


def _item(name: str, item: Any) -> bytes:
    try:
        return found.pack((item,))
    except (TypeError, ValueError) as error:
        raise EAVStoreException(f"{name} is {shown(item)}, which no value is: {error}") from None


def between(low: Any, high: Any) -> Condition:
    """Return a condition for `find`: the value is `low` or after it, and before `high`, in the order of keys.

    That is the values of one type in their own order, and the types one after the other: None, bytes, str, tuples, int,
    SingleFloat, float, bool, UUID, Versionstamp.

    Args:
        low: the first value; `...` for no bound.
        high: the first value that is too much; `...` for no bound.

    Raises:
        EAVStoreException: `low` or `high` cannot be packed.
    """
    begin = _FIRST if low is ... else _item("low", low)
    end = _LAST if high is ... else _item("high", high)
    # What cannot be is a range that is empty, not one that is backwards.
    return Condition(begin, max(begin, end))


def prefix(start: Union[str, bytes, tuple[Any, ...]]) -> Condition:
    """Return a condition for `find`: the value is a str, bytes or a tuple that begins with `start`.

    Raises:
        EAVStoreException: `start` cannot be packed.
        TypeError: it is none of these.
    """
    if not isinstance(start, (str, bytes, tuple)):
        raise TypeError(f"start must be a str, bytes or a tuple, not {type(start).__name__}")
    # Without the NUL that ends it.
    low = _item("start", start)[:-1]
    return Condition(low, found.next_prefix(low))


def has() -> Condition:
    """Return a condition for `find`: the key is there, whatever its value."""
    return Condition(_FIRST, _LAST)


def _is(value: bytes) -> Condition:
    """The condition that a value is this one, packed."""
    return Condition(value, value + b"\xff")


class Uids(PagedResults[Any]):
    """The identifiers that `find` and `query` give: `async for uid in uids`, `await found.all(uids)`."""

    __slots__ = ("_continuation", "_ended")

    _continuation: Optional[bytes]
    _ended: bool

    @property
    def continuation(self) -> Optional[bytes]:
        """Where it goes on, once the iteration has ended: bytes for `after` if `limit` ended it, else None.

        Raises:
            RuntimeError: the iteration has not ended.
        """
        if not self._ended:
            raise RuntimeError("the iteration has not ended")
        return self._continuation


def query(tx: found.Transaction, eavstore: EAVStore, key: Any, value: Any) -> Uids:
    """Yield the identifiers of the dictionaries that have `value` under `key`, in their order.

    1, 1.0 and True are different values. It is one range read of the index, and a get for each row of it, 64 of them
    together, to pass over rows of the index that old versions left behind.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        key: a key.
        value: its value.

    Returns:
        Uids, an asynchronous iterator, to be iterated once. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query` and `found.get` can.
        EAVStoreException: from the call: no dictionary can have `key` or `value`.
    """
    return find(tx, eavstore, {key: value})


class _Search(NamedTuple):
    """A `find` whose arguments were checked."""

    store: EAVStore
    conditions: dict[bytes, Condition]
    """By the packed key."""
    order: Optional[bytes]
    """The packed key whose values order what is found."""
    reverse: bool

    def fingerprint(self) -> bytes:
        """What a continuation is of."""
        asked = tuple((key, *condition) for key, condition in sorted(self.conditions.items()))
        packed = found.pack((self.store.prefix_data, asked, self.order, self.reverse))
        return hashlib.blake2b(packed, digest_size=8).digest()

    def head(self, key: bytes) -> bytes:
        return self.store.head_index + key

    def range(self, key: bytes) -> tuple[bytes, bytes]:
        """The rows of the index whose value is what is asked of it."""
        head = self.head(key)
        low, high = self.conditions[key]
        return head + low, head + high

    async def leader(self, tx: found.Transaction) -> bytes:
        """The key whose rows of the index are read: each of the others is then looked at by a get."""
        if self.order is not None:
            return self.order
        bounded = [key for key, one in self.conditions.items() if one != has()]
        equal = [key for key in bounded if self.conditions[key] == _is(self.conditions[key].low)]
        candidates = equal or bounded or list(self.conditions)
        if len(candidates) == 1:
            return candidates[0]
        sizes = [found.estimated_size_bytes(tx, *self.range(key)) for key in candidates]
        sized = [(await size, key) for size, key in zip(sizes, candidates)]
        return min(sized, key=lambda pair: pair[0])[1]


def find(
    tx: found.Transaction,
    eavstore: EAVStore,
    conditions: Mapping[Any, Any],
    *,
    order: Any = None,
    reverse: bool = False,
    limit: int = 0,
    after: Optional[bytes] = None,
) -> Uids:
    """Yield the identifiers of the dictionaries that meet all conditions.

    The rows of the index are read for one key: that of `order`, or the one whose rows are fewest by an estimate, those
    with an equal value before those in a range. For each row a get for every key looks at the dictionary itself, those
    of 64 rows together, so rows that old versions left behind are passed over.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        conditions: a mapping of keys to a value, or to what `between`, `prefix` or `has` returned; one or more.
        order: a key, by whose value what is found is ordered; a dictionary without it is not found. None, the default,
            for an order that depends on which key's rows are read.
        reverse: True for the last first.
        limit: int, the most identifiers; 0, the default, for all.
        after: bytes, the `continuation` of what a `limit` ended, of the same conditions and order.

    Returns:
        Uids, an asynchronous iterator, to be iterated once. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query`, `found.get` and `found.estimated_size_bytes` can.
        EAVStoreException: from the call: there is no condition, one has what cannot be packed, or `after` is of
            another search.
        TypeError, ValueError: from the call: another argument is wrong.
    """
    check_handle(eavstore)
    if not isinstance(tx, found.Transaction):
        raise TypeError(f"tx must be a found.Transaction, not {type(tx).__name__}")
    if not isinstance(conditions, Mapping):
        raise TypeError(f"conditions must be a mapping, not {type(conditions).__name__}")
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"limit must be an int, not {type(limit).__name__}")
    if limit < 0:
        raise ValueError(f"limit must be a number of identifiers, or 0 for all, not {limit}")
    asked: dict[bytes, Condition] = {}
    for key, value in conditions.items():
        condition = value
        if not isinstance(value, Condition):
            packed = pack(eavstore, "value", value)
            condition = _is(packed)
        asked[pack(eavstore, "key", key)] = condition
    ordered: Optional[bytes] = None
    if order is not None:
        ordered = pack(eavstore, "key", order)
        asked.setdefault(ordered, has())
    if not asked:
        raise EAVStoreException("find needs a condition, or a key to order by")
    search = _Search(eavstore, asked, ordered, bool(reverse))
    resume = None if after is None else _from_continuation(search, after)
    results = Uids(lambda mode: _found(tx, search, limit, resume, mode, results))
    results._ended = False
    return results


def _from_continuation(search: _Search, after: object) -> tuple[bytes, bytes]:
    """The key whose rows are read, and where the last row that was given is."""
    if not isinstance(after, bytes):
        raise TypeError(f"after must be bytes, not {type(after).__name__}")
    try:
        version, whose, leader, row = found.unpack(after)
    except ValueError:
        raise EAVStoreException(f"after is no continuation: {shown(after)}") from None
    if (version, whose) != (_VERSION, search.fingerprint()) or leader not in search.conditions:
        raise EAVStoreException("after is the continuation of another search")
    return leader, search.head(leader) + row


async def _found(
    tx: found.Transaction,
    search: _Search,
    limit: int,
    resume: Optional[tuple[bytes, bytes]],
    mode: int,
    results: Uids,
) -> AsyncGenerator[list[Any], None]:
    leader = resume[0] if resume is not None else await search.leader(tx)
    begin, end = search.range(leader)
    if resume is not None and search.reverse:
        end = min(end, resume[1])
    elif resume is not None:
        begin = max(begin, resume[1] + b"\x00")
    results._continuation = None
    left = limit
    if limit:
        mode = found.STREAMING_MODE_ITERATOR
    more = begin < end
    # Given backwards, the range would be read from its end.
    rows = found.query(tx, begin, max(begin, end), reverse=search.reverse, mode=mode)
    while more:
        page, more = await rows._page()
        for at in range(0, len(page), _AT_ONCE):
            matched = await _checked(tx, search, leader, page[at : at + _AT_ONCE])
            if limit and len(matched) >= left:
                matched = matched[:left]
                row = matched[-1][0][len(search.head(leader)) :]
                yield [uid for _, uid in matched]
                results._continuation = found.pack((_VERSION, search.fingerprint(), leader, row))
                results._ended = True
                return
            left -= len(matched)
            if matched:
                yield [uid for _, uid in matched]
    results._ended = True


async def _checked(
    tx: found.Transaction, search: _Search, leader: bytes, rows: Rows
) -> list[tuple[bytes, Any]]:
    """The rows of the index, and their uids, whose dictionaries meet the conditions."""
    data = search.store.head_data
    head = search.head(leader)
    asked: list[tuple[bytes, Any, Sequence[tuple[Condition, Awaitable[Optional[bytes]]]]]] = []
    for row, _ in rows:
        parts = _index_row(row, len(head))
        if parts is None:
            continue
        value, uid = parts
        entity = data + found.pack((uid,))
        reads = [
            (_is(value) if key == leader else condition, found.get(tx, entity + key))
            for key, condition in search.conditions.items()
        ]
        asked.append((row, uid, reads))
    matched: list[tuple[bytes, Any]] = []
    for row, uid, answers in asked:
        values = [(condition, await answer) for condition, answer in answers]
        if all(
            value is not None and condition.low <= value < condition.high
            for condition, value in values
        ):
            matched.append((row, uid))
    return matched


def _index_row(row: bytes, skip: int) -> Optional[tuple[bytes, Any]]:
    """The packed value, and the uid, of a row of the index; None of one that is damaged."""
    try:
        _value, uid = found.unpack(row, skip)
    except ValueError:
        return None
    return row[skip : len(row) - len(found.pack((uid,)))], uid


def fetch(
    tx: found.Transaction, eavstore: EAVStore, uids: Source[Any]
) -> Results[tuple[Any, dict[Any, Any]]]:
    """Yield a pair of identifier and dictionary for each of `uids`, in their order.

    It is one range read for each, up to 64 of them under way together.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        uids: an iterable of identifiers, asynchronous or not, as `find` returns.

    Returns:
        Results, an asynchronous iterator of pairs. Awaited, it gives itself.

    Raises:
        FoundException: while it is iterated: what `found.query` can.
        EAVStoreException: while it is iterated: one of `uids` cannot be packed.
        TypeError: from the call: `uids` cannot be iterated.
    """
    check_handle(eavstore)
    if not isinstance(uids, (AsyncIterable, Iterable)):
        raise TypeError(f"uids must be an iterable, not {type(uids).__name__}")
    return Results(_fetched(tx, eavstore, uids))


async def _fetched(
    tx: found.Transaction, store: EAVStore, uids: Source[Any]
) -> AsyncGenerator[tuple[Any, dict[Any, Any]], None]:
    def start(uid: Any) -> Awaitable[Rows]:
        entity = Entity(store, uid)
        return found.all(found.query(tx, entity.begin, entity.end))

    data = len(store.head_data)
    pairs = _store.pipelined(uids, start)
    try:
        async for uid, rows in pairs:
            yield uid, values_of(rows, data + len(found.pack((uid,))))
    finally:
        await pairs.aclose()
