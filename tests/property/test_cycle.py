"""A ring of keys, each with the name of the next, stays a ring while concurrent transactions permute it.

`FOUND_CYCLE_SECONDS=3600` has it permuted for an hour.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from typing import Optional

from support import Space, run

import found

KEYS = 12
TASKS = 4
SECONDS = float(os.environ.get("FOUND_CYCLE_SECONDS", "0"))
# Of each task, where no time is set.
PERMUTATIONS = 30


def name(number: int) -> bytes:
    return b"%03d" % number


async def following(tx: found.Transaction, space: Space, key: bytes) -> bytes:
    value = await found.get(tx, space(key))
    assert value is not None, f"{key!r} is missing from the ring"
    return value


async def permute(tx: found.Transaction, space: Space, first: bytes) -> None:
    """Of four keys in a row, have the two in the middle change places."""
    second = await following(tx, space, first)
    third = await following(tx, space, second)
    fourth = await following(tx, space, third)
    found.set(tx, space(first), third)
    found.clear(tx, space(second))
    found.set(tx, space(second), fourth)
    found.set(tx, space(third), second)


async def check(tx: found.Transaction, space: Space) -> None:
    ring = await space.read(tx)
    assert sorted(ring) == [name(number) for number in range(KEYS)]
    seen, key = [], name(0)
    while key not in seen:
        seen.append(key)
        key = ring[key]
    assert key == name(0)
    assert len(seen) == KEYS, f"a ring of {len(seen)}"


async def work(space: Space, draw: random.Random, until: Optional[float]) -> None:
    done = 0
    while time.monotonic() < until if until is not None else done < PERMUTATIONS:
        first = name(draw.randrange(KEYS))
        await found.transactional(space.db, permute, space, first)
        done += 1
        if done % 10 == 0:
            await found.transactional(space.db, check, space)


async def work_together(space: Space, seed: int) -> None:
    until = time.monotonic() + SECONDS if SECONDS else None
    tasks = [work(space, random.Random(seed * TASKS + task), until) for task in range(TASKS)]
    await asyncio.gather(*tasks)


def test_a_ring_permuted_by_many_stays_a_ring(space: Space) -> None:
    ring = {name(number): name((number + 1) % KEYS) for number in range(KEYS)}
    run(space.write(ring))
    failures: list[BaseException] = []

    def thread(seed: int) -> None:
        try:
            run(work_together(space, seed))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread, args=[seed]) for seed in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if failures:
        raise failures[0]
    run(check(found.make_transaction(space.db), space))
    # Somebody moved it.
    assert run(space.read()) != ring
