"""What is done to the file of an embedded database while nobody has it open: `check` and `compact`.

They work beside FoundationDB's C API, which has no words for them, and on files alone: a cluster keeps itself in order.
"""

from __future__ import annotations

import asyncio
import os
import threading
from typing import NamedTuple, Optional, Union

from found import _found
from found._opening import _in_thread  # pyright: ignore[reportPrivateUsage]
from found.portable._progress import OnProgress, Progress

__all__ = ["Checked", "Compacted", "Progress", "check", "compact"]


class Checked(NamedTuple):
    """What a check found."""

    rows: int
    """Rows that were read: all, unless there are problems."""
    bytes: int
    """The bytes of their keys and values."""
    file_bytes: int
    """The size of the file."""
    recovered: bool
    """The file had not been closed, by a crash for example, and its bookkeeping was put in order as it was opened."""
    problems: list[str]
    """What is wrong with it, in sentences; empty if it is whole."""


class Compacted(NamedTuple):
    """What compacting did."""

    before: int
    """The size of the file before, in bytes."""
    after: int
    """Its size after."""


async def check(
    address: Union[str, os.PathLike[str]],
    *,
    repair: bool = False,
    progress: Optional[OnProgress] = None,
) -> Checked:
    """Read all of a database's file, and verify it.

    That is the checksum of every block that holds data, those that the tree's pages have of each other, the order of
    the keys, and which pages are said to be free. It runs in a thread, takes about as long as reading the file twice,
    and ends soon after it is cancelled.

    Args:
        address: `embedded:PATH`, or the path. Nobody may have the file open.
        repair: put in order first what can be: checksums of blocks that are damaged where the tree's own say that the
            block itself is right. Data that is lost stays lost, and is among the problems.
        progress: called with a Progress now and then, from another thread.

    Returns:
        A Checked. Damage is among its `problems`; it raises nothing.

    Raises:
        FoundException: the file is not there (1511), or is open in this or another process (1529), or cannot be read;
            the message names it.
        ValueError: `address` is not that of a file.
        TypeError: `address` is neither a string nor a path.
    """
    named = _address(address)
    stop = threading.Event()

    def tell(rows: int, size: int) -> None:
        if stop.is_set():
            raise asyncio.CancelledError
        if progress:
            progress(Progress(rows, size, None))

    try:
        return Checked(*await _in_thread(_found._check_file, named, repair, tell))
    finally:
        stop.set()


async def compact(address: Union[str, os.PathLike[str]]) -> Compacted:
    """Make the file of a database as small as it can be.

    A file grows in large steps, and keeps the room of what was cleared for what comes. This moves the data to its front
    and cuts off the rest. It is done in transactions: a crash in the middle leaves a database that is whole. It runs in
    a thread, to its end.

    Args:
        address: `embedded:PATH`, or the path. Nobody may have the file open.

    Returns:
        A Compacted: the sizes before and after.

    Raises:
        FoundException: the file is not there (1511), is open in this or another process (1529), is damaged (1522), or
            there is no room to move things (1510); the message names it.
        ValueError: `address` is not that of a file.
        TypeError: `address` is neither a string nor a path.
    """
    return Compacted(*await _in_thread(_found._compact_file, _address(address)))


def _address(address: Union[str, os.PathLike[str]]) -> str:
    named = os.fspath(address)
    if not isinstance(named, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"address must be a str or a path, not {type(address).__name__}")
    if named.startswith("memory:"):
        raise ValueError(f"address must be that of a file, not {named}")
    return named if named.startswith("embedded:") else f"embedded:{named}"
