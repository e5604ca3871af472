"""The steps of the tour over the stores: triples, text, a large blob, irregular records, and tuples with a history."""

from __future__ import annotations

import io
import json
import sysconfig
import tarfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, NamedTuple, Optional
from uuid import UUID

from guide import Tour
from rich.progress import DownloadColumn

import found
from found.ext import bstore, eavstore, nstore, pstore, vnstore
from found.ext.nstore import var

TRIPLES = nstore.make("triples", ("triples",), 3)
MANUAL = pstore.make("manual", ("manual",))
ARCHIVES = bstore.make("archives", ("archives",))
PACKAGES = eavstore.make("packages", ("packages",))
CORRECTED = vnstore.make("corrected", ("corrected",), ["airport", "key", "value"])

STOP = frozenset(
    ("a", "and", "as", "by", "for", "in", "is", "it", "of", "on", "or", "over", "the", "to", "with")
)


@found.transactional(snapshot=True)
async def is_full(tx: found.Transaction, name: str) -> bool:
    """Whether an earlier run has filled a store."""
    return await found.get(tx, found.pack(("full", name))) is not None


async def mark_full(tx: found.Transaction, name: str) -> None:
    await found.set(tx, found.pack(("full", name)), b"")


# ---- nstore -----------------------------------------------------------------------------------------------------


def facts(tour: Tour) -> Iterator[tuple[str, str, Any]]:
    for code, airport in tour.airports.items():
        for key in ("name", "city", "country", "elevation"):
            if airport[key] != "":
                yield code, key, airport[key]


async def triples(tour: Tour) -> None:
    homes = Counter(airport["country"] for airport in tour.airports.values() if airport["city"])
    # The two largest by number of airports, if a limit has left out these.
    here, there = ("GB", "US") if {"GB", "US"} <= set(homes) else [*homes, "", ""][:2]
    tour.title(
        "nstore: the airports as triples, and a traveller who books the wrong flight",
        f'query(tx, triples, (home, "country", "{here}"), (home, "city", city),\n'
        f'                   (away, "city", city), (away, "country", "{there}"), (away, "name", name))',
    )
    if not await is_full(tour.db, "triples"):
        began = time.monotonic()
        count = await nstore.load(tour.db, TRIPLES, facts(tour))
        seconds = time.monotonic() - began
        await found.transactional(tour.db, mark_full, "triples")
        tour.say(
            f"{count:,} triples in {seconds:.2f} s: {count / seconds:,.0f} a second, each in 3 indexes"
        )

    home, away, city, name = (var(word) for word in ("home", "away", "city", "name"))

    async def mistaken(tx: found.Transaction) -> list[dict[str, Any]]:
        patterns = [
            (home, "country", here),
            (home, "city", city),
            (away, "city", city),
            (away, "country", there),
            (away, "name", name),
        ]
        return await found.all(
            nstore.query(tx, TRIPLES, *patterns, distinct=["city", "away", "name"])
        )

    began = time.monotonic()
    answers = await found.transactional(tour.db, mistaken, snapshot=True)
    seconds = time.monotonic() - began
    cities = {answer["city"] for answer in answers}
    tour.say(
        f"{len(cities)} cities have an airport in {here} and one of their name in {there}: "
        f"{len(answers)} airports to end up at ({seconds * 1000:,.0f} ms), as"
    )
    for answer in sorted(answers, key=lambda answer: answer["city"])[:4]:
        tour.say(f"  {answer['city']}: {answer['away']}, {answer['name']}")


# ---- pstore -----------------------------------------------------------------------------------------------------


async def text(tour: Tour) -> None:
    tour.title(
        "pstore: Python's own manual, searched",
        'pstore.search(tx, manual, pstore.tokenize("exception cleanup finally"), 3, match="any", ranking="bm25")',
    )
    if not await is_full(tour.db, "manual"):
        began = time.monotonic()
        for topic, page in topics.items():
            await found.transactional(
                tour.db, pstore.index, MANUAL, topic, pstore.tokenize(page, stop=STOP)
            )
        await found.transactional(tour.db, mark_full, "manual")
        words = sum(len(page.split()) for page in topics.values())
        tour.say(
            f"{len(topics)} pages of {words:,} words indexed in {time.monotonic() - began:.2f} s"
        )
    for asked in (
        "exception cleanup finally",
        "iterate over a sequence",
        "attribute access descriptor",
    ):
        keywords = pstore.tokenize(asked, stop=STOP)

        async def search(
            tx: found.Transaction, keywords: Counter[str] = keywords
        ) -> list[tuple[Any, float]]:
            return await pstore.search(tx, MANUAL, keywords, 3, match="any", ranking="bm25")

        began = time.perf_counter()
        pages = await found.transactional(tour.db, search, snapshot=True)
        seconds = time.perf_counter() - began
        told = ", ".join(f"{topic} ({score:.1f})" for topic, score in pages)
        tour.say(f'"{asked}": {told} ({seconds * 1000:.1f} ms)')


# ---- bstore -----------------------------------------------------------------------------------------------------


class Archive(NamedTuple):
    """Python's standard library as a tar archive that is made while it is read."""

    files: list[Path]
    root: Path
    spans: dict[str, tuple[int, int]]
    """Where each file's bytes begin and end in the archive: filled in as it is made."""

    def pieces(self) -> Iterator[bytes]:
        written = 0
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for file in self.files:
                name = str(file.relative_to(self.root))
                tar.add(file, name)
                piece = buffer.getvalue()
                size = file.stat().st_size
                begin = written + len(piece) - (size + -size % tarfile.BLOCKSIZE)
                self.spans[name] = (begin, begin + size)
                written += len(piece)
                yield piece
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()


def standard_library(limit: int) -> Archive:
    root = Path(sysconfig.get_path("stdlib"))
    files = [file for file in sorted(root.rglob("*.py")) if "site-packages" not in file.parts]
    chosen = {root / "this.py", *files[:limit]}
    return Archive(sorted(chosen), root, {})


async def blob(tour: Tour) -> None:
    # A tour of few airports is one in a hurry.
    archive = standard_library(len(tour.airports))
    size = sum(file.stat().st_size for file in archive.files)
    tour.title(
        f"bstore: Python's standard library as one blob of {size / 1e6:.0f} MB, streamed",
        "uid = await bstore.write(db, archives, pieces)\n"
        "async for piece in bstore.read(db, archives, uid, begin, end):",
    )
    began = time.monotonic()
    with tour.progress(DownloadColumn()) as progress:
        bar = progress.add_task("", total=size, rate="")

        def stored(count: int) -> None:
            rate = count / (time.monotonic() - began) / 1e6
            progress.update(bar, completed=min(count, size), rate=f"{rate:,.0f} MB/s")

        uid = await bstore.write(tour.db, ARCHIVES, archive.pieces(), progress=stored)
    seconds = time.monotonic() - began
    kept = await bstore.verify(tour.db, ARCHIVES, uid)
    tour.say(
        f"{kept.size / 1e6:.1f} MB in {seconds:.2f} s, {kept.size / seconds / 1e6:,.0f} MB/s; read again, its hash is "
        f"{kept.digest.hex()[:16]}…; the same content is stored once, however often it comes"
    )
    begin, end = archive.spans["this.py"]
    began = time.perf_counter()
    source = b"".join([piece async for piece in bstore.read(tour.db, ARCHIVES, uid, begin, end)])
    seconds = time.perf_counter() - began
    if source != (archive.root / "this.py").read_bytes():
        raise SystemExit(
            "the blob does not hold what was stored: remove the database with --reload"
        )
    tour.say(f"bytes {begin:,} to {end:,} alone are this.py again ({seconds * 1000:.1f} ms)")


# ---- eavstore ---------------------------------------------------------------------------------------------------


def packages() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is installed in this environment: no two of them say the same things about themselves."""
    installed: Iterable[Any] = distributions()
    for package in installed:
        record: dict[str, Any] = {}
        for key in (
            "Name",
            "Version",
            "Summary",
            "License",
            "License-Expression",
            "Author",
            "Requires-Python",
        ):
            value = package.metadata.get(key)
            if value:
                record[key] = str(value)[:200]
        if package.requires:
            record["needs"] = len(package.requires)
        yield record["Name"].lower(), record


async def records(tour: Tour) -> None:
    tour.title(
        "eavstore: what is installed here, records without a schema",
        'eavstore.find(tx, packages, {"needs": eavstore.between(1, ...)}, order="needs", reverse=True)',
    )
    every = dict(packages())

    async def fill(tx: found.Transaction) -> None:
        for uid, record in every.items():
            await eavstore.create(tx, PACKAGES, record, uid)

    await found.transactional(tour.db, fill)
    keys = Counter(key for record in every.values() for key in record)
    tour.say(
        f"{len(every)} packages; "
        + ", ".join(f"{count} tell {key}" for key, count in sorted(keys.items()))
    )

    async def neediest(tx: found.Transaction) -> list[dict[str, Any]]:
        wanted = {"needs": eavstore.between(1, ...)}
        uids = eavstore.find(tx, PACKAGES, wanted, order="needs", reverse=True, limit=3)
        return [await eavstore.get(tx, PACKAGES, uid) async for uid in uids]

    most = await found.transactional(tour.db, neediest, snapshot=True)
    tour.say(
        "most is needed by " + ", ".join(f"{record['Name']} ({record['needs']})" for record in most)
    )


# ---- vnstore ----------------------------------------------------------------------------------------------------


async def history(tour: Tour) -> None:
    code = "LFPG" if "LFPG" in tour.airports else next(iter(tour.airports))
    tour.title(
        "vnstore: a correction as a change, applied, looked at as of before and after, and reverted",
        "await vnstore.change_apply(tx, corrected, change)\n"
        "vnstore.select(tx, corrected, airport, key, value, as_of=point)",
    )
    airport = tour.airports[code]

    async def names(tx: found.Transaction, as_of: Optional[UUID] = None) -> list[str]:
        rows = vnstore.select(tx, CORRECTED, code, "name", var("name"), as_of=as_of)
        return [row["name"] async for row in rows]

    async def change(
        tx: found.Transaction, message: str, old: Optional[str], new: str
    ) -> tuple[UUID, UUID]:
        uid = await vnstore.change_create(
            tx, CORRECTED, message=message, metadata={"author": "the tour"}
        )
        if old is not None:
            await vnstore.remove(tx, CORRECTED, code, "name", old)
        await vnstore.add(tx, CORRECTED, code, "name", new)
        return uid, await vnstore.change_apply(tx, CORRECTED, uid)

    async def revert(tx: found.Transaction, uid: UUID) -> None:
        await vnstore.change_apply(tx, CORRECTED, await vnstore.change_revert(tx, CORRECTED, uid))

    if not await found.transactional(tour.db, names, snapshot=True):
        await found.transactional(tour.db, change, "as published", None, airport["name"])
    better = f"{airport['city'] or code}: {airport['name']}"
    uid, point = await found.transactional(
        tour.db, change, "with its city", airport["name"], better
    )
    before = await found.transactional(
        tour.db, names, as_of=vnstore.point_before(point), snapshot=True
    )
    after = await found.transactional(tour.db, names, as_of=point, snapshot=True)
    tour.say(
        f"before {json.dumps(before, ensure_ascii=False)}, after {json.dumps(after, ensure_ascii=False)}"
    )
    await found.transactional(tour.db, revert, uid)
    now = await found.transactional(tour.db, names, snapshot=True)
    tour.say(
        f"reverted: {json.dumps(now, ensure_ascii=False)}; found-vnstore shows such a history in a browser"
    )


STEPS = (triples, text, blob, records, history)
