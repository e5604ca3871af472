"""Nothing stays behind: references, cycles, instances of every class, and the memory of the process."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import sysconfig
import weakref
from collections.abc import Iterator
from typing import Any, Callable

import pytest
from loops import Completions, event_loop, on_every_loop, spin_until, until
from operations import CASES, LATE, READY, Case, armed_get, filled
from processes import output_of
from support import run

import found
from found import _found

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython",
    reason="counts references and memory blocks as CPython has them",
)

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
ADDRESSES = pytest.mark.parametrize("address", [READY, LATE], ids=["ready", "late"])
CLASSES = [
    found.Database,
    found.Transaction,
    found.Operation,
    found.Future,
    found.Query,
    found.KeySelector,
    _found._Rows,
]


def collect() -> None:
    """Have everything go that nobody refers to."""
    # A thread that drops a reference without the GIL leaves it to the next call into the module.
    found.pack(())
    gc.collect()
    if FREE_THREADED:
        # What a collection lets go there, another thread may be reading: the next one frees the memory.
        gc.collect()


def no_more_than(before: dict[str, int]) -> bool:
    return all(count <= before[name] for name, count in live().items())


def live() -> dict[str, int]:
    """How many instances of each class there are."""
    collect()
    counts = dict.fromkeys((cls.__name__ for cls in CLASSES), 0)
    for each in gc.get_objects():
        if type(each) in CLASSES:
            counts[type(each).__name__] += 1
    return counts


@pytest.fixture(autouse=True, scope="module")
def _only_new_objects() -> Iterator[None]:
    """What was there before is none of the collector's business: it is asked often here."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Marker:
    """Something to see the end of."""


def marked() -> tuple[Marker, Callable[[], bool]]:
    """A marker, and whether it is gone after a collection.

    Ask until it is: the loop's handle of the last step holds what it stepped with for a turn.
    """
    marker = Marker()
    reference = weakref.ref(marker)

    def gone() -> bool:
        collect()
        return reference() is None

    return marker, gone


async def _waited_for(started: Any) -> None:
    await started


async def _dropped(started: Any) -> None:
    if asyncio.iscoroutine(started) and not isinstance(started, found.Future):
        started.close()


async def _cancelled(started: Any) -> None:
    task = asyncio.ensure_future(started)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _called_back(started: Any) -> None:
    future = asyncio.ensure_future(started)
    future.add_done_callback(lambda done, future=future: done is future)
    await future


async def _shielded(started: Any) -> None:
    shield = asyncio.shield(started)
    await asyncio.sleep(0)
    shield.cancel()
    await asyncio.gather(shield, return_exceptions=True)


ENDS = [_waited_for, _dropped, _cancelled, _called_back, _shielded]


@ADDRESSES
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_operation_leaves_nothing_behind(case: Case, end: Any, address: str) -> None:
    times = 50

    async def some(db: found.Database) -> None:
        for _ in range(times):
            keep: list[Any] = []
            await end(case.start(db, keep))
            # What is under way beside it ends as well.
            await asyncio.gather(*keep, return_exceptions=True)
            await asyncio.sleep(0)

    async def main() -> None:
        async with await filled(address) as db:
            await some(db)
            await _settled()
            before = live()
            # A leak shows each time. What is late, or kept for use, does not.
            for last in [False, False, False, False, True]:
                blocks = sys.getallocatedblocks()
                await some(db)
                await until(lambda: no_more_than(before), f"no more than {before}")
                # A block for each would be the smallest leak.
                grown = sys.getallocatedblocks() - blocks
                if grown < times // 2:
                    break
                assert not last, f"{grown} blocks more after {times}"

    run(main())


async def _settled() -> None:
    """Until what was given up has ended: a cancelled operation is held until its completion lands."""
    before = live()
    for _ in range(50):
        await asyncio.sleep(0.002)
        now = live()
        if now == before:
            return
        before = now


@ADDRESSES
@on_every_loop
async def test_an_operation_is_gone_with_its_last_reference_in_every_state(address: str) -> None:
    async with await filled(address) as db:
        tx = found.make_transaction(db)
        watched = found.make_transaction(db)
        watch = found.watch(watched, b"watched")
        await found.commit(watched)

        def pending() -> Any:
            return found.get_versionstamp(found.make_transaction(db))

        def cancelled() -> Any:
            operation = pending()
            operation.cancel()
            return operation

        done = found.get(tx, b"k00")
        failed = found.get(tx, b"\xff\x01")
        states: dict[str, Any] = {
            "set": found.set(tx, b"written", b""),
            "done": done,
            "failed": failed,
            "pending": pending(),
            "watch": watch,
            "cancelled": cancelled(),
        }
        await until(lambda done=done, failed=failed: done.done() and failed.done())
        del done, failed, watch
        gc.disable()
        try:
            for name in list(states):
                reference = weakref.ref(states.pop(name))
                assert reference() is None, f"{name} needs the collector, or leaks"
        finally:
            gc.enable()


@on_every_loop
async def test_an_operation_in_flight_is_gone_once_it_has_landed() -> None:
    async with await filled(LATE) as db:
        completions = Completions()
        references = [weakref.ref(armed_get(db)) for _ in range(20)]
        # Its callbacks are still to be called, so nobody else needs to hold it.
        assert all(reference() is not None for reference in references)
        spin_until(lambda: completions.arrived == 20)
        await until(lambda: all(reference() is None for reference in references))


@on_every_loop
async def test_an_operation_cancelled_in_flight_is_gone_at_once() -> None:
    async with await filled(LATE) as db:
        get = armed_get(db)
        get.cancel()
        reference = weakref.ref(get)
        del get
        await asyncio.sleep(0)
        assert reference() is None


@ADDRESSES
@on_every_loop
async def test_cycles_through_callbacks_are_collected(address: str) -> None:
    async with await filled(address) as db:
        marker, gone = marked()
        get = found.get(found.make_transaction(db), b"k00")
        get.add_done_callback(lambda done, get=get, marker=marker: None)
        await get
        await asyncio.sleep(0)
        del get, marker
        assert gone()


@on_every_loop
async def test_cycles_of_a_watch_that_never_fires_are_collected_once_it_is_cancelled() -> None:
    async with await filled(READY) as db:
        marker, gone = marked()
        tx = found.make_transaction(db)
        watch = found.watch(tx, b"watched")
        watch.add_done_callback(lambda done, watch=watch, marker=marker: None)
        await found.commit(tx)
        watch.cancel()
        del watch, marker, tx
        await until(gone)


@ADDRESSES
@on_every_loop
async def test_cycles_through_results_and_errors_are_collected(address: str) -> None:
    async with await filled(address) as db:
        marker, gone = marked()
        rows: Any = found.all(found.query(found.make_transaction(db), b"k", b"l"))
        (await rows).extend([rows, marker])
        failed: Any = found.get(found.make_transaction(db), b"\xff\x01")
        try:
            await failed
        except found.FoundException as error:
            # The traceback leads to this frame, and this frame to the operation.
            error.marker = marker  # type: ignore[attr-defined]
            error.operation = failed  # type: ignore[attr-defined]
        del rows, failed, marker
        await until(gone)


@ADDRESSES
@on_every_loop
async def test_cycles_through_the_variables_of_a_transaction_are_collected(address: str) -> None:
    async with await filled(address) as db:
        marker, gone = marked()
        tx = found.make_transaction(db)
        tx.vars["marker"] = marker
        tx.vars["self"] = tx
        tx.vars["pending"] = found.get_versionstamp(tx)
        tx.vars["fresh"] = found.query(tx, b"k", b"l")
        query = found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL)
        await query.__anext__()
        tx.vars["in the middle"] = query
        tx.vars["next"] = query.__anext__()
        tx.vars["all"] = found.all(found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL))
        reference = weakref.ref(tx)
        del tx, query, marker
        await until(gone)
        assert reference() is None


@on_every_loop
async def test_cycles_through_the_hooks_of_a_database_are_collected() -> None:
    marker, gone = marked()
    db = await found.open(LATE)

    async def hook(tx: found.Transaction, db: Any = db, marker: Any = marker) -> None:
        tx.vars["db"] = db

    db.hooks.on_begin.append(hook)
    tx = found.make_transaction(db)
    tx.vars["db"] = db
    reference = weakref.ref(db)
    del db, tx, hook, marker
    await until(gone)
    assert reference() is None


@ADDRESSES
@on_every_loop
async def test_a_query_left_in_the_middle_is_gone_with_its_last_reference(address: str) -> None:
    async with await filled(address) as db:
        await _settled()
        before = live()
        for _ in range(20):
            query = found.query(
                found.make_transaction(db), b"k", b"l", mode=found.STREAMING_MODE_SMALL
            )
            async for _row in query:
                break
            waiting: Any = query.__anext__()
            del query, waiting
        await until(lambda: no_more_than(before))


@ADDRESSES
def test_what_operations_are_given_is_given_back(address: str) -> None:
    db = run(filled(address))
    tx = found.make_transaction(db)
    key, value = b"a key of its own", b"a value of its own"
    context = contextvars.copy_context()

    def callback(_: object) -> None:
        pass

    def references() -> dict[str, int]:
        collect()
        return {
            "db": sys.getrefcount(db),
            "tx": sys.getrefcount(tx),
            "key": sys.getrefcount(key),
            "value": sys.getrefcount(value),
            "callback": sys.getrefcount(callback),
            "context": sys.getrefcount(context),
        }

    def selectors() -> None:
        for make in [found.lt, found.lte, found.gt, found.gte]:
            selector = make(key)
            assert selector + 1 - 1 == selector
            assert selector.key == key
            hash(selector), repr(selector)

    async def use() -> None:
        for _ in range(20):
            selectors()
            await found.set(tx, key, value)
            await found.get(tx, key)
            await found.get_key(tx, found.gt(key))
            await found.clear(tx, key)
            found.add(tx, key, value)
            await found.all(found.query(tx, key, found.gt(key)))
            async for _row in found.query(tx, found.lte(key), found.gt(key)):
                break
            await found.get_approximate_size(tx)
            with pytest.raises(TypeError):
                found.set(tx, key, None)  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                found.get(key, key)  # type: ignore[arg-type]
            get = found.get(found.make_transaction(db), key)
            get.add_done_callback(callback, context=context)
            get.add_done_callback(callback)
            get.remove_done_callback(callback)
            get.add_done_callback(callback, context=context)
            await get
            await asyncio.sleep(0)
            watch = found.watch(tx, key)
            watch.add_done_callback(callback, context=context)
            watch.cancel()
            found.reset(tx)
        await _settled()

    run(use())
    before = references()
    run(use())
    spin_until(lambda: references() == before)


@pytest.mark.parametrize("kind", ["asyncio", "uvloop", "without_readers"])
def test_a_loop_leaves_no_reference_to_itself(kind: str) -> None:
    db = run(filled(LATE))
    marker, gone = marked()

    async def main(marker: Marker) -> None:
        loop = asyncio.get_running_loop()
        loop.marker = marker  # type: ignore[attr-defined]
        assert await asyncio.gather(*(armed_get(db) for _ in range(5))) == [b"v00"] * 5

    with event_loop(kind) as loop:
        loop.run_until_complete(main(marker))
    del loop, marker
    spin_until(gone)


@on_every_loop
async def test_watches_cancelled_by_the_thousand_leave_nothing_behind() -> None:
    async with await filled(READY) as db:

        async def cancel_some(count: int) -> None:
            tx = found.make_transaction(db)
            watches = [found.watch(tx, b"%d" % (number % 100)) for number in range(count)]
            await found.commit(tx)
            for watch in watches[::2]:
                watch.add_done_callback(lambda _: None)
            for watch in watches:
                assert watch.cancel()
            del watches
            await _settled()

        await cancel_some(4000)
        before, blocks = live(), sys.getallocatedblocks()
        for _ in range(5):
            # Were any of them still counted, the limit of 10,000 would be reached.
            await cancel_some(4000)
        await until(lambda: no_more_than(before))
        # A block for each would be 20,000. A database forgets watches that are gone as their number doubles.
        assert sys.getallocatedblocks() - blocks < 10_000


def test_transactions_that_fail_leave_nothing_behind() -> None:
    async def fail(tx: found.Transaction) -> None:
        tx.vars["self"] = tx
        await found.get(tx, b"\xff\x01")

    async def retried(tx: found.Transaction) -> None:
        if tx.vars.setdefault("tries", len(gets)) is not None and len(gets) % 2:
            gets.append(0)
            raise found.FoundException(1007)
        gets.append(0)

    gets: list[int] = [0]

    async def some(db: found.Database) -> None:
        for _ in range(50):
            with pytest.raises(found.FoundException):
                await found.transactional(db, fail)
        await found.transactional(db, retried)

    async def main() -> None:
        async with await filled(READY) as db:
            await some(db)
            before, blocks = live(), sys.getallocatedblocks()
            for _ in range(3):
                await some(db)
            assert live() == before
            assert sys.getallocatedblocks() - blocks < 100

    run(main())


# The memory of the process, which is what a leak in Rust takes. Each program lets itself warm up, then does the same
# many times more, in three rounds. What one of them grows by is less than the smallest allocation each time: a leak
# shows in all of them, what is late in some.

MEASURE = """\
import asyncio, gc, os
import found

PAGE = os.sysconf("SC_PAGE_SIZE")

def resident():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * PAGE

async def measure(some, warm, times):
    for _ in range(warm):
        await some()
    grown = []
    for _ in range(3):
        before = resident()
        for _ in range(times):
            await some()
        grown.append(resident() - before)
    print(min(grown) // 1024)
"""

# Asyncio's debug mode is for the other tests: these do a hundred thousand things.
_QUICK = {"PYTHONASYNCIODEBUG": ""}

needs_statm = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/statm")


@needs_statm
@pytest.mark.parametrize(
    "some",
    [
        pytest.param(
            "async def work(tx):\n"
            "            await found.get(tx, b'k')\n"
            "            await found.get_key(tx, found.gt(b'k'))\n"
            "        for _ in range(1000):\n"
            "            await found.transactional(db, work)",
            id="read",
        ),
        pytest.param(
            "for _ in range(1000):\n"
            "            tx = found.make_transaction(db)\n"
            "            found.set(tx, b'k', b'v' * 100)\n"
            "            found.clear(tx, b'x', b'y')\n"
            "            found.add(tx, b'k', b'1')\n"
            "            found.get_versionstamp(tx)\n"
            "            found.add_conflict_range(tx, b'a', b'b', found.CONFLICT_RANGE_TYPE_READ)",
            id="dropped",
        ),
        pytest.param(
            "for _ in range(1000):\n"
            "            tx = found.make_transaction(db)\n"
            "            await found.all(found.query(tx, b'k', b'l'))\n"
            "            async for _row in found.query(tx, b'k', b'l', mode=found.STREAMING_MODE_SMALL):\n"
            "                break",
            id="query",
        ),
        pytest.param(
            "tx = found.make_transaction(db)\n"
            "        watches = [found.watch(tx, b'k%d' % n) for n in range(1000)]\n"
            "        await found.commit(tx)\n"
            "        for watch in watches[::2]:\n"
            "            watch.add_done_callback(print)\n"
            "            watch.remove_done_callback(print)\n"
            "        for watch in watches:\n"
            "            watch.cancel()\n"
            "        await asyncio.sleep(0)",
            id="watch",
        ),
        pytest.param(
            "for _ in range(10):\n"
            "            gets = [found.get(found.make_transaction(late), b'k') for _ in range(100)]\n"
            "            for get in gets[::3]:\n"
            "                get.add_done_callback(lambda _: None)\n"
            "                get.cancel()\n"
            "            await asyncio.gather(*gets, return_exceptions=True)",
            id="late",
        ),
    ],
)
def test_a_hundred_thousand_transactions_do_not_grow_the_process(some: str) -> None:
    grown = int(
        output_of(
            f"""
{MEASURE}
async def main():
    db, late = await found.open("memory:"), await found.open("memory:?latency=1")

    async def fill(tx):
        for number in range(100):
            found.set(tx, b"k%02d" % number, b"v" * 10)

    await found.transactional(db, fill)
    await found.transactional(late, fill)

    async def some():
        {some}

    await measure(some, 20, 35)

asyncio.run(main())
""",
            environment=_QUICK,
        )
    )
    assert grown < 768, f"{grown} KiB more after 35,000"


@needs_statm
def test_loops_one_after_another_do_not_grow_the_process() -> None:
    grown = int(
        output_of(
            f"""
{MEASURE}
db = asyncio.run(found.open("memory:?latency=1"))

async def get():
    tx = found.make_transaction(db)
    watch = found.watch(tx, b"never")
    waiting = asyncio.ensure_future(watch)
    assert await found.get(tx, b"k") is None

async def main():
    def loops():
        for _ in range(20):
            asyncio.run(get())
    async def some():
        await asyncio.to_thread(loops) if hasattr(asyncio, "to_thread") else loops()
    await measure(some, 10, 20)

asyncio.run(main())
""",
            environment=_QUICK,
        )
    )
    assert grown < 768, f"{grown} KiB more after 400 loops"
