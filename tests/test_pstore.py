"""Indexing and searching: exact, in order, and what both are on disk."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from corpus import Documents, a_document, as_0_13_has_it, index, ranked
from reads import READS, WRITES, counted
from stores import Place
from support import fails_with

import found
from found._zstd import zstd
from found.ext import pstore
from found.ext.pstore import PStore, PStoreException, _search

SEEDS = int(os.environ.get("FOUND_TEST_SEEDS", "3"))
WAYS = [(match, ranking) for match in ("all", "any") for ranking in ("count", "bm25")]

ANIMALS: Documents = {
    "doc1": {"cat": 2, "dog": 1},
    "doc2": {"cat": 1, "dog": 5, "bird": 1},
    "doc3": {"cat": 7},
    "doc4": {"bird": 1, "dog": 1},
}


@pytest.fixture
def store(place: Place) -> PStore:
    return pstore.make("index", place.prefix)


async def search(place: Place, store: PStore, *arguments: Any, **options: Any) -> Any:
    return await place.run(pstore.search, store, *arguments, snapshot=True, **options)


def same(got: Any, wanted: Any) -> None:
    assert [docuid for docuid, _ in got] == [docuid for docuid, _ in wanted]
    assert [score for _, score in got] == pytest.approx([score for _, score in wanted])


async def agrees(place: Place, store: PStore, documents: Documents, draw: Random) -> None:
    """Whatever is searched for is what the model finds."""
    for _ in range(8):
        keywords = [f"w{int(22 * draw.random() ** 2)}" for _ in range(draw.randrange(1, 5))]
        limit = draw.choice([1, 2, 3, 10, 1000])
        for match, ranking in WAYS:
            got = await search(place, store, keywords, limit, match=match, ranking=ranking)
            wanted = ranked(documents, keywords, limit, match, ranking)
            same(got, wanted)


# ---- the contract


async def test_documents_that_have_every_keyword_are_found_best_first(
    place: Place, store: PStore
) -> None:
    await index(place, store, ANIMALS)
    assert await search(place, store, ["cat"], 10) == [("doc3", 7), ("doc1", 2), ("doc2", 1)]
    assert await search(place, store, ["cat", "dog"], 10) == [("doc2", 6), ("doc1", 3)]
    assert await search(place, store, ["dog", "cat"], 1) == [("doc2", 6)]
    assert await search(place, store, ["cat", "dog", "bird"], 10) == [("doc2", 7)]
    assert await search(place, store, {"bird", "dog"}, 10) == [("doc2", 6), ("doc4", 2)]
    assert await search(place, store, ["cat", "fish"], 10**30) == []
    assert len(await search(place, store, ["cat"], 10**30)) == 3
    assert await search(place, store, ["cat", "fish"], 10, match="any") == [
        ("doc3", 7),
        ("doc1", 2),
        ("doc2", 1),
    ]


async def test_a_keyword_that_is_there_twice_counts_once(place: Place, store: PStore) -> None:
    await index(place, store, ANIMALS)
    assert await search(place, store, ["cat", "cat"], 1) == [("doc3", 7)]
    assert await search(place, store, (word for word in ("dog", "cat", "dog")), 1) == [("doc2", 6)]


async def test_nothing_is_found_for_nothing(place: Place, store: PStore) -> None:
    for match, ranking in WAYS:
        assert await search(place, store, ["cat"], 10, match=match, ranking=ranking) == []
    await index(place, store, ANIMALS)
    for match, ranking in WAYS:
        for keywords, limit in ([], 10), (["cat"], 0), (["unheard"], 10):
            assert await search(place, store, keywords, limit, match=match, ranking=ranking) == []


async def test_ties_are_in_the_order_of_the_docuids(place: Place, store: PStore) -> None:
    docuids = [None, b"b", "a", "b", ("nested", 1), -5, 3, 200, 0.5, True, UUID(int=4)]
    await index(place, store, {docuid: {"same": 2} for docuid in reversed(docuids)})
    for match, ranking in WAYS:
        got = await search(place, store, ["same"], 100, match=match, ranking=ranking)
        assert [docuid for docuid, _ in got] == docuids
        got = await search(place, store, ["same"], 4, match=match, ranking=ranking)
        assert [docuid for docuid, _ in got] == docuids[:4]


async def test_bm25_prefers_rare_words_and_short_documents(place: Place, store: PStore) -> None:
    documents: Documents = {number: {"common": 1, "filler": 8} for number in range(20)}
    documents["rare"] = {"rare": 1, "filler": 8}
    documents["short"] = {"common": 1}
    documents["often"] = {"common": 5, "filler": 4}
    await index(place, store, documents)
    got = await search(place, store, ["common", "rare"], 3, match="any", ranking="bm25")
    assert [docuid for docuid, _ in got] == ["rare", "often", "short"]
    assert all(isinstance(score, float) for _, score in got)


# ---- re-indexing and removing


async def test_what_a_document_does_not_have_any_more_is_not_found(
    place: Place, store: PStore
) -> None:
    await index(place, store, ANIMALS)
    await index(place, store, {"doc2": {"cat": 3, "fish": 1}})
    assert await search(place, store, ["dog"], 10) == [("doc1", 1), ("doc4", 1)]
    assert await search(place, store, ["bird"], 10) == [("doc4", 1)]
    assert await search(place, store, ["cat", "fish"], 10) == [("doc2", 4)]


async def test_a_removed_document_leaves_its_terms_and_no_other_row(
    place: Place, store: PStore
) -> None:
    await index(place, store, {"doc0": {"cat": 1, "dog": 2, "bird": 3}})
    assert await place.run(pstore.remove, store, "doc0")
    empty = await place.rows()
    await index(place, store, ANIMALS)
    for docuid in ANIMALS:
        assert await place.run(pstore.remove, store, docuid)
        assert not await place.run(pstore.remove, store, docuid)
    assert await place.rows() == empty
    assert len(empty) == 2 * 3 + 3


async def test_a_document_indexed_as_it_is_writes_nothing(place: Place, store: PStore) -> None:
    await index(place, store, ANIMALS)
    with counted() as calls:
        await index(place, store, ANIMALS)
    assert not set(calls) & set(WRITES), calls


async def test_an_empty_document_is_one(place: Place, store: PStore) -> None:
    await index(place, store, {"empty": {}, "full": {"word": 1}})
    got = await search(place, store, ["word"], 5, ranking="bm25")
    same(got, ranked({"empty": {}, "full": {"word": 1}}, ["word"], 5, "all", "bm25"))
    assert await place.run(pstore.remove, store, "empty")


async def test_documents_indexed_earlier_in_a_transaction_are_found_in_it(
    place: Place, store: PStore
) -> None:
    async def body(tx: found.Transaction) -> None:
        for number, (docuid, counter) in enumerate(ANIMALS.items()):
            await pstore.index(tx, store, docuid, counter)
            so_far = dict(list(ANIMALS.items())[: number + 1])
            for match, ranking in WAYS:
                got = await pstore.search(
                    tx, store, ["cat", "dog"], 9, match=match, ranking=ranking
                )
                same(got, ranked(so_far, ["cat", "dog"], 9, match, ranking))

    await place.run(body)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_random_histories_are_searched_as_the_model_does(
    place: Place, store: PStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that lists of so few documents are left out, probed and read in parts too.
    monkeypatch.setattr(_search, "PROBE", [0, 1, 8][seed % 3])
    monkeypatch.setattr(_search, "TOGETHER", [0, 50_000, 30][seed % 3])
    draw = Random(seed)
    documents: dict[Any, Any] = {}
    for _ in range(3):
        for _ in range(20):
            docuid = draw.choice([draw.randrange(40), f"d{draw.randrange(9)}"])
            if draw.random() < 0.25:
                assert await place.run(pstore.remove, store, docuid) == (docuid in documents)
                documents.pop(docuid, None)
            else:
                documents[docuid] = a_document(draw)
                await place.run(pstore.index, store, docuid, documents[docuid])
        await agrees(place, store, documents, draw)
    assert (await pstore.fsck(place.db, store)).problems == 0


async def test_the_lists_of_common_terms_are_not_read_for_nothing(
    place: Place, store: PStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot change the result is not scored: of a word in most documents only those that rare words bring up."""
    monkeypatch.setattr(_search, "TOGETHER", 10)
    documents: Documents = {
        number: {"common": 1, **({"rare": 1} if number % 100 == 0 else {})} for number in range(400)
    }
    await index(place, store, documents)
    for match in ("all", "any"):
        read: list[int] = []
        collect = found.all

        async def counting(query: Any, collect: Any = collect, read: list[int] = read) -> Any:
            rows = await collect(query)
            read.append(len(rows))
            return rows

        with monkeypatch.context() as patch:
            patch.setattr(found, "all", counting)
            got = await search(place, store, ["common", "rare"], 3, match=match, ranking="bm25")
        assert [docuid for docuid, _ in got] == [0, 100, 200]
        assert sum(read) < 10


# ---- reads and writes


async def test_the_reads_of_a_search_do_not_depend_on_the_documents(
    place: Place, store: PStore
) -> None:
    documents = {number: a_document(Random(number)) for number in range(60)}
    await index(place, store, documents)
    for ranking, gets in (("count", 1 + 2), ("bm25", 3 + 2)):
        with counted() as calls:
            await search(place, store, ["w0", "w1"], 5, match="any", ranking=ranking)
        assert {name: calls[name] for name in calls if name in READS} == {
            "get": gets,
            "query": 2 + 2,
        }


async def test_the_reads_and_writes_of_indexing(place: Place, store: PStore) -> None:
    await index(place, store, ANIMALS)
    with counted() as calls:
        await index(place, store, {"doc5": {"cat": 1, "new": 1}})
    # The counter, and each term; the new term twice, two postings, the counter; two frequencies, two totals.
    assert calls == {"query": 1 + 2, "get": 1, "set": 2 + 2 + 1, "add": 2 + 2}


# ---- at once


async def test_documents_indexed_at_once_share_the_tokens_of_new_words(
    place: Place, store: PStore
) -> None:
    documents: Documents = {number: {"shared": 1, f"own{number}": 1} for number in range(12)}
    await asyncio.gather(*(index(place, store, {docuid: its}) for docuid, its in documents.items()))
    got = await search(place, store, ["shared"], 100)
    assert got == [(number, 1) for number in range(12)]
    assert (await pstore.fsck(place.db, store)).problems == 0


async def test_one_document_indexed_twice_at_once_is_as_after_one_of_them(
    place: Place, store: PStore
) -> None:
    one, other = {"cat": 1, "dog": 2}, {"cat": 5, "bird": 1}
    await asyncio.gather(index(place, store, {"doc": one}), index(place, store, {"doc": other}))
    (winner,) = await search(place, store, ["cat"], 5)
    counter = {1: one, 5: other}[winner[1]]
    for term in ("cat", "dog", "bird"):
        wanted = [("doc", counter[term])] if term in counter else []
        assert await search(place, store, [term], 5) == wanted
    assert (await pstore.fsck(place.db, store)).problems == 0


async def test_a_search_by_counts_conflicts_only_with_documents_that_it_has_met(
    place: Place, store: PStore
) -> None:
    await index(place, store, ANIMALS)
    tx = found.make_transaction(place.db)
    assert await pstore.search(tx, store, ["cat", "dog"], 5)
    found.set(tx, found.pack((*place.prefix, "seen")), b"")
    await index(place, store, {"other": {"bird": 1, "fish": 2}})
    await found.commit(tx)

    tx = found.make_transaction(place.db)
    assert await pstore.search(tx, store, ["cat", "dog"], 5)
    found.set(tx, found.pack((*place.prefix, "seen")), b"")
    await index(place, store, {"other": {"cat": 1, "dog": 2}})
    with fails_with(1020):
        await found.commit(tx)


# ---- what is on disk


async def test_the_rows_of_a_document_are_what_0_13_reads_and_some_beside_them(
    place: Place, store: PStore
) -> None:
    await index(place, store, {"doc": {"hello": 2, "world": 1}})
    rows = {found.unpack(key): value for key, value in (await place.rows()).items()}
    prefix = place.prefix
    tokens = {key[-2]: key[-1] for key in rows if key[:-2] == (*prefix, b"\x01", 0)}
    hello, world = tokens.pop("hello"), tokens.pop("world")
    assert not tokens
    (frame,) = [value for key, value in rows.items() if key == ((*prefix, b"\x03"), "doc")]
    assert found.unpack(zstd.decompress(frame)) == ((hello, 2), (world, 1))
    # Without its size in the frame's header, what 0.13 unpacks with refuses it.
    assert zstd.get_frame_info(frame).decompressed_size == len(zstd.decompress(frame))
    assert rows == {
        (*prefix, b"\x01", 0, "hello", hello): b"",
        (*prefix, b"\x01", 0, "world", world): b"",
        (*prefix, b"\x01", 1, hello, "hello"): b"",
        (*prefix, b"\x01", 1, world, "world"): b"",
        ((*prefix, b"\x02"), hello, "doc"): b"\x15\x02\x15\x03",
        ((*prefix, b"\x02"), world, "doc"): b"\x15\x01\x15\x03",
        ((*prefix, b"\x03"), "doc"): frame,
        ((*prefix, b"\x04"), "counted"): b"\xff",
        ((*prefix, b"\x04"), "documents"): b"\x01" + bytes(7),
        ((*prefix, b"\x04"), "length"): b"\x03" + bytes(7),
        ((*prefix, b"\x05"), hello): b"\x01" + bytes(7),
        ((*prefix, b"\x05"), world): b"\x01" + bytes(7),
    }


async def test_an_index_of_0_13_is_read_byte_by_byte(memory: found.Database) -> None:
    """Bytes that 0.13.0 has written."""
    hello = bytes.fromhex("8392c906e8dc4483934ec394dbcd065a")
    world = bytes.fromhex("f5edd58b95dc4502aa7363d39875575e")
    there = bytes.fromhex("ff3fc733b3324d709188cd5c69301f5c")
    rows: dict[bytes, bytes] = {}
    for term, token in (b"hello", hello), (b"world", world), (b"there", there):
        rows[b"\x02docs\x00\x01\x01\x00\x14\x02" + term + b"\x00\x30" + token] = b""
        rows[b"\x02docs\x00\x01\x01\x00\x15\x01\x30" + token + b"\x02" + term + b"\x00"] = b""
    for token, document in (hello, b"doc"), (hello, b"doc2"), (world, b"doc"), (there, b"doc2"):
        rows[b"\x05\x02docs\x00\x01\x02\x00\x00\x30" + token + b"\x02" + document + b"\x00"] = b""
    at = b"\x05\x02docs\x00\x01\x03\x00\x00\x02doc"
    magic = b"\x28\xb5\x2f\xfd\x20"
    rows[at + b"\x00"] = (
        magic + b"*Q\x01\x00\x050" + hello + b"\x15\x02\x00\x050" + world + b"\x15\x01\x00"
    )
    rows[at + b"2\x00"] = (
        magic + b"+Y\x01\x00\x050" + hello + b"\x15\x05\x00\x050" + there + b"\x16\x01\x2c\x00"
    )
    tx = found.make_transaction(memory)
    for key, value in rows.items():
        found.set(tx, key, value)
    await found.commit(tx)
    store = pstore.make("docs", ("docs",))
    documents: Documents = {"doc": {"hello": 2, "world": 1}, "doc2": {"hello": 5, "there": 300}}
    tx = found.make_transaction(memory)
    assert await pstore.search(tx, store, ["hello"], 5) == [("doc2", 5), ("doc", 2)]
    assert await pstore.search(tx, store, ["hello", "world"], 5) == [("doc", 3)]
    for match, ranking in WAYS:
        for keywords in (["hello"], ["there", "hello"], ["world", "there", "hello"]):
            got = await pstore.search(tx, store, keywords, 5, match=match, ranking=ranking)
            same(got, ranked(documents, keywords, 5, match, ranking))
    assert (await pstore.fsck(memory, store)).problems == 0


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_an_index_that_0_13_began_goes_on(place: Place, store: PStore, seed: int) -> None:
    draw = Random(seed)
    documents: dict[Any, Any] = {number: a_document(draw) for number in range(30)}
    await place.put(as_0_13_has_it(place, documents))
    await agrees(place, store, documents, draw)
    for _ in range(15):
        docuid = draw.randrange(40)
        if draw.random() < 0.3:
            await place.run(pstore.remove, store, docuid)
            documents.pop(docuid, None)
        else:
            documents[docuid] = a_document(draw)
            await place.run(pstore.index, store, docuid, documents[docuid])
    await agrees(place, store, documents, draw)
    assert (await pstore.fsck(place.db, store)).problems == 0
    await agrees(place, store, documents, draw)
    # A repair counts it, and nothing is read that need not be.
    assert (await pstore.fsck(place.db, store, repair=True)).problems == 0
    assert (await pstore.fsck(place.db, store)).problems == 0
    await agrees(place, store, documents, draw)


async def test_what_0_13_has_left_of_a_document_is_not_found(place: Place, store: PStore) -> None:
    """It indexed a document again and left the postings of words that were gone."""
    rows = as_0_13_has_it(place, {"doc": {"kept": 2, "gone": 1}, "other": {"gone": 3}})
    key = found.pack(((*place.prefix, b"\x03"), "doc"))
    entries = found.unpack(zstd.decompress(rows[key]))
    rows[key] = zstd.compress(found.pack(entries[:1]))
    await place.put(rows)
    assert await search(place, store, ["gone"], 5) == [("other", 3)]
    assert await search(place, store, ["gone", "kept"], 5) == []
    assert await search(place, store, ["gone", "kept"], 5, match="any") == [
        ("other", 3),
        ("doc", 2),
    ]
    report = await pstore.fsck(place.db, store, repair=True)
    assert (report.problems, report.repaired) == (1, 1)


async def test_what_0_13_writes_to_a_counted_index_is_ranked_by_counters(
    place: Place, store: PStore
) -> None:
    await index(place, store, ANIMALS)
    theirs = as_0_13_has_it(place, {"theirs": {"cat": 3, "owl": 1}})
    tokens = {
        items[-2]: items[-1]
        for items in map(found.unpack, await place.rows())
        if items[:-2] == (*place.prefix, b"\x01", 0)
    }
    # 0.13 takes the token that is there.
    mine = next(items[-1] for items in map(found.unpack, theirs) if items[-2] == "cat")
    theirs = {key.replace(mine.bytes, tokens["cat"].bytes): value for key, value in theirs.items()}
    key = found.pack(((*place.prefix, b"\x03"), "theirs"))
    entries = found.unpack(zstd.decompress(theirs[key]))
    theirs[key] = zstd.compress(found.pack(((tokens["cat"], 3), *entries[1:])))
    await place.put(theirs)
    documents = {**ANIMALS, "theirs": {"cat": 3, "owl": 1}}
    for match, ranking in WAYS:
        got = await search(place, store, ["cat"], 9, match=match, ranking=ranking)
        same(got, ranked(documents, ["cat"], 9, match, ranking))


async def test_a_counter_past_the_limit_of_a_value_is_split(memory: found.Database) -> None:
    place = Place(memory)
    store = pstore.make("index", place.prefix)
    words = {f"word{number}": number % 7 + 1 for number in range(7_000)}
    await index(place, store, {"long": words, "long\x00er": {"word8": 1}, ("long",): {"word8": 9}})
    key = found.pack(((*place.prefix, b"\x03"), "long"))
    parts = [value for row, value in (await place.rows()).items() if row.startswith(key)]
    # The document whose name begins alike begins with the same bytes.
    assert len(parts) == 2 + 1 and max(map(len, parts)) <= 100_000
    assert await search(place, store, ["word8", "word6"], 5) == [("long", 9)]
    assert (await pstore.fsck(place.db, store)).problems == 0
    await index(place, store, {"long": {"word8": 2}})
    assert len([row for row in await place.rows() if row.startswith(key)]) == 2
    assert await search(place, store, ["word8"], 5) == [
        (("long",), 9),
        ("long", 2),
        ("long\x00er", 1),
    ]
    assert await search(place, store, ["word6"], 5) == []
    assert await place.run(pstore.remove, store, "long")
    assert (await pstore.fsck(place.db, store)).problems == 0


# ---- bad input


@pytest.mark.parametrize(
    ("counter", "message"),
    [
        ("text", "counter must be a mapping of terms to counts, not str: 'text'"),
        (["cat"], "counter must be a mapping of terms to counts, not list"),
        ({b"cat": 1}, "a term must be a str, not bytes: b'cat'"),
        ({"cat": 0}, "the count of 'cat' must be an int of 1 to 4,294,967,295, not 0"),
        ({"cat": -1}, "not -1"),
        ({"cat": True}, "not True"),
        ({"cat": 1.5}, "not 1.5"),
        ({"cat": 2**32}, "not 4294967296"),
        ({"cat": None}, "not None"),
        ({"cat": 1 << 20_000}, "not <int of 20,001 bits>"),
        ({"fine": 1, "\ud800": 1}, r"cannot hold the term '\\ud800'"),
        ({"fine": 1, "x" * 9_990: 1}, "cannot hold a term of 10,"),
    ],
)
async def test_a_counter_that_is_none_is_refused_before_anything_is_written(
    place: Place, store: PStore, counter: Any, message: str
) -> None:
    with counted() as calls, pytest.raises(PStoreException, match=message):
        await place.run(pstore.index, store, "doc", counter)
    assert not set(calls) & {*READS, *WRITES}


async def test_a_document_past_a_transaction_is_refused(place: Place, store: PStore) -> None:
    with pytest.raises(PStoreException, match="of 50,000 different terms does not fit"):
        await place.run(pstore.index, store, "doc", {f"w{n}": 1 for n in range(50_000)})


@pytest.mark.parametrize("docuid", [object(), {1}, "\ud800", "x" * 9_999, found.Versionstamp()])
async def test_a_docuid_that_cannot_be_in_a_key_is_refused(
    place: Place, store: PStore, docuid: Any
) -> None:
    for work in (
        place.run(pstore.index, store, docuid, {"a": 1}),
        place.run(pstore.remove, store, docuid),
    ):
        with pytest.raises(PStoreException, match=r"cannot hold (the|a) docuid"):
            await work


async def test_arguments_of_other_types_are_refused(place: Place, store: PStore) -> None:
    for keywords in ("cat", b"cat", 7):
        with pytest.raises(TypeError, match="keywords must be an iterable of str, not"):
            await search(place, store, keywords, 5)
    with pytest.raises(PStoreException, match="a keyword must be a str, not int: 7"):
        await search(place, store, ["cat", 7], 5)
    for limit in (True, 1.0, "5", None):
        with pytest.raises(TypeError, match="limit must be an int"):
            await search(place, store, ["cat"], limit)
    with pytest.raises(ValueError, match="limit must be 0 or more, not -1"):
        await search(place, store, ["cat"], -1)
    with pytest.raises(ValueError, match='match must be "all" or "any", not'):
        await search(place, store, ["cat"], 5, match="some")
    with pytest.raises(ValueError, match='ranking must be "count" or "bm25", not'):
        await search(place, store, ["cat"], 5, ranking=None)
    with pytest.raises(TypeError, match=r"pstore must be what pstore.make returns"):
        await search(place, ("x",), ["cat"], 5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="prefix must be a tuple or a list"):
        pstore.make("p", "prefix")  # type: ignore[arg-type]


async def test_stores_whose_prefixes_begin_alike_do_not_meet(place: Place) -> None:
    stores = [pstore.make("p", (*place.prefix, tail)) for tail in ("a", "a\0", "ab", "a\0b")]
    for number, one in enumerate(stores):
        await index(place, one, {f"d{number}": {"word": 1}, f"d{number}\0": {"word\0": 1}})
    for number, one in enumerate(stores):
        assert await search(place, one, ["word"], 9) == [(f"d{number}", 1)]
        assert (await pstore.fsck(place.db, one)).problems == 0
    assert await place.run(pstore.remove, stores[0], "d0")
    assert await search(place, stores[3], ["word"], 9) == [("d3", 1)]


def test_a_counter_of_the_standard_library_is_one() -> None:
    assert pstore.tokenize("a b a") == Counter({"a": 2, "b": 1})
    assert uuid4() != uuid4()
