"""The event loops that asynchronous tests run on: asyncio's, in debug mode, uvloop, and one without descriptors."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Callable, TypeVar

import pytest

from found import _found

try:
    import uvloop
except ImportError:
    uvloop = None

T = TypeVar("T")

# Long enough for any machine, short enough that a hang is noticed.
DEADLINE = 20.0


class LoopWithoutReaders(asyncio.SelectorEventLoop):
    """As Windows' default loop: it watches no descriptors, so a thread has to wake it."""

    def add_reader(self, fd: Any, callback: Any, *args: Any) -> None:
        raise NotImplementedError

    def remove_reader(self, fd: Any) -> bool:
        raise NotImplementedError


def _debugging() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


def _uvloop() -> asyncio.AbstractEventLoop:
    if uvloop is None:
        pytest.skip("uvloop is not installed")
    return uvloop.new_event_loop()


KINDS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "debug": _debugging,
    "uvloop": _uvloop,
    "without_readers": LoopWithoutReaders,
}


@contextmanager
def event_loop(kind: str) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop of this kind, the current one of the thread, closed at the end as `asyncio.run` does."""
    loop = KINDS[kind]()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        try:
            left = asyncio.all_tasks(loop)
            for task in left:
                task.cancel()
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def run_on(kind: str, main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, on a loop of this kind."""
    with event_loop(kind) as loop:
        return loop.run_until_complete(main)


class Turns:
    """Counts the turns of the running loop."""

    def __init__(self) -> None:
        self.count = 0
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self.count += 1
        self._handle = self._loop.call_soon(self._turn)

    def stop(self) -> None:
        self._handle.cancel()


async def until(condition: Callable[[], Any], what: str = "the condition") -> None:
    """Let the loop turn until the condition holds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE} s"
        await asyncio.sleep(0)


def spin_until(condition: Callable[[], Any], what: str = "the condition") -> None:
    """Wait for the condition without letting the event loop of this thread turn."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true in {DEADLINE} s"


def on_every_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an `async def` test on each kind of loop in turn."""

    @functools.wraps(test)
    def on_loop(kind: str, **fixtures: Any) -> None:
        run_on(kind, test(**fixtures))

    signature = inspect.signature(test)
    kind = inspect.Parameter("kind", inspect.Parameter.KEYWORD_ONLY)
    on_loop.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), kind]
    )
    return pytest.mark.parametrize("kind", KINDS)(on_loop)


class Completions:
    """Counts wake-ups of loops and completions that arrive from now on."""

    def __init__(self) -> None:
        # Loops that are gone do not count: none may go while somebody counts.
        gc.collect()
        self._before = _found._completion_counts()

    @property
    def wake_ups(self) -> int:
        return _found._completion_counts()[0] - self._before[0]

    @property
    def arrived(self) -> int:
        return _found._completion_counts()[1] - self._before[1]
