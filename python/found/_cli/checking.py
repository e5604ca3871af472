"""`check`: whether what lies in a file is whole."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from found import portable
from found._cli.ending import say
from found._cli.moving import contents
from found._cli.progress import Display

if TYPE_CHECKING:
    from argparse import _SubParsersAction  # pyright: ignore[reportPrivateUsage]

_CHECK = """\
Read a file from end to end, and say whether it is whole.

Of a portable file, every checksum, and that its rows are in order and as many as it says.
"""


def add_to(
    commands: _SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the commands to the command line."""
    formatter: Any = argparse.RawDescriptionHelpFormatter
    check = commands.add_parser(
        "check",
        help="verify a portable file or an embedded database",
        description=_CHECK,
        parents=[common],
        formatter_class=formatter,
    )
    check.add_argument("named", metavar="ADDRESS|FILE", help="what to verify")
    check.set_defaults(run=_check)


async def _check(arguments: argparse.Namespace) -> int:
    with Display("check", arguments.quiet) as display:
        header, summary = await portable.check(arguments.named, progress=display.show)
    ranges = [[begin.hex(), end.hex()] for begin, end in header.ranges]
    document = {**header._asdict(), "ranges": ranges, **summary._asdict()}
    sentence = f"{arguments.named} is whole: {contents(summary)}, from {header.source or 'nowhere'}"
    say(arguments, f"{sentence}, {header.created}", document)
    return 0
