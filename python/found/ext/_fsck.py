"""How the stores check themselves: range by range, in transactions small enough for a cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Optional

import found
from found.ext._store import Progress, Rows

EXAMPLES = 100
"""Problems that a report keeps."""


class Problem(NamedTuple):
    """A row that is stale or damaged."""

    key: bytes
    """Its key: the row that is wrong, or the one that is missing."""
    what: str
    """What is wrong with it."""


class Report(NamedTuple):
    """What a check of a store has found."""

    store: str
    """The store's name."""
    rows: int
    """Rows looked at."""
    problems: int
    """Rows that are stale, damaged or missing."""
    repaired: int
    """Problems that were put right."""
    examples: tuple[Problem, ...]
    """The first 100 problems."""

    @property
    def clean(self) -> bool:
        """Whether nothing is left that is wrong."""
        return self.problems == self.repaired


class Findings:
    """What one transaction of a check finds. A transaction that is tried again begins with new ones."""

    def __init__(self, tx: found.Transaction, repair: bool) -> None:
        self.tx = tx
        self.repair = repair
        self.problems: list[Problem] = []
        self.repaired = 0

    def stale(self, key: bytes, what: str) -> None:
        """A row that should not be: a repair clears it."""
        self.problems.append(Problem(key, what))
        if self.repair:
            found.clear(self.tx, key)
            self.repaired += 1

    def wrong(self, key: bytes, value: bytes, what: str) -> None:
        """A row that is missing or has another value than it should: a repair writes it."""
        self.problems.append(Problem(key, what))
        if self.repair:
            found.set(self.tx, key, value)
            self.repaired += 1

    def damaged(self, key: bytes, what: str) -> None:
        """A row that nobody can say the right content of: it stays, as the only trace of what was there."""
        self.problems.append(Problem(key, what))


class Scan(NamedTuple):
    """One range of a store and how its rows are checked."""

    begin: bytes
    end: bytes
    check: Callable[[found.Transaction, Rows, Findings], Awaitable[None]]
    """Called with a transaction, some rows of the range, and where to say what is wrong with them.

    It reads what the rows must agree with in that transaction, so that both are of one version.
    """
    page: int = 500
    """Rows that one transaction looks at, at most."""


async def check(
    db: found.Database,
    name: str,
    scans: Sequence[Scan],
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
) -> Report:
    """Check the ranges of a store one after the other.

    Each page of rows is read, compared and repaired in a transaction of its own, so a check runs beside the programs
    that use the store: what it repairs is what was wrong at that moment, whatever is written meanwhile. A transaction
    that must be tried again looks at half as many rows, in case it took longer than a transaction may.

    Args:
        db: the database.
        name: the store's, for the report.
        scans: the ranges.
        repair: whether to put right what can be.
        progress: called with the number of rows looked at so far.

    Raises:
        FoundException: the database's own.
    """
    rows = problems = repaired = 0
    examples: list[Problem] = []
    for scan in scans:
        begin: Optional[bytes] = scan.begin
        page = scan.page
        while begin is not None:
            limit = page
            tries = 0

            async def step(
                tx: found.Transaction, begin: bytes, scan: Scan = scan
            ) -> tuple[Rows, Findings]:
                nonlocal limit, tries
                if tries:
                    limit = max(1, limit // 2)
                tries += 1
                found_rows = await found.all(found.query(tx, begin, scan.end, limit=limit))
                findings = Findings(tx, repair)
                if found_rows:
                    await scan.check(tx, found_rows, findings)
                return found_rows, findings

            read, findings = await found.transactional(db, step, begin, snapshot=not repair)
            begin = read[-1][0] + b"\x00" if len(read) == limit else None
            page = min(scan.page, limit * 2)
            rows += len(read)
            problems += len(findings.problems)
            repaired += findings.repaired
            examples += findings.problems[: EXAMPLES - len(examples)]
            if progress is not None and read:
                progress(rows)
    return Report(name, rows, problems, repaired, tuple(examples))


class Tally:
    """What the parts of a check have found, added up.

    Args:
        db: the database.
        name: the store's, for the report.
        repair: whether to put right what can be.
        progress: called with the number of rows of all parts looked at so far.
    """

    def __init__(
        self, db: found.Database, name: str, repair: bool, progress: Optional[Progress]
    ) -> None:
        self.db = db
        self._name = name
        self.repair = repair
        self._progress = progress
        self._rows = self._problems = self._repaired = 0
        self._examples: list[Problem] = []

    def seen(self, rows: int) -> None:
        """So many rows of the part that is under way: what a part of a check calls as its progress."""
        if self._progress is not None:
            self._progress(self._rows + rows)

    def looked_at(self, rows: int) -> None:
        """Rows of a part that checks them by itself."""
        self._rows += rows
        if rows:
            self.seen(0)

    def add(self, problems: Sequence[Problem], repaired: int = 0) -> None:
        """Problems of a part that checks by itself."""
        self._problems += len(problems)
        self._repaired += repaired
        self._examples += problems[: EXAMPLES - len(self._examples)]

    def keep(self, report: Report) -> None:
        """What a part of the check reports."""
        self._rows += report.rows
        self._problems += report.problems
        self._repaired += report.repaired
        self._examples += report.examples[: EXAMPLES - len(self._examples)]

    async def scan(self, *scans: Scan) -> None:
        """Check ranges as one part."""
        self.keep(await check(self.db, self._name, scans, repair=self.repair, progress=self.seen))

    def report(self) -> Report:
        """All parts, as one report."""
        return Report(self._name, self._rows, self._problems, self._repaired, tuple(self._examples))
