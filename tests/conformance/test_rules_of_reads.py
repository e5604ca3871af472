"""Rules 3 to 14 and 35: what a read gives, and what it conflicts with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conflicts import conflicts_with
from support import Space, fails_with, run

import found

LETTERS = [b"b", b"d", b"f", b"h"]


@pytest.fixture
def letters(space: Space) -> Space:
    """A space with the keys b, d, f, h, which have 1,000 bytes each."""

    run(space.write({key: bytes(1_000) for key in LETTERS}))
    return space


async def rows(
    space: Space, tx: found.Transaction, begin: bytes, end: bytes, **how: Any
) -> list[bytes]:
    found_rows = await found.all(found.query(tx, space(begin), space(end), **how))
    return [space.suffix(key) for key, _ in found_rows]


async def test_03_reads_at_ff_and_writes_past_the_last_legal_key_are_2004(space: Space) -> None:
    tx = found.make_transaction(space.db)
    for read in (
        found.get(tx, b"\xff"),
        found.get_key(tx, found.gte(b"\xff\x00")),
        found.all(found.query(tx, b"\xff\x00", b"\xff\x01")),
    ):
        with fails_with(2004):
            await read
    # A selector's key, and the end of a range, may be the end itself.
    found.reset(tx)
    await found.get_key(tx, found.lt(b"\xff"), snapshot=True)
    assert await found.all(found.query(tx, b"\xff", b"\xff")) == []
    for write in (
        lambda tx: found.set(tx, b"\xff", b""),
        lambda tx: found.add(tx, b"\xff", b"\x01"),
        lambda tx: found.clear(tx, b"\xff"),
        lambda tx: found.clear(tx, space(), b"\xff\x00"),
        lambda tx: found.add_conflict_range(
            tx, space(), b"\xff\x00", found.CONFLICT_RANGE_TYPE_WRITE
        ),
    ):
        tx = found.make_transaction(space.db)
        write(tx)
        with fails_with(2004):
            await found.commit(tx)


async def test_03_the_metadata_version_may_be_read(space: Space) -> None:
    tx = found.make_transaction(space.db)
    value = await found.get(tx, b"\xff/metadataVersion")
    assert value is None or len(value) == 10


async def test_04_a_key_over_10000_bytes_is_2102_and_a_value_over_100000_is_2103(
    space: Space,
) -> None:
    longest = space(bytes(10_000 - len(space())))
    tx = found.make_transaction(space.db)
    found.set(tx, longest, bytes(100_000))
    await found.commit(tx)
    for key, value, code in ((longest + b"\x00", b"", 2102), (longest, bytes(100_001), 2103)):
        for write in (found.set, found.bit_or):
            tx = found.make_transaction(space.db)
            write(tx, key, value)
            with fails_with(code):
                await found.commit(tx)


async def test_04_an_oversized_key_reads_as_absent_and_ranges_are_cut(space: Space) -> None:
    longest = space(b"k" * (10_000 - len(space())))
    await space.write({space.suffix(longest): b"there"})
    tx = found.make_transaction(space.db)
    assert await found.get(tx, longest + b"k") is None
    # An oversized clear of one key is ignored, even where the key cut to its limit is there.
    found.clear(tx, longest + b"k")
    # Cut just past the limit: a range from there leaves the longest key out, one up to there has it.
    found.clear(tx, longest + b"k" * 5_000, space.end)
    await found.commit(tx)
    assert await space.get(space.suffix(longest)) == b"there"
    tx = found.make_transaction(space.db)
    found.clear(tx, space(), longest + b"k" * 5_000)
    await found.commit(tx)
    assert await space.read() == {}


async def test_05_selectors_clamp_to_the_empty_key_and_ff(space: Space) -> None:
    tx = found.make_transaction(space.db)
    assert await found.get_key(tx, found.lt(b"")) == b""
    assert await found.get_key(tx, found.KeySelector(b"", False, -100)) == b""
    assert await found.get_key(tx, found.gte(b"\xff")) == b"\xff"
    assert await found.get_key(tx, found.KeySelector(b"\xff", True, 100)) == b"\xff"


@pytest.mark.parametrize(
    ("selector", "low", "high"),
    [
        # offset <= 0: [result, key or the key after it)
        (found.lt(b"e"), b"d", b"e"),
        (found.lte(b"e"), b"d", b"e\x00"),
        (found.lte(b"f"), b"f", b"f\x00"),
        (found.lt(b"g", -1), b"d", b"g"),
        # offset > 0: [key or the key after it, the key after result)
        (found.gte(b"c"), b"c", b"d\x00"),
        (found.gt(b"d"), b"d\x00", b"f\x00"),
        (found.gte(b"c", 2), b"c", b"f\x00"),
    ],
    ids=repr,
)
async def test_06_what_get_key_conflicts_with(
    letters: Space, selector: found.KeySelector, low: bytes, high: bytes
) -> None:
    def act(tx: found.Transaction) -> Any:
        placed = found.KeySelector(letters(selector.key), selector.or_equal, selector.offset)
        return found.get_key(tx, placed)

    await conflicts_with(letters, act, low, high)


@pytest.mark.parametrize(
    ("how", "low", "high"),
    [
        ({}, b"c", b"i"),
        ({"reverse": True}, b"c", b"i"),
        # Forward with more: up to the last key returned. That there was no more makes no difference.
        ({"limit": 2}, b"c", b"f\x00"),
        ({"limit": 3}, b"c", b"h\x00"),
        ({"limit": 4}, b"c", b"i"),
        # Reverse with more: from the last key returned.
        ({"limit": 2, "reverse": True}, b"f", b"i"),
        ({"limit": 3, "reverse": True}, b"d", b"i"),
    ],
    ids=repr,
)
async def test_07_what_get_range_conflicts_with(
    letters: Space, how: dict[str, Any], low: bytes, high: bytes
) -> None:
    def act(tx: found.Transaction) -> Any:
        return rows(letters, tx, b"c", b"i", **how)

    await conflicts_with(letters, act, low, high)


async def test_08_more_is_true_when_the_limit_was_hit_even_if_nothing_is_left(
    letters: Space,
) -> None:
    # The flag itself is read in rules.c; here by what it does to the conflict range.
    def exactly(tx: found.Transaction) -> Any:
        return rows(letters, tx, b"b", b"i", limit=4)

    await conflicts_with(letters, exactly, b"b", b"h\x00")


@pytest.mark.parametrize(
    ("write", "depends"),
    [
        (lambda tx, key: found.set(tx, key, b""), False),
        (lambda tx, key: found.clear(tx, key), False),
        (lambda tx, key: found.add(tx, key, b"\x01"), True),
        (lambda tx, key: (found.clear(tx, key), found.add(tx, key, b"\x01")), False),
        (lambda tx, key: (found.add(tx, key, b"\x01"), found.set(tx, key, b"")), False),
    ],
    ids=["set", "clear", "atomic", "atomic after clear", "set after atomic"],
)
async def test_09_what_this_transaction_wrote_without_reading_adds_no_read_conflict(
    letters: Space, write: Any, depends: bool
) -> None:
    def act(tx: found.Transaction) -> Any:
        write(tx, letters(b"d"))
        return found.get(tx, letters(b"d"))

    if depends:
        await conflicts_with(letters, act, b"d", b"d\x00")
    else:
        await conflicts_with(letters, act, b"d", b"d")


async def test_10_modes_of_range_reads(space: Space) -> None:
    tx = found.make_transaction(space.db)
    with fails_with(2210):
        await found.all(found.query(tx, space(), space.end, mode=found.STREAMING_MODE_EXACT))
    # 64 rows of 1,000 bytes: a mode shows in how much one read conflicts with.
    await space.write({b"%02d" % number: bytes(1_000) for number in range(64)})
    for mode, expected in (
        (found.STREAMING_MODE_SMALL, 1),
        (found.STREAMING_MODE_MEDIUM, 1),
        (found.STREAMING_MODE_ITERATOR, 4),
        (found.STREAMING_MODE_LARGE, 4),
        (found.STREAMING_MODE_SERIAL, 64),
    ):
        tx = found.make_transaction(space.db)
        size = await found.get_approximate_size(tx)
        query = found.query(tx, space(), space.end, mode=mode)
        await query.__anext__()
        await query.aclose()
        assert await found.get_approximate_size(tx) > size
        await first_read_covers(space, mode, expected)


async def first_read_covers(space: Space, mode: int, count: int) -> None:
    """Whether the first read of a range in a mode had so many rows: the next one was not read."""
    for number, was_read in ((count - 1, True), (count, False)):
        if number == 64:
            continue
        tx = found.make_transaction(space.db)
        query = found.query(tx, space(), space.end, mode=mode)
        await query.__anext__()
        await query.aclose()
        await space.write({b"%02d" % number: bytes(1_000)})
        found.set(tx, space(b"\xffelsewhere"), b"")
        if was_read:
            with fails_with(1020):
                await found.commit(tx)
        else:
            await found.commit(tx)
        await space.write({b"\xffelsewhere": None})


async def test_10_limit_0_is_unlimited_and_there_is_always_at_least_one_row(
    letters: Space,
) -> None:
    tx = found.make_transaction(letters.db)
    assert await rows(letters, tx, b"", b"\xff", limit=0) == LETTERS
    # 256 bytes of a small read, rows of 1,000.
    small = {"mode": found.STREAMING_MODE_SMALL}
    assert await rows(letters, tx, b"", b"\xff", **small) == LETTERS


async def test_11_ryw_disable_after_an_operation_is_2000(space: Space) -> None:
    disable = found.TransactionOption.READ_YOUR_WRITES_DISABLE
    for operation in (
        lambda tx: found.get(tx, space(b"k")),
        lambda tx: found.set(tx, space(b"k"), b""),
    ):
        tx = found.make_transaction(space.db)
        done = operation(tx)
        if done is not None:
            await done
        found.set_option(tx, disable)
        with fails_with(2000):
            await found.get(tx, space(b"k"))
    tx = found.make_transaction(space.db)
    found.set_option(tx, disable)
    found.set(tx, space(b"k"), b"unseen")
    assert await found.get(tx, space(b"k")) is None
    watching = found.watch(tx, space(b"k"))
    await asyncio.wait([watching])
    with fails_with(1034):
        watching.result()


async def test_12_snapshot_read_your_writes_is_a_counter(space: Space) -> None:
    enable = found.TransactionOption.SNAPSHOT_RYW_ENABLE
    disable = found.TransactionOption.SNAPSHOT_RYW_DISABLE
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"mine")

    async def sees() -> bool:
        return await found.get(tx, space(b"k"), snapshot=True) == b"mine"

    assert await sees()
    for option, expected in (
        (enable, True),
        (disable, True),
        (disable, False),
        (disable, False),
        (enable, False),
        (enable, True),
    ):
        found.set_option(tx, option)
        assert await sees() is expected
        assert await found.get(tx, space(b"k")) == b"mine"


async def test_13_snapshot_reads_add_no_conflicts_but_still_raise_1036(letters: Space) -> None:
    def act(tx: found.Transaction) -> Any:
        return rows(letters, tx, b"", b"\xff", snapshot=True)

    await conflicts_with(letters, act, b"b", b"b")
    tx = found.make_transaction(letters.db)
    found.set_versionstamped_value(tx, letters(b"d"), bytes(14))
    with fails_with(1036):
        await found.get(tx, letters(b"d"), snapshot=True)


async def test_14_a_versionstamped_value_is_unreadable_until_it_is_cleared(space: Space) -> None:
    async def is_unreadable(tx: found.Transaction) -> bool:
        try:
            await found.get(tx, space(b"k"))
        except found.FoundException as error:
            assert error.code == 1036
            return True
        return False

    tx = found.make_transaction(space.db)
    found.set_versionstamped_value(tx, space(b"k"), bytes(14))
    assert await is_unreadable(tx)
    found.set(tx, space(b"k"), b"set")
    assert await is_unreadable(tx)
    found.clear(tx, space(b"k"))
    assert not await is_unreadable(tx)
    with fails_with(1036):
        # The commit waits for every read, and fails as they did.
        await found.commit(tx)


async def test_14_the_range_of_a_versionstamped_key_is_unreadable(space: Space) -> None:
    await space.write({b"log": b"", b"log\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff": b""})
    tx = found.make_transaction(space.db)
    place = len(space(b"log")).to_bytes(4, "little")
    found.set_versionstamped_key(tx, space(b"log") + bytes(10) + place, b"v")
    assert await found.get(tx, space(b"log")) == b""
    with fails_with(1036):
        await found.get(tx, space(b"log\x7f"))
    with fails_with(1036):
        await rows(space, tx, b"log", b"loh")
    assert await rows(space, tx, b"log", b"loh", limit=1) == [b"log"]
    assert await rows(space, tx, b"log", b"loh", limit=1, reverse=True) == [b"log" + b"\xff" * 11]


async def test_35_split_points_include_begin_and_end(letters: Space) -> None:
    tx = found.make_transaction(letters.db)
    begin, end = letters(), letters.end
    points = await found.get_range_split_points(tx, begin, end, 1_000_000)
    assert points == [begin, end]
