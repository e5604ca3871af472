"""Dumps and loads in bad weather: every fault that a cluster has, and the same rows in the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from portable_files import Rows, read_file
from support import run
from weather import seeds

import found
from found import portable
from found.portable import _dump

ROWS: Rows = [(b"%04d" % n, b"v%d" % n) for n in range(600)]


async def put(tx: found.Transaction) -> None:
    for key, value in ROWS:
        await found.set(tx, key, value)


async def read(tx: found.Transaction) -> Rows:
    return await found.all(found.query(tx, b"", b"\xff"))


@pytest.mark.parametrize("seed", seeds(12))
def test_what_leaves_a_database_arrives_whatever_the_weather(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dump, "_FULL_ROWS", 25)

    async def move() -> None:
        path = tmp_path / "file"
        async with await found.open(f"memory:?faults={seed}") as source:
            await found.transactional(source, put)
            await portable.dump(source, path)
        assert read_file(path) == ROWS
        async with await found.open(f"memory:?faults={seed + 1_000_000}") as target:
            await portable.load(path, target)
            assert await found.transactional(target, read, snapshot=True) == ROWS

    run(move())
