"""Threads that run at the same time, as those of a free-threaded interpreter do: they share what they may, and more.

FOUND_THREADS=N does N times as much.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sysconfig
import threading
import time
import uuid
from typing import Any, Callable

import pytest
from loops import DEADLINE, KINDS, run_on
from operations import LATE, READY, ROWS, filled, still_works
from processes import output_of
from support import fails_with, run

import found

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
TIMES = int(os.environ.get("FOUND_THREADS", "1"))
THREADS = 4


def in_threads(work: Callable[[int], None]) -> None:
    """Run `work` in several threads that begin at once. What fails in any of them fails here."""
    failures: list[BaseException] = []
    start = threading.Barrier(THREADS)

    def thread(number: int) -> None:
        start.wait()
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=thread, args=(number,), daemon=True) for number in range(THREADS)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=DEADLINE * 2 * TIMES)
        assert not each.is_alive()
    for failure in failures:
        raise failure


async def read_in_every_way(db: found.Database, number: int) -> None:
    tx = found.make_transaction(db)
    gets = [found.get(tx, key) for key, _ in ROWS]
    whole = found.all(found.query(tx, b"k", b"l"))
    small = found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL)
    assert [row async for row in small] == ROWS
    assert await whole == ROWS
    assert await asyncio.gather(*gets) == [value for _, value in ROWS]
    async for key, value in found.query(tx, b"k", b"l"):
        assert (key, value) == ROWS[int(key[1:])]
        if key == b"k07":
            break
    row = (number, "text", b"\x00bytes", uuid.UUID(int=number), (None, 1.5, number << 80))
    assert found.unpack(found.pack(row)) == row


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
def test_threads_with_a_loop_each_share_a_database(kind: str, address: str) -> None:
    db = run(filled(address))
    times = 6 * TIMES

    async def count(tx: found.Transaction) -> None:
        before = await found.get(tx, b"counter")
        tx.vars["itself"] = tx
        await found.set(tx, b"counter", b"%d" % (int(before or b"0") + 1))

    async def watched(key: bytes) -> None:
        tx = found.make_transaction(db)
        watch = found.watch(tx, key)
        cancelled = [found.watch(tx, b"never%d" % each) for each in range(40)]
        await found.commit(tx)
        for each in cancelled:
            each.cancel()
        await found.transactional(db, found.add, b"other", b"\x01")
        await found.transactional(db, found.add, key, b"\x01")
        await watch

    async def main(number: int) -> None:
        for _ in range(times):
            await asyncio.gather(
                read_in_every_way(db, number),
                found.transactional(db, count),
                watched(b"watched%d" % (number % 2)),
            )

    in_threads(lambda number: run_on(kind, main(number)))

    async def counted() -> Any:
        return await found.get(found.make_transaction(db), b"counter")

    assert run(counted()) == b"%d" % (times * THREADS)
    run(still_works(db))


def close_under_way(address: str) -> None:
    """Close a database while threads work with it, and see how their work ends."""
    db = run(filled(address))
    at_work = threading.Barrier(THREADS)

    async def main(number: int) -> None:
        watching = found.make_transaction(db)
        watch = found.watch(watching, b"never")
        await found.commit(watching)
        with pytest.raises((RuntimeError, found.FoundException)) as ended:
            for turn in itertools.count():
                await read_in_every_way(db, number)
                await found.transactional(db, found.add, b"other", b"\x01")
                if turn == 1:
                    at_work.wait(DEADLINE)
        error = ended.value
        if isinstance(error, found.FoundException):
            # What was under way is cancelled.
            assert error.code in (1025, 1101)
        else:
            assert "the database is closed" in str(error)
        with fails_with(1101):
            await watch

    def work(number: int) -> None:
        if number:
            run(main(number))
            return
        at_work.wait(DEADLINE)
        run(found.close(db))

    in_threads(work)


@pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
def test_a_database_is_closed_while_threads_work_with_it(address: str) -> None:
    for _ in range(3 * TIMES):
        close_under_way(address)


def test_threads_that_share_a_query_get_each_row_once() -> None:
    count = 20_000
    rows = [(b"r%06d" % number, b"%d" % number) for number in range(count)]

    async def begin() -> found.Database:
        db = await found.open(READY)

        async def fill(tx: found.Transaction) -> None:
            for key, value in rows:
                found.set(tx, key, value)

        await found.transactional(db, fill)
        return db

    db = run(begin())
    for _ in range(3 * TIMES):
        query = found.query(found.make_transaction(db), b"r", b"s")
        seen: list[list[tuple[bytes, bytes]]] = [[] for _ in range(THREADS)]

        async def read(mine: list[tuple[bytes, bytes]], query: found.Query = query) -> None:
            mine.extend([(key, value) async for key, value in query])

        in_threads(lambda number, seen=seen, read=read: run(read(seen[number])))
        assert all(mine == sorted(mine) for mine in seen)
        assert sorted(itertools.chain.from_iterable(seen)) == rows
    run(found.close(db))


def test_an_operation_that_another_thread_looks_at_wakes_who_waits_for_it() -> None:
    db = run(filled(LATE))
    looked_at: list[Any] = []
    stop = threading.Event()

    async def main() -> None:
        for _ in range(200 * TIMES):
            get = found.get(found.make_transaction(db), b"k03")
            looked_at[:] = [get]
            assert await asyncio.wait_for(get, DEADLINE) == b"v03"
            get = found.get(found.make_transaction(db), b"k04")
            looked_at[:] = [get]
            assert await get == b"v04"

    def work(number: int) -> None:
        if number == 0:
            try:
                run(main())
            finally:
                stop.set()
        while not stop.is_set():
            for operation in tuple(looked_at):
                if operation.done():
                    assert operation.result() in (b"v03", b"v04")
                assert operation.cancelled() is False
                repr(operation)
            # With a GIL, let the others have it.
            time.sleep(0)

    in_threads(work)


@pytest.mark.skipif(not FREE_THREADED, reason="this interpreter always has a GIL")
def test_importing_found_brings_the_gil_back() -> None:
    # A module in C that does not say that it needs none does so, and warns.
    output = output_of(
        """
        import importlib, pkgutil, sys
        import found

        for module in pkgutil.walk_packages(found.__path__, "found."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        found.pack((1, "text"))
        print(sys._is_gil_enabled())
        """,
        "-W",
        "error",
        environment={"PYTHON_GIL": ""},
    )
    assert output == "False\n"


# What is shared by mistake: every thread gets a result or an exception, and the process lives on.

SHARING = """\
import asyncio, gc, threading, types
import found
from found import _found

WRONG = (RuntimeError, found.FoundException, asyncio.CancelledError, asyncio.InvalidStateError)
ROWS = [(b"k%03d" % number, found.pack((1, 300 - number))) for number in range(300)]

async def filled(address):
    db = await found.open(address)
    async def fill(tx):
        for key, value in ROWS:
            found.set(tx, key, value)
    await found.transactional(db, fill)
    return db

async def tried(awaitable):
    try:
        return await awaitable
    except WRONG:
        pass

async def rows(iterator):
    try:
        async for row in iterator:
            assert row in ROWS
    except WRONG:
        pass

async def use_query(shared, number):
    if number == 0:
        await asyncio.sleep(0)
        await shared.query.aclose()
    await asyncio.gather(rows(shared.query), rows(shared.rows), rows(shared.query))
    try:
        await shared.query._page()
        await found.all(shared.query)
    except WRONG:
        pass

async def use_transaction(shared, number):
    tx = shared.tx
    try:
        for _ in range(3):
            assert tx.vars is tx.vars
            tx.vars[number] = tx
            gets = [tried(found.get(tx, key)) for key, _ in ROWS[::20]]
            found.set(tx, b"w%d" % number, b"value")
            found.clear(tx, b"w", b"x")
            found.watch(tx, b"k000").cancel()
            await asyncio.gather(rows(found.query(tx, b"k", b"l")), *gets)
            await tried(found.commit(tx))
            await tried(found.on_error(tx, 1020))
            if number == 0:
                found.reset(tx)
        if number == 1:
            found.cancel(tx)
    except WRONG:
        pass

async def use_operation(shared, number):
    operation = shared.operation
    def called(_):
        pass
    try:
        operation.add_done_callback(called)
        if number == 0:
            operation.cancel("enough")
        elif number == 1:
            await operation
        operation.remove_done_callback(called)
        repr(operation), operation.done(), operation.cancelled(), operation.get_loop()
        operation.exception()
        operation.result()
    except WRONG:
        pass
    except (AttributeError, KeyError) as error:
        # What asyncio says of a selector that two threads use, or that one of them has closed.
        assert "is not registered" in str(error) or "no attribute 'register'" in str(error)

async def use_packed(shared, number):
    for _ in range(5):
        assert len(shared.packed) == len(ROWS)
        lists = [shared.packed] * 2
        assert len(_found._merge_postings(lists, True)) == len(ROWS)
        ((best, score),) = _found._rank_postings(lists, False, None, 1)
        assert (best, score) == (b"000", 2)

async def share(db):
    tx = found.make_transaction(db)
    query = found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL)
    return types.SimpleNamespace(
        tx=found.make_transaction(db),
        query=query,
        rows=query.__aiter__(),
        packed=await found.query(tx, b"k", b"l")._packed(1),
    )

def main(use, address, times):
    db = asyncio.run(filled(address))
    for _ in range(times):
        shared = asyncio.run(share(db))
        # Asked for where no loop runs: it is whose loop asks first.
        shared.operation = found.get(found.make_transaction(db), b"k000")
        start = threading.Barrier(4)
        def thread(number):
            async def together():
                start.wait()
                await use(shared, number)
            asyncio.run(together())
        threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    del shared
    gc.collect()
    async def read():
        assert await found.all(found.query(found.make_transaction(db), b"k", b"l")) == ROWS
        await found.close(db)
    asyncio.run(read())
    print("done")
"""


@pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
@pytest.mark.parametrize("what", ["query", "transaction", "operation", "packed"])
def test_threads_share_by_mistake(what: str, address: str) -> None:
    source = f"{SHARING}\nmain(use_{what}, {address!r}, {5 * TIMES})"
    assert output_of(source) == "done\n"
