"""Whether a portable file is whole."""

from __future__ import annotations

import asyncio
import threading
from typing import Optional

from found.portable._format import Header, Reader, StrPath, Summary
from found.portable._progress import OnProgress, Progress


async def check(path: StrPath, *, progress: Optional[OnProgress] = None) -> tuple[Header, Summary]:
    """Read a portable file to its end, and verify all that it says.

    That is every checksum, that the blocks cover the ranges of the file, and that their rows can be decompressed, are
    in order, and are as many as the end of the file says.

    Args:
        path: the file, a str or a path.
        progress: called with a Progress now and then, from another thread.

    Returns:
        A Header and a Summary: what the file says at its beginning, and what it was found to hold.

    Raises:
        DamagedException: it is not as it was written; UnfinishedException, which is one, if it ends too soon.
        NotPortableException: it is no portable file.
        OSError: it cannot be read.
    """
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(None, read_through, path, progress, stop)
    finally:
        stop.set()


def read_through(
    path: StrPath, progress: Optional[OnProgress], stop: threading.Event
) -> tuple[Header, Summary]:
    """`check`, in the thread that calls it. Setting `stop` ends it."""
    with Reader(path) as reader:
        for number, packed in enumerate(reader, 1):
            reader.unpack(packed, number)
            if progress:
                progress(Progress(reader.summary.rows, reader.summary.bytes, None))
            if stop.is_set():
                break
        return reader.header, reader.summary
