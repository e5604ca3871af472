"""The awaitable that operations return, through everything that asyncio has to wait for something."""

from __future__ import annotations

import asyncio
import collections.abc
import inspect
import sys
import traceback
from collections.abc import Generator
from typing import Any

import pytest
from loops import KINDS, Turns, event_loop, on_every_loop, run_on, until
from operations import CASES, LATE, READY, ROWS, WAYS, Case, Keep, Way, filled, still_works
from support import fails_with, run

import found

ADDRESSES = pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
ILLEGAL = b"\xff\x01"


async def _armed_watch(db: found.Database, key: bytes = b"watched") -> Any:
    """An operation that stays pending until the key changes."""
    tx = found.make_transaction(db)
    watch = found.watch(tx, key)
    await found.commit(tx)
    return watch


async def _change(db: found.Database, key: bytes = b"watched") -> None:
    async def change(tx: found.Transaction) -> None:
        await found.add(tx, key, b"\x01")

    await found.transactional(db, change)


@ADDRESSES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_an_operation_can_be_waited_for_in_every_way(kind: str, address: str, way: Way) -> None:
    async def main() -> dict[str, Any]:
        wrong = {}
        async with await filled(address) as db:
            for case in CASES:
                if not (case.is_coroutine or way.takes_futures):
                    continue
                keep: Keep = []

                def start(case: Case = case, keep: Keep = keep) -> Any:
                    return case.start(db, keep)

                try:
                    result = await way.wait(start)
                except Exception as error:
                    wrong[case.name] = repr(error)
                else:
                    if not case.check(result):
                        wrong[case.name] = repr(result)
                    if isinstance(result, found.Database):
                        await found.close(result)
            await still_works(db)
        return wrong

    assert run_on(kind, main()) == {}


@ADDRESSES
@pytest.mark.parametrize("debug", [False, True], ids=["run", "run_debug"])
def test_an_operation_started_before_any_loop_can_be_given_to_asyncio_run(
    address: str, debug: bool
) -> None:
    db = run(filled(address))
    wrong = {}
    for case in CASES:
        if not case.is_coroutine:
            continue
        keep: Keep = []
        try:
            result = asyncio.run(case.start(db, keep), debug=debug)  # type: ignore[arg-type]
        except Exception as error:
            wrong[case.name] = repr(error)
        else:
            if not case.check(result):
                wrong[case.name] = repr(result)
    assert wrong == {}
    run(still_works(db))


@ADDRESSES
@pytest.mark.parametrize("kind", KINDS)
def test_an_operation_started_before_the_loop_runs_can_be_given_to_run_until_complete(
    kind: str, address: str
) -> None:
    with event_loop(kind) as loop:
        db = loop.run_until_complete(filled(address))
        wrong = {}
        for case in CASES:
            keep: Keep = []
            try:
                result = loop.run_until_complete(case.start(db, keep))
            except Exception as error:
                wrong[case.name] = repr(error)
            else:
                if not case.check(result):
                    wrong[case.name] = repr(result)
        assert wrong == {}


@ADDRESSES
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@on_every_loop
async def test_a_failed_operation_raises_in_every_way(address: str, way: Way) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        with pytest.raises(Exception) as caught:
            await way.wait(lambda: found.get(tx, ILLEGAL))
        error: BaseException = caught.value
        while hasattr(error, "exceptions"):
            (error,) = error.exceptions
        assert isinstance(error, found.FoundException)
        assert error.code == 2004
        await still_works(db)


@ADDRESSES
@on_every_loop
async def test_an_operation_awaited_again_gives_its_result_again(address: str) -> None:
    async with await filled(address) as db:
        get = found.get(found.make_transaction(db), b"k00")
        assert [await get, await get] == [b"v00", b"v00"]
        get = found.get(found.make_transaction(db), b"k00")
        assert await asyncio.gather(get, asyncio.shield(get), get) == [b"v00"] * 3
        assert get.result() == b"v00"
        get = found.get(found.make_transaction(db), b"k00")

        async def waiter() -> Any:
            return await get

        assert await asyncio.gather(*(waiter() for _ in range(5))) == [b"v00"] * 5


@ADDRESSES
@on_every_loop
async def test_a_failed_operation_raises_at_each_await_with_the_line_that_awaited(
    address: str,
) -> None:
    async with await filled(address) as db:
        get = found.get(found.make_transaction(db), ILLEGAL)

        async def awaiting_this() -> None:
            await get

        depths = []
        for _ in range(5):
            with fails_with(2004) as caught:
                await awaiting_this()
            frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
            assert frames.count("awaiting_this") == 1, "an await before shows up in the traceback"
            assert frames[-1] == "awaiting_this"
            depths.append(len(frames))
        assert len(set(depths)) == 1, "each await adds to the traceback"
        assert get.exception() is caught.value
        with fails_with(2004):
            get.result()


@ADDRESSES
@on_every_loop
async def test_the_cause_and_the_notes_of_a_failure_are_the_callers_to_set(address: str) -> None:
    async with await filled(address) as db:
        with fails_with(2004) as caught:
            try:
                await found.get(found.make_transaction(db), ILLEGAL)
            except found.FoundException as error:
                raise error from KeyError("the cause")
        assert isinstance(caught.value.__cause__, KeyError)


@on_every_loop
async def test_a_pending_operation_has_neither_result_nor_exception(memory: found.Database) -> None:
    watch = await _armed_watch(memory)
    assert not watch.done()
    assert not watch.cancelled()
    with pytest.raises(asyncio.InvalidStateError):
        watch.result()
    with pytest.raises(asyncio.InvalidStateError):
        watch.exception()
    assert repr(watch) == "<found.Future pending>"
    await _change(memory)
    assert await watch is None
    assert watch.done()
    assert not watch.cancelled()
    assert watch.result() is None
    assert watch.exception() is None
    assert repr(watch) == "<found.Future finished None>"


@on_every_loop
async def test_an_operation_is_what_asyncio_and_inspect_look_for(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    for operation in [found.get(tx, b"k"), found.set(tx, b"k", b"v"), found.commit(tx)]:
        assert isinstance(operation, found.Operation)
        assert isinstance(operation, found.Future)
        assert isinstance(operation, collections.abc.Coroutine)
        assert isinstance(operation, collections.abc.Awaitable)
        assert inspect.isawaitable(operation)
        assert asyncio.isfuture(operation)
        assert asyncio.iscoroutine(operation)
        if sys.version_info >= (3, 10):
            # Before, it looks for a coroutine first, and makes a task of it.
            assert asyncio.ensure_future(operation) is operation
        await operation
    tx = found.make_transaction(memory)
    watch = found.watch(tx, b"k")
    assert isinstance(watch, found.Future)
    assert not isinstance(watch, collections.abc.Coroutine)
    assert not asyncio.iscoroutine(watch)
    assert asyncio.isfuture(watch)
    assert inspect.isawaitable(watch)
    assert asyncio.ensure_future(watch) is watch
    row = found.query(tx, b"a", b"z").__anext__()
    assert isinstance(row, collections.abc.Coroutine)
    assert inspect.isawaitable(row)
    assert asyncio.iscoroutine(row)
    assert not asyncio.isfuture(row)
    assert await row == (b"k", b"v")
    assert repr(found.Operation[int]).endswith("Operation[int]")


@on_every_loop
async def test_an_operation_belongs_to_the_loop_that_ran_at_the_call(
    memory: found.Database,
) -> None:
    watch = await _armed_watch(memory)
    assert watch.get_loop() is asyncio.get_running_loop()
    watch.cancel()


@on_every_loop
async def test_asyncio_wait_tells_which_watch_is_first(memory: found.Database) -> None:
    never = await _armed_watch(memory, b"never")
    first = await _armed_watch(memory, b"first")
    await _change(memory, b"first")
    done, pending = await asyncio.wait([never, first], return_when=asyncio.FIRST_COMPLETED)
    assert done == {first}
    assert pending == {never}
    assert never.cancel()


@ADDRESSES
@on_every_loop
async def test_a_query_is_waited_for_row_by_row_or_as_a_whole(address: str) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        assert [row async for row in found.query(tx, b"k", b"l")] == ROWS
        query = found.query(tx, b"k", b"l", limit=3)
        assert await query is query
        assert await asyncio.wait_for(query.__anext__(), 60) == ROWS[0]
        assert await asyncio.ensure_future(query.__anext__()) == ROWS[1]
        [row] = await asyncio.gather(query.__anext__())
        assert row == ROWS[2]
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await query.__anext__()


@ADDRESSES
@on_every_loop
async def test_rows_that_are_asked_for_at_once_are_different_ones(address: str) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        for rows in (found.query(tx, b"k", b"l"), found.query(tx, b"k", b"l").__aiter__()):
            asked = [rows.__anext__() for _ in range(3)]
            # What gather is given twice it waits for once.
            assert len(set(asked)) == 3
            assert sorted(await asyncio.gather(*asked)) == ROWS[:3]
            held = rows.__anext__()
            await rows.aclose()
            with pytest.raises(StopAsyncIteration):
                await held


class Stepped:
    """Awaits by `next`, as PyPy and Python 3.9 do, past the slot that newer interpreters use for `await`."""

    def __init__(self, awaitable: Any) -> None:
        self.awaitable = awaitable

    def __await__(self) -> Generator[Any, None, Any]:
        steps = self.awaitable.__await__()
        assert iter(steps) is steps
        while True:
            try:
                waits_for = next(steps)
            except StopIteration as stop:
                return stop.value
            assert waits_for is None or waits_for._asyncio_future_blocking is True
            yield waits_for


@ADDRESSES
@on_every_loop
async def test_the_steps_of_an_operation_follow_the_generator_protocol(address: str) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        assert await Stepped(found.get(tx, b"k00")) == b"v00"
        # A tuple must come out whole, not as the arguments of StopIteration.
        assert await Stepped(found.query(tx, b"k", b"l").__anext__()) == ROWS[0]
        assert await Stepped(found.all(found.query(tx, b"k", b"l"))) == ROWS
        with fails_with(2004):
            await Stepped(found.get(tx, ILLEGAL))
        with pytest.raises(StopAsyncIteration):
            await Stepped(found.query(tx, b"x", b"y").__anext__())


@ADDRESSES
@on_every_loop
async def test_send_steps_and_throw_raises_where_the_operation_is_awaited(address: str) -> None:
    async with await filled(address) as db:
        get = found.get(found.make_transaction(db), b"k00")
        await until(get.done)
        with pytest.raises(StopIteration) as stop:
            get.send(None)
        assert stop.value.value == b"v00"
        with pytest.raises(KeyError, match="thrown"):
            get.throw(KeyError("thrown"))
        assert await get == b"v00", "throwing into a finished operation took its result"
        row = found.query(found.make_transaction(db), b"k", b"l").__anext__()
        with pytest.raises(KeyError, match="thrown"):
            row.throw(KeyError, KeyError("thrown"), None)
        row.close()


@on_every_loop
async def test_an_exception_thrown_into_a_waiting_coroutine_leaves_the_operation_alone(
    memory: found.Database,
) -> None:
    watch = await _armed_watch(memory)

    async def waiter() -> None:
        await watch

    coroutine = waiter()
    assert coroutine.send(None) is watch
    watch._asyncio_future_blocking = False
    with pytest.raises(KeyError):
        coroutine.throw(KeyError("thrown"))
    assert not watch.done()
    await _change(memory)
    assert await watch is None


@on_every_loop
async def test_closing_a_pending_operation_cancels_it(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    stamp = found.get_versionstamp(tx)
    assert repr(stamp) == "<found.Operation pending>"
    stamp.close()
    assert repr(stamp) == "<found.Operation cancelled>"
    stamp.close()
    with pytest.raises(asyncio.CancelledError):
        await stamp


@ADDRESSES
@on_every_loop
async def test_closing_a_finished_operation_keeps_its_result(address: str) -> None:
    async with await filled(address) as db:
        get = found.get(found.make_transaction(db), b"k00")
        await until(get.done)
        get.close()
        assert not get.cancelled()
        assert await get == b"v00"


@on_every_loop
async def test_a_watch_awaited_before_its_commit_gives_itself(memory: found.Database) -> None:
    # Programs of the older driver write `future = await found.watch(tx, key)`.
    tx = found.make_transaction(memory)
    watch = found.watch(tx, b"watched")
    assert await watch is watch  # type: ignore[comparison-overlap]
    assert not watch.done()
    await found.commit(tx)
    await _change(memory)
    assert await watch is None


@on_every_loop
async def test_a_finished_operation_shows_what_it_holds(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    assert repr(found.get(tx, b"none")) == "<found.Operation finished None>"
    failed = found.get(tx, ILLEGAL)
    assert repr(failed).startswith("<found.Operation finished FoundException(2004, ")
    watch = await _armed_watch(memory)
    watch.cancel()
    assert repr(watch) == "<found.Future cancelled>"


@on_every_loop
async def test_what_a_transaction_was_asked_for_is_answered_after_it_is_dropped() -> None:
    async with await filled(LATE) as db:
        gets = [found.get(found.make_transaction(db), key) for key, _ in ROWS]
        assert await asyncio.gather(*gets) == [value for _, value in ROWS]
        rows = found.all(found.query(found.make_transaction(db), b"k", b"l"))
        assert await rows == ROWS


@on_every_loop
async def test_a_ready_result_takes_no_turn_of_the_loop() -> None:
    async with await filled(READY) as db:
        tx = found.make_transaction(db)
        turns = Turns()
        # Fairness gives a turn now and then, and counts from there: a few more are free of it.
        while not turns.count:
            assert await found.get(tx, b"k00") == b"v00"
        before = turns.count
        for _ in range(3):
            assert await found.get(tx, b"k00") == b"v00"
            await found.set(tx, b"k", b"")
        query = found.query(tx, b"k0", b"l")
        assert await query.__anext__() == ROWS[0]
        assert turns.count == before
        turns.stop()
