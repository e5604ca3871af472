"""One get, and the rows of a range: this driver and PyPI's foundationdb, on the embedded engine in memory.

This driver reaches the engine that is linked into it; foundationdb loads the same engine as the libfdb_c that
`make libfdb_c` builds. "from Rust" is the same get called through the table, without Python: the floor of a get.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.harness import Report, Row, in_turns, say
from bench.workers import ROWS, Worker, WorkerError

ROUNDS = 15
GETS = 5_000
OURS, THEIRS = "found", "foundationdb"


def run(report: Report, library_folder: str) -> None:
    workers = {OURS: Worker("found", "memory:bench")}
    try:
        # The loader of the system looks there for libfdb_c.
        paths = {"LD_LIBRARY_PATH": library_folder, "DYLD_LIBRARY_PATH": library_folder}
        workers[THEIRS] = Worker("fdb", "memory:bench", **paths)
        report.versions[THEIRS] = workers[THEIRS].version
    except WorkerError as error:
        report.skipped[f"{THEIRS} (driver)"] = str(error)
    try:
        for worker in workers.values():
            worker.ask("fill")
        measure(report, workers)
    finally:
        for worker in workers.values():
            worker.close()


def measure(report: Report, workers: dict[str, Worker]) -> None:
    def rounds(work: str, count: int, figure: Callable[[float], float]) -> dict[str, list[float]]:
        def once(worker: Worker) -> Callable[[], float]:
            return lambda: figure(worker.ask(work, count))

        contenders = {name: once(worker) for name, worker in workers.items()}
        return in_turns(contenders, ROUNDS, lambda n: say(f"  {work} {n}/{ROUNDS}", end="\r"))

    def microseconds_each(seconds: float) -> float:
        return seconds * 1e6 / GETS

    def rows_a_second(seconds: float) -> float:
        return ROWS / seconds

    for work, note in (("ready gets", "the same key"), ("sequential gets", "keys all over")):
        row = Row.of_rounds(
            "driver", work, "us each", rounds(work, GETS, microseconds_each), note=note
        )
        report.add(row)

    ours = workers[OURS]
    pairs = in_turns(
        {
            OURS: lambda: microseconds_each(ours.ask("ready gets", GETS)),
            "from Rust": lambda: microseconds_each(ours.ask("gets through the table", GETS)),
        },
        ROUNDS,
        lambda n: say(f"  through the table {n}/{ROUNDS}", end="\r"),
    )
    over = [mine - floor for mine, floor in zip(pairs[OURS], pairs["from Rust"])]
    # Nobody is slower than the floor: no ratio.
    row = Row.of_rounds("floor", "a ready get", "us each", pairs)
    report.add(row._replace(ratios={}))
    report.add(
        Row.of_rounds(
            "floor", "above the call from Rust", "us each", {OURS: over}, note="target: 0.5"
        )
    )

    for work, note in (
        ("all rows", f"{ROWS:,} of 116 bytes; found.all(found.query()), want_all"),
        ("iterated rows", "async for; the iterator mode"),
    ):
        measured = rounds(work, ROWS, rows_a_second)
        report.add(
            Row.of_rounds("driver", work, "rows/s", measured, larger_is_better=True, note=note)
        )
