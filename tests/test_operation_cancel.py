"""Cancellation of everything that can be awaited; the database is used again after each."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest
from loops import KINDS, Completions, on_every_loop, run_on, spin_until, until
from operations import CASES, LATE, READY, ROWS, Case, Keep, armed_get, filled, still_works
from support import fails_with

import found

ADDRESSES = pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])


async def _armed_watch(db: found.Database) -> Any:
    tx = found.make_transaction(db)
    watch = found.watch(tx, b"watched")
    await found.commit(tx)
    return watch


async def _change(db: found.Database) -> None:
    async def change(tx: found.Transaction) -> None:
        await found.add(tx, b"watched", b"\x01")

    await found.transactional(db, change)


async def _cancelled_at_once(start: Any) -> None:
    task = asyncio.create_task(_awaits(start))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _cancelled_while_waiting(start: Any) -> None:
    # What is answered by then is not cancelled, and keeps its result.
    task = asyncio.create_task(_awaits(start))
    await asyncio.sleep(0)
    if task.cancel():
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        task.result()


async def _created_and_cancelled(start: Any) -> None:
    task = asyncio.ensure_future(start())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.done()


async def _timed_out_at_once(start: Any) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(start(), 0)


async def _timed_out_while_waiting(start: Any) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(_awaits(start), 1e-5)


async def _cancelled_in_a_gather(start: Any) -> None:
    gathered = asyncio.gather(start(), start())
    gathered.cancel()
    # One that is not a future is a task, which has not begun.
    results = await asyncio.gather(gathered, return_exceptions=True)
    assert gathered.done(), results


async def _shielded_and_cancelled(start: Any) -> None:
    inner = asyncio.ensure_future(start())
    outer = asyncio.shield(inner)
    if outer.cancel():
        with pytest.raises(asyncio.CancelledError):
            await outer
    # What was shielded goes on.
    await inner
    assert not inner.cancelled()


async def _awaits(start: Any) -> Any:
    return await start()


WAYS = [
    _cancelled_at_once,
    _cancelled_while_waiting,
    _created_and_cancelled,
    _timed_out_at_once,
    _timed_out_while_waiting,
    _cancelled_in_a_gather,
    _shielded_and_cancelled,
]


@ADDRESSES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cancelled", WAYS, ids=lambda way: way.__name__)
def test_the_database_works_after_any_operation_was_cancelled(
    kind: str, address: str, cancelled: Any
) -> None:
    async def main() -> dict[str, str]:
        wrong = {}
        handled: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: handled.append(context))
        async with await filled(address) as db:
            for case in CASES:
                keep: Keep = []

                def start(case: Case = case, keep: Keep = keep) -> Any:
                    return case.start(db, keep)

                try:
                    await cancelled(start)
                    await still_works(db)
                except BaseException as error:
                    wrong[case.name] = repr(error)
        gc.collect()
        assert handled == []
        return wrong

    assert run_on(kind, main()) == {}


@ADDRESSES
@on_every_loop
async def test_cancel_says_whether_there_was_something_to_cancel(address: str) -> None:
    async with await filled(address) as db:
        wrong = {}
        for case in CASES:
            operation: Any = case.start(db, [])
            if not isinstance(operation, found.Future):
                operation.close()
                continue
            was_pending = operation.cancel("why")
            assert operation.done()
            assert operation.cancelled() is was_pending
            assert operation.cancel("again") is False
            if was_pending:
                with pytest.raises(asyncio.CancelledError) as caught:
                    await operation
                if caught.value.args != ("why",):
                    wrong[case.name] = caught.value.args
            else:
                assert case.check(await operation), case.name
            await still_works(db)
        assert wrong == {}


@on_every_loop
async def test_a_cancelled_operation_raises_in_every_way_of_asking(memory: found.Database) -> None:
    watch = await _armed_watch(memory)
    waiters = [asyncio.create_task(_awaits(lambda: watch)) for _ in range(3)]
    await asyncio.sleep(0)
    assert watch.cancel("why") is True
    for ask in [watch.result, watch.exception]:
        with pytest.raises(asyncio.CancelledError, match="why"):
            ask()
    for waiter in waiters:
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert waiter.cancelled()
    for _ in range(2):
        with pytest.raises(asyncio.CancelledError, match="why"):
            await watch
    with pytest.raises(asyncio.CancelledError):
        await asyncio.gather(watch)
    await _change(memory)
    await still_works(memory)


@on_every_loop
async def test_a_cancel_between_arrival_and_landing_wins(memory: found.Database) -> None:
    # The network has answered, the loop has not turned: what the caller cancelled stays cancelled.
    async with await filled(LATE) as db:
        completions = Completions()
        gets = [armed_get(db) for _ in range(10)]
        called: list[Any] = []
        for get in gets:
            get.add_done_callback(called.append)
        spin_until(lambda: completions.arrived == 10)
        assert [get.cancel() for get in gets] == [True] * 10
        await until(lambda: len(called) == 10)
        await asyncio.sleep(0.01)
        assert len(called) == 10, "the completion called the callbacks of a cancelled operation"
        assert all(get.cancelled() for get in gets)
        await still_works(db)


@on_every_loop
async def test_a_cancel_after_landing_changes_nothing() -> None:
    async with await filled(LATE) as db:
        get = armed_get(db)
        assert await get == b"v00"
        assert get.cancel() is False
        assert await get == b"v00"


@on_every_loop
async def test_a_late_completion_of_a_cancelled_operation_is_swallowed() -> None:
    async with await filled(LATE) as db:
        completions = Completions()
        gets = [armed_get(db) for _ in range(100)]
        for get in gets:
            assert get.cancel() is True
        for get in gets:
            with pytest.raises(asyncio.CancelledError):
                await get
        await until(lambda: completions.arrived >= 100, "the late completions")
        await still_works(db)


@on_every_loop
async def test_a_cancelled_watch_does_not_fire_and_its_twin_does(memory: found.Database) -> None:
    cancelled, twin = await _armed_watch(memory), await _armed_watch(memory)
    assert cancelled.cancel() is True
    await _change(memory)
    assert await twin is None
    with pytest.raises(asyncio.CancelledError):
        await cancelled


@on_every_loop
async def test_a_cancelled_task_gives_its_message(memory: found.Database) -> None:
    watch = await _armed_watch(memory)
    task = asyncio.create_task(_awaits(lambda: watch))
    await asyncio.sleep(0)
    task.cancel("the reason")
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    # Python 3.9 and 3.10 raise it anew on the way out, with the first as its context.
    error: Any = caught.value
    while not error.args and error.__context__ is not None:
        error = error.__context__
    assert error.args == ("the reason",)
    assert watch.cancelled()


@on_every_loop
async def test_a_cancelled_commit_leaves_a_transaction_to_reset() -> None:
    async with await filled(LATE) as db:
        tx = found.make_transaction(db)
        pending = 0
        for number in range(100):
            await found.set(tx, b"committed", b"%d" % number)
            pending += found.commit(tx).cancel()
            found.reset(tx)
        assert pending, "no commit was pending when it was cancelled"
        await found.set(tx, b"committed", b"last")
        await found.commit(tx)
        assert await found.get(found.make_transaction(db), b"committed") == b"last"
        await still_works(db)


@ADDRESSES
@on_every_loop
async def test_a_cancelled_task_is_not_tried_again(address: str) -> None:
    async with await filled(address) as db:
        tries = 0
        waiting = asyncio.Event()

        async def work(tx: found.Transaction) -> None:
            nonlocal tries
            tries += 1
            await found.set(tx, b"written", b"by a cancelled task")
            watch = found.watch(tx, b"k00")
            waiting.set()
            await found.get(tx, b"k00")
            await asyncio.shield(asyncio.get_running_loop().create_future())
            watch.cancel()

        task = asyncio.create_task(found.transactional(db, work))
        await waiting.wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert tries == 1
        assert await found.get(found.make_transaction(db), b"written") is None
        await still_works(db)


@on_every_loop
async def test_a_cancel_during_the_delay_of_a_retry_ends_the_retries() -> None:
    async with await filled(READY) as db:
        tries = 0

        async def conflict(tx: found.Transaction) -> None:
            nonlocal tries
            tries += 1
            raise found.FoundException(1020)

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(found.transactional(db, conflict), 0.05)
        ended_with = tries
        await asyncio.sleep(0.05)
        assert tries == ended_with > 0
        await still_works(db)


@ADDRESSES
@on_every_loop
async def test_a_query_cancelled_in_the_middle_ends_and_the_transaction_goes_on(
    address: str,
) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        query = found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL)
        rows: list[Any] = []

        async def read() -> None:
            async for row in query:
                rows.append(row)
                if len(rows) == 3:
                    await asyncio.get_running_loop().create_future()

        task = asyncio.create_task(read())
        await until(lambda: len(rows) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await query.__anext__() == ROWS[3], "the iterator lost a row to the cancelled task"
        await query.aclose()
        with pytest.raises(StopAsyncIteration):
            await query.__anext__()
        assert await found.all(found.query(tx, b"k", b"l")) == ROWS
        await still_works(db)


@on_every_loop
async def test_a_row_cancelled_while_it_is_read_is_not_lost_silently() -> None:
    async with await filled(LATE) as db:
        query = found.query(found.make_transaction(db), b"k", b"l")
        task = asyncio.create_task(query.__anext__())
        await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
            # Either the query goes on where it was, or it has ended: it never skips.
            rest = [row async for row in query]
            assert rest in ([], ROWS)
        await still_works(db)


@on_every_loop
async def test_aclose_while_a_batch_is_read_ends_whoever_waits_for_it() -> None:
    async with await filled(LATE) as db:
        for _ in range(20):
            query = found.query(found.make_transaction(db), b"k", b"l")
            task = asyncio.create_task(query.__anext__())
            await asyncio.sleep(0)
            await query.aclose()
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            assert result == ROWS[0] or isinstance(
                result, (asyncio.CancelledError, StopAsyncIteration, RuntimeError)
            )
            with pytest.raises(StopAsyncIteration):
                await query.__anext__()
        await still_works(db)


@on_every_loop
async def test_an_open_that_is_cancelled_does_not_spoil_the_next() -> None:
    for _ in range(20):
        task = asyncio.create_task(found.open("memory:cancelled-open"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with await found.open("memory:cancelled-open") as db:
            await still_works(db)


@on_every_loop
async def test_a_close_that_is_cancelled_can_be_made_again() -> None:
    for _ in range(20):
        db = await filled(READY)
        closing = asyncio.ensure_future(found.close(db))
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        await found.close(db)
        with pytest.raises(RuntimeError, match="closed"):
            found.make_transaction(db)


@on_every_loop
async def test_operations_of_a_cancelled_transaction_fail_with_its_error() -> None:
    async with await filled(LATE) as db:
        tx = found.make_transaction(db)
        gets = [found.get(tx, b"k00") for _ in range(50)]
        watch = found.watch(tx, b"watched")
        found.cancel(tx)
        results = await asyncio.gather(*gets, return_exceptions=True)
        for result in results:
            assert result == b"v00" or isinstance(result, found.FoundException)
        with fails_with(1025):
            await found.get(tx, b"k00")
        found.reset(tx)
        with fails_with(1025):
            await watch
        assert await found.get(tx, b"k00") == b"v00"
