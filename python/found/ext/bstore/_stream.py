"""Blobs larger than a transaction: written from a stream, read as one, in as many transactions as it takes."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from itertools import islice
from typing import Any, Optional, Protocol, Union, cast
from uuid import UUID, uuid4

import found
from found.ext import _store
from found.ext._store import Progress, Results, Rows
from found.ext.bstore._content import (
    check_chunks,
    check_unstated,
    forget,
    read_state,
    read_unstated,
    stat,
)
from found.ext.bstore._digest import Digest
from found.ext.bstore._model import (
    CHUNK,
    BStore,
    BStoreException,
    BytesLike,
    Stat,
    Writing,
    check_bytes,
    check_span,
    check_store,
    check_uid,
    chunk_keys,
    count_of,
    damaged,
    hash_key,
    missing,
    packed_stat,
    state_key,
    uid_of,
)

BATCH = 10
"""Chunks in a transaction: the million bytes that FoundationDB advises to stay below."""
AT_ONCE = 4
"""Transactions under way of one blob, read or written."""
BEAT = 5.0
"""Seconds between a writer's signs of life, for `fsck`."""


class Readable(Protocol):
    """A binary file, or an `asyncio.StreamReader`."""

    def read(self, size: int, /) -> Union[BytesLike, Awaitable[BytesLike], None]: ...


Source = Union[BytesLike, Iterable[BytesLike], AsyncIterable[BytesLike], Readable]
Publish = Callable[[found.Transaction, UUID], Awaitable[object]]


async def write(
    db: found.Database,
    bstore: BStore,
    source: Source,
    *,
    publish: Optional[Publish] = None,
    progress: Optional[Progress] = None,
) -> UUID:
    """Store a blob of any size, unless there is one of the same content, and return its uid.

    The bytes are written in transactions of a million bytes, some of them under way while more of the source is read;
    memory is bounded by those. The last transaction publishes the blob: until then nobody finds it, and if this
    process ends before, what was written is never taken for a blob. After an error, or when the task is cancelled,
    it is cleared; what a crash leaves, `fsck` finds and clears.

    Args:
        db: a found.Database.
        bstore: a handle.
        source: bytes; or an iterable of bytes, in pieces of any size; or an asynchronous one, which is closed at the
            end; or something with a method `read(size)`, as an `asyncio.StreamReader`, or a binary file, which is read
            in a thread and not closed.
        publish: a coroutine function that is called with the transaction that publishes the blob, and the uid: what it
            writes is there if and only if the blob is. It may be called several times, as the function of
            `found.transactional`.
        progress: called with the number of bytes stored so far.

    Raises:
        BStoreException: the source gives something that is not bytes; what was written was cleared by a `fsck` that
            took this writer for dead.
        TypeError: `source` is nothing that gives bytes.
    """
    check_store(bstore)
    upload = _Upload(db, bstore)
    chunks = _chunks(_pieces(source))
    under_way: deque[asyncio.Task[int]] = deque()
    beat: Optional[asyncio.Task[None]] = None
    digest = Digest()
    size = stored = 0

    def send(batch: list[bytes]) -> None:
        nonlocal size
        digest.update(batch)
        under_way.append(asyncio.ensure_future(upload.put(count_of(size), batch)))
        size += sum(map(len, batch))

    async def settle() -> None:
        nonlocal stored
        stored += await under_way.popleft()
        if progress is not None:
            progress(stored)

    try:
        await upload.begin()
        beat = asyncio.ensure_future(upload.live())
        batch: list[bytes] = []
        async for chunk in chunks:
            batch.append(chunk)
            if len(batch) == BATCH:
                send(batch)
                batch = []
                if len(under_way) == AT_ONCE:
                    await settle()
        if batch:
            send(batch)
        while under_way:
            await settle()
        return await upload.publish(digest.digest(), size, publish)
    except BaseException:
        await _stop(*under_way)
        # What is left behind if this fails too, fsck finds.
        with contextlib.suppress(Exception):
            await upload.abandon()
        raise
    finally:
        digest.close()
        if beat is not None:
            await _stop(beat)
        await chunks.aclose()


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Upload:
    """A blob that is being written.

    Its state says so from before the first chunk to the transaction that publishes it. All transactions in between read
    the state: whoever clears it, with the chunks, ends the upload, and none of them commits after that.
    """

    def __init__(self, db: found.Database, store: BStore) -> None:
        self.db = db
        self.store = store
        self.uid = uuid4()
        self.key = state_key(store, self.uid)

    def _mark(self, tx: found.Transaction) -> None:
        stamp = found.pack_with_versionstamp((found.Versionstamp(),))
        found.set_versionstamped_value(tx, self.key, stamp)

    def _lost(self) -> BStoreException:
        return BStoreException(
            f"the blob that was being written to {self.store.name} was cleared by a check: it took its writer for dead"
        )

    async def begin(self) -> None:
        async def mark(tx: found.Transaction) -> None:
            self._mark(tx)

        await found.transactional(self.db, mark)

    async def live(self) -> None:
        """Give a sign of life now and then: the source may pause for long."""

        async def mark(tx: found.Transaction) -> None:
            if isinstance(await read_state(tx, self.store, self.uid), Writing):
                self._mark(tx)

        while True:
            await asyncio.sleep(BEAT)
            with contextlib.suppress(found.BaseFoundException):
                await found.transactional(self.db, mark)

    async def put(self, first: int, batch: list[bytes]) -> int:
        keys = chunk_keys(self.store, self.uid, first, first + len(batch))

        async def put(tx: found.Transaction) -> None:
            state = read_state(tx, self.store, self.uid)
            for key, chunk in zip(keys, batch):
                found.set(tx, key, chunk)
            if not isinstance(await state, Writing):
                raise self._lost()

        await found.transactional(self.db, put)
        return sum(map(len, batch))

    async def publish(self, digest: bytes, size: int, publish: Optional[Publish]) -> UUID:
        tried: Optional[UUID] = None

        async def body(tx: found.Transaction) -> UUID:
            nonlocal tried
            hash_row = found.get(tx, hash_key(self.store, digest))
            state = await read_state(tx, self.store, self.uid)
            uid = uid_of(await hash_row)
            # Tried again after a commit whose outcome was unknown, the blob may be published already, or cleared in
            # favour of another of the same content; and whichever it was may have been deleted since.
            if not isinstance(state, Writing) and uid is None:
                if tried is None:
                    raise self._lost()
                return tried
            if uid is None:
                uid = self.uid
                found.set(tx, hash_key(self.store, digest), uid.bytes)
                found.set(tx, self.key, packed_stat(digest, size))
            elif uid != self.uid:
                forget(tx, self.store, self.uid)
            if publish is not None:
                await publish(tx, uid)
            tried = uid
            return uid

        return await found.transactional(self.db, body)

    async def abandon(self) -> None:
        async def body(tx: found.Transaction) -> None:
            if isinstance(await read_state(tx, self.store, self.uid), Writing):
                forget(tx, self.store, self.uid)

        await found.transactional(self.db, body)


async def _chunks(pieces: AsyncGenerator[memoryview, None]) -> AsyncGenerator[bytes, None]:
    """Pieces of any size as chunks: all of `CHUNK` bytes but the last."""
    rest = bytearray()
    try:
        async for piece in pieces:
            begin = 0
            if rest:
                begin = CHUNK - len(rest)
                rest += piece[:begin]
                if len(rest) < CHUNK:
                    continue
                yield bytes(rest)
                rest.clear()
            whole = piece.obj
            if not begin and isinstance(whole, bytes) and len(piece) == len(whole) == CHUNK:
                # No copy of what is a chunk as it came.
                yield whole
                continue
            past = begin + (len(piece) - begin) // CHUNK * CHUNK
            for place in range(begin, past, CHUNK):
                yield bytes(piece[place : place + CHUNK])
            rest += piece[past:]
        if rest:
            yield bytes(rest)
    finally:
        await pieces.aclose()


def _pieces(source: Source) -> AsyncGenerator[memoryview, None]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _checked((cast("BytesLike", source),))
    if isinstance(source, str):
        raise BStoreException(f"source must give bytes, not str: {_store.shown(source)}")
    read = getattr(source, "read", None)
    if read is not None:
        return _checked(_read_of(read))
    if isinstance(source, (AsyncIterable, Iterable)):
        return _checked(cast("Iterable[BytesLike]", source))
    raise TypeError(
        f"source must be bytes, an iterable of bytes or something to read of, not {type(source).__name__}"
    )


async def _checked(source: _store.Source[BytesLike]) -> AsyncGenerator[memoryview, None]:
    pieces = _store.each(source)
    try:
        async for piece in pieces:
            yield check_bytes(piece, "each piece of the source")
    finally:
        await pieces.aclose()


async def _read_of(read: Callable[[int], Any]) -> AsyncGenerator[BytesLike, None]:
    loop = asyncio.get_running_loop()
    size = BATCH * CHUNK
    while True:
        if inspect.iscoroutinefunction(read):
            piece = await read(size)
        else:
            # A file blocks, and would stop the event loop.
            piece = await loop.run_in_executor(None, read, size)
        if not piece:
            return
        yield piece


def read(
    db: found.Database,
    bstore: BStore,
    uid: UUID,
    begin: int = 0,
    end: Optional[int] = None,
    *,
    verify: bool = False,
) -> Results[bytes]:
    """Yield a blob, or a range of its bytes, in pieces of up to 100,000 bytes.

    Each million bytes is a transaction of its own, and some are read ahead of what was taken: memory is bounded by
    those, and there is no limit of time. A blob never changes, so that the pieces are of one content; if it is deleted
    meanwhile, the iteration ends with an error.

    Args:
        db: a found.Database.
        bstore: a handle.
        uid: the blob's.
        begin: the first byte, 0 or more.
        end: the first byte that is not wanted; None, the default, for the end of the blob.
        verify: True to compare the blob with its digest: an error comes after the last piece. Only of a whole blob.

    Raises:
        BStoreException: while it is read: there is no such blob, bytes of it are missing or, with `verify`, are not
            what its digest says.
        TypeError: `begin` or `end` is no int.
        ValueError: `begin` or `end` is negative, or `verify` is asked for a range.
    """
    check_store(bstore)
    check_uid(uid)
    check_span(begin, end)
    if verify and (begin != 0 or end is not None):
        raise ValueError("verify compares a whole blob with its digest: leave begin and end out")
    return Results(_read(db, bstore, uid, begin, end, verify))


async def _read(
    db: found.Database,
    store: BStore,
    uid: UUID,
    begin: int,
    end: Optional[int],
    verify: bool,
) -> AsyncGenerator[bytes, None]:
    known = await found.transactional(db, _stat_or_content, store, uid, snapshot=True)
    if isinstance(known, bytes):
        content = known[begin:end]
        if verify:
            await found.transactional(db, check_unstated, store, uid, content, snapshot=True)
        for place in range(0, len(content), CHUNK):
            yield content[place : place + CHUNK]
        return
    end = known.size if end is None else min(end, known.size)
    digest = Digest()
    window = BATCH * CHUNK

    def start(place: int) -> asyncio.Task[Rows]:
        past = min(place // window * window + window, end)
        work = found.transactional(db, _window, store, known, place, past, snapshot=True)
        return asyncio.ensure_future(work)

    # The first window is cut so that all others begin with a chunk.
    begins = iter([begin, *range(begin // window * window + window, end, window)])
    under_way: deque[tuple[int, asyncio.Task[Rows]]] = deque()
    try:
        while begin < end:
            under_way += [
                (place, start(place)) for place in islice(begins, AT_ONCE - len(under_way))
            ]
            if not under_way:
                break
            place, task = under_way[0]
            rows = await task
            under_way.popleft()
            if verify:
                digest.update([chunk for _, chunk in rows])
            offset = place // CHUNK * CHUNK
            for _, chunk in rows:
                piece = chunk
                if offset < begin or offset + len(chunk) > end:
                    piece = chunk[max(begin - offset, 0) : end - offset]
                offset += len(chunk)
                yield piece
        if verify and digest.digest() != known.digest:
            raise damaged(uid, "its bytes are not those of its digest")
    finally:
        digest.close()
        await _stop(*(task for _, task in under_way))


async def _stat_or_content(tx: found.Transaction, store: BStore, uid: UUID) -> Union[Stat, bytes]:
    state = await read_state(tx, store, uid)
    if isinstance(state, Stat):
        return state
    if state is not None:
        raise missing(uid)
    return await read_unstated(tx, store, uid)


async def _window(tx: found.Transaction, store: BStore, known: Stat, begin: int, end: int) -> Rows:
    keys = chunk_keys(store, known.uid, begin // CHUNK, count_of(end) + 1)
    rows = await found.all(found.query(tx, keys[0], keys[-1]))
    try:
        check_chunks(store, known, rows, begin, end)
    except BStoreException:
        if await read_state(tx, store, known.uid) is None:
            raise BStoreException(f"blob {known.uid} was deleted while it was read") from None
        raise
    return rows


async def verify(db: found.Database, bstore: BStore, uid: UUID) -> Stat:
    """Read a blob, compare it with its digest, and return its size and digest.

    Raises:
        BStoreException: there is no such blob, bytes of it are missing, or they are not those of its digest.
    """
    async for _ in read(db, bstore, uid, verify=True):
        pass
    return await found.transactional(db, stat, bstore, uid, snapshot=True)
