"""Operations and event loops: one after another, in several threads, closed, foreign, and never starved."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable

import pytest
from loops import (
    DEADLINE,
    KINDS,
    Completions,
    LoopWithoutReaders,
    Turns,
    event_loop,
    on_every_loop,
    run_on,
    spin_until,
    until,
)
from operations import LATE, READY, ROWS, armed_get, filled, still_works
from processes import Program
from support import fails_with, run

import found

ADDRESSES = pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])


async def _armed_watch(db: found.Database, key: bytes = b"watched") -> found.Future[None]:
    tx = found.make_transaction(db)
    watch = found.watch(tx, key)
    await found.commit(tx)
    return watch


async def _change(db: found.Database, key: bytes = b"watched") -> None:
    async def change(tx: found.Transaction) -> None:
        await found.add(tx, key, b"\x01")

    await found.transactional(db, change)


# Several loops.


@pytest.mark.parametrize("kind", KINDS)
def test_two_loops_in_two_threads_share_a_database(kind: str) -> None:
    db = run(filled(LATE))
    key, tasks, times, threads = b"counter", 4, 10, 2
    failures: list[BaseException] = []

    async def count(tx: found.Transaction) -> None:
        before = await found.get(tx, key)
        await found.set(tx, key, b"%d" % (int(before or b"0") + 1))

    async def task() -> None:
        for _ in range(times):
            await found.transactional(db, count)
            await still_works_for_reading(db)

    async def main() -> None:
        await asyncio.gather(*(task() for _ in range(tasks)))

    def thread() -> None:
        try:
            run_on(kind, main())
        except BaseException as error:
            failures.append(error)

    running = [threading.Thread(target=thread) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join(timeout=DEADLINE * 2)
        assert not each.is_alive()
    assert failures == []
    assert run(_get(db, key)) == b"%d" % (tasks * times * threads)


async def still_works_for_reading(db: found.Database) -> None:
    assert await found.all(found.query(found.make_transaction(db), b"k", b"l")) == ROWS


async def _get(db: found.Database, key: bytes) -> Any:
    return await found.get(found.make_transaction(db), key)


@pytest.mark.parametrize("kind", KINDS)
def test_loops_one_after_another_each_get_their_own_answers(kind: str) -> None:
    db = run(filled(LATE))
    for _ in range(20):
        run_on(kind, still_works(db))


def test_loops_of_every_kind_take_turns_in_one_thread() -> None:
    db = run(filled(LATE))
    for _ in range(5):
        for kind in KINDS:
            if kind == "uvloop":
                pytest.importorskip("uvloop")
            run_on(kind, still_works(db))


@ADDRESSES
@pytest.mark.parametrize("kind", KINDS)
def test_two_loops_of_one_thread_run_alternately(kind: str, address: str) -> None:
    db = run(filled(address))
    first, second = KINDS[kind](), KINDS[kind]()
    try:
        watches = [loop.run_until_complete(_armed_watch(db)) for loop in (first, second)]
        first.run_until_complete(_change(db))
        for loop, watch in zip((first, second), watches):
            assert watch.get_loop() is loop
            assert loop.run_until_complete(watch) is None
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_awaited_in_a_foreign_loop_is_refused_and_goes_on(kind: str) -> None:
    db = run(filled(LATE))
    with event_loop(kind) as home:
        watch = home.run_until_complete(_armed_watch(db))

        async def foreign() -> None:
            with pytest.raises(RuntimeError, match="another event loop"):
                await watch
            assert not watch.done()

        outside = KINDS[kind]()
        outside.run_until_complete(foreign())
        outside.close()
        home.run_until_complete(_change(db))
        assert home.run_until_complete(watch) is None


def test_an_operation_without_a_loop_says_that_it_needs_one() -> None:
    db = run(filled(LATE))
    for _ in range(100):
        get: Any = found.get(found.make_transaction(db), b"k00")
        if get.done():
            continue
        try:
            get.send(None)
        except StopIteration as stop:
            assert stop.value == b"v00"
        except RuntimeError as error:
            assert str(error) == "no running event loop"
            break
    else:
        raise AssertionError("answers are never late")


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_operation_is_awaited_in_any_loop(kind: str) -> None:
    db = run(filled(READY))
    with event_loop(kind) as loop:
        get = found.get(found.make_transaction(db), b"k00")
        assert loop.run_until_complete(asyncio.gather(get)) == [b"v00"]

    async def again() -> Any:
        return await get

    assert run_on(kind, again()) == b"v00"


# Loops that close.


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_closed_with_work_in_flight_does_not_spoil_the_next(kind: str) -> None:
    # The next loop may well get the memory of the last.
    db = run(filled(LATE))
    for _ in range(30):
        loop = KINDS[kind]()

        async def leave_work() -> list[Any]:
            return [await _armed_watch(db)] + [armed_get(db) for _ in range(3)]

        left = loop.run_until_complete(leave_work())
        loop.close()
        del loop
        landed = [operation.done() for operation in left]
        run_on(kind, still_works(db))
        assert [operation.done() for operation in left] == landed, "landed on a closed loop"


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_closed_with_work_in_flight_is_freed(kind: str) -> None:
    # What is in flight knows tasks, and tasks know the loop.
    db = run(filled(LATE))
    gone: list[weakref.ref[Any]] = []

    async def waits() -> None:
        await (await _armed_watch(db))

    for _ in range(3):
        loop = KINDS[kind]()
        task = loop.create_task(waits())
        watch = loop.run_until_complete(_armed_watch(db))
        watch.add_done_callback(lambda _, loop=loop: None)  # type: ignore[misc]
        loop.run_until_complete(asyncio.sleep(0.01))
        assert not task.done()
        loop.set_exception_handler(lambda *_: None)
        gone += [weakref.ref(loop), weakref.ref(watch), weakref.ref(task)]
        loop.close()
        del loop, task, watch
    gc.collect()
    assert [reference() for reference in gone] == [None] * len(gone)
    run_on(kind, still_works(db))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancel_after_the_loop_has_closed_does_what_a_future_does(kind: str) -> None:
    db = run(filled(LATE))
    loop = KINDS[kind]()

    async def leave_work() -> Any:
        return await _armed_watch(db), await _armed_watch(db)

    watch, called = loop.run_until_complete(leave_work())
    called.add_done_callback(lambda _: None)
    loop.close()
    # The loop is asked only if there is something to call.
    assert watch.cancel() is True
    with pytest.raises(RuntimeError, match="closed"):
        called.cancel()
    assert called.cancelled()
    run_on(kind, still_works(db))


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_in_a_thread_that_ended_leaves_nothing_behind(kind: str) -> None:
    db = run(filled(LATE))

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0

    def threads() -> int:
        return len(threading.enumerate())

    def thread() -> None:
        run_on(kind, still_works(db))

    for _ in range(3):
        thread()
    gc.collect()
    before = descriptors(), threads()
    for _ in range(20):
        running = threading.Thread(target=thread)
        running.start()
        running.join()
    gc.collect()
    deadline = time.monotonic() + DEADLINE
    # The network thread may be at the last completion still.
    while (descriptors(), threads()) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (descriptors(), threads()) <= before


# Loops that watch no descriptors.


def test_a_loop_without_add_reader_is_woken_by_a_thread() -> None:
    with event_loop("without_readers") as loop:
        assert isinstance(loop, LoopWithoutReaders)
        db = loop.run_until_complete(filled(LATE))

        async def many() -> None:
            completions = Completions()
            gets = [armed_get(db) for _ in range(200)]
            assert await asyncio.gather(*gets) == [b"v00"] * 200
            assert completions.arrived == 200
            assert 1 <= completions.wake_ups <= 200

        loop.run_until_complete(many())
        loop.run_until_complete(still_works(db))


def test_a_loop_without_add_reader_that_is_closed_lets_late_completions_go() -> None:
    db = run(filled(LATE))
    for _ in range(20):
        loop = LoopWithoutReaders()

        async def leave_work() -> None:
            for _ in range(20):
                armed_get(db)

        loop.run_until_complete(leave_work())
        loop.close()
    run(still_works(db))


# Completions.


@on_every_loop
async def test_one_wake_up_answers_every_completion_that_has_arrived() -> None:
    async with await filled(LATE) as db:
        completions = Completions()
        gets = [armed_get(db) for _ in range(100)]
        spin_until(lambda: completions.arrived == 100)
        assert completions.wake_ups == 1
        turns = Turns()
        landed_in: set[int] = set()
        for get in gets:
            get.add_done_callback(lambda _: landed_in.add(turns.count))
        await asyncio.gather(*gets)
        turns.stop()
        assert completions.wake_ups == 1
        assert len(landed_in) == 1, "they did not land in one turn"
        # The next completion wakes the loop again.
        await armed_get(db)
        assert completions.wake_ups == 2


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="needs ctypes.pythonapi's GIL")
def test_completions_arrive_while_the_gil_is_held() -> None:
    # A switch interval longer than the test: only what releases the GIL by itself lets another thread have it, and
    # nothing in the loop below does. A network thread that takes the GIL, ever, would not get on.
    hold = ctypes.PyDLL(None).usleep
    interval = sys.getswitchinterval()

    async def main() -> None:
        async with await filled(LATE) as db:
            gets = [armed_get(db) for _ in range(100)]
            sys.setswitchinterval(1000)
            try:
                completions = Completions()
                gets += [armed_get(db) for _ in range(100)]
                hold(200_000)
                spin_until(lambda: hold(1000) is not None and completions.arrived >= 100)
            finally:
                sys.setswitchinterval(interval)
            assert await asyncio.gather(*gets) == [b"v00"] * 200

    run(main())


@ADDRESSES
@on_every_loop
async def test_work_starts_at_the_call(address: str) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        operations: list[Any] = [found.get(tx, key) for key, _ in ROWS]
        operations.append(found.all(found.query(tx, b"k", b"l")))
        operations.append(found.set(tx, b"written", b"at the call"))
        commit = found.commit(tx)
        # Nothing is awaited, and the loop does not turn.
        spin_until(lambda: commit.done() and all(op.done() for op in operations))
        assert [op.result() for op in operations[: len(ROWS)]] == [value for _, value in ROWS]
        assert operations[len(ROWS)].result() == ROWS
        assert await found.get(found.make_transaction(db), b"written") == b"at the call"


# Fairness.


async def _endless_gets(db: found.Database) -> None:
    tx = found.make_transaction(db)
    while True:
        await found.get(tx, b"k00", snapshot=True)


async def _endless_transactions(db: found.Database) -> None:
    async def read(tx: found.Transaction) -> Any:
        return await found.get(tx, b"k00")

    while True:
        await found.transactional(db, read)


async def _endless_writes(db: found.Database) -> None:
    async def write(tx: found.Transaction) -> None:
        await found.set(tx, b"written", b"")

    while True:
        await found.transactional(db, write)


async def _endless_sets(db: found.Database) -> None:
    tx = found.make_transaction(db)
    while True:
        await found.set(tx, b"written", b"")
        found.reset(tx)


async def _endless_rows(db: found.Database) -> None:
    while True:
        async for _ in found.query(found.make_transaction(db), b"k", b"l"):
            pass


async def _endless_lists(db: found.Database) -> None:
    while True:
        await found.all(found.query(found.make_transaction(db), b"k", b"l"))


async def _endless_awaits_of_one(db: found.Database) -> None:
    get = found.get(found.make_transaction(db), b"k00")
    while True:
        await get


ENDLESS = [
    _endless_gets,
    _endless_transactions,
    _endless_writes,
    _endless_sets,
    _endless_rows,
    _endless_lists,
    _endless_awaits_of_one,
]


@pytest.mark.parametrize("endless", ENDLESS, ids=lambda endless: endless.__name__)
@on_every_loop
async def test_an_endless_loop_of_ready_results_is_ended_by_a_timeout(
    endless: Callable[[found.Database], Any],
) -> None:
    async with await filled(READY) as db:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(endless(db), 0.1)
        await still_works(db)


@pytest.mark.parametrize("endless", ENDLESS, ids=lambda endless: endless.__name__)
@on_every_loop
async def test_other_tasks_get_on_beside_an_endless_loop_of_ready_results(
    endless: Callable[[found.Database], Any],
) -> None:
    async with await filled(READY) as db:
        hogs = [asyncio.create_task(endless(db)) for _ in range(3)]
        turns = Turns()
        await until(lambda: turns.count >= 50, "fifty turns")
        late = await filled(LATE)
        # A completion lands as well.
        assert await armed_get(late) == b"v00"
        await found.close(late)
        for hog in hogs:
            hog.cancel()
        await asyncio.gather(*hogs, return_exceptions=True)
        turns.stop()


@pytest.mark.parametrize("mode", [found.STREAMING_MODE_ITERATOR, found.STREAMING_MODE_WANT_ALL])
@on_every_loop
async def test_a_long_query_lets_the_loop_turn_among_its_rows(mode: int) -> None:
    # A row that is there already is a ready await, and counts a quarter of any other: 1,024 of them without a turn.
    async with await found.open(READY) as db:

        async def fill(tx: found.Transaction) -> None:
            for number in range(5000):
                found.set(tx, b"row%05d" % number, b"")

        await found.transactional(db, fill)
        turns = Turns()
        longest = run_of_rows = seen = 0
        async for _ in found.query(found.make_transaction(db), b"row", b"rox", mode=mode):
            run_of_rows = run_of_rows + 1 if turns.count == seen else 1
            seen = turns.count
            longest = max(longest, run_of_rows)
        turns.stop()
        assert longest <= 1100


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
@pytest.mark.parametrize("endless", ENDLESS, ids=lambda endless: endless.__name__)
@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
def test_an_endless_loop_of_ready_results_is_ended_by_ctrl_c(
    kind: str, endless: Callable[[found.Database], Any]
) -> None:
    if kind == "uvloop":
        pytest.importorskip("uvloop")
    elif sys.version_info < (3, 11):
        pytest.skip("asyncio before 3.11 loses what it was about to call, one time in fifty")
    program = Program(
        f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import found, operations, test_event_loop

        async def main():
            db = await operations.filled("memory:")
            print("running", flush=True)
            await test_event_loop.{endless.__name__}(db)

        if {kind!r} == "uvloop":
            import uvloop
            run = uvloop.run
        else:
            run = asyncio.run
        try:
            run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert program.read_line() == "running"
    program.interrupt()
    ended = program.end()
    assert ended.stderr == ""
    assert ended.stdout == "interrupted\n"
    assert ended.returncode == 0


@on_every_loop
async def test_a_task_that_was_answered_is_not_overtaken_for_ever() -> None:
    # Ready results of one task must not keep the completion of another from landing.
    async with await filled(READY) as ready, await filled(LATE) as late:
        hog = asyncio.create_task(_endless_gets(ready))
        for _ in range(20):
            assert await found.get(found.make_transaction(late), b"k00") == b"v00"
        hog.cancel()
        await asyncio.gather(hog, return_exceptions=True)


@on_every_loop
async def test_a_database_closed_under_operations_in_flight_ends_them() -> None:
    db = await filled(LATE)
    gets = [armed_get(db) for _ in range(50)]
    watch = await _armed_watch(db)
    waiting = asyncio.ensure_future(asyncio.wait_for(asyncio.shield(watch), DEADLINE))
    await asyncio.sleep(0)
    await found.close(db)
    for result in await asyncio.gather(*gets, return_exceptions=True):
        assert result == b"v00" or isinstance(result, found.FoundException)
    with fails_with(1101):
        await waiting
    with pytest.raises(RuntimeError, match="closed"):
        found.make_transaction(db)
