"""What is measured of nstore and eavstore: this project's, and those of any other driver of its API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import found
from bench.triples import MORE, ROWS, TRANSACTION, TRIPLES
from found.ext import eavstore, nstore


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(found.open(address))
    triples = nstore.make("triples", ("found.bench", "triples"), 3)
    more = nstore.make("more", ("found.bench", "more"), 3)
    records = eavstore.make("records", ("found.bench", "records"))
    var = nstore.var

    async def add_all(tx: found.Transaction, store: Any, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            await nstore.add(tx, store, *row)

    async def fill(_: int) -> None:
        for at in range(0, ROWS, TRANSACTION):
            await found.transactional(db, add_all, triples, TRIPLES[at : at + TRANSACTION])
        await found.transactional(db, create_all, TRIPLES[:TRANSACTION])

    async def clear(_: int) -> None:
        begin = found.pack(("found.bench",))
        await found.transactional(db, found.clear, begin, begin + b"\xff")
        # eavstore's keys begin with its prefix as a nested tuple.
        nested = found.pack((("found.bench",),))[:-1]
        await found.transactional(db, found.clear, nested, found.next_prefix(nested))

    async def add(count: int) -> float:
        # What is added was not there.
        begin = found.pack(more.prefix)
        await found.transactional(db, found.clear, begin, begin + b"\xff")
        began = time.perf_counter()
        for at in range(0, count, TRANSACTION):
            await found.transactional(db, add_all, more, MORE[at : at + TRANSACTION])
        return time.perf_counter() - began

    async def add_only(count: int) -> float:
        seconds = 0.0
        for at in range(0, count, TRANSACTION):
            tx = found.make_transaction(db)
            began = time.perf_counter()
            await add_all(tx, more, MORE[at : at + TRANSACTION])
            seconds += time.perf_counter() - began
        return seconds

    async def scan(count: int) -> float:
        tx = found.make_transaction(db)
        began = time.perf_counter()
        rows = await found.all(nstore.select(tx, triples, var("s"), var("p"), var("o")))
        seconds = time.perf_counter() - began
        assert len(rows) == count
        return seconds

    async def iterate(count: int) -> float:
        tx = found.make_transaction(db)
        seen = 0
        began = time.perf_counter()
        async for _row in nstore.select(tx, triples, var("s"), var("p"), var("o")):
            seen += 1
        seconds = time.perf_counter() - began
        assert seen == count
        return seconds

    async def join(count: int) -> float:
        tx = found.make_transaction(db)
        began = time.perf_counter()
        rows = await found.all(
            nstore.query(
                tx,
                triples,
                (var("who"), "knows", var("whom")),
                (var("whom"), "city", var("city")),
                (var("city"), "country", var("country")),
            )
        )
        seconds = time.perf_counter() - began
        assert len(rows) == count
        return seconds

    async def create_all(tx: found.Transaction, rows: list[tuple[Any, ...]]) -> None:
        for subject, key, value in rows:
            await eavstore.create(tx, records, {"subject": subject, "key": key, "value": value})

    async def create(count: int) -> float:
        began = time.perf_counter()
        await found.transactional(db, create_all, MORE[:count])
        return time.perf_counter() - began

    async def lookup(count: int) -> float:
        tx = found.make_transaction(db)
        began = time.perf_counter()
        uids = await found.all(eavstore.query(tx, records, "key", "knows"))
        seconds = time.perf_counter() - began
        assert len(uids) == count, len(uids)
        return seconds

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    does = {
        "fill": fill,
        "clear": clear,
        "add": add,
        "add only": add_only,
        "scan": scan,
        "iterate": iterate,
        "join": join,
        "create": create,
        "lookup": lookup,
    }
    return {
        "version": lambda _: f"{version('asyncio-foundationdb')}, {found.get_client_version()}",
        **{name: in_loop(work) for name, work in does.items()},
    }
