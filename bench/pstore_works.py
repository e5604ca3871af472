"""What is measured of pstore: this project's, and that of any other driver of its API.

Indexing ten million words takes either driver minutes: the rows of the documents are written as they would be, those of
the words that nobody searches for left out.
"""

from __future__ import annotations

import asyncio
import importlib
import time
import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from itertools import islice
from typing import Any

import found
from bench.corpus import DOCUMENTS, HOLDERS, KEYWORDS, LIMIT, WORDS, documents, held
from found.ext import pstore

TRANSACTION = 1_000
"""Documents in a transaction that fills."""


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    loop = asyncio.new_event_loop()
    db = loop.run_until_complete(found.open(address))
    prefix = ("found.bench", "pages")
    pages: Any = pstore.make("pages", prefix)
    more: Any = pstore.make("more", ("found.bench", "more"))
    ours = hasattr(pstore, "tokenize")
    begun = 0

    def compressed(entries: bytes) -> bytes:
        if ours:
            from found._zstd import zstd

            return zstd.compress(entries)
        # What 0.13 has for it.
        return importlib.import_module("zstandard").compress(entries)

    async def fill(_: int) -> None:
        tokens = {keyword: uuid.uuid4() for keyword in KEYWORDS}
        other = [uuid.uuid4() for _ in range(100)]
        pack = found.pack
        rows: list[tuple[bytes, bytes]] = []
        for keyword, token in tokens.items():
            rows.append((pack((*prefix, b"\x01", 0, keyword, token)), b""))
            rows.append((pack((*prefix, b"\x01", 1, token, keyword)), b""))
        for number, words in sorted(held().items()):
            for keyword, count in words.items():
                value = pack((count, WORDS)) if ours else b""
                rows.append((pack(((*prefix, b"\x02"), tokens[keyword], number)), value))
            others = zip(other, [1] * (WORDS - sum(words.values())))
            entries = (*((tokens[keyword], count) for keyword, count in words.items()), *others)
            rows.append((pack(((*prefix, b"\x03"), number)), compressed(pack(entries))))
        if ours:
            totals = {"documents": DOCUMENTS, "length": DOCUMENTS * WORDS}
            for name, number in totals.items():
                key = pack(((*prefix, b"\x04"), name))
                rows.append((key, number.to_bytes(8, "little")))
            rows.append((pack(((*prefix, b"\x04"), "counted")), b"\xff"))
            for token in tokens.values():
                key = pack(((*prefix, b"\x05"), token))
                rows.append((key, HOLDERS.to_bytes(8, "little")))

        async def write(tx: found.Transaction, some: list[tuple[bytes, bytes]]) -> None:
            for key, value in some:
                await found.set(tx, key, value)

        for at in range(0, len(rows), TRANSACTION):
            await found.transactional(db, write, rows[at : at + TRANSACTION])

    async def clear(_: int) -> None:
        begin = found.pack(("found.bench",))
        await found.transactional(db, found.clear, begin, begin + b"\xff")
        nested = found.pack((("found.bench",),))[:-1]
        await found.transactional(db, found.clear, nested, found.next_prefix(nested))

    def searching(keywords: int, **how: str) -> Callable[[int], Any]:
        async def search(count: int) -> float:
            wanted = KEYWORDS[:keywords]
            got: Any = ()
            began = time.perf_counter()
            for _ in range(count):
                # One each: 0.13 takes seconds, which is all a transaction has.
                tx = found.make_transaction(db)
                got = await pstore.search(tx, pages, wanted, LIMIT, **how)
            seconds = time.perf_counter() - began
            assert 0 < len(got) <= LIMIT, f"{len(got)} documents"
            return seconds

        return search

    async def index(count: int) -> float:
        nonlocal begun
        some = [(begun + number, words) for number, words in islice(documents(), count)]
        begun += count
        began = time.perf_counter()
        for docuid, words in some:
            await found.transactional(db, pstore.index, more, docuid, words)
        return time.perf_counter() - began

    def in_loop(work: Callable[[int], Any]) -> Callable[[int], Any]:
        return lambda count: loop.run_until_complete(work(count))

    does: dict[str, Callable[[int], Any]] = {"fill": fill, "clear": clear, "index": index}
    for keywords in (2, 3, 4):
        does[f"{keywords} all count"] = searching(keywords)
        for match in ("all", "any"):
            does[f"{keywords} {match} bm25"] = searching(keywords, match=match, ranking="bm25")
    return {
        "version": lambda _: f"{version('asyncio-foundationdb')}, {found.get_client_version()}",
        **{name: in_loop(work) for name, work in does.items()},
    }
