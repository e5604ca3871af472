"""Every operation of the API, ready to be started by a test that waits for it in some way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Callable, NamedTuple

import found

READY = "memory:"
LATE = "memory:?latency=1"
"""Answers come later, from the network thread."""

ROWS = [(b"k%02d" % number, b"v%02d" % number) for number in range(20)]


async def filled(address: str) -> found.Database:
    """A new database with `ROWS` in it."""
    db = await found.open(address)
    await still_works(db)
    return db


async def still_works(db: found.Database) -> None:
    """Write `ROWS` and read them back: what a database must do whatever happened before."""

    async def write(tx: found.Transaction) -> None:
        for key, value in ROWS:
            await found.set(tx, key, value)

    async def read(tx: found.Transaction) -> list[tuple[bytes, bytes]]:
        return await found.all(found.query(tx, b"k", b"l"))

    await found.transactional(db, write)
    assert await found.transactional(db, read) == ROWS


def _nothing(_: Any) -> None:
    pass


def armed_get(db: found.Database) -> Any:
    """A get whose answer was not there at the call: it will come to the running loop."""
    for _ in range(1000):
        get = found.get(found.make_transaction(db), b"k00")
        get.add_done_callback(_nothing)
        # In flight it is done once it has landed, not once it has arrived.
        if not get.done():
            return get
    raise AssertionError("answers are never late")


Keep = list[Any]
"""What has to live until an operation is done, beside the operation."""


class Case(NamedTuple):
    name: str
    start: Callable[[found.Database, Keep], Awaitable[Any]]
    """Starts the operation. It must work whether or not an event loop runs."""
    check: Callable[[Any], bool]
    is_coroutine: bool = True
    """Whether it is more than a future: for what asks for a coroutine."""


def _gives(expected: Any) -> Callable[[Any], bool]:
    return lambda result: bool(result == expected)


def _of_transaction(
    name: str, start: Callable[[found.Transaction], Awaitable[Any]], check: Callable[[Any], bool]
) -> Case:
    # The transaction is not kept: what it was asked for has to keep it.
    return Case(name, lambda db, keep: start(found.make_transaction(db)), check)


def _start_commit(db: found.Database, keep: Keep, watched: bool = False) -> Awaitable[Any]:
    tx = found.make_transaction(db)
    result: Awaitable[Any]
    if watched:
        result = found.watch(tx, b"watched")
        keep.append(found.commit(tx))
        tx = found.make_transaction(db)
        found.add(tx, b"watched", b"\x01")
        keep.append(found.commit(tx))
    else:
        result = found.get_versionstamp(tx)
        found.set(tx, b"written", b"")
        keep.append(found.commit(tx))
    return result


def _commit(tx: found.Transaction) -> Awaitable[None]:
    found.set(tx, b"written", b"")
    return found.commit(tx)


async def _get(tx: found.Transaction, key: bytes) -> Any:
    return await found.get(tx, key)


def _atomic(name: str) -> Case:
    mutate: Callable[..., Awaitable[None]] = getattr(found, name)
    key = b"stamped" + bytes(14) if name == "set_versionstamped_key" else b"changed"
    param = bytes(14)
    return _of_transaction(name, lambda tx: mutate(tx, key, param), _gives(None))


ATOMICS = [
    "add",
    "bit_and",
    "bit_or",
    "bit_xor",
    "max",
    "byte_max",
    "min",
    "byte_min",
    "set_versionstamped_key",
    "set_versionstamped_value",
    "append_if_fits",
    "compare_and_clear",
]

CASES = [
    _of_transaction("get", lambda tx: found.get(tx, b"k00"), _gives(b"v00")),
    _of_transaction("get_missing", lambda tx: found.get(tx, b"none"), _gives(None)),
    _of_transaction(
        "get_snapshot", lambda tx: found.get(tx, b"k00", snapshot=True), _gives(b"v00")
    ),
    _of_transaction("get_key", lambda tx: found.get_key(tx, found.gt(b"k00")), _gives(b"k01")),
    _of_transaction("set", lambda tx: found.set(tx, b"written", b"v"), _gives(None)),
    _of_transaction("clear", lambda tx: found.clear(tx, b"written"), _gives(None)),
    _of_transaction("clear_range", lambda tx: found.clear(tx, b"w", b"x"), _gives(None)),
    *map(_atomic, ATOMICS),
    _of_transaction("all", lambda tx: found.all(found.query(tx, b"k", b"l")), _gives(ROWS)),
    _of_transaction(
        "all_in_batches",
        lambda tx: found.all(found.query(tx, b"k", b"l", mode=found.STREAMING_MODE_SMALL)),
        _gives(ROWS),
    ),
    _of_transaction("anext", lambda tx: found.query(tx, b"k", b"l").__anext__(), _gives(ROWS[0])),
    _of_transaction("aclose", lambda tx: found.query(tx, b"k", b"l").aclose(), _gives(None)),
    _of_transaction("commit", _commit, _gives(None)),
    _of_transaction("commit_of_nothing", found.commit, _gives(None)),
    _of_transaction("on_error", lambda tx: found.on_error(tx, 1020), _gives(None)),
    Case("watch", lambda db, keep: _start_commit(db, keep, watched=True), _gives(None), False),
    Case("get_versionstamp", _start_commit, lambda result: len(result) == 10),
    _of_transaction("read_version", found.read_version, lambda result: result > 0),
    _of_transaction("set_read_version", lambda tx: found.set_read_version(tx, 1), _gives(None)),
    _of_transaction("get_approximate_size", found.get_approximate_size, _gives(0)),
    _of_transaction(
        "estimated_size_bytes",
        lambda tx: found.estimated_size_bytes(tx, b"k", b"l"),
        lambda result: result >= 0,
    ),
    _of_transaction(
        "get_range_split_points",
        lambda tx: found.get_range_split_points(tx, b"k", b"l", 1_000_000),
        _gives([b"k", b"l"]),
    ),
    _of_transaction(
        "get_addresses_for_key",
        lambda tx: found.get_addresses_for_key(tx, b"k00"),
        lambda result: all(isinstance(address, str) for address in result),
    ),
    Case("transactional", lambda db, keep: found.transactional(db, _get, b"k00"), _gives(b"v00")),
    Case(
        "open", lambda db, keep: found.open(LATE), lambda result: isinstance(result, found.Database)
    ),
]


class Way(NamedTuple):
    name: str
    wait: Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
    """Start the operation and wait for it: gives its result."""
    takes_futures: bool = True


async def _await(start: Callable[[], Any]) -> Any:
    return await start()


async def _gather(start: Callable[[], Any]) -> Any:
    return (await asyncio.gather(start()))[0]


async def _wait(start: Callable[[], Any]) -> Any:
    started = start()
    # From Python 3.11 on it takes no coroutines; most operations are, so they go in a task.
    if asyncio.iscoroutine(started):
        started = asyncio.create_task(started)
    done, pending = await asyncio.wait([started])
    assert not pending
    return done.pop().result()


async def _wait_for(start: Callable[[], Any]) -> Any:
    return await asyncio.wait_for(start(), 60)


async def _shield(start: Callable[[], Any]) -> Any:
    return await asyncio.shield(start())


async def _timeout(start: Callable[[], Any]) -> Any:
    async with asyncio.timeout(60):  # type: ignore[attr-defined]
        return await start()


async def _create_task(start: Callable[[], Any]) -> Any:
    return await asyncio.create_task(start())


async def _ensure_future(start: Callable[[], Any]) -> Any:
    return await asyncio.ensure_future(start())


async def _as_completed(start: Callable[[], Any]) -> Any:
    for first in asyncio.as_completed([start()]):
        return await first


async def _task_group(start: Callable[[], Any]) -> Any:
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
        task = group.create_task(start())
    return task.result()


WAYS = [
    Way("await", _await),
    Way("gather", _gather),
    Way("wait", _wait),
    Way("wait_for", _wait_for),
    Way("shield", _shield),
    Way("create_task", _create_task, takes_futures=False),
    Way("ensure_future", _ensure_future),
    Way("as_completed", _as_completed),
]
# Python 3.11 and newer.
if hasattr(asyncio, "timeout"):
    WAYS += [Way("timeout", _timeout), Way("TaskGroup", _task_group, takes_futures=False)]
