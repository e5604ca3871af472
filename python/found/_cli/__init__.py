"""The commands of `python -m found`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Optional

from found import BaseFoundException
from found._cli import checking, moving, stores
from found._cli.command import Run
from found._cli.ending import DAMAGED, FAILED, INTERRUPTED, REFUSED, USAGE
from found.portable import DamagedException, RefusedException

_DESCRIPTION = """\
Databases from a shell: into a portable file and out of it, verified, compacted.

An ADDRESS is what found.open() takes: embedded:PATH, or the path of a cluster file.
"""

_EPILOGUE = """\
exit codes:
  0    it is done, and nothing is wrong
  1    it failed: the message says why
  2    the command line makes no sense
  3    what was verified is damaged, cut off or wrong
  4    refused: something would be overwritten; the message says what allows it
  130  interrupted; the same command goes on where it stopped

A KEY is text, with \\xNN for other bytes and \\\\ for a backslash.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m found",
        description=_DESCRIPTION,
        epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = command.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="say the result as a JSON object")
    common.add_argument("--quiet", action="store_true", help="show no progress")

    def add(name: str, run: Run, short: str, description: str) -> argparse.ArgumentParser:
        parser = commands.add_parser(
            name,
            help=short,
            description=description,
            parents=[common],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(run=run)
        return parser

    for subject in (moving, checking, stores):
        subject.add_to(add)
    return command


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command, and return the exit code."""
    parsed = parser().parse_args(arguments)
    try:
        return asyncio.run(parsed.run(parsed))
    except KeyboardInterrupt:
        message, code = getattr(parsed, "interrupted", "interrupted"), INTERRUPTED
    except RefusedException as error:
        message, code = str(error), REFUSED
    except DamagedException as error:
        message, code = str(error), DAMAGED
    except ValueError as error:
        message, code = str(error), USAGE
    except (BaseFoundException, OSError) as error:
        message, code = _said(error), FAILED
    print(f"found: {message}", file=sys.stderr)
    return code


def _said(error: Exception) -> str:
    """An exception as a sentence: those of the system begin with a number."""
    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if error.filename else ""
        return f"{named}{error.strerror}"
    return str(error)
