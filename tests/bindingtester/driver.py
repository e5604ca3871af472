"""What the official driver does, in one process: insert a stream, have it executed, compare what it left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, Callable, NamedTuple, Optional

import found

from .api import UNSET, Space
from .streams import Part, Stream

# Instructions and rows written or read in one transaction.
_AT_ONCE = 1_000

TIME_DEPENDENT = (1007, 1009, 1021)
"""Errors that a slow machine may meet and a fast one not: a stream in which one was met proves nothing."""


class Left(NamedTuple):
    """What an execution has left."""

    stacks: dict[bytes, dict[int, tuple[int, bytes]]]
    """By the prefix of a machine and the index on its stack: the instruction, and the packed value."""
    rows: dict[bytes, bytes]
    """What is in the workspaces, and what has versionstamps in it."""
    executed: Counter[str]
    stamps: list[bytes]
    """The versionstamps that were found where they belong."""

    def met(self, codes: Iterable[int]) -> bool:
        """Whether one of these errors is on a stack."""
        errors = {found.pack((found.pack((b"ERROR", b"%d" % code)),)) for code in codes}
        entries = (entry for stack in self.stacks.values() for entry in stack.values())
        return any(value in errors for _, value in entries)


def insert(address: str, stream: Stream) -> None:
    """Write the instructions of a stream to a database, where nothing is left of a stream before."""
    asyncio.run(_insert(address, stream))


async def _insert(address: str, stream: Stream) -> None:
    async def clear(tx: found.Transaction) -> None:
        for prefix, part in stream.parts.items():
            found.clear(tx, *found.range((prefix,)))
            found.clear(tx, part.space.root, found.next_prefix(part.space.root))

    async def write(tx: found.Transaction, rows: list[tuple[bytes, bytes]]) -> None:
        for key, value in rows:
            found.set(tx, key, value)

    async with await found.open(address) as db:
        await found.transactional(db, clear)
        for prefix, part in stream.parts.items():
            rows = [
                (found.pack((prefix, number)), _packed(each))
                for number, each in enumerate(part.instructions)
            ]
            for start in range(0, len(rows), _AT_ONCE):
                await found.transactional(db, write, rows[start : start + _AT_ONCE])


def _packed(instruction: tuple[Any, ...]) -> bytes:
    # TUPLE_PACK_WITH_VERSIONSTAMP takes incomplete versionstamps, which pack refuses.
    if found.has_incomplete_versionstamp(instruction):
        return found.pack_with_versionstamp(instruction)[:-4]
    return found.pack(instruction)


def collect(address: str, stream: Stream, executed: Counter[str]) -> Left:
    """Read what an execution has left in a database, versionstamps replaced by their ranks."""
    return asyncio.run(_collect(address, stream, executed))


async def _collect(address: str, stream: Stream, executed: Counter[str]) -> Left:
    left = Left({}, {}, executed, [])
    async with await found.open(address) as db:
        for prefix, part in stream.parts.items():
            space = part.space
            stack: dict[int, tuple[int, bytes]] = {}
            for index, number, value in await _logged(db, space.stack):
                stack[index] = number, value
            rows: dict[bytes, bytes] = {}
            for root in (space.workspace, *space.stamped):
                rows.update(await _rows(db, root))
            left.stamps.extend(_checked_stamps(space, rows))
            ranked = _ranks(part, stack, rows)
            left.stacks[prefix] = {
                index: (number, ranked(value)) for index, (number, value) in stack.items()
            }
            left.rows.update((ranked(key), ranked(value)) for key, value in rows.items())
    return left


def logged(address: str, prefix: bytes) -> list[tuple[int, int, bytes]]:
    """A stack as it was logged under a prefix: index, instruction and packed value of each entry."""

    async def read() -> list[tuple[int, int, bytes]]:
        async with await found.open(address) as db:
            return await _logged(db, prefix)

    return asyncio.run(read())


async def _logged(db: found.Database, prefix: bytes) -> list[tuple[int, int, bytes]]:
    rows = await _rows(db, prefix)
    return [(*found.unpack(key, len(prefix)), value) for key, value in rows]


async def _rows(db: found.Database, prefix: bytes) -> list[tuple[bytes, bytes]]:
    async def read(tx: found.Transaction, begin: found.KeySelector) -> list[tuple[bytes, bytes]]:
        end = found.gte(found.next_prefix(prefix))
        return await found.all(found.query(tx, begin, end, limit=_AT_ONCE))

    rows: list[tuple[bytes, bytes]] = []
    begin = found.gte(prefix)
    while True:
        page = await found.transactional(db, read, begin, snapshot=True)
        rows += page
        if len(page) < _AT_ONCE:
            return rows
        begin = found.gt(page[-1][0])


def _checked_stamps(space: Space, rows: dict[bytes, bytes]) -> list[bytes]:
    """The versionstamps in values, each held against that in a key and in the middle of a value."""
    stamps: list[bytes] = []
    for key in [key for key in rows if key.startswith(space.stamped_values)]:
        name = key[len(space.stamped_values) :]
        stamp, template = rows[key][:10], rows[key][10:]
        stamped = template.replace(UNSET, stamp, 1)
        places = rows[space.stamped_places + name], rows[space.stamped_keys + stamped]
        assert places == (stamped, found.unpack(name)[0]), f"{key!r} has {stamp!r}, not {places}"
        stamps.append(stamp)
    return stamps


def _ranks(
    part: Part, stack: dict[int, tuple[int, bytes]], rows: dict[bytes, bytes]
) -> Callable[[bytes], bytes]:
    """What replaces each versionstamp by its place in the order of the commits of the machine."""
    stamps = {
        value[:10] for key, value in rows.items() if key.startswith(part.space.stamped_values)
    }
    for number, value in stack.values():
        if number in part.versionstamps:
            (item,) = found.unpack(value)
            if len(item) == 10:
                stamps.add(item)
    ranked = {stamp: b"stamp%05d" % rank for rank, stamp in enumerate(sorted(stamps))}

    def replace(data: bytes) -> bytes:
        for stamp, rank in ranked.items():
            # On a stack it is packed.
            data = data.replace(stamp, rank).replace(found.pack((stamp,)), found.pack((rank,)))
        return data

    return replace


def differences(one: Left, other: Left, stream: Stream) -> list[str]:
    """What differs: an entry of a stack, a row or a count a line."""
    lines: list[str] = []
    for prefix, part in stream.parts.items():
        stack, others = one.stacks[prefix], other.stacks[prefix]
        for index in sorted({*stack, *others}):
            a, b = stack.get(index), others.get(index)
            if a != b:
                shown = f"{_shown(a, part)} or {_shown(b, part)}"
                lines.append(f"seed {stream.seed}, stack of {prefix!r} at {index}: {shown}")
    for key in sorted({*one.rows, *other.rows}):
        row, row_of_other = one.rows.get(key), other.rows.get(key)
        if row != row_of_other:
            lines.append(f"seed {stream.seed}, row {key!r}: {row!r} or {row_of_other!r}")
    for operation in sorted({*one.executed, *other.executed}):
        counts = one.executed[operation], other.executed[operation]
        if counts[0] != counts[1]:
            lines.append(f"seed {stream.seed}, {operation}: {counts[0]} or {counts[1]} times")
    return lines


def _shown(entry: Optional[tuple[int, bytes]], part: Part) -> str:
    if entry is None:
        return "nothing"
    number, value = entry
    return f"{value!r} of instruction {number}, {part.instructions[number][0]},"
