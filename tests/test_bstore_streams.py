"""Blobs of any size: written from streams, read as streams, and what is left when it goes wrong."""

from __future__ import annotations

import asyncio
import io
import os
import random
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import blobs
import processes
import pytest
from blobs import CHUNK, SIZES, blob, in_pieces
from conftest import CLUSTER_FILE
from processes import output_of
from support import run

import found
from found.ext import bstore
from found.ext.bstore import BStore, BStoreException, _stream

MEGABYTES = int(os.environ.get("FOUND_TEST_BLOB_MEGABYTES", "24"))
"""The size of the large blob; 1000 on request."""


@pytest.fixture
def store(db: found.Database) -> Iterator[BStore]:
    made = blobs.a_store()
    yield made
    if CLUSTER_FILE:
        run(blobs.clear(db, made))


async def streamed(db: found.Database, store: BStore, uid: UUID, *span: Any) -> bytes:
    return b"".join(await found.all(bstore.read(db, store, uid, *span)))


@pytest.mark.parametrize("size", [*SIZES, 2_500_000])
async def test_what_is_streamed_in_is_the_blob(
    db: found.Database, store: BStore, size: int
) -> None:
    content = blob(size)
    uid = await bstore.write(db, store, in_pieces(content, 33_333))
    assert await streamed(db, store, uid) == content
    assert await found.transactional(db, bstore.get_or_create, store, content) == uid
    rows = await blobs.rows(db, store)
    await found.transactional(db, bstore.delete, store, uid)
    assert await found.transactional(db, bstore.get_or_create, store, content) != uid
    # The same rows but for the uid, whichever way a blob was stored.
    assert sorted(map(len, rows)) == sorted(map(len, await blobs.rows(db, store)))


async def test_every_kind_of_source_is_taken(
    db: found.Database, store: BStore, tmp_path: Path
) -> None:
    content = blob(1_234_567)
    (tmp_path / "file").write_bytes(content)
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    with (tmp_path / "file").open("rb") as file, (tmp_path / "file").open("rb", 0) as raw:
        sources: list[Any] = [
            content,
            bytearray(content),
            memoryview(content),
            [content[:5], bytearray(content[5:700_000]), b"", memoryview(content)[700_000:]],
            (content[place : place + 7_001] for place in range(0, len(content), 7_001)),
            in_pieces(content, 1_000_000),
            # Pieces that are chunks as they come, and slices of something larger that are as long as one.
            [content[place : place + 100_000] for place in range(0, len(content), 100_000)],
            [
                memoryview(content)[place : place + 100_000]
                for place in range(0, len(content), 100_000)
            ],
            io.BytesIO(content),
            file,
            raw,
            reader,
        ]
        uids = {await bstore.write(db, store, source) for source in sources}
        assert len(uids) == 1
        assert not file.closed
    assert await streamed(db, store, uids.pop()) == content


@pytest.mark.parametrize("at_the_same_time", [False, True])
async def test_the_same_stream_twice_is_one_blob(
    db: found.Database, store: BStore, at_the_same_time: bool
) -> None:
    content = blob(1_500_000)
    if at_the_same_time:
        writers = (bstore.write(db, store, in_pieces(content, 90_000)) for _ in range(4))
        uids = set(await asyncio.gather(*writers))
    else:
        uids = {
            await bstore.write(db, store, in_pieces(content, size)) for size in (9_000, 800_000)
        }
    assert len(uids) == 1
    assert len(await blobs.rows(db, store)) == 15 + 2
    assert await streamed(db, store, uids.pop()) == content


async def test_publishing_is_one_transaction_with_what_the_caller_writes(
    db: found.Database, store: BStore
) -> None:
    """Between the blob and the row that refers to it nobody can delete the blob."""
    reference = blobs.state_row(store, UUID(int=0)) + b"reference"
    tries: list[UUID] = []

    async def publish(tx: found.Transaction, uid: UUID) -> None:
        tries.append(uid)
        found.set(tx, reference, uid.bytes)
        if len(tries) == 1:
            raise found.FoundException(1020)

    uid = await bstore.write(db, store, blob(300_000), publish=publish)
    assert tries == [uid, uid]
    assert await found.get(found.make_transaction(db), reference) == uid.bytes

    async def refuse(tx: found.Transaction, uid: UUID) -> None:
        found.set(tx, reference, b"")
        raise KeyError("no")

    before = await blobs.rows(db, store)
    with pytest.raises(KeyError, match="no"):
        await bstore.write(db, store, blob(300_000, seed=2), publish=refuse)
    assert await blobs.rows(db, store) == before


async def test_progress_tells_the_bytes_stored(db: found.Database, store: BStore) -> None:
    told: list[int] = []
    await bstore.write(db, store, in_pieces(blob(2_700_001), 500_000), progress=told.append)
    assert told == [1_000_000, 2_000_000, 2_700_001]


async def test_ranges_of_a_stream_are_what_slicing_gives(db: found.Database, store: BStore) -> None:
    content = blob(3_333_333)
    uid = await bstore.write(db, store, content)
    places = [
        0,
        1,
        CHUNK,
        CHUNK + 1,
        999_999,
        1_000_000,
        1_000_001,
        3_333_332,
        3_333_333,
        9_000_000,
    ]
    for begin in places:
        for end in [*places, None]:
            assert await streamed(db, store, uid, begin, end) == content[begin:end]


async def test_a_digest_leaves_no_thread_behind(db: found.Database, store: BStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield blob(2_500_000)
        raise RuntimeError("the source is broken")

    before = threading.active_count()
    uid = await bstore.write(db, store, blob(2_500_000))
    await bstore.verify(db, store, uid)
    reader = bstore.read(db, store, uid, verify=True)
    await reader.__anext__()
    assert threading.active_count() == before + 1
    await reader.aclose()
    with pytest.raises(RuntimeError, match="is broken"):
        await bstore.write(db, store, broken())
    assert threading.active_count() == before


async def test_a_reader_that_is_closed_leaves_nothing_under_way(
    db: found.Database, store: BStore
) -> None:
    uid = await bstore.write(db, store, blob(6_000_000))
    pieces = bstore.read(db, store, uid)
    assert [len(piece) async for piece in found.limit(pieces, 3)] == [CHUNK] * 3
    assert len(asyncio.all_tasks()) == 1


async def test_memory_does_not_grow_with_the_blob(db: found.Database, store: BStore) -> None:
    """What is under way at once is bounded, in and out."""
    under_way = most = 0
    transactional = found.transactional

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await transactional(*args, **kwargs)
        finally:
            under_way -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(found, "transactional", counted)
        uid = await bstore.write(db, store, in_pieces(blob(9_000_000), 64_000))
        async for _ in bstore.read(db, store, uid):
            pass
    assert most <= _stream.AT_ONCE
    # What a database in memory answers at once, nothing need be ahead of.
    assert most > 1 or "latency" not in repr(db)


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_blob_larger_than_memory_may_grow_goes_through_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In and out through 64 MB, with the engine in the same process. FOUND_TEST_BLOB_MEGABYTES=1000 for a gigabyte."""
    program = f"""
import asyncio, resource
import found
from found.ext import bstore

piece = bytes(range(256)) * 4000

async def source():
    for number in range({MEGABYTES}):
        yield number.to_bytes(8, "big") + piece[8:1_000_000]

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024

async def main():
    async with await found.open("embedded:{tmp_path}/db?cache=8m") as db:
        store = bstore.make("b", ("b",))
        begun = peak()
        uid = await bstore.write(db, store, source())
        size = 0
        async for part in bstore.read(db, store, uid, verify=True):
            size += len(part)
        assert size == {MEGABYTES} * 1_000_000
        print((peak() - begun) / 1e6)

asyncio.run(main())
"""
    monkeypatch.setattr(processes, "DEADLINE", 60.0 + MEGABYTES)
    assert float(output_of(program)) <= 64


# ---- when it goes wrong


class Stop(Exception):
    pass


async def failing(content: bytes, after: int, error: BaseException) -> AsyncGenerator[bytes, None]:
    async for piece in in_pieces(content[:after], 50_000):
        yield piece
    raise error


@pytest.mark.parametrize("after", [0, 50_000, 2_500_000])
async def test_a_source_that_fails_leaves_nothing(
    db: found.Database, store: BStore, after: int
) -> None:
    with pytest.raises(Stop):
        await bstore.write(db, store, failing(blob(3_000_000), after, Stop()))
    assert await blobs.rows(db, store) == {}
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_writer_leaves_nothing_and_closes_its_source(
    db: found.Database, store: BStore
) -> None:
    stuck = asyncio.Event()
    closed: list[str] = []

    async def source() -> AsyncGenerator[bytes, None]:
        try:
            yield blob(2_500_000)
            stuck.set()
            await asyncio.Event().wait()
        finally:
            closed.append("closed")

    writer = asyncio.ensure_future(bstore.write(db, store, source()))
    await stuck.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    assert closed == ["closed"]
    assert await blobs.rows(db, store) == {}
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("kind", ["text", ["text"], [b"a", 7], io.StringIO])
async def test_a_source_of_something_else_is_refused(
    db: found.Database, store: BStore, kind: Any
) -> None:
    source = kind("text") if kind is io.StringIO else kind
    with pytest.raises(BStoreException, match=r"bytes, not (str|int)"):
        await bstore.write(db, store, source)
    with pytest.raises(TypeError, match=r"source must be bytes, .*, not int"):
        await bstore.write(db, store, 7)  # type: ignore[arg-type]
    assert await blobs.rows(db, store) == {}


async def abandoned(db: found.Database, store: BStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a writer leaves that is killed in the middle: the clean-up fails, as that of a dead process does."""

    async def dead(upload: Any) -> None:
        raise OSError("dead")

    stored = asyncio.Event()

    async def source() -> AsyncGenerator[bytes, None]:
        yield blob(2_200_000)
        await stored.wait()
        raise Stop

    def progress(size: int) -> None:
        if size == 2_000_000:
            stored.set()

    with monkeypatch.context() as patch:
        patch.setattr(_stream._Upload, "abandon", dead)
        patch.setattr(_stream, "AT_ONCE", 1)
        with pytest.raises(Stop):
            await bstore.write(db, store, source(), progress=progress)


async def test_a_crash_leaves_no_half_blob_and_the_check_clears_it(
    db: found.Database, store: BStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await abandoned(db, store, monkeypatch)
    rows = await blobs.rows(db, store)
    assert len(rows) == 20 + 1, "the test is about what is left"
    uid = next(items[1] for items in map(found.unpack, rows) if len(items) == 3)
    assert isinstance(uid, UUID)
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await found.transactional(db, bstore.get, store, uid)
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await streamed(db, store, uid)
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await found.transactional(db, bstore.stat, store, uid)
    assert not await found.transactional(db, bstore.delete, store, uid)

    # The same content is stored all the same.
    assert await streamed(db, store, await bstore.write(db, store, blob(2_200_000))) == blob(
        2_200_000
    )

    report = await bstore.fsck(db, store, lease=0)
    assert (report.problems, report.repaired) == (1, 0)
    assert "never published" in report.examples[0].what
    report = await bstore.fsck(db, store, repair=True, lease=0)
    assert (report.problems, report.repaired) == (1, 1)
    assert len(await blobs.rows(db, store)) == 22 + 2
    assert (await bstore.fsck(db, store)).problems == 0


def test_a_writer_that_is_killed_leaves_no_half_blob(tmp_path: Path) -> None:
    program = f"""
import asyncio, os
import found
from found.ext import bstore

async def source():
    for number in range(100):
        if number == 60:
            # A million bytes are a transaction: some are committed by the time that their progress is told.
            while not stored:
                await asyncio.sleep(0)
            os._exit(0)
        yield bytes(100_000)

async def main():
    db = await found.open("embedded:{tmp_path}/db")
    await bstore.write(db, bstore.make("b", ("b",)), source(), progress=stored.append)

stored = []
asyncio.run(main())
"""
    output_of(program)

    async def look() -> None:
        async with await found.open(f"embedded:{tmp_path}/db") as db:
            store = bstore.make("b", ("b",))
            assert await blobs.rows(db, store), "the test is about what is left"
            report = await bstore.fsck(db, store, repair=True, lease=0)
            assert (report.problems, report.repaired) == (1, 1)
            assert await blobs.rows(db, store) == {}

    run(look())


async def test_a_writer_at_work_is_not_taken_for_dead(
    db: found.Database, store: BStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its source pauses for longer than the check waits, but it gives signs of life."""
    monkeypatch.setattr(_stream, "BEAT", 0.001)
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncGenerator[bytes, None]:
        yield blob(1_500_000)
        paused.set()
        await go_on.wait()
        yield b"and more"

    writer = asyncio.ensure_future(bstore.write(db, store, source()))
    await paused.wait()
    report = await bstore.fsck(db, store, repair=True, lease=0.5)
    assert report.problems == 0
    go_on.set()
    assert await streamed(db, store, await writer) == blob(1_500_000) + b"and more"


async def test_a_writer_that_was_taken_for_dead_says_so(db: found.Database, store: BStore) -> None:
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncGenerator[bytes, None]:
        yield blob(1_500_000)
        paused.set()
        await go_on.wait()
        yield blob(1_500_000)

    writer = asyncio.ensure_future(bstore.write(db, store, source()))
    await paused.wait()
    report = await bstore.fsck(db, store, repair=True, lease=0)
    assert (report.problems, report.repaired) == (1, 1)
    go_on.set()
    with pytest.raises(BStoreException, match="cleared by a check"):
        await writer
    assert await blobs.rows(db, store) == {}


async def test_a_blob_deleted_while_it_is_read_is_an_error_and_not_an_end(
    db: found.Database, store: BStore
) -> None:
    uid = await bstore.write(db, store, blob(9_000_000))
    pieces = bstore.read(db, store, uid)
    assert len(await anext_of(pieces)) == CHUNK
    await found.transactional(db, bstore.delete, store, uid)
    with pytest.raises(BStoreException, match=f"{uid} was deleted while it was read"):
        await found.all(pieces)


async def anext_of(pieces: Any) -> bytes:
    return await pieces.__anext__()


async def test_a_changed_byte_is_noticed_after_the_last_piece(
    db: found.Database, store: BStore
) -> None:
    content = blob(2_500_000)
    uid = await bstore.write(db, store, content)
    await blobs.put(db, (blobs.chunk_row(store, uid, 24), content[:CHUNK]))
    read = 0
    with pytest.raises(BStoreException, match=f"blob {uid} is damaged"):
        async for piece in bstore.read(db, store, uid, verify=True):
            read += len(piece)
    assert read == len(content)


@pytest.mark.parametrize("seed", range(4))
async def test_a_commit_whose_outcome_is_unknown_is_no_second_blob(
    db: found.Database, store: BStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every transaction may be committed and reported as unknown, so that it is run once more."""
    draw = random.Random(seed)
    transactional = found.transactional

    async def unsure(database: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("snapshot") or draw.random() < 0.5:
            return await transactional(database, func, *args, **kwargs)
        await transactional(database, func, *args, **kwargs)
        return await transactional(database, func, *args, **kwargs)

    monkeypatch.setattr(found, "transactional", unsure)
    for content in (blob(1_200_000), blob(50_000), blob(1_200_000), b""):
        uid = await bstore.write(db, store, in_pieces(content, 77_777))
        assert await streamed(db, store, uid) == content
    assert len(await blobs.rows(db, store)) == (12 + 2) + (1 + 2) + 2
    assert (await bstore.fsck(db, store)).problems == 0


@pytest.mark.parametrize("there_already", [False, True])
async def test_a_blob_deleted_before_its_writer_knows_that_it_was_published_was_published(
    db: found.Database, store: BStore, there_already: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit's outcome is unknown, and before the writer looks again somebody else has deleted the blob."""
    content = blob(150_000)
    if there_already:
        await found.transactional(db, bstore.get_or_create, store, content)
    transactional = found.transactional

    async def unsure(database: Any, func: Any, *args: Any, **kwargs: Any) -> Any:
        result = await transactional(database, func, *args, **kwargs)
        if isinstance(result, UUID):
            assert await transactional(db, bstore.delete, store, result)
            return await transactional(database, func, *args, **kwargs)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(found, "transactional", unsure)
        uid = await bstore.write(db, store, content)
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await found.transactional(db, bstore.get, store, uid)
    assert await blobs.rows(db, store) == {}
