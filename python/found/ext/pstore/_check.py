"""The check of an inverted index: counters against postings, postings against counters, statistics against both."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Optional
from uuid import UUID

import found
from found.ext import _store, nstore
from found.ext._fsck import Findings, Problem, Report, Scan, Tally
from found.ext._store import Progress, Rows
from found.ext.pstore._index import ALL
from found.ext.pstore._model import (
    Entries,
    PStore,
    PStoreException,
    check_store,
    counter_head,
    counter_of,
    frequency_key,
    number_of,
    packed_number,
    packed_posting,
    posting_head,
    posting_of,
    total_key,
    unpacked,
)

DOCUMENTS = 100
"""Documents that one transaction looks at; each has a read a term."""
PAGE = 500
"""Rows that one transaction reads where it does nothing else."""
TRIES = 3
"""How often documents are counted if some are written meanwhile."""


async def fsck(
    db: found.Database,
    pstore: PStore,
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
) -> Report:
    """Check that postings, counters and statistics agree, and repair what does not.

    The counters decide. A repair writes postings that are missing or wrong, clears those that no counter has, and
    counts documents, lengths and terms anew if they are wrong. Of an index that 0.13 has begun it counts them for the
    first time, so that a search reads no more than it has to. A counter that cannot be read is cleared with the
    document's postings: index that document again.

    It reads everything, the counter of a document once for each of its terms, in small transactions, beside the
    programs that use the index. Memory is a number for each different term.

    Args:
        db: a found.Database.
        pstore: a handle.
        repair: True to repair.
        progress: called with the number of rows looked at so far.

    Returns:
        A report: rows, problems, how many were repaired, and the first of them.
    """
    check = _Check(db, check_store(pstore), repair, progress)
    await check.tokens()
    await check.scan(Scan(*_span(counter_head(pstore)), check.counters, page=DOCUMENTS))
    await check.scan(Scan(*_span(found.pack((pstore.prefix_index,))), check.postings))
    await check.statistics()
    return check.report()


def _span(head: bytes) -> tuple[bytes, bytes]:
    return head, head + b"\xff"


class _Check(Tally):
    def __init__(
        self, db: found.Database, store: PStore, repair: bool, progress: Optional[Progress]
    ) -> None:
        super().__init__(db, store.name, repair, progress)
        self.store = store
        self.head = counter_head(store)

    async def tokens(self) -> None:
        tokens = self.store.tokens
        report = await nstore.fsck(self.db, tokens, repair=self.repair, progress=self.seen)
        self.keep(report)
        await self.scan(Scan(*_span(tokens.heads[0]), self.terms))

    async def terms(self, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        """A term has one token. Two would be searched together, but not counted."""
        begin = self.store.tokens.heads[0]
        before = await found.all(found.query(tx, begin, rows[0][0], reverse=True, limit=1))
        last: object = None
        for key, _ in [*before, *rows]:
            items = unpacked(key, len(begin))
            if len(items) == 2 and items[0] == last:
                findings.damaged(key, f"a second token for the term {_store.shown(last)}")
            last = items[0] if items else None

    # ---- counters and postings

    async def counters(self, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        """Each term of a document has a posting that says what the counter says."""
        documents = await self.documents(tx, rows)
        for key in documents.foreign:
            findings.damaged(key, "no counter of a document")
        for key in documents.strays:
            findings.stale(key, "a part of a counter that is not there")
        wanted: list[tuple[bytes, int, int]] = []
        for packed, parts in documents.whole:
            entries = self.readable(packed, parts)
            if entries is None:
                findings.damaged(parts[0][0], "a counter that cannot be read")
                if self.repair:
                    findings.repaired += 1
                    found.clear(tx, *_span(self.head + packed))
                continue
            length = sum(entries.values())
            for token, count in entries.items():
                wanted.append((posting_head(self.store, token) + packed, count, length))
        reads = _store.pipelined(wanted, lambda posting: found.get(tx, posting[0]))
        async for (key, count, length), value in reads:
            # What 0.13 has written says nothing, and is read as the counter.
            if value != b"" and (value is None or posting_of(value) != (count, length)):
                what = (
                    "a posting is missing"
                    if value is None
                    else "a posting differs from the counter"
                )
                findings.wrong(key, packed_posting(count, length), what)

    async def postings(self, tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        """The counter of each document has the token, and the token stands for a term."""
        skipped = len(found.pack((self.store.prefix_index,)))
        postings: list[tuple[bytes, UUID, bytes]] = []
        for key, _ in rows:
            items = unpacked(key, skipped)
            if len(items) != 2 or not isinstance(items[0], UUID):
                findings.damaged(key, "no posting")
            else:
                postings.append((key, items[0], found.pack(items[1:])))
        counters: dict[bytes, Optional[Entries]] = {}
        documents = {packed for _, _, packed in postings}
        reads = _store.pipelined(
            documents, lambda packed: found.all(found.query(tx, *_span(self.head + packed)))
        )
        async for packed, parts in reads:
            counters[packed] = self.readable(packed, parts)
        for key, token, packed in postings:
            entries = counters[packed]
            if entries is not None and token not in entries:
                findings.stale(key, "a posting that the document's counter does not have")
        head = self.store.tokens.heads[1]
        for token in {token for _, token, _ in postings}:
            begin = found.pack((token,), head)
            if not await found.all(found.query(tx, *_span(begin), limit=1)):
                findings.damaged(posting_head(self.store, token), "a token that stands for no term")

    def readable(self, packed: bytes, parts: Rows) -> Optional[Entries]:
        try:
            return counter_of(self.store, packed, parts)
        except PStoreException:
            return None

    async def documents(self, tx: found.Transaction, rows: Rows) -> _Documents:
        """The documents whose counters begin among some rows, each with all of its parts."""
        documents = _Documents()
        parts: dict[bytes, Rows] = {}
        for row in rows:
            items = unpacked(row[0], len(self.head))
            if not 1 <= len(items) <= 2:
                documents.foreign.append(row[0])
            else:
                parts.setdefault(found.pack(items[:1]), []).append(row)
        for number, (packed, its) in enumerate(parts.items()):
            key = self.head + packed
            if its[0][0] == key and number < len(parts) - 1:
                documents.whole.append((packed, its))
                continue
            # The page may end within the last, and begin within the first.
            whole = await found.all(found.query(tx, *_span(key)))
            if whole[0][0] != key:
                documents.strays += [stray for stray, _ in its]
            elif its[0][0] == key:
                documents.whole.append((packed, whole))
        return documents

    # ---- statistics

    async def statistics(self) -> None:
        """What was counted is what there is."""
        if await found.transactional(self.db, self.counted, snapshot=True) != ALL:
            # Nothing that is wrong: 0.13 has begun the index, or a repair was interrupted.
            if self.repair:
                await self.count()
            return
        wrong = await self.miscounted()
        if wrong and self.repair:
            await found.transactional(self.db, self.begin_count)
            await self.count()
        repaired = len(wrong) if self.repair else 0
        self.add(wrong, repaired)

    async def counted(self, tx: found.Transaction) -> Optional[bytes]:
        return await found.get(tx, total_key(self.store, "counted"))

    async def totals(self, tx: found.Transaction) -> tuple[int, int]:
        names = ("documents", "length")
        reads = [found.get(tx, total_key(self.store, name)) for name in names]
        documents, length = [number_of(await read) for read in reads]
        return documents, length

    async def miscounted(self) -> list[Problem]:
        """The statistics that are wrong, and were not written to while documents were counted."""
        store = self.store
        tries = 0
        while True:
            totals = await found.transactional(self.db, self.totals, snapshot=True)
            frequencies = await self.frequencies()
            documents, length, tally = await self.tally()
            frequencies_after = await self.frequencies()
            totals_after = await found.transactional(self.db, self.totals, snapshot=True)
            tries += 1
            if totals == totals_after or tries == TRIES:
                break
        wrong: list[Problem] = []
        if totals == totals_after:
            if totals[0] != documents:
                what = f"the number of documents is {documents:,}, not {totals[0]:,}"
                wrong.append(Problem(total_key(store, "documents"), what))
            if totals[1] != length:
                what = f"the sum of all lengths is {length:,}, not {totals[1]:,}"
                wrong.append(Problem(total_key(store, "length"), what))
        for token in {*frequencies, *tally}:
            said, number = frequencies.get(token, 0), tally[token]
            if said != number and said == frequencies_after.get(token, 0):
                what = f"{number:,} documents have the token, not {said:,}"
                wrong.append(Problem(frequency_key(store, token), what))
        return wrong

    async def pages(self, begin: bytes, end: bytes) -> AsyncGenerator[Rows, None]:
        """The rows of a range, each page of them as of another moment."""
        while True:
            rows = await found.transactional(self.db, _page, begin, end, snapshot=True)
            yield rows
            if len(rows) < PAGE:
                return
            begin = rows[-1][0] + b"\x00"

    async def frequencies(self) -> dict[UUID, int]:
        begin = found.pack((self.store.prefix_frequency,))
        frequencies: dict[UUID, int] = {}
        async for rows in self.pages(*_span(begin)):
            for key, value in rows:
                items = unpacked(key, len(begin))
                if len(items) == 1 and isinstance(items[0], UUID):
                    frequencies[items[0]] = number_of(value)
        return frequencies

    async def tally(self) -> tuple[int, int, Counter[UUID]]:
        """Documents, the sum of their lengths, and in how many each token is."""
        documents = length = 0
        tally: Counter[UUID] = Counter()
        async for rows in self.pages(*_span(self.head)):
            for row in rows:
                items = unpacked(row[0], len(self.head))
                if not 1 <= len(items) <= 2:
                    continue
                entries = self.readable(found.pack(items[:1]), [row])
                if entries is not None:
                    # Each part of a counter is one by itself.
                    documents += len(items) == 1
                    length += sum(entries.values())
                    tally.update(entries.keys())
        return documents, length, tally

    async def begin_count(self, tx: found.Transaction) -> None:
        """Forget what was counted: no document was, and whoever indexes one leaves it to be counted."""
        found.set(tx, total_key(self.store, "counted"), b"")
        for name in ("documents", "length"):
            found.clear(tx, total_key(self.store, name))
        found.clear(tx, *_span(found.pack((self.store.prefix_frequency,))))

    async def count(self) -> None:
        """Count the documents, from where a count was left.

        Each page is counted in the transaction that says how far it goes. Whoever indexes a document at the same time
        reads that, and counts it if the count has passed it: no document is counted twice or left out.
        """
        while await found.transactional(self.db, self.count_some) != ALL:
            pass

    async def count_some(self, tx: found.Transaction) -> bytes:
        counted = await self.counted(tx)
        if counted is None:
            await self.begin_count(tx)
            counted = b""
        if counted == ALL:
            return ALL
        begin = self.head + counted + (b"\xff" if counted else b"")
        rows = await found.all(found.query(tx, begin, self.head + b"\xff", limit=DOCUMENTS))
        whole = (await self.documents(tx, rows)).whole
        tally: Counter[UUID] = Counter()
        documents = length = 0
        for packed, parts in whole:
            entries = self.readable(packed, parts)
            if entries is not None:
                documents += 1
                length += sum(entries.values())
                tally.update(entries.keys())
        for token, number in tally.items():
            found.add(tx, frequency_key(self.store, token), packed_number(number))
        found.add(tx, total_key(self.store, "documents"), packed_number(documents))
        found.add(tx, total_key(self.store, "length"), packed_number(length))
        if len(rows) < DOCUMENTS:
            counted = ALL
        elif whole:
            counted = whole[-1][0]
        else:
            # Rows of nothing that could be counted.
            counted = rows[-1][0][len(self.head) :]
        found.set(tx, total_key(self.store, "counted"), counted)
        return counted


class _Documents:
    """Counters among some rows."""

    def __init__(self) -> None:
        self.whole: list[tuple[bytes, Rows]] = []
        """Documents, packed, with all parts of their counters."""
        self.strays: list[bytes] = []
        """Parts of counters that have no beginning."""
        self.foreign: list[bytes] = []
        """Keys that are no counter's."""


async def _page(tx: found.Transaction, begin: bytes, end: bytes) -> Rows:
    return await found.all(found.query(tx, begin, end, limit=PAGE))
