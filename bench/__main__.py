"""`python -m bench [section ...]`: measures, prints a table, and keeps it in build/bench/."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from bench import (
    bstore,
    codec,
    driver,
    engine,
    floor,
    instructions,
    memory,
    nstore,
    plot,
    pstore,
    record,
    vnstore,
)
from bench.contenders import LINKED, OFFICIAL, Setting
from bench.harness import OURS, ROOT, say
from bench.loops import running_on
from bench.report import Report, commit, write

OUTPUT = ROOT / "build" / "bench"

Section = Callable[[Report, Setting, argparse.Namespace], None]


def of_driver(name: str) -> Section:
    return lambda report, setting, _: driver.run(report, setting, name)


SECTIONS: dict[str, Section] = {
    "codec": lambda report, *_: codec.run(report),
    "instructions": lambda report, setting, _: instructions.run(report, setting),
    "floor": lambda report, *_: floor.run(report),
    **{name: of_driver(name) for name in driver.SECTIONS},
    "nstore": lambda report, setting, _: nstore.run(report, setting),
    "vnstore": lambda report, setting, _: vnstore.run(report, setting),
    "bstore": lambda report, setting, _: bstore.run(report, setting),
    "pstore": lambda report, setting, _: pstore.run(report, setting),
    "memory": lambda report, setting, _: memory.run(report, setting.output),
    "engine": lambda report, setting, given: engine.run(report, setting.output, many=given.many),
}
ON_A_CLUSTER = [*driver.SECTIONS, "nstore", "vnstore", "bstore", "pstore"]
"""What can be measured on a cluster file."""
GROUPS = {"stores": ("nstore", "vnstore", "bstore"), "search": ("pstore",)}


def pair(text: str) -> tuple[str, str]:
    name, equals, python = text.partition("=")
    if not (name and equals and python) or name in (OURS, LINKED, OFFICIAL) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PYTHON with a name of its own")
    return name, python


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "section",
        nargs="*",
        help=f"{', '.join(SECTIONS)}; stores is nstore, vnstore and bstore, search is pstore; all if none is named",
    )
    parser.add_argument(
        "--peer",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=PYTHON",
        help="an interpreter in which a driver of found's API is installed; may be given again",
    )
    parser.add_argument(
        "--python",
        action="append",
        type=pair,
        default=[],
        metavar="NAME=PYTHON",
        help="another interpreter to build this project for and measure it on; may be given again",
    )
    parser.add_argument(
        "--loop",
        action="append",
        default=["uvloop"],
        metavar="MODULE",
        help="another event loop to measure this project on, beside asyncio's and uvloop's",
    )
    parser.add_argument(
        "--cluster-file",
        type=Path,
        metavar="FILE",
        help="measure on a cluster what can be: it keeps to keys of its own, and clears them",
    )
    parser.add_argument(
        "--libfdb-c",
        type=Path,
        default=ROOT / "build" / "lib",
        metavar="FOLDER",
        help="where our libfdb_c is",
    )
    parser.add_argument("--rounds", type=int, default=15, help="of the driver; default 15")
    parser.add_argument(
        "--many",
        type=int,
        default=engine.MANY,
        help="rows of the longest scan of the engine; default 10,000,000",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep the sections in docs/performance/, in the place of those recorded there",
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the table goes")
    return parser


def chosen(names: Sequence[str], possible: Sequence[str]) -> list[str]:
    """The sections that are meant, in their order. Raises ValueError for one that is not possible."""
    meant = {section for name in names for section in GROUPS.get(name, (name,))}
    unknown = meant - set(possible)
    if unknown:
        raise ValueError(
            f"no section {', '.join(sorted(unknown))}: there are {', '.join(possible)}"
        )
    return [name for name in possible if name in meant or not meant]


def command(arguments: Sequence[str]) -> str:
    """What to type for the same run: where things lie on this machine is nobody else's."""
    words = [word for argument in arguments for word in argument.split("=", argument[:2] == "--")]
    for index, option in enumerate(words[:-1], 1):
        if option in ("--peer", "--python"):
            words[index] = words[index].partition("=")[0] + "=PYTHON"
        elif option in ("--cluster-file", "--libfdb-c", "--output"):
            words[index] = Path(words[index]).name
    return f'make bench ARGS="{" ".join(words)}"' if words else "make bench"


def main() -> int:
    options = parser()
    given = options.parse_args()
    try:
        wanted = chosen(given.section, ON_A_CLUSTER if given.cluster_file else list(SECTIONS))
    except ValueError as error:
        options.error(str(error))
    if given.record and given.cluster_file:
        options.error("--record is of runs on this machine alone, not of a cluster's")
    setting = Setting(
        library_folder=given.libfdb_c,
        cluster_file=given.cluster_file,
        peers=dict(given.peer),
        pythons=dict(given.python),
        loops=list(dict.fromkeys(given.loop)),
        rounds=given.rounds,
        output=given.output.resolve(),
    )
    recorded = record.load()
    ours = f"{version('asyncio-foundationdb')}, {running_on()}"
    report = Report(command(sys.argv[1:]), {"commit": commit(), OURS: ours})
    status = 0
    try:
        for name in wanted:
            say(name)
            SECTIONS[name](report, setting, given)
    except KeyboardInterrupt:
        say("\nstopped: the table has what was measured so far")
        status = 130
    finally:
        write(report, setting.output)
        (setting.output / "plot.svg").write_text(plot.draw(report.rows), encoding="utf-8")
    print(report.markdown())
    print("\n".join(record.compared(report, recorded)))
    if given.record and status == 0 and report.rows:
        record.keep(record.merged(recorded, report))
        say(f"recorded in {record.FOLDER.relative_to(ROOT)}/")
    return status


if __name__ == "__main__":
    sys.exit(main())
