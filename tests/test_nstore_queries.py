"""nstore: joins of patterns, and what is asked of variables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from reads import counted
from stores import Place
from tuples import PEOPLE, fill, in_pages, make, people, queried

import found
from found.ext import nstore
from found.ext.nstore import NStore, NStoreException, no, pattern, var


class _Query:
    """A query that says when its pages are under way."""

    def __init__(self, query: Any, under_way: Any) -> None:
        self._query = query
        self._under_way = under_way

    def _page(self) -> Any:
        return _Operation(self._query._page(), self._under_way)


class _Operation:
    def __init__(self, operation: Any, under_way: Any) -> None:
        self._operation = operation
        self._under_way = under_way
        under_way.begin(self)

    def __await__(self) -> Iterator[Any]:
        try:
            return (yield from self._operation.__await__())
        finally:
            self._under_way.end(self)

    def cancel(self) -> bool:
        self._under_way.end(self)
        return self._operation.cancel()


class UnderWay:
    """Reads that were sent and not awaited yet: how many there were at once at most."""

    def __init__(self) -> None:
        self.now: set[_Operation] = set()
        self.most = 0

    def begin(self, operation: _Operation) -> None:
        self.now.add(operation)
        self.most = max(self.most, len(self.now))

    def end(self, operation: _Operation) -> None:
        self.now.discard(operation)


@contextmanager
def under_way(monkeypatch: pytest.MonkeyPatch) -> Iterator[UnderWay]:
    reads = UnderWay()
    query, get = found.query, found.get
    with monkeypatch.context() as patch:
        patch.setattr(found, "query", lambda *a, **k: _Query(query(*a, **k), reads))
        patch.setattr(found, "get", lambda *a, **k: _Operation(get(*a, **k), reads))
        yield reads


# ---- joins ------------------------------------------------------------------------------------------------------


async def test_a_join_gives_what_nested_loops_give_in_their_order(place: Place) -> None:
    store = await people(place)
    joined = await queried(
        place,
        store,
        (var("who"), "knows", var("whom")),
        (var("whom"), "name", var("name")),
        (var("whom"), "born", var("year")),
    )
    expected = [
        {"who": who, "whom": whom, "name": name, "year": year}
        for who, knows, whom in sorted(PEOPLE, key=lambda row: (row[1], str(row[2]), row[0]))
        if knows == "knows"
        for one, is_name, name in PEOPLE
        if (one, is_name) == (whom, "name")
        for one, is_born, year in PEOPLE
        if (one, is_born) == (whom, "born")
    ]
    assert joined == expected


async def test_where_chains_as_a_query_does(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    one = nstore.select(tx, store, "ann", "knows", var("whom"))
    two = nstore.where(tx, store, one, var("whom"), "name", var("name"))
    assert await found.all(two) == [
        {"whom": "bob", "name": "Bob"},
        {"whom": "cid", "name": "Cid"},
    ]


async def test_where_takes_bindings_of_ones_own_and_closes_what_gives_them(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    closed = []

    async def bindings() -> AsyncIterator[dict[str, Any]]:
        try:
            for who in ("bob", "nobody", "ann"):
                yield {"who": who, "why": [who]}
            yield {"year": 1990}
        finally:
            closed.append(True)

    found_ones = await found.all(
        nstore.where(tx, store, bindings(), var("who"), "born", var("year"))
    )
    assert found_ones == [
        {"who": "bob", "why": ["bob"], "year": 1980},
        {"who": "ann", "why": ["ann"], "year": 1970},
        {"year": 1990, "who": "cid"},
    ]
    results = nstore.where(tx, store, bindings(), var("who"), "born", var("year"))
    await results.__anext__()
    await results.aclose()
    assert closed == [True, True]


async def test_an_item_of_a_binding_that_no_tuple_has_is_told(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)

    async def bindings() -> AsyncIterator[dict[str, Any]]:
        yield {"who": object()}

    with pytest.raises(NStoreException, match="cannot hold <object"):
        await found.all(nstore.where(tx, store, bindings(), var("who"), "born", var("year")))


async def test_a_join_sends_many_scans_together_and_no_more_than_that(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = nstore.make("test", ("p",), 2)
    await nstore.load(memory, store, [(number, number + 1) for number in range(1000)])
    with under_way(monkeypatch) as reads:
        tx = found.make_transaction(memory)
        results = nstore.query(tx, store, (var("a"), var("b")), (var("b"), var("c")))
        assert len(await found.all(results)) == 999
        assert reads.most == 64
        assert reads.now == set()


async def test_a_join_that_is_closed_cancels_what_is_under_way(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = nstore.make("test", ("p",), 2)
    await nstore.load(memory, store, [(number, number + 1) for number in range(1000)])
    with under_way(monkeypatch) as reads:
        tx = found.make_transaction(memory)
        results = nstore.query(tx, store, (var("a"), var("b")), (var("b"), var("c")))
        await results.__anext__()
        assert reads.now
        await results.aclose()
        assert reads.now == set()


async def test_a_scan_of_many_pages_within_a_join_keeps_the_order(place: Place) -> None:
    store = make(place)
    rows = [("all", "has", n) for n in range(3)]
    rows += [(n, "of", m) for n in range(3) for m in range(700)]
    await fill(place, store, rows)
    joined = await queried(place, store, ("all", "has", var("n")), (var("n"), "of", var("m")))
    assert joined == [{"n": n, "m": m} for n in range(3) for m in range(700)]


async def test_bindings_that_need_the_same_rows_share_a_read(place: Place) -> None:
    store = make(place)
    rows = [(f"p{n}", "in", f"c{n % 2}") for n in range(100)]
    # More than a first page holds: each of those that share it goes on for itself.
    rows += [(f"c{n}", "has", f"street {m}") for n in range(2) for m in range(150)]
    rows += [(f"c{n}", "of", "here") for n in range(2)]
    await fill(place, store, rows)
    tx = found.make_transaction(place.db)
    people, city = (var("p"), "in", var("c")), (var("c"), "of", var("country"))
    with counted() as calls:
        joined = await found.all(nstore.query(tx, store, people, city, reorder=False))
    assert calls == {"query": 1 + 2}
    assert len(joined) == 100
    streets = (var("c"), "has", var("street"))
    expected = [
        {"p": f"p{n}", "c": f"c{n % 2}", "street": street}
        for n in sorted(range(100), key=lambda n: (n % 2, f"p{n}"))
        for street in sorted(f"street {m}" for m in range(150))
    ]
    assert await queried(place, store, people, streets, reorder=False) == expected
    late = nstore.satisfying("street", lambda street: street.endswith("9"))
    got = await queried(place, store, people, (var("c"), "has", late), reorder=False)
    assert got == [one for one in expected if one["street"].endswith("9")]
    assert await in_pages(place, store, people, streets, limit=97, reorder=False) == expected
    known = (var("c"), "of", "here")
    with counted() as calls:
        await queried(place, store, people, known, no(var("c"), "has", "x"), reorder=False)
    assert calls == {"query": 1, "get": 2 + 2}


async def test_patterns_without_a_common_variable_are_multiplied(place: Place) -> None:
    store = await people(place)
    joined = await queried(place, store, ("ann", "knows", var("x")), ("bob", "knows", var("y")))
    assert joined == [{"x": "bob", "y": "cid"}, {"x": "cid", "y": "cid"}]


async def test_a_pattern_without_variables_is_a_condition(place: Place) -> None:
    store = await people(place)
    true, false = ("ann", "knows", "bob"), ("ann", "knows", "dan")
    assert await queried(place, store, true) == [{}]
    assert await queried(place, store, false) == []
    names = (var("x"), "name", "Dan")
    assert await queried(place, store, names, true) == [{"x": "dan"}]
    assert await queried(place, store, names, false) == []


async def test_a_query_reads_as_often_as_its_cost_says(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    with counted() as calls:
        await found.all(nstore.select(tx, store, var("a"), "knows", var("b")))
    assert calls == {"query": 1}
    with counted() as calls:
        await found.all(nstore.select(tx, store, "ann", "knows", "bob"))
    assert calls == {"get": 1}
    with counted() as calls:
        await found.all(
            nstore.query(
                tx,
                store,
                ("ann", "knows", var("x")),
                (var("x"), "name", var("n")),
                (var("x"), "knows", "cid"),
            )
        )
    # Which of two patterns is smaller; whom ann knows; whether each knows cid, and the name of the one that does.
    assert calls == {"query": 2, "get": 2, "estimated_size_bytes": 2}
    with counted() as calls:
        await nstore.add(tx, store, "a", "b", "c")
        await nstore.remove(tx, store, "a", "b", "c")
        await nstore.get(tx, store, "a", "b", "c")
    assert calls == {"set": 3, "clear": 3, "get": 1}


# ---- plans ------------------------------------------------------------------------------------------------------


async def order(place: Place, store: NStore, *patterns: Any, **options: Any) -> list[int]:
    tx = found.make_transaction(place.db)
    steps = await nstore.explain(tx, store, *patterns, **options)
    return [step.pattern for step in steps]


async def test_the_pattern_with_most_items_known_comes_first(place: Place) -> None:
    store = await people(place)
    anything = (var("x"), var("p"), var("y"))
    named = (var("x"), "name", var("n"))
    who = (var("x"), "born", 1980)
    assert await order(place, store, anything, named, who) == [2, 1, 0]
    assert await order(place, store, anything, named, who, reorder=False) == [0, 1, 2]
    rows = await queried(place, store, anything, named, who)
    assert {row["x"] for row in rows} == {"bob"}
    unordered = await queried(place, store, anything, named, who, reorder=False)
    assert sorted(rows, key=str) == sorted(unordered, key=str)


async def test_equals_keep_their_order_and_those_that_share_nothing_wait(place: Place) -> None:
    store = await people(place)
    knows = (var("x"), "knows", var("y"))
    other = (var("a"), "knows", var("b"))
    named = (var("y"), "name", var("n"))
    assert await order(place, store, knows, named) == [0, 1]
    assert await order(place, store, named, knows) == [0, 1]
    assert await order(place, store, knows, other, named) == [0, 2, 1]


async def test_estimates_decide_between_equals_of_other_sizes(memory: found.Database) -> None:
    # Of so few rows a cluster, which samples, has no estimate.
    place = Place(memory)
    store = make(place)
    await fill(place, store, [(n, "many", "x" * 100) for n in range(1000)] + [(7, "few", "y")])
    many, few = (var("x"), "many", var("y")), (var("x"), "few", var("z"))
    tx = found.make_transaction(place.db)
    with counted() as calls:
        steps = await nstore.explain(tx, store, many, few)
    assert calls == {"estimated_size_bytes": 2}
    assert [step.pattern for step in steps] == [1, 0]
    assert steps[0].estimate is not None
    assert steps[1].estimate is not None
    assert steps[1].estimate > 100_000 > steps[0].estimate
    assert await order(place, store, few, many) == [0, 1]
    assert await queried(place, store, many, few) == [{"x": 7, "z": "y", "y": "x" * 100}]


async def test_explain_tells_how_each_pattern_is_looked_up(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    steps = await nstore.explain(
        tx,
        store,
        (nstore.prefix("x", "a"), "knows", var("y")),
        (var("y"), "born", nstore.between("year", 1970, 1990)),
        (var("y"), "name", "Bob"),
        no(var("x"), "name", var("any")),
        seed={"unrelated": 1},
    )
    assert steps == [
        nstore.Step(2, "range", (1, 2, 0), (1, 2), None, False, None),
        nstore.Step(0, "range", (1, 2, 0), (1, 2), "x", False, None),
        nstore.Step(3, "no range", (0, 1, 2), (0, 1), None, False, None),
        nstore.Step(1, "range", (0, 1, 2), (0, 1), "year", False, None),
    ]


# ---- what is asked of variables ---------------------------------------------------------------------------------


async def numbers(place: Place) -> NStore:
    store = make(place, 2)
    items = [None, b"b", "ab", "abc", "b", ("n", 1), ("n", 2), -5, 0, 7, 8, 9, 10, 7.5, True]
    await fill(place, store, [("x", item) for item in items] + [(item, "y") for item in items])
    return store


async def found_by(place: Place, store: NStore, variable: Any) -> list[Any]:
    """What a variable takes where it is scanned; the same must be found where it is filtered."""
    pushed = [one["v"] for one in await queried(place, store, ("x", variable))]
    tx = found.make_transaction(place.db)
    (step,) = await nstore.explain(tx, store, ("x", variable))
    assert step.pushed == "v"
    # The seed makes both places known, so that nothing is scanned.
    for item in pushed:
        assert await queried(place, store, ("x", variable), seed={"v": item})
    filtered = await queried(place, store, ("x", var("v")), (variable, "y"))
    assert sorted(map(repr, (one["v"] for one in filtered))) == sorted(map(repr, pushed))
    return pushed


async def test_between_takes_a_half_open_range_in_the_order_of_keys(place: Place) -> None:
    store = await numbers(place)
    assert await found_by(place, store, nstore.between("v", 7, 10)) == [7, 8, 9]
    assert await found_by(place, store, nstore.between(var("v"), ..., 0)) == [
        None,
        b"b",
        "ab",
        "abc",
        "b",
        ("n", 1),
        ("n", 2),
        -5,
    ]
    assert await found_by(place, store, nstore.between("v", 9, ...)) == [9, 10, 7.5, True]
    assert await found_by(place, store, nstore.between("v", 7.0, 8.0)) == [7.5]
    assert await found_by(place, store, nstore.between("v", 8, 8)) == []
    assert await found_by(place, store, nstore.between("v", 9, 7)) == []


async def test_prefix_takes_strings_bytes_and_tuples(place: Place) -> None:
    store = await numbers(place)
    assert await found_by(place, store, nstore.prefix("v", "ab")) == ["ab", "abc"]
    assert await found_by(place, store, nstore.prefix("v", "")) == ["ab", "abc", "b"]
    assert await found_by(place, store, nstore.prefix("v", b"")) == [b"b"]
    assert await found_by(place, store, nstore.prefix("v", ("n",))) == [("n", 1), ("n", 2)]
    both = nstore.between(nstore.prefix("v", "a"), "ab", "abc")
    assert await found_by(place, store, both) == ["ab"]


async def test_a_prefix_with_a_nul_takes_what_begins_with_it_and_nothing_else(place: Place) -> None:
    store = make(place, 2)
    items = ["a", "a\x00", "a\x00b", "a\x00\x00", "a\x01", "ab", "b"]
    await fill(place, store, [("x", item) for item in items])
    for start in ("a", "a\x00", "a\x00\x00", ""):
        got = await queried(place, store, ("x", nstore.prefix("v", start)))
        assert [one["v"] for one in got] == sorted(i for i in items if i.startswith(start))


async def test_what_is_asked_of_a_column_that_does_not_come_next_is_filtered(place: Place) -> None:
    store = make(place)
    rows = [(a, "p", c) for a in range(5) for c in range(5)]
    await fill(place, store, rows)
    tx = found.make_transaction(place.db)
    asked = (0, var("p"), nstore.between("c", 1, 3))
    (step,) = await nstore.explain(tx, store, asked)
    assert (step.pushed, step.filtered) == (None, True)
    assert [one["c"] for one in await queried(place, store, asked)] == [1, 2]
    two = (nstore.between("a", 2, 4), "p", nstore.between("c", 1, 3))
    got = {(one["a"], one["c"]) for one in await queried(place, store, two)}
    assert got == {(2, 1), (2, 2), (3, 1), (3, 2)}


async def test_what_is_asked_of_one_place_of_a_variable_is_asked_of_all(place: Place) -> None:
    store = make(place, 2)
    await fill(place, store, [(n, n) for n in range(10)] + [(n, n + 1) for n in range(10)])
    asked = (nstore.between("n", 3, ...), nstore.between("n", ..., 5))
    assert await queried(place, store, asked) == [{"n": 3}, {"n": 4}]
    even = nstore.satisfying("n", lambda n: n % 2 == 0)
    assert await queried(place, store, (even, nstore.between("n", 1, 6))) == [{"n": 2}, {"n": 4}]
    assert await queried(place, store, (even, even), limit=1) == [{"n": 0}]


async def test_only_the_range_that_is_asked_for_is_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(place, 2)
    await fill(place, store, [("x", n) for n in range(100)])
    ranges = []
    query = found.query
    with monkeypatch.context() as patch:
        patch.setattr(
            found, "query", lambda tx, a, b, **k: ranges.append((a, b)) or query(tx, a, b, **k)
        )
        await queried(place, store, ("x", nstore.between("v", 10, 20)))
        await queried(place, store, ("x", var("v")))
    head = found.pack(("x",), store.heads[0])
    # The next prefix as an end would take "x\x00" in.
    assert ranges == [
        (head + found.pack((10,)), head + found.pack((20,))),
        (head, head + b"\xff"),
    ]


def test_what_is_asked_wrongly_is_told_at_the_call() -> None:
    with pytest.raises(NStoreException, match="low is <object"):
        nstore.between("x", object(), 1)
    with pytest.raises(TypeError, match="start must be a str, bytes or a tuple, not int"):
        nstore.prefix("x", 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="variable must be a str"):
        nstore.between(1, 2, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="check must be a function"):
        nstore.satisfying("x", 3)  # type: ignore[arg-type]


# ---- no ---------------------------------------------------------------------------------------------------------


async def test_no_leaves_out_what_a_tuple_matches(place: Place) -> None:
    store = await people(place)
    named = (var("x"), "name", var("n"))
    childless = await queried(place, store, named, no(var("x"), "knows", var("anybody")))
    assert childless == [{"x": "dan", "n": "Dan"}]
    not_bob = await queried(place, store, named, no(var("x"), "knows", "bob"))
    assert [one["x"] for one in not_bob] == ["bob", "cid", "dan"]
    # Whether it is written first or last, it is asked once its variables are known.
    assert not_bob == await queried(place, store, no(var("x"), "knows", "bob"), named)
    assert await queried(place, store, no("ann", "knows", var("y"))) == []
    assert await queried(place, store, no("dan", "knows", var("y"))) == [{}]


async def test_no_with_a_filter_looks_on_until_a_row_passes(place: Place) -> None:
    store = make(place)
    rows = [(n, "has", m) for n in range(2) for m in range(300)] + [(0, "is", 0), (1, "is", 1)]
    await fill(place, store, [*rows, (1, "has", 1000)])
    late = nstore.satisfying("m", lambda m: m >= 1000)
    got = await queried(place, store, (var("n"), "is", var("i")), no(var("n"), "has", late))
    assert got == [{"n": 0, "i": 0}]
    # What is known of a variable does not pass: no tuple matches, and the binding stays, in its place.
    known = nstore.between("i", 5, ...)
    got = await queried(place, store, (var("n"), "is", var("i")), no(var("n"), "is", known))
    assert got == [{"n": 0, "i": 0}, {"n": 1, "i": 1}]


async def test_no_reads_one_row_for_each_binding(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    with counted() as calls:
        await found.all(
            nstore.query(
                tx,
                store,
                (var("x"), "name", var("n")),
                no(var("x"), "knows", "bob"),
                no(var("x"), "born", var("y")),
            )
        )
    assert calls == {"query": 1 + 3, "get": 4}


# ---- values, distinct, count ------------------------------------------------------------------------------------


async def test_values_are_in_the_bindings_where_they_are_asked_for(place: Place) -> None:
    store = make(place, 2)
    await nstore.load(place.db, store, [(("a", n), b"value %d" % n) for n in range(3)], values=True)
    tx = found.make_transaction(place.db)
    rows = await found.all(nstore.select(tx, store, "a", var("n"), value="v"))
    assert rows == [{"n": n, "v": b"value %d" % n} for n in range(3)]
    assert await found.all(nstore.select(tx, store, "a", 1, value="v")) == [{"v": b"value 1"}]
    joined = await queried(
        place, store, pattern("a", var("n"), value="v"), pattern("a", var("m"), value="v")
    )
    assert [(one["n"], one["m"]) for one in joined] == [(0, 0), (1, 1), (2, 2)]
    known = await queried(place, store, pattern("a", var("n"), value="v"), seed={"v": b"value 2"})
    assert known == [{"v": b"value 2", "n": 2}]
    late = pattern("a", var("n"), value=nstore.between("v", b"value 1", ...))
    assert [one["n"] for one in await queried(place, store, late)] == [1, 2]
    with pytest.raises(NStoreException, match="'n' is a name for an item and for the value"):
        nstore.select(tx, store, "a", var("n"), value="n")


async def test_distinct_gives_each_projection_once(place: Place) -> None:
    store = make(place)
    await fill(place, store, [(n, "is", n % 3) for n in range(9)] + [(1, "is", 1.0)])
    every = (var("n"), "is", var("m"))
    got = await queried(place, store, every, distinct=["m"])
    assert got == [{"m": 0}, {"m": 1}, {"m": 2}, {"m": 1.0}]
    assert [type(one["m"]) for one in got] == [int, int, int, float]
    assert await queried(place, store, every, distinct=["m"], limit=2) == [{"m": 0}, {"m": 1}]
    assert await queried(place, store, every, distinct=()) == [{}]
    with pytest.raises(NStoreException, match="distinct has 'z', which no pattern gives"):
        await queried(place, store, every, distinct=["z"])
    with pytest.raises(TypeError, match="distinct must be an iterable of names, not str"):
        await queried(place, store, every, distinct="m")


async def test_count_counts_what_a_query_gives(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    knows, named = (var("x"), "knows", var("y")), (var("y"), "name", var("n"))
    assert await nstore.count(tx, store, knows) == 4
    assert await nstore.count(tx, store, knows, named) == 4
    assert await nstore.count(tx, store, knows, distinct=["x"]) == 3
    assert await nstore.count(tx, store, (var("a"), var("b"), var("c"))) == len(PEOPLE)
    assert await nstore.count(tx, store, ("zoe", var("b"), var("c"))) == 0
