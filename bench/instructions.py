"""Instructions that a call takes, counted by valgrind's callgrind: they do not depend on the machine's mood.

Each contender runs in a process of its own, each work so much and then twice as much: what begins and ends a loop falls
out of the difference, of the least of some rounds, for a call that has to wait for the network thread, by chance, takes
more. Those of the thread that calls count, with the engine where it works in that thread; not those of
the network thread, which also has work of its own, by the clock, nor those of the system. An instruction is not a time,
and two programs with the same count are not as fast as each other: this is for seeing that a change made one longer.

    python -m bench.instructions found memory:bench "sequential gets" 1000     # what callgrind runs
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import peers
from bench.contenders import LINKED, Setting, contenders
from bench.harness import OURS, ROOT, Failure, Row, say
from bench.report import Report
from bench.workers import Contender

SECTION = "instructions"
UNIT = "instructions"
TIMEOUT = 300
ROUNDS = 3
PROCESSES = 3
"""Of this project: what they differ by is its spread. A peer has one."""
MARK = "getppid"
"""A function of the C library that nobody else calls: callgrind writes down its counts where it is entered."""
CALLER = "-01"
"""How the files end that have the counts of the first thread."""


class Counted(NamedTuple):
    does: str
    name: str
    pieces: int
    note: str = ""


CODEC = [
    Counted(f"{operation} {name}", f"{operation} {name}", 500)
    for operation in ("pack", "unpack")
    for name in ("mixed", "user and UUID", "short key")
]
DRIVER = [
    Counted("gets of one key", "a ready get", 1_000, "await found.get(tx, key)"),
    Counted("all rows", "a row of found.all", 2_000),
    Counted("iterated rows", "a row of async for", 2_000),
    Counted("transactions in turn", "a transaction", 100, "it reads and writes a key"),
]
ROWS = 4_000
"""Those of the driver's works, twice its pieces of rows."""


def run(report: Report, setting: Setting) -> None:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        report.skip(OURS, SECTION, Failure("valgrind is not installed"))
        return
    said = subprocess.run([valgrind, "--version"], capture_output=True, text=True, check=False)
    report.versions["valgrind"] = said.stdout.strip().replace("valgrind-", "")
    codecs = {
        OURS: Contender("codec", "found"),
        "fdb.tuple": Contender("codec", "fdb"),
        **{name: Contender("codec", "found", python) for name, python in setting.peers.items()},
    }
    rows(report, setting, codecs, CODEC)
    drivers = contenders(setting._replace(pythons={}, loops=()), "memory:bench")
    del drivers[LINKED]
    rows(report, setting, drivers, DRIVER)


def rows(
    report: Report, setting: Setting, contenders: Mapping[str, Contender], works: list[Counted]
) -> None:
    counts: dict[str, list[list[float]]] = {}
    for name, contender in contenders.items():
        say(f"  counting the instructions of {name}", end="\r")
        try:
            runs = PROCESSES if name == OURS else 1
            counts[name] = [counted(contender, works, setting.output) for _ in range(runs)]
        except Failure as failure:
            report.skip(name, SECTION, failure)
    if OURS not in counts:
        return
    for index, work in enumerate(works):
        each = {
            name: [figures[index] for figures in runs] * (PROCESSES // len(runs))
            for name, runs in counts.items()
        }
        report.add(Row.of_rounds(SECTION, work.name, UNIT, each, note=work.note))


def counted(contender: Contender, works: list[Counted], output: Path) -> list[float]:
    """Instructions for a piece of each of the works. Raises Failure."""
    output.mkdir(parents=True, exist_ok=True)
    arguments = [argument for work in works for argument in (work.does, str(work.pieces))]
    with tempfile.TemporaryDirectory(dir=output) as folder:
        options = [
            "--tool=callgrind",
            "--separate-threads=yes",
            f"--dump-before={MARK}",
            f"--callgrind-out-file={folder}/counts",
        ]
        command = [
            "valgrind",
            *options,
            *contender.command("bench.instructions", *arguments),
        ]
        # What the order of a set or a dict costs is not to differ from run to run.
        environment = {**contender.environ(), "PYTHONHASHSEED": "0"}
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failure(f"not done in {TIMEOUT} seconds") from error
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if not line.startswith("==")]
            raise Failure(peers.explained(said[-1]) if said else "it ended without a word")
        return per_piece(totals(Path(folder)), works)


def per_piece(parts: list[int], works: list[Counted]) -> list[float]:
    """Of the parts that callgrind wrote, at each mark what was before it, and at the end of the program."""
    marks = 1 + 2 * ROUNDS
    if len(parts) != marks * len(works) + 1:
        raise Failure(f"callgrind wrote {len(parts)} parts for {len(works)} works")
    figures: list[float] = []
    for work, first in zip(works, range(1, len(parts), marks)):
        once, twice = (min(parts[first + at : first + marks - 1 : 2]) for at in (0, 1))
        figures.append((twice - once) / work.pieces)
    return figures


def totals(folder: Path) -> list[int]:
    """The instructions of each part that was written, in their order."""
    found: dict[int, int] = {}
    for file in folder.glob(f"*{CALLER}"):
        text = file.read_text(encoding="utf-8")
        part = re.search(r"^part: (\d+)$", text, re.MULTILINE)
        total = re.search(r"^totals: (\d+)", text, re.MULTILINE)
        if part and total:
            found[int(part[1])] = int(total[1])
    return [found[part] for part in sorted(found)]


def main(binding: str, address: str, *arguments: str) -> None:
    """What callgrind runs: each work warmed up, then so much and twice as much in turns, a mark between them."""
    does = importlib.import_module(f"bench.{binding}_works").works(address)
    if "fill" in does:
        does["fill"](ROWS)
    for work, count in zip(arguments[::2], arguments[1::2]):
        run, pieces = does[work], int(count)
        run(pieces)
        gc.collect()
        os.getppid()
        for _ in range(ROUNDS):
            run(pieces)
            os.getppid()
            run(2 * pieces)
            os.getppid()


if __name__ == "__main__":
    main(*sys.argv[1:])
