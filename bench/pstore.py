"""pstore on the embedded engine in memory, beside that of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it. bm25s, tantivy and SQLite's FTS5
search the same documents, for orientation: libraries in a process of their own, which read what they have made for it
and no rows of a database.
"""

from __future__ import annotations

from bench.contenders import LINKED, Setting, Work, contenders, measure
from bench.corpus import DOCUMENTS, HOLDERS, LIMIT, WORDS
from bench.harness import OURS
from bench.report import Report
from bench.workers import Contender

SECTION = "pstore"
LIBRARIES = ("bm25s", "tantivy", "FTS5")
# The older driver takes a second for one.
ROUNDS = 5
SEARCHES = 3

WORKS = [
    *(
        Work(
            f"{keywords} keywords, {match}, {ranking}",
            f"{keywords} {match} {ranking}",
            SEARCHES,
            "ms each",
            f"the best {LIMIT} of {DOCUMENTS:,} documents, each keyword in {HOLDERS:,}",
        )
        for match, ranking in (("all", "count"), ("all", "bm25"), ("any", "bm25"))
        for keywords in (2, 3, 4)
    ),
    Work(
        "index",
        "index",
        20,
        "ms each",
        f"documents of {WORDS} words, a transaction each, commits included",
    ),
]


def run(report: Report, setting: Setting) -> None:
    who = {
        **contenders(setting, "memory:bench", "pstore"),
        **{name: Contender("search", name) for name in LIBRARIES},
    }
    rounds = min(setting.rounds, ROUNDS)
    measure(report, SECTION, who, setting, WORKS, rounds, takes_part=takes_part)


def takes_part(name: str, work: Work) -> bool:
    if "bm25" not in work.does:
        return name not in LIBRARIES
    # bm25s knows no AND, and 0.13 no BM25.
    return name in (OURS, LINKED, *LIBRARIES) and (name != "bm25s" or "any" in work.does)
