"""vnstore: what a change is built on is checked at apply; programs that apply at once end in one of their orders."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import histories
import pytest
from stores import Place

import found
from found.ext import vnstore
from found.ext.vnstore import _bases, _said, var

ONE, TWO, THREE = ("u", "n", 1), ("u", "n", 2), ("u", "n", 3)


async def told(place: Place, store: vnstore.VNStore, uid: UUID) -> list[tuple[Any, str]]:
    """What the preview of an apply says; the apply says the same."""
    conflicts = await place.run(vnstore.change_conflicts, store, uid)
    if conflicts:
        with pytest.raises(vnstore.ConflictException) as refusal:
            await histories.apply(place, store, uid)
        assert refusal.value.changeid == uid
        assert list(refusal.value.conflicts) == conflicts
        assert isinstance(refusal.value, vnstore.VNStoreException)
    return [(conflict.items, conflict.how) for conflict in conflicts]


async def test_a_change_built_on_what_another_has_touched_is_refused(place: Place) -> None:
    store = histories.make(place)
    base = await histories.commit(place, store, add=[ONE])
    ours = await histories.propose(place, store, add=[TWO], remove=[ONE])
    theirs = await histories.propose(place, store, remove=[ONE])
    point = await histories.apply(place, store, theirs)
    (conflict,) = await place.run(vnstore.change_conflicts, store, ours)
    assert conflict == (ONE, "written", base, theirs, point, False)
    with pytest.raises(vnstore.ConflictException) as refusal:
        await histories.apply(place, store, ours)
    assert str(refusal.value) == (
        f"change {ours} is built on ('u', 'n', 1), which change {theirs} has removed since"
    )
    # It is still open, and changes nothing.
    assert await histories.alive(place, store) == set()
    await histories.apply(place, store, ours, force=True)
    assert await histories.alive(place, store) == {TWO}


async def test_saying_it_again_accepts_what_others_did(place: Place) -> None:
    store = histories.make(place)
    ours = await histories.propose(place, store, add=[ONE, TWO])
    await histories.commit(place, store, add=[ONE, TWO])
    assert await told(place, store, ours) == [(ONE, "written"), (TWO, "written")]

    async def again(tx: found.Transaction, *items: Any) -> None:
        vnstore.change_continue(tx, store, ours)
        await vnstore.add(tx, store, *items)

    # The base of ONE is the change that touched it, while that of the whole is before it.
    await place.run(again, *ONE)
    assert await told(place, store, ours) == [(TWO, "written")]
    await place.run(again, *TWO)
    assert await told(place, store, ours) == []
    await histories.apply(place, store, ours)


async def test_changes_that_do_not_meet_are_applied_in_any_order(place: Place) -> None:
    store = histories.make(place)
    first = await histories.propose(place, store, add=[ONE])
    second = await histories.propose(place, store, add=[TWO])
    third = await histories.propose(place, store, add=[THREE])
    points = [await histories.apply(place, store, uid) for uid in (third, first, second)]
    assert points == sorted(points)
    assert await histories.alive(place, store) == {ONE, TWO, THREE}


@pytest.mark.parametrize(
    ("pattern", "meets"),
    [
        (ONE, True),
        (("u", "n", var("v")), True),
        ((var("u"), var("k"), 1), True),
        ((var("u"), var("k"), var("v")), True),
        (("u", "m", var("v")), False),
        ((var("x"), var("x"), var("v")), False),
        (("u", "n", vnstore.between("v", 1, 2)), True),
        (("u", "n", 1.0), False),
    ],
)
async def test_what_a_change_has_read_is_what_it_is_built_on(
    memory: found.Database, pattern: Any, meets: bool
) -> None:
    """Its absence as well: nothing was there that the pattern matches."""
    place = Place(memory)
    store = histories.make(place)

    async def body(tx: found.Transaction, snapshot: bool) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert await found.all(vnstore.select(tx, store, *pattern, snapshot=snapshot)) == []
        await vnstore.add(tx, store, *TWO)
        return uid

    uid = await place.run(body, False)
    blind = await place.run(body, True)
    await histories.commit(place, store, add=[ONE])
    assert await told(place, store, uid) == ([(ONE, "read")] if meets else [])
    assert await told(place, store, blind) == []


async def test_joins_asks_pages_and_vain_removals_are_remembered(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[("a", "knows", "b"), ("b", "name", "Bo")])

    async def join(tx: found.Transaction) -> None:
        patterns = (("a", "knows", var("x")), (var("x"), "name", var("n")))
        assert len(await found.all(vnstore.query(tx, store, *patterns))) == 1

    async def where(tx: found.Transaction) -> None:
        seeds = vnstore.select(tx, store, "a", "knows", var("x"))
        async for _ in vnstore.where(tx, store, seeds, var("x"), "name", var("n")):
            pass

    async def ask(tx: found.Transaction) -> None:
        assert not await vnstore.ask(tx, store, "b", "name", "Eve")

    async def page(tx: found.Transaction) -> None:
        await vnstore.page(tx, store, ("b", "name", var("n")))

    async def count(tx: found.Transaction) -> None:
        assert await vnstore.count(tx, store, ("b", var("k"), var("n"))) == 1

    async def remove(tx: found.Transaction) -> None:
        assert not await vnstore.remove(tx, store, "b", "name", "Eve")

    async def read(tx: found.Transaction, body: Any) -> UUID:
        uid = await vnstore.change_create(tx, store)
        await body(tx)
        return uid

    uids = [await place.run(read, body) for body in (join, where, ask, page, count, remove)]
    await histories.commit(place, store, add=[("c", "name", "Eve")])
    for uid in uids:
        assert await told(place, store, uid) == []
    await histories.commit(place, store, add=[("b", "name", "Eve")])
    for uid in uids:
        assert await told(place, store, uid) == [(("b", "name", "Eve"), "read")]


async def test_reads_of_the_past_are_not_what_a_change_is_built_on(place: Place) -> None:
    store = histories.make(place)
    point = await histories.commit(place, store, add=[ONE])

    async def body(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert await vnstore.ask(tx, store, *ONE, as_of=point)
        return uid

    uid = await place.run(body)
    await histories.commit(place, store, remove=[ONE])
    assert await told(place, store, uid) == []


async def test_the_first_of_several_reads_counts(place: Place) -> None:
    """Reading again does not forget what was seen before: it cannot be known what the change was built on."""
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)

    async def ask(tx: found.Transaction) -> bool:
        vnstore.change_continue(tx, store, uid)
        return await vnstore.ask(tx, store, *ONE)

    assert await place.run(ask) is False
    await histories.commit(place, store, add=[ONE])
    assert await place.run(ask) is True
    assert await told(place, store, uid) == [(ONE, "read")]


async def test_only_one_of_two_changes_that_read_what_the_other_writes(place: Place) -> None:
    """Write skew: each takes a doctor off call because the other is still on."""
    store = vnstore.make("calls", place.prefix, ("doctor",))

    async def setup(tx: found.Transaction) -> None:
        await vnstore.change_apply(tx, store, await _added(tx))

    async def _added(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store)
        await vnstore.add(tx, store, "Ada")
        await vnstore.add(tx, store, "Bo")
        return uid

    await place.run(setup)

    async def leave(tx: found.Transaction, doctor: str) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert await vnstore.count(tx, store, (var("doctor"),)) == 2
        await vnstore.remove(tx, store, doctor)
        return uid

    uids = [await place.run(leave, doctor) for doctor in ("Ada", "Bo")]
    await place.run(vnstore.change_apply, store, uids[0])
    with pytest.raises(vnstore.ConflictException, match="'Ada'"):
        await place.run(vnstore.change_apply, store, uids[1])


async def test_two_programs_that_apply_at_once_end_in_one_of_two_orders(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[ONE])
    for _ in range(5):
        before = await histories.alive(place, store)
        ((was, add),) = [(items, ("u", "n", items[2] + 1)) for items in before]
        uids = [await histories.propose(place, store, add=[add], remove=[was]) for _ in range(2)]
        outcomes = await asyncio.gather(
            *(histories.apply(place, store, uid) for uid in uids), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {UUID, vnstore.ConflictException}
        assert await histories.alive(place, store) == {add}


async def test_the_order_of_commits_is_that_of_history(place: Place) -> None:
    store = histories.make(place)
    uids = [await histories.propose(place, store, add=[("u", "n", n)]) for n in range(12)]

    async def several(tx: found.Transaction, *some: UUID) -> list[UUID]:
        return [await vnstore.change_apply(tx, store, uid) for uid in some]

    points = await asyncio.gather(
        *(place.run(several, *uids[first : first + 2]) for first in range(0, 12, 2))
    )
    assert all(first < second for first, second in points)
    history = await place.run(vnstore.history, store)
    stamps = [change.versionstamp for change in history.changes]
    assert len(history.changes) == 12
    assert all(stamp is not None for stamp in stamps)
    assert stamps == sorted(stamps, reverse=True)
    assert len(set(stamps)) == 12


async def test_an_addition_beside_the_apply_is_part_of_it_or_refused(place: Place) -> None:
    store = histories.make(place)
    for _ in range(8):
        uid = await histories.propose(place, store, add=[ONE])

        async def add(tx: found.Transaction, uid: UUID = uid) -> None:
            vnstore.change_continue(tx, store, uid)
            await vnstore.add(tx, store, *TWO)

        added, _ = await asyncio.gather(
            place.run(add), histories.apply(place, store, uid), return_exceptions=True
        )
        said = {one["value"] for one in await place.run(vnstore.change_changes, store, uid)}
        assert said == ({1} if isinstance(added, vnstore.VNStoreException) else {1, 2})
        assert added is None or "applied" in str(added)
        await histories.apply(
            place, store, await place.run(vnstore.change_revert, store, uid), force=True
        )


async def test_an_addition_between_the_check_and_the_commit_is_checked_too(place: Place) -> None:
    """The apply has looked for conflicts; what the change is then built on others have touched long since."""
    store = histories.make(place)
    uid = await histories.propose(place, store, add=[ONE])
    late = found.make_transaction(place.db)
    vnstore.change_continue(late, store, uid)
    await vnstore.add(late, store, *TWO)
    await histories.commit(place, store, add=[TWO])
    applying = found.make_transaction(place.db)
    await vnstore.change_apply(applying, store, uid)
    await found.commit(late)
    with pytest.raises(found.FoundException, match="1020"):
        await found.commit(applying)
    assert await told(place, store, uid) == [(TWO, "written")]


async def test_many_changes_since_and_many_tuples_of_one(memory: found.Database) -> None:
    """More than are read at once: of changes, of what one of them says, and of what the change is built on."""
    place = Place(memory)
    store = vnstore.make("many", place.prefix, ("item",))

    async def build(tx: found.Transaction, numbers: Any) -> UUID:
        uid = await vnstore.change_create(tx, store)
        for number in numbers:
            await vnstore.add(tx, store, number)
        return uid

    large = await place.run(build, range(0, 2_600, 2))
    small = await place.run(build, [70, 71, 2_501])
    with_many = await place.run(build, range(1, 2_600, 2))
    for number in range(10_000, 10_140):
        await place.run(vnstore.change_apply, store, await place.run(build, [number]))
    await place.run(vnstore.change_apply, store, await place.run(build, [1_999, 2_000]))
    await place.run(vnstore.change_apply, store, with_many, force=True)

    async def conflicts(uid: UUID) -> list[Any]:
        told = await place.run(vnstore.change_conflicts, store, uid, limit=10)
        return [conflict.items[0] for conflict in told]

    assert await conflicts(large) == [2_000]
    assert await conflicts(small) == [71, 2_501]


async def test_no_more_conflicts_are_named_than_are_wanted(place: Place) -> None:
    store = histories.make(place)
    tuples = [("u", "n", n) for n in range(150)]
    ours = await histories.propose(place, store, add=tuples)
    await histories.commit(place, store, add=tuples)
    assert len(await place.run(vnstore.change_conflicts, store, ours, limit=3)) == 3
    with pytest.raises(vnstore.ConflictException, match="and 99 more") as refusal:
        await histories.apply(place, store, ours)
    assert len(refusal.value.conflicts) == 100


@pytest.mark.parametrize("size", [1, 2])
async def test_pages_of_what_was_applied_since(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    place = Place(memory)
    store = histories.make(place)
    tuples = [("u", "n", n) for n in range(5)]
    ours = await histories.propose(place, store, add=tuples)
    for items in tuples:
        await histories.commit(place, store, add=[items, ("w", *items[1:]), ("x", *items[1:])])
    whole = await place.run(vnstore.change_conflicts, store, ours)
    assert [conflict.items for conflict in whole] == tuples
    monkeypatch.setattr(_bases, "PAGE", size)
    monkeypatch.setattr(_said, "COMPLETE", size)
    monkeypatch.setattr(_said, "JOINED", size)
    assert await place.run(vnstore.change_conflicts, store, ours) == whole


async def test_a_transaction_that_is_reset_by_hand_reads_anew(place: Place) -> None:
    """Its `vars` stay, and what was read of changes is in them."""
    store = histories.make(place)
    await histories.commit(place, store, add=[ONE])
    uid = await histories.propose(place, store, remove=[ONE])
    tx = found.make_transaction(place.db)
    assert await vnstore.ask(tx, store, *ONE)
    vnstore.change_continue(tx, store, uid)
    await vnstore.add(tx, store, *TWO)
    await histories.apply(place, store, uid)
    found.reset(tx)
    assert not await vnstore.ask(tx, store, *ONE)
    with pytest.raises(vnstore.VNStoreException, match="applied"):
        await vnstore.add(tx, store, *TWO)
