"""Databases opened in this process and in others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import found

TIMEOUT = 20

# A process that has heard of no database, whatever is set where the tests run.
HIDDEN = ("FOUND_DATABASE", "FDB_CLUSTER_FILE", "FOUND_LIBFDB_C", "XDG_DATA_HOME")


def environment(**added: Any) -> dict[str, str]:
    """The environment of such a process, and what is added to it."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    return {**kept, **{name: str(value) for name, value in added.items()}}


def child(code: str, *arguments: Any, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=env, timeout=TIMEOUT
    )


OPEN = """
import asyncio, logging, sys
import found

logging.basicConfig(format="%(name)s %(levelname)s %(message)s")

async def main():
    try:
        db = await found.open(*sys.argv[1:])
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        return
    tx = found.make_transaction(db)
    count = int(await found.get(tx, b"count") or b"0") + 1
    found.set(tx, b"count", b"%d" % count)
    await found.commit(tx)
    print(repr(db), count)
    await found.close(db)

asyncio.run(main())
"""


async def write(db: found.Database, value: bytes) -> None:
    async with found.transaction(db) as tx:
        found.set(tx, b"k", value)


async def read(db: found.Database) -> Any:
    return await found.get(found.make_transaction(db), b"k")
