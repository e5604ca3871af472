"""The handle of an nstore, the order of its indexes, and the keys of a tuple."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import found
from found import _found
from found.ext import _store
from found.ext._store import shown

MAX_WIDTH = 12
"""Columns a store may have. Its indexes are n over n // 2: 924 for 12."""


class NStoreException(found.BaseFoundException):
    """What is wrong with the arguments of an operation of an nstore. Nothing was written."""


class Scan(NamedTuple):
    """Which index holds the tuples of a pattern side by side, and how its keys are read."""

    number: int
    """The index's number."""
    head: bytes
    """What its keys begin with."""
    given: tuple[int, ...]
    """The columns that the pattern has an item for, in the order of the keys."""
    free: tuple[int, ...]
    """The other columns, which come after them, in the order of the keys."""


class NStore(NamedTuple):
    """A store of tuples; `make` returns it."""

    name: str
    prefix: tuple[Any, ...]
    n: int
    """The width of its tuples."""
    indices: tuple[tuple[int, ...], ...]
    """The order of the columns in each index."""
    heads: tuple[bytes, ...]
    """What the keys of each index begin with."""
    scans: tuple[Scan, ...]
    """How a pattern is scanned, by the set of the columns it has an item for: the sum of 1 << column."""
    ranges: dict[tuple[int, int], Scan]
    """How it is scanned so that a column comes right after those, by that set and the column, where an index does."""

    def __hash__(self) -> int:
        return hash((self.name, self.prefix, self.n))

    def __repr__(self) -> str:
        return f"nstore.make({self.name!r}, {self.prefix!r}, {self.n})"


def make(name: str, prefix: tuple[Any, ...], n: int) -> NStore:
    """Return a handle for the tuples of `n` items under `prefix`.

    Nothing is written, and handles made alike are one store. Keep the handle: it has the tables by which a pattern
    finds its index.

    Args:
        name: str, for people: it is in messages, not in keys.
        prefix: a tuple that `found.pack` takes, or a list. No other keys may begin with it.
        n: int, 1 to 12, the items of each tuple. A tuple is written once for each index, of which there are 1, 2,
            3, 6, 10, 20, 35, 70, 126, 252, 462 or 924.

    Returns:
        An NStore, a named tuple.

    Raises:
        TypeError: `name` is no str, `prefix` neither a tuple nor a list or not one that can be packed, `n` no int.
        ValueError: `n` is not 1 to 12, or `prefix` holds what cannot be packed, as an incomplete versionstamp.
    """
    _store.check_name(name)
    prefix = _store.check_prefix(prefix)
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n must be an int, not {type(n).__name__}")
    if not 1 <= n <= MAX_WIDTH:
        raise ValueError(f"n must be 1 to {MAX_WIDTH}, not {n}")
    indices = permutations(n)
    heads = tuple(found.pack((*prefix, number)) for number in range(len(indices)))
    scans: dict[int, Scan] = {}
    ranges: dict[tuple[int, int], Scan] = {}
    for number, order in enumerate(indices):
        columns = 0
        for width in range(n + 1):
            scan = Scan(number, heads[number], order[:width], order[width:])
            scans.setdefault(columns, scan)
            if width < n:
                ranges.setdefault((columns, order[width]), scan)
                columns |= 1 << order[width]
    by_columns = tuple(scans[columns] for columns in range(1 << n))
    return NStore(name, prefix, n, indices, heads, by_columns, ranges)


def permutations(n: int) -> tuple[tuple[int, ...], ...]:
    """The orders of the columns that the indexes of a store of width `n` have; they are on disk.

    Each set of columns is what some order begins with, so that every pattern is one range of one index. There are as
    few as there can be, n over n // 2: the chains of a symmetric chain decomposition of the columns' subsets.
    """
    middle = itertools.combinations(range(n), n // 2)
    return tuple(_chain(n, frozenset(columns)) for columns in middle)


def _chain(n: int, marked: frozenset[int]) -> tuple[int, ...]:
    """The order that begins, after some columns, with each set of the chain whose middle is `marked`."""
    first: list[int] = []
    last: list[int] = []
    left = list(range(n))
    index = 0
    while index + 1 < len(left):
        if left[index] not in marked and left[index + 1] in marked:
            first.append(left[index + 1])
            last.append(left[index])
            del left[index : index + 2]
            # Of the neighbours before, only the last has another one now.
            index = max(0, index - 1)
        else:
            index += 1
    return (*first, *left, *last)


def check_handle(store: object) -> None:
    if not isinstance(store, NStore):
        raise TypeError(f"nstore must be what nstore.make returns, not {type(store).__name__}")


def check_width(store: NStore, items: tuple[Any, ...], what: str) -> None:
    check_handle(store)
    if len(items) != store.n:
        given = f"{len(items)}: {shown(items)}"
        raise NStoreException(f"a {what} of {store.name} has {store.n} items, not {given}")


def refused(store: NStore, items: tuple[Any, ...], error: Exception) -> NStoreException:
    """What to raise where `found.pack` has refused one of `items`."""
    # Packed one by one, so that the message names the item and not only its place.
    for item in items:
        try:
            found.pack((item,))
        except (TypeError, ValueError) as reason:
            return NStoreException(f"{store.name} cannot hold {shown(item)}: {reason}")
    return NStoreException(f"{store.name} cannot hold {shown(items)}: {error}")


def check_size(store: NStore, key: bytes, items: tuple[Any, ...]) -> None:
    """A store's keys are all of one length but for the index's number, which the last has most bytes for."""
    size = len(key) - len(store.heads[0]) + len(store.heads[-1])
    if size > _store.MAX_KEY:
        message = (
            f"{store.name} cannot hold a tuple whose key has {size:,} bytes, more than {_store.MAX_KEY:,}: "
            f"{shown(items)}"
        )
        raise NStoreException(message)


def check_value(store: NStore, value: object) -> None:
    if not isinstance(value, bytes):
        raise NStoreException(
            f"{store.name} holds values that are bytes, not {type(value).__name__}: {shown(value)}"
        )
    if len(value) > _store.MAX_VALUE:
        raise NStoreException(
            f"{store.name} cannot hold a value of {len(value):,} bytes, more than {_store.MAX_VALUE:,}"
        )


def keys(store: NStore, items: tuple[Any, ...]) -> list[bytes]:
    """The key of a tuple in each index.

    Raises:
        NStoreException: the tuple is not one that the store can hold.
    """
    check_width(store, items, "tuple")
    try:
        packed = _found._permute(store.heads, store.indices, items)
    except (TypeError, ValueError) as error:
        raise refused(store, items, error) from None
    check_size(store, packed[0], items)
    return packed


def key(store: NStore, items: tuple[Any, ...]) -> bytes:
    """The key of a tuple in the first index, which has its columns in their order."""
    try:
        return found.pack(items, store.heads[0])
    except (TypeError, ValueError) as error:
        raise refused(store, items, error) from None


def has_versionstamp(store: NStore, items: tuple[Any, ...]) -> bool:
    """Whether an item is, or holds, a versionstamp that the commit fills in."""
    try:
        return found.has_incomplete_versionstamp(items)
    except ValueError as error:
        raise refused(store, items, error) from None


def versionstamped_keys(store: NStore, items: tuple[Any, ...]) -> list[bytes]:
    """The key of a tuple with an incomplete versionstamp in each index, for `found.set_versionstamped_key`.

    Raises:
        NStoreException: the tuple is not one that the store can hold.
    """
    check_width(store, items, "tuple")
    try:
        packed = [
            found.pack_with_versionstamp(tuple(items[column] for column in order), head)
            for head, order in zip(store.heads, store.indices)
        ]
    except (TypeError, ValueError) as error:
        raise NStoreException(f"{store.name} cannot hold {shown(items)}: {error}") from None
    # Less the four bytes that say where the versionstamp is.
    check_size(store, packed[0][:-4], items)
    return packed
