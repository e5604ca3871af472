"""What tests of vnstore write again and again: a store, and changes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional
from uuid import UUID

from stores import Place

import found
from found.ext import vnstore

COLUMNS = ("uid", "key", "value")


def make(place: Place) -> vnstore.VNStore:
    return vnstore.make("test", place.prefix, COLUMNS)


async def propose(
    place: Place,
    store: vnstore.VNStore,
    add: Iterable[Any] = (),
    remove: Iterable[Any] = (),
    message: Optional[str] = None,
) -> UUID:
    """An open change that adds and removes tuples."""

    async def body(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store, message=message)
        for items in add:
            assert await vnstore.add(tx, store, *items) is True
        for items in remove:
            assert await vnstore.remove(tx, store, *items) is True
        return uid

    return await place.run(body)


async def apply(place: Place, store: vnstore.VNStore, uid: UUID, force: bool = False) -> UUID:
    return await place.run(vnstore.change_apply, store, uid, force=force)


async def commit(
    place: Place,
    store: vnstore.VNStore,
    add: Iterable[Any] = (),
    remove: Iterable[Any] = (),
    message: Optional[str] = None,
) -> UUID:
    """The significance of an applied change that adds and removes tuples."""
    return await apply(place, store, await propose(place, store, add, remove, message))


async def alive(place: Place, store: vnstore.VNStore, **view: Any) -> set[Any]:
    """The tuples alive."""
    variables = [vnstore.var(column) for column in store.items]

    async def body(tx: found.Transaction) -> set[Any]:
        rows = await found.all(vnstore.select(tx, store, *variables, **view))
        found_tuples = [tuple(row[column] for column in store.items) for row in rows]
        assert len(set(found_tuples)) == len(found_tuples)
        return set(found_tuples)

    return await place.run(body, snapshot=True)
