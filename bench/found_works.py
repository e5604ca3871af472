"""What is measured of `found`: this driver, and any other of its API, the 0.13 series among them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

import found
from bench.loops import new_event_loop
from bench.rows import (
    AT_ONCE,
    BEGIN,
    COUNTER,
    HOT,
    KEY,
    ONE_KEY,
    OPTION_TIMEOUT,
    PREFIX,
    PREFIX_END,
    ROWS,
    ROWS_A_TRANSACTION,
    TIMEOUT,
    TRANSACTIONS_AT_ONCE,
    VALUE,
    plus_one,
    scattered,
)


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    loop = new_event_loop()
    db = loop.run_until_complete(found.open(address))
    found.database_set_option(db, OPTION_TIMEOUT, TIMEOUT.to_bytes(8, "little"))

    async def fill_rows(tx: found.Transaction, start: int, stop: int) -> None:
        for i in range(start, stop):
            await found.set(tx, KEY % i, VALUE)

    async def fill(count: int) -> None:
        stop = count or ROWS
        for start in range(0, stop, ROWS_A_TRANSACTION):
            end = min(start + ROWS_A_TRANSACTION, stop)
            await found.transactional(db, fill_rows, start, end)

    async def clear(_: int) -> None:
        await found.transactional(db, found.clear, PREFIX, PREFIX_END)

    async def at_a_version() -> found.Transaction:
        tx = found.make_transaction(db)
        await found.read_version(tx)
        return tx

    async def same_key(count: int) -> float:
        tx = await at_a_version()
        assert await found.get(tx, ONE_KEY) == VALUE
        get = found.get
        began = time.perf_counter()
        for _ in range(count):
            await get(tx, ONE_KEY)
        return time.perf_counter() - began

    async def sequential(count: int) -> float:
        tx = await at_a_version()
        keys = scattered(count)
        get = found.get
        began = time.perf_counter()
        for key in keys:
            await get(tx, key)
        return time.perf_counter() - began

    async def gathered(count: int) -> float:
        keys = scattered(AT_ONCE)
        get = found.get
        seconds = 0.0
        for _ in range(count // AT_ONCE):
            tx = await at_a_version()
            began = time.perf_counter()
            values = await asyncio.gather(*[get(tx, key) for key in keys])
            seconds += time.perf_counter() - began
            assert values == [VALUE] * AT_ONCE
        return seconds

    async def issued(count: int) -> float:
        keys = scattered(AT_ONCE)
        get = found.get
        # The call of a coroutine function starts nothing: that takes a task.
        first: Any = get(await at_a_version(), keys[0])
        begins_at_the_call = asyncio.isfuture(first)
        await first
        seconds = 0.0
        for _ in range(count // AT_ONCE):
            tx = await at_a_version()
            began = time.perf_counter()
            operations: list[Any] = [get(tx, key) for key in keys]
            if not begins_at_the_call:
                operations = [loop.create_task(operation) for operation in operations]
            values = [await operation for operation in operations]
            seconds += time.perf_counter() - began
            assert values == [VALUE] * AT_ONCE
        return seconds

    async def all_rows(count: int) -> float:
        tx = await at_a_version()
        began = time.perf_counter()
        rows = await found.all(found.query(tx, BEGIN, KEY % count))
        seconds = time.perf_counter() - began
        assert len(rows) == count
        return seconds

    async def iterated_rows(count: int) -> float:
        tx = await at_a_version()
        seen = 0
        began = time.perf_counter()
        async for _key, _value in found.query(tx, BEGIN, KEY % count):
            seen += 1
        seconds = time.perf_counter() - began
        assert seen == count
        return seconds

    async def count_up(tx: found.Transaction, key: bytes) -> None:
        counter = await found.get(tx, key)
        await found.set(tx, key, plus_one(counter or b""))

    async def transactions_in_turn(count: int) -> float:
        key = COUNTER % 0
        before = await sum_of([key])
        began = time.perf_counter()
        for _ in range(count):
            await found.transactional(db, count_up, key)
        seconds = time.perf_counter() - began
        assert await sum_of([key]) == before + count
        return seconds

    async def sum_of(keys: list[bytes]) -> int:
        tx = found.make_transaction(db)
        return sum([int.from_bytes(await found.get(tx, key) or b"", "little") for key in keys])

    def transactions(counters: int) -> Callable[[int], Awaitable[float]]:
        keys = [COUNTER % (i % counters) for i in range(TRANSACTIONS_AT_ONCE)]

        async def run(count: int) -> float:
            before = await sum_of(sorted(set(keys)))
            began = time.perf_counter()
            for _ in range(count // TRANSACTIONS_AT_ONCE):
                await asyncio.gather(*[found.transactional(db, count_up, key) for key in keys])
            seconds = time.perf_counter() - began
            assert await sum_of(sorted(set(keys))) == before + count
            return seconds

        return run

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    does: dict[str, Callable[[int], Any]] = {
        "fill": in_loop(fill),
        "clear": in_loop(clear),
        "gets of one key": in_loop(same_key),
        "sequential gets": in_loop(sequential),
        "gathered gets": in_loop(gathered),
        "issued gets": in_loop(issued),
        "all rows": in_loop(all_rows),
        "iterated rows": in_loop(iterated_rows),
        "transactions in turn": in_loop(transactions_in_turn),
        "transactions": in_loop(transactions(TRANSACTIONS_AT_ONCE)),
        "hot transactions": in_loop(transactions(HOT)),
    }
    does["version"] = lambda _: f"{version('asyncio-foundationdb')}, {found.get_client_version()}"
    return does
