"""pstore on the embedded engine in memory, beside that of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it. bm25s, tantivy and SQLite's FTS5
search the same documents, for orientation: libraries in this process, which read what they have made for it and no
rows of a database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Optional

from bench import driver
from bench.corpus import DOCUMENTS, HOLDERS, LIMIT, WORDS
from bench.driver import LINKED, OURS, Setting, Start, started
from bench.harness import Report, Row, in_turns, say
from bench.workers import Worker

SECTION = "pstore"
LIBRARIES = ("bm25s", "tantivy", "FTS5")
# The older driver takes a second for one.
ROUNDS = 5
SEARCHES = 3


class Work(NamedTuple):
    does: str
    pieces: int
    note: str


WORKS = [
    *(
        Work(f"{keywords} {how}", SEARCHES, "")
        for how in ("all count", "all bm25", "any bm25")
        for keywords in (2, 3, 4)
    ),
    Work("index", 20, f"documents of {WORDS} words, a transaction each, commits included"),
]


def run(report: Report, setting: Setting) -> None:
    contenders = {
        **driver.embedded(setting, "memory:bench", "pstore"),
        **{name: library(name) for name in LIBRARIES},
    }
    with started(report, SECTION, contenders) as workers:
        for work in WORKS:
            row = measure(report, setting, workers, work)
            if row is not None:
                report.add(row)


def library(name: str) -> Start:
    return lambda: Worker("search", name)


def measure(
    report: Report, setting: Setting, workers: Mapping[str, Worker], work: Work
) -> Optional[Row]:
    def once(worker: Worker) -> Callable[[], float]:
        return lambda: worker.ask(work.does, work.pieces) * 1e3 / work.pieces

    searches = work.does != "index"
    contenders = {
        name: once(worker)
        for name, worker in workers.items()
        # bm25s knows no AND, and 0.13 no BM25.
        if (
            "bm25" in work.does and (name != "bm25s" or "any" in work.does)
            if name in LIBRARIES
            else name in (OURS, LINKED) or "bm25" not in work.does
        )
    }
    rounds = in_turns(
        contenders,
        min(setting.rounds, ROUNDS),
        lambda number: say(f"  {work.does} {number}", end="\r"),
        lambda name, failure: report.skip(name, f"{SECTION}, {work.does}", failure),
    )
    if OURS not in rounds:
        return None
    name = work.does
    note = work.note
    if searches:
        number, match, ranking = work.does.split()
        name = f"{number} keywords, {match}, {ranking}"
        note = f"the best {LIMIT} of {DOCUMENTS:,} documents, each keyword in {HOLDERS:,}"
    return Row.of_rounds(
        SECTION, name, "ms each", rounds, larger_is_better=False, unrated=(LINKED,), note=note
    )
