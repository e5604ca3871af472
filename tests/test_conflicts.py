"""Which transactions conflict: what a read covers, what a write touches, and what is left out of both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from support import Space, fails_with

import found

LETTERS = b"abcdefgh"
# The keys a to h are there; each is probed with the key just after it and one further on.
PROBES = [
    probe
    for letter in (b"`", *(bytes([byte]) for byte in LETTERS), b"i")
    for probe in (letter, letter + b"\x00", letter + b"m")
]

Action = Callable[[found.Transaction, Space], Any]


async def stage(space: Space) -> None:
    await space.write({bytes([letter]): bytes([letter]) for letter in LETTERS})


async def conflicting_writes(space: Space, act: Action) -> set[bytes]:
    """The probes whose writing by another conflicts with what `act` does."""

    async def conflicting(probe: bytes) -> bool:
        part = space.within(b"of %s/" % probe)
        await stage(part)
        return await conflicts(part, act, setting(probe))

    return await choose(conflicting)


async def conflicting_reads(space: Space, other: Action) -> set[bytes]:
    """The probes whose reading conflicts with what `other` does."""

    async def conflicting(probe: bytes) -> bool:
        part = space.within(b"of %s/" % probe)
        await stage(part)
        return await conflicts(part, getting(probe), other)

    return await choose(conflicting)


async def choose(predicate: Callable[[bytes], Awaitable[bool]]) -> set[bytes]:
    chosen = await asyncio.gather(*map(predicate, PROBES))
    return {probe for probe, is_chosen in zip(PROBES, chosen) if is_chosen}


async def conflicts(space: Space, act: Action, other: Action) -> bool:
    """Whether a transaction that acts, and writes elsewhere, fails for what another commits after it."""
    tx = found.make_transaction(space.db)
    await found.read_version(tx)
    done = act(tx, space)
    if isinstance(done, Awaitable):
        await done
    competitor = found.make_transaction(space.db)
    done = other(competitor, space)
    if isinstance(done, Awaitable):
        await done
    await found.commit(competitor)
    found.set(tx, space(b"\xffelsewhere"), b"")
    try:
        await found.commit(tx)
    except found.FoundException as error:
        assert error.code == 1020, error
        assert error.retryable
        assert not error.maybe_committed
        return True
    return False


def setting(suffix: bytes) -> Action:
    return lambda tx, space: found.set(tx, space(suffix), b"!")


def getting(suffix: bytes) -> Action:
    return lambda tx, space: found.get(tx, space(suffix))


def covered(*ranges: tuple[bytes, bytes]) -> set[bytes]:
    """The probes in these ranges, whose ends are excluded."""
    return {probe for probe in PROBES if any(begin <= probe < end for begin, end in ranges)}


# ---- what a read covers


class Read(NamedTuple):
    name: str
    act: Action
    covers: set[bytes]


def ranging(begin: Any, end: Any, **options: Any) -> Action:
    def act(tx: found.Transaction, space: Space) -> Any:
        def place(edge: Any) -> Any:
            if isinstance(edge, found.KeySelector):
                return found.KeySelector(space(edge.key), edge.or_equal, edge.offset)
            return space(edge)

        return found.all(found.query(tx, place(begin), place(end), **options))

    return act


def resolving(selector: found.KeySelector) -> Action:
    return lambda tx, space: found.get_key(
        tx, found.KeySelector(space(selector.key), selector.or_equal, selector.offset)
    )


READS = [
    Read("nothing", lambda tx, space: None, set()),
    Read("get", getting(b"c"), {b"c"}),
    Read("get of a missing key", getting(b"cm"), {b"cm"}),
    Read("snapshot get", lambda tx, space: found.get(tx, space(b"c"), snapshot=True), set()),
    # Rule 6.
    Read("first greater", resolving(found.gt(b"c")), covered((b"c\x00", b"d\x00"))),
    Read("first greater or equal", resolving(found.gte(b"c")), {b"c"}),
    Read(
        "first greater or equal to a missing key",
        resolving(found.gte(b"cm")),
        covered((b"cm", b"d\x00")),
    ),
    Read("last less", resolving(found.lt(b"c")), covered((b"b", b"c"))),
    Read("last less or equal", resolving(found.lte(b"c")), {b"c"}),
    Read(
        "last less or equal to a missing key",
        resolving(found.lte(b"cm")),
        covered((b"c", b"cm\x00")),
    ),
    Read("three keys on", resolving(found.gt(b"c", 3)), covered((b"c\x00", b"f\x00"))),
    Read("two keys back", resolving(found.lt(b"e", -1)), covered((b"c", b"e"))),
    Read("three keys back from gte", resolving(found.gte(b"e", -2)), covered((b"b", b"e"))),
    # Rule 7.
    Read("range", ranging(b"b", b"e"), covered((b"b", b"e"))),
    Read("empty range", ranging(b"c", b"c"), set()),
    Read("range without keys", ranging(b"c\x00", b"d"), covered((b"c\x00", b"d"))),
    Read("snapshot range", ranging(b"b", b"e", snapshot=True), set()),
    Read("limited range", ranging(b"b", b"g", limit=2), covered((b"b", b"c\x00"))),
    Read(
        "range limited to just what is there",
        ranging(b"b", b"d", limit=2),
        covered((b"b", b"c\x00")),
    ),
    Read("range limited past its end", ranging(b"b", b"d", limit=3), covered((b"b", b"d"))),
    Read("reverse range", ranging(b"b", b"e", reverse=True), covered((b"b", b"e"))),
    Read(
        "limited reverse range", ranging(b"b", b"g", reverse=True, limit=2), covered((b"e", b"g"))
    ),
    Read("range given backwards", ranging(b"e", b"b"), covered((b"b", b"e\x00"))),
    Read(
        "limited range given backwards",
        ranging(b"e", b"b", limit=2),
        covered((b"d", b"e\x00")),
    ),
    Read(
        "range of selectors",
        ranging(found.gt(b"b"), found.gt(b"e")),
        covered((b"b\x00", b"e\x00")),
    ),
    Read(
        "range from before its selector's key",
        ranging(found.lt(b"c"), found.gte(b"e")),
        covered((b"b", b"e")),
    ),
]


@pytest.mark.parametrize("read", READS, ids=lambda read: read.name)
async def test_a_read_conflicts_with_writes_to_what_it_covers_and_nothing_else(
    space: Space, read: Read
) -> None:
    assert await conflicting_writes(space, read.act) == read.covers


async def test_an_iteration_conflicts_with_what_it_has_read_so_far(space: Space) -> None:
    await space.write({b"%04d" % number: bytes(100) for number in range(1000)})

    async def begin_to_read(tx: found.Transaction, space: Space) -> None:
        query = found.query(tx, space(), space.end, mode=found.STREAMING_MODE_SMALL)
        await query.__anext__()
        await query.aclose()

    assert await conflicts(space, begin_to_read, setting(b"0000"))
    assert not await conflicts(space, begin_to_read, setting(b"0900"))


async def test_a_read_conflicts_with_nothing_committed_before_it(space: Space) -> None:
    await stage(space)
    tx = found.make_transaction(space.db)
    await space.write({b"c": b"before"})
    assert await found.get(tx, space(b"c")) == b"before"
    found.set(tx, space(b"x"), b"")
    await found.commit(tx)


# ---- what a write touches


def atomically(name: str) -> Action:
    return lambda tx, space: getattr(found, name)(tx, space(b"c"), b"\x01")


def versionstamped_value(tx: found.Transaction, space: Space) -> Any:
    return found.set_versionstamped_value(tx, space(b"c"), bytes(14))


def same_value(tx: found.Transaction, space: Space) -> Any:
    return found.set(tx, space(b"c"), b"c")


WRITES = {
    "set": setting(b"c"),
    "set of the same value": same_value,
    "clear": lambda tx, space: found.clear(tx, space(b"c")),
    "clear of a range": lambda tx, space: found.clear(tx, space(b"b"), space(b"d")),
    "write conflict range": lambda tx, space: found.add_conflict_range(
        tx, space(b"c"), space(b"c\x00"), found.CONFLICT_RANGE_TYPE_WRITE
    ),
    "versionstamped value": versionstamped_value,
    **{
        name: atomically(name)
        for name in (
            "add",
            "bit_and",
            "bit_or",
            "bit_xor",
            "max",
            "min",
            "byte_max",
            "byte_min",
            "append_if_fits",
            "compare_and_clear",
        )
    },
}


@pytest.mark.parametrize("name", WRITES)
async def test_every_kind_of_write_conflicts_with_a_read_of_its_key(
    space: Space, name: str
) -> None:
    await stage(space)
    assert await conflicts(space, getting(b"c"), WRITES[name])
    assert not await conflicts(space, getting(b"d"), WRITES[name])


@pytest.mark.parametrize("name", WRITES)
async def test_writes_alone_never_conflict(space: Space, name: str) -> None:
    await stage(space)
    assert not await conflicts(space, WRITES[name], WRITES["set"])


async def test_a_clear_of_a_missing_key_conflicts_all_the_same(space: Space) -> None:
    assert await conflicts(
        space,
        getting(b"missing"),
        lambda tx, space: found.clear(tx, space(b"missing")),
    )


async def test_a_clear_of_a_range_conflicts_in_all_of_it_but_its_end(space: Space) -> None:
    def other(tx: found.Transaction, space: Space) -> Any:
        return found.clear(tx, space(b"c"), space(b"e"))

    assert await conflicting_reads(space, other) == covered((b"c", b"e"))


async def test_a_versionstamped_key_conflicts_where_it_landed(space: Space) -> None:
    def stamped(tx: found.Transaction, space: Space) -> Any:
        place = len(space(b"log/")).to_bytes(4, "little")
        return found.set_versionstamped_key(tx, space(b"log/") + bytes(10) + place, b"")

    assert await conflicts(space, ranging(b"log/", b"log0"), stamped)
    # It landed after everything that is there.
    assert not await conflicts(space, ranging(b"log/", b"log0", limit=1), stamped)


# ---- what a transaction's own writes take off its reads


class Own(NamedTuple):
    name: str
    write: Action
    depends: bool


OWN = [
    Own("set", setting(b"c"), False),
    Own("clear", lambda tx, space: found.clear(tx, space(b"c")), False),
    Own("clear of a range", lambda tx, space: found.clear(tx, space(b"a"), space(b"d")), False),
    Own("add over what is there", atomically("add"), True),
    Own("add over a set", lambda tx, space: (setting(b"c")(tx, space), add(tx, space)), False),
    Own(
        "add over a clear",
        lambda tx, space: (found.clear(tx, space(b"c")), add(tx, space)),
        False,
    ),
    Own("set over an add", lambda tx, space: (add(tx, space), setting(b"c")(tx, space)), False),
    Own("set of another key", setting(b"d"), True),
]


def add(tx: found.Transaction, space: Space) -> Any:
    return found.add(tx, space(b"c"), b"\x01")


@pytest.mark.parametrize("own", OWN, ids=lambda own: own.name)
async def test_a_read_of_what_only_this_transaction_made_conflicts_with_nothing(
    space: Space, own: Own
) -> None:
    # Rule 9.
    await stage(space)

    async def act(tx: found.Transaction, space: Space) -> None:
        own.write(tx, space)
        await found.get(tx, space(b"c"))

    assert await conflicts(space, act, setting(b"c")) == own.depends

    async def act_by_range(tx: found.Transaction, space: Space) -> None:
        own.write(tx, space)
        await found.all(found.query(tx, space(b"c"), space(b"c\x00")))

    assert await conflicts(space, act_by_range, setting(b"c")) == own.depends


async def test_a_read_before_the_write_conflicts(space: Space) -> None:
    await stage(space)

    async def act(tx: found.Transaction, space: Space) -> None:
        await found.get(tx, space(b"c"))
        found.set(tx, space(b"c"), b"")

    assert await conflicts(space, act, setting(b"c"))


async def test_a_range_conflicts_outside_of_what_this_transaction_wrote_in_it(
    space: Space,
) -> None:
    async def act(tx: found.Transaction, space: Space) -> None:
        found.set(tx, space(b"c"), b"")
        found.clear(tx, space(b"e"), space(b"g"))
        found.add(tx, space(b"d"), b"\x01")
        await found.all(found.query(tx, space(b"b"), space(b"h")))

    # The addition depends on what is there, so that the read of its key does.
    expected = covered((b"b", b"c"), (b"c\x00", b"e"), (b"g", b"h"))
    assert await conflicting_writes(space, act) == expected


# ---- conflict ranges by hand


async def test_a_read_conflict_range_conflicts_as_a_read_does(space: Space) -> None:
    def act(tx: found.Transaction, space: Space) -> None:
        found.add_conflict_range(tx, space(b"c"), space(b"e"), found.CONFLICT_RANGE_TYPE_READ)

    assert await conflicting_writes(space, act) == covered((b"c", b"e"))


async def test_a_write_conflict_range_conflicts_as_a_write_does(space: Space) -> None:
    def other(tx: found.Transaction, space: Space) -> None:
        found.add_conflict_range(tx, space(b"c"), space(b"e"), found.CONFLICT_RANGE_TYPE_WRITE)

    assert await conflicting_reads(space, other) == covered((b"c", b"e"))


async def test_a_read_conflict_range_leaves_out_what_this_transaction_wrote(space: Space) -> None:
    def act(tx: found.Transaction, space: Space) -> None:
        found.set(tx, space(b"c"), b"")
        found.add_conflict_range(tx, space(b"b"), space(b"e"), found.CONFLICT_RANGE_TYPE_READ)

    assert await conflicting_writes(space, act) == covered((b"b", b"c"), (b"c\x00", b"e"))


async def test_a_write_conflict_range_alone_is_committed(space: Space) -> None:
    # Rule 17.
    tx = found.make_transaction(space.db)
    found.add_conflict_range(tx, space(b"c"), space(b"d"), found.CONFLICT_RANGE_TYPE_WRITE)
    await found.commit(tx)
    assert found.get_committed_version(tx) > 0
    assert await space.read() == {}


async def test_a_read_conflict_range_alone_commits_nothing(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.add_conflict_range(tx, space(b"c"), space(b"d"), found.CONFLICT_RANGE_TYPE_READ)
    await found.commit(tx)
    assert found.get_committed_version(tx) == -1


async def test_an_empty_conflict_range_conflicts_with_nothing(space: Space) -> None:
    def act(tx: found.Transaction, space: Space) -> None:
        found.add_conflict_range(tx, space(b"c"), space(b"c"), found.CONFLICT_RANGE_TYPE_READ)

    assert not await conflicts(space, act, setting(b"c"))


async def test_a_snapshot_read_with_a_conflict_range_conflicts_only_there(space: Space) -> None:
    await stage(space)

    async def act(tx: found.Transaction, space: Space) -> None:
        rows = await found.all(found.query(tx, space(), space.end, snapshot=True))
        key = rows[2][0]
        found.add_conflict_range(tx, key, key + b"\x00", found.CONFLICT_RANGE_TYPE_READ)

    assert await conflicts(space, act, setting(b"c"))
    assert not await conflicts(space, act, setting(b"d"))


async def test_the_next_write_and_only_that_one_can_be_kept_out_of_conflicts(
    space: Space,
) -> None:
    def other(tx: found.Transaction, space: Space) -> None:
        found.set_option(tx, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE)
        found.set(tx, space(b"quiet"), b"1")
        found.set(tx, space(b"loud"), b"1")

    assert not await conflicts(space, getting(b"quiet"), other)
    assert await conflicts(space, getting(b"loud"), other)
    rows = await space.read()
    assert (rows[b"quiet"], rows[b"loud"]) == (b"1", b"1")


@pytest.mark.parametrize("name", ["clear", "clear of a range", "add", "versionstamped value"])
async def test_any_kind_of_write_can_be_kept_out_of_conflicts(space: Space, name: str) -> None:
    await stage(space)

    def other(tx: found.Transaction, space: Space) -> None:
        found.set_option(tx, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE)
        WRITES[name](tx, space)

    assert not await conflicts(space, getting(b"c"), other)


# ---- pairs and histories


async def test_a_read_only_transaction_never_conflicts(space: Space) -> None:
    await stage(space)
    tx = found.make_transaction(space.db)
    assert await found.get(tx, space(b"c")) == b"c"
    await space.write({b"c": b"changed"})
    assert await found.get(tx, space(b"c")) == b"c"
    await found.commit(tx)
    assert found.get_committed_version(tx) == -1


async def test_of_two_that_read_what_the_other_writes_one_fails(space: Space) -> None:
    """Write skew, which snapshot isolation lets through."""
    await space.write({b"x": b"1", b"y": b"1"})
    one, two = found.make_transaction(space.db), found.make_transaction(space.db)
    assert await found.get(one, space(b"x")) == await found.get(two, space(b"y")) == b"1"
    found.set(one, space(b"y"), b"0")
    found.set(two, space(b"x"), b"0")
    await found.commit(one)
    with fails_with(1020):
        await found.commit(two)
    assert await space.read() == {b"x": b"1", b"y": b"0"}


async def test_of_two_committed_at_once_one_fails(space: Space) -> None:
    async def attempt(tx: found.Transaction, value: bytes) -> bool:
        await found.get(tx, space(b"k"))
        found.set(tx, space(b"k"), value)
        await barrier.wait()
        try:
            await found.commit(tx)
        except found.FoundException as error:
            assert error.code == 1020
            return False
        return True

    for _ in range(20):
        barrier = Barrier(8)
        won = await asyncio.gather(
            *[attempt(found.make_transaction(space.db), b"%d" % number) for number in range(8)]
        )
        assert won.count(True) == 1
        assert await space.get(b"k") == b"%d" % won.index(True)


class Barrier:
    """Lets nobody on until all have come (asyncio.Barrier is of Python 3.11)."""

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._complete = asyncio.Event()

    async def wait(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._complete.set()
        await self._complete.wait()


async def test_a_key_inserted_into_a_range_that_was_read_is_noticed(space: Space) -> None:
    """A phantom."""
    await space.write({b"seat/1": b"", b"seat/2": b""})

    async def book(tx: found.Transaction, seat: bytes) -> None:
        taken = await found.all(found.query(tx, space(b"seat/"), space(b"seat0")))
        assert len(taken) < 3
        found.set(tx, space(b"seat/" + seat), b"")

    one, two = found.make_transaction(space.db), found.make_transaction(space.db)
    await book(one, b"3")
    await book(two, b"4")
    await found.commit(two)
    with fails_with(1020):
        await found.commit(one)
    assert list(await space.read()) == [b"seat/1", b"seat/2", b"seat/4"]


async def test_a_transaction_does_not_conflict_with_itself_after_on_error(space: Space) -> None:
    await stage(space)
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"c"))
    await space.write({b"c": b"changed"})
    await found.on_error(tx, 1020)
    # The read of before is forgotten.
    found.set(tx, space(b"x"), b"")
    await found.commit(tx)


async def test_what_was_aborted_conflicts_with_nothing(space: Space) -> None:
    await stage(space)

    async def other(tx: found.Transaction, space: Space) -> None:
        loser = found.make_transaction(space.db)
        await found.get(loser, space(b"a"))
        await space.write({b"a": b"changed"})
        found.set(loser, space(b"c"), b"")
        with fails_with(1020):
            await found.commit(loser)

    assert not await conflicts(space, getting(b"c"), other)


async def test_the_keys_at_fault_are_told_if_asked_for(space: Space) -> None:
    # SpecialKeySpace.actor.cpp, ConflictingKeysImpl: "1" begins a range, "0" ends it.
    await stage(space)
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.REPORT_CONFLICTING_KEYS)
    for suffix in (b"a", b"c", b"e"):
        await found.get(tx, space(suffix))
    found.set(tx, space(b"x"), b"")
    await space.write({b"c": b"changed"})
    with fails_with(1020):
        await found.commit(tx)
    prefix = b"\xff\xff/transaction/conflicting_keys/"
    rows = await found.all(found.query(tx, prefix, prefix + b"\xff"))
    assert [(key[len(prefix) :], value) for key, value in rows] == [
        (space(b"c"), b"1"),
        (space(b"c\x00"), b"0"),
    ]
