"""Programs for the machine: what is pushed and popped is known while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KEY, BYTES, OTHER = "key", "bytes", "other"
"""What may be taken from the stack: a key of the workspace, any bytes, nothing that is known."""


@dataclass
class Entry:
    """What the generator knows of an entry of the stack."""

    kind: str
    waited_for: bool = True


class Program:
    """A list of instructions, and what its machine will have on its stack after them."""

    def __init__(self) -> None:
        self.instructions: list[tuple[Any, ...]] = []
        self.stack: list[Entry] = []

    def push(self, *values: Any, kind: str = OTHER) -> None:
        """Push values, the first to be on top."""
        for value in reversed(values):
            self.instructions.append(("PUSH", value))
            self.stack.append(Entry(kind))

    def then(self, operation: str, pops: int = 0, pushes: Sequence[str] = ()) -> int:
        """Append an instruction that pops so many and pushes these; return its number."""
        del self.stack[len(self.stack) - pops :]
        self.stack += map(Entry, pushes)
        self.instructions.append((operation,))
        return len(self.instructions) - 1

    def swap(self, depth: int) -> None:
        if depth:
            self.push(depth)
            self.then("SWAP", pops=1)
            stack = self.stack
            stack[-1], stack[-1 - depth] = stack[-1 - depth], stack[-1]

    def raise_to_top(self, depth: int) -> None:
        """Bring the entry at a depth to the top, those above it keeping their order."""
        for step in range(1, depth + 1):
            self.swap(step)

    def wait_for(self, depth: int = 0) -> None:
        self.swap(depth)
        self.then("WAIT_FUTURE")
        self.stack[-1].waited_for = True

    def settle(self) -> None:
        """Wait for everything that is under way."""
        # From the top down: what comes up has been waited for.
        for depth in range(len(self.stack)):
            if not self.stack[-1 - depth].waited_for:
                self.wait_for(depth)

    def commit(self) -> None:
        """Commit, wait for it, and begin anew."""
        self.then("COMMIT", pushes=[OTHER])
        self.then("WAIT_FUTURE")
        self.then("RESET")

    def log_stack(self, prefix: bytes) -> None:
        self.then("NEW_TRANSACTION")
        self.push(prefix)
        self.then("LOG_STACK", pops=len(self.stack))
