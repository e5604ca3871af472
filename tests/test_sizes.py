"""Sizes: of a transaction, of a range, and the limits that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import Space, fails_with

import found

LIMIT = 10_000_000


async def size(tx: found.Transaction) -> int:
    return await found.get_approximate_size(tx)


# ---- the approximate size of a transaction


async def test_a_new_transaction_is_of_no_size_and_one_that_only_reads_a_snapshot_stays_so(
    space: Space,
) -> None:
    await space.write({b"k": b"v"})
    tx = found.make_transaction(space.db)
    assert await size(tx) == 0
    await found.get(tx, space(b"k"), snapshot=True)
    await found.all(found.query(tx, space(), space.end, snapshot=True))
    await found.read_version(tx)
    assert await size(tx) == 0


GROWING: dict[str, Callable[[found.Transaction, Space], Any]] = {
    "set": lambda tx, space: found.set(tx, space(b"a"), b"1"),
    "set of the same key again": lambda tx, space: found.set(tx, space(b"a"), b"1"),
    "clear": lambda tx, space: found.clear(tx, space(b"b")),
    "clear of a range": lambda tx, space: found.clear(tx, space(b"c"), space(b"d")),
    "add": lambda tx, space: found.add(tx, space(b"e"), b"\x01"),
    "versionstamped value": lambda tx, space: found.set_versionstamped_value(
        tx, space(b"f"), bytes(14)
    ),
    "get": lambda tx, space: found.get(tx, space(b"g")),
    "get_key": lambda tx, space: found.get_key(tx, found.gt(space(b"h"))),
    "range": lambda tx, space: found.all(found.query(tx, space(b"i"), space(b"j"))),
    "read conflict range": lambda tx, space: found.add_conflict_range(
        tx, space(b"k"), space(b"l"), found.CONFLICT_RANGE_TYPE_READ
    ),
    "write conflict range": lambda tx, space: found.add_conflict_range(
        tx, space(b"m"), space(b"n"), found.CONFLICT_RANGE_TYPE_WRITE
    ),
}


async def test_every_operation_adds_to_the_size(space: Space) -> None:
    # Rule 26.
    tx = found.make_transaction(space.db)
    last = 0
    for name, grow in GROWING.items():
        done = grow(tx, space)
        if done is not None:
            await done
        now = await size(tx)
        assert now > last, name
        last = now


async def test_the_size_counts_keys_and_values(space: Space) -> None:
    sizes = []
    for key, value in [(b"k", b""), (b"k", bytes(1000)), (b"k" * 101, b"")]:
        tx = found.make_transaction(space.db)
        found.set(tx, space(key), value)
        sizes.append(await size(tx))
    assert sizes[1] - sizes[0] == 1000
    # The key once in the mutation and once at each end of its conflict range.
    assert sizes[2] - sizes[0] == 300


async def test_a_write_without_a_conflict_range_is_smaller(space: Space) -> None:
    sizes = []
    for option in (None, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE):
        tx = found.make_transaction(space.db)
        if option is not None:
            found.set_option(tx, option)
        found.set(tx, space(b"k"), b"v")
        sizes.append(await size(tx))
    assert sizes[1] < sizes[0]


async def test_the_size_stays_after_the_commit_and_goes_with_a_reset(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), bytes(1000))
    before = await size(tx)
    await found.commit(tx)
    assert await size(tx) == before
    found.reset(tx)
    assert await size(tx) == 0


# ---- the limit of a transaction


async def test_a_transaction_past_ten_megabytes_is_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    for number in range(101):
        found.set(tx, space(b"%03d" % number), bytes(100_000))
    assert await size(tx) > LIMIT
    with fails_with(2101) as raised:
        await found.commit(tx)
    assert "split it" in str(raised.value)
    assert not raised.value.retryable
    assert await space.read() == {}


async def test_a_transaction_near_ten_megabytes_is_committed(space: Space) -> None:
    tx = found.make_transaction(space.db)
    for number in range(98):
        found.set(tx, space(b"%03d" % number), bytes(100_000))
    assert LIMIT * 0.97 < await size(tx) < LIMIT
    await found.commit(tx)
    tx = found.make_transaction(space.db)
    rows = 0
    async for _, value in found.query(tx, space(), space.end):
        assert len(value) == 100_000
        rows += 1
    assert rows == 98


async def test_reads_count_towards_the_limit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, 10_000)
    for number in range(200):
        await found.get(tx, space(b"%03d" % number))
    found.set(tx, space(b"k"), b"v")
    with fails_with(2101):
        await found.commit(tx)


async def test_what_was_written_twice_counts_once_when_it_matters(space: Space) -> None:
    """The approximate size is past the limit, what would be committed is not."""
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, 1_000)
    for number in range(100):
        found.set(tx, space(b"k"), b"%0100d" % number)
    assert await size(tx) > 1_000
    await found.commit(tx)
    assert await space.read() == {b"k": b"%0100d" % 99}


@pytest.mark.parametrize(("limit", "length", "fits"), [(32, 0, False), (500, 0, True)])
async def test_a_smaller_limit_can_be_chosen(
    space: Space, limit: int, length: int, fits: bool
) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, limit)
    found.set(tx, space(b"k"), bytes(length))
    if fits:
        await found.commit(tx)
        assert await space.read() == {b"k": b""}
    else:
        with fails_with(2101):
            await found.commit(tx)


@pytest.mark.parametrize("limit", [31, 0, -1, LIMIT + 1])
async def test_a_limit_out_of_bounds_is_refused_by_the_next_read_or_commit(
    space: Space, limit: int
) -> None:
    for use in (lambda tx: found.get(tx, space(b"k")), found.commit, found.read_version):
        tx = found.make_transaction(space.db)
        found.set_option(tx, found.TransactionOption.SIZE_LIMIT, limit)
        with fails_with(2006):
            await use(tx)


async def test_a_limit_is_forgotten_by_on_error(space: Space) -> None:
    # Rule 24.
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, 100)
    await found.on_error(tx, 1020)
    found.set(tx, space(b"k"), bytes(1000))
    await found.commit(tx)


async def test_a_limit_of_the_database_holds_for_each_transaction(space: Space) -> None:
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_SIZE_LIMIT, 1_000)
    tx = found.make_transaction(space.db)
    for _ in range(2):
        found.set(tx, space(b"k"), bytes(2_000))
        with fails_with(2101):
            await found.commit(tx)
        found.reset(tx)
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_SIZE_LIMIT, LIMIT)
    await space.write({b"k": bytes(2_000)})


# ---- ranges


async def test_the_estimate_of_a_range_is_a_number_of_bytes(space: Space) -> None:
    await space.write({b"%03d" % number: bytes(1000) for number in range(100)})
    tx = found.make_transaction(space.db)
    for begin, end in [(space(), space.end), (space(b"k"), space(b"k")), (b"", b"\xff")]:
        estimate = await found.estimated_size_bytes(tx, begin, end)
        assert isinstance(estimate, int)
        assert estimate >= 0


async def test_the_estimate_is_close(memory: found.Database) -> None:
    # A cluster samples, the engine counts.
    space = Space(memory, b"k")
    await space.write({b"%03d" % number: bytes(1000) for number in range(100)})
    tx = found.make_transaction(memory)

    async def estimate(begin: bytes, end: bytes) -> int:
        return await found.estimated_size_bytes(tx, begin, end)

    whole = await estimate(b"", b"\xff")
    assert 100 * 1004 * 0.9 <= whole <= 100 * 1004 * 1.1
    half = await estimate(space(b"000"), space(b"050"))
    assert 50 * 1004 * 0.9 <= half <= 50 * 1004 * 1.1
    assert await estimate(b"x", b"y") == 0
    assert await estimate(space(b"000"), space(b"000")) == 0


async def test_split_points_cut_a_range_from_its_begin_to_its_end(space: Space) -> None:
    # Rule 35.
    await space.write({b"%03d" % number: bytes(1000) for number in range(100)})
    tx = found.make_transaction(space.db)
    for chunk in (1, 1_000, 10_000, 50_000, 10**9):
        points = await found.get_range_split_points(tx, space(), space.end, chunk)
        assert points[0] == space()
        assert points[-1] == space.end
        assert points == sorted(set(points))


async def test_split_points_are_about_a_chunk_apart(memory: found.Database) -> None:
    space = Space(memory, b"k")
    await space.write({b"%03d" % number: bytes(1000) for number in range(100)})
    tx = found.make_transaction(memory)
    points = await found.get_range_split_points(tx, space(), space.end, 10_000)
    sizes = [
        sum(len(key) + len(value) for key, value in await found.all(found.query(tx, begin, end)))
        for begin, end in zip(points, points[1:])
    ]
    assert sum(sizes) == 100 * 1004
    assert all(5_000 <= size <= 20_000 for size in sizes[:-1]), sizes
    huge = await found.get_range_split_points(tx, space(), space.end, 10**9)
    assert huge == [space(), space.end]


async def test_split_points_of_an_empty_range(space: Space) -> None:
    tx = found.make_transaction(space.db)
    points = await found.get_range_split_points(tx, space(b"k"), space(b"k"), 1_000)
    assert points == [space(b"k")]


@pytest.mark.parametrize("chunk", [0, -1, -(2**63)])
async def test_a_chunk_of_nothing_is_refused(space: Space, chunk: int) -> None:
    tx = found.make_transaction(space.db)
    with pytest.raises(ValueError, match=f"chunk_size must be .*, not {chunk}"):
        found.get_range_split_points(tx, space(), space.end, chunk)


async def test_ranges_that_are_none_are_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(2005):
        await found.estimated_size_bytes(tx, space(b"b"), space(b"a"))
    with fails_with(2005):
        await found.get_range_split_points(tx, space(b"b"), space(b"a"), 1_000)
    with fails_with(2004):
        await found.get_range_split_points(tx, b"", b"\xff\xff", 1_000)
    # No harm to the transaction.
    assert await found.get(tx, space(b"k")) is None


async def test_the_addresses_of_a_key_are_strings(space: Space) -> None:
    tx = found.make_transaction(space.db)
    addresses = await found.get_addresses_for_key(tx, space(b"k"))
    assert addresses
    assert all(isinstance(address, str) and address for address in addresses)
