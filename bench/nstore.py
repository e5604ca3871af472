"""nstore and eavstore on the embedded engine in memory, beside those of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it. The join is run by rdflib and
oxigraph too, for orientation: they are libraries in a process of their own, without transactions or a database behind
them.
"""

from __future__ import annotations

from bench.contenders import Setting, Work, contenders, measure
from bench.report import Report
from bench.triples import JOINED, KNOWS, MORE, PEOPLE, ROWS, TRANSACTION, TRIPLES
from bench.workers import Contender

SECTION = "nstore"
RDF = ("rdflib", "pyoxigraph")

# Each takes the older driver a second or more.
ROUNDS = 5

WORKS = [
    Work(
        "add",
        "add",
        len(MORE),
        "us each",
        f"triples, {TRANSACTION} a transaction, commits included",
    ),
    Work("add, before the commit", "add only", len(MORE), "us each", "the commit is the engine's"),
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
    who = {
        **contenders(setting, "memory:bench", "nstore"),
        **{name: Contender("rdf", name) for name in RDF},
    }
    rounds = min(setting.rounds, ROUNDS)
    measure(report, SECTION, who, setting, WORKS, rounds, takes_part=takes_part)


def takes_part(name: str, work: Work) -> bool:
    return name not in RDF or work.does == "join"
