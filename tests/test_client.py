"""What the client tells of itself, and what only a cluster has: its status, costs, tenants, mapped ranges."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from support import Space, fails_with

import found

PAGE = 4_096


# ---- the client


async def test_the_status_of_the_client_is_json(db: found.Database) -> None:
    status = await found.get_client_status(db)
    assert isinstance(status, bytes)
    assert isinstance(json.loads(status), dict)


async def test_the_status_counts_the_watches(memory: found.Database) -> None:
    async def watches() -> int:
        return json.loads(await found.get_client_status(memory))["NumWatches"]

    assert await watches() == 0
    async with found.transaction(memory) as tx:
        watch = found.watch(tx, b"k")
        other = found.watch(tx, b"l")
    assert await watches() == 2
    async with found.transaction(memory) as tx:
        found.set(tx, b"k", b"v")
    await watch
    assert await watches() == 1
    other.cancel()
    assert await watches() == 0


async def test_the_servers_protocol_is_that_of_the_client_version(memory: found.Database) -> None:
    protocol = await found.get_server_protocol(memory)
    assert f"{protocol:x}" == found.get_client_version(memory).split(",")[2]


async def test_the_network_thread_is_some_part_of_its_time_busy(db: found.Database) -> None:
    busyness = found.get_main_thread_busyness(db)
    assert isinstance(busyness, float)
    assert 0.0 <= busyness <= 1.0


async def test_a_closed_database_tells_nothing(memory: found.Database) -> None:
    await found.close(memory)
    for function in (
        found.get_client_status,
        found.get_server_protocol,
        found.get_main_thread_busyness,
    ):
        with pytest.raises(RuntimeError, match="closed"):
            function(memory)


@pytest.mark.parametrize(
    "function",
    [found.get_client_status, found.get_server_protocol, found.get_main_thread_busyness],
)
async def test_what_is_no_database_is_refused_by_name(
    memory: found.Database, function: Any
) -> None:
    for foreign in (None, "memory:", found.make_transaction(memory)):
        with pytest.raises(TypeError, match=r"db must be a found\.Database, not "):
            function(foreign)


@pytest.mark.parametrize("expected", [-1, 2**64])
async def test_a_protocol_past_64_bits_is_refused(memory: found.Database, expected: int) -> None:
    with pytest.raises(OverflowError, match="expected"):
        found.get_server_protocol(memory, expected)


# ---- costs


async def test_the_cost_counts_pages_read_and_written(space: Space) -> None:
    await space.write({b"small": b"v", b"large": bytes(10_000)})
    tx = found.make_transaction(space.db)

    async def spent(operation: Callable[[], Any]) -> int:
        before = await found.get_total_cost(tx)
        await operation()
        return await found.get_total_cost(tx) - before

    assert await found.get_total_cost(tx) == 0
    assert await spent(lambda: found.get(tx, space(b"small"))) == PAGE
    assert await spent(lambda: found.get(tx, space(b"large"))) == 3 * PAGE
    # The client writes down what a transaction writes when it is committed.
    assert await spent(lambda: found.set(tx, space(b"k"), bytes(10_000))) == 0
    assert await spent(lambda: found.add(tx, space(b"counter"), b"\1")) == 0
    assert await spent(lambda: found.clear(tx, space(b"gone"), space(b"gonf"))) == 0
    assert await spent(lambda: found.commit(tx)) == (4 * 3 + 4 + 1) * PAGE
    found.reset(tx)
    assert await found.get_total_cost(tx) == 0


async def test_a_transaction_without_tags_is_not_held_back(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.get(tx, space(b"k"))
    duration = await found.get_tag_throttled_duration(tx)
    assert isinstance(duration, float)
    assert duration == 0.0


async def test_a_write_that_cannot_be_is_told_by_the_costs_too(space: Space) -> None:
    for function in (found.get_total_cost, found.get_tag_throttled_duration):
        tx = found.make_transaction(space.db)
        found.set(tx, space(b"k"), bytes(100_001))
        with fails_with(2103):
            await function(tx)


# ---- what the engine has not


async def test_a_tenant_of_the_engine_says_that_there_are_none(memory: found.Database) -> None:
    tenant = found.open_tenant(memory, b"name")
    assert isinstance(tenant, found.Tenant)
    assert (tenant.name, tenant.db, tenant.hooks) == (b"name", memory, memory.hooks)

    async def function(tx: found.Transaction) -> None: ...

    with fails_with(2136):
        found.make_transaction(tenant)
    with fails_with(2136):
        await found.transactional(tenant, function)
    with fails_with(2136):
        async with found.transaction(tenant):
            pass


async def test_a_tenant_keeps_its_database_open(memory: found.Database) -> None:
    async def tenant_of_a_database_forgotten() -> found.Tenant:
        database = await found.open("memory:")
        references.append(weakref.ref(database))
        return found.open_tenant(database, b"name")

    references: list[Any] = []
    tenant = await tenant_of_a_database_forgotten()
    assert references[0]() is tenant.db
    async with found.transaction(tenant.db) as tx:
        found.set(tx, b"k", b"v")
    await found.close(tenant.db)
    with pytest.raises(RuntimeError, match="closed"):
        found.make_transaction(tenant)


async def test_a_tenant_that_cannot_be_is_refused(memory: found.Database) -> None:
    for name in ("name", None, 1, bytearray(b"name")):
        with pytest.raises(TypeError, match=f"name must be bytes, not {type(name).__name__}"):
            found.open_tenant(memory, name)
    for foreign in (None, "memory:", found.make_transaction(memory)):
        with pytest.raises(TypeError, match=r"db must be a found\.Database, not "):
            found.open_tenant(foreign, b"name")
    with pytest.raises(TypeError, match="Tenant"):
        found.Tenant()


async def test_a_mapped_range_that_cannot_be_is_refused(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    with pytest.raises(TypeError, match="mapper must be bytes, not str"):
        found.mapped_query(tx, b"a", b"b", "mapper")
    with pytest.raises(ValueError, match="limit must be"):
        found.mapped_query(tx, b"a", b"b", b"", limit=-1)
    with pytest.raises(ValueError, match="mode must be"):
        found.mapped_query(tx, b"a", b"b", b"", mode=9)
