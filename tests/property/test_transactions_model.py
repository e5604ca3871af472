"""Several transactions at once, against a plain model that says what each reads and which of them conflicts."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import Any, Callable, ClassVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from plain_transactions import (
    ATOMIC,
    END,
    Atomic,
    Clear,
    Plain,
    Range,
    Selector,
    Set,
    StampedKey,
    StampedValue,
    Unreadable,
    meet,
)

import found

# Few keys, of which some are prefixes of others, so that transactions meet.
keys = st.sampled_from([bytes(key, "ascii") for key in ("a", "aa", "b", "ba", "c")])
values = st.binary(min_size=0, max_size=3)
snapshots = st.booleans()
selectors = st.builds(
    Selector,
    keys,
    st.booleans(),
    st.one_of(st.just(1), st.integers(-3, 4)),
)

# Transactions that are open at once, and one more for writes that nobody expects.
slots = st.integers(0, 2)
NOBODY = -1

Open = tuple[found.Transaction, Plain]


class Transactions(RuleBasedStateMachine):
    outcomes: ClassVar[Counter[str]] = Counter()

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.db = self.loop.run_until_complete(found.open("memory:"))
        self.began = time.monotonic()
        self.latest: dict[bytes, bytes] = {}
        self.stamp = bytes(10)
        self.commits: list[list[Range]] = []
        self.open: dict[int, Open] = {}

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.run_until_complete(found.close(self.db))
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()

    def run(self, operation: Any) -> Any:
        async def wait() -> Any:
            return await operation

        try:
            return self.loop.run_until_complete(wait())
        except found.FoundException as error:
            # On a machine that stood still a transaction may have become too old.
            assume(error.code != 1007 or time.monotonic() - self.began < 5)
            raise

    def begun(self, slot: int) -> Open:
        """The transaction of a slot, which begins now if there is none."""
        if slot not in self.open:
            tx = found.make_transaction(self.db)
            version = self.run(found.read_version(tx))
            self.open[slot] = (tx, Plain(dict(self.latest), version, len(self.commits)))
        return self.open[slot]

    def agree(self, operation: Any, predict: Callable[[], Any]) -> None:
        """A read gives what the model says: a value, or error 1036."""
        try:
            expected = predict()
        except Unreadable:
            self.outcomes["unreadable"] += 1
            expected = Unreadable
        try:
            got = self.run(operation)
        except found.FoundException as error:
            assert error.code == 1036
            got = Unreadable
        assert got == expected

    @rule(slot=slots, key=keys, snapshot=snapshots)
    def get(self, slot: int, key: bytes, snapshot: bool) -> None:
        tx, plain = self.begun(slot)
        self.agree(found.get(tx, key, snapshot=snapshot), lambda: plain.get(key, snapshot))

    @rule(
        slot=slots,
        begin=selectors,
        end=selectors,
        limit=st.integers(0, 3),
        reverse=st.booleans(),
        snapshot=snapshots,
    )
    def query(
        self,
        slot: int,
        begin: Selector,
        end: Selector,
        limit: int,
        reverse: bool,
        snapshot: bool,
    ) -> None:
        tx, plain = self.begun(slot)
        ends = (found.KeySelector(*begin), found.KeySelector(*end))
        query = found.query(tx, *ends, limit=limit, reverse=reverse, snapshot=snapshot)
        self.agree(found.all(query), lambda: plain.query(begin, end, limit, reverse, snapshot))

    @rule(slot=slots, selector=selectors, snapshot=snapshots)
    def get_key(self, slot: int, selector: Selector, snapshot: bool) -> None:
        tx, plain = self.begun(slot)
        operation = found.get_key(tx, found.KeySelector(*selector), snapshot=snapshot)
        self.agree(operation, lambda: plain.get_key(selector, snapshot))

    @rule(slot=slots, key=keys, value=values)
    def set(self, slot: int, key: bytes, value: bytes) -> None:
        tx, plain = self.begun(slot)
        found.set(tx, key, value)
        plain.write(Set(key, value))

    @rule(slot=slots, key=keys, value=values, operation=st.sampled_from(sorted(ATOMIC)))
    def atomic(self, slot: int, key: bytes, value: bytes, operation: str) -> None:
        tx, plain = self.begun(slot)
        getattr(found, operation)(tx, key, value)
        plain.write(Atomic(key, operation, value))

    @rule(slot=slots, key=keys, value=values)
    def set_versionstamped_value(self, slot: int, key: bytes, value: bytes) -> None:
        tx, plain = self.begun(slot)
        found.set_versionstamped_value(tx, key, bytes(10) + value + bytes(4))
        plain.write(StampedValue(key, value))

    @rule(slot=slots, prefix=keys, suffix=st.sampled_from([b"", b"\x01"]), value=values)
    def set_versionstamped_key(self, slot: int, prefix: bytes, suffix: bytes, value: bytes) -> None:
        tx, plain = self.begun(slot)
        place = len(prefix).to_bytes(4, "little")
        found.set_versionstamped_key(tx, prefix + bytes(10) + suffix + place, value)
        plain.write(StampedKey(prefix, suffix, value, plain.version))

    @rule(slot=slots, key=keys)
    def clear(self, slot: int, key: bytes) -> None:
        tx, plain = self.begun(slot)
        found.clear(tx, key)
        plain.write(Clear(key, key + b"\x00"))

    @rule(slot=slots, key=keys, other=keys)
    def clear_range(self, slot: int, key: bytes, other: bytes) -> None:
        tx, plain = self.begun(slot)
        key, other = sorted((key, other))
        found.clear(tx, key, other)
        if key < other:
            plain.write(Clear(key, other))
        else:
            plain.quiet = False

    @rule(slot=slots)
    def next_write_conflicts_with_nobody(self, slot: int) -> None:
        tx, plain = self.begun(slot)
        found.set_option(tx, found.TransactionOption.NEXT_WRITE_NO_WRITE_CONFLICT_RANGE)
        plain.quiet = True

    @rule(slot=slots, key=keys, other=keys, written=st.booleans())
    def add_conflict_range(self, slot: int, key: bytes, other: bytes, written: bool) -> None:
        tx, plain = self.begun(slot)
        key, other = sorted((key, other))
        kind = found.CONFLICT_RANGE_TYPE_WRITE if written else found.CONFLICT_RANGE_TYPE_READ
        found.add_conflict_range(tx, key, other, kind)
        if not written:
            plain.has_read(key, other)
        elif key < other:
            plain.written.append((key, other))

    @rule(slot=slots, key=keys, value=values)
    def commit(self, slot: int, key: bytes, value: bytes) -> None:
        self.set(slot, key, value)
        self.end(self.open.pop(slot))

    @rule(slot=slots)
    def commit_as_it_is(self, slot: int) -> None:
        self.begun(slot)
        self.end(self.open.pop(slot))

    def end(self, one: Open) -> None:
        tx, plain = one
        is_read_only = not (plain.log or plain.written)
        changed = [range for commit in self.commits[plain.started :] for range in commit]
        conflicts = not is_read_only and any(
            meet(read, write) for read in plain.reads for write in changed
        )
        stamp = found.get_versionstamp(tx)
        try:
            self.run(found.commit(tx))
        except found.FoundException as error:
            assert error.code == (1036 if plain.failed else 1020)
            assert plain.failed or conflicts, f"refused, though nothing changed of {plain.reads}"
            self.outcomes["failed" if plain.failed else "refused"] += 1
            stamp.cancel()
            return
        self.outcomes["committed"] += 1
        assert not plain.failed
        assert not conflicts, f"committed, though {plain.reads} had changed: {changed}"
        version = found.get_committed_version(tx)
        if is_read_only:
            assert version == -1
            try:
                self.run(stamp)
            except found.FoundException as error:
                assert error.code == 2021
            return
        given = self.run(stamp)
        assert given[:8] == version.to_bytes(8, "big")
        assert given > self.stamp
        self.stamp = given
        self.commits.append(plain.commit(self.latest, given))

    @rule(key=keys, other=keys, value=values, cleared=st.booleans())
    def interfere(self, key: bytes, other: bytes, value: bytes, cleared: bool) -> None:
        """Somebody else writes and commits, blindly."""
        if cleared:
            self.clear_range(NOBODY, key, other)
        else:
            self.set(NOBODY, key, value)
        self.end(self.open.pop(NOBODY))

    @rule(
        slot=slots,
        which=st.integers(0, 9),
        value=values,
        edge=st.sampled_from(["in", "last", "out"]),
    )
    def overtake(self, slot: int, which: int, value: bytes, edge: str) -> None:
        """Somebody else writes right at an edge of what a transaction has read."""
        _, plain = self.open.get(slot, (None, None))
        if plain is None or not plain.reads:
            return
        begin, end = plain.reads[which % len(plain.reads)]
        key = begin
        if edge == "last" and end.endswith(b"\x00"):
            key = end[:-1]
        elif edge == "out":
            key = end
        if key >= END:
            return
        self.set(NOBODY, key, value)
        self.end(self.open.pop(NOBODY))

    @rule()
    def everything(self) -> None:
        tx = found.make_transaction(self.db)
        rows = self.run(found.all(found.query(tx, b"", END)))
        assert rows == sorted(self.latest.items())


THOROUGH = settings(
    max_examples=int(os.environ.get("FOUND_MODEL_EXAMPLES", "150")),
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


# A failure is made small, which hypothesis takes five minutes for if it has to.
@pytest.mark.timeout(900)
def test_transactions_read_and_conflict_as_the_model_says() -> None:
    Transactions.outcomes.clear()
    run_state_machine_as_test(Transactions, settings=THOROUGH)
    # A machine in which nobody met anybody would have shown nothing.
    for outcome in ("refused", "committed", "failed", "unreadable"):
        assert Transactions.outcomes[outcome], Transactions.outcomes
