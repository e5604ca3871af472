"""The embedded engine in a file, beside the embedded stores one would otherwise take: SQLite and LMDB.

Every commit is on the disk before it is answered, but while the ten million rows are loaded. The files lie beside the
table that is written, so name a folder on the disk that matters (`--output`): on a tmpfs a sync costs nothing.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from bench.engines import ENGINES, KEY, ROW_BYTES, Engine
from bench.harness import OURS, Failure, Row, say
from bench.report import Report

SECTION = "engine"

ROWS = 1_000_000
MANY = 10_000_000
GETS = 20_000
COMMITS = 50
AT_ONCE = 1_000
MUTATIONS = 100_000

Result = TypeVar("Result")

# A load, a clear and a scan of ten million take their time, and vary less than what is short.
ROUNDS, LONG_ROUNDS = 3, 2


def run(report: Report, folder: Path, *, many: int = MANY) -> None:
    """Measure all of it; `many` is the number of rows of the longest scan."""
    folder.mkdir(parents=True, exist_ok=True)
    # A new one: a run that was killed leaves its own behind.
    place = Path(tempfile.mkdtemp(prefix="engine-", dir=folder))
    engines: dict[str, Engine] = {}
    for name, kind in ENGINES.items():
        try:
            engines[name] = kind(place / name)
        except Failure as failure:
            report.skip(name, SECTION, failure)
        else:
            report.versions.setdefault(name, engines[name].version)
    bench = _Bench(report, engines)
    try:
        bench.loads()
        bench.reads()
        bench.commits()
        bench.clears()
        bench.scans(many)
    finally:
        for engine in engines.values():
            engine.end()
        shutil.rmtree(place)


class _Bench:
    def __init__(self, report: Report, engines: Mapping[str, Engine]) -> None:
        self.report = report
        self.engines = dict(engines)
        self.cleared: dict[Engine, list[float]] = {}

    def row(
        self,
        name: str,
        unit: str,
        measure: Callable[[Engine], float],
        *,
        rounds: int = ROUNDS,
        note: str = "",
    ) -> None:
        """Measure one thing on all of them."""

        def once(engine: Engine) -> Callable[[], float]:
            def run() -> float:
                try:
                    return measure(engine)
                except Exception as error:
                    # A transaction that takes longer than five seconds on a machine that is busy, for one.
                    raise Failure(f"{type(error).__name__}: {error}") from error

            return run

        contenders = {who: once(engine) for who, engine in self.engines.items()}
        self.report.measure(SECTION, name, unit, contenders, rounds, note=note)

    def each(self, name: str, work: Callable[[Engine], Result]) -> dict[str, Result]:
        """Have each do what is done once. One that fails is out of what follows."""
        results: dict[str, Result] = {}
        for who, engine in list(self.engines.items()):
            say(f"  {name}: {who}", end="\r")
            try:
                results[who] = work(engine)
            except Exception as error:
                self.report.skip(who, SECTION, Failure(f"{type(error).__name__}: {error}"), name)
                del self.engines[who]
        return results

    def add(
        self, name: str, unit: str, measure: Callable[[Engine], list[float]], note: str
    ) -> None:
        """A row of what is measured once, or was before."""
        rounds = self.each(name, measure)
        if OURS in rounds:
            self.report.add(Row.of_rounds(SECTION, name, unit, rounds, note=note))

    def sizes(self, name: str, note: str) -> None:
        self.add(name, "MiB", lambda engine: [engine.size() / 2**20], note)

    def loads(self) -> None:
        """Each round begins with an empty database, so each but the first ends by clearing a full one."""
        opened: set[Engine] = set()

        def load(engine: Engine) -> float:
            if engine in opened:
                self.cleared.setdefault(engine, []).append(engine.clear())
                engine.close()
            opened.add(engine)
            engine.open()
            return ROWS / engine.load(0, ROWS)

        note = f"rows of {ROW_BYTES} bytes, in order, 10,000 a commit"
        self.row("load a million rows", "rows/s", load, rounds=LONG_ROUNDS, note=note)
        note = f"{ROWS * ROW_BYTES / 2**20:,.0f} MiB of rows, with what is there to grow into"
        self.sizes("a million rows on the disk", note)

    def reads(self) -> None:
        def rows_a_second(read: Callable[[Engine, int], float]) -> Callable[[Engine], float]:
            return lambda engine: ROWS / read(engine, ROWS)

        self.row(
            "rows of a range, all at once",
            "rows/s",
            rows_a_second(lambda engine, count: engine.list_rows(count)),
            note="found.all(found.query()); fetchall(); list(cursor)",
        )
        self.row(
            "rows of a range, one by one",
            "rows/s",
            rows_a_second(lambda engine, count: engine.iterate_rows(count)),
            note="async for; for; for",
        )
        rand = random.Random(1)
        keys = [KEY % rand.randrange(ROWS) for _ in range(GETS)]
        self.row(
            "read a row",
            "us each",
            lambda engine: engine.gets(keys) * 1e6 / GETS,
            note="keys all over, one transaction",
        )

    def commits(self) -> None:
        self.row(
            "commit a row",
            "us each",
            lambda engine: engine.commits(COMMITS) * 1e6 / COMMITS,
            note="one after the other, each on the disk",
        )
        self.row(
            f"commit {AT_ONCE:,} rows for as many users",
            "us each",
            lambda engine: engine.commits_at_once(AT_ONCE) * 1e6 / AT_ONCE,
            note="found: all in flight, sharing syncs; the others have one writer at a time",
        )
        self.row(
            f"a commit of {MUTATIONS:,} mutations",
            "s",
            lambda engine: engine.large_commit(MUTATIONS),
        )

    def clears(self) -> None:
        def clear(engine: Engine) -> list[float]:
            cleared = [*self.cleared.get(engine, []), engine.clear()]
            engine.close()
            return cleared

        note = "one clear(begin, end); one DELETE; a cursor, for there is no such call"
        self.add("clear a million rows", "s", clear, note)

    def scans(self, many: int) -> None:
        def load(engine: Engine) -> None:
            engine.open(durable=False)
            engine.load(0, many)

        self.each(f"load {many:,} rows", load)
        self.row(
            f"a scan of {many:,} rows",
            "s",
            lambda engine: engine.iterate_rows(many),
            rounds=LONG_ROUNDS,
            note="one by one, from a file that is larger than the cache",
        )
        self.sizes(f"{many:,} rows on the disk", f"{many * ROW_BYTES / 2**20:,.0f} MiB of rows")
        self.each("close", Engine.close)
