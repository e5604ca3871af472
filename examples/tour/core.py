"""The steps of the tour over the core: keys and ranges, counters, a log, a watch, and transactions that conflict."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from typing import Optional

from guide import Airport, Tour
from rich.table import Table

import found

NOT_COMMITTED = 1020


async def point_read(tour: Tour) -> None:
    code = "LFPG" if "LFPG" in tour.airports else next(iter(tour.airports))
    tour.title("A point read", f'await found.get(tx, found.pack(("airport", "{code}")))')

    async def read(tx: found.Transaction) -> tuple[Optional[bytes], float]:
        # The first read of a transaction also asks for its read version; the second is the read alone.
        await found.read_version(tx)
        began = time.perf_counter()
        value = await found.get(tx, found.pack(("airport", code)))
        return value, time.perf_counter() - began

    value, seconds = await found.transactional(tour.db, read, snapshot=True)
    airport = json.loads(value or b"{}")
    tour.say(
        f"{airport['icao']} is {airport['name']}, {airport['city']}, {airport['country']}, "
        f"{airport['lat']:.2f} {airport['lon']:.2f} ({seconds * 1e6:,.0f} us)"
    )


async def places(tour: Tour) -> None:
    countries = {airport["country"] for airport in tour.airports.values()}
    country, city = ("JP", "Tokyo") if "JP" in countries else most_common_place(tour.airports)
    tour.title(
        "A range by country and city: the keys are tuples, in order",
        f'begin, end = found.range(("place", "{country}", "{city}"))\n'
        "async for key, name in found.query(tx, begin, end):",
    )

    async def in_city(tx: found.Transaction) -> list[tuple[str, str]]:
        begin, end = found.range(("place", country, city))
        query = found.query(tx, begin, end)
        return [(found.unpack(key)[3], name.decode()) async for key, name in query]

    for code, name in await found.transactional(tour.db, in_city, snapshot=True):
        tour.say(f"{code}  {name}")

    tour.title(
        f"The last five places of {country}, from the end of the range",
        f'found.query(tx, *found.range(("place", "{country}")), reverse=True, limit=5)',
    )

    async def last(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        begin, end = found.range(("place", country))
        return await found.all(found.query(tx, begin, end, reverse=True, limit=5))

    for key, name in await found.transactional(tour.db, last, snapshot=True):
        _, _, town, code = found.unpack(key)
        tour.say(f"{code}  {town}: {name.decode()}")


def most_common_place(airports: dict[str, Airport]) -> tuple[str, str]:
    named = ((a["country"], a["city"]) for a in airports.values() if a["city"])
    return Counter(named).most_common(1)[0][0]


async def counts(tour: Tour) -> None:
    tour.title(
        "A count for each country, kept by atomic add: no read, so no conflict",
        'await found.add(tx, found.pack(("count", country)), (1).to_bytes(8, "little"))',
    )

    async def read(tx: found.Transaction) -> dict[str, int]:
        query = found.query(tx, *found.range(("count",)))
        return {found.unpack(k)[1]: int.from_bytes(v, "little") async for k, v in query}

    kept = await found.transactional(tour.db, read, snapshot=True)
    if kept != Counter(airport["country"] for airport in tour.airports.values()):
        raise SystemExit("the counts are not those of the input: remove the database with --reload")
    largest = sorted(kept.items(), key=lambda item: -item[1])[:6]
    tour.say(", ".join(f"{country} {count:,}" for country, count in largest))
    tour.say(
        f"{len(kept)} countries; the counts add up to {sum(kept.values()):,}, as many as there are airports"
    )


async def log(tour: Tour) -> None:
    tour.title(
        "The log of the load, in commit order: the key holds the version of its own commit",
        'key = found.pack_with_versionstamp(("log", found.Versionstamp()))\n'
        "await found.set_versionstamped_key(tx, key, entry)",
    )

    async def last(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        begin, end = found.range(("log",))
        return await found.all(found.query(tx, begin, end, reverse=True, limit=4))

    table = Table("versionstamp", "batch", "from", "to", "airports", box=None, padding=(0, 2))
    for key, entry in reversed(await found.transactional(tour.db, last, snapshot=True)):
        stamp: found.Versionstamp = found.unpack(key)[1]
        number, first, final, size = found.unpack(entry)
        table.add_row((stamp.tr_version or b"").hex(), str(number), first, final, str(size))
    tour.console.print(table)


async def watch(tour: Tour) -> None:
    code = next(iter(tour.airports))
    key = found.pack(("status", code))
    tour.title(
        "A watch: told of a change without asking for it",
        'changed = found.watch(tx, found.pack(("status", code)))\nawait found.commit(tx)\nawait changed',
    )
    tx = found.make_transaction(tour.db)
    before = await found.get(tx, key)
    changed = found.watch(tx, key)
    await found.commit(tx)
    tour.say(f"{code} is {(before or b'unknown').decode()}; a watch is set on it")

    closing = b"open" if before == b"closed" else b"closed"
    began = time.perf_counter()
    await found.transactional(tour.db, found.set, key, closing)
    committed = time.perf_counter() - began
    await changed
    fired = time.perf_counter() - began
    tour.say(
        f"another transaction made it {closing.decode()} in {committed * 1000:.1f} ms; "
        f"{(fired - committed) * 1e6:,.0f} us later the watch had fired"
    )


async def conflict(tour: Tour) -> None:
    code = next(iter(tour.airports))
    key = found.pack(("seats", code))
    tour.title("Two transactions that conflict, and the retry that resolves it")
    await found.transactional(tour.db, found.set, key, found.pack((10,)))

    first, second = found.make_transaction(tour.db), found.make_transaction(tour.db)
    seats = {tx: found.unpack(await found.get(tx, key) or b"")[0] for tx in (first, second)}
    tour.say(f"first and second both read {seats[first]} seats; each takes one")
    await found.set(second, key, found.pack((seats[second] - 1,)))
    await found.commit(second)
    tour.say("second commits")
    await found.set(first, key, found.pack((seats[first] - 1,)))
    try:
        await found.commit(first)
    except found.FoundException as error:
        if error.code != NOT_COMMITTED:
            raise
        tour.say(f"first is refused, for what it read is no longer so ({error.code}: {error.text})")
        await found.on_error(first, error.code)
    again = found.unpack(await found.get(first, key) or b"")[0]
    await found.set(first, key, found.pack((again - 1,)))
    await found.commit(first)
    left = found.unpack(await found.get(found.make_transaction(tour.db), key) or b"")[0]
    tour.say(
        f"first starts over, reads {again}, and commits: {left} seats are left, none was sold twice"
    )


async def crowd(tour: Tour, tasks: int = 100) -> None:
    code = next(iter(tour.airports))
    key = found.pack(("seats", code))
    tour.title(
        f"The same from {tasks} tasks at once: found.transactional retries by itself",
        f"await asyncio.gather(*(take_seat(db, key) for _ in range({tasks})))",
    )
    await found.transactional(tour.db, found.set, key, found.pack((tasks,)))
    retries = 0

    async def count_retries(tx: found.Transaction, stats: found.TransactionStats) -> None:
        nonlocal retries
        retries += stats.retries

    @found.transactional
    async def take_seat(tx: found.Transaction) -> None:
        seats = found.unpack(await found.get(tx, key) or b"")[0]
        # What a request does between its read and its write: others get their turn, and conflicts arise.
        await asyncio.sleep(0)
        await found.set(tx, key, found.pack((seats - 1,)))

    tour.db.hooks.on_post_commit.append(count_retries)
    began = time.monotonic()
    await asyncio.gather(*(take_seat(tour.db) for _ in range(tasks)))
    seconds = time.monotonic() - began
    tour.db.hooks.on_post_commit.remove(count_retries)
    left = found.unpack(await found.get(found.make_transaction(tour.db), key) or b"")[0]
    tour.say(f"{tasks} commits and {retries} retries in {seconds:.2f} s; {left} seats are left")


STEPS = (point_read, places, counts, log, watch, conflict, crowd)
