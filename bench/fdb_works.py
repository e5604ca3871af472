"""What is measured of PyPI's foundationdb, each as its documentation has one write it.

It blocks a thread for each thing that waits, so what is concurrent in the others takes threads here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import fdb

from bench.rows import (
    AT_ONCE,
    BEGIN,
    COUNTER,
    HOT,
    KEY,
    ONE_KEY,
    PREFIX,
    PREFIX_END,
    ROWS,
    ROWS_A_TRANSACTION,
    TIMEOUT,
    TRANSACTIONS_AT_ONCE,
    VALUE,
    plus_one,
    scattered,
)

THREADS = 32


def value_of(counter: Any) -> bytes:
    return counter.value if counter.present() else b""


def works(address: str) -> Mapping[str, Callable[[int], Any]]:
    fdb.api_version(730)
    db: Any = fdb.open(address)
    db.options.set_transaction_timeout(TIMEOUT)
    pool = ThreadPoolExecutor(THREADS)

    @fdb.transactional
    def fill_rows(tr: Any, start: int, stop: int) -> None:
        for i in range(start, stop):
            tr[KEY % i] = VALUE

    def fill(count: int) -> None:
        stop = count or ROWS
        for start in range(0, stop, ROWS_A_TRANSACTION):
            fill_rows(db, start, min(start + ROWS_A_TRANSACTION, stop))

    def clear(_: int) -> None:
        db.clear_range(PREFIX, PREFIX_END)

    def at_a_version() -> Any:
        tr = db.create_transaction()
        tr.get_read_version().wait()
        return tr

    def same_key(count: int) -> float:
        tr = at_a_version()
        assert tr[ONE_KEY].wait() == VALUE
        began = time.perf_counter()
        for _ in range(count):
            tr[ONE_KEY].wait()
        return time.perf_counter() - began

    def sequential(count: int) -> float:
        tr = at_a_version()
        keys = scattered(count)
        began = time.perf_counter()
        for key in keys:
            tr[key].wait()
        return time.perf_counter() - began

    def issued(count: int) -> float:
        keys = scattered(AT_ONCE)
        seconds = 0.0
        for _ in range(count // AT_ONCE):
            tr = at_a_version()
            began = time.perf_counter()
            futures = [tr[key] for key in keys]
            values = [future.wait() for future in futures]
            seconds += time.perf_counter() - began
            assert values == [VALUE] * AT_ONCE
        return seconds

    def all_rows(count: int) -> float:
        tr = at_a_version()
        began = time.perf_counter()
        rows = tr.get_range(BEGIN, KEY % count).to_list()
        seconds = time.perf_counter() - began
        assert len(rows) == count
        return seconds

    def iterated_rows(count: int) -> float:
        tr = at_a_version()
        seen = 0
        began = time.perf_counter()
        for _key, _value in tr.get_range(BEGIN, KEY % count):
            seen += 1
        seconds = time.perf_counter() - began
        assert seen == count
        return seconds

    @fdb.transactional
    def count_up(tr: Any, key: bytes) -> None:
        tr[key] = plus_one(value_of(tr[key]))

    def transactions_in_turn(count: int) -> float:
        key = COUNTER % 0
        before = sum_of([key])
        began = time.perf_counter()
        for _ in range(count):
            count_up(db, key)
        seconds = time.perf_counter() - began
        assert sum_of([key]) == before + count
        return seconds

    def sum_of(keys: list[bytes]) -> int:
        tr = db.create_transaction()
        return sum(int.from_bytes(value_of(tr[key]), "little") for key in keys)

    def transactions(counters: int) -> Callable[[int], float]:
        keys = [COUNTER % (i % counters) for i in range(TRANSACTIONS_AT_ONCE)]

        def run(count: int) -> float:
            before = sum_of(sorted(set(keys)))
            began = time.perf_counter()
            for _ in range(count // TRANSACTIONS_AT_ONCE):
                for _ in pool.map(lambda key: count_up(db, key), keys):
                    pass
            seconds = time.perf_counter() - began
            assert sum_of(sorted(set(keys))) == before + count
            return seconds

        return run

    does: dict[str, Callable[[int], Any]] = {
        "fill": fill,
        "clear": clear,
        "gets of one key": same_key,
        "sequential gets": sequential,
        # It has no gather: what is issued is waited for in turn.
        "gathered gets": issued,
        "issued gets": issued,
        "all rows": all_rows,
        "iterated rows": iterated_rows,
        "transactions in turn": transactions_in_turn,
        "transactions": transactions(TRANSACTIONS_AT_ONCE),
        "hot transactions": transactions(HOT),
    }
    does["version"] = lambda _: version("foundationdb")
    return does
