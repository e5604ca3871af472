"""Random changes to an eavstore and searches of it, against a dictionary of dictionaries.

The model shares no code with the store but the packing of values, by which it tells 1 from 1.0 and True.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, Optional

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

import found
from found.ext import eavstore
from found.ext.eavstore import Condition

EXAMPLES = int(os.environ.get("FOUND_TEST_EXAMPLES", "50"))
"""Random histories; thousands on request."""

# Few, some of which are equal in Python or begin as others do.
uids = st.sampled_from(["a", "a\x00", 1, 1.0])
keys = st.sampled_from(["k", "k\x00", 1, True])
values: st.SearchStrategy[Any] = st.sampled_from(["", "a", "a\x00", "ab", 0, 1, 1.0, True, None])
pairs = st.lists(st.tuples(keys, values), max_size=4)

changes = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["create", "update", "patch"]), uids, pairs),
        st.tuples(st.just("remove"), uids, st.just([])),
        st.tuples(st.just("without"), uids, pairs),
    ),
    max_size=12,
)
bounds = st.one_of(st.just(...), values)
conditions = st.one_of(
    values,
    st.builds(eavstore.between, bounds, bounds),
    st.builds(eavstore.prefix, st.sampled_from(["", "a", "a\x00"])),
    st.builds(eavstore.has),
)
searches = st.tuples(
    st.lists(st.tuples(keys, conditions), min_size=1, max_size=3),
    st.one_of(st.none(), keys),
    st.booleans(),
    st.integers(0, 3),
)

Model = dict[bytes, dict[bytes, bytes]]


def packed(item: Any) -> bytes:
    return found.pack((item,))


def meets(value: Optional[bytes], condition: Any) -> bool:
    if value is None:
        return False
    if isinstance(condition, Condition):
        return condition.low <= value < condition.high
    return value == packed(condition)


def as_dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    # 1 and True are one key of a dictionary: the last one counts, under the name of the first.
    return dict(pairs)


async def change(tx: found.Transaction, store: Any, kind: str, uid: Any, pairs: Any) -> None:
    given = as_dict(pairs)
    if kind == "create":
        await eavstore.create(tx, store, given, uid)
    elif kind == "update":
        await eavstore.update(tx, store, uid, given)
    elif kind == "patch":
        await eavstore.patch(tx, store, uid, given)
    elif kind == "without":
        await eavstore.patch(tx, store, uid, {}, without=list(given))
    else:
        await eavstore.remove(tx, store, uid)


def change_model(model: Model, kind: str, uid: Any, pairs: Any) -> None:
    given = {packed(key): packed(value) for key, value in as_dict(pairs).items()}
    old = model.pop(packed(uid), {})
    if kind == "patch":
        given = {**old, **given}
    elif kind == "without":
        given = {key: value for key, value in old.items() if key not in given}
    if given:
        model[packed(uid)] = given


async def search(db: found.Database, store: Any, model: Model, case: Any) -> None:
    pairs, order, reverse, limit = case
    asked = as_dict(pairs)
    expected = [
        uid
        for uid, held in model.items()
        if all(meets(held.get(packed(key)), condition) for key, condition in asked.items())
        and (order is None or packed(order) in held)
    ]
    if order is not None:
        expected.sort(key=lambda uid: (model[uid][packed(order)], uid), reverse=reverse)
    uids: list[Any] = []
    after = None
    while True:
        tx = found.make_transaction(db)
        page = eavstore.find(
            tx, store, asked, order=order, reverse=reverse, limit=limit, after=after
        )
        uids += await found.all(page)
        after = page.continuation
        if after is None:
            break
    got = list(map(packed, uids))
    assert (got if order is not None else sorted(got)) == (
        expected if order is not None else sorted(expected)
    )


async def check(changes: list[Any], cases: list[Any]) -> None:
    store = eavstore.make("test", ("p",))
    model: Model = {}
    async with await found.open("memory:") as db:
        for kind, uid, pairs in changes:
            await found.transactional(db, change, store, kind, uid, pairs)
            change_model(model, kind, uid, pairs)
        report = await eavstore.fsck(db, store)
        assert (report.problems, report.rows) == (0, 2 * sum(map(len, model.values())))
        tx = found.make_transaction(db)
        for uid in ["a", "a\x00", 1, 1.0]:
            rows = found.query(tx, *found.range((store.prefix_data, uid)))
            skip = len(found.pack((store.prefix_data, uid)))
            held = {key[skip:]: value async for key, value in rows}
            assert held == model.get(packed(uid), {})
        for case in cases:
            await search(db, store, model, case)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes, st.lists(searches, min_size=1, max_size=4))
def test_after_any_changes_a_store_holds_and_finds_what_a_dictionary_does(
    changes: list[Any], cases: list[Any]
) -> None:
    asyncio.run(check(changes, cases))
