"""A tour of found on real input: the world's airports, in an embedded database file.

`make run` starts it; `python examples/tour.py --help` tells what it takes. A first run loads the airports, a later one
finds them. Stopped in the middle, it goes on from there the next time.

The keys are tuples, packed:

    ("airport", code)                   the record, as JSON
    ("place", country, city, code)      the name: an index by country and city
    ("count", country)                  how many, as 8 bytes, little-endian, kept by atomic add
    ("batch", number)                   a marker: this part of the input is in the database
    ("log", versionstamp)               what each transaction of the load wrote, in commit order
    ("status", code), ("seats", code)   what the steps of the tour write
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Optional

import airportsdata
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import found

ROOT = Path(__file__).resolve().parent.parent
ONE = (1).to_bytes(8, "little")
NOT_COMMITTED = 1020
# 200 airports are about 80 kB of keys and values, far below the 10 MB of a transaction.
BATCH = 200
LOADERS = 4

Airport = dict[str, Any]


class Input(NamedTuple):
    airports: dict[str, Airport]
    """By code, in the order of the codes."""
    digest: bytes
    """Tells this input from another version of it, or from a part of it."""


class Tour(NamedTuple):
    db: found.Database
    airports: dict[str, Airport]
    console: Console

    def title(self, text: str, code: str = "") -> None:
        self.console.print(f"\n[bold]{text}[/bold]", highlight=False)
        for line in code.strip().splitlines():
            self.console.print(f"    [cyan]{line}[/cyan]", highlight=False)

    def say(self, text: str) -> None:
        self.console.print(f"  {text}", highlight=False)


def read_input(limit: Optional[int]) -> Input:
    airports: dict[str, Airport] = {}
    records: dict[str, Any] = airportsdata.load("ICAO")
    for code in sorted(records)[:limit]:
        airports[code] = records[code]
    digest = hashlib.blake2b(json.dumps(airports).encode(), digest_size=16).digest()
    return Input(airports, digest)


# ---- loading ----------------------------------------------------------------------------------------------------


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
    progress = Progress(
        TextColumn("  "),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=tour.console,
        # In a file or a pipe a bar is noise: a line every quarter, and one at the end.
        disable=not tour.console.is_terminal,
    )
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


# ---- reading ----------------------------------------------------------------------------------------------------


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


# ---- watching and contending ------------------------------------------------------------------------------------


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


# ---- the program ------------------------------------------------------------------------------------------------


async def tour_of(path: Path, data: Input, console: Console) -> None:
    # asyncio.run does this by itself from Python 3.11 on: Ctrl-C cancels, and what was opened is closed.
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    async with await found.open(f"embedded:{path}") as db:
        tour = Tour(db, data.airports, console)
        if not await prepare(db, data.digest):
            tour.say("the database held another input, which was removed")
        await load(tour)
        for step in (point_read, places, counts, log, watch, conflict, crowd):
            await step(tour)


def shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> int:
    parser = argparse.ArgumentParser(description="A tour of found over the world's airports.")
    parser.add_argument(
        "--database",
        type=Path,
        default=ROOT / ".data" / "airports.found",
        help="the file to keep it in",
    )
    parser.add_argument("--limit", type=int, help="only so many airports")
    parser.add_argument("--reload", action="store_true", help="remove the database first")
    arguments = parser.parse_args()
    if arguments.limit is not None and arguments.limit < 1:
        parser.error("--limit must be 1 or more")
    path: Path = arguments.database.absolute()
    console = Console(soft_wrap=True)

    if arguments.reload and path.exists():
        path.unlink()
    release = version("asyncio-foundationdb")
    console.print(
        f"found {release}, an embedded database in [bold]{shown(path)}[/bold]", highlight=False
    )
    try:
        asyncio.run(tour_of(path, read_input(arguments.limit), console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(
            f"\nStopped. What was committed is in {shown(path)}; the next run goes on from there."
        )
        return 130
    except found.BaseFoundException as error:
        console.print(
            f"\nThe tour cannot go on: {error}", style="red", markup=False, highlight=False
        )
        return 1
    size = os.path.getsize(path) / 2**20
    console.print(
        f"\nThe data is in [bold]{shown(path)}[/bold] ({size:.1f} MiB). Run it again to see that it is still there; "
        "--reload starts over.",
        highlight=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
