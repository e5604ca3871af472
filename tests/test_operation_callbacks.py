"""Callbacks of operations: when, in which context, and what becomes of their exceptions."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from loops import KINDS, Completions, event_loop, on_every_loop, run_on, spin_until, until
from operations import LATE, READY, ROWS, armed_get, filled, still_works
from support import run

import found

ADDRESSES = pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="nothing")


@ADDRESSES
@on_every_loop
async def test_callbacks_run_once_in_order_from_the_loop(address: str) -> None:
    async with await filled(address) as db:
        get = found.get(found.make_transaction(db), b"k00")
        called: list[tuple[int, Any]] = []
        for number in range(3):
            get.add_done_callback(lambda op, number=number: called.append((number, op.result())))
        assert called == [], "a callback ran before the loop turned"
        await until(lambda: len(called) >= 3)
        assert get.done()
        get.add_done_callback(lambda op: called.append((3, op.result())))
        assert len(called) == 3, "a callback ran before the loop turned"
        await until(lambda: len(called) >= 4)
        for _ in range(3):
            await asyncio.sleep(0)
        assert called == [(number, b"v00") for number in range(4)]


@ADDRESSES
@on_every_loop
async def test_a_removed_callback_is_not_called(address: str) -> None:
    async with await filled(address) as db:
        called: list[str] = []

        def removed(_: Any) -> None:
            called.append("removed")

        def kept(_: Any) -> None:
            called.append("kept")

        tx = found.make_transaction(db)
        watch = found.watch(tx, b"watched")
        for callback in [removed, kept, removed]:
            watch.add_done_callback(callback)
        assert watch.remove_done_callback(removed) == 2
        assert watch.remove_done_callback(removed) == 0
        watch.cancel()
        await until(lambda: called)
        await asyncio.sleep(0)
        assert called == ["kept"]
        assert watch.remove_done_callback(kept) == 0


@on_every_loop
async def test_a_callback_that_compares_badly_keeps_its_place() -> None:
    class Rude:
        def __eq__(self, other: object) -> bool:
            raise KeyError("comparing")

        __hash__ = None  # type: ignore[assignment]

        def __call__(self, _: Any) -> None:
            called.append("rude")

    called: list[str] = []
    async with await filled(LATE) as db:
        tx = found.make_transaction(db)
        watch = found.watch(tx, b"watched")
        watch.add_done_callback(lambda _: called.append("first"))
        watch.add_done_callback(Rude())
        with pytest.raises(KeyError, match="comparing"):
            watch.remove_done_callback(object())
        watch.cancel()
        await until(lambda: len(called) == 2)
        assert called == ["first", "rude"], "a failed comparison lost callbacks"


@ADDRESSES
@on_every_loop
async def test_a_callback_sees_the_context_that_added_it(address: str) -> None:
    async with await filled(address) as db:
        seen: list[str] = []
        (get,) = [found.get(found.make_transaction(db), b"k00")]
        variable.set("at adding")
        get.add_done_callback(lambda _: seen.append(variable.get()))
        variable.set("after")
        given = contextvars.copy_context()
        given.run(variable.set, "given")
        get.add_done_callback(lambda _: seen.append(variable.get()), context=given)
        get.add_done_callback(lambda _: variable.set("in the callback"))
        await until(lambda: len(seen) == 2)
        await asyncio.sleep(0)
        assert seen == ["at adding", "given"]
        assert variable.get() == "after", "a callback changed the context of others"


@ADDRESSES
@on_every_loop
async def test_a_task_keeps_its_context_across_awaits(address: str) -> None:
    async with await filled(address) as db:

        async def task(name: str) -> None:
            variable.set(name)
            for _ in range(5):
                await found.get(found.make_transaction(db), b"k00")
                assert variable.get() == name
                async for _row in found.query(found.make_transaction(db), b"k", b"l"):
                    assert variable.get() == name

        await asyncio.gather(*(task(str(number)) for number in range(10)))
        assert variable.get() == "nothing"


@ADDRESSES
@on_every_loop
async def test_an_exception_of_a_callback_goes_to_the_handler_of_the_loop(address: str) -> None:
    async with await filled(address) as db:
        handled: list[dict[str, Any]] = []
        called: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: handled.append(context))

        def raises(_: Any) -> None:
            raise KeyError("out of a callback")

        gets = [found.get(found.make_transaction(db), b"k00") for _ in range(3)]
        for get in gets:
            get.add_done_callback(raises)
            get.add_done_callback(lambda _: called.append("next"))
        assert await asyncio.gather(*gets) == [b"v00"] * 3
        await until(lambda: len(called) == 3 and len(handled) == 3)
        for context in handled:
            assert isinstance(context["exception"], KeyError)
            assert "callback" in context["message"]
        await still_works(db)


@on_every_loop
async def test_a_cancelled_error_out_of_a_callback_does_not_hold_up_other_completions() -> None:
    # It is no Exception: asyncio hands it to the handler all the same.
    async with await filled(LATE) as db:
        handled: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: handled.append(context.get("exception"))
        )

        def raises(_: Any) -> None:
            raise asyncio.CancelledError

        completions = Completions()
        gets = [armed_get(db) for _ in range(10)]
        for get in gets:
            get.add_done_callback(raises)
        spin_until(lambda: completions.arrived == len(gets))
        assert await asyncio.gather(*gets) == [b"v00"] * 10
        await until(lambda: len(handled) == 10)
        assert all(isinstance(error, asyncio.CancelledError) for error in handled)


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", KINDS)
def test_what_ends_the_program_ends_the_loop_and_later_completions_still_land(
    kind: str, fatal: type[BaseException]
) -> None:
    with event_loop(kind) as loop:
        db = loop.run_until_complete(filled(LATE))
        called: list[int] = []
        gets: list[Any] = []

        def raises(_: Any) -> None:
            called.append(1)
            raise fatal("out of a callback")

        async def main() -> None:
            completions = Completions()
            gets.extend(armed_get(db) for _ in range(5))
            for get in gets:
                get.add_done_callback(raises)
            # All have arrived before the first lands.
            spin_until(lambda: completions.arrived == len(gets))
            await asyncio.gather(*gets)

        task = loop.create_task(main())
        ended = 0
        while not task.done():
            try:
                loop.run_until_complete(task)
            except fatal:
                ended += 1
            assert ended <= 5
        # uvloop raises one of those that came in the same turn.
        assert 0 < ended <= len(called) == 5
        assert task.result() is None
        assert [get.result() for get in gets] == [b"v00"] * 5
        loop.run_until_complete(still_works(db))


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", KINDS)
def test_what_ends_the_program_loses_no_callback_of_what_was_done_already(
    kind: str, fatal: type[BaseException]
) -> None:
    with event_loop(kind) as loop:
        db = loop.run_until_complete(filled(READY))
        called: list[int] = []

        def raises(number: int) -> None:
            called.append(number)
            raise fatal("out of a callback")

        async def main() -> None:
            tx = found.make_transaction(db)
            for number in range(5):
                get = found.get(tx, b"k00")
                assert get.done()
                get.add_done_callback(lambda _, number=number: raises(number))
            await until(lambda: len(called) == 5)

        task = loop.create_task(main())
        ended = 0
        while not task.done():
            try:
                loop.run_until_complete(task)
            except fatal:
                ended += 1
            assert ended <= 5
        assert ended > 0
        assert called == list(range(5))
        # uvloop may keep a stop of the run that ended, from callbacks of its own futures just as well.
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.run_until_complete(still_works(db))


@on_every_loop
async def test_callbacks_of_what_is_done_come_at_one_turn_and_those_they_add_at_the_next() -> None:
    async with await filled(READY) as db:
        tx = found.make_transaction(db)
        gets = [found.get(tx, b"k00") for _ in range(100)]
        turn = 0
        called: list[int] = []

        def callback(get: Any) -> None:
            called.append(turn)
            if len(called) <= len(gets):
                get.add_done_callback(callback)

        for get in gets:
            assert get.done()
            get.add_done_callback(callback)
        while turn < 3:
            await asyncio.sleep(0)
            turn += 1
        assert called == [0] * 100 + [1] * 100


@ADDRESSES
@on_every_loop
async def test_a_callback_may_cancel_start_and_await_other_operations(address: str) -> None:
    async with await filled(address) as db:
        loop = asyncio.get_running_loop()
        tx = found.make_transaction(db)
        watch = found.watch(tx, b"watched")
        watch.add_done_callback(lambda _: None)
        await found.commit(tx)
        tasks: list[asyncio.Task[Any]] = []

        async def more() -> Any:
            return await found.get(found.make_transaction(db), b"k01")

        def callback(op: Any) -> None:
            assert watch.cancel() is True
            assert op.cancel() is False
            op.add_done_callback(lambda _: tasks.append(loop.create_task(more())))

        get = found.get(found.make_transaction(db), b"k00")
        get.add_done_callback(callback)
        assert await get == b"v00"
        await until(lambda: tasks)
        assert await tasks[0] == b"v01"
        with pytest.raises(asyncio.CancelledError):
            await watch


@on_every_loop
async def test_a_callback_may_close_the_database() -> None:
    db = await filled(LATE)
    closing: list[Any] = []
    gets = [armed_get(db) for _ in range(3)]
    gets[0].add_done_callback(lambda _: closing.append(asyncio.ensure_future(found.close(db))))
    results = await asyncio.gather(*gets, return_exceptions=True)
    await closing[0]
    assert results[0] == b"v00"
    # Those that had not arrived were ended by the close.
    assert all(
        result == b"v00" or isinstance(result, found.FoundException) for result in results[1:]
    )
    with pytest.raises(RuntimeError, match="closed"):
        found.make_transaction(db)


def test_a_callback_added_with_no_loop_is_called_by_the_current_one() -> None:
    db = run(filled(READY))
    with event_loop("asyncio") as loop:
        called: list[Any] = []
        get = found.get(found.make_transaction(db), b"k00")
        get.add_done_callback(called.append)
        loop.run_until_complete(asyncio.sleep(0))
        assert called == [get]


def test_an_operation_started_in_a_thread_without_a_loop_is_awaited_in_any() -> None:
    async def main() -> None:
        async with await filled(LATE) as db:
            loop = asyncio.get_running_loop()

            def start_elsewhere() -> Any:
                # No loop runs in this thread: the first that asks is the operation's.
                return found.get(found.make_transaction(db), b"k00")

            get = await loop.run_in_executor(None, start_elsewhere)
            assert await get == b"v00"
            assert (
                await asyncio.wrap_future(
                    asyncio.run_coroutine_threadsafe(
                        found.all(found.query(found.make_transaction(db), b"k", b"l")),  # type: ignore[arg-type]
                        loop,
                    )
                )
                == ROWS
            )

    run_on("asyncio", main())
