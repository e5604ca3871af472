"""Transactions that fail, and notes of what became of them."""

from __future__ import annotations

from typing import Any

from support import Space

import found

Log = list[Any]


def conflicting(space: Space, times: int, log: Log) -> Any:
    """A function whose first `times` tries are in conflict with a commit made in their middle."""

    async def function(tx: found.Transaction) -> str:
        log.append("try")
        await found.get(tx, space(b"contended"))
        if log.count("try") <= times:
            await space.write({b"contended": b"%d" % len(log)})
        found.set(tx, space(b"result"), b"try %d" % log.count("try"))
        return f"try {log.count('try')}"

    return function


async def lose(tx: found.Transaction) -> None:
    """Fail as a conflict does."""
    raise found.FoundException(1020)


def note_hooks(db: found.Database, log: Log) -> None:
    async def on_begin(tx: found.Transaction) -> None:
        log.append("begin")

    async def on_commit(tx: found.Transaction) -> None:
        log.append("commit")

    async def on_post_commit(tx: found.Transaction, stats: found.TransactionStats) -> None:
        log.append(f"done after {stats.retries} retries")

    db.hooks.on_begin.append(on_begin)
    db.hooks.on_commit.append(on_commit)
    db.hooks.on_post_commit.append(on_post_commit)
