"""The documents of the pstore section: a hundred words each, four keywords in a tenth of them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

DOCUMENTS = 100_000
WORDS = 100
HOLDERS = 10_000
"""Documents that have a keyword."""
KEYWORDS = ["alpha", "beta", "gamma", "delta"]
VOCABULARY = [f"word{number}" for number in range(20_000)]
LIMIT = 10


def held() -> dict[int, dict[str, int]]:
    """The documents that have a keyword, and how often each."""
    draw = Random(1)
    documents: dict[int, dict[str, int]] = {}
    for keyword in KEYWORDS:
        for number in draw.sample(range(DOCUMENTS), HOLDERS):
            documents.setdefault(number, {})[keyword] = draw.choice((1, 1, 1, 2, 3))
    return documents


def documents() -> Iterator[tuple[int, dict[str, int]]]:
    """Each document's number, and how often it has each word."""
    draw = Random(2)
    holders = held()
    for number in range(DOCUMENTS):
        words = dict(holders.get(number, {}))
        for word in draw.choices(VOCABULARY, k=WORDS - sum(words.values())):
            words[word] = words.get(word, 0) + 1
        yield number, words


def texts() -> Iterator[str]:
    for _, words in documents():
        yield " ".join(word for word, count in words.items() for _ in range(count))
