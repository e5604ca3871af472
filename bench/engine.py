"""The embedded engine in a file, beside the embedded stores one would otherwise take: SQLite and LMDB.

Every commit is on the disk before it is answered, but while the ten million rows are loaded. The files lie beside the
table that is written, so name a folder on the disk that matters (`--output`): on a tmpfs a sync costs nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.engines import ENGINES, KEY, ROW_BYTES, Engine
from bench.harness import Failure, Report, Row, in_turns, say

ROWS = 1_000_000
MANY = 10_000_000
GETS = 20_000
COMMITS = 50
AT_ONCE = 1_000
MUTATIONS = 100_000

# A load, a clear and a scan of ten million take their time, and vary less than what is short.
ROUNDS, LONG_ROUNDS = 3, 2


def run(report: Report, folder: Path, *, many: int = MANY) -> None:
    """Measure all of it; `many` is the number of rows of the longest scan."""
    place = folder / "engine"
    place.mkdir(parents=True, exist_ok=True)
    engines: dict[str, Engine] = {}
    for name, kind in ENGINES.items():
        try:
            engines[name] = kind(place / name)
        except Failure as failure:
            report.skipped[f"{name} (engine)"] = str(failure)
        else:
            report.versions[f"{name} (engine)"] = engines[name].version
    bench = _Bench(report, engines)
    try:
        bench.loads()
        bench.reads()
        bench.commits()
        bench.clears()
        bench.scans(many)
    finally:
        for engine in engines.values():
            engine.remove()


class _Bench:
    def __init__(self, report: Report, engines: Mapping[str, Engine]) -> None:
        self.report = report
        self.engines = engines

    def row(
        self,
        name: str,
        unit: str,
        measure: Callable[[Engine], float],
        *,
        larger: bool = False,
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

        def failed(contender: str, failure: Failure) -> None:
            self.report.skipped[f"{name}, {contender} (engine)"] = str(failure)

        contenders = {who: once(engine) for who, engine in self.engines.items()}

        def shown(number: int) -> None:
            say(f"  {name} {number}/{rounds}", end="\r")

        measured = in_turns(contenders, rounds, shown, failed)
        row = Row.of_rounds("engine", name, unit, measured, larger_is_better=larger, note=note)
        self.report.add(row)

    def single(self, name: str, unit: str, figures: Mapping[str, float], note: str = "") -> None:
        """A row of what was measured once."""
        rounds = {who: [value] for who, value in figures.items()}
        self.report.add(Row.of_rounds("engine", name, unit, rounds, note=note))

    def loads(self) -> None:
        opened: set[Engine] = set()

        def load(engine: Engine) -> float:
            if engine in opened:
                engine.close()
            opened.add(engine)
            engine.open()
            return ROWS / engine.load(0, ROWS)

        note = f"rows of {ROW_BYTES} bytes, in order, 10,000 a commit"
        self.row("load a million rows", "rows/s", load, larger=True, rounds=LONG_ROUNDS, note=note)
        sizes = {who: engine.size() / 2**20 for who, engine in self.engines.items()}
        note = f"{ROWS * ROW_BYTES / 2**20:,.0f} MiB of rows, with what is there to grow into"
        self.single("a million rows on the disk", "MiB", sizes, note)

    def reads(self) -> None:
        def rows_a_second(read: Callable[[Engine, int], float]) -> Callable[[Engine], float]:
            return lambda engine: ROWS / read(engine, ROWS)

        self.row(
            "rows of a range, all at once",
            "rows/s",
            rows_a_second(lambda engine, count: engine.list_rows(count)),
            larger=True,
            note="found.all(found.query()); fetchall(); list(cursor)",
        )
        self.row(
            "rows of a range, one by one",
            "rows/s",
            rows_a_second(lambda engine, count: engine.iterate_rows(count)),
            larger=True,
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
        cleared: dict[str, float] = {}
        for name, engine in self.engines.items():
            say(f"  clear a million rows: {name}", end="\r")
            cleared[name] = engine.clear()
            engine.close()
        note = "one clear(begin, end); one DELETE; a cursor, for there is no such call"
        self.single("clear a million rows", "s", cleared, note)

    def scans(self, many: int) -> None:
        for name, engine in self.engines.items():
            say(f"  loading {many:,} rows: {name}", end="\r")
            engine.open(durable=False)
            engine.load(0, many)
        self.row(
            f"a scan of {many:,} rows",
            "s",
            lambda engine: engine.iterate_rows(many),
            rounds=LONG_ROUNDS,
            note="one by one, from a file that is larger than the cache",
        )
        sizes = {who: engine.size() / 2**20 for who, engine in self.engines.items()}
        note = f"{many * ROW_BYTES / 2**20:,.0f} MiB of rows"
        self.single(f"{many:,} rows on the disk", "MiB", sizes, note)
        for engine in self.engines.values():
            engine.close()
