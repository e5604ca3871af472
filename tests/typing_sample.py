"""What type checkers make of the API: read by pyright and mypy in strict mode, and never run.

`assert_type` fails the check if a type is inferred otherwise than a user would expect; a line with
`# type: ignore` that is no error fails it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from typing import Any, Optional, Union

from typing_extensions import assert_type

import found


async def databases() -> None:
    db = await found.open("memory:")
    assert_type(db, found.Database)
    assert_type(db.hooks, found.Hooks)
    assert_type(await found.close(db), None)
    async with await found.open() as again:
        assert_type(again, found.Database)

    async def begun(tx: found.Transaction) -> None:
        tx.vars["begun"] = True

    async def committed(tx: found.Transaction, stats: found.TransactionStats) -> None:
        assert_type(stats.commit_bytes, int)
        assert_type(stats.elapsed, float)

    db.hooks.on_begin.append(begun)
    db.hooks.on_post_commit.append(committed)
    db.hooks.on_begin.append(committed)  # type: ignore[arg-type]  # it takes more than a transaction


async def operations(tx: found.Transaction) -> None:
    operation = found.get(tx, b"key")
    assert_type(operation, found.Operation[Optional[bytes]])
    assert_type(await operation, Optional[bytes])
    assert_type(operation.result(), Optional[bytes])
    awaitable: Awaitable[Optional[bytes]] = operation
    coroutine: Coroutine[Any, Any, Optional[bytes]] = operation
    del awaitable, coroutine

    operation.add_done_callback(lambda done: assert_type(done.result(), Optional[bytes]))
    assert_type(operation.remove_done_callback(print), int)
    assert_type(operation.cancel("not needed"), bool)

    assert_type(await found.set(tx, b"key", b"value"), None)
    assert_type(await found.clear(tx, b"key", b"other"), None)
    assert_type(await found.get_key(tx, found.gt(b"key") + 1), bytes)
    assert_type(await found.read_version(tx), int)
    assert_type(await found.get_versionstamp(tx), bytes)
    assert_type(await found.get_range_split_points(tx, b"a", b"z", 1000), list[bytes])
    assert_type(await found.get_addresses_for_key(tx, b"key"), list[str])
    assert_type(found.watch(tx, b"key"), found.Future[None])
    either: found.Future[Optional[bytes]] = operation
    del either
    assert_type(found.get_committed_version(tx), int)

    found.get(tx, "key")  # type: ignore[arg-type]  # a key is bytes
    found.get(tx, b"key", True)  # type: ignore[call-arg]  # snapshot is named
    1 + found.gt(b"key")  # type: ignore[operator]  # the int comes second


async def with_asyncio(tx: found.Transaction) -> None:
    get, key = found.get(tx, b"key"), found.get_key(tx, found.lte(b"key"))
    assert_type(await asyncio.gather(get, key), tuple[Optional[bytes], bytes])
    assert_type(await asyncio.wait_for(key, 1), bytes)
    assert_type(await asyncio.shield(key), bytes)
    assert_type(asyncio.create_task(key), asyncio.Task[bytes])
    assert_type(await asyncio.ensure_future(key), bytes)
    done, _ = await asyncio.wait([asyncio.create_task(key)])
    assert_type(done, set[asyncio.Task[bytes]])


def alone(tx: found.Transaction) -> bytes:
    return asyncio.run(found.get_key(tx, found.lte(b"key")))


async def queries(tx: found.Transaction) -> None:
    rows = found.query(tx, b"a", found.gte(b"b"), limit=10, reverse=True)
    assert_type(rows, found.Query)
    async for key, value in rows:
        assert_type((key, value), tuple[bytes, bytes])
    async for row in await found.query(tx, b"a", b"b"):
        assert_type(row, tuple[bytes, bytes])
    assert_type(await found.all(rows), list[tuple[bytes, bytes]])
    assert_type(await found.all(found.limit(rows, 1)), list[tuple[bytes, bytes]])
    assert_type(await asyncio.wait_for(rows.__anext__(), 1), tuple[bytes, bytes])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(rows.aclose)
    plain: found.Query = rows
    del plain
    async for key, value, found_by_it in found.mapped_query(
        tx, b"a", b"b", found.pack(("{V[0]}",))
    ):
        assert_type((key, value), tuple[bytes, bytes])
        assert_type(found_by_it, list[tuple[bytes, bytes]])


async def transactions(db: found.Database) -> None:
    async def length(tx: found.Transaction, key: bytes, default: int = 0) -> int:
        value = await found.get(tx, key)
        return default if value is None else len(value)

    assert_type(await found.transactional(db, length, b"key"), int)
    assert_type(await found.transactional(db, length, b"key", default=1), int)
    assert_type(await found.transactional(db, length, b"key", snapshot=True), int)
    assert_type(await found.transactional(db, found.get, b"key"), Optional[bytes])
    assert_type(await found.transactional(db, found.set, b"key", b"value"), None)

    decorated = found.transactional(length)
    assert_type(await decorated(db, b"key"), int)
    async with found.transaction(db) as tx:
        assert_type(tx, found.Transaction)
        assert_type(await decorated(tx, b"key", default=1), int)

    @found.transactional(snapshot=True)
    async def size(tx: found.Transaction, begin: bytes, end: bytes) -> int:
        return await found.estimated_size_bytes(tx, begin, end)

    assert_type(await size(db, b"a", b"b"), int)

    tenant = found.open_tenant(db, b"name")
    assert_type(tenant.hooks, found.Hooks)
    assert_type(await found.transactional(tenant, length, b"key"), int)
    assert_type(await size(tenant, b"a", b"b"), int)

    def parsed(text: str) -> float:
        return float(text)

    assert_type(await found.co(parsed)("1"), float)


def tuples() -> None:
    stamp = found.Versionstamp(user_version=7)
    assert_type(stamp.tr_version, Optional[bytes])
    assert_type(sorted([stamp, found.Versionstamp.incomplete(3)]), list[found.Versionstamp])
    assert_type(found.pack(("user", 1, None, [b"x"], stamp)), bytes)
    assert_type(found.pack(["user"], prefix=b"p"), bytes)
    assert_type(found.unpack(memoryview(b"")), tuple[Any, ...])
    assert_type(found.range(("user",)), tuple[bytes, bytes])
    assert_type(found.SingleFloat(1).value, float)
    found.pack("user")  # type: ignore[arg-type]  # a str is no tuple


def options(db: found.Database, tx: found.Transaction) -> None:
    found.set_option(tx, found.FDB_TR_OPTION_TIMEOUT, 500)
    found.set_option(tx, found.TransactionOption.READ_YOUR_WRITES_DISABLE)
    found.database_set_option(db, found.FDB_DB_OPTION_MAX_WATCHES, 100)
    found.add_conflict_range(tx, b"a", b"b", found.CONFLICT_RANGE_TYPE_READ)
    error = found.FoundException(1020)
    code: Union[int, bool] = error.code if error.retryable else error.maybe_committed
    assert_type(found.error_predicate(found.ERROR_PREDICATE_RETRYABLE, code), bool)
