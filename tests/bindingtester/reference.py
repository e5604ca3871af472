"""The machine once more, over FoundationDB's own Python binding: what the other one is compared with.

    python -m tests.bindingtester.reference PREFIX API_VERSION CLUSTER_FILE

It shares no code with the rest of the package and nothing with `found`, and blocks wherever it can: in place of
futures on the stack there are results, but for versionstamps, which come after the commit. The library it loads is the
`libfdb_c` that the dynamic linker finds.
"""

from __future__ import annotations

import json
import struct
import sys
import threading
from collections import Counter
from typing import Any, Callable

import fdb

NOTHING = b"RESULT_NOT_PRESENT"


class Shared:
    """What the machines of a run have in common."""

    def __init__(self, db: Any) -> None:
        self.db = db
        self.transactions: dict[bytes, Any] = {}
        self.threads: list[threading.Thread] = []
        self.failures: list[BaseException] = []
        self.executed: Counter[str] = Counter()
        self.lock = threading.Lock()


class Reference:
    """A machine. A method named as an instruction executes it; those with suffixes are at the end."""

    def __init__(self, shared: Shared, prefix: bytes) -> None:
        self.shared, self.prefix, self.name = shared, prefix, prefix
        self.stack: list[tuple[int, Any]] = []
        self.version = 0
        self.number = -1

    def run(self) -> None:
        try:
            for number, row in enumerate(self.shared.db[fdb.tuple.range((self.prefix,))]):
                self.number = number
                self.step(*fdb.tuple.unpack(row.value))
        except BaseException as failure:
            self.shared.failures.append(failure)
            raise

    def step(self, operation: str, *argument: Any) -> None:
        with self.shared.lock:
            self.shared.executed[operation] += 1
        name, target, database = operation, self.current, False
        for suffix in ("_DATABASE", "_TENANT", "_SNAPSHOT"):
            if operation.endswith(suffix):
                name = operation[: -len(suffix)]
                database = suffix != "_SNAPSHOT"
                target = self.shared.db if database else self.current.snapshot
        try:
            if name in MUTATIONS:
                MUTATIONS[name](self, target)
                if database:
                    self.push(NOTHING)
            elif name in READS:
                self.give(READS[name](self, target))
            else:
                getattr(self, name.lower())(*argument)
        except fdb.FDBError as error:
            self.push(packed_error(error))

    @property
    def current(self) -> Any:
        with self.shared.lock:
            transactions = self.shared.transactions
            if self.name not in transactions:
                transactions[self.name] = self.shared.db.create_transaction()
            return transactions[self.name]

    def give(self, result: Any) -> None:
        self.push(NOTHING if result is None else result)

    def push(self, value: Any) -> None:
        self.stack.append((self.number, value))

    def pop(self) -> Any:
        return present(self.stack.pop()[1])

    def pops(self, count: int) -> list[Any]:
        return [self.pop() for _ in range(count)]

    # ---- data -----------------------------------------------------------------------------------------------

    def dup(self) -> None:
        self.stack.append(self.stack[-1])

    def empty_stack(self) -> None:
        self.stack = []

    def swap(self) -> None:
        depth = -1 - self.pop()
        self.stack[-1], self.stack[depth] = self.stack[depth], self.stack[-1]

    def sub(self) -> None:
        self.push(self.pop() - self.pop())

    def concat(self) -> None:
        self.push(self.pop() + self.pop())

    def wait_future(self) -> None:
        number, value = self.stack.pop()
        self.stack.append((number, present(value)))

    def log_stack(self) -> None:
        prefix = self.pop()
        logged = [
            (prefix + fdb.tuple.pack((index, number)), fdb.tuple.pack((present(value),))[:40000])
            for index, (number, value) in enumerate(self.stack)
        ]
        self.stack = []
        for at in range(0, len(logged), 50):
            write_rows(self.shared.db, logged[at : at + 50])

    # ---- tuples ---------------------------------------------------------------------------------------------

    def tuple_pack(self) -> None:
        self.push(fdb.tuple.pack(tuple(self.pops(self.pop()))))

    def tuple_pack_with_versionstamp(self) -> None:
        prefix = self.pop()
        items = tuple(self.pops(self.pop()))
        incomplete = count_incomplete(items)
        if incomplete == 1:
            self.push(b"OK")
            self.push(fdb.tuple.pack_with_versionstamp(items, prefix=prefix))
        else:
            self.push(b"ERROR: MULTIPLE" if incomplete else b"ERROR: NONE")

    def tuple_unpack(self) -> None:
        for item in fdb.tuple.unpack(self.pop()):
            self.push(fdb.tuple.pack((item,)))

    def tuple_range(self) -> None:
        around = fdb.tuple.range(tuple(self.pops(self.pop())))
        self.push(around.start)
        self.push(around.stop)

    def tuple_sort(self) -> None:
        for packed in sorted(self.pops(self.pop())):
            self.push(fdb.tuple.pack(fdb.tuple.unpack(packed)))

    def encode_float(self) -> None:
        self.push(fdb.tuple.SingleFloat(struct.unpack(">f", self.pop())[0]))

    def encode_double(self) -> None:
        self.push(struct.unpack(">d", self.pop())[0])

    def decode_float(self) -> None:
        self.push(struct.pack(">f", self.pop().value))

    def decode_double(self) -> None:
        self.push(struct.pack(">d", self.pop()))

    # ---- transactions ---------------------------------------------------------------------------------------

    def new_transaction(self) -> None:
        with self.shared.lock:
            self.shared.transactions[self.name] = self.shared.db.create_transaction()

    def use_transaction(self) -> None:
        self.name = self.pop()

    def on_error(self) -> None:
        self.give(self.current.on_error(self.pop()).wait())

    def commit(self) -> None:
        self.give(self.current.commit().wait())

    def reset(self) -> None:
        self.current.reset()

    def cancel(self) -> None:
        self.current.cancel()

    def get_read_version(self) -> None:
        self.version = self.current.get_read_version().wait()
        self.push(b"GOT_READ_VERSION")

    get_read_version_snapshot = get_read_version

    def set_read_version(self) -> None:
        self.current.set_read_version(self.version)

    def get_committed_version(self) -> None:
        self.version = self.current.get_committed_version()
        self.push(b"GOT_COMMITTED_VERSION")

    def get_versionstamp(self) -> None:
        self.push(self.current.get_versionstamp())

    def get_approximate_size(self) -> None:
        self.current.get_approximate_size().wait()
        self.push(b"GOT_APPROXIMATE_SIZE")

    def get_estimated_range_size(self) -> None:
        self.current.get_estimated_range_size_bytes(*self.pops(2)).wait()
        self.push(b"GOT_ESTIMATED_RANGE_SIZE")

    def get_range_split_points(self) -> None:
        self.current.get_range_split_points(*self.pops(3)).wait()
        self.push(b"GOT_RANGE_SPLIT_POINTS")

    def read_conflict_range(self) -> None:
        self.current.add_read_conflict_range(*self.pops(2))
        self.push(b"SET_CONFLICT_RANGE")

    def write_conflict_range(self) -> None:
        self.current.add_write_conflict_range(*self.pops(2))
        self.push(b"SET_CONFLICT_RANGE")

    def read_conflict_key(self) -> None:
        self.current.add_read_conflict_key(self.pop())
        self.push(b"SET_CONFLICT_KEY")

    def write_conflict_key(self) -> None:
        self.current.add_write_conflict_key(self.pop())
        self.push(b"SET_CONFLICT_KEY")

    def disable_write_conflict(self) -> None:
        self.current.options.set_next_write_no_write_conflict_range()

    # ---- threads --------------------------------------------------------------------------------------------

    def start_thread(self) -> None:
        thread = threading.Thread(target=Reference(self.shared, self.pop()).run)
        thread.start()
        self.shared.threads.append(thread)

    def wait_empty(self) -> None:
        wait_until_empty(self.shared, self.pop())
        self.push(b"WAITED_FOR_EMPTY")

    def unit_tests(self) -> None:
        """Tests of the binding that is not under test."""


def present(value: Any) -> Any:
    """The value, once it is there."""
    if isinstance(value, fdb.Future):
        try:
            return value.wait().value
        except fdb.FDBError as error:
            return packed_error(error)
    return value


def packed_error(error: Any) -> bytes:
    return bytes(fdb.tuple.pack((b"ERROR", str(error.code).encode())))


def count_incomplete(items: Any) -> int:
    nested = sum(count_incomplete(item) for item in items if isinstance(item, (tuple, list)))
    stamps = (item for item in items if isinstance(item, fdb.tuple.Versionstamp))
    return nested + sum(not stamp.is_complete() for stamp in stamps)


def write_rows(db: Any, rows: list[tuple[bytes, bytes]]) -> None:
    @fdb.transactional
    def write(tr: Any) -> None:
        for key, value in rows:
            tr[key] = value

    write(db)


def wait_until_empty(shared: Shared, prefix: bytes) -> None:
    @fdb.transactional
    def check(tr: Any) -> None:
        if shared.failures:
            raise RuntimeError("another machine has failed")
        if tr.get_range_startswith(prefix, limit=1).to_list():
            raise fdb.FDBError(1020)

    check(shared.db)


def get(machine: Reference, target: Any) -> Any:
    value = target.get(machine.pop())
    return value.value if isinstance(value, fdb.Future) else value


def get_key(machine: Reference, target: Any) -> bytes:
    key, or_equal, offset, prefix = machine.pops(4)
    found = target.get_key(fdb.KeySelector(key, or_equal, offset))
    key = bytes(found.value if isinstance(found, fdb.Future) else found)
    if key < prefix:
        return bytes(prefix)
    return key if key.startswith(prefix) else bytes(fdb.impl.strinc(prefix))


def get_range(machine: Reference, target: Any) -> bytes:
    return packed_rows(target.get_range(*machine.pops(5)))


def get_range_starts_with(machine: Reference, target: Any) -> bytes:
    return packed_rows(target.get_range_startswith(*machine.pops(4)))


def get_range_selector(machine: Reference, target: Any) -> bytes:
    begin, end = (fdb.KeySelector(*machine.pops(3)) for _ in "be")
    limit, reverse, mode, prefix = machine.pops(4)
    return packed_rows(target.get_range(begin, end, limit, reverse, mode), prefix)


def packed_rows(rows: Any, prefix: bytes = b"") -> bytes:
    flat: list[bytes] = []
    for key, value in rows:
        if key.startswith(prefix):
            flat += (key, value)
    return bytes(fdb.tuple.pack(tuple(flat)))


def atomic_op(machine: Reference, target: Any) -> None:
    name, key, param = machine.pops(3)
    getattr(target, name.lower())(key, param)


READS: dict[str, Callable[[Reference, Any], Any]] = {
    "GET": get,
    "GET_KEY": get_key,
    "GET_RANGE": get_range,
    "GET_RANGE_STARTS_WITH": get_range_starts_with,
    "GET_RANGE_SELECTOR": get_range_selector,
}
MUTATIONS: dict[str, Callable[[Reference, Any], None]] = {
    "SET": lambda machine, target: target.set(*machine.pops(2)),
    "CLEAR": lambda machine, target: target.clear(machine.pop()),
    "CLEAR_RANGE": lambda machine, target: target.clear_range(*machine.pops(2)),
    "CLEAR_RANGE_STARTS_WITH": lambda machine, target: target.clear_range_startswith(machine.pop()),
    "ATOMIC_OP": atomic_op,
}


def main() -> int:
    prefix, version, cluster_file = sys.argv[1:]
    fdb.api_version(int(version))
    shared = Shared(fdb.open(cluster_file))
    Reference(shared, prefix.encode()).run()
    for thread in shared.threads:
        thread.join()
    # Which library has answered, and what it was asked.
    library = fdb.impl._capi
    library.fdb_get_client_version.restype = fdb.impl.ctypes.c_char_p
    client = library.fdb_get_client_version().decode()
    print(json.dumps({"client": client, "executed": shared.executed}), flush=True)
    return 1 if shared.failures else 0


if __name__ == "__main__":
    sys.exit(main())
