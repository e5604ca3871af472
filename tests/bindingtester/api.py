"""Random programs for the whole API, with the weights of the official `api` test."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional

import found

from .programs import BYTES, KEY, OTHER, Program
from .values import Values

UNSET = b"\xff" * 10
"""The place of a versionstamp before it is known."""

_RETRYABLE = (1007, 1009, 1020, 1021, 1037, 1038, 1039, 1042, 1078, 1213)


class Space:
    """Where a stream keeps what it does, under a name of its own."""

    def __init__(self, name: str) -> None:
        self.root = found.pack((name,))
        self.workspace = self.root + found.pack(("workspace",))
        """Keys and values of which two executions must leave the same."""
        self.stack = self.root + found.pack(("stack",))
        """Where the stack is logged."""
        self.stamped_values = self.root + found.pack(("stamped values",))
        self.stamped_places = self.root + found.pack(("stamped places",))
        self.stamped_keys = self.root + found.pack(("stamped keys",))

    @property
    def stamped(self) -> tuple[bytes, bytes, bytes]:
        return self.stamped_values, self.stamped_places, self.stamped_keys


@dataclass
class _Transaction:
    """What the generator knows of a transaction."""

    can_set_version: bool = True
    can_get_committed_version: bool = False
    can_use_selectors: bool = True


class Api(Program):
    """What the official `api` test draws, and what it leaves to the scripted one."""

    IDEMPOTENT = ("BIT_AND", "BIT_OR", "MAX", "MIN", "BYTE_MIN", "BYTE_MAX")
    ATOMIC = (*IDEMPOTENT, "ADD", "BIT_XOR", "APPEND_IF_FITS", "COMPARE_AND_CLEAR")

    def __init__(
        self,
        draw: random.Random,
        space: Space,
        name: bytes,
        *,
        keys: int,
        names: Sequence[bytes] = (),
        alone: bool = True,
    ) -> None:
        super().__init__()
        self.draw = draw
        self.values = Values(draw)
        self.space = space
        self.keys = keys
        self.name = name
        self.names = names
        self.alone = alone
        self.known_keys: list[tuple[Any, ...]] = []
        self.transactions: dict[bytes, _Transaction] = {}
        self.has_version = False
        self.versionstamps: list[int] = []
        self.operations = self._operations()

    @property
    def tx(self) -> _Transaction:
        return self.transactions.setdefault(self.name, _Transaction())

    def _operations(self) -> list[Callable[[], None]]:
        """One entry for each that the official test chooses among: they are all as likely."""
        reads = (self.get, self.get_key, self.get_range, self.get_starts_with, self.get_selected)
        writes = (
            self.set,
            self.clear,
            self.clear_range,
            self.clear_starts_with,
            self.atomic,
        )

        def each(
            operations: Sequence[Callable[[str], None]], suffix: str
        ) -> list[Callable[[], None]]:
            return [lambda operation=one: operation(suffix) for one in operations]

        drawn: list[Callable[[], None]] = [
            self.new_transaction,
            self.draw_commit,
            *each(reads, ""),
            *each(reads, "_SNAPSHOT"),
            *each(reads, "_DATABASE"),
            *each(writes, ""),
            *each(writes, "_DATABASE"),
            self.versionstamped,
            self.read_version,
            lambda: self.read_version("_SNAPSHOT"),
            self.set_read_version,
            self.committed_version,
            self.approximate_size,
            self.estimated_size,
            self.split_points,
            self.on_error,
            self.reset,
            self.cancel,
            lambda: self.conflict_range("READ_CONFLICT_RANGE"),
            lambda: self.conflict_range("WRITE_CONFLICT_RANGE"),
            lambda: self.conflict_key("READ_CONFLICT_KEY"),
            lambda: self.conflict_key("WRITE_CONFLICT_KEY"),
            self.disable_write_conflict,
            self.tuple_pack,
            self.tuple_unpack,
            self.tuple_range,
            self.tuple_sort,
            self.tuple_pack_with_versionstamp,
            self.sub,
            self.encode_float,
            self.encode_double,
            self.decode_float,
            self.decode_double,
        ]
        drawn += [self.get_versionstamp, self.juggle, lambda: self.get("_TENANT")]
        if self.names:
            # Often enough that two transactions meet, and commit after one another.
            drawn += 6 * [self.use_transaction] + 4 * [self.draw_commit]
        return drawn

    def generate(self, count: int) -> None:
        self.then("NEW_TRANSACTION")
        self.then("GET_READ_VERSION", pushes=[BYTES])
        for number in range(1, self.keys + 1):
            self.key_and_value()
            self.then("SET", pops=2)
            if number % 100 == 0:
                self.commit()
        self.commit()
        for _ in range(count):
            self.draw.choice(self.operations)()
        for name in self.names:
            self.use_transaction(name)
            self.finish_transaction()
        self.finish_transaction()
        self.log_stack(self.space.stack)

    def finish_transaction(self) -> None:
        self.settle()
        self.commit()

    # ---- what the instructions take -------------------------------------------------------------------------

    def key(self) -> bytes:
        """A key of the workspace: a new one, or one that was drawn before, or the begin of such."""
        if self.draw.random() < len(self.known_keys) / max(self.keys, 1):
            known = self.draw.choice(self.known_keys)
            if self.draw.random() < 0.3:
                known = known[: self.draw.randint(0, len(known))]
        else:
            known = self.values.tuple(5)
            self.known_keys.append(known)
        return self.space.workspace + found.pack(known)

    def two_keys(self, longest: int) -> list[bytes]:
        """Two keys in their order, which differ."""
        while True:
            keys = sorted(found.pack(self.values.tuple(longest)) for _ in range(2))
            if keys[0] != keys[1]:
                return [self.space.workspace + key for key in keys]

    def _on_top(self, kinds: Sequence[str]) -> int:
        count = 0
        for entry in reversed(self.stack):
            if entry.kind not in kinds:
                break
            count += 1
        return count

    def need_keys(self, count: int) -> None:
        while self._on_top([KEY]) < count:
            self.push(self.key(), kind=KEY)

    def need_bytes(self, count: int) -> None:
        while self._on_top([KEY, BYTES]) < count:
            self.push(self.values.some_bytes(), kind=BYTES)

    def key_and_value(self) -> None:
        """A key on top of what is to be its value: an answer of before, if there is one."""
        self.need_bytes(1)
        self.push(self.key(), kind=KEY)

    # ---- reads ----------------------------------------------------------------------------------------------

    def _read(self, operation: str, suffix: str, pops: int, kind: str = BYTES) -> None:
        self.then(operation + suffix, pops=pops, pushes=[kind])
        if suffix in ("_DATABASE", "_TENANT"):
            self.wait_for()
        else:
            self.stack[-1].waited_for = False
            self.tx.can_set_version = False

    def get(self, suffix: str) -> None:
        self.need_keys(1)
        self._read("GET", suffix, pops=1)

    def get_key(self, suffix: str) -> None:
        if self._may_select(suffix):
            self.need_keys(1)
            self.push(*self.values.selector_parameters(), self.space.workspace)
            self.raise_to_top(3)
            self._read("GET_KEY", suffix, pops=4)

    def get_range(self, suffix: str) -> None:
        self.need_keys(2)
        parameters = self.values.range_parameters()
        self.push(*parameters)
        self.raise_to_top(4)
        self.raise_to_top(4)
        self._read("GET_RANGE", suffix, pops=5, kind=_kind_of_rows(parameters[0]))

    def get_starts_with(self, suffix: str) -> None:
        self.need_keys(1)
        parameters = self.values.range_parameters()
        self.push(*parameters)
        self.raise_to_top(3)
        kind = _kind_of_rows(parameters[0])
        self._read("GET_RANGE_STARTS_WITH", suffix, pops=4, kind=kind)

    def get_selected(self, suffix: str) -> None:
        if self._may_select(suffix):
            self.need_keys(2)
            parameters = self.values.range_parameters()
            self.push(*self.values.selector_parameters(), *parameters, self.space.workspace)
            self.raise_to_top(6)
            self.push(*self.values.selector_parameters())
            self.raise_to_top(9)
            kind = _kind_of_rows(parameters[0])
            self._read("GET_RANGE_SELECTOR", suffix, pops=10, kind=kind)

    def _may_select(self, suffix: str) -> bool:
        # A selector counts keys, and may meet those that a versionstamp is going to place, or another thread's.
        return self.alone and (suffix == "_DATABASE" or self.tx.can_use_selectors)

    def estimated_size(self) -> None:
        self.push(*self.two_keys(1))
        self.then("GET_ESTIMATED_RANGE_SIZE", pops=2, pushes=[BYTES])

    def split_points(self) -> None:
        self.push(*self.two_keys(1), 10_000_000)
        self.then("GET_RANGE_SPLIT_POINTS", pops=3, pushes=[BYTES])

    # ---- writes ---------------------------------------------------------------------------------------------

    def _write(self, operation: str, suffix: str, pops: int) -> None:
        if not suffix:
            self.then(operation, pops=pops)
            return
        self.then(operation + suffix, pops=pops, pushes=[OTHER])
        self.then("WAIT_FUTURE")

    def _before_write(self, suffix: str) -> None:
        """A write to the database must not come between a read and what is read."""
        if suffix:
            self.settle()
            if not self.names:
                # With one transaction alone it would make every other commit fail.
                self.commit()
                self.begun_anew()

    def set(self, suffix: str) -> None:
        self._before_write(suffix)
        self.key_and_value()
        self._write("SET", suffix, pops=2)

    def clear(self, suffix: str) -> None:
        self._before_write(suffix)
        self.need_keys(1)
        self._write("CLEAR", suffix, pops=1)

    def clear_range(self, suffix: str) -> None:
        self._before_write(suffix)
        self.push(*self.two_keys(5))
        self._write("CLEAR_RANGE", suffix, pops=2)

    def clear_starts_with(self, suffix: str) -> None:
        self._before_write(suffix)
        self.need_keys(1)
        self._write("CLEAR_RANGE_STARTS_WITH", suffix, pops=1)

    def atomic(self, suffix: str) -> None:
        self._before_write(suffix)
        self.key_and_value()
        # The commit of a write to the database may be tried twice.
        self.push(self.draw.choice(self.IDEMPOTENT if suffix else self.ATOMIC))
        self._write("ATOMIC_OP", suffix, pops=3)

    # ---- versionstamps --------------------------------------------------------------------------------------

    def versionstamped(self) -> None:
        """One stamp in three places: what holds it tells whether the others do."""
        name = self.values.bytes(100)
        before = self.values.bytes(self.draw.randint(20, 90))
        if before.endswith(b"\xff"):
            # Or else the place of the stamp could be found a byte too early.
            before += b"\x00"
        after = self.values.bytes(self.draw.randint(0, 70))
        self._stamp(name, before + UNSET + after, len(before))
        self.push(
            "SET_VERSIONSTAMPED_KEY",
            _with_place(self.space.stamped_keys, before + UNSET + after, len(before)),
            name,
        )
        self.then("ATOMIC_OP", pops=3)

    def _stamp(self, name: bytes, template: bytes, place: int) -> None:
        for space, value, at in (
            (self.space.stamped_values, UNSET + template, 0),
            (self.space.stamped_places, template, place),
        ):
            key = space + found.pack((name,))
            self.push("SET_VERSIONSTAMPED_VALUE", key, value + struct.pack("<L", at))
            self.then("ATOMIC_OP", pops=3)
        self.tx.can_use_selectors = False

    def tuple_pack_with_versionstamp(self) -> None:
        items = (self.values.bytes(20), *self.values.tuple(10, incomplete=True))
        prefix = self.space.stamped_keys
        self.push(prefix, len(items), *items)
        incomplete = [place for place, item in enumerate(items) if _is_incomplete(item)]
        packs = len(incomplete) == 1
        self.then(
            "TUPLE_PACK_WITH_VERSIONSTAMP",
            pops=2 + len(items),
            pushes=[BYTES, OTHER] if packs else [BYTES],
        )
        if not packs:
            return
        # What was packed is on top: it is the key.
        name = self.values.bytes(100)
        self.push(name)
        self.raise_to_top(1)
        self.push("SET_VERSIONSTAMPED_KEY")
        self.then("ATOMIC_OP", pops=3)
        template = found.pack_with_versionstamp(items)[:-4]
        place = len(found.pack(items[: incomplete[0]])) + 1
        self._stamp(name, template, place)

    def get_versionstamp(self) -> None:
        """The stamp of a commit that has something to commit, or the error of one that has nothing."""
        self.settle()
        if self.draw.random() < 0.8:
            self.set("")
        self.versionstamps.append(self.then("GET_VERSIONSTAMP", pushes=[OTHER]))
        self.commit()
        self.wait_for(1)
        self.begun_anew()

    # ---- transactions ---------------------------------------------------------------------------------------

    def begun_anew(self, can_get_committed_version: bool = False) -> None:
        self.transactions[self.name] = _Transaction(
            can_get_committed_version=can_get_committed_version
        )

    def new_transaction(self) -> None:
        self.settle()
        self.then("NEW_TRANSACTION")
        self.begun_anew(can_get_committed_version=True)

    def use_transaction(self, name: Optional[bytes] = None) -> None:
        self.settle()
        self.name = self.draw.choice(self.names) if name is None else name
        self.push(self.name)
        self.then("USE_TRANSACTION", pops=1)

    def draw_commit(self) -> None:
        self.settle()
        self.commit()
        self.begun_anew()

    def on_error(self) -> None:
        self.settle()
        retryable = self.draw.random() < 0.2
        code = self.draw.choice(_RETRYABLE) if retryable else self.draw.randint(0, 5_000)
        self.push(code)
        self.then("ON_ERROR", pops=1, pushes=[BYTES])
        self.wait_for()
        self.new_transaction()

    def reset(self) -> None:
        self.settle()
        self.then("RESET")
        self.begun_anew()

    def cancel(self) -> None:
        self.settle()
        self.then("CANCEL")
        self.tx.can_set_version = False

    def read_version(self, suffix: str = "") -> None:
        self.then("GET_READ_VERSION" + suffix, pushes=[BYTES])
        self.has_version = self.has_version or self.tx.can_set_version

    def set_read_version(self) -> None:
        if self.has_version and self.tx.can_set_version:
            self.then("SET_READ_VERSION")
            self.tx.can_set_version = False

    def committed_version(self) -> None:
        if not self.tx.can_get_committed_version:
            return
        self.settle()
        commits = self.draw.random() < 0.5
        if commits:
            self.then("COMMIT", pushes=[OTHER])
            self.then("WAIT_FUTURE")
        self.then("GET_COMMITTED_VERSION", pushes=[BYTES])
        self.has_version = True
        if commits:
            self.then("RESET")
            self.begun_anew()

    def approximate_size(self) -> None:
        self.then("GET_APPROXIMATE_SIZE", pushes=[BYTES])

    def conflict_range(self, operation: str) -> None:
        self.need_keys(2)
        self.then(operation, pops=2, pushes=[BYTES])

    def conflict_key(self, operation: str) -> None:
        self.need_keys(1)
        self.then(operation, pops=1, pushes=[BYTES])

    def disable_write_conflict(self) -> None:
        self.then("DISABLE_WRITE_CONFLICT")

    # ---- data -----------------------------------------------------------------------------------------------

    def tuple_pack(self) -> None:
        items = self.values.tuple(10)
        self.push(len(items), *items)
        self.then("TUPLE_PACK", pops=1 + len(items), pushes=[BYTES])

    def tuple_unpack(self) -> None:
        items = self.values.tuple(10)
        self.push(len(items), *items)
        self.then("TUPLE_PACK", pops=1 + len(items), pushes=[BYTES])
        self.then("TUPLE_UNPACK", pops=1, pushes=[BYTES] * len(items))

    def tuple_range(self) -> None:
        items = self.values.tuple(10)
        self.push(len(items), *items)
        self.then("TUPLE_RANGE", pops=1 + len(items), pushes=[BYTES, BYTES])

    def tuple_sort(self) -> None:
        tuples = self.values.tuples()
        for items in tuples:
            self.push(len(items), *items)
            self.then("TUPLE_PACK", pops=1 + len(items), pushes=[BYTES])
        self.push(len(tuples))
        self.then("TUPLE_SORT", pops=1 + len(tuples), pushes=[BYTES] * len(tuples))

    def sub(self) -> None:
        """Integers of every size, and the difference packed: more than 255 bytes cannot be."""
        a, b = self.values.integer() // 2, self.values.integer() // 2
        self.push(1, a, b)
        self.raise_to_top(1)
        self.raise_to_top(2)
        self.then("SUB", pops=2, pushes=[OTHER])
        self.swap(1)
        self.then("TUPLE_PACK", pops=2, pushes=[BYTES])

    def encode_float(self) -> None:
        self.push(struct.pack(">f", self.values.single().value))
        self.then("ENCODE_FLOAT", pops=1, pushes=[OTHER])

    def encode_double(self) -> None:
        self.push(struct.pack(">d", self.values.double()))
        self.then("ENCODE_DOUBLE", pops=1, pushes=[OTHER])

    def decode_float(self) -> None:
        self.push(self.values.single())
        self.then("DECODE_FLOAT", pops=1, pushes=[BYTES])

    def decode_double(self) -> None:
        self.push(self.values.double())
        self.then("DECODE_DOUBLE", pops=1, pushes=[BYTES])

    def juggle(self) -> None:
        """What the official test leaves to the scripted one."""
        self.push(self.values.some_bytes(), self.values.some_bytes(), kind=BYTES)
        self.then("CONCAT", pops=2, pushes=[BYTES])
        self.push(self.values.text(), self.values.text())
        self.then("CONCAT", pops=2, pushes=[OTHER])
        self.then("POP", pops=1)
        self.then("DUP", pushes=[BYTES])


def _kind_of_rows(limit: int) -> str:
    """Rows are a value for later only if there cannot be very many."""
    return BYTES if 1 <= limit <= 1_000 else OTHER


def _with_place(prefix: bytes, template: bytes, place: int) -> bytes:
    return prefix + template + struct.pack("<L", len(prefix) + place)


def _is_incomplete(item: Any) -> bool:
    return isinstance(item, found.Versionstamp) and not item.is_complete()
