"""What a command line names: databases and keys."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import Optional

import found

_EMBEDDED, _MEMORY = "embedded:", "memory:"
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(\\))?")


def file_of(address: str) -> Optional[Path]:
    """The file of an embedded database; None if the address is another's."""
    if not address.startswith(_EMBEDDED):
        return None
    return Path(address[len(_EMBEDDED) :].partition("?")[0])


def is_address(named: str) -> bool:
    """Whether it is the address of an embedded database, rather than a file's name."""
    return named.startswith((_EMBEDDED, _MEMORY))


async def open_lasting(address: str) -> found.Database:
    """Open a database that outlives this process; a file is made if it is not there.

    Raises:
        ValueError: it is in memory.
        FoundException, LibraryException: it cannot be opened.
    """
    if address.startswith(_MEMORY):
        raise ValueError(f"{address} is a database of one process, and not of another")
    return await found.open(address)


async def open_present(address: str) -> found.Database:
    """Open a database that is there: a name with a slip in it makes no new one.

    Raises:
        FileNotFoundError: it is not there.
        ValueError, FoundException, LibraryException: as `open_lasting`.
    """
    path = file_of(address)
    if path is not None and not path.exists():
        raise FileNotFoundError(f"{path}: there is no such database")
    return await open_lasting(address)


def source_of(address: str) -> str:
    """The address so that it says the same everywhere on the machine."""
    path = file_of(address)
    if path is not None:
        return f"{_EMBEDDED}{os.path.abspath(path)}"
    return address if is_address(address) else os.path.abspath(address)


def key(text: str) -> bytes:
    r"""A key as it is written on a command line: text, `\xNN` and `\\`."""

    parts: list[bytes] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        parts.append(os.fsencode(text[at : match.start()]))
        digits, backslash = match.groups()
        if digits is None and backslash is None:
            raise argparse.ArgumentTypeError(
                f"in {text!r} a backslash stands before neither xNN nor another backslash"
            )
        parts.append(bytes.fromhex(digits) if digits else b"\\")
        at = match.end()
    parts.append(os.fsencode(text[at:]))
    return b"".join(parts)
