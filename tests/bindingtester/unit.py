"""UNIT_TESTS: what the stack cannot show. Options, watches, cancellation, retry limits, timeouts.

Each check runs on any database, a cluster under load among them: what a cluster may answer at any time
is a reason to begin a check again, and nothing is expected to take a certain time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Callable

import found
from found import DatabaseOption, TransactionOption

_PREFIX = b"unit_tests/"
_DEADLINE = 60.0
_ATTEMPTS = 10

CANCELLED = 1025
TIMED_OUT = 1031
TOO_OLD = 1007
NOT_COMMITTED = 1020
TOO_LARGE = 2101

Check = Callable[[found.Database], Awaitable[None]]
_CHECKS: list[Check] = []


def _check(check: Check) -> Check:
    _CHECKS.append(check)
    return check


async def run(db: found.Database) -> None:
    """Run every check; raise what the first to fail has raised."""
    for check in _CHECKS:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await asyncio.wait_for(_called(check, db), _DEADLINE)
                break
            except found.FoundException as error:
                if attempt == _ATTEMPTS or not error.retryable:
                    raise


async def _called(check: Check, db: found.Database) -> None:
    await check(db)


async def _fails(code: int, operation: Awaitable[object]) -> None:
    """Wait for an operation that must fail with this error."""
    try:
        await operation
    except found.FoundException as error:
        if error.code != code:
            raise
    else:
        raise AssertionError(f"{code} was expected, and nothing was wrong")


async def _until_timed_out(tx: found.Transaction) -> None:
    """Wait until the timeout of the transaction has passed."""
    while True:
        try:
            await found.read_version(tx)
        except found.FoundException as error:
            if error.code != TIMED_OUT:
                raise
            return
        await asyncio.sleep(0.001)


def _limit_retries(tx: found.Transaction, limit: int) -> None:
    found.set_option(tx, TransactionOption.RETRY_LIMIT, limit)


def _time_out_after(tx: found.Transaction, milliseconds: int) -> None:
    found.set_option(tx, TransactionOption.TIMEOUT, milliseconds)


# ---- options ------------------------------------------------------------------------------------------------

_DATABASE_OPTIONS = {
    DatabaseOption.LOCATION_CACHE_SIZE: [100_001],
    DatabaseOption.MAX_WATCHES: [100_001],
    DatabaseOption.DATACENTER_ID: ["dc_id"],
    DatabaseOption.MACHINE_ID: ["machine_id"],
    DatabaseOption.SNAPSHOT_RYW_ENABLE: [None],
    DatabaseOption.SNAPSHOT_RYW_DISABLE: [None],
    DatabaseOption.TRANSACTION_LOGGING_MAX_FIELD_LENGTH: [1_000],
    # The last of each is the default, which the checks after this one rely on.
    DatabaseOption.TRANSACTION_TIMEOUT: [100_000, 0],
    DatabaseOption.TRANSACTION_MAX_RETRY_DELAY: [100, 1_000],
    DatabaseOption.TRANSACTION_SIZE_LIMIT: [100_000, 10_000_000],
    DatabaseOption.TRANSACTION_RETRY_LIMIT: [10, -1],
    DatabaseOption.TRANSACTION_CAUSAL_READ_RISKY: [None],
    DatabaseOption.TRANSACTION_INCLUDE_PORT_IN_ADDRESS: [None],
}

# In this order: an identifier before the log that needs it.
_TRANSACTION_OPTIONS = {
    TransactionOption.PRIORITY_SYSTEM_IMMEDIATE: None,
    TransactionOption.PRIORITY_BATCH: None,
    TransactionOption.CAUSAL_READ_RISKY: None,
    TransactionOption.CAUSAL_WRITE_RISKY: None,
    TransactionOption.READ_YOUR_WRITES_DISABLE: None,
    TransactionOption.READ_SYSTEM_KEYS: None,
    TransactionOption.ACCESS_SYSTEM_KEYS: None,
    TransactionOption.TRANSACTION_LOGGING_MAX_FIELD_LENGTH: 1_000,
    TransactionOption.TIMEOUT: 60_000,
    TransactionOption.RETRY_LIMIT: 50,
    TransactionOption.MAX_RETRY_DELAY: 100,
    TransactionOption.USED_DURING_COMMIT_PROTECTION_DISABLE: None,
    TransactionOption.DEBUG_TRANSACTION_IDENTIFIER: "my_transaction",
    TransactionOption.LOG_TRANSACTION: None,
    TransactionOption.READ_LOCK_AWARE: None,
    TransactionOption.LOCK_AWARE: None,
    TransactionOption.INCLUDE_PORT_IN_ADDRESS: None,
}


@_check
async def _database_options_are_taken(db: found.Database) -> None:
    for option, values in _DATABASE_OPTIONS.items():
        for value in values:
            found.database_set_option(db, option, value)


@_check
async def _transaction_options_are_taken(db: found.Database) -> None:
    tx = found.make_transaction(db)
    for option, value in _TRANSACTION_OPTIONS.items():
        found.set_option(tx, option, value)
    await found.get(tx, b"\xff")
    await found.commit(tx)


# ---- watches ------------------------------------------------------------------------------------------------


@_check
async def _watches_tell_of_changes(db: found.Database) -> None:
    keys = [_PREFIX + b"watch%d" % number for number in range(4)]

    async def prepare(tx: found.Transaction) -> None:
        for key in keys:
            found.set(tx, key, b"before")

    async def watch(tx: found.Transaction) -> list[asyncio.Future[None]]:
        watches = [found.watch(tx, key) for key in keys]
        # The value it has already is no change.
        found.set(tx, keys[0], b"before")
        assert not any(each.done() for each in watches)
        return watches

    async def change(tx: found.Transaction) -> None:
        found.set(tx, keys[0], b"after")
        found.clear(tx, keys[1])
        found.bit_xor(tx, keys[2], b"\xff" * 6)
        found.clear(tx, keys[3], keys[3] + b"\xff")

    await found.transactional(db, prepare)
    watches = await found.transactional(db, watch)
    await found.transactional(db, change)
    await asyncio.gather(*watches)


@_check
async def _a_cancelled_watch_waits_no_more(db: found.Database) -> None:
    async def watch(tx: found.Transaction) -> list[asyncio.Future[None]]:
        return [found.watch(tx, _PREFIX + b"cancelled")]

    (waiting,) = await found.transactional(db, watch)
    assert waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        return
    raise AssertionError("a cancelled watch was awaited, and nothing was wrong")


# ---- cancellation -------------------------------------------------------------------------------------------


@_check
async def _a_cancelled_transaction_refuses_everything(db: found.Database) -> None:
    tx = found.make_transaction(db)
    await found.get(tx, _PREFIX)
    found.cancel(tx)
    await _fails(CANCELLED, found.read_version(tx))
    await _fails(CANCELLED, found.get(tx, _PREFIX))
    await _fails(CANCELLED, found.on_error(tx, TOO_OLD))
    await _fails(CANCELLED, found.commit(tx))


@_check
async def _cancellation_ends_with_a_reset(db: found.Database) -> None:
    tx = found.make_transaction(db)
    found.cancel(tx)
    found.reset(tx)
    await found.commit(tx)


# ---- retry limits -------------------------------------------------------------------------------------------


@_check
async def _a_retry_limit_cancels(db: found.Database) -> None:
    tx = found.make_transaction(db)
    _limit_retries(tx, 1)
    await found.on_error(tx, TOO_OLD)
    await _fails(TOO_OLD, found.on_error(tx, TOO_OLD))
    await _fails(CANCELLED, found.on_error(tx, TOO_OLD))


@_check
async def _a_retry_limit_ends_with_a_reset(db: found.Database) -> None:
    tx = found.make_transaction(db)
    _limit_retries(tx, 0)
    await _fails(TOO_OLD, found.on_error(tx, TOO_OLD))
    found.reset(tx)
    await found.on_error(tx, TOO_OLD)
    _limit_retries(tx, 2)
    await found.on_error(tx, TOO_OLD)


@_check
async def _a_retry_limit_counts_what_was_before_it(db: found.Database) -> None:
    tx = found.make_transaction(db)
    await found.on_error(tx, TOO_OLD)
    await found.on_error(tx, TOO_OLD)
    _limit_retries(tx, 1)
    await _fails(TOO_OLD, found.on_error(tx, TOO_OLD))


@_check
async def _a_retry_limit_of_the_database_is_a_default(db: found.Database) -> None:
    found.database_set_option(db, DatabaseOption.TRANSACTION_RETRY_LIMIT, 1)
    try:
        for own, retries in ((None, 1), (0, 0), (2, 2)):
            tx = found.make_transaction(db)
            if own is not None:
                _limit_retries(tx, own)
            for _ in range(retries):
                await found.on_error(tx, TOO_OLD)
            await _fails(TOO_OLD, found.on_error(tx, TOO_OLD))
            await _fails(CANCELLED, found.on_error(tx, TOO_OLD))
            # After a reset it is the database's again.
            found.reset(tx)
            await found.on_error(tx, TOO_OLD)
            await _fails(TOO_OLD, found.on_error(tx, TOO_OLD))
    finally:
        found.database_set_option(db, DatabaseOption.TRANSACTION_RETRY_LIMIT, -1)


@_check
async def _cancellation_comes_before_the_retry_limit(db: found.Database) -> None:
    tx = found.make_transaction(db)
    _limit_retries(tx, 0)
    found.cancel(tx)
    await _fails(CANCELLED, found.on_error(tx, TOO_OLD))
    await _fails(CANCELLED, found.commit(tx))


# ---- timeouts -----------------------------------------------------------------------------------------------


@_check
async def _a_timeout_fails_everything(db: found.Database) -> None:
    tx = found.make_transaction(db)
    _time_out_after(tx, 10)
    await _until_timed_out(tx)
    await _fails(TIMED_OUT, found.on_error(tx, TOO_OLD))
    await _fails(TIMED_OUT, found.commit(tx))


@_check
async def _a_timeout_that_has_passed_stays(db: found.Database) -> None:
    tx = found.make_transaction(db)
    _time_out_after(tx, 10)
    await _until_timed_out(tx)
    _time_out_after(tx, 0)
    await _fails(TIMED_OUT, found.commit(tx))


@_check
async def _a_timeout_counts_from_the_begin(db: found.Database) -> None:
    # The first was made after the second, so once it has timed out the second is older than that.
    old = found.make_transaction(db)
    young = found.make_transaction(db)
    _time_out_after(young, 10)
    await _until_timed_out(young)
    _time_out_after(old, 10)
    await _until_timed_out(old)


@_check
async def _a_timeout_survives_retries_and_no_reset(db: found.Database) -> None:
    retried, reset, unset = (found.make_transaction(db) for _ in range(3))
    for tx in (retried, reset, unset):
        _time_out_after(tx, 1_000)
    found.reset(reset)
    _time_out_after(unset, 0)
    await found.on_error(retried, TOO_OLD)
    await _until_timed_out(retried)
    # As old as the one that has timed out.
    await found.commit(reset)
    await found.commit(unset)
    found.reset(retried)
    await found.commit(retried)


@_check
async def _a_timeout_of_the_database_is_a_default(db: found.Database) -> None:
    found.database_set_option(db, DatabaseOption.TRANSACTION_TIMEOUT, 10)
    try:
        longer = found.make_transaction(db)
        _time_out_after(longer, 600_000)
        tx = found.make_transaction(db)
        await _until_timed_out(tx)
        await found.commit(longer)
        found.reset(longer)
        await _until_timed_out(longer)
    finally:
        found.database_set_option(db, DatabaseOption.TRANSACTION_TIMEOUT, 0)


# ---- sizes, predicates --------------------------------------------------------------------------------------


@_check
async def _a_size_limit_is_kept(db: found.Database) -> None:
    async def write(tx: found.Transaction) -> None:
        found.set(tx, _PREFIX + b"large", b"a" * 1_024)

    async def write_limited(tx: found.Transaction) -> None:
        found.set_option(tx, TransactionOption.SIZE_LIMIT, 1_000)
        await write(tx)

    await found.transactional(db, write)
    await _fails(TOO_LARGE, found.transactional(db, write_limited))
    found.database_set_option(db, DatabaseOption.TRANSACTION_SIZE_LIMIT, 1_000)
    try:
        await _fails(TOO_LARGE, found.transactional(db, write))
        tx = found.make_transaction(db)
        await found.on_error(tx, TOO_OLD)
        await write(tx)
        await _fails(TOO_LARGE, found.commit(tx))
    finally:
        found.database_set_option(db, DatabaseOption.TRANSACTION_SIZE_LIMIT, 10_000_000)


@_check
async def _the_approximate_size_rises_with_every_operation(db: found.Database) -> None:
    tx = found.make_transaction(db)
    key = _PREFIX + b"size"
    sizes = [await found.get_approximate_size(tx)]
    for step in (
        lambda: found.set(tx, key, b"value"),
        lambda: found.set(tx, key + b"1", b"value"),
        lambda: found.clear(tx, key + b"2"),
        lambda: found.add_conflict_range(tx, key, key + b"3", found.CONFLICT_RANGE_TYPE_READ),
        lambda: found.add_conflict_range(tx, key, key + b"4", found.CONFLICT_RANGE_TYPE_WRITE),
    ):
        step()
        sizes.append(await found.get_approximate_size(tx))
    if sizes != sorted(set(sizes)):
        raise AssertionError(f"the approximate size went {sizes}")


@_check
async def _predicates_tell_what_to_retry(db: found.Database) -> None:
    retryable = found.ERROR_PREDICATE_RETRYABLE
    assert found.error_predicate(retryable, NOT_COMMITTED)
    assert not found.error_predicate(retryable, 10)
    assert found.error_predicate(found.ERROR_PREDICATE_MAYBE_COMMITTED, 1021)


@_check
async def _every_key_has_an_address(db: found.Database) -> None:
    async def addresses(tx: found.Transaction) -> list[str]:
        return await found.get_addresses_for_key(tx, _PREFIX)

    for address in await found.transactional(db, addresses):
        assert isinstance(address, str) and address
