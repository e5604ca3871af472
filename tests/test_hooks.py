"""Hooks: when they run, what they may do, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest
from contention import Log, conflicting, lose, note_hooks
from support import Space, fails_with

import found


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
