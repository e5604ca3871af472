"""Programs whose invariants every cluster keeps, in any weather: each seed has other faults and orders."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Optional

from weather import every_seed

import found


def number(value: Optional[bytes]) -> int:
    return int.from_bytes(value or b"", "little", signed=True)


def encoded(value: int) -> bytes:
    return value.to_bytes(8, "little", signed=True)


async def rows(db: found.Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    async def read(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        return await found.all(found.query(tx, prefix, found.next_prefix(prefix)))

    return await found.transactional(db, read, snapshot=True)


async def once(tx: found.Transaction, marker: bytes) -> bool:
    """Whether this is the first time, as far as what was committed tells."""
    if await found.get(tx, marker) is not None:
        return False
    await found.set(tx, marker, b"")
    return True


def test_money_is_neither_made_nor_lost() -> None:
    async def program(db: found.Database) -> None:
        accounts = [b"account/%d" % index for index in range(5)]

        async def found_bank(tx: found.Transaction) -> None:
            for account in accounts:
                await found.set(tx, account, encoded(100))

        async def transfer(tx: found.Transaction, chosen: random.Random, marker: bytes) -> None:
            if not await once(tx, marker):
                return
            giver, taker = chosen.sample(accounts, 2)
            amount = chosen.randrange(1, 50)
            before = await asyncio.gather(found.get(tx, giver), found.get(tx, taker))
            await found.set(tx, giver, encoded(number(before[0]) - amount))
            await found.set(tx, taker, encoded(number(before[1]) + amount))

        async def clerk(name: int) -> None:
            for turn in range(4):
                seed, marker = name * 100 + turn, b"done/%d/%d" % (name, turn)

                async def attempt(
                    tx: found.Transaction, seed: int = seed, marker: bytes = marker
                ) -> None:
                    await transfer(tx, random.Random(seed), marker)

                await found.transactional(db, attempt)

        async def auditor() -> None:
            for _ in range(4):
                balance = [number(value) for _, value in await rows(db, b"account/")]
                assert sum(balance) == 500, balance

        await found.transactional(db, found_bank)
        await asyncio.gather(*[clerk(name) for name in range(4)], auditor())
        await auditor()
        assert len(await rows(db, b"done/")) == 16

    every_seed(program, 200)


def test_a_ring_stays_a_ring() -> None:
    """Concurrent transactions each move one node elsewhere: any that is half done or lost breaks the ring."""
    size = 6

    async def program(db: found.Database) -> None:
        def key(node: int) -> bytes:
            return b"ring/%d" % node

        async def forge(tx: found.Transaction) -> None:
            for node in range(size):
                await found.set(tx, key(node), encoded((node + 1) % size))

        async def move(tx: found.Transaction, start: int) -> None:
            second = number(await found.get(tx, key(start)))
            third = number(await found.get(tx, key(second)))
            fourth = number(await found.get(tx, key(third)))
            await found.set(tx, key(start), encoded(third))
            await found.set(tx, key(third), encoded(second))
            await found.set(tx, key(second), encoded(fourth))

        async def mover(name: int) -> None:
            for turn in range(4):
                await found.transactional(db, move, (name + 3 * turn) % size)

        async def walker() -> None:
            for _ in range(4):
                ring = [number(value) for _, value in await rows(db, b"ring/")]
                node, length = ring[0], 1
                while node != 0 and length <= size:
                    node, length = ring[node], length + 1
                assert length == size, ring

        await found.transactional(db, forge)
        await asyncio.gather(*[mover(name) for name in range(4)], walker())
        await walker()

    every_seed(program, 200)


def test_what_was_acknowledged_is_there_and_in_its_order() -> None:
    """A log by versionstamps: entries of one writer in the order they were acknowledged, none twice, none lost."""

    async def program(db: found.Database) -> None:
        async def append(tx: found.Transaction, entry: bytes) -> None:
            if await once(tx, b"written/" + entry):
                stamped = found.pack_with_versionstamp(("log", found.Versionstamp()))
                await found.set_versionstamped_key(tx, stamped, entry)

        async def writer(name: int) -> None:
            for turn in range(5):
                await found.transactional(db, append, b"%d/%d" % (name, turn))

        await asyncio.gather(*[writer(name) for name in range(4)])
        entries = [value for _, value in await rows(db, found.pack(("log",)))]
        assert sorted(entries) == sorted(
            b"%d/%d" % (name, turn) for name in range(4) for turn in range(5)
        )
        for name in range(4):
            mine = [entry for entry in entries if entry.startswith(b"%d/" % name)]
            assert mine == [b"%d/%d" % (name, turn) for turn in range(5)]

    every_seed(program, 200)


def test_a_reader_sees_all_of_a_commit_or_nothing() -> None:
    async def program(db: found.Database) -> None:
        async def write(tx: found.Transaction, value: bytes) -> None:
            for index in range(4):
                await found.set(tx, b"part/%d" % index, value)

        async def writer(name: int) -> None:
            for turn in range(4):
                await found.transactional(db, write, b"%d/%d" % (name, turn))

        async def reader() -> None:
            async def look(tx: found.Transaction) -> set[Optional[bytes]]:
                return set(
                    await asyncio.gather(*[found.get(tx, b"part/%d" % index) for index in range(4)])
                )

            for _ in range(6):
                assert len(await found.transactional(db, look)) == 1

        await asyncio.gather(writer(0), writer(1), reader(), reader())

    every_seed(program, 200)


def test_a_queue_hands_out_each_job_once() -> None:
    async def program(db: found.Database) -> None:
        jobs = 12

        async def fill(tx: found.Transaction) -> None:
            for job in range(jobs):
                await found.set(tx, b"job/%02d" % job, b"")

        async def take(tx: found.Transaction, marker: bytes) -> Optional[bytes]:
            """The next job, noted under the marker with the same commit."""
            taken = await found.get(tx, marker)
            if taken is not None:
                return taken or None
            found_rows = found.query(tx, b"job/", b"job0", limit=1)
            first = await found.all(found_rows)
            job = first[0][0] if first else b""
            await found.set(tx, marker, job)
            if job:
                await found.clear(tx, job)
            return job or None

        async def worker(name: int) -> list[bytes]:
            done: list[bytes] = []
            while True:
                marker = b"worker/%d/%d" % (name, len(done))
                job = await found.transactional(db, take, marker)
                if job is None:
                    return done
                done.append(job)

        await found.transactional(db, fill)
        done = await asyncio.gather(*[worker(name) for name in range(3)])
        assert sorted(job for jobs in done for job in jobs) == [
            b"job/%02d" % j for j in range(jobs)
        ]
        assert await rows(db, b"job/") == []

    every_seed(program, 200)


def test_who_watches_sees_the_last_value() -> None:
    async def program(db: found.Database) -> None:
        async def look(tx: found.Transaction) -> tuple[Optional[bytes], found.Future[None]]:
            return await found.get(tx, b"door"), found.watch(tx, b"door")

        async def watcher() -> list[bytes]:
            """As one follows a key: read and watch in one transaction; whatever ends the watch, look again."""
            seen: list[bytes] = []
            while seen[-1:] != [b"9"]:
                value, changed = await found.transactional(db, look)
                if value is not None:
                    seen.append(value)
                if value != b"9":
                    with contextlib.suppress(found.FoundException):
                        await changed
            return seen

        async def opener() -> None:
            for turn in range(10):
                await found.transactional(db, found.set, b"door", b"%d" % turn)

        watchers = asyncio.gather(watcher(), watcher())
        await opener()
        for seen in await watchers:
            assert seen == sorted(seen)

    every_seed(program, 200)


def test_a_long_scan_in_parts_gets_through() -> None:
    async def program(db: found.Database) -> None:
        async def fill(tx: found.Transaction, part: int) -> None:
            for index in range(200):
                await found.set(tx, b"row/%d/%03d" % (part, index), bytes(50))

        await asyncio.gather(*[found.transactional(db, fill, part) for part in range(3)])

        async def scan(tx: found.Transaction) -> tuple[int, int]:
            forward = found.query(tx, b"row/", b"row0")
            count = 0
            async for _ in forward:
                count += 1
            backward = await found.all(found.query(tx, b"row/", b"row0", reverse=True, limit=250))
            return count, len(backward)

        assert await found.transactional(db, scan) == (600, 250)

    every_seed(program, 100)
