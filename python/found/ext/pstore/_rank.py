"""From postings to ranked documents. What goes row by row is in Rust."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from math import log
from typing import NamedTuple, Optional, Union

from found import _found
from found.ext.pstore._model import posting_of

K1 = 1.2
"""How soon further occurrences of a term count for less."""
B = 0.75
"""How much the length of a document counts."""

Score = Union[int, float]
Scored = tuple[bytes, Score]
"""A document, its docuid packed, and its score."""
Values = list[Optional[bytes]]
"""Of each term the posting of a document, None if it has none or nobody has looked."""
Candidate = tuple[bytes, Values]
"""A document that may be among the best."""
Postings = _found._PackedRows
"""What was read of a term: its rows, of their keys the docuid alone."""


class Totals(NamedTuple):
    """What an index knows of all documents."""

    documents: int
    length: int


class Weights(NamedTuple):
    """BM25 (Robertson and others, Okapi at TREC-3), with the weight of a term as in Lucene, which is never negative."""

    terms: list[float]
    """Of each term the most it adds to a score: the more, the fewer documents have it."""
    base: float
    slope: float

    @classmethod
    def of(cls, totals: Totals, frequencies: Sequence[int]) -> Weights:
        documents = max(totals.documents, *frequencies, 1)
        average = max(totals.length, 1) / documents
        rarity = [log(1 + (documents - each + 0.5) / (each + 0.5)) for each in frequencies]
        return cls([each * (K1 + 1) for each in rarity], K1 * (1 - B), K1 * B / average)

    def score(self, counts: Sequence[int], length: int) -> float:
        # As in rust/src/py/stores/postings.rs, to the last bit: one after the other, in the order of the terms. sum()
        # of Python 3.12 rounds otherwise.
        norm = self.base + self.slope * length
        score = 0.0
        for weight, count in zip(self.terms, counts):
            if count:
                score += weight * count / (count + norm)
        return score


def best(scored: list[Scored], limit: int) -> list[Scored]:
    """The `limit` best, ties in the order of the packed docuids."""
    return heapq.nsmallest(limit, scored, key=lambda one: (-one[1], one[0]))


def best_of_lists(
    lists: list[Postings], every: bool, weights: Optional[Weights], limit: int
) -> Optional[list[Scored]]:
    """The best documents of all lists, or of those in every one; None if a counter has to be asked."""
    return _found._rank_postings(lists, every, weights, limit)


def best_of_candidates(
    candidates: list[Candidate], weights: Optional[Weights], limit: int
) -> Optional[list[Scored]]:
    """The best of some documents; None if a counter has to be asked."""
    return _found._rank_candidates(candidates, weights, limit)


def merge(lists: list[Postings], every: bool) -> list[Candidate]:
    """The documents in any list, or in every one."""
    return _found._merge_postings(lists, every)


def leaders(
    lists: list[Postings], weights: Weights, limit: int, most: float
) -> Optional[list[Candidate]]:
    """The documents in any list that can be among the best if they get at most `most` from other lists.

    None if documents can be among the best that are in none of these lists, or if a counter has to be asked.
    """
    return _found._leading_postings(lists, weights, limit, most)


def counts_of(values: Values) -> Optional[list[int]]:
    """How often a document has each term; None if its counter has to be asked."""
    counts: list[int] = []
    for value in values:
        posting = (0, 0) if value is None else posting_of(value)
        if posting is None:
            return None
        counts.append(posting[0])
    return counts
