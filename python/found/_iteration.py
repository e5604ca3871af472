"""Small tools for asynchronous iterators."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    _P = ParamSpec("_P")

T = TypeVar("T")


def all(aiogenerator: AsyncIterable[T]) -> Awaitable[list[T]]:
    """Collect the items of an asynchronous iterator into a list.

    A `found.query` is read in as few batches as there can be, and turned into Python in one go each: this is
    the fastest way to read a range.

    Args:
        aiogenerator: an asynchronous iterator or iterable.

    Returns:
        The list, when awaited.

    Raises:
        TypeError: `aiogenerator` is no asynchronous iterable.
        RuntimeError: it is a query that was read already.
    """
    # A query, or what a store has found: both come in batches.
    collect = getattr(aiogenerator, "_all", None)
    if collect is not None:
        return cast("Awaitable[list[T]]", collect())
    if not hasattr(aiogenerator, "__aiter__"):
        kind = type(aiogenerator).__name__
        raise TypeError(f"aiogenerator must be an asynchronous iterable, not {kind}")
    return _collect(aiogenerator)


async def _collect(items: AsyncIterable[T]) -> list[T]:
    return [item async for item in items]


def limit(iterator: AsyncIterable[T], length: int) -> AsyncGenerator[T, None]:
    """Yield at most `length` items of `iterator`, then close it.

    No item past the last one wanted is asked for. The iterator is closed at the end, after an error, and when
    this one is closed.

    Args:
        iterator: an asynchronous iterator or iterable.
        length: a number of items, 0 or more.

    Raises:
        TypeError: `iterator` is no asynchronous iterable, or `length` no integer.
        ValueError: `length` is negative.
    """
    if isinstance(length, bool) or not isinstance(length, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"length must be an integer, not {type(length).__name__}")
    if length < 0:
        raise ValueError(f"length must be 0 or more, not {length}")
    if not hasattr(iterator, "__aiter__"):
        kind = type(iterator).__name__
        raise TypeError(f"iterator must be an asynchronous iterable, not {kind}")
    return _limited(iterator, length)


async def _limited(iterable: AsyncIterable[T], length: int) -> AsyncGenerator[T, None]:
    iterator = iterable.__aiter__()
    try:
        while length > 0:
            try:
                item = await iterator.__anext__()
            except StopAsyncIteration:
                return
            length -= 1
            yield item
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


def co(func: Callable[_P, T]) -> Callable[_P, Coroutine[Any, Any, T]]:
    """Make a coroutine function of a plain one, so that its result can be awaited.

    It runs in the event loop's thread, as any coroutine does: it is no way around a blocking call.

    Args:
        func: a plain function.

    Returns:
        A coroutine function that takes what `func` takes, and gives what `func` returns.
    """

    @functools.wraps(func)
    async def coroutine(*args: _P.args, **kwargs: _P.kwargs) -> T:
        return func(*args, **kwargs)

    return coroutine


def next_prefix(key: bytes) -> bytes:
    """Return the first key that is past every key that begins with `key`.

    Args:
        key: a prefix.

    Raises:
        TypeError: `key` is not bytes.
        ValueError: `key` is empty or made of 0xFF bytes alone, so that no key is past it.

    Rule: flow/Arena.h and fdbclient/FDBTypes.h, strinc.
    """
    if not isinstance(key, bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"key must be bytes, not {type(key).__name__}")
    stripped = key.rstrip(b"\xff")
    if not stripped:
        raise ValueError("key must have a byte other than 0xFF")
    return stripped[:-1] + bytes([stripped[-1] + 1])
