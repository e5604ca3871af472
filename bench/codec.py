"""The tuple codec beside `fdb.tuple` of PyPI's foundationdb, in one process, in turns."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

from bench import peers
from bench.codec_works import OPERATIONS, TUPLES, works
from bench.harness import OURS, Failure, figure
from bench.report import Report

SECTION = "codec"
FDB_TUPLE = "fdb.tuple"
UNIT = "ns each"
ROUNDS = 25
# Long enough for the clock, short enough that a disturbance falls on few rounds.
SECONDS_PER_ROUND = 0.004


def run(report: Report) -> None:
    """Every tuple, packed and unpacked."""
    codecs = {OURS: works("found")}
    try:
        codecs[FDB_TUPLE] = works("fdb")
    except ImportError as error:
        report.skip(FDB_TUPLE, SECTION, Failure(peers.explained(str(error))))
    else:
        report.versions[FDB_TUPLE] = version("foundationdb")
    for name in TUPLES:
        for operation in OPERATIONS:
            does = f"{operation} {name}"
            contenders = {who: timed(codec[does]) for who, codec in codecs.items()}
            report.measure(SECTION, does, UNIT, contenders, ROUNDS)


def timed(work: Callable[[int], float]) -> Callable[[], float]:
    """`work` for a round of the length that is wanted, whatever it takes."""
    shortest = min(figure(UNIT, 100, work(100)) for _ in range(3))
    calls = max(100, int(SECONDS_PER_ROUND * 1e9 / shortest))
    return lambda: figure(UNIT, calls, work(calls))
