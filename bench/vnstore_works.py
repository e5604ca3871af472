"""What is measured of vnstore: this project's, and that of any other driver of its API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import found
from found.ext import nstore, vnstore

TUPLES = 100
CHANGES = (1, 10, 100)
"""Into how many changes the tuples of a store are cut."""
JOINED = 50


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(found.open(address))
    var = nstore.var

    def make(name: str) -> Any:
        # A list: the 0.13 series takes no tuple.
        prefix: Any = ["found.bench", name]
        return vnstore.make(name, prefix, ("uid", "key", "value"))

    stores: dict[int, Any] = {count: make(f"changes-{count}") for count in CHANGES}
    more = make("more")

    async def change(tx: found.Transaction, store: Any, rows: list[tuple[Any, ...]]) -> None:
        changeid = await vnstore.change_create(tx, store)
        vnstore.change_continue(tx, store, changeid)
        for row in rows:
            await vnstore.add(tx, store, *row)
        await vnstore.change_apply(tx, store, changeid)

    async def fill(_: int) -> None:
        for count, store in stores.items():
            size = TUPLES // count
            for first in range(0, TUPLES, size):
                rows: list[tuple[Any, ...]] = []
                for number in range(first, first + size):
                    half = number // 2
                    rows.append(
                        (f"person{half}", "name", f"name {half}")
                        if number % 2
                        else (f"person{half}", "knows", f"person{half * 7 % JOINED}")
                    )
                await found.transactional(db, change, store, rows)

    async def clear(_: int) -> None:
        begin = found.pack(("found.bench",))
        await found.transactional(db, found.clear, begin, begin + b"\xff")

    async def timed(results: Any, count: int) -> float:
        began = time.perf_counter()
        rows = [row async for row in results]
        seconds = time.perf_counter() - began
        assert len(rows) == count, len(rows)
        return seconds

    def select(store: Any) -> Callable[[int], Any]:
        async def run(count: int) -> float:
            tx = found.make_transaction(db)
            pattern = (var("uid"), var("key"), var("value"))
            return await timed(vnstore.select(tx, store, *pattern), count)

        return run

    async def join(count: int) -> float:
        tx = found.make_transaction(db)
        patterns = (
            (var("who"), "knows", var("whom")),
            (var("whom"), "name", var("name")),
        )
        # The 0.13 series wants it awaited.
        return await timed(await vnstore.query(tx, stores[10], *patterns), count)

    async def ask(count: int) -> float:
        tx = found.make_transaction(db)
        began = time.perf_counter()
        for number in range(count):
            assert await vnstore.ask(tx, stores[10], f"person{number}", "name", f"name {number}")
        return time.perf_counter() - began

    async def add(count: int) -> float:
        rows = [(f"subject{number}", "predicate", f"object {number}") for number in range(count)]
        began = time.perf_counter()
        await found.transactional(db, change, more, rows)
        return time.perf_counter() - began

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    does = {
        "fill": fill,
        "clear": clear,
        "join": join,
        "ask": ask,
        "add": add,
        **{f"select {count}": select(store) for count, store in stores.items()},
    }
    return {
        "version": lambda _: f"{version('asyncio-foundationdb')}, {found.get_client_version()}",
        **{name: in_loop(work) for name, work in does.items()},
    }
