"""The atomic operations: what each makes of an old value and its operand, as fdbclient's Atomic.h has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Optional

import pytest
from support import Space, fails_with

import found


class Case(NamedTuple):
    function: Callable[..., Any]
    old: Optional[bytes]
    operand: bytes
    new: Optional[bytes]


CASES = [
    # Little-endian addition in the operand's length: the carry out of it is lost, the old value cut or extended.
    Case(found.add, None, b"\x01\x02", b"\x01\x02"),
    Case(found.add, b"", b"\x05\x00", b"\x05\x00"),
    Case(found.add, b"\x01\x00", b"\x02\x00", b"\x03\x00"),
    Case(found.add, b"\xff\x00", b"\x01\x00", b"\x00\x01"),
    Case(found.add, b"\xff\xff", b"\x01\x00", b"\x00\x00"),
    Case(found.add, b"\xff", b"\x01\x00\x00", b"\x00\x01\x00"),
    Case(found.add, b"\xff\xff\xff", b"\x01", b"\x00"),
    Case(found.add, b"\x02\x01", b"", b""),
    Case(found.add, b"\x05" + bytes(7), b"\xff" * 8, b"\x04" + bytes(7)),
    Case(found.add, b"\xff" * 40, b"\x01" + bytes(39), bytes(40)),
    # Bits, in the operand's length.
    Case(found.bit_and, None, b"\x0f\xf0", b"\x0f\xf0"),
    Case(found.bit_and, b"", b"\x0f\xf0", b"\x00\x00"),
    Case(found.bit_and, b"\xff\xff", b"\x0f\xf0", b"\x0f\xf0"),
    Case(found.bit_and, b"\xaa", b"\x0f\xff", b"\x0a\x00"),
    Case(found.bit_and, b"\xaa\xbb\xcc", b"\x0f", b"\x0a"),
    Case(found.bit_and, b"\xaa", b"", b""),
    Case(found.bit_or, None, b"\x0f", b"\x0f"),
    Case(found.bit_or, b"", b"\x0f", b"\x0f"),
    Case(found.bit_or, b"\xf0", b"\x0f", b"\xff"),
    Case(found.bit_or, b"\xf0", b"\x0f\x0f", b"\xff\x0f"),
    Case(found.bit_or, b"\xf0\xf0\xf0", b"\x0f\x01", b"\xff\xf1"),
    Case(found.bit_or, b"\xf0", b"", b""),
    Case(found.bit_xor, None, b"\x0f", b"\x0f"),
    Case(found.bit_xor, b"", b"\x0f", b"\x0f"),
    Case(found.bit_xor, b"\xff", b"\x0f", b"\xf0"),
    Case(found.bit_xor, b"\xff", b"\x0f\x0f", b"\xf0\x0f"),
    Case(found.bit_xor, b"\xff\xff", b"\x0f", b"\xf0"),
    Case(found.bit_xor, b"\xff", b"", b""),
    # The larger and the smaller little-endian unsigned integer, in the operand's length.
    Case(found.max, None, b"\x01\x02", b"\x01\x02"),
    Case(found.max, b"", b"\x00\x00", b"\x00\x00"),
    Case(found.max, b"\x01\x02", b"\xff\x01", b"\x01\x02"),
    Case(found.max, b"\xff\x01", b"\x01\x02", b"\x01\x02"),
    Case(found.max, b"\x80", b"\x7f", b"\x80"),
    Case(found.max, b"\x09", b"\x08\x00\x00", b"\x09\x00\x00"),
    Case(found.max, b"\x09", b"\x08\x01", b"\x08\x01"),
    Case(found.max, b"\x01\x01", b"\x02", b"\x02"),
    Case(found.max, b"\x03\x01", b"\x02", b"\x03"),
    Case(found.max, b"\x03", b"", b""),
    Case(found.min, None, b"\x01\x02", b"\x01\x02"),
    Case(found.min, b"", b"\x01\x02", b"\x00\x00"),
    Case(found.min, b"\x01\x02", b"\xff\x01", b"\xff\x01"),
    Case(found.min, b"\xff\x01", b"\x01\x02", b"\xff\x01"),
    Case(found.min, b"\x80", b"\x7f", b"\x7f"),
    Case(found.min, b"\x09", b"\x08\x01", b"\x09\x00"),
    Case(found.min, b"\x09", b"\x0a\x00\x00", b"\x09\x00\x00"),
    Case(found.min, b"\x01\x01", b"\x02", b"\x01"),
    Case(found.min, b"\x03\x01", b"\x02", b"\x02"),
    Case(found.min, b"\x03", b"", b""),
    # The larger and the smaller string of bytes: each keeps its own length.
    Case(found.byte_max, None, b"abc", b"abc"),
    Case(found.byte_max, b"", b"", b""),
    Case(found.byte_max, b"", b"\x00", b"\x00"),
    Case(found.byte_max, b"abc", b"abd", b"abd"),
    Case(found.byte_max, b"b", b"abd", b"b"),
    Case(found.byte_max, b"ab", b"abc", b"abc"),
    Case(found.byte_max, b"\xff", b"\x7f", b"\xff"),
    Case(found.byte_max, b"abc", b"", b"abc"),
    Case(found.byte_min, None, b"abc", b"abc"),
    Case(found.byte_min, b"", b"abc", b""),
    Case(found.byte_min, b"abc", b"abd", b"abc"),
    Case(found.byte_min, b"b", b"abd", b"abd"),
    Case(found.byte_min, b"ab", b"abc", b"ab"),
    Case(found.byte_min, b"\xff", b"\x7f", b"\x7f"),
    Case(found.byte_min, b"abc", b"", b""),
    # Appending, as long as the result is a value.
    Case(found.append_if_fits, None, b"abc", b"abc"),
    Case(found.append_if_fits, None, b"", b""),
    Case(found.append_if_fits, b"", b"abc", b"abc"),
    Case(found.append_if_fits, b"abc", b"", b"abc"),
    Case(found.append_if_fits, b"abc", b"def", b"abcdef"),
    Case(found.append_if_fits, b"a" * 60_000, b"b" * 40_000, b"a" * 60_000 + b"b" * 40_000),
    Case(found.append_if_fits, b"a" * 60_000, b"b" * 40_001, b"a" * 60_000),
    Case(found.append_if_fits, b"a" * 100_000, b"b", b"a" * 100_000),
    # A value that equals the operand goes; a missing one stays missing.
    Case(found.compare_and_clear, None, b"abc", None),
    Case(found.compare_and_clear, None, b"", None),
    Case(found.compare_and_clear, b"", b"", None),
    Case(found.compare_and_clear, b"abc", b"abc", None),
    Case(found.compare_and_clear, b"abc", b"ab", b"abc"),
    Case(found.compare_and_clear, b"abc", b"abcd", b"abc"),
    Case(found.compare_and_clear, b"", b"abc", b""),
]


FUNCTIONS = sorted({case.function for case in CASES}, key=lambda function: function.__name__)

each_function = pytest.mark.parametrize(
    "function", FUNCTIONS, ids=[function.__name__ for function in FUNCTIONS]
)


def cases_of(function: Callable[..., Any]) -> dict[bytes, Case]:
    """The cases of one operation, each under a key of its own."""
    return {
        b"%03d" % number: case for number, case in enumerate(CASES) if case.function == function
    }


def results(cases: dict[bytes, Case]) -> dict[bytes, bytes]:
    return {key: case.new for key, case in cases.items() if case.new is not None}


@each_function
async def test_the_result_over_a_committed_value_is_what_foundationdb_makes_of_it(
    space: Space, function: Callable[..., Any]
) -> None:
    cases = cases_of(function)
    await space.write({key: case.old for key, case in cases.items()})
    tx = found.make_transaction(space.db)
    for key, case in cases.items():
        await function(tx, space(key), case.operand)
    await found.commit(tx)
    assert await space.read() == results(cases)


@each_function
async def test_the_transaction_reads_the_result_before_its_commit(
    space: Space, function: Callable[..., Any]
) -> None:
    cases = cases_of(function)
    await space.write({key: case.old for key, case in cases.items()})
    tx = found.make_transaction(space.db)
    for key, case in cases.items():
        function(tx, space(key), case.operand)
        assert await found.get(tx, space(key)) == case.new, case
    assert await space.read(tx) == results(cases)
    await found.commit(tx)
    assert await space.read() == results(cases)


@each_function
async def test_a_value_seen_before_makes_no_difference(
    space: Space, function: Callable[..., Any]
) -> None:
    cases = cases_of(function)
    await space.write({key: case.old for key, case in cases.items()})
    tx = found.make_transaction(space.db)
    for key, case in cases.items():
        assert await found.get(tx, space(key)) == case.old
        function(tx, space(key), case.operand)
    await found.commit(tx)
    assert await space.read() == results(cases)


@each_function
@pytest.mark.parametrize("seen", [False, True], ids=["blind", "seen"])
async def test_the_transactions_own_write_before_it_counts(
    space: Space, function: Callable[..., Any], seen: bool
) -> None:
    cases = cases_of(function)
    await space.write(dict.fromkeys(cases, b"\x11\x22\x33"))
    tx = found.make_transaction(space.db)
    for key, case in cases.items():
        if case.old is None:
            found.clear(tx, space(key))
        else:
            found.set(tx, space(key), case.old)
        function(tx, space(key), case.operand)
        if seen:
            assert await found.get(tx, space(key)) == case.new, case
    await found.commit(tx)
    assert await space.read() == results(cases)


@each_function
async def test_a_range_cleared_before_it_counts_as_missing_values(
    space: Space, function: Callable[..., Any]
) -> None:
    cases = {key: case for key, case in cases_of(function).items() if case.old is None}
    assert cases
    await space.write(dict.fromkeys(cases, b"\x11\x22\x33"))
    tx = found.make_transaction(space.db)
    found.clear(tx, space(), space.end)
    for key, case in cases.items():
        function(tx, space(key), case.operand)
    await found.commit(tx)
    assert await space.read() == results(cases)


@pytest.mark.parametrize("seen", [False, True], ids=["blind", "seen"])
async def test_operations_on_one_key_apply_one_after_the_other(space: Space, seen: bool) -> None:
    await space.write({b"k": b"\x01"})
    tx = found.make_transaction(space.db)
    if seen:
        assert await found.get(tx, space(b"k")) == b"\x01"
    found.add(tx, space(b"k"), b"\x01\x00")
    found.bit_or(tx, space(b"k"), b"\xf0")
    found.append_if_fits(tx, space(b"k"), b"xyz")
    found.byte_min(tx, space(b"k"), b"\xff")
    if seen:
        assert await found.get(tx, space(b"k")) == b"\xf2xyz"
    await found.commit(tx)
    assert await space.get(b"k") == b"\xf2xyz"


@pytest.mark.parametrize("seen", [False, True], ids=["blind", "seen"])
async def test_additions_of_different_lengths_are_not_folded_into_one(
    space: Space, seen: bool
) -> None:
    # Rule 30: the first addition cuts the value to one byte and loses its carry before the second.
    await space.write({b"k": b"\xff\x05"})
    tx = found.make_transaction(space.db)
    found.add(tx, space(b"k"), b"\x01")
    found.add(tx, space(b"k"), b"\x01\x00")
    if seen:
        assert await found.get(tx, space(b"k")) == b"\x01\x00"
    await found.commit(tx)
    assert await space.get(b"k") == b"\x01\x00"


async def test_compare_and_clear_decides_on_what_the_operations_before_it_made(
    space: Space,
) -> None:
    await space.write({b"k": b"\x01", b"other": b"\x01"})
    tx = found.make_transaction(space.db)
    for key in (b"k", b"other"):
        found.add(tx, space(key), b"\x01")
    found.compare_and_clear(tx, space(b"k"), b"\x02")
    found.compare_and_clear(tx, space(b"other"), b"\x01")
    found.add(tx, space(b"k"), b"\x07")
    assert await space.read(tx) == {b"k": b"\x07", b"other": b"\x02"}
    await found.commit(tx)
    assert await space.read() == {b"k": b"\x07", b"other": b"\x02"}


async def test_a_range_read_shows_the_result_at_its_place(space: Space) -> None:
    await space.write({b"a": b"\x01", b"b": b"\x01", b"c": b"\x01"})
    tx = found.make_transaction(space.db)
    found.add(tx, space(b"b"), b"\x01")
    found.compare_and_clear(tx, space(b"c"), b"\x01")
    found.add(tx, space(b"d"), b"\x05")
    expected = [(space(b"a"), b"\x01"), (space(b"b"), b"\x02"), (space(b"d"), b"\x05")]
    assert await found.all(found.query(tx, space(b"a"), space.end)) == expected
    assert await found.all(found.query(tx, space(b"a"), space.end, limit=2)) == expected[:2]
    backwards = found.query(tx, space(b"a"), space.end, reverse=True)
    assert await found.all(backwards) == expected[::-1]


async def test_concurrent_additions_neither_conflict_nor_get_lost(space: Space) -> None:
    tries = 0

    async def count(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        found.add(tx, space(b"counter"), (1).to_bytes(8, "little"))

    await asyncio.gather(*[found.transactional(space.db, count) for _ in range(200)])
    assert await space.get(b"counter") == (200).to_bytes(8, "little")
    assert tries == 200


@each_function
async def test_an_operand_too_large_to_be_a_value_is_refused(
    space: Space, function: Callable[..., Any]
) -> None:
    tx = found.make_transaction(space.db)
    await function(tx, space(b"k"), b"\x00" * 100_001)
    with fails_with(2103):
        await found.commit(tx)
    assert await space.read() == {}


async def test_an_operation_on_the_metadata_version_is_refused(db: found.Database) -> None:
    # Only its versionstamp may be set (ReadYourWrites.actor.cpp, atomicOp).
    tx = found.make_transaction(db)
    found.add(tx, b"\xff/metadataVersion", b"\x01")
    with fails_with(2000):
        await found.commit(tx)
