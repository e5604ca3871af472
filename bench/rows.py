"""What every contender of the driver's sections reads and writes: keys under one prefix, cleared in the end."""

from __future__ import annotations

PREFIX, PREFIX_END = b"found.bench/", b"found.bench0"

ROWS = 50_000
"""Rows of the range that is read."""
ROWS_A_TRANSACTION = 1_000
KEY = PREFIX + b"r%08d"
BEGIN, END = PREFIX + b"r", PREFIX + b"s"
ONE_KEY = KEY % 1_000
"""Where one key is read again and again."""
VALUE = b"v" * 100
ROW_BYTES = len(KEY % 0) + len(VALUE)

AT_ONCE = 500
"""Gets that are under way together."""

TRANSACTIONS_AT_ONCE = 1_000

COUNTER = PREFIX + b"c%08d"
HOT = 100
"""Counters that transactions meet at."""

OPTION_TIMEOUT, TIMEOUT = 500, 60_000
"""FDB_DB_OPTION_TRANSACTION_TIMEOUT, in milliseconds: a cluster that does not answer is told, not waited for."""


def scattered(count: int) -> list[bytes]:
    """Keys all over the range, none twice up to ROWS of them."""
    return [KEY % (i * 7919 % ROWS) for i in range(count)]


def plus_one(counter: bytes) -> bytes:
    return (int.from_bytes(counter, "little") + 1).to_bytes(8, "little")
