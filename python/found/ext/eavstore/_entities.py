"""The handle of an eavstore, and what writes and reads a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional
from uuid import uuid4

import found
from found.ext import _store
from found.ext._store import Rows, shown

# What the two parts of a store have after its prefix.
_DATA, _INDEX = b"\x01", b"\x02"


class EAVStoreException(found.BaseFoundException):
    """What is wrong with the arguments of an operation of an eavstore. Nothing was written."""


class EAVStore(NamedTuple):
    """A store of dictionaries; `make` returns it."""

    name: str
    prefix_data: tuple[Any, ...]
    """The first element of the keys of what the dictionaries hold."""
    prefix_index: tuple[Any, ...]
    """The first element of the keys by which they are looked up."""
    head_data: bytes
    """It packed, which those keys begin with."""
    head_index: bytes
    """The same of the index."""

    def __repr__(self) -> str:
        return f"eavstore.make({self.name!r}, {self.prefix_data[:-1]!r})"


def make(name: str, prefix: tuple[Any, ...]) -> EAVStore:
    """Return a handle for the dictionaries under `prefix`.

    Nothing is written, and handles made alike are one store.

    Args:
        name: str, for people: it is in messages, not in keys.
        prefix: a tuple that `found.pack` takes, or a list.

    Returns:
        An EAVStore, a named tuple.

    Raises:
        TypeError: `name` is no str, or `prefix` neither a tuple nor a list or not one that can be packed.
        ValueError: `prefix` holds what cannot be packed, as an incomplete versionstamp.
    """
    _store.check_name(name)
    prefix = _store.check_prefix(prefix)
    data, index = (*prefix, _DATA), (*prefix, _INDEX)
    return EAVStore(name, data, index, found.pack((data,)), found.pack((index,)))


def check_handle(store: object) -> None:
    if not isinstance(store, EAVStore):
        raise TypeError(f"eavstore must be what eavstore.make returns, not {type(store).__name__}")


def pack(store: EAVStore, what: str, item: Any) -> bytes:
    try:
        return found.pack((item,))
    except (TypeError, ValueError) as error:
        message = f"{store.name} cannot hold the {what} {shown(item)}: {error}"
        raise EAVStoreException(message) from None


class _Row(NamedTuple):
    """One key of a dictionary, as it is on disk."""

    data: bytes
    value: bytes
    entry: bytes


class Entity:
    """The keys of one dictionary."""

    def __init__(self, store: EAVStore, uid: Any) -> None:
        check_handle(store)
        self._store = store
        self._uid = pack(store, "uid", uid)
        self.begin = store.head_data + self._uid
        self.end = self.begin + b"\xff"

    def row(self, key: bytes, value: bytes) -> _Row:
        """The row of a key and its value, both packed."""
        return _Row(self.begin + key, value, self._store.head_index + key + value + self._uid)

    def rows(self, values: Mapping[Any, Any]) -> dict[bytes, _Row]:
        """The rows of a dictionary, by the key of the data.

        Raises:
            EAVStoreException: a key or value cannot be packed, or would make too large a key.
        """
        if not isinstance(values, Mapping):
            kind = type(values).__name__
            raise EAVStoreException(
                f"{self._store.name} holds dictionaries, not {kind}: {shown(values)}"
            )
        rows: dict[bytes, _Row] = {}
        for key, value in values.items():
            row = self.row(pack(self._store, "key", key), pack(self._store, "value", value))
            if len(row.entry) > _store.MAX_KEY:
                message = (
                    f"{self._store.name} cannot hold a value whose key in the index has {len(row.entry):,} bytes, "
                    f"more than {_store.MAX_KEY:,}: {shown(key)}: {shown(value)}"
                )
                raise EAVStoreException(message)
            rows[row.data] = row
        return rows

    def old(self, rows: Rows) -> dict[bytes, _Row]:
        """The rows that were read, with those of the index that belong to them."""
        return {key: self.row(key[len(self.begin) :], value) for key, value in rows}


def _write(tx: found.Transaction, old: Mapping[bytes, _Row], new: Mapping[bytes, _Row]) -> None:
    """Write what is new and clear what is old; what stays is not touched."""
    for key, row in old.items():
        if new.get(key) != row:
            found.clear(tx, row.entry)
            if key not in new:
                found.clear(tx, key)
    for key, row in new.items():
        if old.get(key) != row:
            found.set(tx, key, row.value)
            found.set(tx, row.entry, b"")


async def create(
    tx: found.Transaction, eavstore: EAVStore, dict: Mapping[Any, Any], uid: Any = None
) -> Any:
    """Store a dictionary.

    It writes two keys for each of the dictionary's. With a `uid` of yours it reads one range first, and replaces what
    was there.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        dict: a mapping. Its keys and values are what `found.pack` takes; a key, its value and the uid together have at
            most some 10,000 bytes.
        uid: what `found.pack` takes; None, the default, for a new UUID.

    Returns:
        The uid.

    Raises:
        FoundException: what `found.query` can.
        EAVStoreException: `dict` is no mapping, or it or `uid` holds what cannot be stored. Nothing was written.
    """
    if uid is None:
        uid = uuid4()
        _write(tx, {}, Entity(eavstore, uid).rows(dict))
    else:
        await update(tx, eavstore, uid, dict)
    return uid


async def get(tx: found.Transaction, eavstore: EAVStore, uid: Any) -> dict[Any, Any]:
    """Return the dictionary under `uid`, which is empty if there is none.

    It is one range read.

    Raises:
        FoundException: what `found.query` can.
        EAVStoreException: no dictionary can be under `uid`.
    """
    entity = Entity(eavstore, uid)
    return values_of(await found.all(found.query(tx, entity.begin, entity.end)), len(entity.begin))


def values_of(rows: Rows, skip: int) -> dict[Any, Any]:
    """What rows of a dictionary say. Those that say nothing are passed over: a check tells of them."""
    values: dict[Any, Any] = {}
    for row in rows:
        pair = _unpacked(*row, skip)
        if pair is not None:
            values[pair[0]] = pair[1]
    return values


def _unpacked(key: bytes, value: bytes, skip: int) -> Optional[tuple[Any, Any]]:
    try:
        (name,) = found.unpack(key, skip)
        (item,) = found.unpack(value)
    except ValueError:
        return None
    return name, item


async def update(
    tx: found.Transaction, eavstore: EAVStore, uid: Any, dict: Mapping[Any, Any]
) -> None:
    """Replace the dictionary under `uid`.

    It is one range read, and two writes for each key that has another value than before, or is new; one that is gone
    is cleared from the data and the index.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        uid: the identifier, which need not be there yet.
        dict: a mapping, as for `create`.

    Raises:
        FoundException: what `found.query` can.
        EAVStoreException: as `create`.
    """
    entity = Entity(eavstore, uid)
    new = entity.rows(dict)
    old = entity.old(await found.all(found.query(tx, entity.begin, entity.end)))
    _write(tx, old, new)


async def patch(
    tx: found.Transaction,
    eavstore: EAVStore,
    uid: Any,
    dict: Mapping[Any, Any],
    *,
    without: Iterable[Any] = (),
) -> None:
    """Change some keys of the dictionary under `uid`, and leave the others as they are.

    It is one get for each key, all sent together, and two writes for each that changes. Patches of other keys at the
    same time do not conflict.

    Args:
        tx: a found.Transaction.
        eavstore: the store.
        uid: the identifier, which need not be there yet.
        dict: a mapping of keys and their new values, as for `create`.
        without: keys to take away.

    Raises:
        FoundException: what `found.get` can.
        EAVStoreException: as `create`; or a key is to be set and to be taken away.
    """
    entity = Entity(eavstore, uid)
    new = entity.rows(dict)
    gone = [entity.begin + pack(eavstore, "key", key) for key in without]
    both = [key for key in gone if key in new]
    if both:
        key = found.unpack(both[0], len(entity.begin))[0]
        raise EAVStoreException(f"{shown(key)} is to be set and to be taken away")
    reads = [(key, found.get(tx, key)) for key in (*new, *gone)]
    rows = [(key, await read) for key, read in reads]
    _write(tx, entity.old([(key, value) for key, value in rows if value is not None]), new)


async def remove(tx: found.Transaction, eavstore: EAVStore, uid: Any) -> None:
    """Remove the dictionary under `uid`; if there is none, nothing changes.

    It is one range read, and clears of what is there.

    Raises:
        FoundException: what `found.query` can.
        EAVStoreException: no dictionary can be under `uid`.
    """
    await update(tx, eavstore, uid, {})
