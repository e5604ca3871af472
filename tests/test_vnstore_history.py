"""vnstore: points of history, its pages, differences, and changes that bring something back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Optional
from uuid import UUID, uuid4

import histories
import pytest
from stores import Place

import found
from found.ext import vnstore
from found.ext.vnstore import var

ONE, TWO, THREE = ("u", "n", 1), ("u", "n", 2), ("u", "n", 3)


async def test_what_was_alive_at_any_point(place: Place) -> None:
    store = histories.make(place)
    states = [set[Any](), {ONE}, {ONE, TWO}, {TWO}, {TWO, THREE}]
    points = [vnstore.BEGINNING]
    for before, after in zip(states, states[1:]):
        points.append(await histories.commit(place, store, after - before, before - after))
    for point, state in zip(points, states):
        assert await histories.alive(place, store, as_of=point) == state
        if point != vnstore.BEGINNING:
            before = states[points.index(point) - 1]
            assert await histories.alive(place, store, as_of=vnstore.point_before(point)) == before
    assert await histories.alive(place, store, as_of=UUID(int=(1 << 128) - 1)) == states[-1]


async def test_a_moment_is_a_point_of_history(place: Place) -> None:
    store = histories.make(place)
    points = [await histories.commit(place, store, add=[("u", "n", n)]) for n in range(3)]
    for number, point in enumerate(points):
        when = vnstore.time_of(point)
        assert when is not None
        assert when.tzinfo is timezone.utc
        state = await histories.alive(place, store, as_of=vnstore.point_at(when))
        assert ("u", "n", number) in state
        early = await histories.alive(
            place, store, as_of=vnstore.point_at(when - timedelta(microseconds=1))
        )
        assert ("u", "n", number) not in early


def test_times_that_are_none() -> None:
    assert vnstore.time_of(uuid4()) is None
    assert vnstore.time_of(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")) is not None
    assert vnstore.point_before(vnstore.BEGINNING) == vnstore.BEGINNING
    when = datetime(2026, 11, 23, 8, 25, 0, 123457, tzinfo=timezone.utc)
    assert vnstore.time_of(vnstore.point_at(when)) == when
    elsewhere = when.astimezone(timezone(timedelta(hours=-5)))
    assert vnstore.point_at(elsewhere) == vnstore.point_at(when)
    wrong: Any = None
    for call in (vnstore.time_of, vnstore.point_at, vnstore.point_before):
        with pytest.raises(TypeError):
            call(wrong)
    with pytest.raises(ValueError, match="time zone"):
        vnstore.point_at(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="1970"):
        vnstore.point_at(datetime(1969, 1, 1, tzinfo=timezone.utc))


async def test_history_has_open_changes_first_and_the_newest_before_the_others(
    place: Place,
) -> None:
    store = histories.make(place)
    applied = [
        await histories.propose(place, store, add=[("u", "n", n)], message=f"no. {n}")
        for n in range(5)
    ]
    for uid in applied:
        await histories.apply(place, store, uid)
    opened = [await histories.propose(place, store) for _ in range(3)]

    async def pages(state: Optional[str], limit: int) -> list[UUID]:
        uids: list[UUID] = []
        continuation = None
        while True:
            page = await place.run(
                vnstore.history, store, state=state, limit=limit, continuation=continuation
            )
            assert len(page.changes) <= limit
            uids += [change.uid for change in page.changes]
            continuation = page.continuation
            if continuation is None:
                return uids

    for limit in (1, 2, 3, 5, 8, 50):
        assert await pages(None, limit) == opened[::-1] + applied[::-1]
        assert await pages("open", limit) == opened[::-1]
        assert await pages("applied", limit) == applied[::-1]
    newest = (await place.run(vnstore.history, store, state="applied", limit=1)).changes[0]
    assert newest.message == "no. 4"
    assert newest.state == "applied"
    assert newest.created is not None and newest.applied is not None
    assert newest.created <= newest.applied
    page = await place.run(vnstore.history, store, state="open", limit=1)
    assert (page.changes[0].state, page.changes[0].applied) == ("open", None)
    with pytest.raises(vnstore.VNStoreException, match="continuation"):
        await place.run(vnstore.history, store, state="applied", continuation=page.continuation)


async def test_what_is_said_of_a_change(place: Place) -> None:
    store = histories.make(place)
    when = datetime(2026, 1, 1, tzinfo=timezone.utc).isoformat()

    async def create(tx: found.Transaction) -> UUID:
        metadata = {"author": "Ada", "at": when, "sources": (1, b"x"), "large": "x" * 90_000}
        return await vnstore.change_create(tx, store, message="why", metadata=metadata)

    uid = await place.run(create)

    async def note(tx: found.Transaction) -> None:
        await vnstore.change_annotate(
            tx, store, uid, {"author": "Bo", "at": None, "large": None, "review": True}
        )

    await place.run(note)
    await histories.apply(place, store, uid)
    await place.run(vnstore.change_annotate, store, uid, {"reviewed": "afterwards"})
    change = await place.run(vnstore.change_describe, store, uid)
    assert change is not None
    assert (change.type, change.message) == ("change", "why")
    assert change.metadata == {
        "author": "Bo",
        "sources": (1, b"x"),
        "review": True,
        "reviewed": "afterwards",
    }
    # 0.13's dict has what it had.
    assert list(await place.run(vnstore.change_get, store, uid) or ()) == [
        "uid",
        "type",
        "significance",
        "message",
    ]


async def test_the_history_of_a_tuple(place: Place) -> None:
    store = histories.make(place)
    first = await histories.commit(place, store, add=[ONE, TWO])
    second = await histories.commit(place, store, remove=[ONE])
    third = await histories.commit(place, store, add=[ONE])
    proposed = await histories.propose(place, store, remove=[ONE])
    await histories.commit(place, store, add=[THREE])
    events = await place.run(vnstore.tuple_history, store, *ONE)
    assert [(event.change.significance, event.alive) for event in events] == [
        (None, False),
        (third, True),
        (second, False),
        (first, True),
    ]
    assert events[0].change.uid == proposed
    assert await place.run(vnstore.tuple_history, store, "u", "n", 9) == []


async def test_a_change_as_a_difference(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(
        place, store, add=[("lhr", "name", "Heathro"), ("lhr", "city", "London")]
    )
    uid = await histories.propose(
        place,
        store,
        add=[("lhr", "name", "Heathrow"), ("lhr", "city", "London"), ("lgw", "name", "Gatwick")],
        remove=[("lhr", "name", "Heathro")],
    )
    expected = {
        (("lhr", "name", "Heathrow"), True, False, (("lhr", "name", "Heathro"),)),
        (("lhr", "name", "Heathro"), False, True, ()),
        (("lhr", "city", "London"), True, True, ()),
        (("lgw", "name", "Gatwick"), True, False, ()),
    }

    async def whole(limit: int) -> list[vnstore.Edit]:
        edits: list[vnstore.Edit] = []
        continuation = None
        while True:
            page = await place.run(
                vnstore.change_diff, store, uid, limit=limit, continuation=continuation
            )
            edits += page.edits
            continuation = page.continuation
            if continuation is None:
                return edits

    assert set(await whole(100)) == expected
    await histories.apply(place, store, uid)
    await histories.commit(place, store, remove=[("lhr", "name", "Heathrow")])
    # Of an applied change: what it did then.
    for limit in (1, 2, 4, 100):
        edits = await whole(limit)
        assert set(edits) == expected
        assert {edit.items for edit in edits if not edit.effective} == {("lhr", "city", "London")}


async def test_a_change_that_undoes_another(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[ONE, TWO])
    uid = await histories.propose(place, store, [THREE, TWO], [ONE], message="a mistake")
    await histories.apply(place, store, uid)
    assert await histories.alive(place, store) == {TWO, THREE}

    async def revert(tx: found.Transaction) -> UUID:
        new = await vnstore.change_revert(tx, store, uid, metadata={"author": "Bo"})
        # It is the active one: what else is to be put right can be part of it.
        await vnstore.add(tx, store, "u", "n", 4)
        return new

    new = await place.run(revert)
    change = await place.run(vnstore.change_describe, store, new)
    assert change is not None
    assert change.message == "Revert 'a mistake'"
    assert change.metadata == {"author": "Bo", "reverts": uid}
    assert await histories.alive(place, store) == {TWO, THREE}
    assert await histories.alive(place, store, change=new) == {ONE, TWO, ("u", "n", 4)}
    await histories.apply(place, store, new)
    assert await histories.alive(place, store) == {ONE, TWO, ("u", "n", 4)}


async def test_what_others_have_touched_since_is_not_undone_unseen(place: Place) -> None:
    store = histories.make(place)
    uid = await histories.propose(place, store, add=[ONE, TWO])
    point = await histories.apply(place, store, uid)
    await histories.commit(place, store, remove=[ONE])
    new = await place.run(vnstore.change_revert, store, uid)
    (conflict,) = await place.run(vnstore.change_conflicts, store, new)
    assert (conflict.items, conflict.base) == (ONE, point)
    with pytest.raises(vnstore.ConflictException):
        await histories.apply(place, store, new)
    with pytest.raises(vnstore.VNStoreException, match="is open"):
        await place.run(vnstore.change_revert, store, new)


async def test_a_point_is_brought_back(place: Place) -> None:
    store = histories.make(place)
    point = await histories.commit(place, store, add=[ONE, TWO])
    await histories.commit(place, store, add=[THREE], remove=[ONE])
    await histories.commit(place, store, add=[ONE], remove=[TWO])
    new = await place.run(vnstore.restore, store, point)
    assert await place.run(vnstore.change_size, store, new) == (1, 1, True)
    await histories.apply(place, store, new)
    assert await histories.alive(place, store) == {ONE, TWO}
    empty = await place.run(vnstore.restore, store, vnstore.BEGINNING, message="start over")
    await histories.apply(place, store, empty)
    assert await histories.alive(place, store) == set()


async def test_an_abandoned_change_leaves_nothing(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[ONE])
    rows = await place.rows()

    async def build(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store, message="no", metadata={"author": "Ada"})
        for number in range(20):
            await vnstore.add(tx, store, "u", "n", number)
        await found.all(vnstore.select(tx, store, var("u"), "n", var("v")))
        return uid

    uid = await place.run(build)
    calls = 0
    while not await place.run(vnstore.change_abandon, store, uid, limit=7):
        calls += 1
        # Gone from the first call on: nobody applies half of it.
        assert await place.run(vnstore.change_get, store, uid) is None
        assert uid not in {one["uid"] for one in await place.run(vnstore.change_list, store)}
        with pytest.raises(vnstore.VNStoreException, match="has no change"):
            await histories.apply(place, store, uid)
    assert calls == 2
    assert await place.rows() == rows
    assert await histories.alive(place, store) == {ONE}


async def test_an_abandoned_change_of_large_tuples_fits_its_transactions(
    memory: found.Database,
) -> None:
    place = Place(memory)
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)
    await vnstore.load(memory, store, uid, [("u", "x" * 4_000, n) for n in range(150)])
    calls = 0
    while not await place.run(vnstore.change_abandon, store, uid):
        calls += 1
    assert calls > 1
    assert await place.rows() == {}


async def test_fsck_ends_what_was_abandoned_in_part(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[ONE])
    rows = await place.rows()
    uid = await histories.propose(place, store, add=[("u", "n", n) for n in range(20)])
    assert not await place.run(vnstore.change_abandon, store, uid, limit=7)
    report = await vnstore.fsck(place.db, store, repair=True)
    assert report.problems == report.repaired > 0
    assert await place.rows() == rows


async def test_a_summary_counts_up_to_its_limit(place: Place) -> None:
    store = histories.make(place)
    assert (await place.run(vnstore.summary, store))[:4] == (0, 0, 0, 0)
    await histories.commit(place, store, add=[ONE, TWO])
    uid = await histories.propose(place, store, remove=[ONE], message="last")
    await histories.apply(place, store, uid)
    await histories.propose(place, store, add=[THREE])
    summary = await place.run(vnstore.summary, store)
    assert summary[:4] == (1, 2, 1, 4)
    assert summary.head is not None and summary.head.message == "last"
    assert summary.exact is True
    assert summary.bytes >= 0
    assert (await place.run(vnstore.summary, store, limit=4)).exact is False


async def test_differences_of_two_points_in_pages(memory: found.Database) -> None:
    """More changes than are gone through at once, and changes of more tuples than a page has."""
    place = Place(memory)
    store = vnstore.make("many", place.prefix, ("item",))

    async def change(tx: found.Transaction, add: Any, remove: Any) -> UUID:
        uid = await vnstore.change_create(tx, store)
        for item in add:
            await vnstore.add(tx, store, item)
        for item in remove:
            await vnstore.remove(tx, store, item)
        return await vnstore.change_apply(tx, store, uid)

    first = await place.run(change, range(100), ())
    nothing = await place.run(change, (), ())
    for number in range(150):
        last = await place.run(change, [1_000 + number], [number % 100] if number < 100 else ())
    for before, after, alive, dead in (
        (first, None, range(1_000, 1_150), range(100)),
        (last, first, range(100), range(1_000, 1_150)),
        (vnstore.BEGINNING, first, range(100), ()),
        # The change gone through first says nothing, the next more than a page has.
        (vnstore.BEGINNING, nothing, range(100), ()),
        (first, first, (), ()),
    ):
        for limit in (7, 1_000):
            told: list[tuple[Any, bool]] = []
            continuation = None
            while True:
                page = await place.run(
                    vnstore.diff, store, before, after, limit=limit, continuation=continuation
                )
                assert len(page.edits) <= limit
                told += [(edit.items[0], edit.alive) for edit in page.edits]
                continuation = page.continuation
                if continuation is None:
                    break
            assert sorted(told) == sorted(
                [(item, True) for item in alive] + [(item, False) for item in dead]
            )
