"""`fsck`: whether the rows of a store agree with each other."""

from __future__ import annotations

import argparse
import ast
import importlib
from typing import TYPE_CHECKING, Any

from found._cli import addresses
from found._cli.command import Add
from found._cli.ending import DAMAGED, say
from found._cli.progress import Display

if TYPE_CHECKING:
    from found.ext._fsck import Report

_FSCK = """\
Check that the rows of a store agree with each other: that an index has what it points to, and the other way round.

It reads in many small transactions, beside the programs that use the store. With --repair, what can be put right is.

The prefix is that of found.ext.STORE.make(), as Python writes it: --prefix "('notes', 1)". A word alone is a str.
"""

_STORES = ("bstore", "eavstore", "nstore", "pstore", "vnstore")

# Examples that are printed; --json has all that the report has.
_SHOWN = 10


def add_to(add: Add) -> None:
    """Add the command to the command line."""
    fsck = add("fsck", _fsck, "check the rows of a store, and repair them", _FSCK)
    fsck.add_argument("address", metavar="ADDRESS", help="the database")
    fsck.add_argument("store", choices=_STORES, help="the kind of store")
    fsck.add_argument(
        "--prefix", type=_prefix, required=True, help="the prefix of the store, a tuple"
    )
    fsck.add_argument("--width", type=int, metavar="N", help="of an nstore: the items of a tuple")
    fsck.add_argument("--items", metavar="A,B,C", help="of a vnstore: the names of a tuple's items")
    fsck.add_argument("--repair", action="store_true", help="put right what can be")


def _prefix(text: str) -> tuple[Any, ...]:
    try:
        value: Any = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        value = text
    if isinstance(value, list):
        return tuple(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return value if isinstance(value, tuple) else (value,)  # pyright: ignore[reportUnknownVariableType]


def _handle(module: Any, arguments: argparse.Namespace) -> Any:
    """The handle of the store.

    Raises:
        ValueError: what `make` needs is missing, or is not wanted; or is no prefix.
    """
    wanted = {"nstore": "width", "vnstore": "items"}.get(arguments.store)
    for option in ("width", "items"):
        if (getattr(arguments, option) is not None) != (option == wanted):
            says = "needs" if option == wanted else "has no"
            raise ValueError(f"{arguments.store} {says} --{option}")
    more: tuple[Any, ...] = ()
    if wanted == "width":
        more = (arguments.width,)
    elif wanted == "items":
        more = (tuple(arguments.items.split(",")),)
    try:
        return module.make(arguments.store, arguments.prefix, *more)
    except TypeError as error:
        raise ValueError(str(error)) from None


async def _fsck(arguments: argparse.Namespace) -> int:
    module: Any = importlib.import_module(f"found.ext.{arguments.store}")
    handle = _handle(module, arguments)
    async with await addresses.open_present(arguments.address) as db:
        with Display("fsck", arguments.quiet) as display:
            report: Report = await module.fsck(
                db, handle, repair=arguments.repair, progress=display.count
            )
    examples = [{"key": problem.key.hex(), "what": problem.what} for problem in report.examples]
    document = {**report._asdict(), "examples": examples, "clean": report.clean}
    say(arguments, _sentence(report), document)
    return 0 if report.clean else DAMAGED


def _sentence(report: Report) -> str:
    if report.problems == 0:
        return f"{report.store}: {report.rows:,} rows, and nothing wrong"
    said = f"{report.store}: {report.rows:,} rows, {report.problems:,} problems, {report.repaired:,} repaired"
    lines = [f"  {problem.key!r}: {problem.what}" for problem in report.examples[:_SHOWN]]
    if report.problems > len(lines):
        lines.append("  ...")
    return "\n".join([said, *lines])
