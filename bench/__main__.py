"""`python -m bench [section ...]`: measures, prints a table, and keeps it in build/bench/."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

from bench import bstore, codec, driver, engine, floor, memory, nstore, pstore, vnstore
from bench.harness import ROOT, Figure, Report, Row, commit, say

OUTPUT = ROOT / "build" / "bench"


def run_codec(report: Report) -> None:
    for row in codec.rows():
        figures = {
            "found": spread(row.ours, row.ours_spread),
            "fdb.tuple": spread(row.theirs, row.theirs_spread),
        }
        ratios = {"fdb.tuple": spread(row.ratio, 0)}
        name = f"{row.operation} {row.name}"
        report.add(Row("codec", name, "ns", False, figures, ratios))


def spread(median: float, half: float) -> Figure:
    return Figure(median, median - half, median + half)


def peer(text: str) -> tuple[str, str]:
    name, equals, python = text.partition("=")
    if not (name and equals and python) or name in driver.NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PYTHON with a name of its own")
    return name, python


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "section",
        nargs="*",
        help="codec, driver, floor, nstore, vnstore, bstore, pstore, memory, engine; all if none is named",
    )
    parser.add_argument(
        "--libfdb-c",
        type=Path,
        default=ROOT / "build" / "lib",
        metavar="FOLDER",
        help="where our libfdb_c is",
    )
    parser.add_argument(
        "--peer",
        action="append",
        type=peer,
        default=[],
        metavar="NAME=PYTHON",
        help="an interpreter in which a driver of found's API is installed; may be given again",
    )
    parser.add_argument(
        "--cluster-file",
        type=Path,
        metavar="FILE",
        help="measure the driver on a cluster: it keeps to keys under one prefix, and clears them",
    )
    parser.add_argument("--rounds", type=int, default=15, help="of the driver; default 15")
    parser.add_argument(
        "--many",
        type=int,
        default=engine.MANY,
        help="rows of the longest scan of the engine; default 10,000,000",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the table goes")
    arguments = parser.parse_args()
    sections = {
        "codec": lambda: run_codec(report),
        "driver": lambda: driver.run(report, setting),
        "floor": lambda: floor.run(report),
        "nstore": lambda: nstore.run(report, setting),
        "vnstore": lambda: vnstore.run(report, setting),
        "bstore": lambda: bstore.run(report, setting),
        "pstore": lambda: pstore.run(report, setting),
        "memory": lambda: memory.run(report, arguments.output),
        "engine": lambda: engine.run(report, arguments.output, many=arguments.many),
    }
    wanted: list[str] = arguments.section or list(sections)
    unknown = [name for name in wanted if name not in sections]
    if unknown:
        parser.error(f"no section {', '.join(unknown)}: there are {', '.join(sections)}")

    setting = driver.Setting(
        arguments.libfdb_c,
        arguments.cluster_file,
        dict(arguments.peer),
        arguments.rounds,
        arguments.output,
    )
    found = f"{version('asyncio-foundationdb')} ({commit()})"
    report = Report(
        ["python -m bench", *sys.argv[1:]], {"found": found, "fdb.tuple": version("foundationdb")}
    )
    status = 0
    try:
        for name in wanted:
            say(name)
            sections[name]()
    except KeyboardInterrupt:
        say("\nstopped: the table has what was measured so far")
        status = 130
    finally:
        report.write(arguments.output)
    print(report.markdown())
    return status


if __name__ == "__main__":
    sys.exit(main())
