"""Who is measured, and on what: this driver, the older ones and PyPI's foundationdb, all on one libfdb_c.

That is the one `make libfdb_c` builds, the engine in memory, unless a cluster file is given. "found, linked" is this
driver on the engine that is linked into it: the same engine without a library in between.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

from bench import interpreters
from bench.harness import OURS, Failure, figure, say
from bench.loops import LOOP
from bench.report import Report
from bench.rows import PREFIX
from bench.workers import Contender, Worker

LIBRARY = "libfdb_c.dylib" if sys.platform == "darwin" else "libfdb_c.so"

LINKED, OFFICIAL = f"{OURS}, linked", "foundationdb"


class Setting(NamedTuple):
    """Where the contenders are measured, and how long."""

    library_folder: Path
    """Of our libfdb_c."""
    cluster_file: Optional[Path]
    peers: Mapping[str, str]
    """Interpreters in which a driver of found's API is installed, by the name of the driver."""
    pythons: Mapping[str, str]
    """Interpreters that this project is built for and measured on, by a name."""
    loops: Sequence[str]
    """Modules whose event loops this project is measured on."""
    rounds: int
    output: Path

    def section(self, name: str) -> str:
        """What the rows are filed under: those of a cluster are no others' kind."""
        return f"{name}, on a cluster" if self.cluster_file else name


class Work(NamedTuple):
    """What a row times."""

    name: str
    does: str
    """What the workers are asked for."""
    pieces: int
    unit: str
    note: str

    def once(self, worker: Worker) -> Callable[[], float]:
        return lambda: figure(self.unit, self.pieces, worker.ask(self.does, self.pieces))


def contenders(
    setting: Setting, address: str, works: str = "found", *, everywhere: bool = False
) -> dict[str, Contender]:
    """`works` are of found's API; `everywhere` also has this project on other event loops and interpreters.

    On a cluster file each takes the libfdb_c that is installed. Otherwise each has a database at `address` in its own
    memory, through our libfdb_c.
    """
    if setting.cluster_file is not None:
        path, library, loader = str(setting.cluster_file.resolve()), {}, {}
        linked = {}
    else:
        setting.output.mkdir(parents=True, exist_ok=True)
        # That library takes the address of an embedded database out of a cluster file.
        file = setting.output / "fdb.cluster"
        file.write_text(address, encoding="utf-8")
        path, folder = str(file), str(setting.library_folder)
        library = {"FOUND_LIBFDB_C": str(setting.library_folder / LIBRARY)}
        # Where the system's loader looks first.
        loader = {"LD_LIBRARY_PATH": folder, "DYLD_LIBRARY_PATH": folder}
        linked = {LINKED: Contender(works, address)}
    ours = {OURS: Contender(works, path, environment=library), **linked}
    if everywhere:
        for loop in setting.loops:
            ours[f"{OURS}, {loop}"] = Contender(works, path, environment={**library, LOOP: loop})
        for name, python in setting.pythons.items():
            installed = interpreters.python(setting.output, name)
            ours[f"{OURS}, {name}"] = Contender(
                works, path, installed, library, interpreters.failure(setting.output, name, python)
            )
    official = {OFFICIAL: Contender("fdb", path, environment=loader)}
    return {
        **ours,
        # It has no stores.
        **(official if works == "found" else {}),
        **{name: Contender(works, path, python, loader) for name, python in setting.peers.items()},
    }


@contextlib.contextmanager
def started(
    report: Report, section: str, contenders: Mapping[str, Contender], setting: Setting
) -> Generator[dict[str, Worker], None, None]:
    """The contenders that start, with their rows written; on a cluster the rows are cleared in the end."""
    workers: dict[str, Worker] = {}
    try:
        for name, contender in contenders.items():
            say(f"  starting {name}", end="\r")
            try:
                workers[name] = Worker(contender)
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
        if setting.cluster_file is not None:
            clear(contenders)


def clear(contenders: Mapping[str, Contender]) -> None:
    """Leave nothing on the cluster. By a new worker: those that measured may have been stopped in the midst of it."""
    for contender in contenders.values():
        with contextlib.suppress(Failure), contextlib.closing(Worker(contender)) as worker:
            worker.ask("clear")
            return
    say(f"  not cleared: the keys of the bench, which have {PREFIX[:-1]!r} in front")


def measure(
    report: Report,
    section: str,
    contenders: Mapping[str, Contender],
    setting: Setting,
    works: Sequence[Work],
    rounds: int,
    *,
    takes_part: Callable[[str, Work], bool] = lambda name, work: True,
) -> None:
    """A section: each of the works is a row, of those contenders that take part in it."""
    section = setting.section(section)
    with started(report, section, contenders, setting) as workers:
        for work in works:
            asked = {
                name: work.once(worker)
                for name, worker in workers.items()
                if takes_part(name, work)
            }
            report.measure(section, work.name, work.unit, asked, rounds, note=work.note)
