"""vnstore: the contract, what its arguments may be, and that nothing wrong is ever half written."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID, uuid4

import histories
import pytest
from stores import Place

import found
from found.ext import nstore, vnstore
from found.ext.vnstore import _match, var


async def test_a_change_is_seen_by_nobody_before_it_is_applied(place: Place) -> None:
    store = histories.make(place)

    async def build(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert isinstance(uid, UUID)
        assert await vnstore.add(tx, store, "u", "name", "Ada") is True
        assert not await vnstore.ask(tx, store, "u", "name", "Ada")
        assert await vnstore.change_get(tx, store, uid) == {
            "uid": uid,
            "type": "change",
            "significance": None,
            "message": None,
        }
        return uid

    uid = await place.run(build)
    assert await histories.alive(place, store) == set()
    significance = await histories.apply(place, store, uid)
    assert await histories.alive(place, store) == {("u", "name", "Ada")}

    async def look(tx: found.Transaction) -> None:
        change = await vnstore.change_get(tx, store, uid)
        assert change is not None
        assert change["significance"] == significance
        assert await vnstore.change_list(tx, store) == [change]
        assert await vnstore.change_get(tx, store, uuid4()) is None
        assert await vnstore.change_changes(tx, store, uid) == [
            {"uid": "u", "key": "name", "value": "Ada", "alive?": True}
        ]
        assert await vnstore.ask(tx, store, "u", "name", "Ada") is True
        assert await vnstore.ask(tx, store, "u", "name", "Eve") is False

    await place.run(look)


async def test_a_change_goes_on_in_another_transaction(place: Place) -> None:
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)

    async def go_on(tx: found.Transaction, value: int) -> None:
        vnstore.change_continue(tx, store, uid)
        await vnstore.add(tx, store, "u", "n", value)

    for value in range(3):
        await place.run(go_on, value)
    await histories.apply(place, store, uid)
    assert await histories.alive(place, store) == {("u", "n", value) for value in range(3)}


async def test_stores_of_one_transaction_have_changes_of_their_own(place: Place) -> None:
    first = vnstore.make("first", (*place.prefix, "first"), ["item"])
    second = vnstore.make("second", [*place.prefix, "second"], ("item",))

    async def body(tx: found.Transaction) -> None:
        one = await vnstore.change_create(tx, first)
        two = await vnstore.change_create(tx, second)
        await vnstore.add(tx, first, 1)
        await vnstore.add(tx, second, 2)
        assert [c["item"] for c in await vnstore.change_changes(tx, first, one)] == [1]
        assert [c["item"] for c in await vnstore.change_changes(tx, second, two)] == [2]

    await place.run(body)


async def test_the_last_word_of_a_change_on_a_tuple_counts(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[("u", "n", 1)])

    async def body(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert await vnstore.remove(tx, store, "u", "n", 1) is True
        assert await vnstore.remove(tx, store, "u", "n", 1) is False
        await vnstore.add(tx, store, "u", "n", 1)
        await vnstore.add(tx, store, "u", "n", 2)
        assert await vnstore.remove(tx, store, "u", "n", 2) is True
        assert await vnstore.remove(tx, store, "u", "n", 3) is False
        assert await vnstore.change_size(tx, store, uid) == (1, 1, True)
        return uid

    await histories.apply(place, store, await place.run(body))
    assert await histories.alive(place, store) == {("u", "n", 1)}


async def test_a_tuple_comes_once_whatever_its_history(place: Place) -> None:
    store = histories.make(place)
    items = ("u", "n", 1)
    for _ in range(3):
        await histories.commit(place, store, add=[items])
        await histories.commit(place, store, add=[items])
        await histories.commit(place, store, remove=[items])
    await histories.commit(place, store, add=[items])
    await histories.propose(place, store, remove=[items])

    async def body(tx: found.Transaction) -> None:
        # Each index of the store: the rows of a tuple are side by side in some, and not in others.
        for pattern in (
            (var("u"), var("k"), var("v")),
            ("u", var("k"), var("v")),
            (var("u"), "n", var("v")),
            (var("u"), var("k"), 1),
            ("u", "n", var("v")),
            ("u", var("k"), 1),
            (var("u"), "n", 1),
            items,
        ):
            assert len(await found.all(vnstore.select(tx, store, *pattern))) == 1
            assert await vnstore.count(tx, store, pattern) == 1
            assert len(await found.all(vnstore.select(tx, store, *pattern, limit=9))) == 1

    await place.run(body)


async def test_items_that_are_equal_in_python_are_different_tuples(place: Place) -> None:
    store = vnstore.make("types", place.prefix, ("a", "b"))
    items: list[Any] = [1, 1.0, True, found.SingleFloat(1.0), (1,), [1.0], 0.0, -0.0, None, b"", ""]
    pairs = [(x, y) for x in items for y in items]
    await histories.commit(place, store, add=pairs)

    async def body(tx: found.Transaction) -> None:
        assert await vnstore.count(tx, store, (var("a"), var("b"))) == len(pairs)
        for item in items:
            for pattern in ((item, var("x")), (var("x"), item)):
                assert await vnstore.count(tx, store, pattern) == len(items)
        same = await found.all(vnstore.select(tx, store, var("x"), var("x")))
        assert len(same) == len(items)

    await place.run(body)


async def test_a_nul_in_an_item_does_not_make_it_a_sibling_of_another(place: Place) -> None:
    store = histories.make(place)
    await histories.commit(place, store, add=[("a", "k", 1), ("a\0b", "k", 1), (b"a", "k", 1)])

    async def body(tx: found.Transaction) -> None:
        rows = await found.all(vnstore.select(tx, store, "a", var("k"), var("v")))
        assert rows == [{"k": "k", "v": 1}]

    await place.run(body)


async def test_predicates_choose_what_they_say(place: Place) -> None:
    store = histories.make(place)
    tuples = [(f"u{n}", key, n) for n in range(20) for key in ("age", "rank")]
    await histories.commit(place, store, add=tuples)

    async def body(tx: found.Transaction) -> None:
        wanted = (var("u"), "age", vnstore.between("n", 5, 8))
        for results in (
            vnstore.select(tx, store, *wanted),
            vnstore.query(tx, store, wanted),
            vnstore.select(tx, store, *wanted, limit=5),
        ):
            assert [row["n"] for row in await found.all(results)] == [5, 6, 7]
        page = await vnstore.page(tx, store, wanted, limit=2)
        assert [row["n"] for row in page.bindings] == [5, 6]
        page = await vnstore.page(tx, store, wanted, limit=2, continuation=page.continuation)
        assert [row["n"] for row in page.bindings] == [7]
        assert page.continuation is None
        assert await vnstore.count(tx, store, (vnstore.prefix("u", "u1"), "age", var("n"))) == 11
        odd = vnstore.satisfying("n", lambda n: n % 2)
        assert await vnstore.count(tx, store, ("u3", var("k"), odd)) == 2
        assert await vnstore.count(tx, store, ("u4", var("k"), odd)) == 0
        # What is known already is held against it too.
        seed = {"n": 4}
        assert await found.all(vnstore.select(tx, store, *wanted, seed=seed)) == []
        assert await vnstore.count(tx, store, (var("u"), "age", vnstore.between("n", 8, 5))) == 0

    await place.run(body)


async def test_joins_keep_the_order_of_a_nested_loop(place: Place) -> None:
    store = histories.make(place)
    people = 150
    tuples: list[Any] = [
        (n, "knows", (n * 7 + k) % people) for n in range(people) for k in range(3)
    ]
    tuples += [(n, "name", f"n{n}") for n in range(people)]
    await histories.commit(place, store, add=tuples)
    expected = [
        (a, b, f"n{b}")
        for a in range(people)
        for b in sorted((a * 7 + k) % people for k in range(3))
    ]

    async def body(tx: found.Transaction) -> None:
        a, b, name = var("a"), var("b"), var("name")
        rows = await found.all(vnstore.query(tx, store, (a, "knows", b), [b, "name", name]))
        assert sorted((row["a"], row["b"], row["name"]) for row in rows) == expected
        seeds = vnstore.select(tx, store, a, "knows", b)
        rows = [row async for row in await vnstore.where(tx, store, seeds, b, "name", name)]
        assert sorted((row["a"], row["b"], row["name"]) for row in rows) == expected
        each: list[tuple[Any, ...]] = []
        for one in range(people):
            inner = vnstore.query(tx, store, (one, "knows", b), (b, "name", name))
            async for row in await inner:
                each.append((one, row["b"], row["name"]))
        assert each == expected

    await place.run(body)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_pages_of_rows_that_cut_the_rows_of_a_tuple(
    memory: found.Database, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    place = Place(memory)
    store = histories.make(place)
    state: set[Any] = set()
    for number in range(40):
        items = ("uv"[number % 2], "kl"[number % 3 == 0], number % 5)
        if items in state:
            await histories.commit(place, store, remove=[items])
        else:
            await histories.commit(place, store, add=[items])
        state ^= {items}
    patterns = [
        (u, k, v)
        for u in ("u", var("u"))
        for k in ("k", var("k"))
        for v in (3, var("v"), vnstore.between("v", 1, 4))
    ]

    async def body(tx: found.Transaction) -> list[Any]:
        return [
            await found.all(vnstore.query(tx, store, pattern, *more, limit=limit))
            for pattern in patterns
            for more in ((), ((var("u"), "k", var("w")),))
            for limit in (0, 2)
        ]

    whole = await place.run(body, snapshot=True)
    assert any(whole)
    assert await histories.alive(place, store) == state
    for name in ("CHUNK", "COMPLETE", "FEW", "JOINED"):
        monkeypatch.setattr(_match, name, size)
    assert await place.run(body, snapshot=True) == whole
    assert await histories.alive(place, store) == state


async def test_more_rows_than_are_held_at_once(memory: found.Database) -> None:
    """Of a pattern, of a change, and of the inner scans of a join."""
    place = Place(memory)
    store = histories.make(place)
    tuples = [(n % 3, "n", n) for n in range(6_000)]

    async def write(tx: found.Transaction, uid: UUID, some: list[Any], alive: bool) -> None:
        vnstore.change_continue(tx, store, uid)
        for items in some:
            await (vnstore.add if alive else vnstore.remove)(tx, store, *items)

    for alive in (True, False):
        uid = await place.run(vnstore.change_create, store)
        for first in range(0, 6_000, 1_000):
            some = tuples[first : first + 1_000]
            await place.run(write, uid, some if alive else some[::2], alive)
        await histories.apply(place, store, uid)
    left = {items for items in tuples if items[2] % 2}
    assert await histories.alive(place, store) == left

    async def body(tx: found.Transaction) -> None:
        rows = await found.all(vnstore.select(tx, store, var("u"), "n", var("v")))
        assert {(row["u"], "n", row["v"]) for row in rows} == left
        assert await vnstore.count(tx, store, (1, "n", var("v"))) == 1_000
        pairs = await vnstore.count(tx, store, (1, "n", 7), (var("u"), "n", var("v")))
        assert pairs == 3_000
        page = await vnstore.page(tx, store, (var("u"), "n", var("v")), limit=1_500)
        more = await vnstore.page(
            tx, store, (var("u"), "n", var("v")), limit=1_500, continuation=page.continuation
        )
        assert page.bindings + more.bindings == rows
        assert more.continuation is None
        size = await vnstore.change_size(tx, store, uid, limit=3_000)
        assert size == (0, 3_000, True)
        assert await vnstore.change_size(tx, store, uid, limit=2_999) == (0, 2_999, False)
        assert len(await vnstore.change_changes(tx, store, uid)) == 3_000

    await place.run(body, snapshot=True)


async def test_applying_again_tells_and_does_nothing(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    store = histories.make(place)
    uid = await histories.propose(place, store, add=[("u", "n", 1)])
    significance = await histories.apply(place, store, uid)
    rows = await place.rows()
    with caplog.at_level(logging.WARNING, "found"):
        assert await histories.apply(place, store, uid) == significance
    assert str(uid) in caplog.text
    assert await place.rows() == rows


async def test_an_applied_change_is_closed(place: Place) -> None:
    store = histories.make(place)
    uid = await histories.propose(place, store, add=[("u", "n", 1)])
    await histories.apply(place, store, uid)
    rows = await place.rows()

    async def body(tx: found.Transaction) -> None:
        vnstore.change_continue(tx, store, uid)
        for operation in (
            vnstore.add(tx, store, "u", "n", 2),
            vnstore.remove(tx, store, "u", "n", 1),
            vnstore.change_message(tx, store, uid, "too late"),
            vnstore.change_abandon(tx, store, uid),
        ):
            with pytest.raises(vnstore.VNStoreException, match="applied"):
                await operation

    await place.run(body)
    assert await place.rows() == rows


async def test_a_change_that_is_not_there(place: Place) -> None:
    store = histories.make(place)
    uid = uuid4()

    async def body(tx: found.Transaction) -> None:
        vnstore.change_continue(tx, store, uid)
        for operation in (
            vnstore.add(tx, store, "u", "n", 2),
            vnstore.remove(tx, store, "u", "n", 1),
            vnstore.change_message(tx, store, uid, "hello"),
            vnstore.change_annotate(tx, store, uid, {}),
            vnstore.change_apply(tx, store, uid),
            vnstore.change_conflicts(tx, store, uid),
            vnstore.change_diff(tx, store, uid),
            vnstore.change_revert(tx, store, uid),
            vnstore.ask(tx, store, "u", "n", 2, change=uid),
            found.all(vnstore.select(tx, store, "u", "n", var("v"), change=uid)),
            vnstore.page(tx, store, ("u", "n", var("v")), change=uid),
        ):
            with pytest.raises(vnstore.VNStoreException, match=str(uid)):
                await operation
        assert await vnstore.change_get(tx, store, uid) is None
        assert await vnstore.change_describe(tx, store, uid) is None
        assert await vnstore.change_changes(tx, store, uid) == []
        assert await vnstore.change_abandon(tx, store, uid) is True
        # Reading goes on, whatever change is active.
        assert await vnstore.ask(tx, store, "u", "n", 2) is False

    await place.run(body)
    assert await place.rows() == {}


async def test_without_an_active_change_nothing_is_written(place: Place) -> None:
    store = histories.make(place)

    async def body(tx: found.Transaction) -> None:
        for operation in (
            vnstore.add(tx, store, "u", "n", 2),
            vnstore.remove(tx, store, "u", "n", 1),
        ):
            with pytest.raises(vnstore.VNStoreException, match="no change of test is active"):
                await operation

    await place.run(body)
    assert await place.rows() == {}


async def test_what_no_key_can_hold_is_refused_before_the_first_write(place: Place) -> None:
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)
    rows = await place.rows()
    wrong: list[tuple[Any, ...]] = [
        (),
        ("u", "n"),
        ("u", "n", 1, 2),
        ("u", "n", object()),
        ("u", "n", var("v")),
        ("u", "n", found.Versionstamp()),
        ("u", "n", {"a": 1}),
        ("u", "n", 1 << 2050),
        ("u", "n", "x" * 9_990),
        ("u", "n", "\ud800"),
    ]

    async def body(tx: found.Transaction) -> None:
        vnstore.change_continue(tx, store, uid)
        for items in wrong:
            for act in (vnstore.add, vnstore.remove, vnstore.ask, vnstore.tuple_history):
                with pytest.raises(vnstore.VNStoreException, match="test"):
                    await act(tx, store, *items)
        for items in [*wrong[:4], *wrong[5:8], wrong[9]]:
            with pytest.raises(vnstore.VNStoreException, match="test"):
                vnstore.select(tx, store, *items)
            with pytest.raises(vnstore.VNStoreException, match="test"):
                vnstore.query(tx, store, items)
        # Nothing can match what is too long for a key.
        assert await found.all(vnstore.select(tx, store, "u", var("k"), "x" * 9_990)) == []

    await place.run(body)
    # The patterns that were read are remembered, and nothing else.
    reads = {key: value for key, value in (await place.rows()).items() if key not in rows}
    assert all(key.startswith((store.reads, store.bases)) for key in reads)


async def test_the_longest_tuple_is_stored_read_and_removed(place: Place) -> None:
    store = histories.make(place)
    room = found.pack((*place.prefix, "tuples", 9, "u", "n", "", uuid4(), True))
    longest = "x" * (10_000 - len(room))
    await histories.commit(place, store, add=[("u", "n", longest)])

    async def body(tx: found.Transaction) -> UUID:
        uid = await vnstore.change_create(tx, store)
        assert await found.all(vnstore.select(tx, store, var("u"), "n", longest)) == [{"u": "u"}]
        assert await vnstore.ask(tx, store, "u", "n", longest)
        assert await vnstore.remove(tx, store, "u", "n", longest)
        with pytest.raises(vnstore.VNStoreException, match="10,001"):
            await vnstore.add(tx, store, "u", "n", longest + "x")
        return uid

    await histories.apply(place, store, await place.run(body))
    assert await histories.alive(place, store) == set()


def test_what_make_takes() -> None:
    store = vnstore.make("s", ["a", 1], ["uid", "key"])
    assert (store.prefix, store.items, store.n) == (("a", 1), ("uid", "key"), 2)
    assert store == vnstore.make("s", ("a", 1), ("uid", "key"))
    assert len({store, vnstore.make("s", ("a", 1), ("uid", "key"))}) == 1
    assert repr(store) == "vnstore.make('s', ('a', 1), ('uid', 'key'))"
    wrong: list[tuple[Any, Any, Any, type[Exception], str]] = [
        (1, ("a",), ("uid",), TypeError, "name"),
        ("s", "a", ("uid",), TypeError, "prefix"),
        ("s", b"a", ("uid",), TypeError, "prefix"),
        ("s", (object(),), ("uid",), TypeError, "object"),
        ("s", ("a",), "uid", TypeError, "items"),
        ("s", ("a",), (1,), TypeError, "items"),
        ("s", ("a",), (), ValueError, "items"),
        ("s", ("a",), tuple("abcdefghijk"), ValueError, "items"),
        ("s", ("a",), ("uid", "uid"), ValueError, "items"),
        ("s", ("a",), ("uid", "alive?"), ValueError, "items"),
    ]
    for name, prefix, items, exception, about in wrong:
        with pytest.raises(exception, match=about):
            vnstore.make(name, prefix, items)


async def test_wrong_arguments_are_named(place: Place) -> None:
    store = histories.make(place)
    anything: Any = None

    async def body(tx: found.Transaction) -> None:
        uid = await vnstore.change_create(tx, store)
        for operation, about in (
            (lambda: vnstore.change_create(tx, anything), "vnstore"),
            (lambda: vnstore.change_create(place.db, store), "tx"),  # type: ignore[arg-type]
            (lambda: vnstore.add(place.db, store, 1, 2, 3), "tx"),  # type: ignore[arg-type]
            (lambda: vnstore.change_create(tx, nstore.make("n", ("n",), 2)), "vnstore"),  # type: ignore[arg-type]
            (lambda: vnstore.change_create(tx, store, message=1), "message"),  # type: ignore[arg-type]
            (lambda: vnstore.change_create(tx, store, metadata=[1]), "metadata"),  # type: ignore[arg-type]
            (lambda: vnstore.change_create(tx, store, metadata={1: 1}), "metadata"),  # type: ignore[dict-item]
            (lambda: vnstore.change_message(tx, store, uid, b"x"), "message"),  # type: ignore[arg-type]
            (lambda: vnstore.change_get(tx, store, str(uid)), "changeid"),  # type: ignore[arg-type]
            (lambda: vnstore.change_apply(tx, store, anything), "changeid"),
            (lambda: vnstore.ask(tx, store, 1, 2, 3, as_of=12), "as_of"),  # type: ignore[arg-type]
            (lambda: vnstore.ask(tx, store, 1, 2, 3, change=12), "change"),  # type: ignore[arg-type]
            (lambda: vnstore.diff(tx, store, anything), "before"),
            (lambda: vnstore.restore(tx, store, anything), "point"),
            (lambda: vnstore.change_size(tx, store, uid, limit="x"), "limit"),  # type: ignore[arg-type]
            (lambda: vnstore.page(tx, store, (1, 2, 3), continuation="x"), "continuation"),  # type: ignore[arg-type]
            (lambda: vnstore.page(tx, store, "abc"), "pattern"),
            (lambda: vnstore.page(tx, store, nstore.no(1, 2, 3)), "pattern"),
            (lambda: vnstore.history(tx, store, continuation=1), "continuation"),  # type: ignore[arg-type]
        ):
            with pytest.raises(TypeError, match=about):
                await operation()
        with pytest.raises(TypeError, match="changeid"):
            vnstore.change_continue(tx, store, anything)
        for refused, about in (
            (lambda: vnstore.history(tx, store, limit=0), "limit"),
            (lambda: vnstore.history(tx, store, state="closed"), "state"),
            (lambda: vnstore.page(tx, store, (1, 2, 3), limit=-1), "limit"),
        ):
            with pytest.raises(ValueError, match=about):
                await refused()
        with pytest.raises(ValueError, match="limit"):
            vnstore.select(tx, store, 1, 2, 3, limit=-1)
        for too_much in ("x" * 10_000, "\0" * 5_000):
            with pytest.raises(vnstore.VNStoreException, match="10,000"):
                await vnstore.change_message(tx, store, uid, too_much)
        with pytest.raises(vnstore.VNStoreException, match="metadata 'a'"):
            await vnstore.change_annotate(tx, store, uid, {"a": b"x" * 100_001})
        with pytest.raises(vnstore.VNStoreException, match="metadata 'a'"):
            await vnstore.change_annotate(tx, store, uid, {"a": object()})

    await place.run(body)


@pytest.mark.parametrize(
    "continuation",
    [b"", b"x", b"\x01", found.pack((b"",)), found.pack((b"\xff" * 40,)), found.pack((b"a", b"b"))],
)
async def test_a_continuation_of_something_else_is_refused(
    memory: found.Database, continuation: bytes
) -> None:
    place = Place(memory)
    store = histories.make(place)
    significance = await histories.commit(place, store, add=[("u", "n", n) for n in range(9)])

    async def body(tx: found.Transaction) -> None:
        (change,) = (await vnstore.history(tx, store)).changes
        for pattern in ((var("u"), "n", var("v")), ("u", var("k"), var("v"))):
            with pytest.raises(vnstore.VNStoreException, match="continuation"):
                await vnstore.page(tx, store, pattern, continuation=continuation)
        with pytest.raises(vnstore.VNStoreException, match="continuation"):
            await vnstore.diff(tx, store, significance, continuation=continuation)
        with pytest.raises(vnstore.VNStoreException, match="continuation"):
            await vnstore.history(tx, store, continuation=b"\x27" + continuation)
        # It is a place in the change, or past its end.
        try:
            diff = await vnstore.change_diff(tx, store, change.uid, continuation=continuation)
        except vnstore.VNStoreException as error:
            assert "continuation" in str(error)
        else:
            assert len(diff.edits) in (0, 9)

    await place.run(body, snapshot=True)


async def test_many_tuples_are_one_change(place: Place) -> None:
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)
    heard: list[int] = []
    rows = [[f"u{n}", "n", "x" * 40] for n in range(500)]
    assert await vnstore.load(place.db, store, uid, rows, progress=heard.append) == 500
    assert len(heard) > 1
    assert heard == sorted(heard)
    assert heard[-1] == 500
    assert await histories.alive(place, store) == set()
    # Once more, as after a crash.
    assert await vnstore.load(place.db, store, uid, iter(rows)) == 500
    await histories.apply(place, store, uid)
    assert await histories.alive(place, store) == {tuple(row) for row in rows}
    with pytest.raises(vnstore.VNStoreException, match="applied"):
        await vnstore.load(place.db, store, uid, rows)


@pytest.mark.parametrize("wrong", ["row", ("u", "n"), ("u", "n", object())])
async def test_a_row_that_is_wrong_is_named(memory: found.Database, wrong: Any) -> None:
    place = Place(memory)
    store = histories.make(place)
    uid = await place.run(vnstore.change_create, store)
    rows = [*((f"u{n}", "n", n) for n in range(300)), wrong]
    with pytest.raises(vnstore.VNStoreException, match="row 300"):
        await vnstore.load(place.db, store, uid, rows)
    with pytest.raises(vnstore.VNStoreException, match="no change"):
        await vnstore.load(place.db, store, uuid4(), rows[:300])
