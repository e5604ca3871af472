"""nstore: tuples are added, read, removed and found by patterns."""

from __future__ import annotations

import itertools
import math
from typing import Any
from uuid import UUID

import pytest
from reads import WRITES, counted
from stores import Place
from support import fails_with

import found
from found.ext import nstore
from found.ext.nstore import NStore, NStoreException, var

# From stores.md: they are on disk.
ORDERS = {
    1: "0",
    2: "01 10",
    3: "012 120 201",
    4: "0123 2031 3012 1230 1302 2310",
    5: "01234 20341 30142 40123 12340 13402 14203 23410 24013 34021",
}

ITEMS: list[Any] = [
    None,
    b"",
    b"a\x00b",
    "",
    "a",
    "a\x00b",
    "a\xff",
    ("a", None, ("b",)),
    -(2**70),
    -1,
    0,
    1,
    2**64,
    1.0,
    -0.0,
    0.0,
    math.inf,
    found.SingleFloat(1.0),
    True,
    False,
    UUID(int=1),
    found.Versionstamp(b"0123456789", 7),
]


def make(place: Place, n: int = 3, name: str = "test") -> NStore:
    return nstore.make(name, (*place.prefix, name), n)


async def fill(place: Place, store: NStore, *rows: tuple[Any, ...]) -> None:
    async def add(tx: found.Transaction) -> None:
        for row in rows:
            await nstore.add(tx, store, *row)

    await found.transactional(place.db, add)


async def selected(place: Place, store: NStore, *pattern: Any, **options: Any) -> list[Any]:
    tx = found.make_transaction(place.db)
    return await found.all(nstore.select(tx, store, *pattern, **options))


# ---- indexes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", ORDERS)
def test_the_orders_of_the_indexes_are_those_on_disk(n: int) -> None:
    orders = ["".join(map(str, order)) for order in nstore.permutations(n)]
    assert " ".join(orders) == ORDERS[n]


@pytest.mark.parametrize("n", range(1, 13))
def test_every_set_of_columns_begins_some_index_and_there_are_no_more_than_needed(n: int) -> None:
    orders = nstore.permutations(n)
    assert len(orders) == math.comb(n, n // 2)
    assert orders[0] == tuple(range(n))
    assert all(sorted(order) == list(range(n)) for order in orders)
    begun = {frozenset(order[:width]) for order in orders for width in range(n + 1)}
    assert len(begun) == 2**n


@pytest.mark.parametrize("n", range(1, 7))
def test_the_table_of_a_handle_names_an_index_that_begins_with_the_columns_of_a_pattern(
    n: int,
) -> None:
    store = nstore.make("test", ("p",), n)
    for columns, scan in enumerate(store.scans):
        order = store.indices[scan.number]
        assert order == scan.given + scan.free
        assert sum(1 << column for column in scan.given) == columns
        assert scan.head == found.pack(("p", scan.number))
    for (columns, column), scan in store.ranges.items():
        assert sum(1 << one for one in scan.given) == columns
        assert scan.free[0] == column


@pytest.mark.parametrize("n", [1, 2, 3, 4])
async def test_every_shape_of_pattern_finds_what_it_should(place: Place, n: int) -> None:
    store = make(place, n)
    rows = [*list(itertools.product("ab", repeat=n))[::2], ("c",) * n]
    await fill(place, store, *rows)
    for given in itertools.product([False, True], repeat=n):
        for row in [*rows, ("b",) * n]:
            pattern = [row[i] if given[i] else var(str(i)) for i in range(n)]
            expected = [
                {str(i): other[i] for i in range(n) if not given[i]}
                for other in rows
                if all(other[i] == row[i] for i in range(n) if given[i])
            ]
            bindings = await selected(place, store, *pattern)
            assert sorted(map(str, map(sorted, map(dict.items, bindings)))) == sorted(
                map(str, map(sorted, map(dict.items, expected)))
            )


async def test_a_store_of_twelve_columns_finds_by_any_of_them(memory: found.Database) -> None:
    store = nstore.make("wide", ("wide",), 12)
    rows = [tuple(range(12)), tuple(range(1, 13))]

    async def add(tx: found.Transaction) -> None:
        for row in rows:
            await nstore.add(tx, store, *row, value=b"v")

    with counted() as calls:
        await found.transactional(memory, add)
    assert calls == {"set": 2 * 924}
    tx = found.make_transaction(memory)
    assert await nstore.get(tx, store, *rows[0]) == b"v"
    for mask in range(0, 1 << 12, 37):
        pattern = [rows[1][i] if mask >> i & 1 else var(str(i)) for i in range(12)]
        bindings = await found.all(nstore.select(tx, store, *pattern))
        assert {str(i): rows[1][i] for i in range(12) if not mask >> i & 1} in bindings
    await nstore.remove(tx, store, *rows[0])
    await nstore.remove(tx, store, *rows[1])
    assert await found.all(found.query(tx, b"", b"\xff")) == []


# ---- handles ----------------------------------------------------------------------------------------------------


def test_a_prefix_may_be_a_list_and_a_string_is_refused() -> None:
    assert nstore.make("a", ["x", 1], 3) == nstore.make("a", ("x", 1), 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="prefix must be a tuple or a list, not str"):
        nstore.make("a", "x", 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        nstore.make("a", (object(),), 3)
    with pytest.raises(ValueError, match="versionstamp"):
        nstore.make("a", (found.Versionstamp(),), 3)


@pytest.mark.parametrize("n", [0, -1, 13])
def test_a_width_that_no_store_has_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=f"n must be 1 to 12, not {n}"):
        nstore.make("a", ("x",), n)


def test_a_name_or_width_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="name must be a str, not bytes"):
        nstore.make(b"a", ("x",), 3)  # type: ignore[arg-type]
    for n in (True, 3.0, "3"):
        with pytest.raises(TypeError, match="n must be an int"):
            nstore.make("a", ("x",), n)  # type: ignore[arg-type]


def test_a_handle_can_be_a_key_and_is_short_to_read() -> None:
    store = nstore.make("a", ("x",), 12)
    assert {store: 1}[nstore.make("a", ("x",), 12)] == 1
    assert repr(store) == "nstore.make('a', ('x',), 12)"


async def test_what_is_no_handle_is_named(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    with pytest.raises(TypeError, match=r"nstore must be what nstore\.make returns, not str"):
        await nstore.add(tx, "a", "b", "c")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"nstore must be what nstore\.make returns, not str"):
        nstore.query(tx, "a", ("b", "c"))  # type: ignore[arg-type]


# ---- add, get, remove -------------------------------------------------------------------------------------------


async def test_a_tuple_is_there_with_its_value_until_it_is_removed(place: Place) -> None:
    store = make(place)
    tx = found.make_transaction(place.db)
    await nstore.add(tx, store, "a", "b", "c", value=b"one")
    assert await nstore.get(tx, store, "a", "b", "c") == b"one"
    assert await nstore.get(tx, store, "a", "c", "b") is None
    await nstore.add(tx, store, "a", "b", "c", value=b"two")
    await found.commit(tx)
    tx = found.make_transaction(place.db)
    assert await nstore.get(tx, store, "a", "b", "c") == b"two"
    values = set((await place.rows(tx)).values())
    assert values == {b"two"}, "some index kept the old value"
    await nstore.remove(tx, store, "a", "b", "c")
    assert await nstore.get(tx, store, "a", "b", "c") is None
    assert await place.rows(tx) == {}


async def test_every_kind_of_item_comes_back_as_it_was(place: Place) -> None:
    store = make(place, 2)
    await fill(place, store, *((item, number) for number, item in enumerate(ITEMS)))
    bindings = await selected(place, store, var("item"), var("number"))
    assert len(bindings) == len(ITEMS)
    for binding in bindings:
        expected = ITEMS[binding["number"]]
        assert type(binding["item"]) is type(expected)
        assert binding["item"] == expected
    for number, item in enumerate(ITEMS):
        assert await selected(place, store, item, var("number")) == [{"number": number}]


async def test_equal_numbers_of_other_types_are_other_items(place: Place) -> None:
    store = make(place, 2)
    await fill(place, store, (1, "int"), (1.0, "float"), (True, "bool"))
    assert await selected(place, store, 1, var("x")) == [{"x": "int"}]
    assert await selected(place, store, 1.0, var("x")) == [{"x": "float"}]
    assert await selected(place, store, True, var("x")) == [{"x": "bool"}]


async def test_a_prefix_scan_catches_no_siblings_with_a_nul(place: Place) -> None:
    one, other = make(place, 2, "a"), make(place, 2, "a\x00b")
    await fill(place, one, ("x", "mine"), ("x\x00y", "not x"))
    await fill(place, other, ("x", "other's"))
    assert await selected(place, one, "x", var("v")) == [{"v": "mine"}]
    assert len(await selected(place, one, var("k"), var("v"))) == 2
    assert len(await selected(place, other, var("k"), var("v"))) == 1


async def test_reads_begin_at_the_call(place: Place) -> None:
    store = make(place)
    await fill(place, store, ("a", "b", "c"))
    tx = found.make_transaction(place.db)
    with counted() as calls:
        reads = [nstore.get(tx, store, "a", "b", item) for item in "cd"]
        assert calls == {"get": 2}
    assert [await read for read in reads] == [b"", None]


# ---- bad input --------------------------------------------------------------------------------------------------


def deep(levels: int) -> tuple[Any, ...]:
    nested: tuple[Any, ...] = ()
    for _ in range(levels):
        nested = (nested,)
    return nested


BAD: dict[str, tuple[tuple[Any, ...], str]] = {
    "too few": (("a", "b"), "3 items, not 2"),
    "too many": (("a", "b", "c", "d"), "3 items, not 4"),
    "a type no key has": (("a", "b", {"c": 1}), "cannot hold {'c': 1}"),
    "a variable": (("a", "b", var("c")), r"cannot hold var\('c'\)"),
    "a variable within": (("a", "b", ("c", var("c"))), "cannot hold"),
    "a lone surrogate": (("a", "b", "\ud800"), "cannot hold"),
    "an int too long": (("a", "b", 1 << 2040), "cannot hold"),
    "too large": (("a", "b", "c" * 10_000), "more than 10,000"),
    "an int of many digits": (("a", "b", 1 << 100_000), "cannot hold <int of 100,001 bits>"),
    "too deep": (("a", "b", deep(1001)), "nested more than 1000 deep"),
    "too many versionstamps": ((found.Versionstamp(), "b", found.Versionstamp()), "one incomplete"),
    "too large with a versionstamp": ((found.Versionstamp(), "b", "c" * 10_000), "more than"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_items_are_told_before_anything_is_written(
    memory: found.Database, name: str
) -> None:
    items, message = BAD[name]
    store = nstore.make("test", ("p",), 3)
    tx = found.make_transaction(memory)
    with counted() as calls:
        with pytest.raises(NStoreException, match=message):
            await nstore.add(tx, store, *items)
        with pytest.raises(NStoreException):
            await nstore.remove(tx, store, *items)
        if name != "too large":
            with pytest.raises(NStoreException):
                await nstore.get(tx, store, *items)
    assert not calls.keys() & set(WRITES)
    assert await found.all(found.query(tx, b"", b"\xff")) == []


@pytest.mark.parametrize("value", [None, "text", 1, bytearray(b"x"), b"x" * 100_001])
async def test_a_bad_value_is_told_before_anything_is_written(
    memory: found.Database, value: Any
) -> None:
    store = nstore.make("test", ("p",), 3)
    tx = found.make_transaction(memory)
    with counted() as calls, pytest.raises(NStoreException, match=r"value"):
        await nstore.add(tx, store, "a", "b", "c", value=value)
    assert calls == {}


async def test_the_largest_tuple_and_value_are_taken(place: Place) -> None:
    store = make(place)
    room = 10_000 - len(found.pack(("", ""), store.heads[-1])) - 2
    items = ("", "", "x" * room)
    tx = found.make_transaction(place.db)
    await nstore.add(tx, store, *items, value=b"v" * 100_000)
    await found.commit(tx)
    tx = found.make_transaction(place.db)
    assert await nstore.get(tx, store, *items) == b"v" * 100_000
    with pytest.raises(NStoreException, match="10,001 bytes"):
        await nstore.add(tx, store, "", "", "x" * (room + 1))


def test_an_exception_of_a_store_carries_no_code() -> None:
    assert issubclass(NStoreException, found.BaseFoundException)
    assert not issubclass(NStoreException, found.FoundException)


async def test_a_pattern_that_no_tuple_has_is_told_at_the_call(memory: found.Database) -> None:
    store = nstore.make("test", ("p",), 3)
    tx = found.make_transaction(memory)
    with pytest.raises(NStoreException, match="3 items, not 2"):
        nstore.select(tx, store, "a", var("x"))
    with pytest.raises(NStoreException, match="cannot hold"):
        nstore.select(tx, store, "a", object(), var("x"))
    with pytest.raises(NStoreException, match="cannot hold"):
        nstore.select(tx, store, "a", var("x"), var("y"), seed={"x": object()})
    with pytest.raises(NStoreException, match="cannot hold"):
        nstore.select(tx, store, found.Versionstamp(), var("x"), var("y"))
    with pytest.raises(TypeError, match="seed must be a mapping, not list"):
        nstore.select(tx, store, "a", var("x"), var("y"), seed=["x"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="pattern must be a tuple or a list, not str"):
        nstore.query(tx, store, "abc")
    with pytest.raises(TypeError, match=r"tx must be a found\.Transaction, not Database"):
        nstore.query(memory, store, ("a", "b", "c"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a str, not int"):
        var(1)  # type: ignore[arg-type]


# ---- variables and seeds ----------------------------------------------------------------------------------------


async def test_a_repeated_variable_is_one_item(place: Place) -> None:
    store = make(place)
    await fill(
        place,
        store,
        ("ann", "knows", "ann"),
        ("ann", "knows", "bob"),
        ("bob", "knows", "bob"),
        (1, "knows", 1.0),
        (1, "knows", True),
        (math.nan, "knows", math.nan),
        ("same", "same", "same"),
    )
    bindings = await selected(place, store, var("x"), "knows", var("x"))
    assert [one["x"] for one in bindings[:2]] == ["ann", "bob"]
    assert len(bindings) == 3
    assert math.isnan(bindings[2]["x"])
    assert await selected(place, store, var("x"), var("x"), var("x")) == [{"x": "same"}]


async def test_a_seed_binds_and_is_never_handed_out_itself(place: Place) -> None:
    store = make(place)
    await fill(place, store, ("a", "b", "c"), ("a", "b", "d"), ("x", "b", "c"))
    seed = {"s": "a", "other": [1]}
    bindings = await selected(place, store, var("s"), "b", var("o"), seed=seed)
    assert bindings == [
        {"s": "a", "other": [1], "o": "c"},
        {"s": "a", "other": [1], "o": "d"},
    ]
    known = {"s": "a", "o": "c"}
    (binding,) = await selected(place, store, var("s"), "b", var("o"), seed=known)
    assert binding == known
    assert binding is not known
    assert seed == {"s": "a", "other": [1]}
    assert await selected(place, store, var("s"), "b", var("o"), seed={"s": "z"}) == []


async def test_bindings_are_dicts_of_their_own(place: Place) -> None:
    store = make(place)
    await fill(place, store, ("a", "b", "c"), ("a", "b", "d"))
    bindings = await selected(place, store, "a", "b", var("o"), seed={"k": 1})
    bindings[0]["k"] = 2
    assert bindings[1]["k"] == 1


async def test_results_can_be_awaited_iterated_and_closed(place: Place) -> None:
    store = make(place, 1)
    await fill(place, store, *((number,) for number in range(10)))
    tx = found.make_transaction(place.db)
    assert [one["x"] async for one in await nstore.select(tx, store, var("x"))] == list(range(10))
    results = nstore.select(tx, store, var("x"))
    assert await results.__anext__() == {"x": 0}
    assert await found.all(found.limit(results, 2)) == [{"x": 1}, {"x": 2}]
    assert [one async for one in results] == []
    unread = nstore.select(tx, store, var("x"))
    await unread.aclose()
    assert [one async for one in unread] == []


async def test_results_are_read_once(place: Place) -> None:
    store = make(place, 1)
    await fill(place, store, (1,))
    tx = found.make_transaction(place.db)
    results = nstore.select(tx, store, var("x"))
    assert await found.all(results) == [{"x": 1}]
    with pytest.raises(RuntimeError, match="already"):
        await found.all(results)


async def test_rows_that_are_no_tuples_are_passed_over(place: Place) -> None:
    store = make(place, 2)
    await fill(place, store, ("a", "b"))
    tx = found.make_transaction(place.db)
    for stray in (b"\x02broken", found.pack(("a",)), found.pack(("a", "b", "c")), b"\x02\xff\x00"):
        found.set(tx, store.heads[0] + stray, b"")
    await found.commit(tx)
    assert await selected(place, store, var("x"), var("y")) == [{"x": "a", "y": "b"}]
    assert await selected(place, store, "a", var("y")) == [{"y": "b"}]


# ---- versionstamps ----------------------------------------------------------------------------------------------


async def test_an_incomplete_versionstamp_is_the_commits_in_every_index(place: Place) -> None:
    store = make(place)
    tx = found.make_transaction(place.db)
    await nstore.add(tx, store, "log", found.Versionstamp(user_version=3), "entry", value=b"v")
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    expected = found.Versionstamp(await stamp, 3)
    assert await selected(place, store, "log", var("at"), var("what")) == [
        {"at": expected, "what": "entry"}
    ]
    assert await selected(place, store, var("l"), var("at"), "entry") == [
        {"l": "log", "at": expected}
    ]
    assert await selected(place, store, var("l"), expected, var("w"), value="v") == [
        {"l": "log", "w": "entry", "v": b"v"}
    ]
    assert len(await place.rows()) == 3


async def test_a_nested_incomplete_versionstamp_is_filled_in_too(place: Place) -> None:
    store = make(place, 2)
    tx = found.make_transaction(place.db)
    await nstore.add(tx, store, ("at", found.Versionstamp()), "x")
    stamp = found.get_versionstamp(tx)
    await found.commit(tx)
    expected = ("at", found.Versionstamp(await stamp))
    assert await selected(place, store, var("at"), "x") == [{"at": expected}]


async def test_a_store_cannot_be_read_between_a_versionstamp_and_its_commit(place: Place) -> None:
    store = make(place, 2)
    tx = found.make_transaction(place.db)
    await nstore.add(tx, store, found.Versionstamp(), "x")
    with fails_with(1036):
        await found.all(nstore.select(tx, store, var("at"), "x"))
