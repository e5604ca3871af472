"""Where keys are: the boundaries of shards, and the addresses of servers."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest
from conftest import CLUSTER_FILE
from support import fails_with

import found
from found import locality

MAP = b"\xff/keyServers/"
BOUNDARIES = [b"%04d" % number for number in range(2500)]


async def boundaries(db_or_tx: Any, begin: bytes = b"", end: bytes = b"\xff") -> list[bytes]:
    return await found.all(locality.get_boundary_keys(db_or_tx, begin, end))


async def split(db: found.Database, keys: list[bytes]) -> None:
    """Make shards begin at these keys, as far as the system keys say."""
    tx = found.make_transaction(db)
    found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
    for key in keys:
        found.set(tx, MAP + key, b"")
    await found.commit(tx)


async def test_a_shard_begins_at_the_first_key(db: found.Database) -> None:
    keys = await boundaries(db)
    assert keys[0] == b""
    assert keys == sorted(set(keys))
    if not CLUSTER_FILE:
        assert keys == [b""]
        assert await boundaries(db, b"a", b"z") == []
    assert await boundaries(db, b"", b"") == []
    assert await boundaries(db, b"z", b"a") == []


async def test_boundaries_are_those_from_begin_to_end(memory: found.Database) -> None:
    await split(memory, BOUNDARIES)
    assert await boundaries(memory) == [b"", *BOUNDARIES]
    assert await boundaries(memory, b"0500", b"2000") == BOUNDARIES[500:2000]
    assert await boundaries(memory, b"0499\x00", b"2000\x00") == BOUNDARIES[500:2001]
    # As many as are asked for at a time, and one more and less.
    for count in (999, 1000, 1001):
        assert await boundaries(memory, b"0000", b"%04d" % count) == BOUNDARIES[:count]


async def test_they_can_be_given_up_halfway(memory: found.Database) -> None:
    await split(memory, BOUNDARIES)
    keys = locality.get_boundary_keys(memory, b"", b"\xff")
    assert await keys.__anext__() == b""
    assert await keys.__anext__() == b"0000"
    await keys.aclose()
    assert await found.all(keys) == []
    limited = found.limit(locality.get_boundary_keys(memory, b"0", b"\xff"), 1200)
    assert await found.all(limited) == BOUNDARIES[:1200]


async def test_a_transaction_is_asked_for_its_read_version_alone(memory: found.Database) -> None:
    await split(memory, [b"a"])
    tx = found.make_transaction(memory)
    await found.read_version(tx)
    await split(memory, [b"b"])
    assert await boundaries(tx) == [b"", b"a"]
    assert await boundaries(memory) == [b"", b"a", b"b"]
    # It reads no system keys yet, and conflicts with nothing.
    with fails_with(2004):
        await found.get(tx, MAP)
    tx = found.make_transaction(memory)
    await boundaries(tx)
    await split(memory, [b"c"])
    found.set(tx, b"k", b"v")
    await found.commit(tx)


class Failing:
    """Raises errors in the place of reads, by the number of the read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, errors: dict[int, int]) -> None:
        self.reads = 0
        self.errors = errors
        self.read = locality._all
        monkeypatch.setattr(locality, "_all", self)

    def __call__(self, query: Any) -> Awaitable[Any]:
        self.reads += 1
        code = self.errors.get(self.reads)
        return self.read(query) if code is None else self._fail(code)

    async def _fail(self, code: int) -> None:
        raise found.FoundException(code)


async def test_a_list_that_takes_longer_than_a_transaction_goes_on(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await split(memory, BOUNDARIES)
    failing = Failing(monkeypatch, {2: 1007, 4: 1007})
    keys = locality.get_boundary_keys(memory, b"", b"\xff")
    listed = [await keys.__anext__() for _ in range(1000)]
    # What comes after the error is of a later version.
    await split(memory, [b"0999\xff", b"9"])
    listed += await found.all(keys)
    assert listed == [b"", *BOUNDARIES[:1000], b"0999\xff", *BOUNDARIES[1000:], b"9"]
    assert failing.reads == 5


@pytest.mark.parametrize("code", [1007, 1009, 1037])
async def test_an_error_that_passes_is_waited_out(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    tx = found.make_transaction(memory)
    failing = Failing(monkeypatch, {1: code, 2: code})
    assert await boundaries(tx) == [b""]
    assert failing.reads == 3


async def test_an_error_that_stays_is_raised(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, {1: 1510})
    with fails_with(1510):
        await boundaries(memory)
    tx = found.make_transaction(memory)
    found.cancel(tx)
    with fails_with(1025):
        await boundaries(tx)


async def test_a_key_is_at_an_address(db: found.Database) -> None:
    tx = found.make_transaction(db)
    (address, *_) = await locality.get_addresses_for_key(db, b"k")
    assert address
    assert await locality.get_addresses_for_key(tx, b"k") == await found.get_addresses_for_key(
        tx, b"k"
    )
    if not CLUSTER_FILE:
        assert address == "embedded"


async def test_what_is_no_database_or_key_is_refused(memory: found.Database) -> None:
    for foreign in (None, "memory:", b"k"):
        with pytest.raises(TypeError, match=r"db_or_tx must be a found\.Database or a found\.Tr"):
            locality.get_boundary_keys(foreign, b"", b"\xff")  # type: ignore[arg-type]
    for begin, end, name in [("", b"\xff", "begin"), (b"", "\xff", "end"), (b"", None, "end")]:
        with pytest.raises(TypeError, match=f"{name} must be bytes, not "):
            locality.get_boundary_keys(memory, begin, end)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="key must be bytes, not str"):
        await locality.get_addresses_for_key(memory, "k")  # type: ignore[arg-type]
