"""Random concurrent histories are strictly serializable, and the checkers know one that is not."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import threading
from collections.abc import Iterator
from typing import Any, Optional

import pytest
from serializability import Done, cycles, replay
from support import Space, run

import found

# ---- the checkers can fail


def append(key: str, element: int) -> tuple[Any, ...]:
    return ("append", key, element)


def read(key: str, *elements: int) -> tuple[Any, ...]:
    return ("read", key, elements)


def at_once(*transactions: list[tuple[Any, ...]], **how: Any) -> list[Done]:
    """Transactions that were all under way at the same time."""
    return [Done(number, 0, 9, steps, **how) for number, steps in enumerate(transactions)]


def one_by_one(*transactions: list[tuple[Any, ...]]) -> list[Done]:
    return [Done(number, 2 * number, 2 * number + 1, s) for number, s in enumerate(transactions)]


ANOMALIES = {
    "lost update": (
        "G2",
        at_once(
            [read("x"), append("x", 1)],
            [read("x"), append("x", 2)],
            [read("x", 1, 2)],
        ),
    ),
    "write skew": (
        "G2",
        at_once(
            [read("x"), read("y"), append("x", 1)],
            [read("x"), read("y"), append("y", 2)],
        )
        + at_once([], [], [read("x", 1), read("y", 2)])[2:],
    ),
    "long fork": (
        "G2",
        at_once(
            [append("x", 1)],
            [append("y", 2)],
            [read("x", 1), read("y")],
            [read("x"), read("y", 2)],
        ),
    ),
    "circular information": (
        "G1c",
        at_once([append("x", 1), read("y", 2)], [append("y", 2), read("x", 1)]),
    ),
    "writes in no order": (
        "G0",
        at_once(
            [append("x", 1), append("y", 1)],
            [append("x", 2), append("y", 2)],
            [read("x", 1, 2)],
            [read("y", 2, 1)],
        ),
    ),
    "aborted read": (
        "G1a",
        [Done(0, 0, 9, [append("x", 1)], committed=False), Done(1, 0, 9, [read("x", 1)])],
    ),
    "intermediate read": (
        "G1b",
        at_once([append("x", 1), append("x", 2)], [read("x", 1)], [read("x", 1, 2)]),
    ),
    "stale read": ("not in real time", one_by_one([append("x", 1)], [read("x")], [read("x", 1)])),
    "read of the future": ("not in real time", one_by_one([read("x", 1)], [append("x", 1)])),
    "two orders": (
        "no order",
        at_once([append("x", 1)], [append("x", 2)], [read("x", 1, 2)], [read("x", 2, 1)]),
    ),
    "unrepeatable read": ("and then as", at_once([append("x", 1)], [read("x"), read("x", 1)])),
    "own write unseen": ("its own", at_once([append("x", 1), read("x")])),
    "made up": ("nobody wrote", at_once([read("x", 7)])),
}


@pytest.mark.parametrize("name", ANOMALIES)
def test_an_anomaly_in_lists_is_named(name: str) -> None:
    says, history = ANOMALIES[name]
    wrong = cycles(history)
    assert wrong and says in wrong[0], wrong


def test_a_history_that_is_in_order_is_not_complained_of() -> None:
    history = one_by_one(
        [append("x", 1), append("x", 2), read("x", 1, 2)],
        [read("x", 1, 2), append("y", 1)],
        [read("y", 1), read("x", 1, 2), append("x", 3), read("x", 1, 2, 3)],
    )
    assert cycles(history) == []
    # One of unknown outcome may have happened at any time, or not at all.
    history += [Done(7, 0, 1, [append("x", 4)], committed=None)]
    assert cycles(history) == []
    history += [Done(8, 100, 101, [read("x", 1, 2, 3, 4)])]
    assert cycles(history) == []


def stamped(number: int, *steps: tuple[Any, ...], **how: Any) -> Done:
    """A transaction that committed as so manyeth."""
    stamp = number.to_bytes(8, "big") + bytes(2)
    return Done(number, how.pop("begun", 0), how.pop("ended", 99), list(steps), stamp=stamp, **how)


REPLAYED = {
    "lost update": [
        stamped(1, ("read", "x", None), ("set", "x", 1)),
        stamped(2, ("read", "x", None), ("set", "x", 2)),
    ],
    "write skew": [
        stamped(1, ("read", "x", None), ("read", "y", None), ("set", "x", 1)),
        stamped(2, ("read", "x", None), ("read", "y", None), ("set", "y", 1)),
    ],
    "phantom": [stamped(1, ("set", "x", 1)), stamped(2, ("range", "a", "z", []), ("set", "y", 1))],
    "lost addition": [
        stamped(1, ("add", "x", 1)),
        stamped(2, ("add", "x", 1)),
        stamped(3, ("read", "x", 1), ("set", "y", 1)),
    ],
    "clear unseen": [
        stamped(1, ("set", "x", 1)),
        stamped(2, ("clear", "a", "z")),
        Done(3, 0, 9, [("read", "x", 1)], read_version=2),
    ],
    "snapshot of no version": [
        stamped(1, ("set", "x", 1), ("set", "y", 1)),
        stamped(2, ("set", "x", 2), ("set", "y", 2)),
        stamped(3, ("snapshot", "x", 1), ("snapshot", "y", 2), ("set", "z", 1), read_version=2),
    ],
    "commit before what had ended": [
        stamped(2, ("set", "x", 1), ended=1),
        stamped(1, ("set", "y", 1), begun=2),
    ],
    "stale read": [
        stamped(2, ("set", "x", 1), ended=1),
        Done(3, 2, 9, [("read", "x", None)], read_version=1),
    ],
}


@pytest.mark.parametrize("name", REPLAYED)
def test_an_anomaly_in_the_order_of_stamps_is_noticed(name: str) -> None:
    assert replay(REPLAYED[name])


def test_what_was_replayed_in_order_is_not_complained_of() -> None:
    assert not replay(
        [
            stamped(1, ("set", "x", 1), ("append", "l", 1), ended=1),
            # A snapshot read may be older than the commit.
            stamped(3, ("snapshot", "x", 1), ("set", "y", 2), ended=9, read_version=1),
            stamped(2, ("read", "x", 1), ("set", "x", 2), ("add", "n", 2), read_version=1),
            Done(
                4,
                2,
                9,
                [("read", "x", 2), ("read", "l", (1,)), ("range", "n", "o", [("n", 2)])],
                read_version=2,
            ),
        ]
    )


# ---- histories of the database

LISTS = [b"l/%d" % number for number in range(3)]
REGISTERS = [b"r/%d" % number for number in range(5)]
COUNTERS = [b"n/%d" % number for number in range(2)]
ELEMENT = 4


def elements(value: Optional[bytes]) -> tuple[int, ...]:
    value = value or b""
    parts = range(0, len(value), ELEMENT)
    return tuple(int.from_bytes(value[part : part + ELEMENT], "big") for part in parts)


class Client:
    """Runs transactions drawn from a seed, one after the other, and notes what each did and saw."""

    def __init__(self, space: Space, seed: int, clock: Iterator[int], names: Iterator[int]) -> None:
        self.space = space
        self.random = random.Random(seed)
        self.clock = clock
        self.names = names
        self.history: list[Done] = []

    async def run(self, count: int) -> None:
        for _ in range(count):
            await self.transaction()

    async def transaction(self) -> None:
        tx = found.make_transaction(self.space.db)
        one = Done(next(self.names), next(self.clock), 0)
        self.history.append(one)
        try:
            one.read_version = await found.read_version(tx)
            for _ in range(self.random.randint(1, 5)):
                await self.step(tx, one)
                if self.random.random() < 0.5:
                    await asyncio.sleep(0)
            writes = any(step[0] in ("append", "set", "add", "clear") for step in one.steps)
            stamp = found.get_versionstamp(tx) if writes else None
            if writes:
                # So that what became of a commit of unknown outcome is known in the end.
                place = len(self.space(b"log/")).to_bytes(4, "little")
                key = self.space(b"log/") + bytes(10) + place
                found.set_versionstamped_key(tx, key, one.name.to_bytes(8, "big"))
            await found.commit(tx)
            one.stamp = await stamp if stamp is not None else None
        except found.FoundException as error:
            assert error.retryable, error
            one.committed = None if error.maybe_committed else False
        one.ended = next(self.clock)

    async def step(self, tx: found.Transaction, one: Done) -> None:
        draw, space = self.random, self.space
        kind = draw.choice(
            ["append", "append", "list", "register", "set", "add", "counter", "clear", "range"]
        )
        snapshot = draw.random() < 0.2
        reads = "snapshot" if snapshot else "read"
        element = one.name * 8 + len(one.steps)
        if kind == "append":
            key = draw.choice(LISTS)
            written = element.to_bytes(ELEMENT, "big")
            if draw.random() < 0.5:
                found.append_if_fits(tx, space(key), written)
            else:
                value = await found.get(tx, space(key))
                one.steps.append(("read", key, elements(value)))
                found.set(tx, space(key), (value or b"") + written)
            one.steps.append(("append", key, element))
        elif kind == "list":
            key = draw.choice(LISTS)
            value = await found.get(tx, space(key), snapshot=snapshot)
            one.steps.append((reads, key, elements(value)))
        elif kind == "register":
            key = draw.choice(REGISTERS)
            value = await found.get(tx, space(key), snapshot=snapshot)
            one.steps.append((reads, key, value))
        elif kind == "set":
            key = draw.choice(REGISTERS)
            found.set(tx, space(key), b"%d" % element)
            one.steps.append(("set", key, b"%d" % element))
        elif kind == "add":
            key, more = draw.choice(COUNTERS), draw.randint(1, 300)
            found.add(tx, space(key), more.to_bytes(8, "little"))
            one.steps.append(("add", key, more))
        elif kind == "counter":
            key = draw.choice(COUNTERS)
            value = await found.get(tx, space(key), snapshot=snapshot)
            count = None if value is None else int.from_bytes(value, "little")
            one.steps.append((reads, key, count))
        elif kind == "clear":
            key, end = sorted(draw.sample([*REGISTERS, b"r0"], 2))
            found.clear(tx, space(key), space(end))
            one.steps.append(("clear", key, end))
        else:
            key, end = sorted(draw.sample([*REGISTERS, b"r0"], 2))
            query = found.query(tx, space(key), space(end), snapshot=snapshot)
            rows = [(space.suffix(row), value) for row, value in await found.all(query)]
            one.steps.append(("snapshot range" if snapshot else "range", key, end, rows))


async def ledger(space: Space) -> dict[int, bytes]:
    """The stamps of all that committed, by name."""
    tx = found.make_transaction(space.db)
    log = space.within(b"log/")
    return {int.from_bytes(name, "big"): stamp for stamp, name in (await log.read(tx)).items()}


THREADS = 3
TASKS = 4
SEEDS = range(int(os.environ.get("FOUND_HISTORIES", "2")))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_history_of_transactions_is_strictly_serializable(space: Space, seed: int) -> None:
    clock, names = itertools.count(), itertools.count(1)
    clients = [
        Client(space, seed * 100 + number, clock, names) for number in range(THREADS * TASKS)
    ]

    async def together(some: list[Client]) -> None:
        await asyncio.gather(*[client.run(12) for client in some])

    failures: list[BaseException] = []

    def thread(some: list[Client]) -> None:
        try:
            run(together(some))
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=thread, args=[clients[number::THREADS]])
        for number in range(THREADS)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failures, failures
    history = sorted(
        (one for client in clients for one in client.history), key=lambda one: one.name
    )
    stamps = run(ledger(space))
    for one in history:
        if one.committed is None:
            one.stamp = stamps.get(one.name)
            one.committed = None if one.stamp else False
        elif one.committed and one.stamp:
            assert stamps[one.name] == one.stamp
        else:
            assert one.name not in stamps, f"{one.name} failed, and is there"
    assert replay(history) == []
    assert cycles(history) == []
    # They met, or nothing was shown.
    outcomes = [one.committed for one in history]
    assert outcomes.count(False) > 5 and outcomes.count(True) > 30, (
        len(outcomes),
        outcomes.count(True),
    )
