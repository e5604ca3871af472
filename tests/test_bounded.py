"""Memory does not grow with what a program has done.

FOUND_OPERATIONS=N does so many; a million take about a quarter of an hour, most of it the pauses after conflicts.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

import pytest

import found

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

OPERATIONS = int(os.environ.get("FOUND_OPERATIONS", "20000"))


def resident_bytes() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


async def twenty_operations(db: found.Database, number: int) -> None:
    """Of each kind: read, written, conflicting, watched, cancelled, left open, failed."""
    key = b"row%02d" % (number % 50)

    async def body(tx: found.Transaction) -> None:
        await found.get(tx, key)
        await found.all(found.query(tx, b"row", b"row05"))
        found.set(tx, key, b"%d" % number)
        tx.vars["itself"] = tx

    await found.transactional(db, body)
    one, other = found.make_transaction(db), found.make_transaction(db)
    for tx in (one, other):
        await found.get(tx, b"shared")
        found.set(tx, b"shared", b"%d" % number)
    await found.commit(one)
    with pytest.raises(found.FoundException) as conflict:
        await found.commit(other)
    await found.on_error(other, conflict.value.code)
    watching = found.make_transaction(db)
    fires, never = found.watch(watching, key), found.watch(watching, b"never")
    await found.commit(watching)
    never.cancel()
    tasks = [asyncio.ensure_future(body(found.make_transaction(db))) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    writing = found.make_transaction(db)
    found.set(writing, key, b"%d again" % number)
    await found.commit(writing)
    await fires
    rows = found.query(found.make_transaction(db, snapshot=True), b"row", b"row99")
    await rows.__anext__()


@pytest.mark.parametrize("kind", ["memory:", "memory:?latency=1", "embedded:{}?sync=off"])
async def test_memory_does_not_grow_with_the_number_of_operations(
    kind: str, tmp_path: Path
) -> None:
    rounds = OPERATIONS // 20 // (5 if "latency" in kind else 1)
    resident: list[int] = []
    async with await found.open(kind.format(tmp_path / "db")) as db:
        for number in range(rounds):
            await twenty_operations(db, number)
            if (number + 1) % (rounds // 12) == 0:
                resident.append(resident_bytes())
    # The last five seconds are kept, and a first part fills them. What comes and goes, the file's next state and memory
    # that is given back late, is some 10 MB: the least of several looks is without it.
    grown = min(resident[-4:]) - min(resident[2:6])
    # A transaction that stayed would be a kilobyte or two.
    assert grown < 6_000_000 + rounds * 100, f"{resident} in {rounds} rounds"
