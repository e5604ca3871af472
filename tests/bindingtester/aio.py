"""The tester as asyncio tasks: one event loop, in which START_THREAD makes a task.

python -m tests.bindingtester.aio PREFIX API_VERSION [CLUSTER_FILE]
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from typing import Optional

import found

from .command import main
from .machine import Machine, World


class Tasks(World):
    """Machines that are tasks of one event loop."""

    def __init__(self, db: found.Database) -> None:
        super().__init__(db)
        self._running: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()

    def _run(self, machine: Machine) -> None:
        task = asyncio.get_running_loop().create_task(machine.run())
        self._running.add(task)
        task.add_done_callback(self._ended.put_nowait)

    async def join(self) -> None:
        """Wait for every machine, and raise what the first to fail has raised."""
        try:
            while self._running:
                # Whichever ends next, one that was started meanwhile included.
                task = await self._ended.get()
                self._running.remove(task)
                task.result()
        finally:
            left = list(self._running)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def run(cluster_file: Optional[str], prefix: bytes) -> Counter[str]:
    return asyncio.run(_run(cluster_file, prefix))


async def _run(cluster_file: Optional[str], prefix: bytes) -> Counter[str]:
    async with await found.open(cluster_file) as db:
        world = Tasks(db)
        world.start(prefix)
        await world.join()
        return world.executed()


if __name__ == "__main__":
    sys.exit(main(run))
