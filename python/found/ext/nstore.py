"""A store of tuples of one width, searched by patterns: `from found.ext import nstore`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Mapping
from typing import Any, NamedTuple, Optional, cast

import found
from found.ext import _store
from found.ext._pattern import Variable, permutations
from found.ext._store import Results

__all__ = [
    "NStore",
    "NStoreException",
    "add",
    "get",
    "make",
    "query",
    "remove",
    "select",
    "var",
    "where",
]

Binding = dict[str, Any]

MAX_WIDTH = 12


class NStoreException(found.BaseFoundException):
    """What is wrong with the arguments of an operation of a store. Nothing was written."""


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

    def __hash__(self) -> int:
        return hash((self.name, self.prefix, self.n))

    def __repr__(self) -> str:
        return f"nstore.make({self.name!r}, {self.prefix!r}, {self.n})"


def make(name: str, prefix: tuple[Any, ...], n: int) -> NStore:
    """Return a handle for the store under `prefix`, of tuples of `n` items.

    Raises:
        TypeError: `name` is no str, `prefix` neither a tuple nor a list or not one that can be packed, `n` no int.
        ValueError: `n` is not 1 to 12.
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
    for number, order in enumerate(indices):
        for width in range(n + 1):
            columns = sum(1 << column for column in order[:width])
            scans.setdefault(columns, Scan(number, heads[number], order[:width], order[width:]))
    return NStore(name, prefix, n, indices, heads, tuple(scans[key] for key in range(1 << n)))


def var(name: str) -> Variable:
    """Return a variable for a pattern: it takes any item, and gives it `name`."""
    return Variable(name)


def _check_width(store: NStore, items: tuple[Any, ...], what: str) -> None:
    if not isinstance(store, NStore):
        raise TypeError(f"nstore must be what nstore.make returns, not {type(store).__name__}")
    if len(items) != store.n:
        raise NStoreException(
            f"{store.name} has {what}s of {store.n} items, not {len(items)}: {items!r}"
        )


def _packed(store: NStore, items: tuple[Any, ...]) -> list[bytes]:
    """Each item packed: a key is what its columns' items are packed to, one after the other."""
    try:
        return [found.pack((item,)) for item in items]
    except (TypeError, ValueError) as error:
        raise NStoreException(f"{store.name} cannot hold {items!r}: {error}") from error


def _keys(store: NStore, items: tuple[Any, ...]) -> list[bytes]:
    """The key of a tuple in each index."""
    _check_width(store, items, "tuple")
    packed = _packed(store, items)
    keys = [
        head + b"".join([packed[column] for column in order])
        for head, order in zip(store.heads, store.indices)
    ]
    if len(keys[0]) > _store.MAX_KEY:
        raise NStoreException(
            f"{store.name} cannot hold a tuple whose key has {len(keys[0]):,} bytes; a key has at most "
            f"{_store.MAX_KEY:,}: {items!r}"[:1000]
        )
    return keys


async def add(tx: found.Transaction, nstore: NStore, *items: Any, value: bytes = b"") -> None:
    """Add a tuple, or give the one that is there another value.

    Raises:
        NStoreException: the number of items is not the store's width, or an item or the value cannot be stored.
    """
    if not isinstance(value, bytes) or len(value) > _store.MAX_VALUE:
        kind = f"{len(value):,} bytes" if isinstance(value, bytes) else type(value).__name__
        raise NStoreException(f"value must be at most {_store.MAX_VALUE:,} bytes, not {kind}")
    if found.has_incomplete_versionstamp(items):
        _add_versionstamped(tx, nstore, items, value)
        return
    for key in _keys(nstore, items):
        found.set(tx, key, value)


def _add_versionstamped(
    tx: found.Transaction, store: NStore, items: tuple[Any, ...], value: bytes
) -> None:
    _check_width(store, items, "tuple")
    try:
        keys = [
            found.pack_with_versionstamp(tuple(items[column] for column in order), head)
            for head, order in zip(store.heads, store.indices)
        ]
    except (TypeError, ValueError) as error:
        raise NStoreException(f"{store.name} cannot hold {items!r}: {error}") from error
    for key in keys:
        found.set_versionstamped_key(tx, key, value)


async def remove(tx: found.Transaction, nstore: NStore, *items: Any) -> None:
    """Remove a tuple and its value, if it is there.

    Raises:
        NStoreException: the number of items is not the store's width, or an item cannot be stored.
    """
    for key in _keys(nstore, items):
        found.clear(tx, key)


def get(tx: found.Transaction, nstore: NStore, *items: Any) -> Awaitable[Optional[bytes]]:
    """Return the value of a tuple, or None if it is not there.

    Raises:
        NStoreException: the number of items is not the store's width, or an item cannot be stored.
    """
    _check_width(nstore, items, "tuple")
    return found.get(tx, nstore.heads[0] + b"".join(_packed(nstore, items)))


def select(
    tx: found.Transaction,
    nstore: NStore,
    *pattern: Any,
    seed: Optional[Mapping[str, Any]] = None,
) -> Results[Binding]:
    """Yield a dict for each tuple that matches `pattern`: what its variables stand for, and what `seed` has.

    Raises:
        NStoreException: the pattern has not the store's width, or an item cannot be stored.
    """
    _check_width(nstore, pattern, "pattern")
    return Results(_scan(tx, nstore, pattern, {} if seed is None else seed))


async def _scan(
    tx: found.Transaction, store: NStore, pattern: tuple[Any, ...], seed: Mapping[str, Any]
) -> AsyncGenerator[Binding, None]:
    bound = tuple(
        seed.get(item.name, item) if isinstance(item, Variable) else item for item in pattern
    )
    columns = 0
    for column, item in enumerate(bound):
        if not isinstance(item, Variable):
            columns |= 1 << column
    scan = store.scans[columns]
    begin = scan.head + b"".join(_packed(store, tuple(bound[column] for column in scan.given)))
    names = [cast("Variable", bound[column]).name for column in scan.free]
    repeated = len(set(names)) < len(names)
    async for key, _ in found.query(tx, begin, begin + b"\xff"):
        items = found.unpack(key, len(begin))
        if len(items) != len(names):
            continue
        if repeated:
            packed: dict[str, bytes] = {}
            if any(
                packed.setdefault(name, found.pack((item,))) != found.pack((item,))
                for name, item in zip(names, items)
            ):
                continue
        yield {**seed, **dict(zip(names, items))}


def where(
    tx: found.Transaction,
    nstore: NStore,
    iterator: AsyncIterable[Mapping[str, Any]],
    *pattern: Any,
) -> Results[Binding]:
    """Yield, for each binding of `iterator`, the bindings that match `pattern` too.

    Raises:
        NStoreException: the pattern has not the store's width, or an item cannot be stored.
    """
    _check_width(nstore, pattern, "pattern")
    return Results(_join(tx, nstore, iterator, pattern))


async def _join(
    tx: found.Transaction,
    store: NStore,
    seeds: AsyncIterable[Mapping[str, Any]],
    pattern: tuple[Any, ...],
) -> AsyncGenerator[Binding, None]:
    async for seed in _store.each(seeds):
        async for binding in _scan(tx, store, pattern, seed):
            yield binding


def query(tx: found.Transaction, nstore: NStore, pattern: Any, *patterns: Any) -> Results[Binding]:
    """Yield a dict for each way to match all of the patterns at once.

    Raises:
        NStoreException: a pattern has not the store's width, or an item cannot be stored.
    """
    results = select(tx, nstore, *pattern)
    for another in patterns:
        results = where(tx, nstore, results, *another)
    return results
