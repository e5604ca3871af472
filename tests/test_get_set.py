"""Single keys: get, set and clear, in one transaction and from one to the next."""

from __future__ import annotations

import asyncio

import pytest
from support import Space, fails_with

import found


async def test_a_key_that_is_missing_is_none_and_an_empty_value_is_not(space: Space) -> None:
    await space.write({b"empty": b""})
    tx = found.make_transaction(space.db)
    assert await found.get(tx, space(b"empty")) == b""
    assert await found.get(tx, space(b"missing")) is None


async def test_a_write_is_seen_by_its_own_transaction_before_the_commit(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.set(tx, space(b"a"), b"1")
    assert await found.get(tx, space(b"a")) == b"1"
    assert await space.get(b"a") is None
    await found.commit(tx)
    assert await space.get(b"a") == b"1"


async def test_a_write_is_made_by_the_call_not_by_the_await(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"a"), b"1")
    found.set(tx, space(b"b"), b"2")
    found.clear(tx, space(b"a"))
    await found.commit(tx)
    assert await space.read() == {b"b": b"2"}


async def test_the_last_write_of_a_key_counts(space: Space) -> None:
    await space.write({b"cleared": b"0", b"set": b"0"})
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"cleared"), b"1")
    found.clear(tx, space(b"cleared"))
    found.clear(tx, space(b"set"))
    found.set(tx, space(b"set"), b"1")
    found.set(tx, space(b"set"), b"2")
    assert await found.get(tx, space(b"cleared")) is None
    assert await found.get(tx, space(b"set")) == b"2"
    await found.commit(tx)
    assert await space.read() == {b"set": b"2"}


async def test_an_abandoned_transaction_writes_nothing(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"a"), b"1")
    await found.get(tx, space(b"a"))
    del tx
    assert await space.read() == {}


async def test_a_transaction_reads_at_one_version_whatever_is_committed_meanwhile(
    space: Space,
) -> None:
    await space.write({b"a": b"old", b"b": b"old"})
    tx = found.make_transaction(space.db)
    assert await found.get(tx, space(b"a")) == b"old"
    await space.write({b"a": b"new", b"b": None, b"c": b"new"})
    assert await found.get(tx, space(b"a")) == b"old"
    assert await found.get(tx, space(b"b")) == b"old"
    assert await found.get(tx, space(b"c")) is None
    assert await space.read(tx) == {b"a": b"old", b"b": b"old"}
    assert await space.read() == {b"a": b"new", b"c": b"new"}


async def test_a_commit_is_seen_by_every_transaction_that_begins_after_it(space: Space) -> None:
    for number in range(50):
        await space.write({b"n": b"%d" % number})
        assert await space.get(b"n") == b"%d" % number


async def test_every_byte_may_be_in_a_key_and_a_value(space: Space) -> None:
    pairs = {bytes([byte]): bytes([255 - byte]) * 3 for byte in range(256)}
    pairs[bytes(range(256))] = bytes(range(256))
    await space.write(pairs)
    assert await space.read() == pairs
    tx = found.make_transaction(space.db)
    for suffix, value in pairs.items():
        assert await found.get(tx, space(suffix)) == value


async def test_keys_and_values_at_their_limits_are_kept(space: Space) -> None:
    suffix = b"k" * (10_000 - len(space.prefix))
    value = bytes(range(250)) * 400
    assert (len(space(suffix)), len(value)) == (10_000, 100_000)
    await space.write({suffix: value})
    assert await space.get(suffix) == value
    assert await space.read() == {suffix: value}


async def test_the_empty_key_is_a_key(memory: found.Database) -> None:
    space = Space(memory, b"\x00")
    tx = found.make_transaction(memory)
    found.set(tx, b"", b"root")
    await found.commit(tx)
    tx = found.make_transaction(memory)
    assert await found.get(tx, b"") == b"root"
    assert await found.all(found.query(tx, b"", b"\xff")) == [(b"", b"root")]
    found.clear(tx, b"")
    await found.commit(tx)
    assert await found.get(found.make_transaction(memory), b"") is None
    assert await space.read() == {}


async def test_clear_takes_one_key_and_no_key_that_extends_it(space: Space) -> None:
    await space.write({b"a": b"1", b"a\x00": b"2", b"aa": b"3", b"b": b"4"})
    await space.write({b"a": None, b"missing": None})
    assert await space.read() == {b"a\x00": b"2", b"aa": b"3", b"b": b"4"}


async def test_clear_of_a_range_leaves_its_end(space: Space) -> None:
    await space.write(dict.fromkeys((b"a", b"b", b"b\x00", b"c", b"d"), b""))
    tx = found.make_transaction(space.db)
    await found.clear(tx, space(b"b"), space(b"c"))
    assert list(await space.read(tx)) == [b"a", b"c", b"d"]
    assert await found.get(tx, space(b"b\x00")) is None
    await found.commit(tx)
    assert list(await space.read()) == [b"a", b"c", b"d"]


async def test_clear_of_an_empty_range_clears_nothing(space: Space) -> None:
    await space.write({b"a": b"1"})
    tx = found.make_transaction(space.db)
    found.clear(tx, space(b"a"), space(b"a"))
    assert await found.get(tx, space(b"a")) == b"1"
    await found.commit(tx)
    assert await space.read() == {b"a": b"1"}


async def test_overlapping_clears_and_sets_come_out_in_the_order_they_were_made(
    space: Space,
) -> None:
    await space.write({b"%d" % number: b"old" for number in range(10)})
    tx = found.make_transaction(space.db)
    found.clear(tx, space(b"2"), space(b"6"))
    found.set(tx, space(b"3"), b"new")
    found.clear(tx, space(b"5"), space(b"8"))
    found.set(tx, space(b"5"), b"new")
    found.clear(tx, space(b"3"))
    found.set(tx, space(b"45"), b"new")
    expected = {b"%d" % number: b"old" for number in (0, 1, 8, 9)} | {b"45": b"new", b"5": b"new"}
    assert await space.read(tx) == expected
    await found.commit(tx)
    assert await space.read() == expected


async def test_reads_asked_for_together_are_answered_each_with_its_own(space: Space) -> None:
    await space.write({b"%03d" % number: b"%d" % (number * number) for number in range(200)})
    tx = found.make_transaction(space.db)
    reads = [found.get(tx, space(b"%03d" % number)) for number in range(200)]
    # Not in the order they were asked for.
    for number in reversed(range(200)):
        assert await reads[number] == b"%d" % (number * number)
    again = [found.get(tx, space(b"%03d" % number)) for number in range(200)]
    assert await asyncio.gather(*again) == [b"%d" % (number**2) for number in range(200)]


async def test_a_read_that_was_asked_for_survives_its_transaction(space: Space) -> None:
    await space.write({b"a": b"1"})
    assert await found.get(found.make_transaction(space.db), space(b"a")) == b"1"


async def test_a_read_sees_the_writes_made_before_it_not_after(space: Space) -> None:
    tx = found.make_transaction(space.db)
    before = found.get(tx, space(b"a"))
    found.set(tx, space(b"a"), b"1")
    after = found.get(tx, space(b"a"))
    found.set(tx, space(b"a"), b"2")
    assert await asyncio.gather(before, after) == [None, b"1"]


async def test_snapshot_reads_see_the_transactions_writes(space: Space) -> None:
    # Since API version 300 (rule 12).
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"a"), b"1")
    assert await found.get(tx, space(b"a"), snapshot=True) == b"1"
    found.set_option(tx, found.TransactionOption.SNAPSHOT_RYW_DISABLE)
    assert await found.get(tx, space(b"a"), snapshot=True) is None
    assert await found.get(tx, space(b"a")) == b"1"
    found.set_option(tx, found.TransactionOption.SNAPSHOT_RYW_ENABLE)
    assert await found.get(tx, space(b"a"), snapshot=True) == b"1"


async def test_without_read_your_writes_reads_see_what_is_committed(space: Space) -> None:
    await space.write({b"a": b"old"})
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.READ_YOUR_WRITES_DISABLE)
    found.set(tx, space(b"a"), b"new")
    found.set(tx, space(b"b"), b"new")
    assert await found.get(tx, space(b"a")) == b"old"
    assert await space.read(tx) == {b"a": b"old"}
    await found.commit(tx)
    assert await space.read() == {b"a": b"new", b"b": b"new"}


async def test_system_keys_are_refused_without_the_option(db: found.Database) -> None:
    for key in (b"\xff", b"\xff/conf", b"\xff\xfe"):
        with fails_with(2004):
            await found.get(found.make_transaction(db), key)


async def test_the_metadata_version_may_be_read_by_all(db: found.Database) -> None:
    value = await found.get(found.make_transaction(db), b"\xff/metadataVersion")
    assert value is None or len(value) == 10


async def test_a_key_too_long_to_exist_reads_as_missing(space: Space) -> None:
    tx = found.make_transaction(space.db)
    assert await found.get(tx, space(b"k" * 10_000)) is None
    # And clearing it is no error either (rule 4).
    found.clear(tx, space(b"k" * 10_000))
    found.set(tx, space(b"a"), b"1")
    await found.commit(tx)
    assert await space.read() == {b"a": b"1"}


async def test_range_ends_too_long_to_be_keys_are_cut(space: Space) -> None:
    await space.write({b"a": b"1", b"b": b"2", b"c": b"3"})
    tx = found.make_transaction(space.db)
    long = b"\xff" * 20_000
    assert await found.all(found.query(tx, space(b"a" + long), space(b"b" + long))) == [
        (space(b"b"), b"2")
    ]
    found.clear(tx, space(b"a" + long), space(b"b" + long))
    await found.commit(tx)
    assert await space.read() == {b"a": b"1", b"c": b"3"}


async def test_a_thousand_transactions_at_once_all_commit(space: Space) -> None:
    async def write(number: int) -> None:
        async def one(tx: found.Transaction) -> None:
            found.set(tx, space(b"%04d" % number), b"%d" % number)

        await found.transactional(space.db, one)

    await asyncio.gather(*map(write, range(1000)))
    assert await space.read() == {b"%04d" % number: b"%d" % number for number in range(1000)}


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_535, 65_536, 99_999])
async def test_values_of_every_size_come_back_whole(space: Space, size: int) -> None:
    value = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    await space.write({b"v": value})
    assert await space.get(b"v") == value
    assert await space.read() == {b"v": value}
