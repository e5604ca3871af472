"""The stack of a machine: values, what they came from, and operations whose values are still to come."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable, NamedTuple, Optional

import found

RESULT_NOT_PRESENT = b"RESULT_NOT_PRESENT"


def packed_error(code: int) -> bytes:
    """An error of FoundationDB as the machine pushes it."""
    return found.pack((b"ERROR", b"%d" % code))


def _unchanged(value: Any) -> Any:
    return value


class Pending:
    """A value that an operation will give. DUP puts the same one on the stack twice."""

    def __init__(
        self, operation: Awaitable[Any], finish: Callable[[Any], Any] = _unchanged
    ) -> None:
        self._operation: Optional[Awaitable[Any]] = operation
        self._finish = finish
        self._value: Any = None

    async def value(self) -> Any:
        """Wait for the operation: what it gives, or what stands for nothing and for errors."""
        operation = self._operation
        if operation is not None:
            try:
                value = await operation
            except found.FoundException as error:
                self._value = packed_error(error.code)
            else:
                self._value = RESULT_NOT_PRESENT if value is None else self._finish(value)
            self._operation = None
        return self._value


class Entry(NamedTuple):
    """A place on the stack."""

    number: int
    """The instruction that put it there."""
    item: Any
    """The value, or a `Pending` one."""

    async def value(self) -> Any:
        return await self.item.value() if isinstance(self.item, Pending) else self.item


class Stack:
    """Entries, the top last. Depths count from the top, which is 0."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, number: int, item: Any) -> None:
        self._entries.append(Entry(number, item))

    def duplicate(self) -> None:
        self._entries.append(self._entries[-1])

    def swap(self, depth: int) -> None:
        if not 0 <= depth < len(self._entries):
            raise IndexError(f"depth {depth} of a stack of {len(self._entries)}")
        entries, other = self._entries, -1 - depth
        entries[-1], entries[other] = entries[other], entries[-1]

    def pop(self) -> Entry:
        return self._entries.pop()

    def clear(self) -> list[Entry]:
        """Empty the stack and return what was on it, the oldest first."""
        entries, self._entries = self._entries, []
        return entries
