"""A tour of found on real input, in an embedded database file.

`make run` starts it; `python examples/tour --help` tells what it takes. A first run loads its data, a later one finds
it. Stopped in the middle, it goes on from there the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path

import core
import stores
from airports import Input, load, prepare, read_input
from guide import Tour
from rich.console import Console

import found

ROOT = Path(__file__).resolve().parent.parent.parent


async def tour_of(path: Path, data: Input, console: Console) -> None:
    # asyncio.run does this by itself from Python 3.11 on: Ctrl-C cancels, and what was opened is closed.
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    async with await found.open(f"embedded:{path}") as db:
        tour = Tour(db, data.airports, console)
        if not await prepare(db, data.digest):
            tour.say("the database held another input, which was removed")
        await load(tour)
        for step in (*core.STEPS, *stores.STEPS):
            await step(tour)


def shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> int:
    parser = argparse.ArgumentParser(description="A tour of found over the world's airports.")
    parser.add_argument(
        "--database",
        type=Path,
        default=ROOT / ".data" / "airports.found",
        help="the file to keep it in",
    )
    parser.add_argument("--limit", type=int, help="only so many airports")
    parser.add_argument("--reload", action="store_true", help="remove the database first")
    arguments = parser.parse_args()
    if arguments.limit is not None and arguments.limit < 1:
        parser.error("--limit must be 1 or more")
    path: Path = arguments.database.absolute()
    console = Console(soft_wrap=True)

    if arguments.reload and path.exists():
        path.unlink()
    release = version("asyncio-foundationdb")
    console.print(
        f"found {release}, an embedded database in [bold]{shown(path)}[/bold]", highlight=False
    )
    try:
        asyncio.run(tour_of(path, read_input(arguments.limit), console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print(
            f"\nStopped. What was committed is in {shown(path)}; the next run goes on from there."
        )
        return 130
    except found.BaseFoundException as error:
        console.print(
            f"\nThe tour cannot go on: {error}", style="red", markup=False, highlight=False
        )
        return 1
    size = os.path.getsize(path) / 2**20
    console.print(
        f"\nThe data is in [bold]{shown(path)}[/bold] ({size:.1f} MiB). Run it again to see that it is still there; "
        "--reload starts over.",
        highlight=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
