"""What the tests of portable files share: files with few rows in many blocks, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import found
from found.portable import _format

Rows = list[tuple[bytes, bytes]]


def blocks_of(rows: Rows, size: int, version: int = 7) -> list[_format.Block]:
    """Blocks of `size` rows that cover all keys of the user."""
    cuts = [b"", *(rows[i][0] for i in range(size, len(rows), size)), b"\xff"]
    parts = [rows[i : i + size] for i in range(0, max(len(rows), 1), size)]
    return [
        _format.Block(begin, end, version + number, part)
        for number, (begin, end, part) in enumerate(zip(cuts, cuts[1:], parts))
    ]


def write_file(
    path: Path, blocks: Sequence[_format.Block], *, finish: bool = True, source: str = "test"
) -> None:
    header = _format.Header(((b"", b"\xff"),), source, "2026-01-01T00:00:00+00:00")
    with _format.Writer(path, header, overwrite=True) as writer:
        for block in blocks:
            writer.add(_format.pack(block, 3))
        if finish:
            writer.finish()


def read_file(path: Path) -> Rows:
    """The rows of a whole file."""
    with _format.Reader(path) as reader:
        return [
            row
            for number, packed in enumerate(reader, 1)
            for row in reader.unpack(packed, number).rows
        ]


async def rows_of(db: found.Database, begin: bytes = b"", end: bytes = b"\xff") -> Rows:
    """What is committed in a range."""
    return await found.all(found.query(found.make_transaction(db), begin, end))


async def fill(db: found.Database, rows: Rows) -> None:
    """Commit rows, a few megabytes a transaction."""
    part: Rows = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row[1])
        if size > 2_000_000 or len(part) == 10_000:
            await _set(db, part)
            part, size = [], 0
    await _set(db, part)


async def _set(db: found.Database, rows: Rows) -> None:
    async def put(tx: found.Transaction) -> None:
        for key, value in rows:
            await found.set(tx, key, value)

    await found.transactional(db, put)
