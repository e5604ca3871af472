"""From a portable file into a database."""

from __future__ import annotations

import asyncio
import datetime
import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Optional, cast

import found
from found.portable import _format
from found.portable._format import Block, Packed, StrPath, Summary
from found.portable._progress import OnProgress, Progress

# Commits under way at once. Each has a block, of about a megabyte; as many again are read ahead.
_IN_FLIGHT = 8

# How far a load came is kept among the system keys that are no metadata of the cluster (fdbclient/SystemData.cpp,
# nonMetadataSystemKeys), where other tools keep their own: no key of the user's is touched, and none is in the way.
_STATE = b"\xff\x02/found/load/"
_BEGUN, _BEGUN_END = _STATE + b"begun/", _STATE + b"begun0"
_MARKS = _STATE + b"marks/"


class _State(NamedTuple):
    """The keys that say how far the load of one file came."""

    file: bytes
    """The checksum of the file."""

    @property
    def begun(self) -> bytes:
        """By whom and how the load was begun: a JSON object. With a `finished` it is over."""
        return _BEGUN + self.file

    @property
    def low(self) -> bytes:
        """All blocks up to this number are loaded: eight bytes, big-endian."""
        return _MARKS + self.file + b"/low"

    def block(self, number: int) -> bytes:
        """It is there if the block is loaded, and above `low`."""
        return _MARKS + self.file + b"/block/" + number.to_bytes(8, "big")

    def forget(self, tx: found.Transaction) -> None:
        """Clear all of them."""
        found.clear(tx, self.begun)
        found.clear(tx, _MARKS + self.file + b"/", _MARKS + self.file + b"0")


async def load(
    path: StrPath,
    db: found.Database,
    *,
    replace: bool = False,
    merge: bool = False,
    progress: Optional[OnProgress] = None,
    note: Optional[Callable[[str], object]] = None,
) -> Summary:
    r"""Write the rows of a portable file into a database.

    The whole file is verified before anything is written. Each block is one transaction, which also notes, under
    `\xff\x02/found/load/`, that this block of this file is there: a load that was stopped, by whatever, goes on with
    what is missing when it is called again, and ends with the same database, provided that nobody else writes in the
    ranges of the file meanwhile. A later call takes the work over from one that still runs.

    Args:
        path: the file, a str or a path.
        db: a found.Database.
        replace: True to clear what the database has in the ranges of the file.
        merge: True to write over what the database has, and leave other keys as they are. Without one of the two, the
            database must have nothing in the ranges of the file.
        progress: called with a Progress now and then.
        note: called with a str, a sentence that the user should know: that a load is gone on with.

    Returns:
        A Summary of the file.

    Raises:
        DamagedException: the file is not as it was written.
        RefusedException: the database is not empty; or it was begun to be loaded with other arguments; or another call
            has taken the work over.
        FoundException: from the database, where trying again does not help.
        OSError: the file cannot be read.
        TypeError: `db` is no found.Database.
        ValueError: both `replace` and `merge`.
    """
    if not isinstance(db, found.Database):
        raise TypeError(f"db must be a found.Database, not {type(db).__name__}")
    if replace and merge:
        raise ValueError("replace and merge exclude each other")
    mode = "replace" if replace else "merge" if merge else "new"
    loop = asyncio.get_running_loop()
    with _format.Reader(path) as reader, ThreadPoolExecutor(2, "found-load") as pool:
        digest, summary = await loop.run_in_executor(pool, _verify, path)
        load = _Load(db, reader, digest, mode, summary, pool, progress)
        said = await found.transactional(db, load.begin)
        if said and note:
            note(said)
        if not load.finished:
            await load.run()
            await found.transactional(db, load.finish)
    return summary


def _verify(path: StrPath) -> tuple[bytes, Summary]:
    """The digest of the whole file, once it is known to be whole."""
    with _format.Reader(path) as reader:
        for _ in reader:
            pass
        return reader.digest, reader.summary


class _Load:
    def __init__(
        self,
        db: found.Database,
        reader: _format.Reader,
        digest: bytes,
        mode: str,
        summary: Summary,
        pool: ThreadPoolExecutor,
        progress: Optional[OnProgress],
    ) -> None:
        self._db = db
        self._reader = reader
        self._state = _State(digest.hex().encode())
        self._mode = mode
        self._session = secrets.token_hex(8)
        self._total = summary.bytes
        self._pool = pool
        self._progress = progress
        self._record = self._said(begun=_now())
        self._low = 0
        self._above: set[int] = set()
        self._rows = 0
        self._bytes = 0
        self.finished = False

    async def begin(self, tx: found.Transaction) -> Optional[str]:
        """Begin the load, or take it up: then a sentence that says so."""
        found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
        state = self._state
        self.finished = False
        said: Optional[str] = None
        there = await found.get(tx, state.begun)
        record = cast("dict[str, Any]", json.loads(there)) if there else None
        is_new = record is None or "finished" in record
        if is_new and self._mode == "new" and not await self._is_empty(tx):
            if record is None:
                raise _format.RefusedException(
                    f"the database has keys where {self._reader.path} would write: say whether to replace them, or "
                    "to merge the file into them"
                )
            self.finished = True
            return f"{self._reader.path} was loaded on {record['finished']}: there is nothing to do"
        if not is_new and record is not None:
            if record["session"] == self._session:
                # A commit of this function whose outcome was unknown.
                return None
            if record["mode"] != self._mode:
                raise _format.RefusedException(
                    f"{self._reader.path} was begun to be loaded in another way ({record['mode']}) and is not done: "
                    "finish that first"
                )
            low = await found.get(tx, state.low)
            self._low = int.from_bytes(low or b"", "big")
            rows = await found.all(found.query(tx, state.block(0), state.block(2**63)))
            self._above = {int.from_bytes(key[-8:], "big") for key, _ in rows}
            count = self._low + len(self._above)
            said = f"{count:,} blocks are there already: going on with the others"
        else:
            self._low, self._above = 0, set()
            await self._forget_others(tx)
        found.set(tx, state.begun, self._record)
        return said

    def _said(self, **when: str) -> bytes:
        """What is kept of this load."""
        ranges = [[begin.hex(), end.hex()] for begin, end in self._reader.header.ranges]
        record = {"session": self._session, "mode": self._mode, "ranges": ranges, **when}
        return json.dumps(record).encode()

    async def _forget_others(self, tx: found.Transaction) -> None:
        """Forget the loads whose rows this one writes over: they cannot go on, and are not what is there."""
        ours = self._reader.header.ranges
        for key, value in await found.all(found.query(tx, _BEGUN, _BEGUN_END)):
            theirs = [(bytes.fromhex(b), bytes.fromhex(e)) for b, e in json.loads(value)["ranges"]]
            if any(a < end and begin < b for a, b in ours for begin, end in theirs):
                _State(key[len(_BEGUN) :]).forget(tx)

    async def _is_empty(self, tx: found.Transaction) -> bool:
        for begin, end in self._reader.header.ranges:
            if await found.all(found.query(tx, begin, end, limit=1)):
                return False
        return True

    async def run(self) -> None:
        """Load the blocks that are not there, several at once."""
        loop = asyncio.get_running_loop()
        blocks = enumerate(self._reader, 1)
        under_way: set[asyncio.Task[None]] = set()
        try:
            while True:
                numbered = await loop.run_in_executor(self._pool, self._next, blocks)
                if numbered is None:
                    break
                while len(under_way) >= _IN_FLIGHT:
                    under_way = await _one_done(under_way)
                under_way.add(asyncio.ensure_future(self._have(*numbered)))
            while under_way:
                under_way = await _one_done(under_way)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def _next(self, blocks: Iterator[tuple[int, Packed]]) -> Optional[tuple[int, Block, int]]:
        """The next block, with its number and the bytes of its rows; in a thread."""
        for number, packed in blocks:
            return number, self._reader.unpack(packed, number), packed.row_bytes
        return None

    async def _have(self, number: int, block: Block, size: int) -> None:
        """See to it that a block is in the database."""
        is_there = number <= self._low or number in self._above
        if not (is_there and await self._is_still_there(block)):
            await found.transactional(self._db, self._write, number, block)
        if number > self._low:
            self._above.add(number)
        while self._low + 1 in self._above:
            self._low += 1
            self._above.remove(self._low)
        self._rows += len(block.rows)
        self._bytes += size
        if self._progress:
            self._progress(Progress(self._rows, self._bytes, self._total))

    async def _is_still_there(self, block: Block) -> bool:
        """Whether nobody has emptied the database since an earlier call wrote the block."""
        if not block.rows:
            return True
        first = block.rows[0][0]
        return await found.transactional(self._db, found.get, first, snapshot=True) is not None

    async def _write(self, tx: found.Transaction, number: int, block: Block) -> None:
        found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
        await self._be_in_charge(tx)
        if self._mode == "replace":
            found.clear(tx, block.begin, block.end)
        # One conflict range in the place of one a row: less to send and to compare. Those of the rows lie in it, and
        # are one with it (ReadYourWrites.actor.cpp, writeRangeToNativeTransaction).
        found.add_conflict_range(tx, block.begin, block.end, found.CONFLICT_RANGE_TYPE_WRITE)
        put = found.set
        for key, value in block.rows:
            put(tx, key, value)
        state = self._state
        found.set(tx, state.block(number), b"")
        # What is known to be loaded needs no mark of its own. Others may have written a higher number meanwhile.
        found.byte_max(tx, state.low, self._low.to_bytes(8, "big"))
        found.clear(tx, state.block(0), state.block(self._low + 1))

    async def _be_in_charge(self, tx: found.Transaction) -> None:
        """See to it that the commit fails if another load of this file has begun."""
        if await found.get(tx, self._state.begun) != self._record:
            raise _format.RefusedException(
                f"another load of {self._reader.path} has taken over from this one"
            )

    async def finish(self, tx: found.Transaction) -> None:
        """Note that all of it is loaded."""
        found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
        there = await found.get(tx, self._state.begun)
        if there is not None and "finished" in json.loads(there):
            # A commit of this function whose outcome was unknown.
            return
        await self._be_in_charge(tx)
        self._state.forget(tx)
        found.set(tx, self._state.begun, self._said(finished=_now()))


async def _one_done(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        # Its exception, if it has one; those of the others are let go.
        task.result()
    return left


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
