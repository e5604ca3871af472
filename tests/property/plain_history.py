"""A versioned store of tuples as stores.md describes it, in plain lists; it shares no code with `found.ext.vnstore`.

History is a list of changes. What is alive at a point of it is what the last change before the point says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Optional

Items = tuple[Any, ...]
Key = tuple[str, ...]


class Var:
    """A place of a pattern that takes anything."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"?{self.name}"


def key(items: Items) -> Key:
    """Items as what they are: 1, 1.0 and True are three."""
    return tuple(f"{type(item).__name__} {item!r}" for item in items)


def bind(pattern: Items, items: Items) -> Optional[dict[str, Any]]:
    """What the variables of a pattern stand for, or None if the tuple is not one of it."""
    binding: dict[str, Any] = {}
    for wanted, item in zip(pattern, items):
        if isinstance(wanted, Var):
            if key((binding.setdefault(wanted.name, item),)) != key((item,)):
                return None
        elif key((wanted,)) != key((item,)):
            return None
    return binding


@dataclass
class PlainChange:
    uid: Any
    message: Optional[str] = None
    metadata: dict[str, Any] = field(default_factory=dict)
    said: dict[Key, tuple[Items, bool]] = field(default_factory=dict)
    bases: dict[Key, int] = field(default_factory=dict)
    """How long history was when a tuple was written last."""
    reads: list[tuple[Items, int]] = field(default_factory=list)
    """The patterns that were read, and how long history was."""


class PlainStore:
    def __init__(self) -> None:
        self.open: dict[Any, PlainChange] = {}
        self.history: list[PlainChange] = []

    def alive(
        self, until: Optional[int] = None, preview: Optional[PlainChange] = None
    ) -> dict[Key, Items]:
        """The tuples alive after the first `until` changes, or all; and after an open one."""
        state: dict[Key, tuple[Items, bool]] = {}
        changes = self.history[:until]
        for change in changes if preview is None else [*changes, preview]:
            state.update(change.said)
        return {at: items for at, (items, is_alive) in state.items() if is_alive}

    def select(
        self,
        patterns: list[Items],
        until: Optional[int] = None,
        preview: Optional[PlainChange] = None,
    ) -> list[dict[str, Any]]:
        """The bindings that match all patterns."""
        tuples = list(self.alive(until, preview).values())

        def joined(bound: dict[str, Any], left: list[Items]) -> Iterator[dict[str, Any]]:
            if not left:
                yield bound
                return
            pattern = tuple(
                bound[item.name] if isinstance(item, Var) and item.name in bound else item
                for item in left[0]
            )
            for items in tuples:
                more = bind(pattern, items)
                if more is not None:
                    yield from joined({**bound, **more}, left[1:])

        return list(joined({}, patterns))

    def read(self, change: PlainChange, pattern: Items) -> None:
        change.reads.append((pattern, len(self.history)))

    def write(self, change: PlainChange, items: Items, is_alive: bool) -> None:
        change.said[key(items)] = (items, is_alive)
        change.bases[key(items)] = len(self.history)

    def conflicts(self, change: PlainChange) -> set[tuple[Key, str, Any]]:
        """What others have touched: the tuple, how this change is built on it, and who."""
        conflicting: set[tuple[Key, str, Any]] = set()
        for place, other in enumerate(self.history):
            for at, (items, _) in other.said.items():
                if change.bases.get(at, place + 1) <= place:
                    conflicting.add((at, "written", other.uid))
                elif any(
                    base <= place and bind(pattern, items) is not None
                    for pattern, base in change.reads
                ):
                    conflicting.add((at, "read", other.uid))
        return conflicting

    def difference(self, before: int, after: int) -> dict[Key, bool]:
        """The tuples that are alive at one of two points: whether at the second."""
        first, second = self.alive(before), self.alive(after)
        return {at: at in second for at in first.keys() ^ second.keys()}
