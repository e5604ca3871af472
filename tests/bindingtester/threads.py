"""The tester as threads: an event loop in each, over one database; START_THREAD makes a thread.

python -m tests.bindingtester.threads PREFIX API_VERSION [CLUSTER_FILE]
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from typing import Optional

import found

from .command import main
from .machine import Machine, Stopped, World


class Threads(World):
    """Machines that have a thread each, with an event loop in it."""

    def __init__(self, db: found.Database) -> None:
        super().__init__(db)
        self._running: list[threading.Thread] = []

    def _run(self, machine: Machine) -> None:
        # A daemon, so that Ctrl-C ends the program and not only the thread that joins.
        thread = threading.Thread(
            target=self._thread, args=(machine,), name=repr(machine.prefix), daemon=True
        )
        thread.start()
        self._running.append(thread)

    def _thread(self, machine: Machine) -> None:
        try:
            asyncio.run(machine.run())
        except Stopped:
            pass
        except BaseException as error:
            # The first to fail tells why; the others stop because of it.
            if self.failure is None:
                self.failure = error

    def join(self) -> None:
        """Wait for every machine, and raise what the first to fail has raised."""
        while self._running:
            # What a thread has started is running and on the list before it ends.
            self._running.pop().join()
        if self.failure is not None:
            raise self.failure


def run(cluster_file: Optional[str], prefix: bytes) -> Counter[str]:
    db = asyncio.run(_open(cluster_file))
    try:
        world = Threads(db)
        world.start(prefix)
        world.join()
        return world.executed()
    finally:
        asyncio.run(_close(db))


async def _open(cluster_file: Optional[str]) -> found.Database:
    return await found.open(cluster_file)


async def _close(db: found.Database) -> None:
    await found.close(db)


if __name__ == "__main__":
    sys.exit(main(run))
