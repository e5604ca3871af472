"""What vnstore returns and raises."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Optional
from uuid import UUID

import found
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._significance import time_of


class ConflictException(VNStoreException):
    """A change cannot be applied: what it is built on has been touched by a change that was applied since.

    `force=True` applies it all the same. Adding or removing the tuple in the change once more accepts what it is now.
    """

    changeid: UUID
    """The change that was to be applied."""
    conflicts: tuple[Conflict, ...]
    """What others have touched, the first 100."""

    def __init__(self, changeid: UUID, conflicts: tuple[Conflict, ...]) -> None:
        super().__init__(changeid, conflicts)
        self.changeid = changeid
        self.conflicts = conflicts

    def __str__(self) -> str:
        first = self.conflicts[0]
        others = f", and {len(self.conflicts) - 1} more" if len(self.conflicts) > 1 else ""
        return (
            f"change {self.changeid} is built on {first.items!r}, which change {first.changeid} has "
            f"{'added' if first.alive else 'removed'} since{others}"
        )


class Change(NamedTuple):
    """A change of a store."""

    uid: UUID
    type: Any
    """Always "change"."""
    significance: Optional[UUID]
    """Its place in history; None for one that is not applied."""
    message: Any
    """A str, or None."""
    versionstamp: Optional[found.Versionstamp]
    """What the database gave the transaction that applied it; None for one that is not applied, or by 0.13.

    It is not known in the transaction that applies the change.
    """
    metadata: dict[str, Any]
    """What `change_annotate` has said of it."""

    @property
    def state(self) -> str:
        """ "open" or "applied"."""
        return "open" if self.significance is None else "applied"

    @property
    def created(self) -> Optional[datetime]:
        """When it was created, in UTC; None if 0.13 did."""
        return time_of(self.uid)

    @property
    def applied(self) -> Optional[datetime]:
        """When it was applied, in UTC, or None."""
        return None if self.significance is None else time_of(self.significance)


class History(NamedTuple):
    """Changes, newest first, a page of them."""

    changes: list[Change]
    continuation: Optional[bytes]
    """What gives the next page; None at the end."""


class Page(NamedTuple):
    """What matches patterns, a page of it."""

    bindings: list[dict[str, Any]]
    continuation: Optional[bytes]
    """What gives the next page; None at the end."""


class Edit(NamedTuple):
    """What becomes of a tuple between two points of history."""

    items: tuple[Any, ...]
    alive: bool
    """Whether it is alive afterwards."""
    was: bool
    """Whether it was alive before."""
    replaces: tuple[tuple[Any, ...], ...]
    """For a tuple that is alive afterwards: the tuples alive before that differ from it in the last item only."""

    @property
    def effective(self) -> bool:
        """Whether there is a difference at all."""
        return self.alive != self.was


class Diff(NamedTuple):
    """What differs between two points of history, a page of it."""

    edits: list[Edit]
    continuation: Optional[bytes]
    """What gives the next page; None at the end."""


class Event(NamedTuple):
    """A change that adds or removes some tuple."""

    change: Change
    alive: bool
    """Whether the tuple is alive after it."""


class Conflict(NamedTuple):
    """A tuple that a change is built on, and a change that has touched it since."""

    items: tuple[Any, ...]
    how: str
    """ "written" if the change adds or removes the tuple, "read" if a select or ask of it has matched the tuple."""
    base: UUID
    """The point of history that the change was built on."""
    changeid: UUID
    """The change that has touched the tuple since."""
    significance: UUID
    """Its place in history."""
    alive: bool
    """Whether the tuple is alive after it."""


class Size(NamedTuple):
    """How much a change holds."""

    added: int
    """Tuples that it adds."""
    removed: int
    """Tuples that it removes."""
    exact: bool
    """False if it holds more than were counted."""


class Summary(NamedTuple):
    """What is in a store."""

    open: int
    """Changes that are not applied."""
    applied: int
    """Changes that are."""
    tuples: int
    """Tuples that are alive."""
    rows: int
    """What the changes add and remove, each counted for itself."""
    bytes: int
    """About what the store takes in the database, in bytes, as the database estimates it."""
    head: Optional[Change]
    """The change applied last."""
    exact: bool
    """False if a count has stopped at its limit."""
