"""What is measured of a tuple codec: found's, and `fdb.tuple` of PyPI's foundationdb."""

from __future__ import annotations

import importlib
import time
import uuid
from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any

import found

UUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
TUPLES: dict[str, tuple[Any, ...]] = {
    "mixed": ("user", 42, "2026-11-23T00:00:00", 3.14, True, None, b"\x00\x01bytes", -7),
    "user and UUID": ("user", UUID, 42),
    "UUID alone": (UUID,),
    "empty": (),
    "short key": ("users", 1234567),
    "ints": tuple(range(-500, 500, 50)),
    "ints of 16 bytes": (2**127 - 1, -(2**127)),
    "floats": (0.5, -1e300, 3.14),
    "text beyond ASCII": ("naïve café", "東京"),
    "bytes of 1,000": (bytes(range(1, 251)) * 4,),
    "bytes of 1,000 NUL": (bytes(1000),),
    "nested": ("a", ("b", (None, "c"), ()), 1),
}
OPERATIONS = ("pack", "unpack")


def works(codec: str) -> Mapping[str, Callable[[int], float]]:
    """Of "found" or "fdb": seconds for so many calls. Raises ImportError if it is not installed."""
    module: Any = found if codec == "found" else importlib.import_module("fdb.tuple")

    def calls(function: Callable[[Any], Any], argument: Any) -> Callable[[int], float]:
        def run(count: int) -> float:
            began = time.perf_counter()
            for _ in repeat(None, count):
                function(argument)
            return time.perf_counter() - began

        return run

    does: dict[str, Callable[[int], float]] = {}
    for name, value in TUPLES.items():
        packed = found.pack(value)
        if module.pack(value) != packed or module.unpack(packed) != value:
            raise AssertionError(f"{name}: not the same bytes")
        does[f"pack {name}"] = calls(module.pack, value)
        does[f"unpack {name}"] = calls(module.unpack, packed)
    return does
