"""Versions: what a transaction reads at, what it was committed at, and how old either may be."""

from __future__ import annotations

import asyncio

import pytest
from support import Space, fails_with, run

import found

SECOND = 1_000_000


async def test_versions_only_grow(space: Space) -> None:
    last = 0
    for number in range(20):
        tx = found.make_transaction(space.db)
        version = await found.read_version(tx)
        assert version >= last
        found.set(tx, space(b"k"), b"%d" % number)
        await found.commit(tx)
        last = found.get_committed_version(tx)
        assert last > version


async def test_the_read_version_of_a_transaction_does_not_change(space: Space) -> None:
    tx = found.make_transaction(space.db)
    version = await found.read_version(tx)
    await space.write({b"k": b"v"})
    assert await found.read_version(tx) == version
    assert await found.get(tx, space(b"k")) is None
    assert await found.read_version(tx) == version


async def test_a_read_version_is_not_before_any_commit_that_has_ended(space: Space) -> None:
    for number in range(20):
        committed = await space.write({b"k": b"%d" % number})
        tx = found.make_transaction(space.db)
        assert await found.read_version(tx) >= committed
        assert await found.get(tx, space(b"k")) == b"%d" % number


async def test_another_transactions_version_can_be_read_at(space: Space) -> None:
    first = await space.write({b"k": b"1"})
    await space.write({b"k": b"2", b"more": b""})
    tx = found.make_transaction(space.db)
    await found.set_read_version(tx, first)
    assert await found.read_version(tx) == first
    assert await found.get(tx, space(b"k")) == b"1"
    assert await space.read(tx) == {b"k": b"1"}
    assert await found.get_key(tx, found.gt(space(b"k"), 1)) != space(b"more")


async def test_a_write_at_an_older_version_conflicts_with_what_came_after_it(
    space: Space,
) -> None:
    first = await space.write({b"k": b"1"})
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, first)
    assert await found.get(tx, space(b"other")) is None
    found.set(tx, space(b"x"), b"")
    await found.commit(tx)
    await space.write({b"k": b"2"})
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, first)
    assert await found.get(tx, space(b"k")) == b"1"
    found.set(tx, space(b"x"), b"")
    with fails_with(1020):
        await found.commit(tx)


async def test_a_snapshot_transaction_may_choose_its_version_too(space: Space) -> None:
    first = await space.write({b"k": b"1"})
    await space.write({b"k": b"2"})
    tx = found.make_transaction(space.db, snapshot=True)
    await found.set_read_version(tx, first)
    assert await found.get(tx, space(b"k")) == b"1"


@pytest.mark.parametrize("by", ["read_version", "set_read_version", "get"])
async def test_a_version_can_be_set_once_and_only_before_reading(space: Space, by: str) -> None:
    version = await space.write({b"k": b"1"})
    tx = found.make_transaction(space.db)
    if by == "set_read_version":
        found.set_read_version(tx, version)
    elif by == "read_version":
        await found.read_version(tx)
    else:
        await found.get(tx, space(b"k"))
    await found.set_read_version(tx, version)
    with fails_with(2010):
        await found.get(tx, space(b"k"))


@pytest.mark.parametrize("version", [0, -1, -(2**63)])
async def test_a_version_that_is_none_is_refused(space: Space, version: int) -> None:
    tx = found.make_transaction(space.db)
    await found.set_read_version(tx, version)
    with fails_with(2011):
        await found.get(tx, space(b"k"))


async def test_a_version_of_the_future_is_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    now = await found.read_version(tx)
    reads = []
    for ahead in (100 * SECOND, 2**62):
        tx = found.make_transaction(space.db)
        found.set_read_version(tx, now + ahead)
        reads.append(found.get(tx, space(b"k")))
    # Together, because FoundationDB waits a second for a version to come.
    for error in await asyncio.gather(*reads, return_exceptions=True):
        assert isinstance(error, found.FoundException)
        assert error.code == 1009
        assert error.retryable


async def test_a_version_too_old_to_read_is_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    old = await found.read_version(tx) - 6 * SECOND
    if old <= 0:
        pytest.skip("the database is too young")
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, old)
    with fails_with(1007) as raised:
        await found.get(tx, space(b"k"))
    assert "5 seconds" in str(raised.value)
    with fails_with(1007):
        await found.all(found.query(tx, space(), space.end))
    with fails_with(1007):
        await found.get_key(tx, found.gt(space(b"k")))
    await found.on_error(tx, 1007)
    assert await found.get(tx, space(b"k")) is None


@pytest.mark.parametrize("reads", [False, True], ids=["write only", "read and write"])
async def test_a_version_too_old_to_commit_is_refused(space: Space, reads: bool) -> None:
    # Rule 19: even if there is nothing to conflict with.
    tx = found.make_transaction(space.db)
    old = await found.read_version(tx) - 6 * SECOND
    if old <= 0:
        pytest.skip("the database is too young")
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, old)
    if reads:
        found.add_conflict_range(tx, space(b"a"), space(b"b"), found.CONFLICT_RANGE_TYPE_READ)
    found.set(tx, space(b"k"), b"v")
    with fails_with(1007):
        await found.commit(tx)
    assert await space.read() == {}


def test_a_transaction_is_too_old_after_five_seconds() -> None:
    """One that has read, one that only knows its version, and one that began to read a range."""

    async def main() -> None:
        async with await found.open("memory:") as db:
            space = Space(db, b"k")
            await space.write({b"%04d" % number: bytes(100) for number in range(1000)})
            reader, writer = found.make_transaction(db), found.make_transaction(db)
            iterating, idle = found.make_transaction(db), found.make_transaction(db)
            await found.get(reader, space(b"k"))
            version = await found.read_version(writer)
            query = found.query(iterating, space(), space.end, mode=found.STREAMING_MODE_SMALL)
            await query.__anext__()
            # Five seconds of versions, and one because what ends them is no clock of precision.
            while await found.read_version(found.make_transaction(db)) < version + 6 * SECOND:
                await asyncio.sleep(0.1)
            with fails_with(1007):
                await found.get(reader, space(b"k"))
            found.set(writer, space(b"k"), b"v")
            with fails_with(1007):
                await found.commit(writer)
            with fails_with(1007):
                async for _ in query:
                    pass
            # One made as long ago that has not begun is as good as new.
            assert await found.get(idle, space(b"0000")) == bytes(100)

    run(main())


async def test_the_committed_version_of_a_read_only_transaction_is_none(space: Space) -> None:
    # Rule 17.
    tx = found.make_transaction(space.db)
    assert found.get_committed_version(tx) == -1
    await found.get(tx, space(b"k"))
    await found.commit(tx)
    assert found.get_committed_version(tx) == -1


async def test_each_commit_has_a_version_of_its_own_or_shares_it_in_order(space: Space) -> None:
    async def one(number: int) -> int:
        return await space.write({b"%d" % number: b""})

    versions = await asyncio.gather(*map(one, range(50)))
    assert min(versions) > 0
    tx = found.make_transaction(space.db)
    assert await found.read_version(tx) >= max(versions)


async def test_a_reset_transaction_reads_at_a_new_version(space: Space) -> None:
    tx = found.make_transaction(space.db)
    old = await found.read_version(tx)
    committed = await space.write({b"k": b"v"})
    found.reset(tx)
    assert await found.read_version(tx) >= committed > old
    assert await found.get(tx, space(b"k")) == b"v"


async def test_a_read_at_the_committed_version_sees_the_commit(space: Space) -> None:
    for number in range(10):
        committed = await space.write({b"k": b"%d" % number})
        tx = found.make_transaction(space.db)
        found.set_read_version(tx, committed)
        assert await found.get(tx, space(b"k")) == b"%d" % number
