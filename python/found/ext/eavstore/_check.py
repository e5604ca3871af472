"""The check of an eavstore."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Optional

import found
from found.ext import _fsck, _store
from found.ext._fsck import Findings, Report, Scan
from found.ext._store import Progress, Rows
from found.ext.eavstore._entities import EAVStore, check_handle


async def fsck(
    db: found.Database,
    eavstore: EAVStore,
    *,
    repair: bool = False,
    progress: Optional[Progress] = None,
) -> Report:
    """Check that the index has a row for each key of each dictionary, and no others.

    The dictionaries decide: rows of the index that say something else are stale, those that are not there are missing.
    Rows that cannot be unpacked are told and never touched. It reads each row, and one of the other part for it, in
    transactions of at most 500 rows, beside whatever else goes on.

    Args:
        db: a found.Database.
        eavstore: the store.
        repair: True to write what is missing and clear what is stale.
        progress: called with the number of rows looked at so far.

    Returns:
        A Report: the store's name, the number of rows, of problems and of those repaired, and the first 100 problems.

    Raises:
        FoundException: the database's own.
    """
    check_handle(eavstore)
    data = _store.span((eavstore.prefix_data,))
    index = _store.span((eavstore.prefix_index,))

    async def check_data(tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        reads: list[tuple[bytes, Awaitable[Optional[bytes]]]] = []
        for key, value in rows:
            row = _index_of(key, value)
            if row is None:
                findings.damaged(key, "it is no key and value of a dictionary")
            else:
                reads.append((row, found.get(tx, row)))
        for row, read in reads:
            if await read is None:
                findings.wrong(row, b"", "missing: a dictionary has this key and value")

    async def check_index(tx: found.Transaction, rows: Rows, findings: Findings) -> None:
        reads: list[tuple[bytes, bytes, Awaitable[Optional[bytes]]]] = []
        for key, _ in rows:
            try:
                name, value, uid = found.unpack(key, len(index[0]))
            except ValueError:
                findings.damaged(key, "it is no row of the index")
            else:
                row = data[0] + found.pack((uid, name))
                reads.append((key, found.pack((value,)), found.get(tx, row)))
        for key, value, read in reads:
            if await read != value:
                findings.stale(key, "stale: no dictionary has this key and value")

    def _index_of(key: bytes, value: bytes) -> Optional[bytes]:
        try:
            uid, name = found.unpack(key, len(data[0]))
            (item,) = found.unpack(value)
        except ValueError:
            return None
        return index[0] + found.pack((name, item, uid))

    scans = [Scan(*data, check_data), Scan(*index, check_index)]
    return await _fsck.check(db, eavstore.name, scans, repair=repair, progress=progress)
