"""Transactions run until they succeed: what is tried again, what never is, and what limits it."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import sys
from typing import Any

import pytest
from contention import Log, conflicting, lose, note_hooks
from support import Space, fails_with, run

import found

ExceptionGroup: Any = getattr(builtins, "ExceptionGroup", None)


# ---- tried again


async def test_a_conflict_is_tried_again_and_only_the_last_try_counts(space: Space) -> None:
    log: Log = []
    assert await found.transactional(space.db, conflicting(space, 2, log)) == "try 3"
    assert log == ["try"] * 3
    assert await space.get(b"result") == b"try 3"


async def test_concurrent_increments_by_read_and_write_all_count(space: Space) -> None:
    tries = 0

    async def increment(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        count = int(await found.get(tx, space(b"n")) or b"0")
        await asyncio.sleep(0)
        found.set(tx, space(b"n"), b"%d" % (count + 1))

    await asyncio.gather(*[found.transactional(space.db, increment) for _ in range(20)])
    assert await space.get(b"n") == b"20"
    # All twenty read before any wrote.
    assert tries > 20


@pytest.mark.parametrize("code", [1007, 1009, 1020, 1021, 1037, 1038, 1042, 1051, 1078, 1213])
async def test_an_error_that_a_retry_helps_can_be_raised_by_hand(space: Space, code: int) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> int:
        nonlocal tries
        tries += 1
        found.set(tx, space(b"try"), b"%d" % tries)
        if tries < 3:
            await fail_deeper_down(code)
        return tries

    async def fail_deeper_down(code: int) -> None:
        raise found.FoundException(code)

    assert await found.transactional(space.db, function) == 3
    assert await space.get(b"try") == b"3"


async def test_a_commit_of_unknown_outcome_is_tried_again_though_it_was_durable(
    space: Space,
) -> None:
    # Which is why a function must be idempotent (rule 34).
    seen = []

    async def function(tx: found.Transaction) -> None:
        seen.append(await found.get(tx, space(b"k")))
        found.set(tx, space(b"k"), b"done")
        if len(seen) == 1:
            await found.commit(tx)
            error = found.FoundException(1021)
            assert error.maybe_committed
            raise error

    await found.transactional(space.db, function)
    assert seen == [None, b"done"]


async def test_every_try_begins_anew(space: Space) -> None:
    """No write, read version or variable of a failed try is left in the next."""
    await space.write({b"old": b"0"})
    versions = []

    async def function(tx: found.Transaction) -> None:
        versions.append(await found.read_version(tx))
        assert tx.vars == {}
        tx.vars["cache"] = "of this try"
        assert await found.get(tx, space(b"leftover")) is None
        if len(versions) == 1:
            found.set(tx, space(b"leftover"), b"1")
            await space.write({b"old": b"1"})
            raise found.FoundException(1020)
        assert await found.get(tx, space(b"old")) == b"1"

    await found.transactional(space.db, function)
    assert versions[0] < versions[1]
    assert await space.read() == {b"old": b"1"}


async def test_all_tries_are_one_transaction_object(space: Space) -> None:
    seen = []

    async def function(tx: found.Transaction) -> None:
        seen.append(tx)
        assert tx.db is space.db
        assert not tx.snapshot
        if len(seen) == 1:
            await lose(tx)

    await found.transactional(space.db, function)
    assert seen[0] is seen[1]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no task groups")
async def test_errors_of_a_task_group_are_tried_again_together(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            async with asyncio.TaskGroup() as group:
                group.create_task(lose(tx))
                group.create_task(lose(tx))
        return tries

    assert await found.transactional(space.db, function) == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no exception groups")
async def test_groups_within_groups_are_looked_into(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            inner = ExceptionGroup("inner", [found.FoundException(1007)])
            raise ExceptionGroup("outer", [found.FoundException(1020), inner])
        return tries

    assert await found.transactional(space.db, function) == 2


# ---- never tried again


async def test_the_callers_own_error_ends_the_transaction(space: Space) -> None:
    log: Log = []

    async def function(tx: found.Transaction) -> None:
        log.append(tx)
        found.set(tx, space(b"k"), b"v")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await found.transactional(space.db, function)
    assert len(log) == 1
    assert await space.read() == {}
    # The exception may keep the transaction alive, but nothing of it goes on.
    with fails_with(1025):
        await found.get(log[0], space(b"k"))


@pytest.mark.parametrize("code", [1025, 1031, 1036, 2000, 2004, 2017, 2101, 2103])
async def test_an_error_that_no_retry_helps_is_raised_as_it_is(space: Space, code: int) -> None:
    tries = 0
    error = found.FoundException(code)

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        raise error

    with fails_with(code) as raised:
        await found.transactional(space.db, function)
    assert tries == 1
    assert raised.value is error
    assert raised.value.__cause__ is None


async def test_a_cancelled_task_is_not_tried_again(space: Space) -> None:
    log: Log = []
    began = asyncio.Event()

    async def function(tx: found.Transaction) -> None:
        log.append(tx)
        found.set(tx, space(b"k"), b"v")
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(found.transactional(space.db, function))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(log) == 1
    assert await space.read() == {}
    with fails_with(1025):
        await found.get(log[0], space(b"k"))


async def test_a_task_cancelled_in_its_back_off_is_not_tried_again(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        # It takes effect where the task waits next: in the delay after 1007, which is a fixed one.
        task.cancel()
        raise found.FoundException(1007)

    task = asyncio.create_task(found.transactional(space.db, function))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tries == 1


def test_ctrl_c_is_not_tried_again() -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        raise KeyboardInterrupt

    async def main() -> None:
        async with await found.open("memory:") as db:
            await found.transactional(db, function)

    with pytest.raises(KeyboardInterrupt):
        run(main())
    assert tries == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no exception groups")
async def test_a_group_with_one_error_of_the_callers_is_not_tried_again(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        raise ExceptionGroup("both", [found.FoundException(1020), LookupError("mine")])

    with pytest.raises(ExceptionGroup, match="both"):
        await found.transactional(space.db, function)
    assert tries == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no exception groups")
async def test_the_error_that_no_retry_helps_decides_for_its_group(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        raise ExceptionGroup("both", [found.FoundException(1020), found.FoundException(2000)])

    with pytest.raises(ExceptionGroup, match="both"):
        await found.transactional(space.db, function)
    assert tries == 1


async def test_a_function_that_commits_by_itself_is_told(space: Space) -> None:
    async def function(tx: found.Transaction) -> None:
        found.set(tx, space(b"k"), b"v")
        await found.commit(tx)

    with fails_with(2017):
        await found.transactional(space.db, function)
    assert await space.read() == {b"k": b"v"}


# ---- limits to trying


async def test_the_retry_limit_of_a_transaction_is_kept(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            # It outlives on_error (rule 24).
            found.set_option(tx, found.TransactionOption.RETRY_LIMIT, 3)
            found.set_option(tx, found.TransactionOption.MAX_RETRY_DELAY, 1)
        await lose(tx)

    with fails_with(1020):
        await found.transactional(space.db, function)
    assert tries == 4


@pytest.mark.parametrize("limit", [0, 1, 5])
async def test_the_retry_limit_of_a_database_is_kept(space: Space, limit: int) -> None:
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_RETRY_LIMIT, limit)
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        await lose(tx)

    with fails_with(1020):
        await found.transactional(space.db, function)
    assert tries == limit + 1
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_RETRY_LIMIT, -1)


async def test_the_timeout_ends_a_transaction_that_never_succeeds(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            found.set_option(tx, found.TransactionOption.TIMEOUT, 100)
        await lose(tx)

    with fails_with(1031) as raised:
        await found.transactional(space.db, function)
    assert tries > 1
    # What it was busy with is not lost.
    assert isinstance(raised.value.__cause__, found.FoundException)
    assert raised.value.__cause__.code == 1020


async def test_the_timeout_of_a_database_ends_its_transactions(space: Space) -> None:
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_TIMEOUT, 50)
    with fails_with(1031):
        await found.transactional(space.db, lose)
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_TIMEOUT, 0)
    await space.write({b"k": b"v"})


# ---- arguments and forms


async def test_arguments_and_the_result_go_through(space: Space) -> None:
    async def function(tx: found.Transaction, *args: Any, **kwargs: Any) -> Any:
        assert isinstance(tx, found.Transaction)
        return args, kwargs

    # Even names that transactional uses for its own.
    got = await found.transactional(space.db, function, 1, "two", three=3, db=4, func=5)
    assert got == ((1, "two"), {"three": 3, "db": 4, "func": 5})


async def test_a_decorated_function_takes_a_database_or_joins_a_transaction(
    space: Space,
) -> None:
    began = []

    async def note(tx: found.Transaction) -> None:
        began.append(tx)

    space.db.hooks.on_begin.append(note)

    @found.transactional
    async def put(tx: found.Transaction, key: bytes, *, value: bytes = b"default") -> bytes:
        """Put it."""
        found.set(tx, space(key), value)
        return key

    @found.transactional
    async def put_two_and_fail(tx: found.Transaction) -> None:
        await put(tx, b"x")
        await put(tx, b"y", value=b"2")
        raise LookupError

    assert await put(space.db, b"a", value=b"1") == b"a"
    assert await put(space.db, b"b") == b"b"
    assert len(began) == 2
    with pytest.raises(LookupError):
        await put_two_and_fail(space.db)
    assert len(began) == 3
    assert await space.read() == {b"a": b"1", b"b": b"default"}
    assert (put.__name__, put.__doc__) == ("put", "Put it.")
    assert inspect.iscoroutinefunction(put)


async def test_a_decorated_function_is_tried_again(space: Space) -> None:
    log: Log = []
    decorated = found.transactional(conflicting(space, 1, log))
    assert await decorated(space.db) == "try 2"


async def test_a_decorated_function_may_be_read_only(space: Space) -> None:
    @found.transactional(snapshot=True)
    async def look(tx: found.Transaction) -> bool:
        return tx.snapshot

    @found.transactional()
    async def act(tx: found.Transaction) -> bool:
        return tx.snapshot

    assert await look(space.db) is True
    assert await act(space.db) is False
    # Inside another transaction it is what that one is.
    assert await found.transactional(space.db, look) is False


async def test_what_cannot_be_run_is_refused_by_name(space: Space) -> None:
    async def function(tx: found.Transaction) -> None: ...

    with pytest.raises(TypeError, match=r"^db must be a found\.Database, not str$"):
        await found.transactional("db", function)
    with pytest.raises(TypeError, match=r"^func must be a coroutine function, not int$"):
        await found.transactional(space.db, 1)
    with pytest.raises(TypeError, match=r"^func must be a coroutine function, not NoneType$"):
        await found.transactional(space.db, None)
    with pytest.raises(TypeError, match="await"):
        await found.transactional(space.db, lambda tx: 1)
    with pytest.raises(TypeError, match=r"^db must be a found\.Database"):
        found.transactional(1)
    with pytest.raises(TypeError, match=r"^db must be a found\.Database"):
        await found.transactional(function)(object())
    with pytest.raises(TypeError, match=r"^db must be a found\.Database"):
        found.transactional(None, function)


# ---- snapshot transactions


async def test_a_snapshot_transaction_reads_and_never_conflicts(space: Space) -> None:
    await space.write({b"k": b"old"})
    tries = 0

    async def function(tx: found.Transaction) -> Any:
        nonlocal tries
        tries += 1
        before = await found.get(tx, space(b"k"))
        await space.write({b"k": b"new"})
        return before, await found.get(tx, space(b"k")), await space.read(tx)

    got = await found.transactional(space.db, function, snapshot=True)
    assert got == (b"old", b"old", {b"k": b"old"})
    assert tries == 1


async def test_a_snapshot_transaction_is_tried_again_all_the_same(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise found.FoundException(1007)
        return tries

    assert await found.transactional(space.db, function, snapshot=True) == 2


async def test_a_snapshot_transaction_runs_no_commit_hooks(space: Space) -> None:
    log: Log = []
    note_hooks(space.db, log)

    async def function(tx: found.Transaction) -> None:
        log.append("try")

    await found.transactional(space.db, function, snapshot=True)
    async with found.transaction(space.db, snapshot=True):
        log.append("try")
    assert log == ["begin", "try"] * 2
