"""What is measured of bstore: this project's and that of any other driver of its API, and the same rows without it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from importlib.metadata import version
from random import Random
from typing import Any

import found
from found.ext import bstore

CHUNK = 100_000
BATCH = 10
GETS = 5
"""Of a blob that is got, in a round."""


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(found.open(address))
    store: Any = bstore.make("blobs", ("found.bench", "blobs"))
    draw = Random(1)
    head = found.pack(("found.bench", "raw"))
    stored: dict[str, Any] = {}

    async def clear(_: int) -> None:
        begin = found.pack(("found.bench",))
        await found.transactional(db, found.clear, begin, begin + b"\xff")
        nested = found.pack((("found.bench",),))[:-1]
        await found.transactional(db, found.clear, nested, found.next_prefix(nested))

    def pieces(count: int) -> list[bytes]:
        first = draw.randbytes(CHUNK)
        return [number.to_bytes(8, "big") + first[8:] for number in range(count)]

    async def sets(tx: found.Transaction, begin: int, chunks: list[bytes]) -> None:
        for index, chunk in enumerate(chunks, begin):
            await found.set(tx, head + found.pack((index,)), chunk)

    async def store_blob(count: int) -> float:
        await clear(0)
        blob = b"".join(pieces(count))
        began = time.perf_counter()
        stored["blob"] = await found.transactional(db, bstore.get_or_create, store, blob)
        return time.perf_counter() - began

    async def store_rows(count: int) -> float:
        await clear(0)
        chunks = pieces(count)
        began = time.perf_counter()
        await found.transactional(db, sets, 0, chunks)
        return time.perf_counter() - began

    async def read_blob(count: int) -> float:
        await store_blob(count)
        return await several(get_blob, count)

    async def get_blob(tx: found.Transaction) -> bytes:
        return await bstore.get(tx, store, stored["blob"])

    async def read_rows(count: int) -> float:
        await store_rows(count)
        return await several(get_rows, count)

    async def get_rows(tx: found.Transaction) -> bytes:
        rows = await found.all(found.query(tx, head, head + b"\xff"))
        return b"".join([value for _, value in rows])

    async def several(get: Callable[[found.Transaction], Any], count: int) -> float:
        # The first one meets memory that nobody has touched, which may cost more than all else.
        times: list[float] = []
        for _ in range(1 + GETS):
            tx = found.make_transaction(db)
            began = time.perf_counter()
            blob = await get(tx)
            times.append(time.perf_counter() - began)
            assert len(blob) == count * CHUNK
            del blob
        return sum(times[1:]) / GETS

    async def digest(count: int) -> float:
        chunks = pieces(count)
        began = time.perf_counter()
        hasher = blake2b()
        for chunk in chunks:
            hasher.update(chunk)
        return time.perf_counter() - began

    async def write_stream(count: int) -> float:
        await clear(0)
        chunks = pieces(count)
        began = time.perf_counter()
        stored["stream"] = await bstore.write(db, store, chunks)
        return time.perf_counter() - began

    async def write_transactions(count: int) -> float:
        await clear(0)
        chunks = pieces(count)
        began = time.perf_counter()
        batches = [
            found.transactional(db, sets, begin, chunks[begin : begin + BATCH])
            for begin in range(0, count, BATCH)
        ]
        await asyncio.gather(*batches)
        return time.perf_counter() - began

    async def read_stream(count: int) -> float:
        await write_stream(count)
        size = 0
        began = time.perf_counter()
        async for piece in bstore.read(db, store, stored["stream"]):
            size += len(piece)
        seconds = time.perf_counter() - began
        assert size == count * CHUNK
        return seconds

    async def read_ranges(count: int) -> float:
        await write_transactions(count)
        size = 0
        began = time.perf_counter()
        for begin in range(0, count, BATCH):
            tx = found.make_transaction(db)
            first, last = (head + found.pack((index,)) for index in (begin, begin + BATCH))
            for _, chunk in await found.all(found.query(tx, first, last)):
                size += len(chunk)
        seconds = time.perf_counter() - began
        assert size == count * CHUNK
        return seconds

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    does = {
        "fill": clear,
        "clear": clear,
        "get_or_create": store_blob,
        "get_or_create, rows": store_rows,
        "get": read_blob,
        "get, rows": read_rows,
        "digest": digest,
        "write": write_stream,
        "write, rows": write_transactions,
        "read": read_stream,
        "read, rows": read_ranges,
    }
    return {
        "version": lambda _: f"{version('asyncio-foundationdb')}, {found.get_client_version()}",
        **{name: in_loop(work) for name, work in does.items()},
    }
