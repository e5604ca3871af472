"""Counts what a store asks of the database: on a cluster these are what its operations cost.

Stores call the functions of `found` by their names there, so they are counted where they are looked up.
"""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator

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
