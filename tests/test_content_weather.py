"""bstore and pstore under weather: whatever fails and is tried again, no row is left that disagrees."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import blobs
from corpus import a_document, ranked
from weather import every_seed

import found
from found.ext import bstore, pstore

SEEDS = 200


async def blobs_at_work(db: found.Database) -> None:
    store = bstore.make("blobs", ("blobs",))
    contents = [blobs.blob(size) for size in (0, 1, 100_000, 250_000, 1_100_000)]
    random = Random(repr(db))
    known: dict[UUID, bytes] = {}

    async def work() -> None:
        for _ in range(5):
            content = random.choice(contents)
            choice = random.random()
            if choice < 0.4:
                known[await found.transactional(db, bstore.get_or_create, store, content)] = content
            elif choice < 0.7:
                known[await bstore.write(db, store, blobs.in_pieces(content, 99_999))] = content
            elif known:
                uid = random.choice(sorted(known))
                if choice < 0.8:
                    await found.transactional(db, bstore.delete, store, uid)
                    continue
                try:
                    if choice < 0.9:
                        read = await found.transactional(db, bstore.get, store, uid, snapshot=True)
                        assert read == known[uid]
                    else:
                        pieces = await found.all(bstore.read(db, store, uid, 7, 200_001))
                        assert b"".join(pieces) == known[uid][7:200_001]
                except bstore.BStoreException as error:
                    assert "there is no blob" in str(error) or "deleted" in str(error)

    await asyncio.gather(*(work() for _ in range(3)))
    # A writer whose last clean-up met the weather may have left what the check reclaims; nothing else is wrong.
    report = await bstore.fsck(db, store, repair=True, lease=0)
    assert all("never published" in problem.what for problem in report.examples), report
    assert (await bstore.fsck(db, store, lease=0)).problems == 0


async def documents_at_work(db: found.Database) -> None:
    store = pstore.make("index", ("index",))
    random = Random(repr(db))
    documents: dict[Any, Any] = {}

    async def work(number: int) -> None:
        for _ in range(6):
            docuid = 3 * random.randrange(4) + number
            if random.random() < 0.25:
                await found.transactional(db, pstore.remove, store, docuid)
                documents.pop(docuid, None)
            else:
                counter = a_document(random, 6)
                await found.transactional(db, pstore.index, store, docuid, counter)
                documents[docuid] = counter

    await asyncio.gather(*(work(number) for number in range(3)))
    for match in ("all", "any"):
        for ranking in ("count", "bm25"):
            got = await found.transactional(
                db, pstore.search, store, ["w0", "w1"], 9, match=match, ranking=ranking
            )
            wanted = ranked(documents, ["w0", "w1"], 9, match, ranking)
            assert [docuid for docuid, _ in got] == [docuid for docuid, _ in wanted]
    report = await pstore.fsck(db, store)
    assert report.problems == 0, report


def test_blobs_are_whole_or_not_there_in_any_weather() -> None:
    every_seed(blobs_at_work, SEEDS)


def test_postings_counters_and_totals_agree_in_any_weather() -> None:
    every_seed(documents_at_work, SEEDS)
