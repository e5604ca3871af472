"""What a transaction knows of a store: the change that it works on, and the changes that it has read."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import Final, Optional
from uuid import UUID

import found
from found.ext._store import Rows
from found.ext.vnstore._errors import VNStoreException
from found.ext.vnstore._handle import VNStore

OPEN: Final = b""
"""The significance of a change that is not applied: nothing is less."""

Known = dict[bytes, Optional[bytes]]
"""The significance of each change, OPEN for one that is open, None where there is no such change."""

BEGINNING: Final = bytes(16)
"""The point before every change."""

AT_ONCE: Final = 1_000
"""Changes that are read at once, each a range of a row."""

_UUID: Final = b"\x30"
SIGNIFICANCE: Final = found.pack(("significance",))


class State:
    """The part of `tx.vars` that is one store's.

    What was read is kept with the read version: a transaction that is reset by hand keeps its `vars`.
    """

    __slots__ = (
        "active",
        "applied",
        "created",
        "head",
        "known",
        "recorded",
        "version",
        "written",
    )

    def __init__(self) -> None:
        self.active: Optional[UUID] = None
        """The change that add and remove write to."""
        self.applied: list[UUID] = []
        """Changes applied in this transaction: their versionstamps cannot be read before its commit."""
        self.created: Optional[UUID] = None
        """The change created last in this transaction, of which there was nothing before."""
        self.written: set[bytes] = set()
        """The tuples, packed, that it says something of."""
        self.version: Optional[int] = None
        """The version that what follows was read at."""
        self.known: tuple[Known, Known] = ({}, {})
        """What was read of changes, and what was read of them by snapshot reads, which add no conflicts."""
        self.head: Optional[bytes] = None
        """The head of history, once it was read."""
        self.recorded: set[bytes] = set()
        """The keys under which this transaction has recorded what it read."""


def of(tx: found.Transaction, store: VNStore) -> State:
    """The state of a store in a transaction, as it is."""
    key = ("found.ext.vnstore", store.bases)
    state = tx.vars.get(key)
    if state is None:
        state = tx.vars[key] = State()
    return state


async def at_version(tx: found.Transaction, store: VNStore) -> State:
    """The state of a store in a transaction, without what was read at another version."""
    state = of(tx, store)
    version = await found.read_version(tx)
    if state.version != version:
        state.version = version
        state.known = ({}, {})
        state.head = None
        state.recorded = set()
        state.applied = []
        state.created = None
        state.written = set()
    return state


def forget(state: State, changeid: UUID) -> None:
    """A change was written: what was read of it, and of history, is read again when it is needed."""
    for known in state.known:
        known.pop(changeid.bytes, None)
    state.head = None


def significance_key(store: VNStore, changeid: bytes) -> bytes:
    """What the keys begin with that hold the significance of a change."""
    return store.changes.heads[0] + _UUID + changeid + SIGNIFICANCE


def _significance(rows: list[tuple[bytes, bytes]], skip: int) -> Optional[bytes]:
    """The greatest significance of rows that hold one; 0.13 may have left the None of an open change beside it."""
    best = None
    for key, _ in rows:
        value = key[skip:]
        if value == b"\x00":
            best = best or OPEN
        elif value[:1] == _UUID and len(value) == 17:
            best = max(best or OPEN, value[1:])
    return best


async def resolve(
    tx: found.Transaction,
    store: VNStore,
    changes: Iterable[bytes],
    *,
    snapshot: Optional[bool] = None,
) -> Known:
    """Read the significance of changes, each once in a transaction, all of them at once.

    Returns:
        What is known of these, and of others.
    """
    state = await at_version(tx, store)
    known = state.known[snapshot is True]
    wanted = [changeid for changeid in changes if changeid not in known]
    for first in range(0, len(wanted), AT_ONCE):
        batch = wanted[first : first + AT_ONCE]
        begins = [significance_key(store, changeid) for changeid in batch]
        reads = [
            found.all(found.query(tx, begin, begin + b"\xff", snapshot=snapshot))
            for begin in begins
        ]
        for changeid, begin, read in zip(batch, begins, reads):
            known[changeid] = _significance(await read, len(begin))
    return known


def start_head(
    tx: found.Transaction, store: VNStore, *, snapshot: Optional[bool] = None
) -> Awaitable[Rows]:
    """Begin to read the head of history: `head_of` the rows."""
    begin = store.changes.scans[0b010].head + SIGNIFICANCE
    return found.all(
        found.query(tx, begin + _UUID, begin + b"\xff", limit=1, reverse=True, snapshot=snapshot)
    )


def head_of(store: VNStore, rows: Rows) -> bytes:
    """The significance of the change applied last; OPEN if none is."""
    skip = len(store.changes.scans[0b010].head) + len(SIGNIFICANCE) + 1
    return rows[0][0][skip : skip + 16] if rows else OPEN


async def built(
    tx: found.Transaction, store: VNStore, changeid: Optional[UUID]
) -> tuple[UUID, bytes]:
    """A change that may be written to, as `writable` has it, and the head of history that this transaction sees.

    Nothing conflicts with the head: a change that is applied meanwhile is later, and is noticed at apply.
    """
    state = await at_version(tx, store)
    if state.head is None:
        reading = start_head(tx, store, snapshot=True)
        changeid = await writable(tx, store, changeid)
        state.head = head_of(store, await reading)
    else:
        changeid = await writable(tx, store, changeid)
    return changeid, state.head or BEGINNING


async def writable(tx: found.Transaction, store: VNStore, changeid: Optional[UUID]) -> UUID:
    """A change that may be written to; None for the active one.

    Raises:
        VNStoreException: there is none, or it is applied.
    """
    if changeid is None:
        changeid = of(tx, store).active
        if changeid is None:
            raise VNStoreException(
                f"no change of {store.name} is active in this transaction: change_create or change_continue first"
            )
    significance = (await resolve(tx, store, (changeid.bytes,)))[changeid.bytes]
    if significance is None:
        raise VNStoreException(f"{store.name} has no change {changeid}")
    if significance:
        raise VNStoreException(f"change {changeid} of {store.name} is applied: it is closed")
    return changeid
