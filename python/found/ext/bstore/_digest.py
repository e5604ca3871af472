"""The digest of a blob that is read or written chunk by chunk."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b

APART = 1_000_000
"""Bytes that are worth a thread."""
AHEAD = 4
"""Updates that may wait for it: to have it wait for the next one each time costs half as much as the digest."""


class Digest:
    """blake2b of chunks as they come, in a thread of its own beside the one that stores or reads them.

    Who is too far ahead waits where the next chunks are given, and not by the event loop: so when a store asks the
    database for what depends on no thread, and a database with faults does the same for a seed each time. It is no
    longer than it would take to make the digest itself.
    """

    def __init__(self) -> None:
        self._hasher = blake2b()
        self._thread = ThreadPoolExecutor(1, "found-digest")
        self._under_way: deque[Future[None]] = deque()

    def update(self, chunks: Sequence[bytes]) -> None:
        if not self._under_way and sum(map(len, chunks)) < APART:
            self._take(chunks)
            return
        self._under_way.append(self._thread.submit(self._take, chunks))
        self._settle(AHEAD)

    def digest(self) -> bytes:
        self._settle(0)
        return self._hasher.digest()

    def close(self) -> None:
        self._thread.shutdown()

    def _settle(self, ahead: int) -> None:
        while len(self._under_way) > ahead:
            self._under_way.popleft().result()

    def _take(self, chunks: Sequence[bytes]) -> None:
        for chunk in chunks:
            self._hasher.update(chunk)
