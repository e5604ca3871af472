"""Something to see in an empty store: airports of western Europe, a correction to one, and a proposal to review."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import found
from found.ext import vnstore

_COUNTRIES = frozenset(
    ["AT", "BE", "CH", "DE", "DK", "ES", "FR", "GB", "IE", "IT", "LU", "NL", "NO", "PT", "SE"]
)
# A transaction takes some hundreds of them well within its 10 MB and 5 seconds.
_BATCH = 400


async def load(db: found.Database, store: vnstore.VNStore) -> bool:
    """Fill a store that is empty.

    Args:
        db: the database.
        store: the store, of three columns.

    Returns:
        Whether it was empty.

    Raises:
        ValueError: the store has not three columns.
        ImportError: the package airportsdata is not installed.
    """
    if len(store.items) != 3:
        raise ValueError(f"--demo needs three columns, and there are {len(store.items)}")
    page = await found.transactional(db, _newest, store, snapshot=True)
    if page.changes:
        return False
    airports = list(_airports())
    uid = await _propose(db, store, "Airports of western Europe\n\nFrom the package airportsdata.")
    for start in range(0, len(airports), _BATCH):
        await found.transactional(db, _edit, store, uid, [], airports[start : start + _BATCH])
    await found.transactional(db, _apply, store, uid)

    uid = await _propose(db, store, "Paris has a name for its largest airport")
    await found.transactional(
        db,
        _edit,
        store,
        uid,
        [("CDG", "name", name) for code, key, name in airports if (code, key) == ("CDG", "name")],
        [("CDG", "name", "Paris Charles de Gaulle"), ("CDG", "nickname", "Roissy")],
    )
    await found.transactional(db, _apply, store, uid)

    uid = await _propose(db, store, "Basel, Mulhouse and Freiburg share an airport")
    await found.transactional(
        db,
        _edit,
        store,
        uid,
        [],
        [("MLH", "serves", city) for city in ("Basel", "Mulhouse", "Freiburg")],
    )
    return True


def _airports() -> Iterator[tuple[str, str, Any]]:
    try:
        import airportsdata
    except ImportError:
        raise ImportError(
            "--demo needs the package airportsdata: pip install airportsdata"
        ) from None
    for code, airport in sorted(airportsdata.load("IATA").items()):
        if airport["country"] in _COUNTRIES:
            yield code, "name", airport["name"]
            yield code, "city", airport["city"]
            yield code, "country", airport["country"]
            yield code, "elevation", round(airport["elevation"])


async def _newest(tx: found.Transaction, store: vnstore.VNStore) -> vnstore.History:
    return await vnstore.history(tx, store, limit=1)


async def _propose(db: found.Database, store: vnstore.VNStore, message: str) -> UUID:
    uid = vnstore.change_uid()
    author = {"author": "found-vnstore --demo"}

    async def create(tx: found.Transaction) -> None:
        await vnstore.change_create(tx, store, message=message, metadata=author, uid=uid)

    await found.transactional(db, create)
    return uid


async def _edit(
    tx: found.Transaction,
    store: vnstore.VNStore,
    uid: UUID,
    removed: list[tuple[Any, ...]],
    added: list[tuple[Any, ...]],
) -> None:
    vnstore.change_continue(tx, store, uid)
    for items in removed:
        await vnstore.remove(tx, store, *items)
    for items in added:
        await vnstore.add(tx, store, *items)


async def _apply(tx: found.Transaction, store: vnstore.VNStore, uid: UUID) -> None:
    await vnstore.change_apply(tx, store, uid)
