"""vnstore against a plain model of history: whatever is added, removed, read, applied and reverted, in any order."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any, ClassVar, Optional
from uuid import UUID

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from plain_history import Items, PlainChange, PlainStore, Var, key

import found
from found.ext import vnstore

# Few tuples, so that changes meet; items that are equal in Python and different in keys, and one that begins another.
firsts = st.sampled_from(["a", "a\0b"])
seconds = st.sampled_from(["k", 1])
thirds = st.sampled_from([0, 0.0, False, None])
tuples = st.tuples(firsts, seconds, thirds)
some_writes = st.lists(st.tuples(tuples, st.booleans()), min_size=1, max_size=8)


def place(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(items, st.sampled_from([Var("x"), Var("y"), Var("z")]))


patterns = st.tuples(place(firsts), place(seconds), place(thirds))
numbers = st.integers(0, 7)


def ours(pattern: Items) -> Items:
    return tuple(vnstore.var(item.name) if isinstance(item, Var) else item for item in pattern)


def bag(bindings: Any) -> Counter[Any]:
    return Counter(
        tuple(sorted((name, *key((item,))) for name, item in one.items())) for one in bindings
    )


class Histories(RuleBasedStateMachine):
    outcomes: ClassVar[Counter[str]] = Counter()

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.db = self.loop.run_until_complete(found.open("memory:"))
        self.store = vnstore.make("model", ("model",), ("uid", "key", "value"))
        self.tx = found.make_transaction(self.db)
        self.plain = PlainStore()
        self.active: Optional[PlainChange] = None
        self.points: list[UUID] = []

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.commit()
            report = self.wait(vnstore.fsck(self.db, self.store))
            assert report.problems == 0, report
            self.loop.run_until_complete(found.close(self.db))
            self.loop.close()

    def wait(self, awaitable: Any) -> Any:
        async def waiting() -> Any:
            return await awaitable

        return self.loop.run_until_complete(waiting())

    def all(self, results: Any) -> list[dict[str, Any]]:
        return self.wait(found.all(results))

    # What has happened so far: which changes there are, and which points of history.

    def an_open(self, number: int) -> Optional[PlainChange]:
        changes = list(self.plain.open.values())
        return changes[number % len(changes)] if changes else None

    def an_applied(self, number: int) -> Optional[PlainChange]:
        history = self.plain.history
        return history[number % len(history)] if history else None

    def a_point(self, number: int) -> tuple[UUID, int]:
        until = number % (len(self.plain.history) + 1)
        return (self.points[until - 1] if until else vnstore.BEGINNING), until

    def read(self, *read: Items) -> None:
        """The active change is built on what it reads."""
        if self.active is not None and self.active.uid in self.plain.open:
            for pattern in read:
                self.plain.read(self.active, pattern)

    # What can happen.

    @rule()
    def commit(self) -> None:
        self.wait(found.commit(self.tx))
        self.tx = found.make_transaction(self.db)
        self.active = None

    @rule(message=st.sampled_from([None, "", "because"]), author=st.sampled_from(["Ada", "Bo"]))
    def create(self, message: Optional[str], author: str) -> None:
        metadata = {"author": author}
        uid = self.wait(
            vnstore.change_create(self.tx, self.store, message=message, metadata=metadata)
        )
        self.active = self.plain.open[uid] = PlainChange(uid, message, metadata)

    @rule(number=numbers)
    def go_on(self, number: int) -> None:
        change = self.an_open(number)
        if change is not None:
            vnstore.change_continue(self.tx, self.store, change.uid)
            self.active = change

    @rule(number=numbers, message=st.sampled_from([None, "otherwise"]))
    def describe(self, number: int, message: Optional[str]) -> None:
        change = self.an_open(number)
        if change is not None:
            self.wait(vnstore.change_message(self.tx, self.store, change.uid, message))
            self.wait(vnstore.change_annotate(self.tx, self.store, change.uid, {"n": number}))
            change.message = message
            change.metadata = {**change.metadata, "n": number}

    @rule(items=tuples)
    def write_to_no_change(self, items: Items) -> None:
        if self.active is None or self.active.uid not in self.plain.open:
            for act in (vnstore.add, vnstore.remove):
                with pytest.raises(vnstore.VNStoreException):
                    self.wait(act(self.tx, self.store, *items))

    @rule(number=numbers, writes=some_writes)
    def write(self, number: int, writes: list[tuple[Items, bool]]) -> None:
        if len(self.plain.open) <= number % 4:
            self.create(None, "Ada")
        if self.active is None or self.active.uid not in self.plain.open:
            self.go_on(number)
        assert self.active is not None
        for items, alive in writes:
            there = key(items) in self.plain.alive(None, self.active)
            if alive:
                assert self.wait(vnstore.add(self.tx, self.store, *items)) is True
                self.plain.write(self.active, items, True)
                continue
            assert self.wait(vnstore.remove(self.tx, self.store, *items)) is there
            self.outcomes[f"removed {there}"] += 1
            if there:
                self.plain.write(self.active, items, False)
            else:
                self.read(items)

    @rule(number=numbers, force=st.booleans())
    def apply(self, number: int, force: bool) -> None:
        change = self.an_open(number)
        if change is None:
            return
        expected = self.plain.conflicts(change)
        told = self.wait(vnstore.change_conflicts(self.tx, self.store, change.uid))
        assert {(key(one.items), one.how, one.changeid) for one in told} == expected
        if expected and not force:
            self.outcomes["refused"] += 1
            with pytest.raises(vnstore.ConflictException) as refusal:
                self.wait(vnstore.change_apply(self.tx, self.store, change.uid))
            assert repr(told[0].items) in str(refusal.value)
            return
        self.outcomes["forced" if expected else "applied"] += 1
        point = self.wait(vnstore.change_apply(self.tx, self.store, change.uid, force=force))
        assert all(point > other for other in self.points)
        del self.plain.open[change.uid]
        self.plain.history.append(change)
        self.points.append(point)

    @rule(
        first=some_writes,
        second=some_writes,
        read=st.lists(patterns, max_size=1),
        force=st.booleans(),
    )
    def race(
        self,
        first: list[tuple[Items, bool]],
        second: list[tuple[Items, bool]],
        read: list[Items],
        force: bool,
    ) -> None:
        """Two changes are built on the same moment, and applied one after the other."""
        uids: list[Any] = []
        for writes, asked in ((first, []), (second, read)):
            self.create(None, "Ada")
            assert self.active is not None
            uids.append(self.active.uid)
            for pattern in asked:
                self.select(pattern, 0)
            self.write(0, writes)
        for uid in uids:
            self.apply(list(self.plain.open).index(uid), force)

    @rule(number=numbers)
    def apply_again(self, number: int) -> None:
        change = self.an_applied(number)
        if change is not None:
            again = self.wait(vnstore.change_apply(self.tx, self.store, change.uid))
            assert again == self.points[self.plain.history.index(change)]

    @rule(number=numbers)
    def abandon(self, number: int) -> None:
        change = self.an_open(number)
        if change is not None:
            while not self.wait(vnstore.change_abandon(self.tx, self.store, change.uid, limit=2)):
                pass
            del self.plain.open[change.uid]
            if self.active is change:
                self.active = None

    @rule(number=numbers)
    def revert(self, number: int) -> None:
        change = self.an_applied(number)
        if change is None:
            return
        at = self.plain.history.index(change)
        was = self.plain.alive(at)
        uid = self.wait(vnstore.change_revert(self.tx, self.store, change.uid))
        new = PlainChange(uid, ..., {"reverts": change.uid})  # type: ignore[arg-type]
        for where, (items, is_alive) in change.said.items():
            if (where in was) != is_alive:
                new.said[where] = (items, where in was)
                new.bases[where] = at + 1
        self.active = self.plain.open[uid] = new

    @rule(number=numbers)
    def restore(self, number: int) -> None:
        point, until = self.a_point(number)
        uid = self.wait(vnstore.restore(self.tx, self.store, point))
        new = PlainChange(uid, ..., {"restores": point})  # type: ignore[arg-type]
        self.active = self.plain.open[uid] = new
        everything = {**self.plain.alive(), **self.plain.alive(until)}
        for where, alive in self.plain.difference(len(self.plain.history), until).items():
            self.plain.write(new, everything[where], alive)

    # What there is to see.

    @rule(items=tuples, number=numbers)
    def ask(self, items: Items, number: int) -> None:
        point, until = self.a_point(number)
        past = self.wait(vnstore.ask(self.tx, self.store, *items, as_of=point))
        assert past is (key(items) in self.plain.alive(until))
        assert self.wait(vnstore.ask(self.tx, self.store, *items)) is (
            key(items) in self.plain.alive()
        )
        self.read(items)

    @rule(pattern=patterns, number=numbers)
    def select(self, pattern: Items, number: int) -> None:
        assert bag(self.all(vnstore.select(self.tx, self.store, *ours(pattern)))) == bag(
            self.plain.select([pattern])
        )
        self.read(pattern)
        point, until = self.a_point(number)
        past = vnstore.select(self.tx, self.store, *ours(pattern), as_of=point)
        assert bag(self.all(past)) == bag(self.plain.select([pattern], until))
        change = self.an_open(number)
        if change is not None:
            preview = vnstore.select(
                self.tx, self.store, *ours(pattern), change=change.uid, snapshot=True
            )
            assert bag(self.all(preview)) == bag(self.plain.select([pattern], None, change))

    @rule(first=patterns, second=patterns, number=numbers, limit=st.integers(1, 3))
    def query(self, first: Items, second: Items, number: int, limit: int) -> None:
        point, until = self.a_point(number)
        for wanted in ([first], [first, second]):
            asked = [ours(pattern) for pattern in wanted]
            whole = self.all(vnstore.query(self.tx, self.store, *asked, as_of=point))
            assert bag(whole) == bag(self.plain.select(wanted, until))
            few = self.all(vnstore.query(self.tx, self.store, *asked, as_of=point, limit=limit))
            assert few == whole[:limit]
            pages: list[dict[str, Any]] = []
            continuation = None
            while True:
                page = self.wait(
                    vnstore.page(
                        self.tx,
                        self.store,
                        *asked,
                        as_of=point,
                        limit=limit,
                        continuation=continuation,
                    )
                )
                pages += page.bindings
                continuation = page.continuation
                if continuation is None:
                    break
                assert len(page.bindings) == limit
            assert pages == whole

    @rule(items=tuples)
    def tuple_history(self, items: Items) -> None:
        events = self.wait(vnstore.tuple_history(self.tx, self.store, *items))
        changes = [*self.plain.open.values(), *self.plain.history]
        assert {(event.change.uid, event.alive) for event in events} == {
            (change.uid, change.said[key(items)][1])
            for change in changes
            if key(items) in change.said
        }
        applied = [event.change.uid for event in events if event.change.significance is not None]
        order = [change.uid for change in self.plain.history if change.uid in applied]
        assert applied == order[::-1]

    @rule(before=numbers, after=numbers, limit=st.integers(1, 4))
    def diff(self, before: int, after: int, limit: int) -> None:
        first, first_until = self.a_point(before)
        second, second_until = self.a_point(after)
        edits: list[vnstore.Edit] = []
        continuation = None
        while True:
            some = self.wait(
                vnstore.diff(
                    self.tx, self.store, first, second, limit=limit, continuation=continuation
                )
            )
            edits += some.edits
            continuation = some.continuation
            if continuation is None:
                break
        told = {key(edit.items): edit.alive for edit in edits}
        assert len(told) == len(edits)
        assert told == self.plain.difference(first_until, second_until)

    @rule(number=numbers)
    def look_at_a_change(self, number: int) -> None:
        for change in (self.an_open(number), self.an_applied(number)):
            if change is None:
                continue
            until = self.plain.history.index(change) if change in self.plain.history else None
            before = self.plain.alive(until)
            diff = self.wait(vnstore.change_diff(self.tx, self.store, change.uid))
            assert {(key(edit.items), edit.alive, edit.was) for edit in diff.edits} == {
                (at, alive, at in before) for at, (_, alive) in change.said.items()
            }
            for edit in diff.edits:
                replaced = {
                    at
                    for at, items in before.items()
                    if edit.alive
                    and key(items)[:2] == key(edit.items)[:2]
                    and at != key(edit.items)
                }
                assert {key(items) for items in edit.replaces} == replaced
            size = self.wait(vnstore.change_size(self.tx, self.store, change.uid))
            added = sum(alive for _, alive in change.said.values())
            assert size == (added, len(change.said) - added, True)
            said = self.wait(vnstore.change_changes(self.tx, self.store, change.uid))
            assert len(said) == len(change.said)

    @rule(limit=st.integers(1, 3))
    def history(self, limit: int) -> None:
        seen: list[vnstore.Change] = []
        continuation = None
        while True:
            page = self.wait(
                vnstore.history(self.tx, self.store, limit=limit, continuation=continuation)
            )
            seen += page.changes
            continuation = page.continuation
            if continuation is None:
                break
        opened = [change for change in seen if change.state == "open"]
        assert seen[: len(opened)] == opened
        assert {change.uid for change in opened} == set(self.plain.open)
        assert [change.uid for change in seen[len(opened) :]] == [
            change.uid for change in self.plain.history[::-1]
        ]
        for change in seen:
            plain = self.plain.open.get(change.uid) or next(
                one for one in self.plain.history if one.uid == change.uid
            )
            assert plain.message in (..., change.message)
            assert change.metadata == plain.metadata
        listed = self.wait(vnstore.change_list(self.tx, self.store))
        assert [one["uid"] for one in listed] == sorted(change.uid for change in seen)


THOROUGH = settings(
    max_examples=int(os.environ.get("FOUND_MODEL_EXAMPLES", "40")),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_any_history_is_that_of_the_plain_model() -> None:
    Histories.outcomes.clear()
    run_state_machine_as_test(Histories, settings=THOROUGH)
    # A machine in which nobody met anybody would have shown nothing.
    for outcome in ("applied", "refused", "forced", "removed True", "removed False"):
        assert Histories.outcomes[outcome], Histories.outcomes
