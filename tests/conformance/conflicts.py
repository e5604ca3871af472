"""What a read conflicts with, found out by writing there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Callable

from support import Space

import found

# Every letter, the key right after it and one further on.
PROBES = [
    letter + tail for letter in map(bytes, zip(b"abcdefghij")) for tail in (b"", b"\x00", b"m")
]


async def conflicts_with(
    space: Space, act: Callable[[found.Transaction], Any], low: bytes, high: bytes
) -> None:
    """Check that what `act` reads conflicts with writes to [low, high) and with no others.

    What each probe changes is written back after it, so they go one after the other.
    """
    before = await space.read()
    conflicting = []
    for probe in PROBES:
        tx = found.make_transaction(space.db)
        await found.read_version(tx)
        done = act(tx)
        if isinstance(done, Awaitable):
            await done
        await space.write({probe: b"!"})
        found.set(tx, space(b"\xffelsewhere"), b"")
        try:
            await found.commit(tx)
        except found.FoundException as error:
            assert error.code == 1020
            conflicting.append(probe)
        await space.write({probe: before.get(probe), b"\xffelsewhere": None})
    assert conflicting == [probe for probe in PROBES if low <= probe < high]
