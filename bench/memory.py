"""What a long scan holds: a million rows of 116 bytes, through `async for`, from a file ten times the cache.

The scan runs in a process of its own. Rest is what the process holds with the database open and one row read; the
figure is how far the greatest amount that it ever held lies above that.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.harness import OURS, ROOT, Row, is_rate, say
from bench.report import Report

SECTION = "memory"
SCANS = 5
ROWS = 1_000_000
KEY = b"memory/%09d"
VALUE = b"v" * 100
CACHE_MIB = 8
# A million rows may take longer than the 5 seconds of a transaction on a slow machine.
ROWS_A_TRANSACTION = 250_000


def run(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "million.found"
    address = f"embedded:{path}?cache={CACHE_MIB}m"
    path.unlink(missing_ok=True)
    try:
        say("  loading a million rows", end="\r")
        child("load", f"embedded:{path}?sync=off")
        scans: list[dict[str, float]] = []
        for number in range(SCANS):
            say(f"  reading a million rows {number + 1}/{SCANS}", end="\r")
            scans.append(child("scan", address))
        size = path.stat().st_size / 2**20
    finally:
        path.unlink(missing_ok=True)

    def row(name: str, unit: str, values: list[float], note: str) -> None:
        rounds = {OURS: values}
        larger = is_rate(unit)
        report.add(Row.of_rounds(SECTION, name, unit, rounds, larger_is_better=larger, note=note))

    note = f"file of {size:,.0f} MiB, cache of {CACHE_MIB} MiB; target: 64"
    row("a million rows, above rest", "MiB", [scan["above"] for scan in scans], note)
    row("the process at rest", "MiB", [scan["rest"] for scan in scans], "")
    row("a million rows", "rows/s", [ROWS / scan["seconds"] for scan in scans], "async for")


def child(what: str, address: str) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, "-m", "bench.memory", what, address],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if run.returncode != 0:
        raise RuntimeError(f"{what} failed: {run.stderr.strip().splitlines()[-1]}")
    return json.loads(run.stdout or "{}")


async def load(address: str) -> None:
    import found

    async def write(tx: found.Transaction, start: int, stop: int) -> None:
        for i in range(start, stop):
            found.set(tx, KEY % i, VALUE)

    step = 20_000
    async with await found.open(address) as db:
        for start in range(0, ROWS, step):
            await found.transactional(db, write, start, start + step)


async def scan(address: str) -> dict[str, float]:
    import found

    async with await found.open(address) as db:

        async def part(tx: found.Transaction, begin: found.KeySelector) -> tuple[int, bytes]:
            seen, last = 0, b""
            async for key, _value in found.query(tx, begin, b"\xff", limit=ROWS_A_TRANSACTION):
                seen += 1
                last = key
            return seen, last

        await found.get(found.make_transaction(db), KEY % 0)
        rest = resident()
        began = time.perf_counter()
        total, begin = 0, found.gte(b"")
        while True:
            seen, last = await part(found.make_transaction(db), begin)
            total += seen
            if seen < ROWS_A_TRANSACTION:
                break
            begin = found.gt(last)
        seconds = time.perf_counter() - began
        peak = greatest()
    assert total == ROWS, total
    return {"rest": rest, "above": peak - rest, "seconds": seconds}


def resident() -> float:
    """MiB held now."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    return greatest()


def greatest() -> float:
    """MiB held at most, ever."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes / 2**20 if sys.platform == "darwin" else kilobytes / 2**10


if __name__ == "__main__":
    if sys.argv[1] == "load":
        asyncio.run(load(sys.argv[2]))
    else:
        print(json.dumps(asyncio.run(scan(sys.argv[2]))))
