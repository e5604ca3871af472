"""Closing: what it ends, what it releases, and what is told after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from opening import OPEN, TIMEOUT, child, environment, read, write
from support import Space

import found


async def test_async_with_closes(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    async with await found.open(address) as db:
        assert isinstance(db, found.Database)
        assert repr(db) == f"<found.Database {address}>"
    assert repr(db) == f"<found.Database {address} closed>"
    with pytest.raises(LookupError, match="mine"):
        async with await found.open(address) as db:
            raise LookupError("mine")
    assert "closed" in repr(db)


async def test_a_closed_database_says_so(memory: found.Database) -> None:
    async def function(tx: found.Transaction) -> None: ...

    tx = found.make_transaction(memory)
    await found.close(memory)
    for failing in (
        lambda: found.make_transaction(memory),
        lambda: found.transaction(memory),
        lambda: found.database_set_option(memory, found.DatabaseOption.MAX_WATCHES, 1),
        lambda: found.get(tx, b"k"),
        lambda: found.set(tx, b"k", b"v"),
        lambda: found.commit(tx),
        lambda: found.reset(tx),
        lambda: found.watch(tx, b"k"),
        lambda: found.estimated_size_bytes(tx, b"k", b"k"),
        lambda: found.get_range_split_points(tx, b"k", b"k", 1),
    ):
        with pytest.raises(RuntimeError, match="the database is closed: open it again"):
            failing()
    with pytest.raises(RuntimeError, match="closed"):
        await found.transactional(memory, function)
    with pytest.raises(RuntimeError, match="closed"):
        await found.all(found.query(tx, b"", b"\xff"))
    await found.close(memory)


async def test_closing_ends_what_is_under_way(db: found.Database) -> None:
    tx = found.make_transaction(db)
    stamp = found.get_versionstamp(tx)
    async with found.transaction(db) as other:
        watch = found.watch(other, b"found-test/never written")
    waiting = asyncio.gather(stamp, watch, return_exceptions=True)
    await found.close(db)
    errors = await asyncio.wait_for(waiting, TIMEOUT)
    assert all(isinstance(error, found.FoundException) for error in errors), errors
    assert errors[0].code == 1025


async def test_closing_one_handle_ends_its_watches_and_no_others() -> None:
    name = "memory:test_closing_one_handle"
    async with await found.open(name) as one, await found.open(name) as two:
        watches = []
        for db in (one, two):
            async with found.transaction(db) as tx:
                watches.append(found.watch(tx, b"k"))
        await found.close(one)
        with pytest.raises(found.FoundException):
            await asyncio.wait_for(watches[0], TIMEOUT)
        assert not watches[1].done()
        await write(two, b"changed")
        await asyncio.wait_for(watches[1], TIMEOUT)


async def test_an_iteration_of_a_closed_database_ends_with_an_error(memory: found.Database) -> None:
    await Space(memory, b"k").write({b"%04d" % number: bytes(100) for number in range(1000)})
    tx = found.make_transaction(memory)
    query = found.query(tx, b"", b"\xff", mode=found.STREAMING_MODE_SMALL)
    await query.__anext__()
    await found.close(memory)
    with pytest.raises(RuntimeError, match="closed"):
        async for _ in query:
            pass


async def test_two_that_close_at_once_both_end(memory: found.Database) -> None:
    await asyncio.wait_for(
        asyncio.gather(found.close(memory), found.close(memory), found.close(memory)), TIMEOUT
    )


async def test_a_closed_file_can_be_opened_by_another_process_at_once(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    for number in range(3):
        async with await found.open(address) as db:
            tx = found.make_transaction(db)
            await found.get(tx, b"k")
            query = found.query(tx, b"", b"\xff")
            async for _ in query:
                break
        done = await asyncio.get_running_loop().run_in_executor(
            None, lambda: child(OPEN, address, env=environment())
        )
        assert done.stdout.endswith(f"> {number + 1}\n"), done.stdout


async def test_many_databases_can_be_open(tmp_path: Path) -> None:
    databases = [
        await found.open(address)
        for number in range(20)
        for address in ("memory:", f"embedded:{tmp_path / str(number)}?cache=1m")
    ]
    for number, db in enumerate(databases):
        await write(db, b"%d" % number)
    for number, db in enumerate(databases):
        assert await read(db) == b"%d" % number
    await asyncio.gather(*map(found.close, databases))


async def test_databases_opened_at_once_all_open(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    databases = await asyncio.gather(*[found.open(address) for _ in range(8)])
    await write(databases[0], b"1")
    for db in databases:
        assert await read(db) == b"1"
    await asyncio.gather(*map(found.close, databases))
