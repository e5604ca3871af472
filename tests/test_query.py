"""Ranges: their ends and directions, their batches, their iteration, and key selectors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Optional

import pytest
from support import Space, fails_with

import found
from found import _found

MODES = {
    name: getattr(found, f"STREAMING_MODE_{name}")
    for name in ("WANT_ALL", "ITERATOR", "EXACT", "SMALL", "MEDIUM", "LARGE", "SERIAL")
}
LETTERS = [bytes([byte]) for byte in b"abcdefgh"]


async def letters(space: Space) -> found.Transaction:
    """A transaction on a space with the keys a to h, each with itself as its value."""
    await space.write({letter: letter for letter in LETTERS})
    return found.make_transaction(space.db)


async def keys_of(space: Space, query: Any) -> bytes:
    """The suffixes that a query gives, joined, after a look at the values."""
    rows = await found.all(query)
    assert all(space.suffix(key) == value for key, value in rows)
    return b"".join(space.suffix(key) for key, _ in rows)


# ---- ends and directions


async def test_a_range_has_its_begin_and_not_its_end(space: Space) -> None:
    tx = await letters(space)
    assert await keys_of(space, found.query(tx, space(b"b"), space(b"e"))) == b"bcd"
    assert await keys_of(space, found.query(tx, space(b"b\x00"), space(b"e\x00"))) == b"cde"


async def test_a_range_given_backwards_has_both_its_ends(space: Space) -> None:
    tx = await letters(space)
    assert await keys_of(space, found.query(tx, space(b"e"), space(b"b"))) == b"edcb"
    assert await keys_of(space, found.query(tx, space(b"e"), space(b"b"), limit=2)) == b"ed"
    # The ends need not be keys that exist.
    assert await keys_of(space, found.query(tx, space(b"e\x00"), space(b"b\x00"))) == b"edc"


async def test_reverse_reads_the_half_open_range_from_its_end(space: Space) -> None:
    tx = await letters(space)
    assert await keys_of(space, found.query(tx, space(b"b"), space(b"e"), reverse=True)) == b"dcb"
    limited = found.query(tx, space(b"b"), space(b"e"), reverse=True, limit=2)
    assert await keys_of(space, limited) == b"dc"


async def test_a_range_backwards_and_reversed_is_refused_as_ambiguous(space: Space) -> None:
    tx = await letters(space)
    with pytest.raises(ValueError, match="reverse=True"):
        found.query(tx, space(b"e"), space(b"b"), reverse=True)


@pytest.mark.parametrize("reverse", [False, True])
async def test_a_range_from_a_key_to_itself_is_empty(space: Space, reverse: bool) -> None:
    tx = await letters(space)
    assert await found.all(found.query(tx, space(b"c"), space(b"c"), reverse=reverse)) == []
    async for _ in found.query(tx, space(b"c"), space(b"c"), reverse=reverse):
        pytest.fail("an empty range has a row")


async def test_a_range_without_keys_is_empty(space: Space) -> None:
    tx = await letters(space)
    assert await found.all(found.query(tx, space(b"c\x00"), space(b"d"))) == []
    assert await found.all(found.query(tx, space(b"c\xff"), space(b"c\x00"))) == []
    assert await found.all(found.query(tx, space(b"x"), space(b"z"), reverse=True)) == []


async def test_the_whole_database_is_between_the_empty_key_and_ff(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    for key in (b"\x00", b"hello", b"\xfe\xff"):
        found.set(tx, key, key)
    await found.commit(tx)
    tx = found.make_transaction(memory)
    keys = [key for key, _ in await found.all(found.query(tx, b"", b"\xff"))]
    assert keys == [b"\x00", b"hello", b"\xfe\xff"]
    backwards = [key for key, _ in await found.all(found.query(tx, b"\xff", b""))]
    assert backwards == keys[::-1]
    with fails_with(2004):
        await found.all(found.query(tx, b"", b"\xff\xff"))


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (found.gte(b"b"), found.gte(b"e"), b"bcd"),
        (found.gt(b"b"), found.gt(b"e"), b"cde"),
        (found.lte(b"b"), found.lte(b"e"), b"bcd"),
        (found.lt(b"b"), found.lt(b"e"), b"abc"),
        (found.gte(b"bb"), found.lte(b"ee"), b"cd"),
        (b"b", found.gt(b"e"), b"bcde"),
        (found.gt(b"b"), b"e", b"cd"),
        (found.gte(b"b") + 2, found.gte(b"e") + 2, b"def"),
        (found.gte(b"e") - 2, found.gte(b"e"), b"cd"),
        (found.gte(b"e"), found.gte(b"b"), b""),
        (found.gte(b"b"), found.lt(b"a\xff") + 1, b""),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
async def test_selectors_as_ends_are_resolved_among_the_keys(
    space: Space, begin: Any, end: Any, expected: bytes, reverse: bool
) -> None:
    tx = await letters(space)
    got = await keys_of(
        space, found.query(tx, inside(space, begin), inside(space, end), reverse=reverse)
    )
    assert got == (expected[::-1] if reverse else expected)


def inside(space: Space, end: Any) -> Any:
    """A key or selector moved into a space."""
    if isinstance(end, found.KeySelector):
        return found.KeySelector(space(end.key), end.or_equal, end.offset)
    return space(end)


async def test_a_selector_that_runs_past_the_last_key_stops_at_the_end(
    memory: found.Database,
) -> None:
    space = Space(memory, b"k")
    tx = await letters(space)
    assert await keys_of(space, found.query(tx, found.gte(space(b"g")), found.gte(b"k") + 99)) == (
        b"gh"
    )
    assert await keys_of(space, found.query(tx, found.lt(b"k") - 99, space(b"c"))) == b"ab"
    assert await found.all(found.query(tx, found.gt(space(b"h")), found.gte(b"\xff"))) == []


# ---- limits and modes


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reverse", [False, True])
async def test_every_mode_gives_the_same_rows(space: Space, mode: str, reverse: bool) -> None:
    pairs = {b"%04d" % number: bytes(number % 97) for number in range(700)}
    await space.write(pairs)
    expected = [(space(key), value) for key, value in pairs.items()]
    if reverse:
        expected.reverse()
    tx = found.make_transaction(space.db)
    for limit in (0, 1, 2, 350, 699, 700, 701, 10_000):
        if mode == "EXACT" and not limit:
            continue

        def query(limit: int = limit) -> found.Query:
            return found.query(
                tx, space(), space.end, limit=limit, mode=MODES[mode], reverse=reverse
            )

        wanted = expected[:limit] if limit else expected
        assert await found.all(query()) == wanted
        assert [row async for row in query()] == wanted


async def test_exact_without_a_limit_is_an_error(space: Space) -> None:
    tx = await letters(space)
    with fails_with(2210):
        await found.all(found.query(tx, space(), space.end, mode=found.STREAMING_MODE_EXACT))
    with fails_with(2210):
        async for _ in found.query(tx, space(), space.end, mode=found.STREAMING_MODE_EXACT):
            pass


async def test_rows_larger_than_a_batch_come_one_by_one(space: Space) -> None:
    # A batch has at least one row, however small its size in bytes (rule 10).
    pairs = {b"%d" % number: bytes([number]) * 90_000 for number in range(4)}
    await space.write(pairs)
    for mode in (found.STREAMING_MODE_SMALL, found.STREAMING_MODE_ITERATOR):
        tx = found.make_transaction(space.db)
        rows = [row async for row in found.query(tx, space(), space.end, mode=mode)]
        assert rows == [(space(key), value) for key, value in pairs.items()]


async def test_a_range_of_many_batches_loses_and_repeats_nothing(space: Space) -> None:
    count = 20_000
    for start in range(0, count, 5_000):
        await space.write(
            {b"%06d" % number: b"value %d" % number for number in range(start, start + 5_000)}
        )
    expected = [(space(b"%06d" % number), b"value %d" % number) for number in range(count)]
    tx = found.make_transaction(space.db)
    assert await found.all(found.query(tx, space(), space.end)) == expected
    assert [row async for row in found.query(tx, space(), space.end)] == expected
    assert await found.all(found.query(tx, space.end, space())) == expected[::-1]
    assert [row async for row in found.query(tx, space.end, space())] == expected[::-1]
    limited = found.query(tx, space(), space.end, limit=count - 1)
    assert [row async for row in limited] == expected[:-1]


async def test_batches_are_of_one_version_whatever_is_committed_between_them(space: Space) -> None:
    pairs = {b"%04d" % number: b"old" for number in range(1000)}
    await space.write(pairs)
    tx = found.make_transaction(space.db)
    rows = {}
    async for key, value in found.query(tx, space(), space.end, mode=found.STREAMING_MODE_SMALL):
        rows[space.suffix(key)] = value
        if len(rows) == 10:
            await space.write(dict.fromkeys(pairs, b"new") | {b"9999": b"new"})
    assert rows == pairs


# ---- the transaction's own writes


async def test_writes_of_the_transaction_are_in_its_ranges(space: Space) -> None:
    tx = await letters(space)
    found.clear(tx, space(b"b"))
    found.clear(tx, space(b"e"), space(b"g"))
    for key in (b"0", b"cc", b"e", b"z"):
        found.set(tx, space(key), key)
    expected = [b"0", b"a", b"c", b"cc", b"d", b"e", b"g", b"h", b"z"]
    assert list(await space.read(tx)) == expected
    backwards = await found.all(found.query(tx, space.end, space()))
    assert [space.suffix(key) for key, _ in backwards] == expected[::-1]
    for limit in range(1, 10):
        rows = await found.all(found.query(tx, space(), space.end, limit=limit))
        assert [space.suffix(key) for key, _ in rows] == expected[:limit]


async def test_a_write_between_two_batches_shows_in_the_later_one(space: Space) -> None:
    await space.write({b"%04d" % number: b"old" for number in range(1000)})
    tx = found.make_transaction(space.db)
    seen = []
    async for key, value in found.query(tx, space(), space.end, mode=found.STREAMING_MODE_SMALL):
        seen.append((space.suffix(key), value))
        if len(seen) == 1:
            found.set(tx, space(b"0900"), b"new")
            found.clear(tx, space(b"0901"))
    assert (b"0900", b"new") in seen
    assert b"0901" not in dict(seen)
    assert len(seen) == 999


async def test_a_range_all_cleared_by_the_transaction_is_empty(space: Space) -> None:
    tx = await letters(space)
    found.clear(tx, space(), space.end)
    assert await found.all(found.query(tx, space(), space.end)) == []
    assert await found.all(found.query(tx, space.end, space(), limit=3)) == []


# ---- iteration


async def test_an_awaited_query_is_the_query_itself(space: Space) -> None:
    # The contract writes both `async for … in query` and `await query`.
    tx = await letters(space)
    query = found.query(tx, space(b"a"), space(b"c"))
    assert await query is query
    assert [space.suffix(key) async for key, _ in await query] == [b"a", b"b"]


async def test_rows_can_be_asked_for_one_by_one(space: Space) -> None:
    tx = await letters(space)
    query = found.query(tx, space(b"a"), space(b"c"))
    rows = query.__aiter__()
    assert rows.__aiter__() is rows
    assert await rows.__anext__() == (space(b"a"), b"a")
    assert await asyncio.wait_for(query.__anext__(), 60) == (space(b"b"), b"b")
    for _ in range(3):
        with pytest.raises(StopAsyncIteration):
            await query.__anext__()


KEPT = {"all": range(2_000), "some": range(6, 2_000, 7), "the last": range(1_995, 2_000)}


@pytest.mark.parametrize("kept", KEPT)
async def test_a_row_that_is_kept_stays_as_it_was(space: Space, kept: str) -> None:
    # The tuple of a row that nobody has kept becomes the next one's.
    await space.write({b"%04d" % number: b"%d" % number for number in range(2_000)})
    query = found.query(found.make_transaction(space.db), space(), space.end)
    number = 0
    seen: list[tuple[bytes, bytes]] = []
    async for row in query:
        if number in KEPT[kept]:
            seen.append(row)
        number += 1
    assert seen == [(space(b"%04d" % number), b"%d" % number) for number in KEPT[kept]]


async def test_a_row_has_a_hash_of_its_own(space: Space) -> None:
    # From 3.14 on a tuple remembers its hash, which must not go over to the next row with it.
    await space.write({b"%04d" % number: b"" for number in range(500)})
    query = found.query(found.make_transaction(space.db), space(), space.end)
    hashes = {hash(row) async for row in query}
    assert hashes == {hash((space(b"%04d" % number), b"")) for number in range(500)}


async def test_an_iteration_left_in_the_middle_can_go_on(space: Space) -> None:
    tx = await letters(space)
    query = found.query(tx, space(), space.end)
    async for key, _ in query:
        if space.suffix(key) == b"c":
            break
    assert [space.suffix(key) async for key, _ in query] == [b"d", b"e", b"f", b"g", b"h"]
    assert [row async for row in query] == []


async def test_a_query_that_was_closed_has_ended(space: Space) -> None:
    tx = await letters(space)
    query = found.query(tx, space(), space.end)
    await query.__anext__()
    await query.aclose()
    with pytest.raises(StopAsyncIteration):
        await query.__anext__()
    await query.aclose()
    unread = found.query(tx, space(), space.end)
    await unread.aclose()
    assert [row async for row in unread] == []


async def test_a_query_never_read_asks_for_nothing(space: Space) -> None:
    tx = await letters(space)
    found.query(tx, space(), space.end)
    found.set(tx, space(b"x"), b"x")
    await space.write({b"a": b"changed"})
    # Not a conflict: nothing was read.
    await found.commit(tx)


async def test_a_query_is_collected_once(space: Space) -> None:
    tx = await letters(space)
    query = found.query(tx, space(), space.end)
    assert len(await found.all(query)) == 8
    with pytest.raises(RuntimeError, match="already"):
        await found.all(query)
    begun = found.query(tx, space(), space.end)
    await begun.__anext__()
    with pytest.raises(RuntimeError, match="already"):
        await found.all(begun)


async def test_limit_closes_the_query_it_cuts(space: Space) -> None:
    tx = await letters(space)
    query = found.query(tx, space(), space.end)
    rows = await found.all(found.limit(query, 3))
    assert [space.suffix(key) for key, _ in rows] == [b"a", b"b", b"c"]
    assert [row async for row in query] == []


async def test_an_error_in_the_middle_of_an_iteration_is_raised_there(space: Space) -> None:
    await space.write({b"%04d" % number: bytes(100) for number in range(1000)})
    tx = found.make_transaction(space.db)
    rows = 0
    with fails_with(1025):
        async for _ in found.query(tx, space(), space.end, mode=found.STREAMING_MODE_SMALL):
            rows += 1
            if rows == 1:
                found.cancel(tx)
    assert 1 <= rows < 1000


async def test_two_iterations_of_one_transaction_do_not_disturb_each_other(space: Space) -> None:
    await space.write({b"%04d" % number: b"" for number in range(500)})
    tx = found.make_transaction(space.db)

    async def collect(reverse: bool) -> list[bytes]:
        query = found.query(
            tx, space(), space.end, reverse=reverse, mode=found.STREAMING_MODE_SMALL
        )
        return [key async for key, _ in query]

    forwards, backwards = await asyncio.gather(collect(False), collect(True))
    assert forwards == [space(b"%04d" % number) for number in range(500)]
    assert backwards == forwards[::-1]


async def test_an_iteration_that_was_cancelled_leaves_its_transaction_usable(space: Space) -> None:
    await space.write({b"%04d" % number: bytes(100) for number in range(1000)})
    tx = found.make_transaction(space.db)
    began = asyncio.Event()

    async def iterate() -> None:
        async for _ in found.query(tx, space(), space.end, mode=found.STREAMING_MODE_SMALL):
            began.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(iterate())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await found.all(found.query(tx, space(), space.end))) == 1000


# ---- key selectors

SELECTORS = [
    (found.lt(b"c"), b"b"),
    (found.lt(b"cc"), b"c"),
    (found.lte(b"c"), b"c"),
    (found.lte(b"cc"), b"c"),
    (found.gt(b"c"), b"d"),
    (found.gt(b"cc"), b"d"),
    (found.gte(b"c"), b"c"),
    (found.gte(b"cc"), b"d"),
    # The offset counts keys from there, both ways.
    (found.lt(b"e", -1), b"c"),
    (found.lt(b"e", 2), b"f"),
    (found.lte(b"e", -2), b"c"),
    (found.lte(b"e", 1), b"f"),
    (found.gt(b"c", 3), b"f"),
    (found.gt(b"c", 0), b"c"),
    (found.gt(b"c", -1), b"b"),
    (found.gte(b"c", 3), b"e"),
    (found.gte(b"c", 0), b"b"),
    (found.gte(b"c") + 2, b"e"),
    (found.gte(b"c") - 1, b"b"),
    (found.lt(b"h") - 6, b"a"),
]


@pytest.mark.parametrize(
    ("selector", "expected"), SELECTORS, ids=[repr(selector) for selector, _ in SELECTORS]
)
async def test_a_selector_resolves_to_the_key_it_describes(
    space: Space, selector: found.KeySelector, expected: bytes
) -> None:
    tx = await letters(space)
    assert await found.get_key(tx, inside(space, selector)) == space(expected)
    assert await found.get_key(tx, inside(space, selector), snapshot=True) == space(expected)


async def test_selectors_count_the_keys_of_the_transactions_own_writes(space: Space) -> None:
    tx = await letters(space)
    found.clear(tx, space(b"b"), space(b"d"))
    found.set(tx, space(b"dd"), b"")
    assert await found.get_key(tx, found.gt(space(b"a"))) == space(b"d")
    assert await found.get_key(tx, found.gt(space(b"a"), 2)) == space(b"dd")
    assert await found.get_key(tx, found.lt(space(b"e"), -1)) == space(b"d")
    assert await found.get_key(tx, found.lt(space(b"d"))) == space(b"a")
    assert await found.get_key(tx, found.lt(space(b"f"), -3)) == space(b"a")
    # Without them a snapshot read counts what is committed.
    found.set_option(tx, found.TransactionOption.SNAPSHOT_RYW_DISABLE)
    assert await found.get_key(tx, found.gt(space(b"a")), snapshot=True) == space(b"b")


async def test_selectors_stop_at_the_ends_of_the_database(memory: found.Database) -> None:
    # Rule 5.
    space = Space(memory, b"k")
    tx = await letters(space)
    for selector, expected in [
        (found.lt(space(b"a")), b""),
        (found.lt(b""), b""),
        (found.lt(space(b"c"), -99), b""),
        (found.lte(b""), b""),
        (found.gt(space(b"h")), b"\xff"),
        (found.gte(space(b"h"), 2), b"\xff"),
        (found.gt(space(b"c"), 99), b"\xff"),
        (found.gte(b""), space(b"a")),
        (found.gte(b"\xff"), b"\xff"),
        (found.lt(b"\xff"), space(b"h")),
    ]:
        assert await found.get_key(tx, selector) == expected, selector


@pytest.mark.parametrize("offset", [-2_000_000_000, -101, 0, 1, 101, 2_000_000_000])
async def test_offsets_of_any_size_end_somewhere(memory: found.Database, offset: int) -> None:
    space = Space(memory, b"k")
    await space.write({b"%03d" % number: b"" for number in range(200)})
    tx = found.make_transaction(memory)
    # The key at index 100 is the first at offset 1.
    index = 100 + offset - 1
    key = b"" if index < 0 else b"\xff" if index > 199 else space(b"%03d" % index)
    assert await found.get_key(tx, found.gte(space(b"100"), offset)) == key


def test_a_selector_is_a_value() -> None:
    selector = found.gte(b"k")
    assert selector == found.KeySelector(b"k", False, 1)
    assert (selector.key, selector.or_equal, selector.offset) == (b"k", False, 1)
    assert selector + 2 - 2 == selector
    assert hash(selector + 0) == hash(selector)
    assert {selector: 1}[found.gte(b"k")] == 1
    assert selector != found.gt(b"k")
    assert selector != b"k"
    assert found.lt(b"k") == found.KeySelector(b"k", False, 0)
    assert found.lte(b"k") == found.KeySelector(b"k", True, 0)
    assert found.gt(b"k") == found.KeySelector(b"k", True, 1)
    assert eval(repr(selector)) == selector
    with pytest.raises(TypeError):
        selector < selector  # type: ignore[operator]  # noqa: B015


def test_a_selector_survives_pickle_and_copy() -> None:
    import copy
    import pickle

    selector = found.gt(b"\x00k\xff", -3)
    assert pickle.loads(pickle.dumps(selector)) == selector
    assert copy.deepcopy(selector) == selector


def test_an_offset_past_32_bits_is_an_overflow() -> None:
    with pytest.raises(OverflowError):
        found.gte(b"k", 2**31)
    with pytest.raises(OverflowError):
        found.gte(b"k") + (2**31 - 1)
    with pytest.raises(OverflowError):
        found.gte(b"k") - 2**40


async def test_resolving_is_the_same_over_any_mix_of_storage_and_writes(space: Space) -> None:
    """Each key of eight is stored, written, cleared or rewritten; every selector against a sorted list."""
    for mix in range(4):
        stored: dict[bytes, Optional[bytes]] = {}
        writes: dict[bytes, Optional[bytes]] = {}
        for index, letter in enumerate(LETTERS):
            kind = (index * 7 + mix * 3) % 4
            stored[letter] = b"old" if kind != 1 else None
            if kind:
                writes[letter] = None if kind == 2 else b"new"
        await space.write(stored)
        tx = found.make_transaction(space.db)
        for letter, value in writes.items():
            if value is None:
                found.clear(tx, space(letter))
            else:
                found.set(tx, space(letter), value)
        model = present({**stored, **writes})
        assert await space.read(tx) == model
        await check_selectors(tx, space, sorted(model))


def present(pairs: Mapping[bytes, Optional[bytes]]) -> dict[bytes, bytes]:
    return {key: value for key, value in sorted(pairs.items()) if value is not None}


async def check_selectors(tx: found.Transaction, space: Space, keys: list[bytes]) -> None:
    for letter in (*LETTERS, b"cc"):
        for or_equal in (False, True):
            # The selector counts from the last key that is less (or equal).
            base = sum(key < letter or (or_equal and key == letter) for key in keys) - 1
            for offset in range(-3, 5):
                if 0 <= base + offset < len(keys):
                    selector = found.KeySelector(space(letter), or_equal, offset)
                    got = await found.get_key(tx, selector)
                    assert space.suffix(got) == keys[base + offset], selector


async def test_packed_rows_are_those_of_the_range_in_all_its_batches(space: Space) -> None:
    # More than the 256 KiB of a batch.
    rows = {number.to_bytes(2, "big"): bytes([number % 256]) * 300 for number in range(3_000)}
    await space.write(dict(rows))
    query = found.query(found.make_transaction(space.db), space(), space.end)
    packed = await query._packed(len(space()))
    assert len(packed) == len(rows)
    assert _found._merge_postings([packed], True) == [(key, [rows[key]]) for key in sorted(rows)]
    with pytest.raises(RuntimeError, match="was read, already"):
        query._packed(0)
    # Nothing is left of keys that are shorter.
    empty = found.query(found.make_transaction(space.db), space(), space(b"\0\1"))
    assert _found._merge_postings([await empty._packed(1_000)], True) == [(b"", [rows[b"\0\0"]])]
