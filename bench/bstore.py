"""bstore on the embedded engine, in memory and in a file, beside the same rows set and read without it.

And beside that of any other driver of the same API (`--peer`), which has no streams.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Optional

from bench import driver
from bench.bstore_works import CHUNK
from bench.driver import LINKED, OURS, Setting, Start, started
from bench.harness import Report, Row, in_turns, say
from bench.workers import Worker

ROUNDS = 7
ROWS = "the same rows"
WORKS = {"get_or_create": 80, "get": 80, "write": 400, "read": 400}
"""Chunks of the blob, by what is done."""
NOTES = {
    "get_or_create": "with its digest; the rows in one transaction",
    "get": "in one piece; the rows joined too",
    "write": "with its digest; the rows in as many transactions, all at once",
    "read": "a million bytes at a time",
}


def run(report: Report, setting: Setting) -> None:
    measure_all(report, setting, "bstore", driver.embedded(setting, "memory:bench", "bstore"))
    with tempfile.TemporaryDirectory(dir=setting.output) as folder:
        file = f"embedded:{Path(folder) / 'db'}?sync=off"
        in_file: dict[str, Start] = {OURS: lambda: Worker("bstore", file)}
        measure_all(report, setting, "bstore, in a file without syncs", in_file)


def measure_all(
    report: Report, setting: Setting, section: str, contenders: Mapping[str, Start]
) -> None:
    with started(report, section, contenders) as workers:
        for does, count in WORKS.items():
            row = measure(report, setting, section, workers, does, count)
            if row is not None:
                report.add(row)


def measure(
    report: Report,
    setting: Setting,
    section: str,
    workers: Mapping[str, Worker],
    does: str,
    count: int,
) -> Optional[Row]:
    def once(worker: Worker, does: str) -> Callable[[], float]:
        return lambda: count * CHUNK / 1e6 / worker.ask(does, count)

    streams = does in ("write", "read")
    contenders = {
        name: once(worker, does)
        for name, worker in workers.items()
        if name in (OURS, LINKED) or not streams
    }
    if OURS not in contenders:
        return None
    contenders[ROWS] = once(workers[OURS], f"{does}, rows")
    rounds = in_turns(
        contenders,
        min(setting.rounds, ROUNDS),
        lambda number: say(f"  {does} {number}", end="\r"),
        lambda name, failure: report.skip(name, f"{section}, {does}", failure),
    )
    if OURS not in rounds:
        return None
    return Row.of_rounds(
        section,
        does,
        "MB/s",
        rounds,
        larger_is_better=True,
        unrated=(LINKED,),
        note=f"{count * CHUNK / 1e6:,.0f} MB; {NOTES[does]}",
    )
