"""The check of a blob store: what it finds, puts right and leaves alone; and random work that ends clean."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from uuid import UUID

import blobs
import pytest
from blobs import CHUNK, SIZES, blob
from conftest import CLUSTER_FILE
from support import run

import found
from found.ext import bstore
from found.ext.bstore import BStore, BStoreException

SEEDS = int(os.environ.get("FOUND_TEST_STORE_SEEDS", "6"))
"""Random histories of each kind; hundreds on request."""


@pytest.fixture
def store(db: found.Database) -> Iterator[BStore]:
    made = blobs.a_store()
    yield made
    if CLUSTER_FILE:
        run(blobs.clear(db, made))


async def stored(db: found.Database, store: BStore, content: bytes) -> UUID:
    return await found.transactional(db, bstore.get_or_create, store, content)


async def content_of(db: found.Database, store: BStore, uid: UUID) -> bytes:
    return await found.transactional(db, bstore.get, store, uid, verify=True)


async def test_a_sound_store_is_clean_and_left_as_it_is(db: found.Database, store: BStore) -> None:
    for number, size in enumerate(SIZES):
        await stored(db, store, blob(size, seed=2 * number))
        uid, content = uuid.uuid4(), blob(size + 1, seed=2 * number + 1)
        await blobs.put(db, *blobs.as_0_13_has_it(store, uid, content))
    before = await blobs.rows(db, store)
    told: list[int] = []
    report = await bstore.fsck(db, store, repair=True, progress=told.append)
    assert report == ("blobs", len(before), 0, 0, ())
    assert told == sorted(told) and told[-1] == len(before)
    assert await blobs.rows(db, store) == before


Damage = Callable[[BStore, UUID, bytes], dict[bytes, Any]]

REPAIRED: dict[str, Damage] = {
    "no row for the digest": lambda store, uid, content: {blobs.hash_row(store, content): None},
    "no row for the digest of": lambda store, uid, content: {blobs.hash_row(store, content): b"?"},
    "a row of digests that names no blob": lambda store, uid, content: {
        blobs.hash_row(store, b"z"): b"?"
    },
    "which has another": lambda store, uid, content: {blobs.hash_row(store, b"z"): uid.bytes},
    "a blob that cannot be read": lambda store, uid, content: {
        blobs.hash_row(store, b"z"): uuid.uuid4().bytes
    },
    "is unreadable": lambda store, uid, content: {blobs.state_row(store, uid): b"\xfe"},
    "unreadable state, of no chunks": lambda store, uid, content: {
        blobs.state_row(store, uuid.uuid4()): b"\xfe"
    },
}


@pytest.mark.parametrize("size", [1, 250_000])
@pytest.mark.parametrize("what", REPAIRED)
async def test_a_row_that_is_wrong_or_missing_is_put_right(
    db: found.Database, store: BStore, what: str, size: int
) -> None:
    content = blob(size)
    uid = await stored(db, store, content)
    sound = await blobs.rows(db, store)
    for key, value in REPAIRED[what](store, uid, content).items():
        await (blobs.drop(db, key) if value is None else blobs.put(db, (key, value)))
    broken = await blobs.rows(db, store)

    report = await bstore.fsck(db, store)
    assert (report.problems, report.repaired) == (1, 0)
    assert what in report.examples[0].what
    assert await blobs.rows(db, store) == broken
    report = await bstore.fsck(db, store, repair=True)
    assert (report.problems, report.repaired) == (1, 1) and report.clean
    assert (await bstore.fsck(db, store)).problems == 0
    assert await blobs.rows(db, store) == sound


async def test_the_digest_of_an_empty_blob_is_put_back(db: found.Database, store: BStore) -> None:
    uid = await stored(db, store, b"")
    await blobs.drop(db, blobs.hash_row(store, b""))
    report = await bstore.fsck(db, store, repair=True)
    assert (report.problems, report.repaired) == (1, 1)
    assert await stored(db, store, b"") == uid


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("damage", ["first", "middle", "last", "all", "changed"])
async def test_a_damaged_blob_is_reported_kept_and_never_handed_out_again(
    db: found.Database, store: BStore, damage: str, old: bool
) -> None:
    content = blob(350_001)
    if old:
        uid = uuid.uuid4()
        await blobs.put(db, *blobs.as_0_13_has_it(store, uid, content))
    else:
        uid = await stored(db, store, content)
    keys = [blobs.chunk_row(store, uid, index) for index in range(4)]
    if damage == "changed":
        await blobs.put(db, (keys[1], content[:CHUNK]))
    else:
        gone = {"first": keys[:1], "middle": keys[1:3], "last": keys[3:], "all": keys}[damage]
        await blobs.drop(db, *gone)
    left = {key for key in await blobs.rows(db, store) if key in keys}

    assert (await bstore.fsck(db, store, repair=True)).problems >= 1
    rows = await blobs.rows(db, store)
    assert left <= set(rows)
    again = await stored(db, store, content)
    assert again != uid
    assert await content_of(db, store, again) == content

    # An old blob whose bytes have changed cannot be told from a blob of the changed bytes. One in which chunks are
    # missing, and any that has a state, is reported until it is deleted.
    await found.transactional(db, bstore.delete, store, uid)
    assert (await bstore.fsck(db, store, repair=True)).clean
    assert (await bstore.fsck(db, store)).problems == 0


async def test_keys_of_something_else_are_reported_and_kept(
    db: found.Database, store: BStore
) -> None:
    nested = found.pack((store.prefix_blob,))
    keys = [nested + found.pack((1, 2)), nested + b"\xfe", found.pack((store.prefix_state, "x"))]
    await blobs.put(db, *((key, b"?") for key in keys))
    report = await bstore.fsck(db, store, repair=True)
    assert (report.problems, report.repaired) == (3, 0)
    assert set(await blobs.rows(db, store)) == set(keys)
    assert {problem.key for problem in report.examples} == set(keys)


async def test_a_check_beside_programs_at_work_finds_nothing(
    db: found.Database, store: BStore
) -> None:
    """A blob that is published, or deleted, while its chunks are read is no damage."""
    ended = False

    async def work(seed: int) -> None:
        draw = Random(seed)
        while not ended:
            content = blob(draw.choice([5, 150_000, 1_300_000]), seed=draw.randrange(6))
            uid = await bstore.write(db, store, content)
            if draw.random() < 0.5:
                await found.transactional(db, bstore.delete, store, uid)
            await asyncio.sleep(0)

    workers = [asyncio.ensure_future(work(seed)) for seed in range(2)]
    try:
        for _ in range(5):
            report = await bstore.fsck(db, store, repair=True)
            assert report.problems == 0, report
    finally:
        ended = True
        await asyncio.gather(*workers)
    assert (await bstore.fsck(db, store)).problems == 0


# ---- random work


async def some_work(db: found.Database, store: BStore, seed: int) -> None:
    """Several tasks that store, read and delete the same few blobs, and a model of none but the contents."""
    contents = [blob(size, seed=seed) for size in (0, 1, 99_999, 200_000, 1_100_000)]
    known: dict[UUID, bytes] = {}

    async def task(draw: Random) -> None:
        for _ in range(8):
            content = draw.choice(contents)
            choice = draw.random()
            if choice < 0.35:
                known[await found.transactional(db, bstore.get_or_create, store, content)] = content
            elif choice < 0.6:
                known[await bstore.write(db, store, blobs.in_pieces(content, 70_001))] = content
            elif known:
                uid = draw.choice(sorted(known))
                try:
                    if choice < 0.75:
                        got = await found.transactional(db, bstore.get, store, uid, verify=True)
                        assert got == known[uid]
                    elif choice < 0.9:
                        pieces = await found.all(bstore.read(db, store, uid, 100_000, 900_000))
                        assert b"".join(pieces) == known[uid][100_000:900_000]
                    else:
                        await found.transactional(db, bstore.delete, store, uid)
                except BStoreException as error:
                    # Deleted by another task.
                    assert "there is no blob" in str(error) or "deleted" in str(error)

    await asyncio.gather(*(task(Random(seed * 10 + number)) for number in range(3)))
    report = await bstore.fsck(db, store, lease=0)
    assert report.problems == 0, report
    sizes = [len(key) for key in await blobs.rows(db, store)]
    assert len(sizes) < 40, "no more rows than the contents have, each once"


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_random_work_ends_with_a_clean_check(
    db: found.Database, store: BStore, seed: int
) -> None:
    await some_work(db, store, seed)
