"""What the tests of pstore share: documents of few words, a model that ranks them the long way, and 0.13's rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any
from uuid import UUID, uuid4

from stores import Place

import found
from found._zstd import zstd
from found.ext import pstore

Documents = dict[Any, Mapping[str, int]]


def ranked(
    documents: Documents,
    keywords: Iterable[str],
    limit: int,
    match: str = "all",
    ranking: str = "count",
) -> list[tuple[Any, Any]]:
    """What `pstore.search` must give: every document is scored, and all of them are sorted."""
    terms = sorted(set(keywords))
    every = all if match == "all" else any
    having = {
        docuid: counter
        for docuid, counter in documents.items()
        if terms and every(term in counter for term in terms)
    }
    average = max(sum(sum(counter.values()) for counter in documents.values()), 1) / max(
        len(documents), 1
    )

    def score(counter: Mapping[str, int]) -> float:
        if ranking == "count":
            return sum(counter.get(term, 0) for term in terms)
        total = 0.0
        for term in terms:
            count = counter.get(term, 0)
            holders = sum(term in other for other in documents.values())
            rarity = math.log(1 + (len(documents) - holders + 0.5) / (holders + 0.5))
            length = sum(counter.values())
            total += rarity * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / average))
        return total

    scored = [(docuid, score(counter)) for docuid, counter in having.items()]
    return sorted(scored, key=lambda one: (-one[1], found.pack((one[0],))))[:limit]


def a_document(draw: Random, words: int = 12) -> dict[str, int]:
    """A few words, of which some are in most documents and some in few."""
    counter: dict[str, int] = {}
    for _ in range(draw.randrange(words)):
        word = f"w{int(20 * draw.random() ** 3)}"
        counter[word] = counter.get(word, 0) + draw.randrange(1, 4)
    return counter


def as_0_13_has_it(place: Place, documents: Documents) -> dict[bytes, bytes]:
    """The rows that 0.13 writes for documents."""
    rows: dict[bytes, bytes] = {}
    tokens: dict[str, UUID] = {}
    prefix = place.prefix
    for docuid, counter in documents.items():
        entries = []
        for term, count in counter.items():
            token = tokens.setdefault(term, uuid4())
            rows[found.pack((*prefix, b"\x01", 0, term, token))] = b""
            rows[found.pack((*prefix, b"\x01", 1, token, term))] = b""
            rows[found.pack(((*prefix, b"\x02"), token, docuid))] = b""
            entries.append((token, count))
        rows[found.pack(((*prefix, b"\x03"), docuid))] = zstd.compress(found.pack(tuple(entries)))
    return rows


async def index(place: Place, store: pstore.PStore, documents: Documents) -> None:
    async def body(tx: found.Transaction) -> None:
        for docuid, counter in documents.items():
            await pstore.index(tx, store, docuid, counter)

    await place.run(body)
