"""Transactions run until they succeed: what is tried again, what never is, and the hooks on the way."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import sys
from typing import Any

import pytest
from support import Space, fails_with, run

import found

Log = list[Any]

ExceptionGroup: Any = getattr(builtins, "ExceptionGroup", None)


def conflicting(space: Space, times: int, log: Log) -> Any:
    """A function whose first `times` tries are in conflict with a commit made in their middle."""

    async def function(tx: found.Transaction) -> str:
        log.append("try")
        await found.get(tx, space(b"contended"))
        if log.count("try") <= times:
            await space.write({b"contended": b"%d" % len(log)})
        found.set(tx, space(b"result"), b"try %d" % log.count("try"))
        return f"try {log.count('try')}"

    return function


async def lose(tx: found.Transaction) -> None:
    """Fail as a conflict does."""
    raise found.FoundException(1020)


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
        # The delay after 1007 is a fixed one, so there is time to cancel in it.
        asyncio.get_running_loop().call_soon(task.cancel)
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


# ---- hooks


def note_hooks(db: found.Database, log: Log) -> None:
    async def on_begin(tx: found.Transaction) -> None:
        log.append("begin")

    async def on_commit(tx: found.Transaction) -> None:
        log.append("commit")

    async def on_post_commit(tx: found.Transaction, stats: found.TransactionStats) -> None:
        log.append(f"done after {stats.retries} retries")

    db.hooks.on_begin.append(on_begin)
    db.hooks.on_commit.append(on_commit)
    db.hooks.on_post_commit.append(on_post_commit)


async def test_hooks_run_again_with_each_try_and_once_after_the_commit(space: Space) -> None:
    log: Log = []
    note_hooks(space.db, log)
    await found.transactional(space.db, conflicting(space, 2, log))
    # The conflict is found by the commit, so on_commit has run in each try.
    assert log == ["begin", "try", "commit"] * 3 + ["done after 2 retries"]


async def test_a_try_that_fails_before_its_commit_runs_no_commit_hook(space: Space) -> None:
    log: Log = []
    note_hooks(space.db, log)

    async def function(tx: found.Transaction) -> None:
        log.append("try")
        if log.count("try") == 1:
            await lose(tx)

    await found.transactional(space.db, function)
    assert log == ["begin", "try", "begin", "try", "commit", "done after 1 retries"]


async def test_hooks_of_a_kind_run_in_the_order_they_were_added(space: Space) -> None:
    log: Log = []
    for number in range(3):

        async def hook(tx: found.Transaction, *stats: Any, number: int = number) -> None:
            log.append(number)

        for hooks in space.db.hooks:
            hooks.append(hook)
    async with found.transaction(space.db):
        pass
    assert log == [0, 1, 2] * 3


async def test_what_on_commit_writes_is_part_of_the_commit(space: Space) -> None:
    async def audit(tx: found.Transaction) -> None:
        value = await found.get(tx, space(b"result"))
        found.set(tx, space(b"audit"), b"of " + (value or b"nothing"))

    space.db.hooks.on_commit.append(audit)
    await found.transactional(space.db, conflicting(space, 1, []))
    del space.db.hooks.on_commit[:]
    rows = await space.read()
    assert rows[b"audit"] == b"of try 2"

    async def fail(tx: found.Transaction) -> None:
        found.set(tx, space(b"result"), b"of a hook that fails")
        raise LookupError("in the hook")

    space.db.hooks.on_commit.append(fail)
    with pytest.raises(LookupError, match="in the hook"):
        await found.transactional(space.db, conflicting(space, 0, []))
    with pytest.raises(LookupError, match="in the hook"):
        async with found.transaction(space.db) as tx:
            found.set(tx, space(b"result"), b"of the body")
    assert await space.read() == rows


async def test_what_on_begin_leaves_in_vars_is_there_in_each_try(space: Space) -> None:
    tries = []

    async def on_begin(tx: found.Transaction) -> None:
        assert tx.vars == {}
        tx.vars["begun"] = len(tries)

    async def function(tx: found.Transaction) -> None:
        tries.append(tx.vars["begun"])
        tx.vars["more"] = True
        if len(tries) < 3:
            await lose(tx)

    space.db.hooks.on_begin.append(on_begin)
    await found.transactional(space.db, function)
    assert tries == [0, 1, 2]


async def test_an_error_of_on_begin_ends_the_transaction_or_has_it_tried_again(
    space: Space,
) -> None:
    errors = [found.FoundException(1020), LookupError("in the hook")]
    log: Log = []

    async def on_begin(tx: found.Transaction) -> None:
        log.append("begin")
        raise errors.pop(0)

    space.db.hooks.on_begin.append(on_begin)
    with pytest.raises(LookupError, match="in the hook"):
        await found.transactional(space.db, conflicting(space, 0, log))
    assert log == ["begin", "begin"]


async def test_an_error_after_the_commit_is_raised_and_the_commit_stays(space: Space) -> None:
    log: Log = []

    async def on_post_commit(tx: found.Transaction, stats: found.TransactionStats) -> None:
        log.append(stats)
        raise found.FoundException(1020)

    space.db.hooks.on_post_commit.append(on_post_commit)
    with fails_with(1020):
        await found.transactional(space.db, conflicting(space, 0, log))
    # Not tried again: the transaction is done.
    assert [entry for entry in log if entry == "try"] == ["try"]
    assert await space.get(b"result") == b"try 1"


async def test_stats_tell_what_the_transaction_took(space: Space) -> None:
    seen: list[found.TransactionStats] = []

    async def on_post_commit(tx: found.Transaction, stats: found.TransactionStats) -> None:
        # The transaction is done but still there.
        assert found.get_committed_version(tx) > 0
        seen.append(stats)

    space.db.hooks.on_post_commit.append(on_post_commit)

    async def write(tx: found.Transaction, size: int) -> None:
        found.set(tx, space(b"k"), bytes(size))

    await found.transactional(space.db, write, 10)
    await found.transactional(space.db, write, 10_000)
    small, large = seen
    assert small._fields == ("retries", "elapsed", "commit_bytes")
    assert (small.retries, large.retries) == (0, 0)
    assert isinstance(small.elapsed, float)
    assert small.elapsed >= 0
    assert large.commit_bytes - small.commit_bytes == 9_990
    assert small.commit_bytes > len(space(b"k")) + 10


async def test_each_database_has_hooks_of_its_own(memory: found.Database) -> None:
    async with await found.open("memory:") as other:
        assert memory.hooks is not other.hooks
        assert isinstance(memory.hooks, found.Hooks)
        assert memory.hooks == found.make_hooks() == ([], [], [])
        memory.hooks.on_begin.append(lose)
        await found.transactional(other, conflicting(Space(other, b"k"), 0, []))
    assert found.make_hooks() == ([], [], [])


# ---- without retries


async def test_the_context_manager_commits_on_a_clean_exit(space: Space) -> None:
    async with found.transaction(space.db) as tx:
        found.set(tx, space(b"k"), b"v")
        assert await space.get(b"k") is None
    assert await space.get(b"k") == b"v"
    assert found.get_committed_version(tx) > 0
    with fails_with(2017):
        await found.get(tx, space(b"k"))


async def test_the_context_manager_abandons_on_an_exception(space: Space) -> None:
    with pytest.raises(LookupError, match="mine"):
        async with found.transaction(space.db) as tx:
            found.set(tx, space(b"k"), b"v")
            raise LookupError("mine")
    assert await space.read() == {}
    with fails_with(1025):
        await found.get(tx, space(b"k"))


async def test_the_context_manager_raises_a_conflict_and_does_not_try_again(space: Space) -> None:
    log: Log = []
    note_hooks(space.db, log)
    function = conflicting(space, 1, log)
    with fails_with(1020):
        async with found.transaction(space.db) as tx:
            await function(tx)
    assert log == ["begin", "try", "commit"]
    assert await space.get(b"result") is None
    # Retrying is the caller's business, and can be done.
    await found.on_error(tx, 1020)
    await function(tx)
    await found.commit(tx)
    assert await space.get(b"result") == b"try 2"


async def test_the_context_manager_runs_the_hooks(space: Space) -> None:
    log: Log = []
    note_hooks(space.db, log)
    async with found.transaction(space.db) as tx:
        log.append("body")
        found.set(tx, space(b"k"), b"v")
    assert log == ["begin", "body", "commit", "done after 0 retries"]


async def test_the_context_manager_may_read_only(space: Space) -> None:
    await space.write({b"k": b"v"})
    async with found.transaction(space.db, snapshot=True) as tx:
        assert tx.snapshot
        assert await found.get(tx, space(b"k")) == b"v"
        with pytest.raises(RuntimeError, match="only reads"):
            found.set(tx, space(b"k"), b"w")


# ---- by hand


async def test_on_error_resets_the_transaction_for_another_try(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"k"))
    found.set(tx, space(b"k"), b"mine")
    await space.write({b"k": b"theirs"})
    with fails_with(1020):
        await found.commit(tx)
    await found.on_error(tx, 1020)
    assert await found.get(tx, space(b"k")) == b"theirs"
    found.set(tx, space(b"k"), b"mine")
    await found.commit(tx)
    assert await space.get(b"k") == b"mine"


async def test_on_error_raises_what_a_retry_does_not_help_and_ends_the_transaction(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(2000):
        await found.on_error(tx, 2000)
    # Rule 23: cancelled until it is reset.
    with fails_with(1025):
        await found.get(tx, space(b"k"))
    with fails_with(1025):
        await found.on_error(tx, 1020)
    found.reset(tx)
    assert await found.get(tx, space(b"k")) is None


async def test_a_cancelled_transaction_stays_so_until_it_is_reset(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"v")
    found.cancel(tx)
    for failing in (
        lambda: found.get(tx, space(b"k")),
        lambda: found.commit(tx),
        lambda: found.read_version(tx),
        lambda: found.on_error(tx, 1020),
        lambda: found.get_key(tx, found.gt(space(b"k"))),
        lambda: found.all(found.query(tx, space(), space.end)),
        lambda: found.get_versionstamp(tx),
    ):
        with fails_with(1025):
            await failing()
    found.reset(tx)
    assert await space.read(tx) == {}
    found.set(tx, space(b"k"), b"after")
    await found.commit(tx)
    assert await space.read() == {b"k": b"after"}


async def test_cancel_ends_what_is_under_way(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    found.cancel(tx)
    with fails_with(1025):
        await stamp


async def test_a_finished_transaction_says_so_until_it_is_reset(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"v")
    await found.commit(tx)
    for failing in (
        lambda: found.get(tx, space(b"k")),
        lambda: found.commit(tx),
        lambda: found.read_version(tx),
        lambda: found.all(found.query(tx, space(), space.end)),
    ):
        with fails_with(2017) as raised:
            await failing()
        assert "another transaction" in str(raised.value)
    found.reset(tx)
    assert await found.get(tx, space(b"k")) == b"v"


async def test_reset_forgets_writes_and_options(space: Space) -> None:
    tx = found.make_transaction(space.db)
    tx.vars["kept"] = True
    found.set(tx, space(b"a"), b"1")
    found.set_option(tx, found.TransactionOption.READ_SYSTEM_KEYS)
    found.reset(tx)
    # What is not of FoundationDB's is the caller's.
    assert tx.vars == {"kept": True}
    with fails_with(2004):
        await found.get(tx, b"\xff/x")
    found.set(tx, space(b"b"), b"2")
    await found.commit(tx)
    assert await space.read() == {b"b": b"2"}


async def test_a_transaction_outlives_its_loop(memory: found.Database) -> None:
    """`db` and `tx` belong to no loop: this one was opened in another."""
    tx = found.make_transaction(memory)
    await found.set(tx, b"k", b"v")

    def commit() -> None:
        async def in_another_loop() -> None:
            await found.commit(tx)

        run(in_another_loop())

    await asyncio.get_running_loop().run_in_executor(None, commit)
    assert await found.get(found.make_transaction(memory), b"k") == b"v"
