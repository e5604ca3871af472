"""Watches: what fires them, what does not, and how they end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support import Space, fails_with

import found

TIMEOUT = 10


async def watching(space: Space, suffix: bytes) -> found.Future[None]:
    """A watch that its commit has armed."""
    tx = found.make_transaction(space.db)
    future = found.watch(tx, space(suffix))
    await found.commit(tx)
    return future


async def fired(watch: Awaitable[None]) -> None:
    """Wait for a watch to fire."""
    assert await asyncio.wait_for(watch, TIMEOUT) is None


async def settled(watch: found.Future[None]) -> Any:
    """Wait for a watch to end, whatever its transaction does: its result, or raises its error.

    A plain await would give the watch itself as long as its transaction is not committed.
    """
    (result,) = await asyncio.wait_for(asyncio.gather(watch), TIMEOUT)
    return result


async def everything_before_is_done(space: Space) -> None:
    """Wait until another watch has fired: what was committed before fires nothing any more."""
    fence = await watching(space, b"fence")
    await space.write({b"fence": (await space.get(b"fence") or b"") + b"."})
    await fired(fence)


Change = Callable[[found.Transaction, Space], Any]

# Over `k`, whose value is one byte of 1, and `missing`.
CHANGES: dict[str, tuple[bytes, Change]] = {
    "set": (b"k", lambda tx, space: found.set(tx, space(b"k"), b"\x02")),
    "set of a missing key": (b"missing", lambda tx, space: found.set(tx, space(b"missing"), b"")),
    "clear": (b"k", lambda tx, space: found.clear(tx, space(b"k"))),
    "clear of a range": (b"k", lambda tx, space: found.clear(tx, space(), space.end)),
    "add": (b"k", lambda tx, space: found.add(tx, space(b"k"), b"\x01")),
    "compare and clear": (
        b"k",
        lambda tx, space: found.compare_and_clear(tx, space(b"k"), b"\x01"),
    ),
    "versionstamped value": (
        b"k",
        lambda tx, space: found.set_versionstamped_value(tx, space(b"k"), bytes(14)),
    ),
}

NO_CHANGES: dict[str, tuple[bytes, Change]] = {
    "set of the same value": (b"k", lambda tx, space: found.set(tx, space(b"k"), b"\x01")),
    "clear of a missing key": (
        b"missing",
        lambda tx, space: found.clear(tx, space(b"missing")),
    ),
    "clear of a range without it": (
        b"k",
        lambda tx, space: found.clear(tx, space(b"k\x00"), space.end),
    ),
    "clear and set of the same value": (
        b"k",
        lambda tx, space: (
            found.clear(tx, space(b"k")),
            found.set(tx, space(b"k"), b"\x01"),
        ),
    ),
    "max that is not one": (b"k", lambda tx, space: found.max(tx, space(b"k"), b"\x00")),
    "compare and clear that is not equal": (
        b"k",
        lambda tx, space: found.compare_and_clear(tx, space(b"k"), b"\x05"),
    ),
    "write conflict range": (
        b"k",
        lambda tx, space: found.add_conflict_range(
            tx, space(b"k"), space(b"l"), found.CONFLICT_RANGE_TYPE_WRITE
        ),
    ),
    "set of another key": (b"k", lambda tx, space: found.set(tx, space(b"k\x00"), b"")),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_every_kind_of_change_fires(space: Space, name: str) -> None:
    suffix, change = CHANGES[name]
    await space.write({b"k": b"\x01"})
    watch = await watching(space, suffix)
    assert not watch.done()
    async with found.transaction(space.db) as tx:
        change(tx, space)
    await fired(watch)


@pytest.mark.parametrize("name", NO_CHANGES)
async def test_what_leaves_the_value_as_it_is_does_not_fire(space: Space, name: str) -> None:
    suffix, change = NO_CHANGES[name]
    await space.write({b"k": b"\x01"})
    watch = await watching(space, suffix)
    async with found.transaction(space.db) as tx:
        change(tx, space)
    await everything_before_is_done(space)
    assert not watch.done()
    await space.write({suffix: b"changed"})
    await fired(watch)


async def test_an_aborted_change_does_not_fire(space: Space) -> None:
    watch = await watching(space, b"k")
    loser = found.make_transaction(space.db)
    await found.get(loser, space(b"other"))
    found.set(loser, space(b"k"), b"of the loser")
    await space.write({b"other": b"1"})
    with fails_with(1020):
        await found.commit(loser)
    await everything_before_is_done(space)
    assert not watch.done()
    watch.cancel()


async def test_a_watch_fires_once_and_a_new_one_is_needed_after(space: Space) -> None:
    for number in range(5):
        watch = await watching(space, b"k")
        await space.write({b"k": b"%d" % number})
        await fired(watch)
        assert watch.done()
        # Awaiting it again gives the same.
        await fired(watch)


async def test_the_contracts_example_works(space: Space) -> None:
    tx = found.make_transaction(space.db)
    watch_future = found.watch(tx, space(b"k"))
    await found.commit(tx)
    writer = asyncio.create_task(space.write({b"k": b"changed"}))
    assert await watch_future is None
    await writer


async def test_awaiting_it_before_the_commit_gives_the_future(space: Space) -> None:
    """As programs of the older driver write it."""
    tx = found.make_transaction(space.db)
    future = await found.watch(tx, space(b"k"))
    assert asyncio.isfuture(future)
    assert await future is future
    await found.commit(tx)
    assert not future.done()
    await space.write({b"k": b"changed"})
    await fired(future)


async def test_a_watch_can_be_the_result_of_a_transaction(space: Space) -> None:
    async def by_call(tx: found.Transaction) -> Any:
        return found.watch(tx, space(b"k"))

    async def by_await(tx: found.Transaction) -> Any:
        return await found.watch(tx, space(b"k"))

    watches = [
        await found.transactional(space.db, by_call),
        await found.transactional(space.db, by_await),
    ]
    await space.write({b"k": b"changed"})
    for watch in watches:
        await fired(watch)


async def test_a_change_between_the_read_and_the_commit_fires(space: Space) -> None:
    await space.write({b"k": b"old"})
    tx = found.make_transaction(space.db)
    watch = found.watch(tx, space(b"k"))
    assert await found.get(tx, space(b"k")) == b"old"
    await space.write({b"k": b"new"})
    # Nothing was written, so it is no conflict, but the value that was seen has changed.
    await found.commit(tx)
    await fired(watch)


async def test_a_watch_starts_from_the_transactions_own_write(space: Space) -> None:
    await space.write({b"k": b"old"})
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"mine")
    watch = found.watch(tx, space(b"k"))
    await found.commit(tx)
    await everything_before_is_done(space)
    assert not watch.done()
    await space.write({b"k": b"mine"})
    await everything_before_is_done(space)
    assert not watch.done()
    await space.write({b"k": b"theirs"})
    await fired(watch)


async def test_a_write_of_its_own_transaction_after_it_fires(space: Space) -> None:
    # ReadYourWrites.actor.cpp, triggerWatches: there is no need to wait for the commit.
    await space.write({b"k": b"old"})
    tx = found.make_transaction(space.db)
    watch = found.watch(tx, space(b"k"))
    found.set(tx, space(b"k"), b"old")
    await asyncio.sleep(0)
    assert not watch.done()
    found.set(tx, space(b"k"), b"new")
    assert await settled(watch) is None


async def test_a_watch_reads_its_key_and_so_may_conflict(space: Space) -> None:
    # RYWImpl::watch reads with a conflict range; a failed commit passes its error on (rule 31).
    tx = found.make_transaction(space.db)
    watch = found.watch(tx, space(b"k"))
    await space.write({b"k": b"changed"})
    found.set(tx, space(b"other"), b"")
    with fails_with(1020):
        await found.commit(tx)
    with fails_with(1020):
        await settled(watch)


@pytest.mark.parametrize("end", ["reset", "on_error", "forgotten", "cancelled and forgotten"])
async def test_a_watch_ends_with_its_transaction_before_the_commit(space: Space, end: str) -> None:
    # NativeAPI.actor.cpp: the destructor of a Transaction cancels its watches, as reset and on_error do.
    tx = found.make_transaction(space.db)
    watch = found.watch(tx, space(b"k"))
    # On a cluster a watch that has not read its value yet goes over to the next try.
    await found.get(tx, space(b"k"))
    if end == "on_error":
        await found.on_error(tx, 1020)
    elif end == "reset":
        found.reset(tx)
    else:
        if end.startswith("cancelled"):
            found.cancel(tx)
        del tx
        gc.collect()
    with fails_with(1025):
        await settled(watch)


async def test_a_watch_of_a_failed_try_does_not_fire_for_the_next(space: Space) -> None:
    watches = []

    async def function(tx: found.Transaction) -> None:
        watches.append(await found.watch(tx, space(b"k")))
        await found.get(tx, space(b"k"))
        if len(watches) == 1:
            raise found.FoundException(1020)

    await found.transactional(space.db, function)
    await space.write({b"k": b"changed"})
    failed, armed = watches
    with fails_with(1025):
        await settled(failed)
    await fired(armed)


@pytest.mark.parametrize("end", ["reset", "forgotten"])
async def test_an_armed_watch_outlives_its_transaction(space: Space, end: str) -> None:
    tx = found.make_transaction(space.db)
    watch = found.watch(tx, space(b"k"))
    await found.commit(tx)
    if end == "reset":
        found.reset(tx)
    else:
        del tx
        gc.collect()
    await everything_before_is_done(space)
    assert not watch.done()
    await space.write({b"k": b"changed"})
    await fired(watch)


async def test_many_watches_each_fire_for_their_own_key(space: Space) -> None:
    count = 500
    tx = found.make_transaction(space.db)
    watches = [found.watch(tx, space(b"%04d" % number)) for number in range(count)]
    await found.commit(tx)
    await space.write({b"%04d" % number: b"" for number in range(0, count, 2)})
    await asyncio.wait_for(asyncio.gather(*watches[::2]), TIMEOUT)
    assert not any(watch.done() for watch in watches[1::2])
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"0001"), b"")
    found.add(tx, space(b"0003"), b"\x01")
    await found.commit(tx)
    await asyncio.wait_for(asyncio.gather(watches[1], watches[3]), TIMEOUT)
    for watch in watches[5::2]:
        watch.cancel()


async def test_many_watches_on_one_key_all_fire(space: Space) -> None:
    watches = [await watching(space, b"k") for _ in range(100)]
    await space.write({b"k": b"changed"})
    await asyncio.wait_for(asyncio.gather(*watches), TIMEOUT)


async def test_a_watch_that_was_cancelled_is_cancelled(space: Space) -> None:
    watch = await watching(space, b"k")
    assert watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch
    assert watch.cancelled()
    await space.write({b"k": b"changed"})
    assert watch.cancelled()


async def test_a_wait_that_is_cut_short_cancels_its_watch(space: Space) -> None:
    watch = await watching(space, b"k")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(watch, 0.001)
    assert watch.cancelled()
    # With a shield it goes on.
    watch = await watching(space, b"k")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(watch), 0.001)
    await space.write({b"k": b"changed"})
    await fired(watch)


# ---- how many


@pytest.fixture
def few(space: Space) -> Space:
    """A space of a database that takes ten watches."""
    found.database_set_option(space.db, found.DatabaseOption.MAX_WATCHES, 10)
    return space


async def ten(space: Space) -> list[found.Future[None]]:
    tx = found.make_transaction(space.db)
    watches = [found.watch(tx, space(b"%d" % number)) for number in range(10)]
    await found.commit(tx)
    return watches


async def is_full(space: Space) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(1032):
        await settled(found.watch(tx, space(b"one more")))


async def test_more_watches_than_the_database_takes_are_refused(few: Space) -> None:
    watches = await ten(few)
    await is_full(few)
    for watch in watches:
        watch.cancel()


async def test_a_watch_that_fired_makes_room(few: Space) -> None:
    watches = await ten(few)
    await few.write({b"0": b"changed"})
    await fired(watches[0])
    watches[0] = await watching(few, b"k")
    await is_full(few)
    for watch in watches:
        watch.cancel()


@pytest.mark.parametrize("committed", [False, True], ids=["before its commit", "armed"])
async def test_a_watch_that_was_cancelled_makes_room(few: Space, committed: bool) -> None:
    for _ in range(20):
        tx = found.make_transaction(few.db)
        watches = [found.watch(tx, few(b"%d" % number)) for number in range(10)]
        if committed:
            await found.commit(tx)
        for watch in watches:
            assert watch.cancel()


async def test_a_watch_that_is_forgotten_makes_room(few: Space) -> None:
    for _ in range(4):
        watches = await ten(few)
        assert not any(watch.done() for watch in watches)
        del watches
        gc.collect()


async def test_a_watch_that_was_reset_makes_room(few: Space) -> None:
    tx = found.make_transaction(few.db)
    for _ in range(20):
        watches = [found.watch(tx, few(b"%d" % number)) for number in range(10)]
        found.reset(tx)
        for watch in watches:
            with fails_with(1025):
                await settled(watch)


# ---- refusals


async def test_a_watch_needs_read_your_writes(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.READ_YOUR_WRITES_DISABLE)
    with fails_with(1034):
        await settled(found.watch(tx, space(b"k")))


async def test_keys_that_cannot_be_watched_are_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    for key, code in [(b"\xff", 2004), (b"\xff\xff", 2004), (b"k" * 10_001, 2102)]:
        with fails_with(code):
            await settled(found.watch(tx, key))
    # No harm to the transaction.
    watch = found.watch(tx, space(b"k"))
    await found.commit(tx)
    await space.write({b"k": b"changed"})
    await fired(watch)


async def test_the_metadata_version_can_be_watched(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    watch = found.watch(tx, b"\xff/metadataVersion")
    await found.commit(tx)
    async with found.transaction(memory) as other:
        found.set_versionstamped_value(other, b"\xff/metadataVersion", bytes(14))
    await fired(watch)


async def test_a_finished_transaction_takes_no_watch(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"")
    await found.commit(tx)
    with fails_with(2017):
        await settled(found.watch(tx, space(b"k")))
