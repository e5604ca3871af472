"""`check` and `compact`: whether what lies in a file is whole, and the file of a database made smaller."""

from __future__ import annotations

import argparse
import sys

from found import embedded, portable
from found._cli.addresses import is_address
from found._cli.command import Add
from found._cli.ending import DAMAGED, megabytes, say
from found._cli.moving import contents
from found._cli.progress import Display

_CHECK = """\
Read a file from end to end, and say whether it is whole.

Of a portable file, every checksum, and that its rows are in order and as many as it says. Of an embedded database,
embedded:PATH, every checksum, the order of its keys, and what is said to be free; nobody may have it open.
"""

_COMPACT = """\
Make the file of an embedded database as small as it can be. Nobody may have it open. Killed half-way, it is whole.
"""


def add_to(add: Add) -> None:
    """Add the commands to the command line."""
    check = add("check", _check, "verify a portable file or an embedded database", _CHECK)
    check.add_argument("named", metavar="ADDRESS|FILE", help="what to verify")
    check.add_argument(
        "--repair",
        action="store_true",
        help="of an embedded database: put in order what can be, before it is verified",
    )

    compact = add("compact", _compact, "make the file of an embedded database smaller", _COMPACT)
    compact.add_argument("address", metavar="ADDRESS", help="the database")


async def _check(arguments: argparse.Namespace) -> int:
    if is_address(arguments.named):
        return await _check_database(arguments)
    if arguments.repair:
        raise ValueError("--repair is for embedded databases: a portable file is whole or is not")
    with Display("check", arguments.quiet) as display:
        try:
            header, summary = await portable.check(arguments.named, progress=display.show)
        except portable.NotPortableException as error:
            hint = f"a database in a file is named embedded:{arguments.named}"
            raise portable.NotPortableException(f"{error}; {hint}") from None
    ranges = [[begin.hex(), end.hex()] for begin, end in header.ranges]
    document = {**header._asdict(), "ranges": ranges, **summary._asdict()}
    sentence = f"{arguments.named} is whole: {contents(summary)}, from {header.source or 'nowhere'}"
    say(arguments, f"{sentence}, {header.created}", document)
    return 0


async def _check_database(arguments: argparse.Namespace) -> int:
    with Display("check", arguments.quiet) as display:
        checked = await embedded.check(
            arguments.named, repair=arguments.repair, progress=display.show
        )
    whole = "is damaged" if checked.problems else "is whole"
    sentence = f"{arguments.named} {whole}: {checked.rows:,} rows, {megabytes(checked.bytes)}"
    if checked.recovered:
        sentence += "; it had not been closed, and was put in order"
    say(arguments, sentence, checked._asdict())
    if not checked.problems:
        return 0
    if not arguments.json:
        for problem in checked.problems:
            print(f"  {problem}", file=sys.stderr)
    return DAMAGED


async def _compact(arguments: argparse.Namespace) -> int:
    compacted = await embedded.compact(arguments.address)
    sizes = f"{megabytes(compacted.before)} before, {megabytes(compacted.after)} now"
    say(arguments, f"{arguments.address}: {sizes}", compacted._asdict())
    return 0
