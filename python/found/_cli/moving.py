"""`dump` and `load`: from a database into a portable file, and from there into a database."""

from __future__ import annotations

import argparse
import time

import found
from found import portable
from found._cli import addresses
from found._cli.command import Add
from found._cli.ending import megabytes, say
from found._cli.progress import Display
from found.portable import Summary

_DUMP = """\
Write the rows of a database into a portable file.

The file is compressed and carries checksums; docs/moving.md describes it. If FILE is there already and is an unfinished
dump of the same database and keys, the dump goes on after its last whole block.

What takes longer than the five seconds of a transaction is read at several read versions, and the result says so. An
embedded database is at rest meanwhile, because this process has its file. Stop the writers of a cluster, or lock it,
to have all rows of one moment.
"""

_LOAD = """\
Write the rows of a portable file into a database.

The whole file is verified first. A load that is stopped, by whatever, goes on where it was when the same command is run
again, and ends with the same database.
"""


def add_to(add: Add) -> None:
    """Add the commands to the command line."""
    dump = add("dump", _dump, "write a database into a portable file", _DUMP)
    dump.add_argument("address", metavar="ADDRESS", help="the database")
    dump.add_argument("file", metavar="FILE", help="the portable file")
    dump.add_argument("--begin", metavar="KEY", type=addresses.key, help="the first key")
    dump.add_argument("--end", metavar="KEY", type=addresses.key, help="the first key left out")
    dump.add_argument(
        "--prefix",
        metavar="KEY",
        type=addresses.key,
        action="append",
        default=[],
        help="only keys that begin so; may be given several times",
    )
    dump.add_argument(
        "--one-version",
        action="store_true",
        help="all rows of one read version, or none",
    )
    dump.add_argument(
        "--overwrite", action="store_true", help="write over FILE, whatever it is; begin anew"
    )
    dump.add_argument(
        "--level", type=int, default=3, help="how hard zstd tries, 1 to 22 (default: %(default)s)"
    )
    dump.set_defaults(interrupted="interrupted: the same command goes on from here")

    load = add("load", _load, "write a portable file into a database", _LOAD)
    load.add_argument("file", metavar="FILE", help="the portable file")
    load.add_argument("address", metavar="ADDRESS", help="the database; a file is made if need be")
    there = load.add_mutually_exclusive_group()
    there.add_argument(
        "--replace",
        action="store_true",
        help="clear what the database has in the ranges of the file",
    )
    there.add_argument(
        "--merge", action="store_true", help="write over keys of the file, leave the others alone"
    )
    load.set_defaults(interrupted="interrupted: the same command goes on from here")


def _ranges(arguments: argparse.Namespace) -> list[tuple[bytes, bytes]]:
    if not arguments.prefix:
        end = b"\xff" if arguments.end is None else arguments.end
        return [(arguments.begin or b"", end)]
    if arguments.begin is not None or arguments.end is not None:
        raise ValueError("--prefix and --begin or --end exclude each other")
    return [(prefix, _after(prefix)) for prefix in arguments.prefix]


def _after(prefix: bytes) -> bytes:
    return found.next_prefix(prefix) if prefix else b"\xff"


async def _dump(arguments: argparse.Namespace) -> int:
    ranges = _ranges(arguments)
    began = time.monotonic()
    async with await addresses.open_present(arguments.address) as db:
        with Display("dump", arguments.quiet) as display:
            summary = await portable.dump(
                db,
                arguments.file,
                ranges=ranges,
                source=addresses.source_of(arguments.address),
                one_version=arguments.one_version,
                overwrite=arguments.overwrite,
                level=arguments.level,
                progress=display.show,
                note=display.note,
            )
    _say(arguments, summary, began)
    return 0


async def _load(arguments: argparse.Namespace) -> int:
    began = time.monotonic()
    async with await addresses.open_lasting(arguments.address) as db:
        with Display("load", arguments.quiet) as display:
            summary = await portable.load(
                arguments.file,
                db,
                replace=arguments.replace,
                merge=arguments.merge,
                progress=display.show,
                note=display.note,
            )
    _say(arguments, summary, began)
    return 0


def _say(arguments: argparse.Namespace, summary: Summary, began: float) -> None:
    seconds = time.monotonic() - began
    sentence = f"{contents(summary)}, in {seconds:.1f} s"
    say(arguments, sentence, {**summary._asdict(), "seconds": round(seconds, 3)})


def contents(summary: Summary) -> str:
    """What a portable file holds, for people."""
    said = f"{summary.rows:,} rows, {megabytes(summary.bytes)}"
    if summary.first_version == summary.last_version:
        return f"{said}, of one read version ({summary.first_version})"
    return f"{said}, of read versions from {summary.first_version} to {summary.last_version}"
