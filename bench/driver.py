"""Gets, ranges and transactions, of this driver, the older one and PyPI's foundationdb, on one libfdb_c.

Each twice: with answers that are there at once, and with late ones, from the network thread, as a cluster's are.
"""

from __future__ import annotations

from typing import NamedTuple

from bench.contenders import Setting, Work, contenders, measure
from bench.report import Report
from bench.rows import AT_ONCE, HOT, ROW_BYTES, ROWS

ADDRESS = "memory:bench"
SEED = 7
LATE = 500
"""Pieces a round of what is awaited one after the other, where answers are late: on a cluster a millisecond each."""


class Timed(NamedTuple):
    does: str
    pieces: int
    unit: str
    note: str

    def work(self, late: bool) -> Work:
        waits = late and self.does in ("sequential gets", "transactions in turn")
        pieces = LATE if waits else self.pieces
        return Work(self.does, self.does, pieces, self.unit, self.note)


SECTIONS = {
    "driver": [
        Timed("sequential gets", 5_000, "us each", "one awaited after the other"),
        Timed("gathered gets", 5_000, "us each", f"{AT_ONCE} at once, asyncio.gather"),
        Timed("issued gets", 5_000, "us each", f"{AT_ONCE} begun, then awaited in turn"),
    ],
    "ranges": [
        Timed("iterated rows", ROWS, "rows/s", f"async for, {ROWS:,} of {ROW_BYTES} bytes"),
        Timed("all rows", ROWS, "rows/s", "the same in one list, found.all"),
    ],
    "transactions": [
        Timed("transactions in turn", 1_000, "us each", "each reads and writes a key"),
        Timed("transactions", 3_000, "us each", "1,000 at once that read and write a key each"),
        Timed("hot transactions", 1_000, "us each", f"the same on {HOT} keys; late ones conflict"),
    ],
}


def run(report: Report, setting: Setting, section: str) -> None:
    """One of SECTIONS."""

    def rows(name: str, address: str, late: bool) -> None:
        works = [timed.work(late) for timed in SECTIONS[section]]
        who = contenders(setting, address, everywhere=True)
        measure(report, name, who, setting, works, setting.rounds)

    if setting.cluster_file is not None:
        rows(section, ADDRESS, late=True)
        return
    rows(section, ADDRESS, late=False)
    rows(f"{section}, late answers", f"{ADDRESS}?latency={SEED}", late=True)
