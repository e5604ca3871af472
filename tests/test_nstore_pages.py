"""nstore: queries that are limited, and go on in another transaction."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from stores import Place
from tuples import fill, in_pages, make, people, queried

import found
from found.ext import nstore
from found.ext.nstore import NStoreException, no, var


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_query_goes_on_in_another_transaction(place: Place, limit: int) -> None:
    store = await people(place)
    x, y, z = var("x"), var("y"), var("z")
    for patterns in (
        [(x, "knows", y)],
        [(x, "knows", y), (y, "knows", z)],
        [(x, "knows", y), (y, "knows", z), (z, "name", var("n"))],
        [(x, "knows", y), no(y, "knows", "ann"), (y, var("p"), var("o"))],
        [(x, var("p"), y), no(x, "knows", var("w"))],
        [("ann", "knows", "bob"), (x, "name", y), ("bob", "knows", "cid")],
        [("ann", "knows", "bob")],
        [no("dan", "knows", x)],
        [(x, nstore.prefix("p", "k"), nstore.between("y", "b", ...))],
    ):
        whole = await queried(place, store, *patterns)
        assert await in_pages(place, store, *patterns, limit=limit) == whole
        seed = {"x": "ann", "s": 1}
        whole = await queried(place, store, *patterns, seed=seed)
        assert await in_pages(place, store, *patterns, limit=limit, seed=seed) == whole


async def test_a_query_goes_on_after_what_was_given_though_that_has_changed(place: Place) -> None:
    store = make(place)
    await fill(place, store, [(n, "has", m) for n in range(3) for m in range(3)])
    await fill(place, store, [("all", "n", n) for n in range(3)])
    patterns = (("all", "n", var("n")), (var("n"), "has", var("m")))

    async def page(after: Any) -> tuple[list[Any], Any]:
        tx = found.make_transaction(place.db)
        results = nstore.query(tx, store, *patterns, limit=4, after=after)
        return [(one["n"], one["m"]) for one in await found.all(results)], results.continuation

    rows, after = await page(None)
    assert rows == [(0, 0), (0, 1), (0, 2), (1, 0)]
    tx = found.make_transaction(place.db)
    await nstore.remove(tx, store, 1, "has", 0)
    await nstore.remove(tx, store, 1, "has", 1)
    await nstore.add(tx, store, 0, "has", 9)
    await nstore.add(tx, store, 1, "has", 7)
    await found.commit(tx)
    assert (await page(after))[0] == [(1, 2), (1, 7), (2, 0), (2, 1)]
    tx = found.make_transaction(place.db)
    await nstore.remove(tx, store, "all", "n", 1)
    await found.commit(tx)
    rows, after = await page(after)
    assert rows == [(2, 0), (2, 1), (2, 2)]
    assert after is None


async def test_a_continuation_is_for_its_own_query(place: Place) -> None:
    store = await people(place)
    tx = found.make_transaction(place.db)
    results = nstore.select(tx, store, var("x"), "knows", var("y"), limit=1)
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = results.continuation
    await found.all(results)
    after = results.continuation
    assert isinstance(after, bytes)
    stopped = nstore.select(tx, store, var("x"), "knows", var("y"), limit=3)
    await stopped.__anext__()
    await stopped.aclose()
    with pytest.raises(RuntimeError, match="has not ended"):
        _ = stopped.continuation
    with pytest.raises(NStoreException, match="another query"):
        nstore.select(tx, store, var("x"), "name", var("y"), after=after)
    with pytest.raises(NStoreException, match="another query"):
        nstore.select(tx, store, var("x"), "knows", var("y"), after=after, seed={"x": 1})
    with pytest.raises(NStoreException, match="another query"):
        other = nstore.make("test", (*place.prefix, "other"), 3)
        nstore.select(tx, other, var("x"), "knows", var("y"), after=after)
    for broken in (b"", b"\xff", after[:-5], found.pack((1, b"", ()))):
        with pytest.raises(NStoreException):
            nstore.select(tx, store, var("x"), "knows", var("y"), after=broken)
    with pytest.raises(TypeError, match="after must be bytes, not str"):
        nstore.select(tx, store, var("x"), "knows", var("y"), after="x")  # type: ignore[arg-type]
    with pytest.raises(NStoreException, match="beside distinct"):
        nstore.query(tx, store, (var("x"), "knows", var("y")), after=after, distinct=["x"])
    distinct = nstore.query(tx, store, (var("x"), "knows", var("y")), distinct=["x"], limit=1)
    await found.all(distinct)
    with pytest.raises(RuntimeError, match="no continuation"):
        _ = distinct.continuation


async def test_a_limit_that_is_none_is_refused(memory: found.Database) -> None:
    store = nstore.make("test", ("p",), 1)
    tx = found.make_transaction(memory)
    with pytest.raises(ValueError, match="limit must be a number of bindings"):
        nstore.select(tx, store, var("x"), limit=-1)
    for limit in (True, 1.0, "1"):
        with pytest.raises(TypeError, match="limit must be an int"):
            nstore.select(tx, store, var("x"), limit=limit)  # type: ignore[arg-type]


async def test_a_limit_reads_no_more_rows_than_it_needs(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = nstore.make("test", ("p",), 2)
    await nstore.load(memory, store, itertools.product(range(10), range(100)))
    limits = []
    query = found.query
    with monkeypatch.context() as patch:
        patch.setattr(
            found, "query", lambda *a, **k: limits.append(k.get("limit", 0)) or query(*a, **k)
        )
        tx = found.make_transaction(memory)
        await found.all(nstore.select(tx, store, var("x"), var("y"), limit=5))
    assert limits == [5]


async def test_rows_that_are_no_tuples_do_not_count_against_a_limit(place: Place) -> None:
    store = make(place, 2)
    await fill(place, store, [("a", n) for n in range(5)])
    stray = [found.pack(("a",)), found.pack(("a", 1, 2)), found.pack(("a", 1, 3))]
    await place.put({store.heads[0] + key: b"" for key in stray})
    every = ("a", var("n"))
    assert await queried(place, store, every, limit=3) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert await in_pages(place, store, every, limit=2) == [{"n": n} for n in range(5)]
    await place.put({store.heads[0] + found.pack(("b", -1, 0)): b""})
    await fill(place, store, [("b", 1)])
    assert await queried(place, store, every, no("b", var("m"))) == []
