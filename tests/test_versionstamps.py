"""Versionstamps: keys and values that the commit completes, in commit order."""

from __future__ import annotations

import asyncio

import pytest
from support import Space, fails_with

import found

PLACE = bytes(10)


def at(offset: int) -> bytes:
    """Where the stamp goes, as it stands at the end of a key or value (rule 15)."""
    return offset.to_bytes(4, "little", signed=True)


async def test_a_stamp_in_a_value_is_the_commits_own(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    found.set_versionstamped_value(tx, space(b"k"), b"<" + PLACE + b">" + at(1))
    await found.commit(tx)
    value = await space.get(b"k")
    assert value == b"<" + await stamp + b">"
    assert len(await stamp) == 10
    assert int.from_bytes((await stamp)[:8], "big") == found.get_committed_version(tx)


async def test_a_stamp_in_a_key_is_the_commits_own(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    key = space(b"log/") + PLACE + b"/end"
    found.set_versionstamped_key(tx, key + at(len(space(b"log/"))), b"value")
    await found.commit(tx)
    assert await space.read() == {b"log/" + await stamp + b"/end": b"value"}


async def test_stamps_sort_in_commit_order(space: Space) -> None:
    stamps = []
    for number in range(20):
        tx = found.make_transaction(space.db)
        stamps.append(found.get_versionstamp(tx))
        place = at(len(space(b"log/")))
        found.set_versionstamped_key(tx, space(b"log/") + PLACE + place, b"%d" % number)
        await found.commit(tx)
    log = await space.read()
    assert [int(value) for value in log.values()] == list(range(20))
    assert [suffix[4:] for suffix in log] == [await stamp for stamp in stamps]


async def test_stamps_of_commits_made_at_once_are_all_different(space: Space) -> None:
    async def append(number: int) -> bytes:
        tx = found.make_transaction(space.db)
        stamp = found.get_versionstamp(tx)
        place = at(len(space(b"log/")))
        found.set_versionstamped_key(tx, space(b"log/") + PLACE + place, b"%d" % number)
        await found.commit(tx)
        return await stamp

    stamps = await asyncio.gather(*map(append, range(100)))
    assert len(set(stamps)) == 100
    log = await space.read()
    expected = {b"log/" + stamp: b"%d" % number for number, stamp in enumerate(stamps)}
    assert log == expected


async def test_all_stamps_of_one_commit_are_one(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamps = [found.get_versionstamp(tx), found.get_versionstamp(tx)]
    for name in (b"a", b"b"):
        found.set_versionstamped_value(tx, space(name), PLACE + at(0))
    place = at(len(space(b"k/")))
    found.set_versionstamped_key(tx, space(b"k/") + PLACE + b"\x00" + place, b"")
    found.set_versionstamped_key(tx, space(b"k/") + PLACE + b"\x01" + place, b"")
    await found.commit(tx)
    first, second = await asyncio.gather(*stamps)
    assert first == second
    assert await space.read() == {
        b"a": first,
        b"b": first,
        b"k/" + first + b"\x00": b"",
        b"k/" + first + b"\x01": b"",
    }


async def test_packed_tuples_carry_their_stamp(space: Space) -> None:
    prefix = space(b"events")
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    for order, name in enumerate(("first", "second")):
        key = found.pack_with_versionstamp((prefix, found.Versionstamp(user_version=order)))
        await found.set_versionstamped_key(tx, key, found.pack((name,)))
    await found.commit(tx)
    begin, end = found.range((prefix,))
    rows = await found.all(found.query(found.make_transaction(space.db), begin, end))
    got = [(found.unpack(key)[1], *found.unpack(value)) for key, value in rows]
    found_stamps = [found.Versionstamp(await stamp, order) for order in (0, 1)]
    assert got == [(found_stamps[0], "first"), (found_stamps[1], "second")]

    async def clear(tx: found.Transaction) -> None:
        found.clear(tx, begin, end)

    await found.transactional(space.db, clear)


async def test_a_stamped_value_cannot_be_read_before_the_commit(space: Space) -> None:
    # Rules 13 and 14: nobody knows it yet.
    await space.write({b"a": b"", b"k": b"old", b"z": b""})
    for snapshot in (False, True):
        tx = found.make_transaction(space.db)
        found.set_versionstamped_value(tx, space(b"k"), PLACE + at(0))
        with fails_with(1036):
            await found.get(tx, space(b"k"), snapshot=snapshot)
        with fails_with(1036):
            await found.all(found.query(tx, space(), space.end, snapshot=snapshot))
        # What lies beside it can be.
        assert await found.get(tx, space(b"a"), snapshot=snapshot) == b""
        assert len(await found.all(found.query(tx, space(b"l"), space.end))) == 1


async def test_a_later_set_stays_unreadable_and_a_clear_does_not(space: Space) -> None:
    # Rule 14.
    tx = found.make_transaction(space.db)
    found.set_versionstamped_value(tx, space(b"set"), PLACE + at(0))
    found.set(tx, space(b"set"), b"1")
    found.set_versionstamped_value(tx, space(b"cleared"), PLACE + at(0))
    found.clear(tx, space(b"cleared"))
    assert await found.get(tx, space(b"cleared")) is None
    await found.commit(tx)
    assert await space.read() == {b"set": b"1"}
    tx = found.make_transaction(space.db)
    found.set_versionstamped_value(tx, space(b"set"), PLACE + at(0))
    found.set(tx, space(b"set"), b"2")
    with fails_with(1036):
        await found.get(tx, space(b"set"))


async def test_unreadable_keys_can_be_read_around_with_the_option(space: Space) -> None:
    await space.write({b"k": b"old"})
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.BYPASS_UNREADABLE)
    found.set_versionstamped_value(tx, space(b"k"), PLACE + at(0))
    await found.get(tx, space(b"k"))
    await found.commit(tx)
    value = await space.get(b"k")
    assert value is not None
    assert len(value) == 10


async def test_where_a_stamped_key_may_land_cannot_be_read_before_the_commit(
    space: Space,
) -> None:
    tx = found.make_transaction(space.db)
    place = at(len(space(b"log/")))
    found.set_versionstamped_key(tx, space(b"log/") + PLACE + place, b"")
    with fails_with(1036):
        await found.get(tx, space(b"log/") + b"\xff" * 9)
    with fails_with(1036):
        await found.all(found.query(tx, space(b"log/"), space(b"log0")))
    assert await found.get(tx, space(b"log")) is None
    assert await found.get(tx, space(b"log0")) is None


async def test_a_read_of_an_unreadable_key_fails_the_commit_too(space: Space) -> None:
    # ReadYourWrites.actor.cpp: what get adds to `reading`, RYWImpl::commit waits for.
    tx = found.make_transaction(space.db)
    found.set_versionstamped_value(tx, space(b"k"), PLACE + at(0))
    with fails_with(1036) as raised:
        await found.get(tx, space(b"k"))
    assert not raised.value.retryable
    with fails_with(1036):
        await found.commit(tx)
    assert await space.read() == {}


@pytest.mark.parametrize("function", ["set_versionstamped_key", "set_versionstamped_value"])
@pytest.mark.parametrize(
    ("body", "offset"),
    [(10, 1), (10, -1), (9, 0), (20, 11), (20, 2**31 - 1), (20, -(2**31))],
)
async def test_a_place_outside_of_the_bytes_is_refused_by_the_commit(
    space: Space, function: str, body: int, offset: int
) -> None:
    tx = found.make_transaction(space.db)
    stamped = bytes(body) + at(offset)
    if function == "set_versionstamped_key":
        found.set_versionstamped_key(tx, stamped, b"")
    else:
        found.set_versionstamped_value(tx, space(b"k"), stamped)
    with fails_with(2000):
        await found.commit(tx)
    assert await space.read() == {}


@pytest.mark.parametrize("size", range(4))
async def test_bytes_without_room_for_a_place_are_refused(space: Space, size: int) -> None:
    for call in (
        lambda tx: found.set_versionstamped_value(tx, space(b"k"), bytes(size)),
        lambda tx: found.set_versionstamped_key(tx, bytes(size), b""),
    ):
        tx = found.make_transaction(space.db)
        call(tx)
        with fails_with(2000):
            await found.commit(tx)


async def test_the_stamp_is_there_after_the_commit_not_before(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    found.set(tx, space(b"k"), b"v")
    await asyncio.sleep(0)
    assert not stamp.done()
    await found.commit(tx)
    assert len(await stamp) == 10
    # Too late to ask.
    with fails_with(2017):
        await found.get_versionstamp(tx)


async def test_a_transaction_that_wrote_nothing_has_no_stamp(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    await found.get(tx, space(b"k"))
    await found.commit(tx)
    with fails_with(2021):
        await stamp


async def test_a_commit_that_failed_has_no_stamp(space: Space) -> None:
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    await found.get(tx, space(b"k"))
    found.set(tx, space(b"k"), b"mine")
    await space.write({b"k": b"theirs"})
    with fails_with(1020):
        await found.commit(tx)
    with fails_with(2020):
        await stamp


@pytest.mark.parametrize(("end", "code"), [("reset", 1100), ("on_error", 1100), ("cancel", 1025)])
async def test_the_end_of_a_try_ends_the_wait_for_a_stamp(
    space: Space, end: str, code: int
) -> None:
    # NativeAPI.actor.cpp, Transaction::resetImpl: the promise of the stamp goes with the state of the try.
    tx = found.make_transaction(space.db)
    stamp = found.get_versionstamp(tx)
    if end == "reset":
        found.reset(tx)
    elif end == "cancel":
        found.cancel(tx)
    else:
        await found.on_error(tx, 1020)
    with fails_with(code):
        await stamp


async def test_the_metadata_version_takes_the_stamp_of_the_commit(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    stamp = found.get_versionstamp(tx)
    found.set_versionstamped_value(tx, b"\xff/metadataVersion", bytes(14))
    await found.commit(tx)
    tx = found.make_transaction(memory)
    assert await found.get(tx, b"\xff/metadataVersion") == await stamp
