"""bstore on the embedded engine, in memory and in a file, beside the same rows set and read without it.

And beside that of any other driver of the same API (`--peer`), which has no streams. What is stored has its digest
made, which is one long chain: nothing that stores it can be faster than that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.bstore_works import CHUNK
from bench.contenders import LINKED, Setting, contenders, started
from bench.harness import OURS, figure
from bench.report import Report
from bench.workers import Contender, Worker

ROUNDS = 7
ROWS = "the same rows"
DIGEST = "their digest alone"
WORKS = {"get_or_create": 80, "get": 80, "write": 400, "read": 400}
"""Chunks of the blob, by what is done."""
NOTES = {
    "get_or_create": "with its digest; the rows in one transaction",
    "get": "in one piece; the rows joined too",
    "write": "with its digest; the rows in as many transactions, all at once",
    "read": "a million bytes at a time",
}
UNIT = "MB/s"


def run(report: Report, setting: Setting) -> None:
    section = setting.section("bstore")
    measure_all(report, setting, section, contenders(setting, "memory:bench", "bstore"))
    if setting.cluster_file is None:
        with tempfile.TemporaryDirectory(dir=setting.output) as folder:
            file = f"embedded:{Path(folder) / 'db'}?sync=off"
            in_file = {OURS: Contender("bstore", file)}
            measure_all(report, setting, "bstore, in a file without syncs", in_file)


def measure_all(
    report: Report, setting: Setting, section: str, contenders: Mapping[str, Contender]
) -> None:
    with started(report, section, contenders, setting) as workers:
        for does, chunks in WORKS.items():
            measure(report, setting, section, workers, does, chunks)


def measure(
    report: Report,
    setting: Setting,
    section: str,
    workers: Mapping[str, Worker],
    does: str,
    chunks: int,
) -> None:
    megabytes = chunks * CHUNK / 1e6

    def once(worker: Worker, does: str) -> Callable[[], float]:
        return lambda: figure(UNIT, megabytes, worker.ask(does, chunks))

    streams = does in ("write", "read")
    asked = {
        name: once(worker, does)
        for name, worker in workers.items()
        if name in (OURS, LINKED) or not streams
    }
    if OURS in asked:
        asked[ROWS] = once(workers[OURS], f"{does}, rows")
        if does in ("get_or_create", "write"):
            asked[DIGEST] = once(workers[OURS], "digest")
    note = f"{megabytes:,.0f} MB; {NOTES[does]}"
    rounds = min(setting.rounds, ROUNDS)
    # The digest is a floor, not something that one would use instead.
    report.measure(section, does, UNIT, asked, rounds, unrated=(DIGEST,), note=note)
