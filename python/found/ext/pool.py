"""Blocking and heavy work in threads, beside the event loop: `from found.ext import pool`."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterable, Callable, Iterable
from concurrent.futures import Executor
from concurrent.futures import Future as ExecutorFuture
from typing import Any, TypeVar, Union

from found.ext import _store

T = TypeVar("T")
U = TypeVar("U")

__all__ = ["pool_for_each_par_map"]

AHEAD = 32
"""As many items at once as a ThreadPoolExecutor has threads, at most, unless it was told how many."""


async def pool_for_each_par_map(
    loop: asyncio.AbstractEventLoop,
    pool: Executor,
    f: Callable[[U], Any],
    p: Callable[[T], U],
    iterator: Union[AsyncIterable[T], Iterable[T]],
    *,
    ahead: int = AHEAD,
) -> None:
    """Call `p` with each item of `iterator` in the threads of `pool`, and `f` with each result in the event loop.

    Results come in the order in which they are ready, whatever that of the items. `f` is called with one at a time, and
    awaited if it gives an awaitable.

    No more than `ahead` items are with the pool, or done and not yet through `f`; the next one is asked for when `f` is
    through with one. So a large range is read as fast as `p` and `f` go, and memory is bounded. If `ahead` is less than
    the pool's number of threads, some of them idle.

    The first error, of `iterator`, `p` or `f`, ends it: no item is taken any more, work that no thread has begun is
    cancelled, and what threads have begun is awaited, its results dropped; then the error is raised. The same if this
    is cancelled; if it is cancelled once more it does not wait for the threads. In any case an asynchronous iterator
    is closed. The pool goes on.

    Args:
        loop: the event loop that runs.
        pool: a `concurrent.futures.ThreadPoolExecutor`, or another executor.
        f: a function or coroutine function that takes a result.
        p: a function that takes an item; it runs in a thread, and must not use transactions of the event loop.
        iterator: the items: an asynchronous iterable, or another one.
        ahead: items with the pool at once, 1 or more.

    Raises:
        TypeError: `f` or `p` is not callable, `iterator` not iterable, `pool` no executor, `ahead` no int.
        ValueError: `ahead` is less than 1, or `loop` is not the event loop that runs.
    """
    if not isinstance(pool, Executor):
        raise TypeError(f"pool must be an executor, not {type(pool).__name__}")
    for name, function in (("f", f), ("p", p)):
        if not callable(function):
            raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    if not isinstance(iterator, (AsyncIterable, Iterable)):
        raise TypeError(f"iterator must be iterable, not {type(iterator).__name__}")
    if isinstance(ahead, bool) or not isinstance(ahead, int):
        raise TypeError(f"ahead must be an int, not {type(ahead).__name__}")
    if ahead < 1:
        raise ValueError(f"ahead must be 1 or more, not {ahead}")
    if loop is not asyncio.get_running_loop():
        raise ValueError("loop must be the event loop that runs")

    done: asyncio.Queue[Union[ExecutorFuture[U], asyncio.Task[None]]] = asyncio.Queue()
    under_way: set[ExecutorFuture[U]] = set()
    free = asyncio.Semaphore(ahead)

    def finished(work: ExecutorFuture[U]) -> None:
        # In the thread that did it. The loop is closed if nobody has waited for it.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(done.put_nowait, work)

    async def feed() -> None:
        items = _store.each(iterator)
        try:
            while True:
                await free.acquire()
                try:
                    item = await items.__anext__()
                except StopAsyncIteration:
                    return
                work = pool.submit(p, item)
                under_way.add(work)
                work.add_done_callback(finished)
        finally:
            await items.aclose()

    feeder = asyncio.ensure_future(feed())
    feeder.add_done_callback(done.put_nowait)
    feeding = True
    try:
        while feeding or under_way:
            one = await done.get()
            if isinstance(one, asyncio.Task):
                feeding = False
                one.result()
                continue
            under_way.remove(one)
            given = f(one.result())
            if inspect.isawaitable(given):
                await given
            free.release()
    finally:
        feeder.cancel()
        for work in tuple(under_way):
            work.cancel()
        await asyncio.wait([feeder])
        if not feeder.cancelled():
            # Asked for, so that asyncio does not complain of an error that nobody saw.
            feeder.exception()
        while under_way:
            one = await done.get()
            if not isinstance(one, asyncio.Task):
                under_way.remove(one)
