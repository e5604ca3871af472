"""nstore: loading many tuples, and the check of a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from stores import Place

import found
from found.ext import nstore
from found.ext.nstore import NStore, NStoreException, Problem, var


def make(place: Place, n: int = 3, name: str = "test") -> NStore:
    return nstore.make(name, (*place.prefix, name), n)


async def everything(place: Place, store: NStore) -> list[Any]:
    tx = found.make_transaction(place.db)
    names = [var(str(column)) for column in range(store.n)]
    bindings = await found.all(nstore.select(tx, store, *names))
    return [tuple(one.values()) for one in bindings]


# ---- load -------------------------------------------------------------------------------------------------------


async def test_many_tuples_are_loaded_over_many_transactions(place: Place) -> None:
    store = make(place, 2)
    commits = []
    place.db.hooks.on_commit.append(lambda tx: asyncio.sleep(0, commits.append(tx)))
    seen: list[int] = []
    rows = [(n, "x" * 1000) for n in range(1500)]
    assert await nstore.load(place.db, store, rows, progress=seen.append) == 1500
    place.db.hooks.on_commit.clear()
    assert len(commits) > 4
    assert seen == sorted(seen)
    assert seen[-1] == 1500
    assert await everything(place, store) == rows
    assert (await nstore.fsck(place.db, store)).clean


async def test_loading_takes_async_iterables_and_closes_them(place: Place) -> None:
    store = make(place, 1)
    closed = []

    async def rows() -> AsyncIterator[tuple[int]]:
        try:
            for number in range(10):
                yield (number,)
        finally:
            closed.append(True)

    assert await nstore.load(place.db, store, rows()) == 10
    assert len(await everything(place, store)) == 10
    assert await nstore.load(place.db, store, []) == 0
    assert closed == [True]


async def test_loading_again_changes_nothing(place: Place) -> None:
    store = make(place, 2)
    rows = [((n, n), b"%d" % n) for n in range(100)]
    await nstore.load(place.db, store, rows, values=True)
    before = await place.rows()
    await nstore.load(place.db, store, rows, values=True)
    assert await place.rows() == before


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a",), "row 5: a tuple of test has 2 items, not 1"),
        (("a", object()), "row 5: test cannot hold <object"),
        ("ab", "row 5 is no tuple: 'ab'"),
        ((found.Versionstamp(), 1), "row 5: test cannot hold"),
        (("a", "b" * 10_000), "row 5: test cannot hold a tuple whose key has"),
    ],
)
async def test_a_row_that_cannot_be_loaded_is_told_with_its_place(
    memory: found.Database, row: Any, message: str
) -> None:
    store = nstore.make("test", ("p",), 2)
    rows = [(n, n) for n in range(5)] + [row]
    with pytest.raises(NStoreException, match=message):
        await nstore.load(memory, store, rows)
    with pytest.raises(NStoreException, match=r"row 0: .*values that are bytes"):
        await nstore.load(memory, store, [((1, 2), "v")], values=True)


async def test_a_load_that_is_cancelled_leaves_no_task_behind(place: Place) -> None:
    store = make(place, 2)
    going_on = asyncio.Event()

    async def rows() -> AsyncIterator[tuple[int, str]]:
        for number in range(10_000):
            if number == 2_000:
                going_on.set()
                await asyncio.Event().wait()
            yield (number, "x" * 1000)

    load = asyncio.ensure_future(nstore.load(place.db, store, rows()))
    await going_on.wait()
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (await nstore.fsck(place.db, store)).clean


async def test_two_programs_that_write_one_tuple_end_in_one_of_two_orders(place: Place) -> None:
    store = make(place)
    for number in range(20):
        row = ("the", "same", number)
        await asyncio.gather(
            place.run(nstore.add, store, *row, value=b"one"),
            place.run(nstore.add, store, *row, value=b"two"),
            place.run(nstore.remove, store, *row),
        )
        tx = found.make_transaction(place.db)
        assert await nstore.get(tx, store, *row) in (None, b"one", b"two")
    assert (await nstore.fsck(place.db, store)).problems == 0


# ---- fsck -------------------------------------------------------------------------------------------------------

ROWS = [(a, b, c) for a in "xyz" for b in range(20) for c in (1.5, None)]

Damage = Callable[[NStore], dict[bytes, Any]]


def key(store: NStore, index: int, *items: Any) -> bytes:
    return found.pack(tuple(items[column] for column in store.indices[index]), store.heads[index])


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a row of another index is missing": (
        lambda store: {key(store, 1, "x", 3, None): None},
        "missing",
    ),
    "a row of another index is stale": (
        lambda store: {key(store, 2, "x", 3, "gone"): b""},
        "stale",
    ),
    "the first index lost a row": (lambda store: {key(store, 0, "x", 3, None): None}, "stale"),
    "an index has another value": (
        lambda store: {key(store, 1, "x", 3, None): b"other"},
        "its value",
    ),
    "a row has an item too many": (
        lambda store: {key(store, 0, "x", 3, None) + found.pack((1,)): b""},
        "no tuple",
    ),
    "a row cannot be unpacked": (lambda store: {store.heads[1] + b"\x02x": b""}, "no tuple"),
    "an int is packed with a leading zero": (
        lambda store: {store.heads[1] + b"\x16\x00\x07" + found.pack(("a", "b")): b""},
        "not packed",
    ),
    "no index has the row": (lambda store: {found.pack((*store.prefix, 3, 1)): b""}, "no index"),
    "a row is before all indexes": (
        lambda store: {found.pack((*store.prefix, "a")): b""},
        "no index",
    ),
}
LASTING = {"no tuple", "not packed", "no index"}


@pytest.mark.parametrize("name", DAMAGES)
async def test_a_check_tells_of_damage_and_repairs_what_it_can(place: Place, name: str) -> None:
    damage, what = DAMAGES[name]
    store, neighbour = make(place), make(place, name="test\x00sibling")
    await nstore.load(place.db, store, ROWS)
    await nstore.load(place.db, neighbour, ROWS)
    clean = await nstore.fsck(place.db, store)
    assert clean == nstore.Report("test", 3 * len(ROWS), 0, 0, ())
    before = await place.rows()
    tx = found.make_transaction(place.db)
    for row, value in damage(store).items():
        if value is None:
            found.clear(tx, row)
        else:
            found.set(tx, row, value)
    await found.commit(tx)
    damaged = await place.rows()

    told = await nstore.fsck(place.db, store)
    assert told.problems >= 1
    assert told.repaired == 0
    assert all(problem.what.find(what) >= 0 for problem in told.examples)
    assert await place.rows() == damaged, "a check that was not asked to repair has written"

    repaired = await nstore.fsck(place.db, store, repair=True)
    assert repaired.problems == told.problems
    again = await nstore.fsck(place.db, store)
    if what in LASTING:
        # Nobody can say what it should be: it is told, and stays.
        assert repaired.repaired == 0
        assert again.examples == told.examples
        assert await place.rows() == damaged
    else:
        assert repaired.repaired == repaired.problems
        assert again.problems == 0
        if name != "the first index lost a row":
            assert await place.rows() == before
    assert (await nstore.fsck(place.db, neighbour)).problems == 0


async def test_a_check_of_many_rows_reports_its_progress_and_the_first_problems(
    place: Place,
) -> None:
    store = make(place, 2)
    await nstore.load(place.db, store, [(n, -n) for n in range(1200)])
    await place.drop(*(key(store, 1, n, -n) for n in range(150)))
    seen: list[int] = []
    report = await nstore.fsck(place.db, store, progress=seen.append)
    assert report.problems == 150
    assert report.rows == 2400 - 150
    assert len(report.examples) == 100
    assert report.examples[0] == Problem(
        key(store, 1, 0, 0), "missing: the first index has the tuple"
    )
    assert seen[-1] == report.rows
    assert seen == sorted(seen)
    assert len(seen) >= 5


async def test_a_repair_beside_a_program_that_writes_breaks_nothing(place: Place) -> None:
    store = make(place, 2)
    await nstore.load(place.db, store, [(n, n) for n in range(300)])
    await place.drop(*(key(store, 1, n, n) for n in range(0, 300, 3)))

    async def write(tx: found.Transaction, n: int) -> None:
        await nstore.remove(tx, store, n, n)
        await nstore.add(tx, store, n, -n, value=b"new")

    async def writes() -> None:
        for n in range(300):
            await place.run(write, n)

    await asyncio.gather(writes(), nstore.fsck(place.db, store, repair=True))
    assert sorted(await everything(place, store)) == sorted((n, -n) for n in range(300))
    assert (await nstore.fsck(place.db, store)).problems == 0


async def test_a_check_of_what_is_no_store_is_refused(memory: found.Database) -> None:
    with pytest.raises(TypeError, match=r"nstore must be what nstore\.make returns"):
        await nstore.fsck(memory, ("p",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"nstore must be what nstore\.make returns"):
        await nstore.load(memory, ("p",), [])  # type: ignore[arg-type]
