"""Several transactions at once, against a plain model that says what each reads and which of them conflicts.

The model shares no code with the engine: a database is a dictionary for each commit, a transaction a list of what
it wrote and a list of the ranges it has read. The rules are those of FoundationDB's ReadYourWrites.actor.cpp
(addConflictRange, updateConflictMap) and Atomic.h.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar, Optional

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

import found

END = b"\xff"
Range = tuple[bytes, bytes]

# Few keys, of which some are prefixes of others, so that transactions meet.
keys = st.sampled_from([bytes(key, "ascii") for key in ("a", "aa", "b", "ba", "c")])
values = st.binary(min_size=1, max_size=3)
snapshots = st.booleans()

# Transactions that are open at once, and one more for writes that nobody expects.
slots = st.integers(0, 2)
NOBODY = -1


def after(key: bytes) -> bytes:
    return key + b"\x00"


def without(ranges: list[Range], hole: Range) -> list[Range]:
    """The parts of ranges that are not in the hole."""
    begin, end = hole
    pieces = []
    for first, last in ranges:
        pieces += [(first, min(last, begin)), (max(first, end), last)]
    return [(first, last) for first, last in pieces if first < last]


def add(old: Optional[bytes], operand: bytes) -> bytes:
    """A sum of the operand's length; a missing value is the operand (Atomic.h, doLittleEndianAdd)."""
    if not old:
        return operand
    bits = 8 * len(operand)
    cut = int.from_bytes(old[: len(operand)], "little")
    return ((cut + int.from_bytes(operand, "little")) % (1 << bits)).to_bytes(
        len(operand), "little"
    )


def byte_max(old: Optional[bytes], operand: bytes) -> bytes:
    return operand if old is None else max(old, operand)


ATOMIC = {"add": add, "byte_max": byte_max}


@dataclass
class Model:
    """What a transaction should see and do."""

    snapshot: dict[bytes, bytes]
    started: int
    writes: list[tuple[Any, ...]] = field(default_factory=list)
    reads: list[Range] = field(default_factory=list)
    written: list[Range] = field(default_factory=list)

    def state(self, base: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """The base with what was written so far."""
        state = dict(base)
        for kind, *arguments in self.writes:
            if kind == "set":
                state[arguments[0]] = arguments[1]
            elif kind == "clear":
                for key in [key for key in state if arguments[0] <= key < arguments[1]]:
                    del state[key]
            else:
                state[arguments[0]] = ATOMIC[kind](state.get(arguments[0]), arguments[1])
        return state

    def known(self) -> list[Range]:
        """Ranges whose content does not depend on the database: set or cleared, whatever came after."""
        known: list[Range] = []
        for kind, *arguments in self.writes:
            if kind == "set":
                known.append((arguments[0], after(arguments[0])))
            elif kind == "clear":
                known.append((arguments[0], arguments[1]))
        return known

    def has_read(self, begin: bytes, end: bytes) -> None:
        """Add a read conflict range, less what this transaction knows by itself."""
        ranges = [(begin, end)] if begin < end else []
        for hole in self.known():
            ranges = without(ranges, hole)
        self.reads += ranges

    def resolve(self, key: bytes, or_equal: bool, offset: int) -> bytes:
        """The key a selector stands for (documentation of fdb_transaction_get_key)."""
        ordered = sorted(self.state(self.snapshot))
        last = sum(one < key or (or_equal and one == key) for one in ordered) - 1
        index = last + offset
        if index < 0:
            return b""
        return ordered[index] if index < len(ordered) else END


Open = tuple[found.Transaction, Model]


class Transactions(RuleBasedStateMachine):
    outcomes: ClassVar[Counter[str]] = Counter()

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.db = self.loop.run_until_complete(found.open("memory:"))
        self.latest: dict[bytes, bytes] = {}
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

        return self.loop.run_until_complete(wait())

    def begun(self, slot: int) -> Open:
        """The transaction of a slot, which begins now if there is none."""
        if slot not in self.open:
            tx = found.make_transaction(self.db)
            self.run(found.read_version(tx))
            self.open[slot] = (tx, Model(dict(self.latest), len(self.commits)))
        return self.open[slot]

    @rule(slot=slots, key=keys, snapshot=snapshots)
    def get(self, slot: int, key: bytes, snapshot: bool) -> None:
        tx, model = self.begun(slot)
        assert self.run(found.get(tx, key, snapshot=snapshot)) == model.state(model.snapshot).get(
            key
        )
        if not snapshot:
            model.has_read(key, after(key))

    @rule(
        slot=slots,
        key=keys,
        other=keys,
        limit=st.integers(0, 3),
        reverse=st.booleans(),
        snapshot=snapshots,
    )
    def query(
        self,
        slot: int,
        key: bytes,
        other: bytes,
        limit: int,
        reverse: bool,
        snapshot: bool,
    ) -> None:
        tx, model = self.begun(slot)
        key, other = sorted((key, other))
        state = model.state(model.snapshot)
        expected = sorted((k, v) for k, v in state.items() if key <= k < other)
        if reverse:
            expected.reverse()
        more = 0 < limit <= len(expected)
        if limit:
            expected = expected[:limit]
        query = found.query(tx, key, other, limit=limit, reverse=reverse, snapshot=snapshot)
        assert self.run(found.all(query)) == expected
        if not snapshot:
            begin, end = key, other
            if more and reverse:
                begin = expected[-1][0]
            elif more:
                end = after(expected[-1][0])
            model.has_read(begin, end)

    @rule(
        slot=slots,
        key=keys,
        or_equal=st.booleans(),
        offset=st.integers(-2, 3),
        snapshot=snapshots,
    )
    def get_key(
        self,
        slot: int,
        key: bytes,
        or_equal: bool,
        offset: int,
        snapshot: bool,
    ) -> None:
        tx, model = self.begun(slot)
        expected = model.resolve(key, or_equal, offset)
        selector = found.KeySelector(key, or_equal, offset)
        assert self.run(found.get_key(tx, selector, snapshot=snapshot)) == expected
        if not snapshot:
            edge = after(key) if or_equal else key
            if offset <= 0:
                model.has_read(expected, edge)
            else:
                model.has_read(edge, min(after(expected), END))

    @rule(slot=slots, key=keys, value=values)
    def set(self, slot: int, key: bytes, value: bytes) -> None:
        tx, model = self.begun(slot)
        found.set(tx, key, value)
        model.writes.append(("set", key, value))
        model.written.append((key, after(key)))

    @rule(slot=slots, key=keys, value=values, operation=st.sampled_from(sorted(ATOMIC)))
    def atomic(self, slot: int, key: bytes, value: bytes, operation: str) -> None:
        tx, model = self.begun(slot)
        getattr(found, operation)(tx, key, value)
        model.writes.append((operation, key, value))
        model.written.append((key, after(key)))

    @rule(slot=slots, key=keys)
    def clear(self, slot: int, key: bytes) -> None:
        tx, model = self.begun(slot)
        found.clear(tx, key)
        model.writes.append(("clear", key, after(key)))
        model.written.append((key, after(key)))

    @rule(slot=slots, key=keys, other=keys)
    def clear_range(self, slot: int, key: bytes, other: bytes) -> None:
        tx, model = self.begun(slot)
        key, other = sorted((key, other))
        found.clear(tx, key, other)
        if key < other:
            model.writes.append(("clear", key, other))
            model.written.append((key, other))

    @rule(slot=slots, key=keys, other=keys, written=st.booleans())
    def add_conflict_range(self, slot: int, key: bytes, other: bytes, written: bool) -> None:
        tx, model = self.begun(slot)
        key, other = sorted((key, other))
        kind = found.CONFLICT_RANGE_TYPE_WRITE if written else found.CONFLICT_RANGE_TYPE_READ
        found.add_conflict_range(tx, key, other, kind)
        if key < other:
            if written:
                model.written.append((key, other))
            else:
                model.has_read(key, other)

    @rule(slot=slots, key=keys, value=values)
    def commit(self, slot: int, key: bytes, value: bytes) -> None:
        self.set(slot, key, value)
        self.end(self.open.pop(slot))

    @rule(slot=slots)
    def commit_as_it_is(self, slot: int) -> None:
        self.begun(slot)
        self.end(self.open.pop(slot))

    def end(self, one: Open) -> None:
        tx, model = one
        changed = [range for commit in self.commits[model.started :] for range in commit]
        conflicts = bool(model.written) and any(
            begin < until and since < end for begin, end in model.reads for since, until in changed
        )
        try:
            self.run(found.commit(tx))
        except found.FoundException as error:
            assert error.code == 1020
            self.outcomes["refused"] += 1
            assert conflicts, f"refused, though nothing changed of {model.reads}"
            return
        self.outcomes["committed"] += 1
        assert not conflicts, f"committed, though {model.reads} had changed: {changed}"
        self.latest = model.state(self.latest)
        if model.written:
            self.commits.append(model.written)

    @rule(key=keys, other=keys, value=values, cleared=st.booleans())
    def interfere(self, key: bytes, other: bytes, value: bytes, cleared: bool) -> None:
        """Somebody else writes and commits, blindly."""
        if cleared:
            self.clear_range(NOBODY, key, other)
        else:
            self.set(NOBODY, key, value)
        self.end(self.open.pop(NOBODY))

    @rule()
    def everything(self) -> None:
        tx = found.make_transaction(self.db)
        rows = self.run(found.all(found.query(tx, b"", END)))
        assert rows == sorted(self.latest.items())


THOROUGH = settings(
    max_examples=300,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_transactions_read_and_conflict_as_the_model_says() -> None:
    Transactions.outcomes.clear()
    run_state_machine_as_test(Transactions, settings=THOROUGH)
    # A machine in which nobody met anybody would have shown nothing.
    assert Transactions.outcomes["refused"] > 50, Transactions.outcomes
    assert Transactions.outcomes["committed"] > 50, Transactions.outcomes
