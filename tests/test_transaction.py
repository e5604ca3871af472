"""One transaction, without retries: as a context manager, and by hand."""

from __future__ import annotations

import asyncio

import pytest
from contention import Log, conflicting, note_hooks
from support import Space, fails_with, run

import found

# ---- the context manager


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
