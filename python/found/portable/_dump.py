"""From a database into a portable file."""

from __future__ import annotations

import asyncio
import datetime
import functools
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Optional, Union

import found
from found.portable import _format
from found.portable._format import Block, Packed, Range, StrPath, Summary
from found.portable._progress import OnProgress, Progress

# A block is closed once it has as many bytes of keys and values, or as many rows.
_FULL_BYTES = 1_000_000
_FULL_ROWS = 10_000

# What one reader is given at a time, of a database of several shards; and how many read at once.
_PART_BYTES = 4_000_000
_READERS = 16

# Blocks that a reader is ahead of the file.
_AHEAD = 2

_TOO_OLD = 1007


async def dump(
    db: found.Database,
    path: StrPath,
    *,
    ranges: Sequence[Range] = ((b"", b"\xff"),),
    source: str = "",
    one_version: bool = False,
    overwrite: bool = False,
    level: int = 3,
    progress: Optional[OnProgress] = None,
    note: Optional[Callable[[str], object]] = None,
) -> Summary:
    r"""Write the rows of a database into a portable file.

    A dump that was stopped, by whatever, leaves a file that the same call goes on with, from its last whole block.

    A transaction reads for five seconds at most. What takes longer is read at several read versions, one after the
    other, and each block of the file has the one that it shows. The rows of several blocks are then those of one
    moment only if nobody wrote meanwhile. The file of an embedded database that nobody else has open is such a case.

    Args:
        db: a found.Database.
        path: the file, a str or a path. It is made if it is not there.
        ranges: the ranges of keys to write, begin and end each; by default all keys of the user, `b""` to `b"\xff"`.
        source: a str that tells databases apart, kept in the file: a dump of another source is not gone on with.
        one_version: True to write all of it at one read version, or fail. There is no going on with such a dump.
        overwrite: True to write over a file that is there, whatever it is.
        level: how hard zstd tries, 1 to 22.
        progress: called with a Progress now and then.
        note: called with a str, a sentence that the user should know: that a dump is gone on with.

    Returns:
        A Summary of the file.

    Raises:
        RefusedException: the file is a finished dump, or something else, and `overwrite` is False; or reading at
            one version was asked for, and takes longer than a transaction can.
        FoundException: from the database, where trying again does not help.
        OSError: the file cannot be written.
        TypeError: `db` is no found.Database, or a range is not of bytes.
        ValueError: a range is empty or goes past `b"\xff"`; `level` is out of range.
    """
    if not isinstance(db, found.Database):
        raise TypeError(f"db must be a found.Database, not {type(db).__name__}")
    for key in (key for pair in ranges for key in pair):
        if not isinstance(key, bytes):
            raise TypeError(f"ranges must be of bytes, not {type(key).__name__}")
    if not 1 <= level <= 22:
        raise ValueError(f"level must be 1 to 22, not {level}")
    created = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    header = _format.Header(_format.normalized(ranges), source, created)
    loop = asyncio.get_running_loop()
    open_writer = functools.partial(_format.Writer, path, header, overwrite=overwrite)
    # The pool ends before the file is closed: of a block that is being written all is written.
    with (
        await loop.run_in_executor(None, open_writer) as writer,
        ThreadPoolExecutor(os.cpu_count() or 1, "found-dump") as pool,
    ):
        if writer.summary.blocks and one_version:
            raise _format.RefusedException(
                f"{writer.path} has rows of an earlier version: overwrite it to have all of one"
            )
        if note and writer.note:
            note(writer.note)
        if note and writer.summary.blocks:
            note(f"{writer.path} has {writer.summary.rows:,} rows already: going on after them")
        await _Dump(db, writer, pool, one_version, level, progress).run()
        await loop.run_in_executor(pool, writer.finish)
        return writer.summary


class _Versions:
    """The read version that all readers share as long as it lasts."""

    def __init__(self, db: found.Database, only_one: bool) -> None:
        self._db = db
        self._only_one = only_one
        self._current: Optional[int] = None
        self._lock = asyncio.Lock()

    async def current(self) -> int:
        async with self._lock:
            if self._current is None:
                # transactional() tries again what helps.
                self._current = await found.transactional(
                    self._db, found.read_version, snapshot=True
                )
            return self._current

    def renounce(self, version: int) -> None:
        """Have another one: this one is too old."""
        if self._only_one:
            raise _format.RefusedException(
                "the database cannot be read at one version: it takes longer than the 5 seconds of a transaction"
            )
        if self._current == version:
            self._current = None


class _Dump:
    def __init__(
        self,
        db: found.Database,
        writer: _format.Writer,
        pool: ThreadPoolExecutor,
        one_version: bool,
        level: int,
        progress: Optional[OnProgress],
    ) -> None:
        self._db = db
        self._writer = writer
        self._pool = pool
        self._versions = _Versions(db, one_version)
        self._level = level
        self._progress = progress

    async def run(self) -> None:
        """Read, compress and write what is not in the file yet. Each goes on beside the others."""
        loop = asyncio.get_running_loop()
        spans = [await self._shards(begin, end) for begin, end in self._writer.left()]
        total = await self._estimate(spans)
        packing: deque[asyncio.Future[Packed]] = deque()

        async def write() -> None:
            packed = await packing.popleft()
            await loop.run_in_executor(self._pool, self._writer.add, packed)
            if self._progress:
                summary = self._writer.summary
                self._progress(Progress(summary.rows, summary.bytes, total))

        blocks = self._in_order(self._parts(spans))
        try:
            async for block in blocks:
                packing.append(loop.run_in_executor(self._pool, _format.pack, block, self._level))
                while len(packing) > 2 * (os.cpu_count() or 1):
                    await write()
            while packing:
                await write()
        finally:
            await blocks.aclose()

    async def _shards(self, begin: bytes, end: bytes) -> list[bytes]:
        """The keys that part a range into shards, both its ends included."""
        boundaries = found.locality.get_boundary_keys(self._db, begin, end)
        return [begin, *[key async for key in boundaries if begin < key], end]

    async def _estimate(self, spans: Sequence[Sequence[bytes]]) -> Optional[int]:
        """About how many bytes the file will have rows of; None where asking costs as much as reading.

        A cluster knows from a sample. Where there is but one shard, as in the embedded engine, nothing is lost.
        """
        total = self._writer.summary.bytes
        for shards in spans:
            if len(shards) == 2:
                return None
            total += await found.transactional(
                self._db, found.estimated_size_bytes, shards[0], shards[-1], snapshot=True
            )
        return total

    async def _parts(self, spans: Sequence[Sequence[bytes]]) -> AsyncGenerator[Range, None]:
        """What is to be read, in parts that lie on one shard each, and are short where there are several."""
        for shards in spans:
            if len(shards) == 2:
                yield shards[0], shards[1]
                continue
            for shard in zip(shards, shards[1:]):
                points = await found.transactional(
                    self._db, found.get_range_split_points, *shard, _PART_BYTES, snapshot=True
                )
                for part in zip(points, points[1:]):
                    yield part

    async def _in_order(self, parts: AsyncGenerator[Range, None]) -> AsyncGenerator[Block, None]:
        """The blocks of all parts, one after the other, several parts being read at once."""
        readers: deque[tuple[asyncio.Task[None], asyncio.Queue[_Item]]] = deque()
        more = True
        try:
            while True:
                while more and len(readers) < _READERS:
                    part = await _next(parts)
                    if part is None:
                        more = False
                        break
                    queue: asyncio.Queue[_Item] = asyncio.Queue(_AHEAD)
                    readers.append((asyncio.ensure_future(self._read_into(queue, *part)), queue))
                if not readers:
                    return
                item = await readers[0][1].get()
                if isinstance(item, Block):
                    yield item
                    continue
                if item is not None:
                    raise item
                readers.popleft()
        finally:
            for task, _ in readers:
                task.cancel()
            await asyncio.gather(*(task for task, _ in readers), return_exceptions=True)
            await parts.aclose()

    async def _read_into(self, queue: asyncio.Queue[_Item], begin: bytes, end: bytes) -> None:
        blocks = self._read(begin, end)
        try:
            async for block in blocks:
                await queue.put(block)
            await queue.put(None)
        except Exception as error:
            await queue.put(error)
        finally:
            await blocks.aclose()

    async def _read(self, begin: bytes, end: bytes) -> AsyncGenerator[Block, None]:
        """The rows of a part, in blocks."""
        while begin < end:
            version = await self._versions.current()
            tx = found.make_transaction(self._db, snapshot=True)
            # A database that is locked to have it at rest can still be read.
            found.set_option(tx, found.TransactionOption.READ_LOCK_AWARE)
            await found.set_read_version(tx, version)
            rows: list[_format.Row] = []
            size = 0
            failure: Optional[found.FoundException] = None
            was_at = begin
            try:
                async for row in found.query(tx, begin, end, mode=found.STREAMING_MODE_SERIAL):
                    rows.append(row)
                    size += len(row[0]) + len(row[1])
                    if size >= _FULL_BYTES or len(rows) >= _FULL_ROWS:
                        after = row[0] + b"\x00"
                        yield Block(begin, after, version, rows)
                        begin, rows, size = after, [], 0
            except found.FoundException as error:
                failure = error
            if failure is None:
                if begin < end:
                    yield Block(begin, end, version, rows)
                return
            if rows:
                # They are what that version had, as far as it was read.
                after = rows[-1][0] + b"\x00"
                yield Block(begin, after, version, rows)
                begin = after
            if failure.code == _TOO_OLD:
                self._versions.renounce(version)
            if failure.code != _TOO_OLD or begin == was_at:
                # It waits, and raises what does not pass.
                await found.on_error(tx, failure.code)


_Item = Union[Block, Exception, None]


async def _next(parts: AsyncGenerator[Range, None]) -> Optional[Range]:
    """The next of an iterator, as Python has it from 3.10 on."""
    try:
        return await parts.__anext__()
    except StopAsyncIteration:
        return None
