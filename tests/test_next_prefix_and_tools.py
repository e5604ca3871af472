"""The small tools: next_prefix, co, all and limit."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import pytest

import found

# ---- next_prefix


@pytest.mark.parametrize(
    ("key", "following"),
    [
        (b"a", b"b"),
        (b"ab", b"ac"),
        (b"\x00", b"\x01"),
        (b"a\x00", b"a\x01"),
        (b"a\xff", b"b"),
        (b"a\xff\xff", b"b"),
        (b"a\xffb", b"a\xffc"),
        (b"\xfe", b"\xff"),
        (b"\xff\x00", b"\xff\x01"),
        (b"\xff\xfe\xff", b"\xff\xff"),
    ],
)
def test_the_next_prefix_is_past_all_that_begins_so_and_before_all_else(
    key: bytes, following: bytes
) -> None:
    assert found.next_prefix(key) == following
    assert key < key + b"\xff" * 20 < following


@pytest.mark.parametrize("key", [b"", b"\xff", b"\xff\xff\xff"])
def test_what_nothing_is_past_has_no_next_prefix(key: bytes) -> None:
    with pytest.raises(ValueError, match="0xFF"):
        found.next_prefix(key)


@pytest.mark.parametrize("key", ["a", None, 1, bytearray(b"a"), memoryview(b"a"), (b"a",)])
def test_the_next_prefix_of_what_is_not_bytes_is_refused(key: Any) -> None:
    kind = type(key).__name__
    with pytest.raises(TypeError, match=f"^key must be bytes, not {kind}$"):
        found.next_prefix(key)


# ---- co


async def test_co_makes_a_coroutine_function_of_a_plain_one() -> None:
    @found.co
    def add(one: int, *, two: int = 2) -> int:
        """Add."""
        return one + two

    assert inspect.iscoroutinefunction(add)
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert await add(1) == 3
    assert await add(1, two=5) == 6


async def test_co_passes_an_exception_on_when_it_is_awaited() -> None:
    @found.co
    def fail() -> None:
        raise LookupError("mine")

    failing = fail()
    with pytest.raises(LookupError, match="mine"):
        await failing


async def test_co_runs_at_the_await() -> None:
    ran = []
    waiting = found.co(lambda: ran.append(True))()
    assert ran == []
    await waiting
    assert ran == [True]


async def test_a_plain_function_can_be_run_as_a_transaction(memory: found.Database) -> None:
    @found.co
    def put(tx: found.Transaction, key: bytes) -> None:
        found.set(tx, key, b"v")

    await found.transactional(memory, put, b"k")
    assert await found.get(found.make_transaction(memory), b"k") == b"v"


# ---- all and limit


class Source:
    """An asynchronous iterator that keeps count of what is asked of it."""

    def __init__(self, length: int, fails_at: int = -1) -> None:
        self.asked = 0
        self.closed = 0
        self._length = length
        self._fails_at = fails_at

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.asked - 1 == self._fails_at:
            raise LookupError("in the source")
        if self.asked > self._length:
            raise StopAsyncIteration
        return self.asked - 1

    async def aclose(self) -> None:
        self.closed += 1


async def numbers(length: int) -> AsyncIterator[int]:
    for number in range(length):
        await asyncio.sleep(0)
        yield number


async def test_all_collects_any_asynchronous_iterable() -> None:
    assert await found.all(numbers(5)) == [0, 1, 2, 3, 4]
    assert await found.all(numbers(0)) == []
    assert await found.all(Source(3)) == [0, 1, 2]
    assert await found.all(doubled async for doubled in numbers(3)) == [0, 1, 2]


async def test_all_passes_an_error_of_the_source_on() -> None:
    with pytest.raises(LookupError, match="in the source"):
        await found.all(Source(3, fails_at=1))


@pytest.mark.parametrize("value", [None, 3, [1, 2], iter(()), "ab"])
def test_what_cannot_be_iterated_asynchronously_is_refused(value: Any) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=f"^aiogenerator must be .*, not {kind}$"):
        found.all(value)
    with pytest.raises(TypeError, match=f"^iterator must be .*, not {kind}$"):
        found.limit(value, 1)


@pytest.mark.parametrize("length", [0, 1, 3, 5, 6, 100])
async def test_limit_gives_no_more_than_its_length(length: int) -> None:
    expected = list(range(5))[:length]
    assert await found.all(found.limit(numbers(5), length)) == expected
    assert [item async for item in found.limit(numbers(5), length)] == expected


@pytest.mark.parametrize("length", [0, 1, 3])
async def test_limit_asks_for_no_item_past_the_last_and_closes(length: int) -> None:
    source = Source(5)
    assert len(await found.all(found.limit(source, length))) == length
    assert source.asked == length
    assert source.closed == 1


async def test_limit_closes_a_source_that_ends_early() -> None:
    source = Source(2)
    assert await found.all(found.limit(source, 10)) == [0, 1]
    assert source.closed == 1


async def test_limit_closes_a_source_that_fails() -> None:
    source = Source(5, fails_at=1)
    with pytest.raises(LookupError, match="in the source"):
        await found.all(found.limit(source, 3))
    assert source.closed == 1


async def test_limit_closes_its_source_when_it_is_closed_itself() -> None:
    source = Source(5)
    limited = found.limit(source, 3)
    async for _ in limited:
        break
    await limited.aclose()
    assert source.closed == 1
    assert source.asked == 1


async def test_limit_runs_the_end_of_a_generator_it_cuts_short() -> None:
    ended = []

    async def generator() -> AsyncIterator[int]:
        try:
            for number in range(10):
                yield number
        finally:
            ended.append(True)

    assert await found.all(found.limit(generator(), 2)) == [0, 1]
    assert ended == [True]


@pytest.mark.parametrize("length", [-1, -(10**20)])
async def test_a_negative_length_is_refused_at_the_call(length: int) -> None:
    source = Source(5)
    with pytest.raises(ValueError, match=f"^length must be 0 or more, not {length}$"):
        found.limit(source, length)
    assert source.asked == 0


@pytest.mark.parametrize("length", ["1", 1.0, None, True])
async def test_a_length_that_is_no_number_of_items_is_refused_at_the_call(length: Any) -> None:
    kind = type(length).__name__
    with pytest.raises(TypeError, match=f"^length must be an integer, not {kind}$"):
        found.limit(Source(5), length)


async def test_limit_of_a_query_that_the_limit_spares(memory: found.Database) -> None:
    async with found.transaction(memory) as tx:
        for number in range(10):
            found.set(tx, b"%d" % number, b"")
    tx = found.make_transaction(memory)
    rows = await found.all(found.limit(found.query(tx, b"", b"\xff"), 3))
    assert [key for key, _ in rows] == [b"0", b"1", b"2"]
    rows = await found.all(found.limit(await found.query(tx, b"", b"\xff"), 2))
    assert [key for key, _ in rows] == [b"0", b"1"]
