"""eavstore: dictionaries under identifiers, looked up by what they hold."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from reads import WRITES, counted
from stores import Place

import found
from found.ext import eavstore
from found.ext.eavstore import EAVStore, EAVStoreException, between, has, prefix

ANN = {"name": "Ann", "city": "Paris", "age": 41, "height": 1.7}
BOB = {"name": "Bob", "city": "Lyon", "age": 35}
CID = {"name": "Cid", "city": "Paris", "age": 29, "note": None}
DAN = {"name": "Dan", "city": "Parma", "age": 41.0}


def make(place: Place, name: str = "people") -> EAVStore:
    return eavstore.make(name, (*place.prefix, name))


async def people(place: Place) -> EAVStore:
    store = make(place)

    async def fill(tx: found.Transaction) -> None:
        for uid, one in (("ann", ANN), ("bob", BOB), ("cid", CID), ("dan", DAN)):
            await eavstore.create(tx, store, one, uid)

    await place.run(fill)
    return store


async def found_by(place: Place, store: EAVStore, conditions: Any, **options: Any) -> list[Any]:
    tx = found.make_transaction(place.db)
    return await found.all(eavstore.find(tx, store, conditions, **options))


async def consistent(place: Place, store: EAVStore) -> bool:
    return (await eavstore.fsck(place.db, store)).problems == 0


# ---- one dictionary ---------------------------------------------------------------------------------------------


async def test_a_dictionary_is_there_under_a_new_uid(place: Place) -> None:
    store = make(place)
    tx = found.make_transaction(place.db)
    uid = await eavstore.create(tx, store, ANN)
    assert isinstance(uid, UUID)
    assert await eavstore.create(tx, store, ANN) != uid
    await found.commit(tx)
    tx = found.make_transaction(place.db)
    assert await eavstore.get(tx, store, uid) == ANN
    assert await eavstore.get(tx, store, "nobody") == {}
    await eavstore.remove(tx, store, uid)
    await eavstore.remove(tx, store, "nobody")
    assert await eavstore.get(tx, store, uid) == {}


async def test_creating_what_is_there_replaces_it(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    assert await eavstore.create(tx, store, {"name": "Anna"}, "ann") == "ann"
    await found.commit(tx)
    tx = found.make_transaction(place.db)
    assert await eavstore.get(tx, store, "ann") == {"name": "Anna"}
    assert await found_by(place, store, {"city": "Paris"}) == ["cid"]
    assert await consistent(place, store)


async def test_an_update_replaces_all_and_writes_what_changes(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    with counted() as calls:
        await eavstore.update(tx, store, "ann", {**ANN, "city": "Lyon"})
    # The old row of the index; the data and the new row of the index.
    assert calls == {"query": 1, "clear": 1, "set": 2}
    with counted() as calls:
        await eavstore.update(tx, store, "ann", {**ANN, "city": "Lyon"})
    assert calls == {"query": 1}
    await found.commit(tx)
    assert await found_by(place, store, {"city": "Lyon"}) == ["ann", "bob"]
    assert await found_by(place, store, {"city": "Paris"}) == ["cid"]
    assert await consistent(place, store)


async def test_a_value_of_another_type_is_another_value(place: Place) -> None:
    store = make(place)
    tx = found.make_transaction(place.db)
    for value in (1, 1.0, True):
        await eavstore.update(tx, store, "x", {"k": value})
        got = await eavstore.get(tx, store, "x")
        assert type(got["k"]) is type(value)
        for other in (1, 1.0, True):
            uids = await found.all(eavstore.query(tx, store, "k", other))
            assert uids == (["x"] if type(other) is type(value) else [])


async def test_a_patch_changes_some_keys_and_leaves_the_others(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    with counted() as calls:
        await eavstore.patch(
            tx, store, "ann", {"age": 42, "city": "Paris", "new": 1}, without=["height", "absent"]
        )
    # A get for each key named; age: 1 clear and 2 sets, new: 2 sets, height: 2 clears, the city stays.
    assert calls == {"get": 5, "clear": 3, "set": 4}
    await found.commit(tx)
    tx = found.make_transaction(place.db)
    expected = {"name": "Ann", "city": "Paris", "age": 42, "new": 1}
    assert await eavstore.get(tx, store, "ann") == expected
    assert await found_by(place, store, {"age": 41}) == []
    assert await found_by(place, store, {"height": has()}) == []
    assert await consistent(place, store)
    with pytest.raises(EAVStoreException, match="'age' is to be set and to be taken away"):
        await eavstore.patch(tx, store, "ann", {"age": 1}, without=["age"])


async def test_patches_of_other_keys_do_not_conflict(place: Place) -> None:
    store = await people(place)
    one, two = found.make_transaction(place.db), found.make_transaction(place.db)
    await eavstore.patch(one, store, "ann", {"age": 1})
    await eavstore.patch(two, store, "ann", {"city": "Nice"})
    await found.commit(one)
    await found.commit(two)
    tx = found.make_transaction(place.db)
    assert await eavstore.get(tx, store, "ann") == {**ANN, "age": 1, "city": "Nice"}
    assert await consistent(place, store)


async def test_siblings_with_a_nul_are_left_alone(place: Place) -> None:
    store, sibling = make(place, "a"), make(place, "a\x00b")
    tx = found.make_transaction(place.db)
    await eavstore.create(tx, store, {"k": "v"}, "a")
    await eavstore.create(tx, store, {"k": "v\x00w", "k\x00": "v"}, "a\x00b")
    await eavstore.create(tx, sibling, {"k": "v"}, "a")
    await eavstore.remove(tx, store, "a")
    assert await eavstore.get(tx, store, "a") == {}
    assert await eavstore.get(tx, store, "a\x00b") == {"k": "v\x00w", "k\x00": "v"}
    assert await eavstore.get(tx, sibling, "a") == {"k": "v"}
    assert await found.all(eavstore.query(tx, store, "k", "v")) == []
    assert await found.all(eavstore.query(tx, sibling, "k", "v")) == ["a"]


BAD: dict[str, tuple[Any, Any, str]] = {
    "no dictionary": ([("a", 1)], "u", "people holds dictionaries, not list"),
    "a value no key holds": ({"ok": 1, "bad": object()}, "u", "cannot hold the value <object"),
    "a key no key holds": ({"ok": 1, frozenset(): 1}, "u", "cannot hold the key frozenset"),
    "a uid no key holds": ({"ok": 1}, object(), "cannot hold the uid <object"),
    "a versionstamp": ({"ok": 1, "at": found.Versionstamp()}, "u", "incomplete versionstamp"),
    "too large": ({"ok": 1, "k": "v" * 10_000}, "u", "more than 10,000: 'k'"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_input_is_told_before_anything_is_written(
    memory: found.Database, name: str
) -> None:
    values, uid, message = BAD[name]
    store = eavstore.make("people", ("p",))
    tx = found.make_transaction(memory)
    with counted() as calls:
        for write in (
            eavstore.create(tx, store, values, uid),
            eavstore.update(tx, store, uid, values),
            eavstore.patch(tx, store, uid, values),
        ):
            with pytest.raises(EAVStoreException, match=message):
                await write
        if uid == "u":
            with pytest.raises(EAVStoreException, match=message):
                await eavstore.create(tx, store, values)
    assert not calls.keys() & set(WRITES)
    assert await found.all(found.query(tx, b"", b"\xff")) == []


def test_a_handle_is_checked() -> None:
    assert repr(eavstore.make("a", ("x", 1))) == "eavstore.make('a', ('x', 1))"
    assert eavstore.make("a", ["x"]) == eavstore.make("a", ("x",))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="prefix must be a tuple or a list, not str"):
        eavstore.make("a", "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a str"):
        eavstore.make(1, ("x",))  # type: ignore[arg-type]
    assert issubclass(EAVStoreException, found.BaseFoundException)
    assert not issubclass(EAVStoreException, found.FoundException)


# ---- looking up -------------------------------------------------------------------------------------------------


async def test_a_query_finds_who_has_the_value(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    assert [uid async for uid in await eavstore.query(tx, store, "city", "Paris")] == ["ann", "cid"]
    assert await found.all(eavstore.query(tx, store, "note", None)) == ["cid"]
    assert await found.all(eavstore.query(tx, store, "city", "Par")) == []
    assert await found.all(eavstore.query(tx, store, "nothing", 1)) == []
    with counted() as calls:
        await found.all(eavstore.query(tx, store, "city", "Paris"))
    assert calls == {"query": 1, "get": 2}


async def test_several_conditions_are_met_at_once(place: Place) -> None:
    store = await people(place)
    assert await found_by(place, store, {"city": "Paris", "age": 41}) == ["ann"]
    assert await found_by(place, store, {"city": prefix("Par")}) == ["ann", "cid", "dan"]
    assert await found_by(place, store, {"age": between(30, 42)}) == ["bob", "ann"]
    assert await found_by(place, store, {"age": between(30, ...)}) == ["bob", "ann", "dan"]
    assert await found_by(place, store, {"age": between(42, 30)}) == []
    nothing = {"age": between(42, 30), "name": has()}
    assert await found_by(place, store, nothing, order="age", reverse=True) == []
    assert await found_by(place, store, {"city": prefix("Par"), "height": has()}) == ["ann"]
    assert await found_by(place, store, {"name": "Ann", "city": "Lyon"}) == []
    assert await found_by(place, store, {"note": has(), "name": between("C", "D")}) == ["cid"]


async def test_what_is_found_comes_in_the_order_of_a_value(place: Place) -> None:
    store = await people(place)
    assert await found_by(place, store, {}, order="age") == ["cid", "bob", "ann", "dan"]
    assert await found_by(place, store, {}, order="age", reverse=True) == [
        "dan",
        "ann",
        "bob",
        "cid",
    ]
    paris = {"city": prefix("Par")}
    assert await found_by(place, store, paris, order="name", reverse=True) == ["dan", "cid", "ann"]
    assert await found_by(place, store, paris, order="height") == ["ann"]
    ages = {"age": between(30, 42)}
    assert await found_by(place, store, ages, order="age", reverse=True) == ["ann", "bob"]


@pytest.mark.parametrize("limit", [1, 2, 64, 65, 1000])
async def test_pages_go_on_in_another_transaction(memory: found.Database, limit: int) -> None:
    store = eavstore.make("numbers", ("numbers",))

    async def fill(tx: found.Transaction) -> None:
        for n in range(150):
            await eavstore.create(tx, store, {"mod": n % 2, "half": n // 2, "n": n}, n)

    await found.transactional(memory, fill)
    searches: list[tuple[Any, dict[str, Any], list[int]]] = [
        ({"mod": 1}, {}, list(range(1, 150, 2))),
        ({"mod": 1}, {"order": "n", "reverse": True}, list(range(149, 0, -2))),
        ({"n": between(10, 140)}, {"order": "half"}, list(range(10, 140))),
        ({"half": between(10, 20), "mod": 0}, {}, list(range(20, 40, 2))),
    ]
    for conditions, options, expected in searches:
        uids: list[Any] = []
        after = None
        while True:
            tx = found.make_transaction(memory)
            page = eavstore.find(tx, store, conditions, limit=limit, after=after, **options)
            got = await found.all(page)
            assert len(got) <= limit
            uids += got
            after = page.continuation
            if after is None:
                break
        assert uids == expected


async def test_a_continuation_is_for_its_own_search(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    page = eavstore.find(tx, store, {"city": prefix("P")}, limit=1)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = page.continuation
    assert await found.all(page) == ["ann"]
    after = page.continuation
    assert isinstance(after, bytes)
    for conditions, options in (
        ({"city": prefix("Pa")}, {}),
        ({"city": prefix("P")}, {"order": "age"}),
        ({"city": prefix("P")}, {"reverse": True}),
    ):
        with pytest.raises(EAVStoreException, match="another search"):
            eavstore.find(tx, store, conditions, after=after, **options)
    for broken in (b"", b"\xff", after[:-4]):
        with pytest.raises(EAVStoreException):
            eavstore.find(tx, store, {"city": prefix("P")}, after=broken)
    with pytest.raises(TypeError, match="after must be bytes"):
        eavstore.find(tx, store, {"city": prefix("P")}, after="x")  # type: ignore[arg-type]


async def test_what_is_asked_wrongly_is_told_at_the_call(memory: found.Database) -> None:
    store = eavstore.make("p", ("p",))
    tx = found.make_transaction(memory)
    with pytest.raises(EAVStoreException, match="needs a condition"):
        eavstore.find(tx, store, {})
    with pytest.raises(EAVStoreException, match="cannot hold the value"):
        eavstore.find(tx, store, {"a": object()})
    with pytest.raises(EAVStoreException, match="low is <object"):
        between(object(), 1)
    with pytest.raises(TypeError, match="start must be a str, bytes or a tuple"):
        prefix(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="conditions must be a mapping"):
        eavstore.find(tx, store, [("a", 1)])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"tx must be a found\.Transaction"):
        eavstore.find(memory, store, {"a": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be a number"):
        eavstore.find(tx, store, {"a": 1}, limit=-1)
    with pytest.raises(TypeError, match="uids must be an iterable"):
        eavstore.fetch(tx, store, 5)  # type: ignore[arg-type]


async def test_dictionaries_are_fetched_in_the_order_of_their_uids(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    found_ones = eavstore.find(tx, store, {}, order="age")
    pairs = [pair async for pair in eavstore.fetch(tx, store, found_ones)]
    assert pairs == [("cid", CID), ("bob", BOB), ("ann", ANN), ("dan", DAN)]

    async def uids() -> AsyncIterator[str]:
        yield "bob"
        yield "nobody"

    assert await found.all(eavstore.fetch(tx, store, uids())) == [("bob", BOB), ("nobody", {})]


async def test_many_dictionaries_are_found_and_fetched(place: Place) -> None:
    store = make(place)

    async def fill(tx: found.Transaction) -> None:
        for n in range(300):
            await eavstore.create(tx, store, {"n": n, "even": n % 2 == 0}, n)

    await place.run(fill)
    assert await found_by(place, store, {"even": True}) == list(range(0, 300, 2))
    tx = found.make_transaction(place.db)
    pairs = await found.all(eavstore.fetch(tx, store, range(300)))
    assert [values["n"] for _, values in pairs] == list(range(300))


# ---- what others left behind, and others at work ----------------------------------------------------------------


async def test_stale_rows_of_the_index_are_passed_over_and_repaired(place: Place) -> None:
    store = await people(place)
    clean = await place.rows()
    index = found.pack((store.prefix_index,))
    data = found.pack((store.prefix_data,))
    await place.put(
        {
            index + found.pack(("city", "Paris", "bob")): b"",
            index + found.pack(("city", "Paris", "nobody")): b"",
        }
    )
    await place.drop(index + found.pack(("name", "Ann", "ann")))
    assert await found_by(place, store, {"city": "Paris"}) == ["ann", "cid"]
    assert await found_by(place, store, {"city": "Paris", "age": between(0, 99)}) == ["ann", "cid"]
    told = await eavstore.fsck(place.db, store)
    assert (told.problems, told.repaired) == (3, 0)
    assert {one.what.split(":")[0] for one in told.examples} == {"missing", "stale"}
    seen: list[int] = []
    repaired = await eavstore.fsck(place.db, store, repair=True, progress=seen.append)
    assert (repaired.problems, repaired.repaired) == (3, 3)
    assert seen[-1] == repaired.rows
    assert await place.rows() == clean

    await place.put({data + b"\x02broken": b"", data + found.pack(("ann", "x")): b"\x02"})
    await place.put({index + b"\x02broken": b"", index + found.pack(("city", "Paris")): b""})
    tx = found.make_transaction(place.db)
    assert await eavstore.get(tx, store, "ann") == ANN
    assert await found_by(place, store, {"city": "Paris"}) == ["ann", "cid"]
    told = await eavstore.fsck(place.db, store, repair=True)
    assert (told.problems, told.repaired) == (4, 0)


async def test_two_programs_that_write_one_dictionary_end_in_one_of_two_orders(
    place: Place,
) -> None:
    store = make(place)
    for round in range(20):
        uid = f"u{round}"
        values = [{"a": 1, "b": 1}, {"b": 2, "c": 2}]
        await asyncio.gather(*(place.run(eavstore.create, store, one, uid) for one in values))
        tx = found.make_transaction(place.db)
        assert await eavstore.get(tx, store, uid) in values
        changes = [
            place.run(eavstore.update, store, uid, {"a": 3}),
            place.run(eavstore.patch, store, uid, {"b": 4}, without=["c"]),
            place.run(eavstore.remove, store, uid),
        ]
        await asyncio.gather(*changes)
        tx = found.make_transaction(place.db)
        assert await eavstore.get(tx, store, uid) in ({}, {"a": 3}, {"b": 4}, {"a": 3, "b": 4})
    assert await consistent(place, store)
