"""Tests under weather: the same program on `memory:?faults=SEED`, for one seed after the other.

    from weather import every_seed

    async def program(db: found.Database) -> None:
        await found.transactional(db, add, b"counter", 1)
        assert ...

    def test_what_it_survives() -> None:
        every_seed(program, 100)

`every_seed` runs the program on a new database for each seed; a failure names the seed and shows the end of the
event log. 100 is how many seeds `make test` takes: keep a test under a second or two. `FOUND_WEATHER_SEEDS` asks for
more, or for some: `FOUND_WEATHER_SEEDS=5000` is the first five thousand of each test, `FOUND_WEATHER_SEEDS=17-17` is
seed 17 alone.

What a program must put up with: any operation of a transaction may fail with an error that `found.transactional`
tries again, and a commit may fail with 1021 (or 1039) although it did happen. So what is done under `transactional`
has to be idempotent; look with transactions of their own (`found.transactional(db, ..., snapshot=True)`), never with a
bare `found.get(found.make_transaction(db), ...)`, which may fail, or through `memory:NAME` in fair weather (give
`every_seed` a `name`). A watch may fail too: look again. A seed is the same run each time as long as the program is:
in one event loop, no sleeps, no threads, no sets of strings or bytes whose order matters.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from support import run

import found

LOG = b"\xff\xff/found/weather/log/"


def seeds(default: int) -> range:
    """The seeds to run: the first `default`, unless `FOUND_WEATHER_SEEDS` says otherwise."""
    asked = os.environ.get("FOUND_WEATHER_SEEDS", "")
    if not asked:
        return range(default)
    first, dash, last = asked.partition("-")
    return range(int(first), int(last) + 1) if dash else range(int(first))


async def log(db: found.Database) -> list[str]:
    """What a database with weather has answered, in the order it did."""
    rows = await found.all(found.query(found.make_transaction(db), LOG, found.next_prefix(LOG)))
    return [value.decode() for _, value in rows]


def every_seed(
    program: Callable[[found.Database], Awaitable[None]], default: int, name: str = ""
) -> None:
    """Run `program` on a new database under each seed of `seeds(default)`; `name` is that of the database."""
    for seed in seeds(default):
        run(_under(seed, program, name))


async def _under(
    seed: int, program: Callable[[found.Database], Awaitable[None]], name: str
) -> None:
    async with await found.open(f"memory:{name}?faults={seed}") as db:
        try:
            await program(db)
        except Exception as error:
            events = "\n".join((await log(db))[-30:])
            raise AssertionError(
                f"seed {seed} (FOUND_WEATHER_SEEDS={seed}-{seed}): {error!r}\n{events}"
            ) from error
