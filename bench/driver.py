"""Gets, ranges and transactions: this driver, the older one and PyPI's foundationdb, all on one libfdb_c.

That is the one `make libfdb_c` builds, the engine in memory, unless a cluster file is given. "linked" is this driver
on the engine that is linked into it: the same engine without a library in between.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import NamedTuple, Optional

from bench.harness import Failure, Report, Row, in_turns, say
from bench.rows import AT_ONCE, HOT, PREFIX, ROW_BYTES, ROWS
from bench.workers import Worker

LIBRARY = "libfdb_c.dylib" if sys.platform == "darwin" else "libfdb_c.so"

NAMES = OURS, LINKED, OFFICIAL = "found", "found, linked", "foundationdb"

SEED = 7


class Setting(NamedTuple):
    """Where the contenders are measured."""

    library_folder: Path
    """Of our libfdb_c."""
    cluster_file: Optional[Path]
    peers: Mapping[str, str]
    """Interpreters in which a driver of found's API is installed, by the name of the driver."""
    rounds: int
    output: Path


class Work(NamedTuple):
    name: str
    pieces: int
    late_pieces: int
    """Pieces of work a round, and where answers are late."""
    unit: str
    note: str

    def figure(self, pieces: int, seconds: float) -> float:
        return pieces / seconds if self.unit == "rows/s" else seconds * 1e6 / pieces


WORKS = [
    Work("sequential gets", 5_000, 200, "us each", "one awaited after the other"),
    Work("gathered gets", 5_000, 5_000, "us each", f"{AT_ONCE} at once, asyncio.gather"),
    Work("issued gets", 5_000, 5_000, "us each", f"{AT_ONCE} begun, then awaited in turn"),
    Work("iterated rows", ROWS, ROWS, "rows/s", f"async for, {ROWS:,} of {ROW_BYTES} bytes"),
    Work("all rows", ROWS, ROWS, "rows/s", "the same in one list, found.all"),
    Work("transactions", 1_000, 1_000, "us each", "1,000 at once that read and write a key each"),
    Work("hot transactions", 1_000, 1_000, "us each", f"the same on {HOT} keys, retried"),
]


def run(report: Report, setting: Setting) -> None:
    if setting.cluster_file is not None:
        contenders = cluster(setting.cluster_file, setting.peers)
        try:
            measure(report, setting, "driver", contenders)
        finally:
            clear(contenders)
        return
    for section, address in (
        ("driver", "memory:bench"),
        ("driver, late answers", f"memory:bench?latency={SEED}"),
    ):
        measure(report, setting, section, embedded(setting, address), late="latency" in address)


Start = Callable[[], Worker]


def embedded(setting: Setting, address: str, works: str = "found") -> dict[str, Start]:
    """All on our libfdb_c, each with a database in its own memory; `works` is what those of found's API do."""
    folder = str(setting.library_folder)
    setting.output.mkdir(parents=True, exist_ok=True)
    # That library takes the address of an embedded database out of a cluster file.
    cluster_file = setting.output / "fdb.cluster"
    cluster_file.write_text(address, encoding="utf-8")
    library = {"FOUND_LIBFDB_C": str(setting.library_folder / LIBRARY)}
    # Where the system's loader looks first.
    loader = {"LD_LIBRARY_PATH": folder, "DYLD_LIBRARY_PATH": folder}
    return {
        OURS: lambda: Worker(works, str(cluster_file), **library),
        LINKED: lambda: Worker(works, address),
        **others(str(cluster_file), setting.peers, loader, works),
    }


def cluster(cluster_file: Path, peers: Mapping[str, str]) -> dict[str, Start]:
    """All on the libfdb_c that is installed."""
    path = str(cluster_file.resolve())
    return {OURS: lambda: Worker("found", path), **others(path, peers, {})}


def others(
    cluster_file: str,
    peers: Mapping[str, str],
    environment: Mapping[str, str],
    works: str = "found",
) -> dict[str, Start]:
    def peer(python: str) -> Start:
        return lambda: Worker(works, cluster_file, python=python, **environment)

    official = {OFFICIAL: lambda: Worker("fdb", cluster_file, **environment)}
    return {
        # It has no stores.
        **(official if works == "found" else {}),
        **{name: peer(python) for name, python in peers.items()},
    }


@contextlib.contextmanager
def started(
    report: Report, section: str, contenders: Mapping[str, Start]
) -> Generator[dict[str, Worker], None, None]:
    """The contenders that start, with the rows written."""
    workers: dict[str, Worker] = {}
    try:
        for name, start in contenders.items():
            say(f"  starting {name}", end="\r")
            try:
                workers[name] = start()
                workers[name].ask("clear")
                workers[name].ask("fill")
            except Failure as failure:
                report.skip(name, section, failure)
                if name in workers:
                    workers.pop(name).close()
            else:
                report.versions[name] = workers[name].version
        yield workers
    finally:
        for worker in workers.values():
            worker.close()


def clear(contenders: Mapping[str, Start]) -> None:
    """Leave nothing on the cluster. By a new worker: those that measured may have been stopped in the midst of it."""
    for start in contenders.values():
        with contextlib.suppress(Failure), contextlib.closing(start()) as worker:
            worker.ask("clear")
            return
    say(f"  not cleared: the keys that begin with {PREFIX!r}")


def measure(
    report: Report,
    setting: Setting,
    section: str,
    contenders: Mapping[str, Start],
    *,
    late: bool = False,
) -> None:
    with started(report, section, contenders) as workers:
        for work in WORKS:
            pieces = work.late_pieces if late else work.pieces
            row = measure_row(report, setting, section, workers, work, pieces)
            if row is not None:
                report.add(row)


def measure_row(
    report: Report,
    setting: Setting,
    section: str,
    workers: Mapping[str, Worker],
    work: Work,
    pieces: int,
) -> Optional[Row]:
    """None if this driver itself failed."""

    def once(worker: Worker) -> Callable[[], float]:
        return lambda: work.figure(pieces, worker.ask(work.name, pieces))

    rounds = in_turns(
        {name: once(worker) for name, worker in workers.items()},
        setting.rounds,
        lambda number: say(f"  {work.name} {number}/{setting.rounds}", end="\r"),
        lambda name, failure: report.skip(name, f"{section}, {work.name}", failure),
    )
    if OURS not in rounds:
        return None
    return Row.of_rounds(
        section,
        work.name,
        work.unit,
        rounds,
        larger_is_better=work.unit == "rows/s",
        unrated=(LINKED,),
        note=work.note,
    )
