"""Random stores and queries, against a plain list of tuples that is searched by nested loops.

The model shares no code with the store but the packing of items, by which it tells 1 from 1.0 and True.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Optional

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

import found
from found.ext import nstore
from found.ext.nstore import Pattern, Variable, var

EXAMPLES = int(os.environ.get("FOUND_TEST_EXAMPLES", "50"))
"""Random stores and queries; thousands on request."""

# Few items, of which some are equal in Python, or begin as others do, so that patterns meet.
items: st.SearchStrategy[Any] = st.sampled_from(["", "a", "a\x00", "ab", 0, 1, 1.0, True, None])
names = st.sampled_from("xyz")
bounds = st.one_of(st.just(...), items)


def variables() -> st.SearchStrategy[Variable]:
    plain = st.builds(var, names)
    within = st.builds(nstore.between, plain, bounds, bounds)
    begun = st.builds(nstore.prefix, plain, st.sampled_from(["", "a", "a\x00"]))
    checked = st.builds(nstore.satisfying, plain, st.just(lambda item: item not in ("a", None)))
    return st.one_of(plain, plain, plain, within, begun, checked)


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[Any], list[Pattern], dict[str, Any]]:
    n = draw(st.integers(1, 4))
    row = st.tuples(*[items] * n)
    rows = draw(st.lists(row, max_size=12))
    place = st.one_of(items, variables(), variables())
    pattern = st.builds(lambda places: nstore.pattern(*places), st.tuples(*[place] * n))
    negation = st.builds(lambda places: nstore.no(*places), st.tuples(*[place] * n))
    patterns = draw(st.lists(st.one_of(pattern, pattern, negation), min_size=1, max_size=3))
    seed = draw(st.dictionaries(st.sampled_from(["x", "y", "unused"]), items, max_size=2))
    return n, rows, patterns, seed


def same(one: Any, other: Any) -> bool:
    return found.pack((one,)) == found.pack((other,))


def extended(
    binding: dict[str, Any], pattern: Pattern, row: tuple[Any, ...]
) -> Optional[dict[str, Any]]:
    """The binding with what a row says of a pattern, or None if it does not match."""
    result = dict(binding)
    for place, item in zip(pattern.items, row):
        if not isinstance(place, Variable):
            if not same(place, item):
                return None
            continue
        if place.name in result and not same(result[place.name], item):
            return None
        if not place.low <= found.pack((item,)) < place.high:
            return None
        if not all(check(item) for check in place.checks):
            return None
        result[place.name] = item
    return result


def searched(
    rows: list[Any], patterns: list[Pattern], seed: dict[str, Any]
) -> list[dict[str, Any]]:
    unique = {found.pack(row): row for row in rows}.values()
    bindings = [dict(seed)]
    for pattern in patterns:
        if not pattern.negated:
            tried = [extended(one, pattern, row) for one in bindings for row in unique]
            bindings = [one for one in tried if one is not None]
    for pattern in patterns:
        if pattern.negated:
            bindings = [
                one
                for one in bindings
                if all(extended(one, pattern, row) is None for row in unique)
            ]
    return bindings


def packed(bindings: list[dict[str, Any]]) -> list[bytes]:
    return sorted(found.pack(tuple(sorted(one.items()))) for one in bindings)


async def check(n: int, rows: list[Any], patterns: list[Pattern], seed: dict[str, Any]) -> None:
    store = nstore.make("test", ("p",), n)
    async with await found.open("memory:") as db:
        await nstore.load(db, store, rows)
        tx = found.make_transaction(db)
        expected = packed(searched(rows, patterns, seed))
        for reorder in (True, False):
            whole = await found.all(nstore.query(tx, store, *patterns, seed=seed, reorder=reorder))
            assert packed(whole) == expected
            after = None
            paged: list[dict[str, Any]] = []
            while True:
                page = nstore.query(
                    tx, store, *patterns, seed=seed, limit=2, after=after, reorder=reorder
                )
                paged += await found.all(page)
                after = page.continuation
                if after is None:
                    break
            assert paged == whole
        assert await nstore.count(tx, store, *patterns, seed=seed) == len(expected)
        chosen = sorted({name for one in patterns if not one.negated for name in one.names()})[:1]
        distinct = await found.all(nstore.query(tx, store, *patterns, seed=seed, distinct=chosen))
        projected = [{name: one[name] for name in chosen} for one in searched(rows, patterns, seed)]
        assert packed(distinct) == sorted(set(packed(projected)))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_a_query_finds_what_nested_loops_over_a_list_find(
    case: tuple[int, list[Any], list[Pattern], dict[str, Any]],
) -> None:
    asyncio.run(check(*case))


changes = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "remove"]),
        st.tuples(items, items, items),
        st.binary(max_size=2),
    ),
    max_size=30,
)


async def change(changes: list[tuple[str, tuple[Any, ...], bytes]]) -> None:
    store = nstore.make("test", ("p",), 3)
    model: dict[bytes, tuple[tuple[Any, ...], bytes]] = {}
    async with await found.open("memory:") as db:
        for kind, row, value in changes:
            tx = found.make_transaction(db)
            if kind == "add":
                await nstore.add(tx, store, *row, value=value)
                model[found.pack(row)] = row, value
            else:
                await nstore.remove(tx, store, *row)
                model.pop(found.pack(row), None)
            await found.commit(tx)
        assert (await nstore.fsck(db, store)).problems == 0
        tx = found.make_transaction(db)
        got = await found.all(nstore.select(tx, store, var("a"), var("b"), var("c"), value="v"))
        rows = {found.pack((one["a"], one["b"], one["c"])): one["v"] for one in got}
        assert rows == {key: value for key, (_, value) in model.items()}
        assert len(got) == len(model)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(changes)
def test_after_any_changes_the_indexes_hold_what_a_dictionary_holds(
    changes: list[tuple[str, tuple[Any, ...], bytes]],
) -> None:
    asyncio.run(change(changes))
