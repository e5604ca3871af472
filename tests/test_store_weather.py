"""nstore and eavstore under weather: whatever fails and is tried again, their indexes agree with what they hold."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from weather import every_seed

import found
from found.ext import eavstore, nstore
from found.ext.nstore import var

SEEDS = 200

TOKENS = ["a", "b", "a\x00b"]


async def where(tx: found.Transaction, store: nstore.NStore, token: str) -> list[Any]:
    return await found.all(nstore.select(tx, store, token, "at", var("place"), value="moves"))


async def move(tx: found.Transaction, store: nstore.NStore, token: str, place: int) -> None:
    """Take a token from where it is to another place; what it carries says how often it was moved."""
    (now,) = await where(tx, store, token)
    await nstore.remove(tx, store, token, "at", now["place"])
    moves = int(now["moves"]) + (now["place"] != place)
    await nstore.add(tx, store, token, "at", place, value=b"%d" % moves)


async def meetings(tx: found.Transaction, store: nstore.NStore, after: Any) -> Any:
    results = nstore.query(
        tx,
        store,
        (var("one"), "at", var("place")),
        (var("other"), "at", var("place")),
        limit=2,
        after=after,
    )
    return await found.all(results), results.continuation


async def tuples_at_work(db: found.Database) -> None:
    store = nstore.make("tokens", ("tokens",), 3)
    random = Random(repr(db))
    rows = [(token, "at", 0) for token in TOKENS]
    rows += [("row", n, "x" * 200) for n in range(50)]
    await nstore.load(db, store, [(row, b"0") for row in rows], values=True)

    async def work() -> None:
        for _ in range(4):
            token, place = random.choice(TOKENS), random.randrange(3)
            await found.transactional(db, move, store, token, place)
        after = None
        while True:
            pairs, after = await found.transactional(db, meetings, store, after, snapshot=True)
            assert all(pair["one"] in TOKENS for pair in pairs)
            if after is None:
                break

    await asyncio.gather(*(work() for _ in range(3)))
    for token in TOKENS:
        assert len(await found.transactional(db, where, store, token, snapshot=True)) == 1
    everything = (var("a"), var("b"), var("c"))
    assert await found.transactional(db, nstore.count, store, everything) == len(rows)
    report = await nstore.fsck(db, store)
    assert (report.problems, report.rows) == (0, 3 * len(rows))
    # A repair that fails on the way and is tried again ends clean too.
    stale, missing = (
        found.pack(("a", "b", "c"), store.heads[1]),
        found.pack(rows[0], store.heads[0]),
    )
    await found.transactional(db, damage, stale, missing)
    await nstore.fsck(db, store, repair=True)
    assert (await nstore.fsck(db, store)).problems == 0


async def damage(tx: found.Transaction, stale: bytes, missing: bytes) -> None:
    found.set(tx, stale, b"")
    found.clear(tx, missing)


async def deposit(tx: found.Transaction, store: eavstore.EAVStore, by: list[int]) -> None:
    """Move one from an account to another, by a patch of each."""
    accounts = [await eavstore.get(tx, store, uid) for uid in by]
    if by[0] != by[1]:
        await eavstore.patch(tx, store, by[0], {"balance": accounts[0]["balance"] - 1})
        await eavstore.patch(tx, store, by[1], {"balance": accounts[1]["balance"] + 1})


async def page(tx: found.Transaction, store: eavstore.EAVStore, after: Any) -> Any:
    uids = eavstore.find(tx, store, {}, order="balance", limit=2, after=after)
    return await found.all(uids), uids.continuation


async def dictionaries_at_work(db: found.Database) -> None:
    store = eavstore.make("accounts", ("accounts",))
    random = Random(repr(db))
    for uid in range(4):
        values = {"balance": 5, "kind": "account", "uid": uid}
        await found.transactional(db, eavstore.create, store, values, uid)

    async def work(number: int) -> None:
        for _ in range(4):
            await found.transactional(db, deposit, store, random.choices(range(4), k=2))
        mine = {"balance": None, "kind": "other", "worker": number}
        uid = await found.transactional(db, eavstore.create, store, mine, f"w{number}")
        await found.transactional(db, eavstore.update, store, uid, {"kind": "gone"})
        await found.transactional(db, eavstore.remove, store, uid)
        after = None
        while True:
            uids, after = await found.transactional(db, page, store, after, snapshot=True)
            assert set(uids) <= {0, 1, 2, 3, "w0", "w1", "w2"}
            if after is None:
                break

    await asyncio.gather(*(work(number) for number in range(3)))

    async def balances(tx: found.Transaction) -> list[int]:
        uids = eavstore.query(tx, store, "kind", "account")
        return [values["balance"] async for _, values in eavstore.fetch(tx, store, uids)]

    held = await found.transactional(db, balances, snapshot=True)
    assert (len(held), sum(held)) == (4, 20)
    report = await eavstore.fsck(db, store)
    assert (report.problems, report.rows) == (0, 4 * 3 * 2)


def test_the_indexes_of_an_nstore_agree_in_any_weather() -> None:
    every_seed(tuples_at_work, SEEDS)


def test_the_index_of_an_eavstore_agrees_in_any_weather() -> None:
    every_seed(dictionaries_at_work, SEEDS)
