"""The tuple codec beside `fdb.tuple` of PyPI's foundationdb, in one process, in turns."""

from __future__ import annotations

import statistics
import time
import uuid
from itertools import repeat
from typing import Any, Callable, NamedTuple

import fdb.tuple

import found

ROUNDS = 25
# Long enough for the clock, short enough that a disturbance falls on few rounds.
SECONDS_PER_ROUND = 0.004

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


class Row(NamedTuple):
    """Nanoseconds a call, and the middle half of the rounds around their median."""

    operation: str
    name: str
    ours: float
    ours_spread: float
    theirs: float
    theirs_spread: float

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def _time(function: Callable[[Any], Any], argument: Any, calls: int) -> float:
    started = time.perf_counter_ns()
    for _ in repeat(None, calls):
        function(argument)
    return (time.perf_counter_ns() - started) / calls


def _calls(function: Callable[[Any], Any], argument: Any) -> int:
    nanoseconds = min(_time(function, argument, 100) for _ in range(3))
    return max(100, int(SECONDS_PER_ROUND * 1e9 / nanoseconds))


def _middle_half(times: list[float]) -> float:
    low, _, high = statistics.quantiles(times, n=4)
    return high - low


def _compare(operation: str, name: str, argument: Any) -> Row:
    functions: tuple[Callable[[Any], Any], ...] = (
        getattr(found, operation),
        getattr(fdb.tuple, operation),
    )
    calls = [_calls(function, argument) for function in functions]
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS):
        # Who comes first changes with the round: neither always runs on the warmer machine.
        for side in ((0, 1), (1, 0))[turn % 2]:
            times[side].append(_time(functions[side], argument, calls[side]))
    ours, theirs = times
    return Row(
        operation,
        name,
        statistics.median(ours),
        _middle_half(ours),
        statistics.median(theirs),
        _middle_half(theirs),
    )


def rows() -> list[Row]:
    """Every tuple, packed and unpacked."""
    measured: list[Row] = []
    for name, value in TUPLES.items():
        packed = found.pack(value)
        if packed != fdb.tuple.pack(value) or found.unpack(packed) != value:
            raise AssertionError(f"{name}: not the bytes of fdb.tuple")
        measured += [_compare("pack", name, value), _compare("unpack", name, packed)]
    return measured


def main() -> None:
    print("nanoseconds a call, median ± middle half of", ROUNDS, "rounds in turns")
    print(f"{'':8}{'':20}{'found':>16}{'fdb.tuple':>18}{'times as fast':>15}")
    for row in rows():
        ours = f"{row.ours:.0f} ± {row.ours_spread:.0f}"
        theirs = f"{row.theirs:.0f} ± {row.theirs_spread:.0f}"
        print(f"{row.operation:8}{row.name:20}{ours:>16}{theirs:>18}{row.ratio:>15.1f}")


if __name__ == "__main__":
    main()
