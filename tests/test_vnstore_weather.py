"""vnstore in any weather: whatever fails and is tried again, history is one order of whole changes."""

from __future__ import annotations

import asyncio
import random
from typing import Any
from uuid import UUID

from stores import Place
from weather import every_seed

import found
from found.ext import vnstore
from found.ext.vnstore import var

TUPLES = [("u", "n", n) for n in range(6)]


def test_random_operations_end_with_a_clean_store() -> None:
    async def program(db: found.Database) -> None:
        store = vnstore.make("weather", ("weather",), ("uid", "key", "value"))
        order = random.Random(7)
        applied: list[tuple[UUID, dict[Any, bool]]] = []

        async def build(
            tx: found.Transaction,
            uid: UUID,
            writes: list[tuple[Any, bool]],
            said: dict[Any, bool],
        ) -> None:
            vnstore.change_continue(tx, store, uid)
            await found.all(vnstore.select(tx, store, "u", var("k"), order.randrange(6)))
            for items, alive in writes:
                # A try that may have been committed has said it, whatever the next finds.
                if alive:
                    said[items] = await vnstore.add(tx, store, *items)
                elif await vnstore.remove(tx, store, *items):
                    said[items] = False

        for _ in range(8):
            uid = vnstore.change_uid()
            await found.transactional(db, vnstore.change_create, store, uid=uid)
            said: dict[Any, bool] = {}
            for _ in range(order.randrange(1, 3)):
                writes = [
                    (order.choice(TUPLES), order.random() < 0.6) for _ in range(order.randrange(5))
                ]
                await found.transactional(db, build, uid, writes, said)
            what = order.random()
            if what < 0.15:
                while not await found.transactional(
                    db, vnstore.change_abandon, store, uid, limit=2
                ):
                    pass
            elif what < 0.9:
                point = await found.transactional(db, vnstore.change_apply, store, uid)
                applied.append((point, said))
                if what > 0.7:
                    new = vnstore.change_uid()
                    await found.transactional(db, vnstore.change_revert, store, uid, uid=new)
                    await found.transactional(db, vnstore.change_abandon, store, new)

        async def check(tx: found.Transaction) -> None:
            state: dict[Any, bool] = {}
            assert applied == sorted(applied, key=lambda one: one[0])
            for point, said in applied:
                state.update(said)
                rows = await found.all(
                    vnstore.select(tx, store, var("uid"), var("key"), var("value"), as_of=point)
                )
                alive = {(row["uid"], row["key"], row["value"]) for row in rows}
                assert alive == {items for items, is_alive in state.items() if is_alive}

        await found.transactional(db, check, snapshot=True)
        assert (await vnstore.fsck(db, store)).problems == 0

    every_seed(program, 200)


def test_programs_that_apply_at_once_are_one_after_the_other() -> None:
    """Each adds one to a number that it has read: none is lost, whichever of them are refused and tried again."""

    async def program(db: found.Database) -> None:
        store = vnstore.make("counter", ("counter",), ("value",))
        attempts = 0

        async def build(tx: found.Transaction, uid: UUID) -> None:
            await vnstore.change_create(tx, store, uid=uid)
            values = [row["v"] for row in await found.all(vnstore.select(tx, store, var("v")))]
            assert len(values) < 2
            for value in values:
                await vnstore.remove(tx, store, value)
            await vnstore.add(tx, store, sum(values) + 1)

        async def count_on() -> None:
            nonlocal attempts
            while True:
                uid = vnstore.change_uid()
                await found.transactional(db, build, uid)
                attempts += 1
                try:
                    await found.transactional(db, vnstore.change_apply, store, uid)
                    return
                except vnstore.ConflictException:
                    await found.transactional(db, vnstore.change_abandon, store, uid)

        await asyncio.gather(*(count_on() for _ in range(4)))

        async def check(tx: found.Transaction) -> None:
            assert await found.all(vnstore.select(tx, store, var("v"))) == [{"v": 4}]
            history = (await vnstore.history(tx, store)).changes
            assert len(history) == 4
            stamps = [change.versionstamp for change in history]
            assert None not in stamps
            assert stamps == sorted(stamps, reverse=True)

        await found.transactional(db, check, snapshot=True)
        assert attempts >= 4
        assert (await vnstore.fsck(db, store)).problems == 0

    every_seed(program, 200)


async def test_two_databases_of_one_name_are_two_programs() -> None:
    """Through handles of their own, as two programs on a cluster."""
    async with (
        await found.open("memory:two-programs") as one,
        await found.open("memory:two-programs") as other,
    ):
        store = vnstore.make("two", Place(one).prefix, ("value",))
        uids: list[UUID] = []

        async def build(tx: found.Transaction) -> UUID:
            uid = await vnstore.change_create(tx, store)
            await vnstore.add(tx, store, len(uids))
            return uid

        for db in (one, other) * 5:
            uids.append(await found.transactional(db, build))
        points = await asyncio.gather(
            *(
                found.transactional(db, vnstore.change_apply, store, uid)
                for db, uid in zip((one, other) * 5, uids)
            )
        )
        assert len(set(points)) == 10

        async def check(tx: found.Transaction) -> None:
            history = (await vnstore.history(tx, store)).changes
            stamps = [change.versionstamp for change in history]
            assert None not in stamps
            assert stamps == sorted(stamps, reverse=True)
            assert await vnstore.count(tx, store, (var("v"),)) == 10

        await found.transactional(other, check)
