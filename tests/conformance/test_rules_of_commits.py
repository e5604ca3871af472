"""Rules 16 to 25, 31, 34 and 36: commits, versions, errors and what outlives them, watches, special keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Callable

import pytest
from support import Space, fails_with

import found

RETRIED = [1020, 1021, 1038, 1042, 1078, 1037, 1051, 1213, 1079, 1223, 1007, 1009]
RAISED = [1025, 1031, 1036, 1034, 2101, 2000, 1000]


async def test_16_a_versionstamp_is_asked_for_before_the_commit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"")
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    assert len(await stamp) == 10
    with fails_with(2017):
        await found.get_versionstamp(tx)


async def test_16_the_versionstamp_of_a_read_only_transaction_is_2021(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"k"))
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    with fails_with(2021):
        await stamp


async def overtaken(space: Space) -> found.Transaction:
    """A transaction whose commit conflicts."""
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"read"))
    found.set(tx, space(b"written"), b"")
    await space.write({b"read": b""})
    return tx


async def test_16_the_versionstamp_of_a_failed_commit_is_2020(space: Space) -> None:
    tx = await overtaken(space)
    stamp = found.get_versionstamp(tx)
    with fails_with(1020):
        await found.commit(tx)
    with fails_with(2020):
        await stamp


async def test_17_the_committed_version_of_a_read_only_transaction_is_minus_1(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"k"))
    found.add_conflict_range(tx, space(b"a"), space(b"b"), found.CONFLICT_RANGE_TYPE_READ)
    await found.commit(tx)
    assert found.get_committed_version(tx) == -1


async def test_17_a_transaction_with_only_write_conflict_ranges_does_commit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.add_conflict_range(tx, space(b"a"), space(b"b"), found.CONFLICT_RANGE_TYPE_WRITE)
    await found.commit(tx)
    assert found.get_committed_version(tx) > 0


async def test_18_operations_after_commit_began_are_2017_and_commit_does_not_reset(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"v")
    await found.commit(tx)
    for operation in (
        lambda: found.get(tx, space(b"k")),
        lambda: found.all(found.query(tx, space(), space.end)),
        lambda: found.commit(tx),
    ):
        with fails_with(2017):
            await operation()
    found.reset(tx)
    assert await found.get(tx, space(b"k")) == b"v"


async def test_19_a_write_only_transaction_that_is_too_old_is_1007_all_the_same(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    await space.write({b"k": b""})
    version = await found.read_version(found.make_transaction(space.db))
    found.set_read_version(tx, version - 20_000_000)
    found.set(tx, space(b"k"), b"written")
    with fails_with(1007):
        await found.commit(tx)
    assert await space.get(b"k") == b""


async def test_20_five_seconds_are_five_million_versions(space: Space) -> None:
    version = await found.read_version(found.make_transaction(space.db))
    # A cluster keeps a little more than the window, and an idle one's versions go in steps.
    for behind, code in ((20_000_000, 1007), (-60_000_000, 1009)):
        tx = found.make_transaction(space.db)
        found.set_read_version(tx, version - behind)
        with fails_with(code):
            await found.get(tx, space(b"k"))
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, version)
    await found.get(tx, space(b"k"))


async def test_21_set_read_version_twice_is_2010_and_none_is_2011(space: Space) -> None:
    version = await found.read_version(found.make_transaction(space.db))
    tx = found.make_transaction(space.db)
    found.set_read_version(tx, version)
    found.set_read_version(tx, version)
    with fails_with(2010):
        await found.get(tx, space(b"k"))
    for none in (0, -1):
        tx = found.make_transaction(space.db)
        found.set_read_version(tx, none)
        with fails_with(2011):
            await found.get(tx, space(b"k"))


@pytest.mark.parametrize("code", RETRIED)
async def test_22_on_error_retries(space: Space, code: int) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.MAX_RETRY_DELAY, 1)
    found.set(tx, space(b"k"), b"forgotten")
    await found.on_error(tx, code)
    assert await found.get(tx, space(b"k")) is None


@pytest.mark.parametrize("code", RAISED)
async def test_22_on_error_raises_the_rest_again(space: Space, code: int) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(code):
        await found.on_error(tx, code)


def test_22_the_retryable_predicate_differs_from_what_on_error_retries() -> None:
    def is_retryable(code: int) -> bool:
        return found.error_predicate(found.ERROR_PREDICATE_RETRYABLE, code)

    assert is_retryable(1039)
    assert not is_retryable(1079)
    assert all(is_retryable(code) for code in RETRIED if code != 1079)
    assert not any(is_retryable(code) for code in RAISED)


async def test_23_after_on_error_raised_the_transaction_is_cancelled_until_reset(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(2101):
        await found.on_error(tx, 2101)
    with fails_with(1025):
        await found.get(tx, space(b"k"))
    with fails_with(1025):
        await found.on_error(tx, 1020)
    found.reset(tx)
    assert await found.get(tx, space(b"k")) is None


async def test_23_the_retry_limit_counts_tries_made_while_it_was_unset(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.on_error(tx, 1020)
    await found.on_error(tx, 1020)
    found.set_option(tx, found.TransactionOption.RETRY_LIMIT, 3)
    await found.on_error(tx, 1020)
    with fails_with(1020):
        await found.on_error(tx, 1020)


async def test_24_on_error_keeps_the_retry_limit_and_not_the_size_limit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.RETRY_LIMIT, 1)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, 32)
    found.set_option(tx, found.TransactionOption.TIMEOUT, 200_000)
    await found.on_error(tx, 1020)
    found.set(tx, space(b"k"), bytes(100))
    await found.commit(tx)
    with fails_with(1020):
        await found.on_error(tx, 1020)


async def test_24_reset_restores_the_defaults_and_starts_the_timeout_anew(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.RETRY_LIMIT, 0)
    found.set_option(tx, found.TransactionOption.TIMEOUT, 1)
    with fails_with(1031):
        while True:
            await found.get(tx, space(b"k"))
    found.reset(tx)
    # Neither the limit nor the timeout is left.
    await found.on_error(tx, 1020)
    assert await found.get(tx, space(b"k")) is None


async def test_25_cancel_is_1025_from_everything_and_only_reset_clears_it(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.cancel(tx)
    operations: list[Callable[[], Awaitable[Any]]] = [
        lambda: found.get(tx, space(b"k")),
        lambda: found.read_version(tx),
        lambda: found.commit(tx),
        lambda: found.on_error(tx, 1020),
    ]
    for operation in operations:
        with fails_with(1025):
            await operation()
    found.reset(tx)
    assert await found.get(tx, space(b"k")) is None


async def has_fired(watch: found.Future[None], seconds: float = 30.0) -> None:
    await asyncio.wait_for(watch, seconds)


async def watching(space: Space) -> tuple[found.Future[None], found.Transaction]:
    tx = found.make_transaction(space.db)
    return found.watch(tx, space(b"k")), tx


async def test_31_a_watch_is_armed_by_the_commit_with_the_value_its_transaction_saw(
    space: Space,
) -> None:
    watch, tx = await watching(space)
    # Changed between the read and the commit: it fires as soon as it is armed.
    await space.write({b"k": b"changed"})
    await found.commit(tx)
    await has_fired(watch)
    # Its own write is what the transaction saw.
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"own")
    watch = found.watch(tx, space(b"k"))
    await found.commit(tx)
    await space.write({b"k": b"other"})
    await has_fired(watch)


async def test_31_setting_the_same_value_does_not_fire_a_watch(space: Space) -> None:
    await space.write({b"k": b"same"})
    watch, tx = await watching(space)
    await found.commit(tx)
    await space.write({b"k": b"same"})
    # What would have fired it is past when a later change has fired another.
    other = found.make_transaction(space.db)
    later = found.watch(other, space(b"later"))
    await found.commit(other)
    await space.write({b"later": b""})
    await has_fired(later)
    assert not watch.done()
    watch.cancel()


async def test_31_a_reset_before_the_commit_is_1025_and_a_failed_commit_passes_its_error_on(
    space: Space,
) -> None:
    watch, tx = await watching(space)
    found.reset(tx)
    with fails_with(1025):
        await has_fired(watch)
    tx = await overtaken(space)
    watch = found.watch(tx, space(b"k"))
    with fails_with(1020):
        await found.commit(tx)
    with fails_with(1020):
        await has_fired(watch)


async def test_31_past_the_most_watches_is_1032(memory: found.Database) -> None:
    found.database_set_option(memory, found.DatabaseOption.MAX_WATCHES, 2)
    tx = found.make_transaction(memory)
    watches = [found.watch(tx, b"%d" % number) for number in range(3)]
    await asyncio.wait(watches[2:])
    with fails_with(1032):
        watches[2].result()
    # A cancelled transaction keeps its watches, and a reset ends them.
    found.reset(tx)
    await asyncio.wait(watches)
    for watch in watches:
        assert watch.exception() is not None


def test_34_after_1021_the_commit_may_have_happened() -> None:
    def predicate(which: int) -> list[int]:
        return [code for code in (1020, 1021, 1039) if found.error_predicate(which, code)]

    assert predicate(found.ERROR_PREDICATE_MAYBE_COMMITTED) == [1021, 1039]
    assert predicate(found.ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED) == [1020]


async def test_36_special_keys_across_modules_2112_no_module_2113_writes_off_2114(
    db: found.Database,
) -> None:
    tx = found.make_transaction(db)
    with fails_with(2112):
        await found.all(found.query(tx, b"\xff\xff/transaction/", b"\xff\xff/z"))
    with fails_with(2113):
        await found.get(tx, b"\xff\xff/nothing")
    found.reset(tx)
    found.set(tx, b"\xff\xff/management/excluded/1.2.3.4", b"")
    with fails_with(2114):
        await found.commit(tx)


# ---- what the sources say beyond the table


async def test_38_commits_of_one_version_are_told_apart_by_their_order_in_the_batch(
    space: Space,
) -> None:
    async def commit(number: int) -> tuple[int, bytes]:
        tx = found.make_transaction(space.db)
        place = len(space()).to_bytes(4, "little")
        found.set_versionstamped_key(tx, space() + bytes(10) + place, b"%d" % number)
        stamp = found.get_versionstamp(tx)
        await found.commit(tx)
        return found.get_committed_version(tx), await stamp

    done = await asyncio.gather(*map(commit, range(50)))
    assert len({stamp for _, stamp in done}) == 50
    # Whoever reads at a version sees all of it, and nothing after it.
    for version in {version for version, _ in done}:
        tx = found.make_transaction(space.db)
        found.set_read_version(tx, version)
        stamps = set(await space.read(tx))
        assert stamps == {stamp for _, stamp in done if stamp[:8] <= version.to_bytes(8, "big")}


async def test_39_a_clear_takes_a_versionstamped_key_back_unless_another_has_sent_it_ahead(
    space: Space,
) -> None:
    place = len(space(b"k")).to_bytes(4, "little")

    async def left(*suffixes: bytes) -> list[bytes]:
        tx = found.make_transaction(space.db)
        await found.read_version(tx)
        for suffix in suffixes:
            found.set_versionstamped_key(tx, space(b"k") + bytes(10) + suffix + place, b"")
        # From the least key it may become, and not up to what it will become.
        version = await found.read_version(tx)
        least = space(b"k") + version.to_bytes(8, "big") + bytes(2)
        found.clear(tx, least, least + b"\xff")
        await found.commit(tx)
        rows = await space.read()
        await space.write(dict.fromkeys(rows))
        return sorted(key[11:] for key in rows)

    assert await left(b"") == []
    assert await left(b"", b"") == [b""]


async def test_40_a_read_that_failed_fails_the_commit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"")
    found.set_versionstamped_value(tx, space(b"v"), bytes(14))
    with fails_with(1036):
        await found.get(tx, space(b"v"), snapshot=True)
    with fails_with(1036):
        await found.commit(tx)
    assert await space.read() == {}


METADATA_VERSION = b"\xff/metadataVersion"


async def test_41_the_metadata_version_is_written_by_nothing_but_a_stamp(space: Space) -> None:
    key = METADATA_VERSION
    for code, write in (
        (2000, lambda tx: found.set(tx, key, b"")),
        (2000, lambda tx: found.add(tx, key, bytes(14))),
        (2000, lambda tx: found.set_versionstamped_value(tx, key, b"x" + bytes(13))),
        (2004, lambda tx: found.clear(tx, key)),
    ):
        tx = found.make_transaction(space.db)
        write(tx)
        with fails_with(code):
            await found.commit(tx)


async def test_41_the_metadata_version_is_written_by_a_stamp(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    found.set_versionstamped_value(tx, METADATA_VERSION, bytes(14))
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    assert await found.get(found.make_transaction(memory), METADATA_VERSION) == await stamp


async def test_42_after_1039_there_is_always_a_new_try(memory: found.Database) -> None:
    # What the client does that chooses among several versions of itself (MultiVersionTransaction.actor.cpp,
    # MultiVersionTransaction::onError); one that has only its own never gives 1039, and refuses it.
    tx = found.make_transaction(memory)
    found.set_option(tx, found.TransactionOption.RETRY_LIMIT, 0)
    await found.on_error(tx, 1039)
    assert await found.get(tx, b"k") is None
