"""Mapped ranges: an index and what it points to, read at once.

The rules are those of fdbclient/ReadYourWrites.actor.cpp, getMappedRange, and of fdbserver/storageserver.actor.cpp,
mapKeyValues; rust/embedded/tests/mapped_ranges.rs has more of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import CLUSTER_FILE
from support import Space, fails_with, run

import found

COUNT = 30


def name(space: Space, *elements: Any) -> bytes:
    """A key that is a tuple, as mapped ranges want it: its first element is the prefix of the space."""
    return found.pack((space.prefix, *elements))


@pytest.fixture(autouse=True)
def cleared(space: Space) -> Iterator[None]:
    yield
    if CLUSTER_FILE:
        run(clear(space))


async def clear(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.clear(tx, *found.range((space.prefix,)))
    await found.commit(tx)


@pytest.fixture
def mapper(space: Space) -> bytes:
    return found.pack((space.prefix, "person", "{K[3]}", "{...}"))


async def fill(space: Space) -> None:
    async with found.transaction(space.db) as tx:
        for number in range(COUNT):
            found.set(tx, name(space, "by town", f"town {number % 3}", number), b"")
            found.set(tx, name(space, "person", number, "name"), b"name %d" % number)
            found.set(tx, name(space, "person", number, "mail"), b"mail %d" % number)


def person(space: Space, number: int) -> list[tuple[bytes, bytes]]:
    return [
        (name(space, "person", number, "mail"), b"mail %d" % number),
        (name(space, "person", number, "name"), b"name %d" % number),
    ]


def town(space: Space, number: int) -> tuple[bytes, bytes]:
    return found.range((space.prefix, "by town", f"town {number}"))


def rows_of_town(space: Space, number: int) -> list[tuple[bytes, bytes, Any]]:
    return [
        (name(space, "by town", f"town {number}", one), b"", person(space, one))
        for one in range(number, COUNT, 3)
    ]


async def test_each_row_brings_what_it_points_to(space: Space, mapper: bytes) -> None:
    await fill(space)
    tx = found.make_transaction(space.db)
    begin, past = town(space, 1)
    expected = rows_of_town(space, 1)
    assert await found.all(found.mapped_query(tx, begin, past, mapper)) == expected
    assert [row async for row in found.mapped_query(tx, begin, past, mapper)] == expected
    reverse = found.mapped_query(tx, begin, past, mapper, reverse=True)
    assert await found.all(reverse) == expected[::-1]
    with pytest.raises(TypeError, match="mapped"):
        found.mapped_query(tx, begin, past, mapper)._packed(0)
    assert await found.all(found.mapped_query(tx, past, past, mapper)) == []
    await found.commit(tx)


@pytest.mark.parametrize("mode", range(-2, 5))
async def test_every_mode_gives_the_same_rows(space: Space, mapper: bytes, mode: int) -> None:
    await fill(space)
    tx = found.make_transaction(space.db)
    begin, past = town(space, 2)
    limit = COUNT if mode == found.STREAMING_MODE_EXACT else 0
    query = found.mapped_query(tx, begin, past, mapper, mode=mode, limit=limit)
    assert [row async for row in query] == rows_of_town(space, 2)


async def test_a_limit_counts_the_rows_of_the_range(space: Space, mapper: bytes) -> None:
    await fill(space)
    tx = found.make_transaction(space.db)
    begin, past = town(space, 0)
    for limit in (1, 4, 100):
        query = found.mapped_query(tx, begin, past, mapper, limit=limit)
        assert await found.all(query) == rows_of_town(space, 0)[:limit]


async def test_own_writes_are_not_read_and_so_refused(space: Space, mapper: bytes) -> None:
    await fill(space)
    begin, past = town(space, 0)
    for key in (name(space, "by town", "town 0", 100), name(space, "person", 3, "name")):
        tx = found.make_transaction(space.db)
        found.set(tx, key, b"mine")
        with fails_with(2039):
            await found.all(found.mapped_query(tx, begin, past, mapper))
    tx = found.make_transaction(space.db)
    found.set(tx, name(space, "person", 1, "name"), b"of another town")
    assert await found.all(found.mapped_query(tx, begin, past, mapper)) == rows_of_town(space, 0)


async def test_what_it_points_to_conflicts_too(space: Space, mapper: bytes) -> None:
    await fill(space)
    begin, past = town(space, 0)
    for key, conflicts in [
        (name(space, "by town", "town 0", 7), True),
        (name(space, "person", 3, "name"), True),
        (name(space, "person", 3, "new"), True),
        (name(space, "person", 1, "name"), False),
        (name(space, "by town", "town 1", 7), False),
    ]:
        tx = found.make_transaction(space.db)
        await found.all(found.mapped_query(tx, begin, past, mapper))
        found.set(tx, space(b"written"), b"")
        async with found.transaction(space.db) as other:
            found.set(other, key, b"changed")
        if conflicts:
            with fails_with(1020):
                await found.commit(tx)
        else:
            await found.commit(tx)


async def test_snapshots_and_transactions_without_read_your_writes_cannot(
    space: Space, mapper: bytes
) -> None:
    begin, past = town(space, 0)
    tx = found.make_transaction(space.db)
    with fails_with(2108):
        await found.all(found.mapped_query(tx, begin, past, mapper, snapshot=True))
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.READ_YOUR_WRITES_DISABLE)
    with fails_with(2108):
        await found.all(found.mapped_query(tx, begin, past, mapper))


async def test_a_mapper_that_does_not_fit_says_why(space: Space) -> None:
    await fill(space)
    await space.write({b"plain": b"plain"})
    tx = found.make_transaction(space.db)
    begin, past = town(space, 0)

    async def read(*mapper: Any) -> None:
        await found.all(found.mapped_query(tx, begin, past, found.pack(mapper)))

    with fails_with(2032):
        await read("{...}", "last")
    for index in ("9", "-1", "x"):
        with fails_with(2030):
            await read(space.prefix, f"{{K[{index}]}}", "{...}")
    with fails_with(2043):
        await found.all(found.mapped_query(tx, begin, past, b"\xff"))
    plain = space(b"plain"), space(b"plain\x00")
    for element, code in (("{K[0]}", 2041), ("{V[0]}", 2042)):
        with fails_with(code):
            await found.all(found.mapped_query(tx, *plain, found.pack((element, "{...}"))))
    # None of it is held against the commit.
    found.set(tx, space(b"k"), b"v")
    await found.commit(tx)


async def test_braces_are_doubled_to_be_braces(space: Space) -> None:
    async with found.transaction(space.db) as tx:
        found.set(tx, name(space, "index", 1), found.pack(("a",)))
        found.set(tx, name(space, b"{K[1]}", "a", 1), b"found")
    tx = found.make_transaction(space.db)
    mapper = found.pack((space.prefix, "{{K[1]}}", "{V[0]}", "{...}"))
    begin, past = found.range((space.prefix, "index"))
    ((_, _, rows),) = await found.all(found.mapped_query(tx, begin, past, mapper))
    assert [value for _, value in rows] == [b"found"]
