"""Against the floor: what a get, a row and a packed tuple cost above the same call from Rust.

In one process, on the engine that is linked in. "from Rust" is the same call through the table of fdb_c.h functions,
or of the codec, without Python; "objects" is making what any answer to Python has to make. Nothing here waits, so what
is taken is the time of the processor: that of others on the machine is not in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import found
from bench.codec_works import TUPLES
from bench.harness import OURS, Row
from bench.report import Report
from bench.rows import BEGIN, END, KEY, VALUE
from found import _found

ROUNDS = 15
GETS = 20_000
ROWS = 10_000
SECTION = "floor"
RUST, OBJECTS, GENERATOR = "from Rust", "objects", "async generator"


class Floor(NamedTuple):
    """One thing that is measured: nanoseconds each, for `contenders`, and how far above the floor that is."""

    name: str
    contenders: dict[str, Callable[[], float]]
    above: Callable[[float, float, float], float]
    """Of the figures of the contenders, `objects` 0 where there are none."""
    note: str
    above_note: str


def run(report: Report) -> None:
    loop = asyncio.new_event_loop()
    try:
        for floor in floors(loop):
            measure(report, floor)
    finally:
        loop.close()


def measure(report: Report, floor: Floor) -> None:
    rounds = report.measure(
        SECTION,
        floor.name,
        "ns each",
        floor.contenders,
        ROUNDS,
        unrated=(RUST, OBJECTS, GENERATOR),
        note=floor.note,
    )
    # These are not other programs, which may fail.
    assert rounds is not None
    objects = rounds.get(OBJECTS, [0.0] * ROUNDS)
    times = [floor.above(*figures) for figures in zip(rounds[OURS], rounds[RUST], objects)]
    name = f"{floor.name}, times the floor"
    report.add(Row.of_rounds(SECTION, name, "times", {OURS: times}, note=floor.above_note))


def each(count: int, work: Callable[..., object], *arguments: object) -> float:
    """Nanoseconds each of `count` that `work` does."""
    began = time.thread_time_ns()
    work(*arguments)
    return (time.thread_time_ns() - began) / count


def floors(loop: asyncio.AbstractEventLoop) -> list[Floor]:
    db = loop.run_until_complete(found.open("memory:"))

    async def fill(tx: found.Transaction) -> None:
        for i in range(ROWS):
            found.set(tx, KEY % i, VALUE)

    loop.run_until_complete(found.transactional(db, fill))
    key = KEY % (ROWS // 2)
    mixed = TUPLES["mixed"]
    packed = found.pack(mixed)

    def in_loop(work: Callable[[], Awaitable[float]]) -> Callable[[], float]:
        async def run() -> float:
            return await work()

        return lambda: loop.run_until_complete(run())

    async def at_a_version() -> found.Transaction:
        tx = found.make_transaction(db)
        await found.get(tx, key)
        return tx

    async def get() -> float:
        tx = await at_a_version()
        began = time.thread_time_ns()
        for _ in range(GETS):
            await found.get(tx, key)
        return (time.thread_time_ns() - began) / GETS

    async def get_from_rust() -> float:
        tx = await at_a_version()
        return each(GETS, _found._time_ready_gets, tx, key, GETS)

    async def futures() -> float:
        began = time.thread_time_ns()
        for _ in range(GETS):
            loop.create_future().set_result(None)
        return (time.thread_time_ns() - began) / GETS

    async def rows() -> float:
        tx = await at_a_version()
        began = time.thread_time_ns()
        all_rows = await found.all(found.query(tx, BEGIN, END))
        taken = time.thread_time_ns() - began
        assert len(all_rows) == ROWS
        return taken / ROWS

    async def iterated() -> float:
        tx = await at_a_version()
        seen = 0
        began = time.thread_time_ns()
        async for _key, _value in found.query(tx, BEGIN, END):
            seen += 1
        taken = time.thread_time_ns() - began
        assert seen == ROWS
        return taken / ROWS

    async def generated() -> float:
        tx = await at_a_version()
        all_rows = await found.all(found.query(tx, BEGIN, END))

        async def generator() -> AsyncIterator[tuple[bytes, bytes]]:
            for row in all_rows:
                yield row

        seen = 0
        began = time.thread_time_ns()
        async for _key, _value in generator():
            seen += 1
        return (time.thread_time_ns() - began) / seen

    async def rows_from_rust() -> float:
        return each(ROWS, _found._time_rows, await at_a_version(), BEGIN, END)

    def row_objects() -> float:
        return each(GETS, _found._time_row_objects, key, VALUE, GETS)

    def pack() -> float:
        began = time.thread_time_ns()
        for _ in range(GETS):
            found.pack(mixed)
        return (time.thread_time_ns() - began) / GETS

    def pack_from_rust() -> float:
        return each(GETS, _found._time_pack, packed, GETS)

    def above_rust(mine: float, rust: float, objects: float) -> float:
        return (mine - rust) / objects

    above = "what it takes above the call from Rust, in times of the objects; target: 2"
    return [
        Floor(
            "a ready get",
            {OURS: in_loop(get), RUST: in_loop(get_from_rust), OBJECTS: in_loop(futures)},
            above_rust,
            "objects: an asyncio future, made and resolved",
            above,
        ),
        Floor(
            "a row of found.all",
            {OURS: in_loop(rows), RUST: in_loop(rows_from_rust), OBJECTS: row_objects},
            above_rust,
            "objects: a tuple of two bytes, made and dropped",
            above,
        ),
        Floor(
            "a row of async for",
            {
                OURS: in_loop(iterated),
                RUST: in_loop(rows_from_rust),
                OBJECTS: row_objects,
                GENERATOR: in_loop(generated),
            },
            above_rust,
            "the same; async generator: one of Python's, over a list of such rows that is there",
            above,
        ),
        Floor(
            "pack",
            {OURS: pack, RUST: pack_from_rust},
            lambda mine, rust, _: mine / rust,
            "a tuple of 8; from Rust: the codec, and the bytes made of it",
            "in times of the codec from Rust and its bytes; target: 2",
        ),
    ]
