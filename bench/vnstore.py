"""vnstore on the embedded engine in memory, beside that of any other driver of the same API (`--peer`).

All are on our libfdb_c; "linked" is this driver on the engine that is linked into it.
"""

from __future__ import annotations

from bench.contenders import Setting, Work, contenders, measure
from bench.report import Report
from bench.vnstore_works import CHANGES, JOINED, TUPLES

SECTION = "vnstore"
ROUNDS = 9

WORKS = [
    *(
        Work(
            f"select {TUPLES} tuples of {count} change{'s' if count > 1 else ''}",
            f"select {count}",
            TUPLES,
            "us each",
            "each change is read once; 0.13 reads two rows of it for each tuple",
        )
        for count in CHANGES
    ),
    Work(
        "two-pattern join", "join", JOINED, "us each", "whom everybody knows, by name; 10 changes"
    ),
    Work("ask", "ask", JOINED, "us each", "one after the other, in one transaction"),
    Work(
        "a change of 200 tuples",
        "add",
        200,
        "us each",
        "created, added to and applied in one transaction",
    ),
]


def run(report: Report, setting: Setting) -> None:
    who = contenders(setting, "memory:bench", "vnstore")
    measure(report, SECTION, who, setting, WORKS, min(setting.rounds, ROUNDS))
