"""The contenders of the driver's sections: each in a process of its own, one API of a binding in each.

A worker reads a line of JSON, runs what it names, and answers with a line: seconds for the work asked for. It is
started with the interpreter and the environment of its contender, so several versions of a binding can be measured
side by side.

    python -m bench.workers found memory:bench
    python -m bench.workers fdb memory:bench
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEY = b"bench/%010d"
VALUE = b"v" * 100
"""With its key of 16 bytes, a row of 116."""
BEGIN, END = b"bench/", b"bench0"
ROWS = 10_000


class WorkerError(Exception):
    """A contender that could not be started, or that failed; the message is its own."""


class Worker:
    """The near end: what the benchmark calls."""

    def __init__(
        self, binding: str, address: str, *, python: str = sys.executable, **environment: str
    ) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "bench.workers", binding, address],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.version = str(self.ask("version"))

    def ask(self, work: str, count: int = 0) -> float:
        assert self.process.stdin and self.process.stdout and self.process.stderr
        try:
            self.process.stdin.write(json.dumps([work, count]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.kill()
            said = self.process.stderr.read().strip().splitlines()
            raise WorkerError(said[-1] if said else "it ended without a word")
        return json.loads(line)

    def close(self) -> None:
        with self.process:
            assert self.process.stdin
            self.process.stdin.close()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()


# ---- the far end ------------------------------------------------------------------------------------------------


def found_works(address: str) -> Mapping[str, Callable[[int], Any]]:
    import found
    from found import _found

    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(found.open(address))

    async def fill(tx: found.Transaction) -> None:
        for i in range(ROWS):
            found.set(tx, KEY % i, VALUE)

    async def ready_gets(count: int) -> float:
        tx = found.make_transaction(db)
        key = KEY % (ROWS // 2)
        assert await found.get(tx, key) == VALUE
        get = found.get
        began = time.perf_counter()
        for _ in range(count):
            await get(tx, key)
        return time.perf_counter() - began

    async def sequential_gets(count: int) -> float:
        tx = found.make_transaction(db)
        keys = [KEY % (i * 7919 % ROWS) for i in range(count)]
        await found.read_version(tx)
        get = found.get
        began = time.perf_counter()
        for key in keys:
            await get(tx, key)
        return time.perf_counter() - began

    async def gets_through_the_table(count: int) -> float:
        tx = found.make_transaction(db)
        key = KEY % (ROWS // 2)
        assert await found.get(tx, key) == VALUE
        return _found._time_ready_gets(tx, key, count)

    async def all_rows(count: int) -> float:
        tx = found.make_transaction(db)
        await found.read_version(tx)
        began = time.perf_counter()
        rows = await found.all(found.query(tx, BEGIN, END, limit=count))
        seconds = time.perf_counter() - began
        assert len(rows) == count
        return seconds

    async def iterated_rows(count: int) -> float:
        tx = found.make_transaction(db)
        await found.read_version(tx)
        seen = 0
        began = time.perf_counter()
        async for _key, _value in found.query(tx, BEGIN, END, limit=count):
            seen += 1
        seconds = time.perf_counter() - began
        assert seen == count
        return seconds

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    return {
        "version": lambda _: version("asyncio-foundationdb"),
        "fill": lambda _: loop.run_until_complete(found.transactional(db, fill)),
        "ready gets": in_loop(ready_gets),
        "sequential gets": in_loop(sequential_gets),
        "gets through the table": in_loop(gets_through_the_table),
        "all rows": in_loop(all_rows),
        "iterated rows": in_loop(iterated_rows),
    }


def fdb_works(address: str) -> Mapping[str, Callable[[int], Any]]:
    fdb: Any = importlib.import_module("fdb")
    fdb.api_version(730)
    db = fdb.open(address)

    @fdb.transactional
    def fill(tr: Any) -> None:
        for i in range(ROWS):
            tr[KEY % i] = VALUE

    def ready_gets(count: int) -> float:
        tr = db.create_transaction()
        key = KEY % (ROWS // 2)
        assert tr[key].wait() == VALUE
        began = time.perf_counter()
        for _ in range(count):
            tr[key].wait()
        return time.perf_counter() - began

    def sequential_gets(count: int) -> float:
        tr = db.create_transaction()
        keys = [KEY % (i * 7919 % ROWS) for i in range(count)]
        tr.get_read_version().wait()
        began = time.perf_counter()
        for key in keys:
            tr[key].wait()
        return time.perf_counter() - began

    def rows_of(mode: int) -> Callable[[int], float]:
        def rows(count: int) -> float:
            tr = db.create_transaction()
            tr.get_read_version().wait()
            began = time.perf_counter()
            pairs = [
                (pair.key, pair.value)
                for pair in tr.get_range(BEGIN, END, limit=count, streaming_mode=mode)
            ]
            seconds = time.perf_counter() - began
            assert len(pairs) == count
            return seconds

        return rows

    return {
        "version": lambda _: version("foundationdb"),
        "fill": lambda _: fill(db),
        "ready gets": ready_gets,
        "sequential gets": sequential_gets,
        "all rows": rows_of(fdb.StreamingMode.want_all),
        "iterated rows": rows_of(fdb.StreamingMode.iterator),
    }


BINDINGS = {"found": found_works, "fdb": fdb_works}


def main(binding: str, address: str) -> None:
    works = BINDINGS[binding](address)
    for line in sys.stdin:
        work, count = json.loads(line)
        print(json.dumps(works[work](count)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
