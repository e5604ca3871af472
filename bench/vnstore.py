"""vnstore on the embedded engine in memory, beside that of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Optional

from bench import driver
from bench.driver import LINKED, OURS, Setting, started
from bench.harness import Report, Row, in_turns, say
from bench.vnstore_works import CHANGES, JOINED, TUPLES
from bench.workers import Worker

SECTION = "vnstore"
ROUNDS = 9


class Work(NamedTuple):
    name: str
    does: str
    pieces: int
    note: str


WORKS = [
    *(
        Work(
            f"select {TUPLES} tuples of {count} change{'s' if count > 1 else ''}",
            f"select {count}",
            TUPLES,
            "each change is read once; 0.13 reads two rows of it for each tuple",
        )
        for count in CHANGES
    ),
    Work("two-pattern join", "join", JOINED, "whom everybody knows, by name; 10 changes"),
    Work("ask", "ask", JOINED, "one after the other, in one transaction"),
    Work("a change of 200 tuples", "add", 200, "created, added to and applied in one transaction"),
]


def run(report: Report, setting: Setting) -> None:
    with started(report, SECTION, driver.embedded(setting, "memory:bench", "vnstore")) as workers:
        for work in WORKS:
            row = measure(report, setting, workers, work)
            if row is not None:
                report.add(row)


def measure(
    report: Report, setting: Setting, workers: Mapping[str, Worker], work: Work
) -> Optional[Row]:
    def once(worker: Worker) -> Callable[[], float]:
        return lambda: worker.ask(work.does, work.pieces) * 1e6 / work.pieces

    rounds = in_turns(
        {name: once(worker) for name, worker in workers.items()},
        min(setting.rounds, ROUNDS),
        lambda number: say(f"  {work.name} {number}", end="\r"),
        lambda name, failure: report.skip(name, f"{SECTION}, {work.name}", failure),
    )
    if OURS not in rounds:
        return None
    return Row.of_rounds(SECTION, work.name, "us each", rounds, unrated=(LINKED,), note=work.note)
