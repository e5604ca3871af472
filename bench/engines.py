"""The contenders of the engine's section: embedded stores of ordered keys that put each commit on the disk.

All have rows of 16 bytes of key and 100 of value, and are called from Python as their users call them: found from a
coroutine, SQLite through Python's own `sqlite3`, LMDB through PyPI's `lmdb`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import shutil
import sqlite3
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import found
from bench import peers
from bench.harness import Failure

KEY = b"bench/%010d"
BEGIN, END = b"bench/", b"bench0"
VALUE = b"v" * 100
ROW_BYTES = 116

ROWS_A_COMMIT = 10_000
"""Rows that a bulk load commits at a time."""

CACHE_MIB = 32
"""Memory for pages of found, its default, and of SQLite; LMDB maps its file."""

ROWS_A_READ = 250_000
"""What found reads in one transaction, which lasts five seconds at most, on a slow machine too."""

OTHERS = b"other/%010d"


def short(number: int) -> bytes:
    """A short key: so many mutations fit a transaction of found's."""
    return b"o" + number.to_bytes(4, "big")


WAITING = 5
"""Where there is one writer at a time users wait for each other: a fifth of them is measured, and the rest assumed."""


@contextlib.contextmanager
def stopwatch() -> Generator[Callable[[], float], None, None]:
    """The seconds from its beginning to its end, once it is over."""
    began = time.perf_counter()
    ended = [0.0]
    yield lambda: ended[0] - began
    ended[0] = time.perf_counter()


class Engine(ABC):
    """What is measured. Each method returns seconds, but `size`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def version(self) -> str: ...

    @abstractmethod
    def open(self, durable: bool = True) -> None:
        """Open a new, empty database in the place of what is there."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def load(self, begin: int, end: int) -> float:
        """Insert the rows of these numbers, in order, so many a commit."""

    @abstractmethod
    def gets(self, keys: Sequence[bytes]) -> float: ...

    @abstractmethod
    def list_rows(self, count: int) -> float:
        """Have all rows, which are `count`, in a list."""

    @abstractmethod
    def iterate_rows(self, count: int) -> float:
        """Go through all rows one by one."""

    @abstractmethod
    def commits(self, count: int) -> float:
        """Commit a row at a time, each on the disk before the next."""

    @abstractmethod
    def commits_at_once(self, count: int) -> float:
        """Commit a row at a time for as many users, as fast as may be; the seconds of all."""

    @abstractmethod
    def large_commit(self, mutations: int) -> float:
        """Insert so many rows in one commit."""

    @abstractmethod
    def clear(self) -> float:
        """Remove all rows in one commit."""

    def size(self) -> int:
        """Bytes on the disk."""
        files = self.path.rglob("*") if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files)

    def remove(self) -> None:
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def end(self) -> None:
        """Leave nothing, whether it is open or not."""
        self.remove()


class Found(Engine):
    """This project's engine."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.loop = asyncio.new_event_loop()

    @property
    def version(self) -> str:
        return version("asyncio-foundationdb")

    def end(self) -> None:
        super().end()
        self.loop.close()

    def run(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return self.loop.run_until_complete(awaited())

    def open(self, durable: bool = True) -> None:
        self.remove()
        address = f"embedded:{self.path}?cache={CACHE_MIB}m&sync={'on' if durable else 'off'}"
        self.db: found.Database = self.run(found.open(address))

    def close(self) -> None:
        self.run(found.close(self.db))

    def load(self, begin: int, end: int) -> float:
        async def put(tx: found.Transaction, start: int) -> None:
            put = found.set
            for number in range(start, min(start + ROWS_A_COMMIT, end)):
                put(tx, KEY % number, VALUE)

        async def load() -> None:
            # The next is prepared while one is on its way.
            under_way: set[asyncio.Future[None]] = set()
            for start in range(begin, end, ROWS_A_COMMIT):
                if len(under_way) == 4:
                    _, under_way = await asyncio.wait(
                        under_way, return_when=asyncio.FIRST_COMPLETED
                    )
                under_way.add(asyncio.ensure_future(found.transactional(self.db, put, start)))
            await asyncio.gather(*under_way)

        with stopwatch() as seconds:
            self.run(load())
        return seconds()

    def gets(self, keys: Sequence[bytes]) -> float:
        async def gets() -> None:
            tx = found.make_transaction(self.db)
            get = found.get
            for key in keys:
                await get(tx, key)

        with stopwatch() as seconds:
            self.run(gets())
        return seconds()

    def query(self, begin: found.KeySelector) -> found.Query:
        tx = found.make_transaction(self.db)
        return found.query(tx, begin, END, limit=ROWS_A_READ)

    def list_rows(self, count: int) -> float:
        async def collect() -> list[tuple[bytes, bytes]]:
            rows = await found.all(self.query(found.gte(BEGIN)))
            more = rows
            while len(more) == ROWS_A_READ:
                more = await found.all(self.query(found.gt(more[-1][0])))
                rows += more
            return rows

        with stopwatch() as seconds:
            rows = self.run(collect())
        assert len(rows) == count
        return seconds()

    def iterate_rows(self, count: int) -> float:
        async def iterate() -> int:
            seen = 0
            begin = found.gte(BEGIN)
            while True:
                before, last = seen, b""
                async for key, _ in self.query(begin):
                    seen += 1
                    last = key
                if seen - before < ROWS_A_READ:
                    return seen
                begin = found.gt(last)

        with stopwatch() as seconds:
            seen = self.run(iterate())
        assert seen == count
        return seconds()

    def commits(self, count: int) -> float:
        async def commits() -> None:
            for number in range(count):
                await found.transactional(self.db, found.set, OTHERS % number, VALUE)

        with stopwatch() as seconds:
            self.run(commits())
        return seconds()

    def commits_at_once(self, count: int) -> float:
        async def commits() -> None:
            await asyncio.gather(
                *(
                    found.transactional(self.db, found.set, OTHERS % number, VALUE)
                    for number in range(count)
                )
            )

        with stopwatch() as seconds:
            self.run(commits())
        return seconds()

    def large_commit(self, mutations: int) -> float:
        async def put(tx: found.Transaction) -> None:
            put = found.set
            for number in range(mutations):
                put(tx, short(number), b"")

        with stopwatch() as seconds:
            self.run(found.transactional(self.db, put))
        return seconds()

    def clear(self) -> float:
        with stopwatch() as seconds:
            self.run(found.transactional(self.db, found.clear, BEGIN, END))
        return seconds()


class SQLite(Engine):
    """A table whose primary key is a blob, in WAL mode with synchronous=FULL."""

    @property
    def version(self) -> str:
        return f"{sqlite3.sqlite_version}, WAL, synchronous=FULL"

    def open(self, durable: bool = True) -> None:
        self.remove()
        self.path.mkdir()
        self.connection = sqlite3.connect(self.path / "db", isolation_level=None)
        execute = self.connection.execute
        execute("PRAGMA journal_mode = WAL")
        execute(f"PRAGMA synchronous = {'FULL' if durable else 'OFF'}")
        execute(f"PRAGMA cache_size = -{CACHE_MIB * 1024}")
        execute("CREATE TABLE rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")

    def close(self) -> None:
        self.connection.close()

    def end(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
        super().end()

    def put(self, rows: Iterator[tuple[bytes, bytes]]) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", rows)
        self.connection.execute("COMMIT")

    def load(self, begin: int, end: int) -> float:
        with stopwatch() as seconds:
            for start in range(begin, end, ROWS_A_COMMIT):
                numbers = range(start, min(start + ROWS_A_COMMIT, end))
                self.put((KEY % number, VALUE) for number in numbers)
        return seconds()

    def gets(self, keys: Sequence[bytes]) -> float:
        execute = self.connection.execute
        with stopwatch() as seconds:
            for key in keys:
                execute("SELECT value FROM rows WHERE key = ?", (key,)).fetchone()
        return seconds()

    def rows(self) -> sqlite3.Cursor:
        return self.connection.execute(
            "SELECT key, value FROM rows WHERE key >= ? AND key < ? ORDER BY key", (BEGIN, END)
        )

    def list_rows(self, count: int) -> float:
        with stopwatch() as seconds:
            rows = self.rows().fetchall()
        assert len(rows) == count
        return seconds()

    def iterate_rows(self, count: int) -> float:
        seen = 0
        with stopwatch() as seconds:
            for _key, _value in self.rows():
                seen += 1
        assert seen == count
        return seconds()

    def commits(self, count: int) -> float:
        with stopwatch() as seconds:
            for number in range(count):
                self.put(iter([(OTHERS % number, VALUE)]))
        return seconds()

    def commits_at_once(self, count: int) -> float:
        return WAITING * self.commits(count // WAITING)

    def large_commit(self, mutations: int) -> float:
        with stopwatch() as seconds:
            self.put((short(number), b"") for number in range(mutations))
        return seconds()

    def clear(self) -> float:
        with stopwatch() as seconds:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("DELETE FROM rows WHERE key >= ? AND key < ?", (BEGIN, END))
            self.connection.execute("COMMIT")
        return seconds()


class Lmdb(Engine):
    """A memory-mapped tree. It syncs each commit."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self.lmdb: Any = importlib.import_module("lmdb")
        except ImportError as error:
            raise Failure(peers.explained(str(error))) from error

    @property
    def version(self) -> str:
        major, minor, patch = self.lmdb.version()
        return f"{major}.{minor}.{patch}, lmdb {version('lmdb')}"

    def open(self, durable: bool = True) -> None:
        self.remove()
        self.environment = self.lmdb.open(str(self.path), map_size=64 << 30, sync=durable)

    def close(self) -> None:
        self.environment.close()

    def load(self, begin: int, end: int) -> float:
        with stopwatch() as seconds:
            for start in range(begin, end, ROWS_A_COMMIT):
                with self.environment.begin(write=True) as transaction:
                    put = transaction.put
                    for number in range(start, min(start + ROWS_A_COMMIT, end)):
                        put(KEY % number, VALUE)
        return seconds()

    def gets(self, keys: Sequence[bytes]) -> float:
        with stopwatch() as seconds, self.environment.begin() as transaction:
            get = transaction.get
            for key in keys:
                get(key)
        return seconds()

    def rows(self, transaction: Any) -> Iterator[tuple[bytes, bytes]]:
        cursor = transaction.cursor()
        cursor.set_range(BEGIN)
        return cursor.iternext()

    def list_rows(self, count: int) -> float:
        with stopwatch() as seconds, self.environment.begin() as transaction:
            rows = list(self.rows(transaction))
        # Nothing sorts after the rows when this is measured.
        assert len(rows) == count
        return seconds()

    def iterate_rows(self, count: int) -> float:
        seen = 0
        with stopwatch() as seconds, self.environment.begin() as transaction:
            for _key, _value in self.rows(transaction):
                seen += 1
        assert seen == count
        return seconds()

    def commits(self, count: int) -> float:
        with stopwatch() as seconds:
            for number in range(count):
                with self.environment.begin(write=True) as transaction:
                    transaction.put(OTHERS % number, VALUE)
        return seconds()

    def commits_at_once(self, count: int) -> float:
        return WAITING * self.commits(count // WAITING)

    def large_commit(self, mutations: int) -> float:
        with stopwatch() as seconds, self.environment.begin(write=True) as transaction:
            put = transaction.put
            for number in range(mutations):
                put(short(number), b"")
        return seconds()

    def clear(self) -> float:
        with stopwatch() as seconds, self.environment.begin(write=True) as transaction:
            cursor = transaction.cursor()
            there = cursor.set_range(BEGIN)
            while there and cursor.key() < END:
                there = cursor.delete()
        return seconds()


ENGINES: dict[str, type[Engine]] = {"found": Found, "SQLite": SQLite, "LMDB": Lmdb}
"""By name; this project's first."""
