"""Work in threads beside the event loop: order, back-pressure, and what is left when something fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import found
from found.ext.pool import pool_for_each_par_map

THREADS = 4
# A test whose threads hang is a failure and not a hang.
PATIENCE = 30.0


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as executor:
        yield executor


class Items:
    """Numbers, and what became of their iterator."""

    def __init__(self, count: int, fails_at: int = -1) -> None:
        self.count = count
        self.fails_at = fails_at
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self.count):
                if number == self.fails_at:
                    raise KeyError(number)
                self.given += 1
                yield number
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def for_each(pool: Any, f: Any, p: Any, items: Any, **options: Any) -> None:
    loop = asyncio.get_running_loop()
    await pool_for_each_par_map(loop, pool, f, p, items, **options)


def double(number: int) -> int:
    return 2 * number


async def test_each_result_is_given_once(pool: ThreadPoolExecutor) -> None:
    results: list[int] = []
    items = Items(500)
    await for_each(pool, results.append, double, items)
    assert sorted(results) == list(range(0, 1000, 2))
    assert items.closed


async def test_f_runs_in_the_loop_one_at_a_time_and_p_in_threads(pool: ThreadPoolExecutor) -> None:
    here = threading.get_ident()
    results: list[int] = []
    running = 0

    def p(number: int) -> int:
        assert threading.get_ident() != here
        return number

    async def f(number: int) -> None:
        nonlocal running
        assert threading.get_ident() == here
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        results.append(number)
        running -= 1

    await for_each(pool, f, p, Items(100))
    assert sorted(results) == list(range(100))


async def test_any_iterable_is_taken_and_none_is_nothing(pool: ThreadPoolExecutor) -> None:
    results: list[int] = []
    await for_each(pool, results.append, double, range(3))
    await for_each(pool, results.append, double, (number for number in (7,)))
    await for_each(pool, results.append, double, [])
    await for_each(pool, results.append, double, Items(0))
    assert sorted(results) == [0, 2, 4, 14]


async def test_rows_of_a_database_are_items(
    pool: ThreadPoolExecutor, memory: found.Database
) -> None:
    tx = found.make_transaction(memory)
    for number in range(50):
        found.set(tx, b"%02d" % number, bytes(number))
    lengths: list[int] = []
    rows = found.query(tx, b"", b"\xff")
    await for_each(pool, lengths.append, lambda row: len(row[1]), rows)
    assert sorted(lengths) == list(range(50))


async def test_a_result_is_given_as_soon_as_it_is_ready(pool: ThreadPoolExecutor) -> None:
    """Neither an earlier item that takes long nor an iterator that does holds it back."""
    release = threading.Event()
    given = asyncio.Event()

    def p(number: int) -> int:
        if number == 0:
            assert release.wait(PATIENCE)
        return number

    async def items() -> AsyncGenerator[int, None]:
        yield 0
        yield 1
        await given.wait()
        release.set()

    results: list[int] = []

    def f(number: int) -> None:
        results.append(number)
        given.set()

    await asyncio.wait_for(for_each(pool, f, p, items()), PATIENCE)
    assert results == [1, 0]


@pytest.mark.parametrize("ahead", [1, 3])
async def test_no_more_items_are_taken_than_f_gets_through(
    pool: ThreadPoolExecutor, ahead: int
) -> None:
    items = Items(30)
    taken = 0
    most = 0

    async def f(number: int) -> None:
        nonlocal taken, most
        for _ in range(20):
            await asyncio.sleep(0)
        most = max(most, items.given - taken)
        taken += 1

    await for_each(pool, f, double, items, ahead=ahead)
    assert taken == 30
    assert most <= ahead


class Stop(Exception):
    pass


@pytest.mark.parametrize("where", ["p", "f", "awaited f", "iterator", "StopIteration"])
async def test_the_first_error_ends_all_work(pool: ThreadPoolExecutor, where: str) -> None:
    items = Items(200, fails_at=40 if where == "iterator" else -1)
    running = 0
    lock = threading.Lock()

    def p(number: int) -> int:
        nonlocal running
        with lock:
            running += 1
        try:
            if number == 40 and where == "p":
                raise Stop
            if number == 40 and where == "StopIteration":
                raise StopIteration
            return number
        finally:
            with lock:
                running -= 1

    async def awaited(number: int) -> None:
        await asyncio.sleep(0)
        if number == 40:
            raise Stop

    def f(number: int) -> Any:
        if number == 40 and where == "f":
            raise Stop
        return awaited(number) if where == "awaited f" else None

    error = {"iterator": KeyError, "StopIteration": RuntimeError}.get(where, Stop)
    with pytest.raises(error):
        await asyncio.wait_for(for_each(pool, f, p, items, ahead=8), PATIENCE)
    assert items.closed
    assert items.given < 60
    assert running == 0
    assert len(asyncio.all_tasks()) == 1
    # The pool goes on.
    assert pool.submit(double, 4).result(PATIENCE) == 8


async def test_what_threads_have_begun_is_awaited_and_what_they_have_not_is_cancelled(
    pool: ThreadPoolExecutor,
) -> None:
    release = threading.Event()
    begun: list[int] = []
    ended: list[int] = []
    all_begun = threading.Event()

    def p(number: int) -> int:
        begun.append(number)
        if len(begun) == THREADS:
            all_begun.set()
        assert release.wait(PATIENCE)
        ended.append(number)
        return number

    items = Items(100)
    results: list[int] = []
    work = asyncio.ensure_future(for_each(pool, results.append, p, items, ahead=20))
    await asyncio.get_running_loop().run_in_executor(None, all_begun.wait, PATIENCE)
    while items.given < 20:
        await asyncio.sleep(0)
    work.cancel()
    while not items.closed:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)
    assert not work.done(), "its threads still run"
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, PATIENCE)
    assert sorted(begun) == sorted(ended) == list(range(THREADS))
    assert results == []


async def test_who_cancels_twice_does_not_wait_for_the_threads(pool: ThreadPoolExecutor) -> None:
    release, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def p(number: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert release.wait(PATIENCE)

    work = asyncio.ensure_future(for_each(pool, print, p, [1]))
    await begun.wait()
    work.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    try:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(work, PATIENCE)
    finally:
        release.set()


async def test_a_pool_that_was_shut_down_is_an_error_and_no_hang() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    items = Items(3)
    with pytest.raises(RuntimeError, match="shutdown"):
        await asyncio.wait_for(for_each(executor, print, double, items), PATIENCE)
    assert items.closed


async def test_arguments_of_other_types_are_refused(pool: ThreadPoolExecutor) -> None:
    for arguments, message in [
        ((None, print, double, []), "pool must be an executor, not NoneType"),
        ((pool, 1, double, []), "f must be callable, not int"),
        ((pool, print, "p", []), "p must be callable, not str"),
        ((pool, print, double, 7), "iterator must be iterable, not int"),
    ]:
        with pytest.raises(TypeError, match=message):
            await for_each(*arguments)
    for ahead in (1.5, True, "4"):
        with pytest.raises(TypeError, match="ahead must be an int"):
            await for_each(pool, print, double, [], ahead=ahead)
    with pytest.raises(ValueError, match="ahead must be 1 or more, not 0"):
        await for_each(pool, print, double, [], ahead=0)
    other = asyncio.new_event_loop()
    try:
        with pytest.raises(ValueError, match="loop must be the event loop that runs"):
            await pool_for_each_par_map(other, pool, print, double, [])
    finally:
        other.close()
