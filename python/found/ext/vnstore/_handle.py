"""The handle of a store, and what its arguments may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Optional
from uuid import UUID

import found
from found.ext import _store, nstore
from found.ext.nstore._tuples import MAX_WIDTH
from found.ext.vnstore._errors import VNStoreException

MAX_COLUMNS = MAX_WIDTH - 2
ALIVE = "alive?"
"""What 0.13 calls the last column of the tuples: it stands beside the columns in `change_changes`."""

_REFERENCE = 18
"""Bytes that a change's identifier and what it says of a tuple take in a key."""


class VNStore(NamedTuple):
    """A store of tuples that changes add and remove; `make` returns it."""

    name: str
    prefix: tuple[Any, ...]
    items: tuple[str, ...]
    """The names of the columns."""
    changes: nstore.NStore
    """(changeid, key, value): what is said of each change."""
    tuples: nstore.NStore
    """(*items, changeid, alive): what each change says of a tuple."""
    scans: tuple[nstore.Scan, ...]
    """How a pattern is scanned, by the set of the columns it has an item for: the sum of 1 << column."""
    metadata: bytes
    """What the keys begin with that hold what `change_annotate` said: (changeid, key) -> (value,)."""
    bases: bytes
    """(changeid, *items) -> the head of history when the change was made to add or remove the tuple; (changeid,) ->
    the least of all that stand below it, and in `reads`."""
    reads: bytes
    """(changeid, shape, *items) -> the head of history when a pattern was first read for the change."""

    @property
    def n(self) -> int:
        """The number of columns."""
        return len(self.items)

    def __hash__(self) -> int:
        return hash((self.name, self.prefix, self.items))

    def __repr__(self) -> str:
        return f"vnstore.make({self.name!r}, {self.prefix!r}, {self.items!r})"


def make(name: str, prefix: Sequence[Any], items: Sequence[str]) -> VNStore:
    """Return a handle for the store under `prefix`, of tuples with the columns `items`.

    Args:
        name: the store's, for people: a str.
        prefix: what its keys begin with, a tuple or a list; nothing else may write there.
        items: the names of the columns, 1 to 10 of them, a tuple or a list of str.

    Raises:
        TypeError: an argument has another type, or `prefix` cannot be packed.
        ValueError: there are no columns, more than 10, or two of one name.
    """
    _store.check_name(name)
    prefix = _store.check_prefix(prefix)
    if not isinstance(items, (tuple, list)):
        raise TypeError(
            f"items must be a tuple or a list of column names, not {type(items).__name__}"
        )
    names = tuple(items)
    for column in names:
        if not isinstance(column, str):
            raise TypeError(f"items must be column names, str: {column!r}")
    if not 1 <= len(names) <= MAX_COLUMNS:
        raise ValueError(f"items must be 1 to {MAX_COLUMNS} columns, not {len(names)}")
    if len(set(names)) < len(names) or ALIVE in names:
        raise ValueError(f"items must be names of their own, none of them {ALIVE!r}: {names!r}")
    tuples = nstore.make(f"{name}-tuples", (*prefix, "tuples"), len(names) + 2)
    return VNStore(
        name,
        prefix,
        names,
        nstore.make(f"{name}-changes", (*prefix, "changes"), 3),
        tuples,
        _scans(tuples, len(names)),
        found.pack((*prefix, "metadata")),
        found.pack((*prefix, "bases")),
        found.pack((*prefix, "reads")),
    )


def is_grouped(scan: nstore.Scan, n: int) -> bool:
    """Whether the rows of a tuple are side by side: change and word are at the end of the keys."""
    return scan.free[-2:] == (n, n + 1)


def is_led(scan: nstore.Scan, n: int) -> bool:
    """Whether change and word come right after the items of the pattern, at a place that is known."""
    return scan.free[:2] == (n, n + 1)


def _scans(tuples: nstore.NStore, n: int) -> tuple[nstore.Scan, ...]:
    """For each set of columns the index that begins with them and is read with the least to do."""
    scans = list(tuples.scans[: 1 << n])
    for number, order in enumerate(tuples.indices):
        columns = 0
        for width in range(n + 1):
            # No pattern has an item for the change, or for its word.
            if columns < 1 << n:
                other = nstore.Scan(number, tuples.heads[number], order[:width], order[width:])
                old = scans[columns]
                if not is_grouped(old, n) and (
                    is_grouped(other, n) or (is_led(other, n) and not is_led(old, n))
                ):
                    scans[columns] = other
            columns |= 1 << order[width]
    return tuple(scans)


def check_store(store: object) -> VNStore:
    """The handle itself, if it is one."""
    if not isinstance(store, VNStore):
        raise TypeError(f"vnstore must be what vnstore.make returns, not {type(store).__name__}")
    return store


def check(tx: object, store: object) -> VNStore:
    """The handle, if it is one and `tx` a transaction."""
    if not isinstance(tx, found.Transaction):
        raise TypeError(f"tx must be a found.Transaction, not {type(tx).__name__}")
    return check_store(store)


def check_uid(name: str, value: object) -> UUID:
    """An argument that must be a UUID."""
    if not isinstance(value, UUID):
        raise TypeError(f"{name} must be a uuid.UUID, not {type(value).__name__}")
    return value


def check_point(name: str, value: object) -> Optional[UUID]:
    """An argument that may be a point of history."""
    return None if value is None else check_uid(name, value)


def check_width(store: VNStore, items: tuple[Any, ...], what: str) -> None:
    """Refuse items that are not one for each column."""
    if len(items) != store.n:
        raise VNStoreException(
            f"{store.name} has {what}s of {store.n} items, {', '.join(store.items)}, not {len(items)}: "
            f"{items!r}"[:1000]
        )


def check_count(name: str, value: object, least: int = 1) -> int:
    """An argument that must be a number of things."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if value < least:
        raise ValueError(f"{name} must be {least} or more, not {value}")
    return value


def pack_items(store: VNStore, items: tuple[Any, ...]) -> bytes:
    """The items of a tuple packed, if the store can hold them."""
    check_width(store, items, "tuple")
    try:
        packed = found.pack(items)
    except (OverflowError, TypeError, ValueError) as error:
        raise VNStoreException(f"{store.name} cannot hold {items!r}: {error}"[:1000]) from error
    size = len(store.tuples.heads[-1]) + len(packed) + _REFERENCE
    if size > _store.MAX_KEY:
        raise VNStoreException(
            f"{store.name} cannot hold a tuple whose key has {size:,} bytes; a key has at most "
            f"{_store.MAX_KEY:,}: {items!r}"[:1000]
        )
    return packed
