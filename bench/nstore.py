"""nstore and eavstore on the embedded engine in memory, beside those of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it. The join is run by rdflib and
oxigraph too, for orientation: they are libraries in this process, without transactions or a database behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Optional

from bench import driver
from bench.driver import LINKED, OURS, Setting, Start, started
from bench.harness import Report, Row, in_turns, say
from bench.triples import JOINED, KNOWS, MORE, PEOPLE, ROWS, TRANSACTION, TRIPLES
from bench.workers import Worker

SECTION = "nstore"
RDF = ("rdflib", "pyoxigraph")

# Each takes the older driver a second or more.
ROUNDS = 5


class Work(NamedTuple):
    name: str
    does: str
    pieces: int
    unit: str
    note: str


WORKS = [
    Work(
        "add",
        "add",
        len(MORE),
        "us each",
        f"triples, {TRANSACTION} a transaction, commits included",
    ),
    Work(
        "add, before the commit", "add only", TRANSACTION, "us each", "the commit is the engine's"
    ),
    Work("full scan", "scan", ROWS, "bindings/s", f"{ROWS:,} triples, found.all(nstore.select())"),
    Work("iterated scan", "iterate", ROWS, "bindings/s", "the same, async for"),
    Work(
        "three-pattern join",
        "join",
        JOINED,
        "bindings/s",
        f"who knows whom, in which city of which country; {PEOPLE:,} people who know {len(KNOWS):,}",
    ),
    Work("eavstore create", "create", TRANSACTION, "us each", "three keys each, one transaction"),
    Work(
        "eavstore query",
        "lookup",
        sum(row[1] == "knows" for row in TRIPLES[:TRANSACTION]),
        "uids/s",
        "each checked against its dictionary, which the 0.13 series does not",
    ),
]


def run(report: Report, setting: Setting) -> None:
    contenders = {
        **driver.embedded(setting, "memory:bench", "nstore"),
        **{name: rdf(name) for name in RDF},
    }
    with started(report, SECTION, contenders) as workers:
        for work in WORKS:
            row = measure(report, setting, workers, work)
            if row is not None:
                report.add(row)


def rdf(name: str) -> Start:
    return lambda: Worker("rdf", name)


def measure(
    report: Report, setting: Setting, workers: Mapping[str, Worker], work: Work
) -> Optional[Row]:
    more = work.unit != "us each"

    def once(worker: Worker) -> Callable[[], float]:
        def figure() -> float:
            seconds = worker.ask(work.does, work.pieces)
            return work.pieces / seconds if more else seconds * 1e6 / work.pieces

        return figure

    asked = {
        name: once(worker)
        for name, worker in workers.items()
        if name not in RDF or work.does == "join"
    }
    rounds = in_turns(
        asked,
        min(setting.rounds, ROUNDS),
        lambda number: say(f"  {work.name} {number}", end="\r"),
        lambda name, failure: report.skip(name, f"{SECTION}, {work.name}", failure),
    )
    if OURS not in rounds:
        return None
    return Row.of_rounds(
        SECTION,
        work.name,
        work.unit,
        rounds,
        larger_is_better=more,
        unrated=(LINKED,),
        note=work.note,
    )
