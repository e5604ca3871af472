"""vnstore: what its operations ask of the database, which on a cluster is what they cost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import histories
import reads
from stores import Place

import found
from found.ext import vnstore
from found.ext.vnstore import var


async def cost(place: Place, body: Any, *args: Any, **kwargs: Any) -> dict[str, int]:
    """The calls of a transaction that reads."""
    with reads.counted() as calls:
        await place.run(body, *args, **kwargs)
    return dict(calls)


async def test_a_select_reads_its_range_and_each_change_once(memory: found.Database) -> None:
    place = Place(memory)
    store = histories.make(place)
    tuples = [("u", "n", n) for n in range(100)]
    # Ten changes, and for each tuple five rows: 0.13 read two rows of a change for every one of the 500.
    for _ in range(2):
        await histories.commit(place, store, add=tuples[:50])
        await histories.commit(place, store, add=tuples[50:])
        await histories.commit(place, store, remove=tuples[:50])
        await histories.commit(place, store, remove=tuples[50:])
    await histories.commit(place, store, add=tuples)
    await histories.propose(place, store, remove=tuples)

    for pattern in (
        ("u", "n", var("v")),
        (var("u"), "n", var("v")),
        (var("u"), var("k"), var("v")),
    ):

        async def select(tx: found.Transaction, times: int, pattern: Any = pattern) -> None:
            for _ in range(times):
                assert len(await found.all(vnstore.select(tx, store, *pattern))) == 100

        assert await cost(place, select, 1, snapshot=True) == {"query": 1 + 10}
        assert await cost(place, select, 3, snapshot=True) == {"query": 3 + 10}


async def test_a_select_over_100_tuples_is_one_range_and_one_batch(memory: found.Database) -> None:
    """On a cluster, two waits: stores.md allows three ranges and a batch."""
    place = Place(memory)
    store = histories.make(place)
    for first in range(0, 100, 10):
        await histories.commit(place, store, [("u", "n", n) for n in range(first, first + 10)])

    async def select(tx: found.Transaction) -> None:
        with reads.together() as numbers:
            rows = await found.all(vnstore.select(tx, store, "u", "n", var("v")))
        assert len(rows) == 100
        assert numbers == [1, 10]

    await place.run(select, snapshot=True)


async def test_a_join_reads_a_range_for_each_binding_and_each_change_once(
    memory: found.Database,
) -> None:
    place = Place(memory)
    store = histories.make(place)
    for number in range(4):
        mine = range(number, 100, 4)
        await histories.commit(
            place,
            store,
            [(n, "knows", (n + 1) % 100) for n in mine] + [(n, "name", f"n{n}") for n in mine],
        )

    async def join(tx: found.Transaction) -> None:
        patterns = ((var("a"), "knows", var("b")), (var("b"), "name", var("name")))
        assert len(await found.all(vnstore.query(tx, store, *patterns))) == 100

    assert await cost(place, join, snapshot=True) == {"query": 1 + 100 + 4}


async def test_a_page_looks_up_no_more_than_it_shows(memory: found.Database) -> None:
    place = Place(memory)
    store = histories.make(place)
    await histories.commit(place, store, add=[(n, "n", n) for n in range(1_000)])

    async def page(tx: found.Transaction) -> None:
        one = await vnstore.page(tx, store, (var("u"), "n", var("v")), limit=10)
        two = await vnstore.page(
            tx, store, (var("u"), "n", var("v")), limit=10, continuation=one.continuation
        )
        assert len({row["v"] for row in one.bindings + two.bindings}) == 20

    calls = await cost(place, page, snapshot=True)
    # The index has not the rows of a tuple side by side: a range of 64 rows, and one for each of their tuples, twice.
    assert calls == {"query": 2 * (1 + 64) + 1}


async def test_writing_reads_the_change_and_the_head_of_history_once(
    memory: found.Database,
) -> None:
    place = Place(memory)
    store = histories.make(place)
    await histories.commit(place, store, add=[("u", "n", n) for n in range(10)])
    uid = await place.run(vnstore.change_create, store)

    async def add(tx: found.Transaction, count: int) -> None:
        vnstore.change_continue(tx, store, uid)
        for number in range(count):
            await vnstore.add(tx, store, "u", "m", number)

    async def remove(tx: found.Transaction, count: int) -> None:
        vnstore.change_continue(tx, store, uid)
        for number in range(count):
            assert await vnstore.remove(tx, store, "u", "n", number)

    calls = await cost(place, add, 7)
    assert calls == {"query": 2, "set": 7 * (10 + 1), "clear": 7 * 10, "byte_min": 7}

    async def create(tx: found.Transaction) -> None:
        await vnstore.change_create(tx, store)
        for number in range(7):
            await vnstore.add(tx, store, "u", "m", number)

    # Of a change that begins in the transaction it is known what it has said before.
    calls = await cost(place, create)
    assert calls == {"query": 2, "set": 3 * 3 + 7 * (10 + 1), "byte_min": 7}
    # A removal reads what is said of its tuple, and the one change that says it.
    assert (await cost(place, remove, 7))["query"] == 2 + 7 + 1


async def test_an_apply_reads_what_others_have_said_since(memory: found.Database) -> None:
    place = Place(memory)
    store = histories.make(place)

    async def applied(uid: UUID) -> dict[str, int]:
        calls = await cost(place, vnstore.change_apply, store, uid)
        return {name: calls.get(name, 0) for name in reads.READS if calls.get(name)}

    uids = [
        await histories.propose(place, store, add=[("u", "n", 100 * n + m) for m in range(100)])
        for n in range(5)
    ]
    # Nothing was applied since it was built: its significance, the head of history, the least of its bases.
    assert await applied(uids[0]) == {"query": 2, "get": 1}
    # Then what it is built on, and what was applied since: the changes, and what each says.
    for since, uid in enumerate(uids[1:], 1):
        assert await applied(uid) == {"query": 2 + 2 + 1 + since, "get": 1}
