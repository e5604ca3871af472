"""The airports: read from the package airportsdata, and loaded, from where the last run was stopped.

The keys are tuples, packed:

    ("digest",)                         which input this is
    ("airport", code)                   the record, as JSON
    ("place", country, city, code)      the name: an index by country and city
    ("count", country)                  how many, as 8 bytes, little-endian, kept by atomic add
    ("batch", number)                   a marker: this part of the input is in the database
    ("log", versionstamp)               what each transaction of the load wrote, in commit order
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import airportsdata
from guide import Airport, Tour
from rich.progress import MofNCompleteColumn

import found

ONE = (1).to_bytes(8, "little")
# 200 airports are about 80 kB of keys and values, far below the 10 MB of a transaction.
BATCH = 200
LOADERS = 4


class Input(NamedTuple):
    airports: dict[str, Airport]
    """By code, in the order of the codes."""
    digest: bytes
    """Tells this input from another version of it, or from a part of it."""


def read_input(limit: Optional[int]) -> Input:
    airports: dict[str, Airport] = {}
    records: dict[str, Any] = airportsdata.load("ICAO")
    for code in sorted(records)[:limit]:
        airports[code] = records[code]
    digest = hashlib.blake2b(json.dumps(airports).encode(), digest_size=16).digest()
    return Input(airports, digest)


@found.transactional
async def prepare(tx: found.Transaction, digest: bytes) -> bool:
    """Make sure that the database is for this input; whatever it holds of another is removed."""
    key = found.pack(("digest",))
    before = await found.get(tx, key)
    if before == digest:
        return True
    await found.clear(tx, b"", b"\xff")
    await found.set(tx, key, digest)
    return before is None


@found.transactional(snapshot=True)
async def loaded_batches(tx: found.Transaction) -> set[int]:
    return {found.unpack(key)[1] async for key, _ in found.query(tx, *found.range(("batch",)))}


@found.transactional
async def load_batch(tx: found.Transaction, number: int, batch: Sequence[Airport]) -> None:
    """Write a part of the input, all of it or nothing.

    The marker makes it idempotent. A commit may have happened though its answer was lost, and is then tried again:
    without the marker the airports of this batch would be counted twice.
    """
    marker = found.pack(("batch", number))
    if await found.get(tx, marker) is not None:
        return
    await found.set(tx, marker, b"")
    for airport in batch:
        code, country, city = airport["icao"], airport["country"], airport["city"]
        await found.set(tx, found.pack(("airport", code)), json.dumps(airport).encode())
        name = airport["name"].encode()
        await found.set(tx, found.pack(("place", country, city, code)), name)
        await found.add(tx, found.pack(("count", country)), ONE)
    log = found.pack_with_versionstamp(("log", found.Versionstamp()))
    entry = found.pack((number, batch[0]["icao"], batch[-1]["icao"], len(batch)))
    await found.set_versionstamped_key(tx, log, entry)


async def load(tour: Tour) -> None:
    """Bring what is missing into the database, a few transactions at a time."""
    airports = list(tour.airports.values())
    batches = [airports[i : i + BATCH] for i in range(0, len(airports), BATCH)]
    done = await loaded_batches(tour.db)
    missing = [number for number in range(len(batches)) if number not in done]
    if not missing:
        await verify(tour)
        return
    if done:
        tour.title("Loading goes on where the last run was stopped")
        tour.say(f"{len(done)} of {len(batches)} transactions are in the database already")
    else:
        tour.title(
            f"Loading {len(airports):,} airports, {BATCH} a transaction, {LOADERS} at a time"
        )

    queue = iter(missing)
    total = sum(len(batches[number]) for number in missing)
    progress = tour.progress(MofNCompleteColumn())
    # Where there is no bar, a line every quarter, and one at the end.
    quarters = iter((0.25, 0.5, 0.75))
    quarter = next(quarters)
    began = time.monotonic()
    with progress:
        bar = progress.add_task("", total=total, rate="")

        async def loader() -> None:
            nonlocal quarter
            for number in queue:
                await load_batch(tour.db, number, batches[number])
                progress.advance(bar, len(batches[number]))
                completed = progress.tasks[bar].completed
                rate = completed / (time.monotonic() - began)
                progress.update(bar, rate=f"{rate:,.0f} airports/s")
                if not tour.console.is_terminal and completed >= quarter * total:
                    tour.say(f"{completed:,.0f} of {total:,} airports, {rate:,.0f} airports/s")
                    quarter = next(quarters, 2)

        await asyncio.gather(*(loader() for _ in range(min(LOADERS, len(missing)))))
    seconds = time.monotonic() - began
    tour.say(
        f"{total:,} airports in {len(missing)} transactions and {seconds:.2f} s: {total / seconds:,.0f} airports/s, "
        f"{3 * total / seconds:,.0f} writes/s, each commit synced to the file"
    )


async def verify(tour: Tour) -> None:
    """A later run: what is in the file is what was loaded, record by record."""
    tour.title(
        "The airports of the earlier run are here",
        'await found.all(found.query(tx, *found.range(("airport",))))',
    )

    async def read(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        return await found.all(found.query(tx, *found.range(("airport",))))

    began = time.monotonic()
    rows = await found.transactional(tour.db, read, snapshot=True)
    seconds = time.monotonic() - began
    kept = {found.unpack(key)[1]: json.loads(value) for key, value in rows}
    if kept != tour.airports:
        raise SystemExit("the database does not hold what was loaded: remove it with --reload")
    tour.say(
        f"{len(rows):,} records read in {seconds * 1000:,.0f} ms ({len(rows) / seconds:,.0f} a second), "
        "each equal to its source"
    )
