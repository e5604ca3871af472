"""Rules 1, 2, 15 and 26 to 30: writes, the errors they keep for later, and atomic operations."""

from __future__ import annotations

from typing import Callable, Optional

import pytest
from support import Space, fails_with

import found

Write = Callable[[found.Transaction, Space], object]

DEFERRED: dict[str, tuple[int, Write]] = {
    "set": (2103, lambda tx, space: found.set(tx, space(b"k"), bytes(100_001))),
    "clear": (2005, lambda tx, space: found.clear(tx, space(b"b"), space(b"a"))),
    "atomic": (2004, lambda tx, space: found.add(tx, b"\xff", b"\x01")),
    "versionstamp": (
        2000,
        lambda tx, space: found.set_versionstamped_value(tx, space(b"k"), bytes(3)),
    ),
    "option": (
        2006,
        lambda tx, space: found.set_option(tx, found.TransactionOption.SIZE_LIMIT, 31),
    ),
}
each_deferred = pytest.mark.parametrize("name", DEFERRED)


@each_deferred
async def test_01_errors_of_writes_and_options_are_told_by_the_next_read_commit_or_version(
    space: Space, name: str
) -> None:
    code, write = DEFERRED[name]
    for use in (
        lambda tx: found.get(tx, space(b"k")),
        lambda tx: found.commit(tx),
        lambda tx: found.read_version(tx),
    ):
        tx = found.make_transaction(space.db)
        write(tx, space)
        with fails_with(code):
            await use(tx)


@each_deferred
async def test_01_errors_of_writes_and_options_are_not_told_by_on_error(
    space: Space, name: str
) -> None:
    tx = found.make_transaction(space.db)
    DEFERRED[name][1](tx, space)
    await found.on_error(tx, 1020)
    found.set(tx, space(b"k"), b"v")
    await found.commit(tx)


async def test_02_an_empty_clear_does_nothing_and_an_inverted_one_is_2005(space: Space) -> None:
    await space.write({b"k": b"v"})
    tx = found.make_transaction(space.db)
    found.clear(tx, space(b"k"), space(b"k"))
    await found.commit(tx)
    assert await space.read() == {b"k": b"v"}
    found.reset(tx)
    found.clear(tx, space(b"k"), space(b"j"))
    with fails_with(2005):
        await found.commit(tx)


async def test_02_an_inverted_conflict_range_is_2005_at_once(space: Space) -> None:
    tx = found.make_transaction(space.db)
    for kind in (found.CONFLICT_RANGE_TYPE_READ, found.CONFLICT_RANGE_TYPE_WRITE):
        with fails_with(2005):
            found.add_conflict_range(tx, space(b"k"), space(b"j"), kind)
    # It was refused, and the transaction knows nothing of it.
    await found.commit(tx)


async def test_15_the_place_of_a_stamp_is_a_little_endian_offset_at_the_end(space: Space) -> None:
    tx = found.make_transaction(space.db)
    place = len(space(b"k/")).to_bytes(4, "little")
    found.set_versionstamped_key(tx, space(b"k/") + bytes(10) + b"/end" + place, b"v")
    found.set_versionstamped_value(tx, space(b"v"), b"at " + bytes(10) + b"!" + b"\x03\0\0\0")
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    given = await stamp
    assert given[:8] == found.get_committed_version(tx).to_bytes(8, "big")
    assert await space.read() == {b"k/" + given + b"/end": b"v", b"v": b"at " + given + b"!"}


@pytest.mark.parametrize(
    "parameter",
    [b"", b"\0\0\0", bytes(13), bytes(10) + b"\x01\0\0\0", bytes(10) + b"\xff\xff\xff\xff"],
    ids=len,
)
async def test_15_a_bad_place_is_2000(space: Space, parameter: bytes) -> None:
    tx = found.make_transaction(space.db)
    found.set_versionstamped_value(tx, space(b"k"), parameter)
    with fails_with(2000):
        await found.commit(tx)


async def test_15_the_write_conflict_of_a_versionstamped_key_is_where_it_lands(
    space: Space,
) -> None:
    async def conflicts(begin: bytes, end: bytes) -> bool:
        tx = found.make_transaction(space.db)
        await found.read_version(tx)
        found.add_conflict_range(tx, space(begin), space(end), found.CONFLICT_RANGE_TYPE_READ)
        found.set(tx, space(b"elsewhere"), b"")
        writer = found.make_transaction(space.db)
        place = len(space(b"k")).to_bytes(4, "little")
        found.set_versionstamped_key(writer, space(b"k") + bytes(10) + place, b"")
        await found.commit(writer)
        try:
            await found.commit(tx)
        except found.FoundException as error:
            assert error.code == 1020
            return True
        return False

    assert await conflicts(b"k", b"l")
    assert not await conflicts(b"k", b"k" + bytes(8) + b"\x01")
    assert not await conflicts(b"k\xff", b"l")


async def test_26_the_size_limit_counts_mutations_and_both_kinds_of_conflict_range(
    space: Space,
) -> None:
    limit = found.TransactionOption.SIZE_LIMIT
    key = b"k" * 500
    kinds: list[Write] = [
        lambda tx, space: found.set(tx, space(key), b""),
        lambda tx, space: found.clear(tx, space(key), space(key + b"l")),
        lambda tx, space: found.add_conflict_range(
            tx, space(key), space(key + b"l"), found.CONFLICT_RANGE_TYPE_READ
        ),
        lambda tx, space: found.add_conflict_range(
            tx, space(key), space(key + b"l"), found.CONFLICT_RANGE_TYPE_WRITE
        ),
    ]
    for write in kinds:
        tx = found.make_transaction(space.db)
        found.set_option(tx, limit, 900)
        found.set(tx, space(b"small"), b"")
        write(tx, space)
        with fails_with(2101):
            await found.commit(tx)


async def test_26_the_approximate_size_rises_with_each_operation(space: Space) -> None:
    tx = found.make_transaction(space.db)
    sizes = [await found.get_approximate_size(tx)]
    for operation in (
        lambda: found.set(tx, space(b"k"), b"v"),
        lambda: found.set(tx, space(b"k"), b"v"),
        lambda: found.clear(tx, space(b"k")),
        lambda: found.clear(tx, space(b"k"), space(b"l")),
        lambda: found.add(tx, space(b"k"), b"\x01"),
        lambda: found.get(tx, space(b"unread")),
        lambda: found.add_conflict_range(
            tx, space(b"x"), space(b"y"), found.CONFLICT_RANGE_TYPE_WRITE
        ),
    ):
        done = operation()
        if done is not None:
            await done
        sizes.append(await found.get_approximate_size(tx))
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("limit", "is_taken"), [(31, False), (32, True), (10_000_000, True), (10_000_001, False)]
)
async def test_26_the_size_limit_takes_32_to_10_000_000(
    space: Space, limit: int, is_taken: bool
) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.SIZE_LIMIT, limit)
    if is_taken:
        await found.get(tx, space(b"k"))
    else:
        with fails_with(2006):
            await found.get(tx, space(b"k"))


async def test_27_no_write_conflict_is_used_up_by_the_next_mutation_even_if_it_fails(
    space: Space,
) -> None:
    async def conflicts(key: bytes, *writes: Callable[[found.Transaction], object]) -> bool:
        reader = found.make_transaction(space.db)
        await found.get(reader, space(key))
        found.set(reader, space(b"elsewhere"), b"")
        tx = found.make_transaction(space.db)
        found.set_option(tx, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE)
        for write in writes:
            write(tx)
        await found.commit(tx)
        try:
            await found.commit(reader)
        except found.FoundException as error:
            assert error.code == 1020
            return True
        return False

    def a(tx: found.Transaction) -> None:
        found.set(tx, space(b"a"), b"")

    def b(tx: found.Transaction) -> None:
        found.clear(tx, space(b"b"))

    def ignored(tx: found.Transaction) -> None:
        # A clear of an oversized key does nothing, but it was the next mutation.
        found.clear(tx, space(bytes(10_001)))

    assert not await conflicts(b"a", a, b)
    assert await conflicts(b"b", a, b)
    assert await conflicts(b"a", ignored, a)


async def test_28_a_result_is_as_long_as_the_operand(space: Space) -> None:
    for old, operand, sums in (
        (b"\x01\x02\x03", b"\x01", b"\x02"),
        (b"\x01", b"\x01\x02\x03", b"\x02\x02\x03"),
    ):
        assert await outcome(space, "add", old, operand) == sums
        for name in ("bit_and", "bit_or", "bit_xor", "max", "min"):
            value = await outcome(space, name, old, operand)
            assert value is not None and len(value) == len(operand), name


async def outcome(space: Space, name: str, old: Optional[bytes], operand: bytes) -> Optional[bytes]:
    """What an operation leaves: read by the transaction itself, and after its commit."""
    await space.write({b"k": old})
    tx = found.make_transaction(space.db)
    getattr(found, name)(tx, space(b"k"), operand)
    seen = await found.get(tx, space(b"k"))
    await found.commit(tx)
    assert await space.get(b"k") == seen
    return seen


@pytest.mark.parametrize(
    "name", ["add", "bit_or", "bit_xor", "max", "bit_and", "min", "byte_min", "byte_max"]
)
async def test_28_a_missing_value_gives_the_operand(space: Space, name: str) -> None:
    assert await outcome(space, name, None, b"\x05\x00") == b"\x05\x00"


async def test_29_byte_min_and_byte_max_compare_bytes(space: Space) -> None:
    assert await outcome(space, "byte_min", b"ab", b"abc") == b"ab"
    assert await outcome(space, "byte_max", b"ab", b"abc") == b"abc"
    # As numbers it would be the other way round.
    assert await outcome(space, "byte_max", b"\x01\xff", b"\x02\x00") == b"\x02\x00"
    assert await outcome(space, "max", b"\x01\xff", b"\x02\x00") == b"\x01\xff"


async def test_29_append_keeps_the_old_value_past_100000_bytes(space: Space) -> None:
    assert await outcome(space, "append_if_fits", bytes(99_999), b"xy") == bytes(99_999)
    assert await outcome(space, "append_if_fits", bytes(99_999), b"x") == bytes(99_999) + b"x"


async def test_29_compare_and_clear_clears_if_equal(space: Space) -> None:
    assert await outcome(space, "compare_and_clear", b"a", b"a") is None
    assert await outcome(space, "compare_and_clear", b"a", b"b") == b"a"
    assert await outcome(space, "compare_and_clear", None, b"b") is None


async def test_30_stacked_atomics_of_different_lengths_are_not_folded(space: Space) -> None:
    await space.write({b"k": b"\xff\x00"})
    tx = found.make_transaction(space.db)
    found.add(tx, space(b"k"), b"\x01")
    found.add(tx, space(b"k"), b"\x00\x01")
    # The carry is lost by the first, which is one byte long.
    await found.commit(tx)
    assert await space.get(b"k") == b"\x00\x01"


async def test_30_an_atomic_after_a_clear_sees_a_missing_value(space: Space) -> None:
    for clear in (
        lambda tx: found.clear(tx, space(b"k")),
        lambda tx: found.clear(tx, space(), space.end),
    ):
        await space.write({b"k": b"\x05"})
        tx = found.make_transaction(space.db)
        clear(tx)
        found.add(tx, space(b"k"), b"\x01")
        assert await found.get(tx, space(b"k")) == b"\x01"
        await found.commit(tx)
        assert await space.get(b"k") == b"\x01"
