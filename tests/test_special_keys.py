"""Special keys, those from \\xff\\xff on: what tools read of an embedded database, and what they may clear."""

from __future__ import annotations

import json
from typing import Any

from support import Space, fails_with

import found

STATUS = b"\xff\xff/status/json"
TENANTS = (b"\xff\xff/management/tenant/map/", b"\xff\xff/management/tenant/map0")


async def status(db: found.Database) -> dict[str, Any]:
    value = await found.get(found.make_transaction(db), STATUS)
    assert value is not None
    return json.loads(value)


async def test_the_status_is_json_with_the_sections_that_tools_read(db: found.Database) -> None:
    document = await status(db)
    client, cluster = document["client"], document["cluster"]
    assert client["database_status"] == {"available": True, "healthy": True}
    assert client["coordinators"]["quorum_reachable"] is True
    assert isinstance(client["cluster_file"]["path"], str)
    assert client["timestamp"] > 1_700_000_000
    assert cluster["database_available"] is True
    assert cluster["data"]["state"]["healthy"] is True
    assert cluster["recovery_state"]["name"] == "fully_recovered"
    assert cluster["database_lock_state"]["locked"] is False
    assert isinstance(cluster["processes"], dict)
    assert isinstance(cluster["machines"], dict)
    assert isinstance(cluster["messages"], list)
    assert isinstance(cluster["layers"], dict)
    assert cluster["generation"] >= 1
    assert isinstance(cluster["configuration"]["storage_engine"], str)


async def test_the_status_does_not_claim_to_be_a_clusters(memory: found.Database) -> None:
    document = await status(memory)
    assert document["client"]["embedded"]["Embedded"] == "memory"
    cluster = document["cluster"]
    assert cluster["configuration"]["storage_engine"] == "embedded-memory"
    assert cluster["processes"] == cluster["machines"] == {}
    assert [message["name"] for message in cluster["messages"]] == ["embedded_database"]
    assert cluster["fault_tolerance"]["max_zone_failures_without_losing_data"] == 0


async def test_the_status_knows_how_much_there_is(memory: found.Database) -> None:
    async def size() -> int:
        return (await status(memory))["cluster"]["data"]["total_kv_size_bytes"]

    assert await size() == 0
    await found.transactional(memory, found.set, b"k", bytes(5_000))
    assert await size() >= 5_000


async def test_a_tool_that_forgets_the_tenants_does_not_fail(memory: found.Database) -> None:
    # As FoundationDB's binding tester does before each test.
    tx = found.make_transaction(memory)
    found.set_option(tx, found.TransactionOption.SPECIAL_KEY_SPACE_ENABLE_WRITES)
    assert await found.all(found.query(tx, *TENANTS)) == []
    found.clear(tx, *TENANTS)
    found.set(tx, b"k", b"v")
    await found.commit(tx)
    assert await found.get(found.make_transaction(memory), b"k") == b"v"


async def test_there_are_no_workers_and_the_connection_string_is_the_address(
    memory: found.Database,
) -> None:
    tx = found.make_transaction(memory)
    begin, end = b"\xff\xff/worker_interfaces/", b"\xff\xff/worker_interfaces0"
    assert await found.all(found.query(tx, begin, end)) == []
    assert await found.get(tx, b"\xff\xff/connection_string") == b"memory:"


async def test_conflicting_keys_are_those_of_the_last_commit(space: Space) -> None:
    prefix = b"\xff\xff/transaction/conflicting_keys/"

    async def told(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        rows = await found.all(found.query(tx, prefix, prefix + b"\xff"))
        return [(key[len(prefix) :], value) for key, value in rows]

    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.REPORT_CONFLICTING_KEYS)
    await found.all(found.query(tx, space(b"a"), space(b"c")))
    await found.get(tx, space(b"x"))
    found.set(tx, space(b"w"), b"")
    await space.write({b"b": b"", b"x": b"", b"z": b""})
    assert await told(tx) == []
    with fails_with(1020):
        await found.commit(tx)
    assert await told(tx) == [
        (space(b"a"), b"1"),
        (space(b"c"), b"0"),
        (space(b"x"), b"1"),
        (space(b"x\x00"), b"0"),
    ]
