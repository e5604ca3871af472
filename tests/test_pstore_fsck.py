"""The check of an inverted index: what it finds, puts right and leaves alone, beside programs at work."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from corpus import a_document, as_0_13_has_it, index, ranked
from stores import Place

import found
from found.ext import pstore
from found.ext.pstore import PStore, _check

DOCUMENTS = {
    "one": {"cat": 2, "dog": 1},
    "two": {"cat": 1, "bird": 4},
    ("three", 3): {"dog": 2, "bird": 1, "fish": 1},
}
WORDS = ["cat", "dog", "bird", "fish"]


@pytest.fixture
def store(place: Place) -> PStore:
    return pstore.make("index", place.prefix)


async def token(place: Place, term: str) -> UUID:
    rows = map(found.unpack, await place.rows())
    return next(row[-1] for row in rows if row[:-1] == (*place.prefix, b"\x01", 0, term))


async def finds_what_there_is(place: Place, store: PStore, documents: Any) -> None:
    for match in ("all", "any"):
        for ranking in ("count", "bm25"):
            for words in (WORDS[:1], WORDS[1:3], WORDS):
                got = await place.run(pstore.search, store, words, 99, match=match, ranking=ranking)
                wanted = ranked(documents, words, 99, match, ranking)
                assert [docuid for docuid, _ in got] == [docuid for docuid, _ in wanted]
                assert [score for _, score in got] == pytest.approx([score for _, score in wanted])


async def test_a_sound_index_is_clean_and_left_as_it_is(place: Place, store: PStore) -> None:
    await index(place, store, DOCUMENTS)
    before = await place.rows()
    told: list[int] = []
    report = await pstore.fsck(place.db, store, repair=True, progress=told.append)
    assert (report.store, report.problems, report.repaired) == ("index", 0, 0)
    assert told == sorted(told) and told[-1] == report.rows
    assert await place.rows() == before


async def test_an_index_of_0_13_is_clean_and_a_repair_counts_it(
    place: Place, store: PStore
) -> None:
    rows = as_0_13_has_it(place, DOCUMENTS)
    await place.put(rows)
    assert (await pstore.fsck(place.db, store)).problems == 0
    assert await place.rows() == rows
    assert (await pstore.fsck(place.db, store, repair=True)).problems == 0
    counted = await place.rows()
    assert {key: counted[key] for key in rows} == rows
    mine = Place(place.db)
    await index(mine, pstore.make("index", mine.prefix), DOCUMENTS)
    assert len(counted) == len(await mine.rows())
    await mine.clear()


KEYS = {
    "a posting is missing": lambda place, cat: (((*place.prefix, b"\x02"), cat, "one"), None),
    "a posting differs": lambda place, cat: (
        ((*place.prefix, b"\x02"), cat, "one"),
        found.pack((2, 9)),
    ),
    "that the document's counter does not have": lambda place, cat: (
        ((*place.prefix, b"\x02"), cat, ("three", 3)),
        found.pack((1, 1)),
    ),
    "a part of a counter": lambda place, cat: (((*place.prefix, b"\x03"), "none", 1), b"?"),
    "number of documents is 3": lambda place, cat: (
        ((*place.prefix, b"\x04"), "documents"),
        b"\x09",
    ),
    "sum of all lengths is 12": lambda place, cat: (((*place.prefix, b"\x04"), "length"), None),
    "2 documents have the token": lambda place, cat: (((*place.prefix, b"\x05"), cat), None),
    "0 documents have the token": lambda place, cat: (((*place.prefix, b"\x05"), uuid4()), b"\x01"),
}


@pytest.mark.parametrize("what", KEYS)
async def test_a_row_that_is_wrong_missing_or_stale_is_put_right(
    place: Place, store: PStore, what: str
) -> None:
    await index(place, store, DOCUMENTS)
    sound = await place.rows()
    row, value = KEYS[what](place, await token(place, "cat"))
    key = found.pack(row)
    await (place.drop(key) if value is None else place.put({key: value}))
    broken = await place.rows()
    report = await pstore.fsck(place.db, store)
    assert (report.problems, report.repaired) == (1, 0)
    assert what in report.examples[0].what and report.examples[0].key == key
    assert await place.rows() == broken
    report = await pstore.fsck(place.db, store, repair=True)
    assert (report.problems, report.repaired) == (1, 1)
    assert await place.rows() == sound
    assert (await pstore.fsck(place.db, store)).problems == 0


async def test_a_counter_that_cannot_be_read_is_cleared_with_its_postings(
    place: Place, store: PStore
) -> None:
    await index(place, store, DOCUMENTS)
    key = found.pack(((*place.prefix, b"\x03"), "two"))
    for damage in (b"", b"no zstd", (await place.rows())[key][:-1]):
        await place.put({key: damage})
        if damage:
            with pytest.raises(
                pstore.PStoreException, match=r"counter of document 'two' .* damaged"
            ):
                await place.run(pstore.index, store, "two", {"cat": 1})
        report = await pstore.fsck(place.db, store, repair=True)
        assert report.problems >= 1 and report.clean
        assert (await pstore.fsck(place.db, store)).problems == 0
        left = {docuid: its for docuid, its in DOCUMENTS.items() if docuid != "two"}
        await finds_what_there_is(place, store, left)
        await index(place, store, DOCUMENTS)
    await finds_what_there_is(place, store, DOCUMENTS)
    assert (await pstore.fsck(place.db, store)).problems == 0


async def test_keys_of_something_else_and_tokens_of_nothing_are_reported_and_kept(
    place: Place, store: PStore
) -> None:
    await index(place, store, DOCUMENTS)
    prefix = place.prefix
    strange = [
        found.pack(((*prefix, b"\x02"), "no token", "doc")),
        found.pack(((*prefix, b"\x03"),)) + b"\xfe",
        found.pack((*prefix, b"\x01", 0, "cat", UUID(int=2**128 - 1))),
        found.pack((*prefix, b"\x01", 1, UUID(int=2**128 - 1), "cat")),
    ]
    await place.put(dict.fromkeys(strange, b""))
    before = await place.rows()
    report = await pstore.fsck(place.db, store, repair=True)
    assert (report.problems, report.repaired) == (3, 0)
    assert {problem.key for problem in report.examples} <= set(strange)
    assert await place.rows() == before
    # A second token of a term is searched too.
    await finds_what_there_is(place, store, DOCUMENTS)


@pytest.mark.parametrize("seed", range(2))
async def test_documents_written_while_they_are_counted_are_counted_once(
    place: Place, store: PStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_check, "DOCUMENTS", 3)
    monkeypatch.setattr(_check, "PAGE", 5)
    draw = Random(seed)
    documents: dict[Any, Any] = {number: a_document(draw) for number in range(25)}
    await place.put(as_0_13_has_it(place, documents))
    ended = False

    async def work(number: int) -> None:
        mine = Random(100 * seed + number)
        while not ended:
            docuid = 2 * mine.randrange(15) + number
            if mine.random() < 0.3:
                await place.run(pstore.remove, store, docuid)
                documents.pop(docuid, None)
            else:
                counter = a_document(mine)
                await place.run(pstore.index, store, docuid, counter)
                documents[docuid] = counter
            await asyncio.sleep(0)

    workers = [asyncio.ensure_future(work(number)) for number in range(2)]
    try:
        for _ in range(3):
            assert (await pstore.fsck(place.db, store, repair=True)).clean
    finally:
        ended = True
        await asyncio.gather(*workers)
    report = await pstore.fsck(place.db, store)
    assert report.problems == 0, report
    totals = await place.rows()
    assert totals[found.pack(((*place.prefix, b"\x04"), "counted"))] == b"\xff"
    number = totals[found.pack(((*place.prefix, b"\x04"), "documents"))]
    assert int.from_bytes(number, "little") == len(documents)
