"""Counts what a store asks of the database: on a cluster these are what its operations cost.

Stores call the functions of `found` by their names there, so they are counted where they are looked up.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import found
from found import _found

READS = ("get", "get_key", "query", "mapped_query", "estimated_size_bytes")
WRITES = (
    "set",
    "clear",
    "add",
    "append_if_fits",
    "byte_max",
    "byte_min",
    "compare_and_clear",
    "max",
    "min",
    "set_versionstamped_key",
    "set_versionstamped_value",
)


@contextlib.contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the calls made within: `with counted() as calls: ...; assert calls == {"get": 1}`."""
    calls: Counter[str] = Counter()

    def counting(name: str) -> object:
        function = getattr(found, name)

        @functools.wraps(function)
        def call(*args: object, **kwargs: object) -> object:
            calls[name] += 1
            return function(*args, **kwargs)

        return call

    set_permuted = _found._set_permuted

    def counting_permuted(tx: object, heads: tuple[bytes, ...], *args: object) -> None:
        set_permuted(tx, heads, *args)  # type: ignore[arg-type]
        # nstore sets the keys of a tuple in one go.
        calls["set"] += len(heads)

    originals = {name: getattr(found, name) for name in (*READS, *WRITES)}
    for name in originals:
        setattr(found, name, counting(name))
    _found._set_permuted = counting_permuted  # type: ignore[assignment]
    try:
        yield calls
    finally:
        _found._set_permuted = set_permuted
        for name, function in originals.items():
            setattr(found, name, function)


@contextlib.contextmanager
def together() -> Iterator[list[int]]:
    """How many ranges are asked for at a time: those with no wait for an answer in between.

    No answer is there in the turn of the loop that asked for it, as on a cluster, however slow this machine is.
    """
    numbers: list[int] = []
    query, read_all, open_batch = found.query, found.all, False

    def close_batch() -> None:
        nonlocal open_batch
        open_batch = False

    @functools.wraps(query)
    def asked(*args: Any, **kwargs: Any) -> Any:
        nonlocal open_batch
        if not open_batch:
            open_batch = True
            numbers.append(0)
            asyncio.get_running_loop().call_soon(close_batch)
        numbers[-1] += 1
        return query(*args, **kwargs)

    @functools.wraps(read_all)
    def answered(rows: Any) -> Any:
        answer = read_all(rows)

        async def in_a_later_turn() -> Any:
            await asyncio.sleep(0)
            return await answer

        return in_a_later_turn()

    found.query, found.all = asked, answered  # type: ignore[assignment]
    try:
        yield numbers
    finally:
        found.query, found.all = query, read_all
