"""Search: which documents have the terms, and which of them are the best."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any, Optional, cast
from uuid import UUID

import found
from found import _found
from found.ext import _store
from found.ext._store import Rows
from found.ext.pstore import _rank
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
    posting_head,
    token_span,
    total_key,
    unpacked,
)
from found.ext.pstore._rank import Candidate, Postings, Score, Scored, Totals, Values, Weights

PROBE = 32
"""Rows of a range that are read in the time of one key: a list is read whole unless it is longer than this many times
the documents that are looked for in it."""
TOGETHER = 50_000
"""Postings that are read without asking first whether they can change the result."""
MOST = 2**31 - 1
"""Documents that a result may have."""


async def search(
    tx: found.Transaction,
    pstore: PStore,
    keywords: Iterable[str],
    limit: int,
    *,
    match: str = "all",
    ranking: str = "count",
) -> list[tuple[Any, Score]]:
    """Return the best documents for keywords, best first, those of equal score in the order of their packed docuids.

    It is exact: no document that belongs into the list is left out, and the same index gives the same list. Not every
    document is scored for it, nor every posting read: the rarest keyword comes first, and of the others what cannot
    change the list is left out.

    Args:
        tx: a found.Transaction.
        pstore: a handle.
        keywords: terms, as they were indexed: an iterable of str. One that is there twice counts once.
        limit: the most documents to return, 0 or more.
        match: "all" for the documents that have every keyword, "any" for those that have one at least.
        ranking: "count" for the sum of how often a document has the keywords, an int; "bm25" for a float in which a
            rare keyword counts for more, further occurrences for less, and each for less in a longer document.

    Returns:
        A list of tuples `(docuid, score)`; empty if there are no keywords, or none is in the index.

    Raises:
        PStoreException: a keyword is no str or none that can be indexed; a counter that has to be read is damaged.
        TypeError: `keywords` is not iterable, or one str; `limit` is no int.
        ValueError: `limit` is negative, or there is no such `match` or `ranking`.
    """
    check_store(pstore)
    terms = _checked(pstore, keywords, limit, match, ranking)
    if not terms or not limit:
        return []
    query = _Query(tx, pstore, terms, limit, match == "all", ranking == "bm25")
    return [(found.unpack(packed)[0], score) for packed, score in await query.run()]


def _checked(
    store: PStore, keywords: object, limit: object, match: object, ranking: object
) -> list[str]:
    if isinstance(keywords, (str, bytes)) or not isinstance(keywords, Iterable):
        raise TypeError(f"keywords must be an iterable of str, not {type(keywords).__name__}")
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise TypeError(f"limit must be an int, not {type(limit).__name__}")
    if limit < 0:
        raise ValueError(f"limit must be 0 or more, not {limit}")
    if match not in ("all", "any"):
        raise ValueError(f'match must be "all" or "any", not {_store.shown(match)}')
    if ranking not in ("count", "bm25"):
        raise ValueError(f'ranking must be "count" or "bm25", not {_store.shown(ranking)}')
    terms = set(cast("Iterable[object]", keywords))
    for term in terms:
        if not isinstance(term, str):
            raise PStoreException(
                f"a keyword must be a str, not {type(term).__name__}: {_store.shown(term)}"
            )
    checked = sorted(cast("set[str]", terms))
    for term in checked:
        token_span(store, term)
    return checked


class _Query:
    """One search. The terms are in the order of their bytes, which scores are summed in, or a list of them is."""

    def __init__(
        self,
        tx: found.Transaction,
        store: PStore,
        terms: list[str],
        limit: int,
        every: bool,
        bm25: bool,
    ) -> None:
        self.tx = tx
        self.store = store
        self.terms = terms
        self.limit = min(limit, MOST)
        self.every = every
        self.bm25 = bm25
        self.tokens: list[UUID] = []
        self.weights: Optional[Weights] = None

    async def run(self) -> list[Scored]:
        # Sent together with the look-up of the terms.
        names = ["counted", "documents", "length"] if self.bm25 else ["counted"]
        totals = [self.statistic(total_key(self.store, name)) for name in names]
        tokens = await self.look_up()
        if self.every and not all(tokens):
            return []
        tokens = [each for each in tokens if each]
        if not tokens:
            return []
        counted, *numbers = [await total for total in totals]
        if any(len(each) > 1 for each in tokens) or (self.bm25 and counted != ALL):
            return await self.read_counters(tokens)
        self.tokens = [token for (token,) in tokens]
        frequencies = await self.frequencies() if counted == ALL else None
        if frequencies is not None and self.bm25:
            self.weights = Weights.of(Totals(*map(number_of, numbers)), frequencies)
        if self.every:
            scored = await self.having_all(frequencies)
        elif frequencies is not None and self.weights is not None:
            scored = await self.having_any(frequencies, self.weights)
        else:
            scored = await self.ranked(await self.read(range(len(self.tokens))))
        return await self.read_counters(tokens) if scored is None else scored

    # ---- what the index knows of the terms

    async def look_up(self) -> list[list[UUID]]:
        """The tokens that stand for each term: one or none, but in a damaged store."""
        tokens: list[list[UUID]] = []

        def look(span: tuple[bytes, bytes]) -> Awaitable[Rows]:
            return found.all(found.query(self.tx, *span))

        spans = [token_span(self.store, term) for term in self.terms]
        async for (head, _), rows in _store.pipelined(spans, look):
            tokens.append([found.unpack(key, len(head))[0] for key, _ in rows])
        return tokens

    async def frequencies(self) -> list[int]:
        """How many documents have each term."""
        keys = [frequency_key(self.store, token) for token in self.tokens]
        return [number_of(row) async for _, row in _store.pipelined(keys, self.statistic)]

    def statistic(self, key: bytes) -> Awaitable[Optional[bytes]]:
        # Where it decides only what is read first, nobody who indexes a document is to conflict with it.
        return found.get(self.tx, key, snapshot=None if self.bm25 else True)

    # ---- postings

    def head(self, term: int) -> bytes:
        return posting_head(self.store, self.tokens[term])

    def begin(self, term: int) -> Awaitable[Postings]:
        """Begin to read the list of a term."""
        head = self.head(term)
        return found.query(self.tx, head, head + b"\xff")._packed(len(head))

    async def read(self, terms: Iterable[int]) -> list[Postings]:
        """The lists of some terms, read together."""
        reads = [self.begin(term) for term in terms]
        return [await postings for postings in reads]

    async def probe(self, term: int, candidates: list[Candidate]) -> list[Candidate]:
        """Look for documents in the list of a term; those that are there get its posting."""
        head = self.head(term)

        def look(candidate: Candidate) -> Awaitable[Optional[bytes]]:
            return found.get(self.tx, head + candidate[0])

        having: list[Candidate] = []
        async for candidate, value in _store.pipelined(candidates, look):
            if value is not None:
                candidate[1][term] = value
                having.append(candidate)
        return having

    async def having_all(self, frequencies: Optional[list[int]]) -> Optional[list[Scored]]:
        """The best that have every term: the rarest terms first, then only those documents in the lists of the others.

        None if that takes all counters, as in `ranked`.
        """
        terms = range(len(self.tokens))
        if frequencies is None:
            return await self.ranked(await self.read(terms))
        order = sorted(terms, key=frequencies.__getitem__)
        wanted = order[:1]
        wanted += [
            term for term in order[1:2] if frequencies[term] <= PROBE * frequencies[order[0]]
        ]
        lists: dict[int, Postings] = {}
        while True:
            lists.update(zip(wanted, await self.read(wanted)))
            left = order[len(lists) :]
            if not left:
                return await self.ranked([lists[term] for term in terms])
            merged = _rank.merge(list(lists.values()), True)
            if frequencies[left[0]] > PROBE * len(merged):
                break
            wanted = left[:1]
        candidates: list[Candidate] = []
        for docuid, found_values in merged:
            values: Values = [None] * len(terms)
            for term, value in zip(lists, found_values):
                values[term] = value
            candidates.append((docuid, values))
        # The lists that are left are longer, and the documents fewer and fewer.
        for term in left:
            candidates = await self.probe(term, candidates)
        best = _rank.best_of_candidates(candidates, self.weights, self.limit)
        return best if best is not None else await self.asked(candidates)

    async def having_any(self, frequencies: list[int], weights: Weights) -> Optional[list[Scored]]:
        """The best that have some of the terms, by BM25; None if that takes all counters, as in `ranked`.

        A term adds less to a document's score than its weight. Once enough documents have more from the rare terms
        than all of the common ones could give together, whoever has the common ones alone is out, and their lists need
        not be read: the documents that are left are looked for in them.
        """
        order = sorted(range(len(self.tokens)), key=frequencies.__getitem__)
        lists: list[Postings] = [_found._PackedRows()] * len(order)
        left = order
        while left:
            wanted = 1
            while sum(
                frequencies[term] for term in left[: wanted + 1]
            ) <= TOGETHER and wanted < len(left):
                wanted += 1
            for term, postings in zip(left, await self.read(left[:wanted])):
                lists[term] = postings
            left = left[wanted:]
            # Rounding is not to decide.
            most = sum(weights.terms[term] for term in left) * (1 + 1e-9)
            leaders = _rank.leaders(lists, weights, self.limit, most) if left else None
            if leaders is not None and PROBE * len(leaders) < frequencies[left[0]]:
                for term in left:
                    await self.probe(term, leaders)
                best = _rank.best_of_candidates(leaders, weights, self.limit)
                return best if best is not None else await self.asked(leaders)
        return await self.ranked(lists)

    # ---- scores

    async def ranked(self, lists: list[Postings]) -> Optional[list[Scored]]:
        """The best of the lists of all terms; None if that takes all counters."""
        best = _rank.best_of_lists(lists, self.every, self.weights, self.limit)
        return best if best is not None else await self.asked(_rank.merge(lists, self.every))

    async def asked(self, candidates: list[Candidate]) -> Optional[list[Scored]]:
        """The best of some documents, of which counters have to be asked; None if that takes all counters."""
        if self.weights is not None:
            # 0.13 has written to an index that was counted, whose statistics are not what they should be.
            return None
        scored: list[Scored] = []
        unsaid: list[bytes] = []
        for docuid, values in candidates:
            counts = _rank.counts_of(values)
            if counts is None:
                unsaid.append(docuid)
            else:
                scored.append((docuid, sum(counts)))
        head = counter_head(self.store)

        def look(docuid: bytes) -> Awaitable[Rows]:
            return found.all(found.query(self.tx, head + docuid, head + docuid + b"\xff"))

        async for docuid, rows in _store.pipelined(unsaid, look):
            entries = counter_of(self.store, docuid, rows)
            counts = [entries.get(token, 0) for token in self.tokens]
            # A posting that the counter does not know is stale.
            if all(counts) if self.every else any(counts):
                scored.append((docuid, sum(counts)))
        return _rank.best(scored, self.limit)

    async def read_counters(self, tokens: list[list[UUID]]) -> list[Scored]:
        """The best documents by all counters: what there is to rank by where there are no statistics."""
        having: list[tuple[bytes, list[int], int]] = []
        documents = total = 0
        frequencies = [0] * len(tokens)
        async for docuid, entries in self.counters():
            length = sum(entries.values())
            documents += 1
            total += length
            counts = [sum(entries.get(token, 0) for token in each) for each in tokens]
            for term, count in enumerate(counts):
                frequencies[term] += count > 0
            if all(counts) if self.every else any(counts):
                having.append((docuid, counts, length))
        if self.bm25:
            self.weights = Weights.of(Totals(documents, total), frequencies)
        weights = self.weights
        scored: list[Scored] = [
            (docuid, sum(counts) if weights is None else weights.score(counts, length))
            for docuid, counts, length in having
        ]
        return _rank.best(scored, self.limit)

    async def counters(self) -> AsyncIterator[tuple[bytes, Entries]]:
        """Each document, packed, and what it has."""
        head = counter_head(self.store)
        packed, parts = b"", Rows()
        async for row in found.query(
            self.tx, head, head + b"\xff", mode=found.STREAMING_MODE_SERIAL
        ):
            docuid = found.pack(unpacked(row[0], len(head))[:1])
            if not docuid:
                # No counter's key: a check of the index tells of it.
                continue
            if parts and docuid != packed:
                yield packed, counter_of(self.store, packed, parts)
                parts = Rows()
            packed = docuid
            parts.append(row)
        if parts:
            yield packed, counter_of(self.store, packed, parts)
