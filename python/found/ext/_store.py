"""What the stores share: prefixes, results that can be iterated and awaited, bounded pipelines, many transactions."""

from __future__ import annotations

import asyncio
import reprlib
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterable,
)
from typing import Any, Generic, Optional, TypeVar, Union, cast

import found

T = TypeVar("T")
U = TypeVar("U")

MAX_KEY = 10_000
"""Bytes a key may have (fdbclient/ClientKnobs.cpp, KEY_SIZE_LIMIT)."""
MAX_VALUE = 100_000
"""Bytes a value may have (fdbclient/ClientKnobs.cpp, VALUE_SIZE_LIMIT)."""

AT_ONCE = 64
"""Reads that one operation of a store has under way at most, unless it says otherwise."""

Rows = list[tuple[bytes, bytes]]
Progress = Callable[[int], object]
Source = Union[Iterable[T], AsyncIterable[T]]


class _Shown(reprlib.Repr):
    """Values for messages: cut where they are long, deep or large, so that even what no key holds can be told."""

    def __init__(self) -> None:
        super().__init__()
        self.maxtuple = self.maxlist = self.maxdict = 12
        self.maxstring = self.maxlong = self.maxother = 200

    def repr_int(self, x: int, level: int) -> str:
        # Python refuses to write out more than some thousand digits.
        return (
            super().repr_int(x, level)
            if x.bit_length() < 10_000
            else f"<int of {x.bit_length():,} bits>"
        )


shown = _Shown().repr


def check_name(name: object) -> str:
    """The name of a store, which is for people: a str.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, not {type(name).__name__}")
    return name


def check_prefix(prefix: object) -> tuple[Any, ...]:
    """The prefix of a store as a tuple.

    Raises:
        TypeError: it is neither a tuple nor a list, or has an element that cannot be packed.
        ValueError: an element cannot be packed for its value, as an incomplete versionstamp.
    """
    if not isinstance(prefix, (tuple, list)):
        raise TypeError(f"prefix must be a tuple or a list, not {type(prefix).__name__}")
    checked = tuple(cast("tuple[Any, ...]", prefix))
    found.pack(checked)
    return checked


def span(prefix: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """The range of the keys whose first elements are those of `prefix`: begin, and end excluded.

    After a whole element only a type code can follow, which is never 0xFF. The next prefix as an end would also take
    siblings in: a NUL inside a str or bytes is written 00 FF, so `"a\\0b"` begins with what `"a"` is packed to.
    """
    packed = found.pack(prefix)
    return packed, packed + b"\xff"


class Results(AsyncIterator[T], Generic[T]):
    """What a store finds, one by one: `async for one in results`, `await found.all(results)`.

    Awaiting it gives itself, so that `async for one in await store.query(...)` is the same. It is read once.
    """

    __slots__ = ("_generator",)

    def __init__(self, generator: AsyncGenerator[T, None]) -> None:
        self._generator = generator

    def __aiter__(self) -> AsyncIterator[T]:
        return self._generator

    def __anext__(self) -> Awaitable[T]:
        return self._generator.__anext__()

    def __await__(self) -> Generator[Any, None, Results[T]]:
        yield from ()
        return self

    def aclose(self) -> Coroutine[Any, Any, None]:
        """End the iteration: what is under way is cancelled, and there is nothing more."""
        return self._generator.aclose()


class PagedResults(Results[T]):
    """Results that come in pages: iterated one by one, or collected page by page by `found.all`.

    Args:
        run: makes the generator of pages, given the streaming mode of its range reads.
    """

    __slots__ = ("_run", "_started")

    def __init__(self, run: Callable[[int], AsyncGenerator[list[T], None]]) -> None:
        super().__init__(self._one_by_one())
        self._run = run
        self._started = False

    def pages(self, mode: int = found.STREAMING_MODE_ITERATOR) -> AsyncGenerator[list[T], None]:
        """The pages; instead of the iteration, not beside it.

        Raises:
            RuntimeError: it is being read, or was read, already.
        """
        if self._started:
            raise RuntimeError("these results are being read, or were read, already")
        self._started = True
        return self._run(mode)

    async def _one_by_one(self) -> AsyncGenerator[T, None]:
        pages = self.pages()
        try:
            async for page in pages:
                for item in page:
                    yield item
        finally:
            await pages.aclose()

    async def _all(self) -> list[T]:
        """What `found.all` does."""
        items: list[T] = []
        async for page in self.pages(found.STREAMING_MODE_WANT_ALL):
            items += page
        return items


async def each(source: Source[T]) -> AsyncGenerator[T, None]:
    """The items of an iterable, asynchronous or not; it is closed at the end."""
    if isinstance(source, AsyncIterable):
        iterator = source.__aiter__()
        try:
            async for item in iterator:
                yield item
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
    else:
        for item in source:
            yield item


async def pipelined(
    source: Source[T], start: Callable[[T], Awaitable[U]], *, at_once: int = AT_ONCE
) -> AsyncGenerator[tuple[T, U], None]:
    """Yield each item with what `start(item)` gives, in order; `at_once` of them are under way at most.

    `start` is called ahead and must begin the work at the call, as the reads of `found` do; a coroutine would begin
    only when its turn comes. What is under way when the generator is closed, or fails, is cancelled.
    """
    under_way: deque[tuple[T, Awaitable[U]]] = deque()
    items = each(source)
    try:
        async for item in items:
            under_way.append((item, start(item)))
            if len(under_way) >= at_once:
                first, answer = under_way.popleft()
                yield first, await answer
        while under_way:
            first, answer = under_way.popleft()
            yield first, await answer
    finally:
        for _, answer in under_way:
            cancel = getattr(answer, "cancel", None)
            if cancel is not None:
                cancel()
        await items.aclose()


async def in_transactions(
    db: found.Database,
    source: Source[T],
    write: Callable[[found.Transaction, T], object],
    size: Callable[[T], int],
    *,
    max_bytes: int = 1_000_000,
    at_once: int = 4,
    progress: Optional[Progress] = None,
) -> int:
    """Write many items in as many transactions as they need, several of them under way at once.

    A transaction that must be tried again writes the same items once more, so `write` must be idempotent. The
    transactions commit in any order; after an error, which ends it, those that were under way may be committed or not.

    Args:
        db: the database.
        source: the items, taken as they are needed.
        write: a plain function that writes one item.
        size: bytes that an item adds to its transaction.
        max_bytes: when a transaction has this much, the next one begins.
        at_once: transactions under way.
        progress: called with the number of items committed so far.

    Returns:
        The number of items.
    """
    done = 0
    under_way: set[asyncio.Task[int]] = set()

    async def commit(batch: list[T]) -> int:
        async def body(tx: found.Transaction) -> None:
            for item in batch:
                write(tx, item)

        await found.transactional(db, body)
        return len(batch)

    async def settle() -> None:
        nonlocal done, under_way
        finished, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        for error in [task.exception() for task in finished]:
            if error is not None:
                raise error
        done += sum(task.result() for task in finished)
        if progress is not None:
            progress(done)

    items = each(source)
    try:
        batch: list[T] = []
        weight = 0
        async for item in items:
            batch.append(item)
            weight += size(item)
            if weight >= max_bytes:
                if len(under_way) >= at_once:
                    await settle()
                under_way.add(asyncio.ensure_future(commit(batch)))
                batch, weight = [], 0
        if batch:
            under_way.add(asyncio.ensure_future(commit(batch)))
        while under_way:
            await settle()
    finally:
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.gather(*under_way, return_exceptions=True)
        await items.aclose()
    return done
