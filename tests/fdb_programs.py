"""Programs over FoundationDB's own Python binding, which loads the libfdb_c that the dynamic linker finds.

    python fdb_programs.py NAME CLUSTER_FILE

runs one. It fails by an exception, and says `done` at the end. Nothing here knows what library has answered.
"""

from __future__ import annotations

import json
import struct
import sys
import threading
import time
from typing import Any, Callable

import fdb
import fdb.tenant_management

fdb.api_version(730)

PROGRAMS: dict[str, Callable[[Any], None]] = {}


def program(function: Callable[[Any], None]) -> Callable[[Any], None]:
    PROGRAMS[function.__name__] = function
    return function


def fails(code: int, call: Callable[[], Any]) -> None:
    """The call, or waiting for what it gives, fails with this error."""
    try:
        result = call()
        if hasattr(result, "wait"):
            result.wait()
    except fdb.FDBError as error:
        assert error.code == code, f"{error.code}, not {code}"
    else:
        raise AssertionError(f"no error {code}")


def rows(pairs: Any) -> list[tuple[bytes, bytes]]:
    return [(row.key, row.value) for row in pairs]


@program
def get_and_set(db: Any) -> None:
    assert db[b"k"] is None
    db[b"k"] = b"v"
    assert db[b"k"] == b"v"
    tr = db.create_transaction()
    tr[b"k"] = b"own"
    assert tr[b"k"] == b"own"
    assert db[b"k"] == b"v"
    assert tr.snapshot[b"k"] == b"own"
    del tr[b"k"]
    assert tr[b"k"] == None  # noqa: E711
    tr.commit().wait()
    assert db[b"k"] is None
    db[b""] = b"empty"
    db[b"\x00\xfe" * 1000] = b"\xff" * 99_999
    assert db[b""] == b"empty"
    assert db[b"\x00\xfe" * 1000] == b"\xff" * 99_999


@program
def ranges(db: Any) -> None:
    expected = [(b"%04d" % number, b"v" * (number % 50)) for number in range(2000)]

    @fdb.transactional
    def fill(tr: Any) -> None:
        for key, value in expected:
            tr[key] = value

    fill(db)
    assert rows(db[b"":b"\xff"]) == expected
    assert rows(db.get_range(b"0100", b"0200", reverse=True)) == expected[100:200][::-1]
    assert rows(db.get_range(b"0100", b"0200", limit=7)) == expected[100:107]
    assert rows(db.get_range_startswith(b"00")) == expected[:100]
    tr = db.create_transaction()
    for mode in ("want_all", "iterator", "small", "medium", "large", "serial"):
        read = tr.get_range(b"", b"\xff", streaming_mode=getattr(fdb.StreamingMode, mode))
        assert rows(read) == expected, mode
    exact = tr.get_range(b"", b"\xff", limit=1500, streaming_mode=fdb.StreamingMode.exact)
    assert rows(exact) == expected[:1500]
    # Over its own writes.
    del tr[b"0500":b"1500"]
    tr[b"0600"] = b"new"
    assert rows(tr[b"":b"\xff"]) == [*expected[:500], (b"0600", b"new"), *expected[1500:]]


@program
def selectors(db: Any) -> None:
    for key in (b"a", b"c", b"e"):
        db[key] = b""
    selector = fdb.KeySelector
    for given, expected in [
        (selector.first_greater_or_equal(b"c"), b"c"),
        (selector.first_greater_than(b"c"), b"e"),
        (selector.last_less_than(b"c"), b"a"),
        (selector.last_less_or_equal(b"d"), b"c"),
        (selector.first_greater_or_equal(b"a") + 2, b"e"),
        (selector.first_greater_or_equal(b"a") - 5, b""),
        (selector.first_greater_than(b"e"), b"\xff"),
    ]:
        assert db.get_key(given) == expected, given
    read = db.get_range(selector.first_greater_than(b"a"), selector.last_less_or_equal(b"z"))
    assert [row.key for row in read] == [b"c"]


@program
def atomic_operations(db: Any) -> None:
    def number(value: int) -> bytes:
        return struct.pack("<I", value)

    tr = db.create_transaction()
    for name, before, operand, after in [
        ("add", number(5), number(7), number(12)),
        ("bit_and", number(12), number(10), number(8)),
        ("bit_or", number(12), number(10), number(14)),
        ("bit_xor", number(12), number(10), number(6)),
        ("max", number(12), number(300), number(300)),
        ("min", number(12), number(300), number(12)),
        ("byte_max", b"ab", b"b", b"b"),
        ("byte_min", b"ab", b"b", b"ab"),
        ("append_if_fits", b"ab", b"cd", b"abcd"),
        ("compare_and_clear", b"ab", b"ab", None),
        ("compare_and_clear", b"ab", b"ax", b"ab"),
    ]:
        for read_own in (False, True):
            db[b"k"] = before
            tr = db.create_transaction()
            getattr(tr, name)(b"k", operand)
            if read_own:
                assert tr[b"k"] == after, name
            tr.commit().wait()
            assert db[b"k"] == after, name


@program
def conflicts_and_retries(db: Any) -> None:
    db[b"k"] = b"0"
    first, second = db.create_transaction(), db.create_transaction()
    for tr in (first, second):
        tr[b"k"] = b"%d" % (int(bytes(tr[b"k"])) + 1)
    first.commit().wait()
    fails(1020, second.commit)
    second.on_error(fdb.FDBError(1020)).wait()
    assert second[b"k"] == b"1"
    tries = []

    @fdb.transactional
    def increment(tr: Any) -> None:
        value = int(bytes(tr[b"k"]))
        if not tries:
            db[b"k"] = b"10"
        tries.append(value)
        tr[b"k"] = b"%d" % (value + 1)

    increment(db)
    assert tries == [1, 10]
    assert db[b"k"] == b"11"
    # A snapshot read does not conflict, a conflict range by hand does.
    tr = db.create_transaction()
    tr.snapshot[b"k"].wait()
    tr[b"other"] = b""
    db[b"k"] = b"12"
    tr.commit().wait()
    tr = db.create_transaction()
    tr.get_read_version().wait()
    tr.add_read_conflict_range(b"a", b"z")
    tr[b"other"] = b""
    db[b"k"] = b"13"
    fails(1020, tr.commit)


@program
def many_threads(db: Any) -> None:
    @fdb.transactional
    def increment(tr: Any) -> None:
        value = tr[b"count"]
        count = struct.unpack("<Q", bytes(value))[0] if value.present() else 0
        tr[b"count"] = struct.pack("<Q", count + 1)
        tr.add(b"sum", struct.pack("<Q", 1))

    def work() -> None:
        for _ in range(25):
            increment(db)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db[b"count"] == db[b"sum"] == struct.pack("<Q", 100)


@program
def watches(db: Any) -> None:
    db[b"k"] = b"v"
    value, watch = db.get_and_watch(b"k")
    assert value == b"v"
    called = threading.Event()
    watch.on_ready(lambda _: called.set())
    db[b"k"] = b"v"
    assert not watch.is_ready()
    db[b"k"] = b"changed"
    watch.wait()
    assert called.wait(20)
    watch = db.clear_and_watch(b"k")
    watch.cancel()
    fails(1101, lambda: watch)
    tr = db.create_transaction()
    watch = tr.watch(b"k")
    tr.cancel()
    del tr
    fails(1025, lambda: watch)


@program
def versionstamps(db: Any) -> None:
    stamps = []
    for number in range(3):
        tr = db.create_transaction()
        key = fdb.tuple.pack_with_versionstamp(("log", fdb.tuple.Versionstamp(user_version=number)))
        tr.set_versionstamped_key(key, b"%d" % number)
        tr.set_versionstamped_value(b"last", b"\x00" * 10 + b"\x00\x00\x00\x00")
        stamp = tr.get_versionstamp()
        fails(1036, lambda tr=tr: tr[b"last"])
        tr = db.create_transaction()
        tr.set_versionstamped_key(key, b"%d" % number)
        tr.set_versionstamped_value(b"last", b"\x00" * 10 + b"\x00\x00\x00\x00")
        stamp = tr.get_versionstamp()
        tr.commit().wait()
        assert db[b"last"] == bytes(stamp.wait())
        assert bytes(stamp.wait())[:8] == struct.pack(">Q", tr.get_committed_version())
        stamps.append(bytes(stamp.wait()))
    log = [(fdb.tuple.unpack(key)[1], value) for key, value in db[fdb.tuple.range(("log",))]]
    assert [(stamp.tr_version, stamp.user_version) for stamp, _ in log] == [
        (stamp, number) for number, stamp in enumerate(stamps)
    ]
    assert stamps == sorted(stamps)


@program
def directories(db: Any) -> None:
    app = fdb.directory.create_or_open(db, ("app",))
    users = app.create(db, ("users",), layer=b"table")
    db[users.pack(("ada", 1))] = b"v"
    assert fdb.directory.list(db) == ["app"]
    assert app.list(db) == ["users"]
    moved = app.move(db, ("users",), ("people",))
    assert moved.get_layer() == b"table"
    assert [users.unpack(key) for key, _ in db[moved.range()]] == [("ada", 1)]
    again = fdb.directory.open(db, ("app", "people"))
    assert again.key() == moved.key()
    partition = fdb.directory.create(db, ("apart",), layer=b"partition")
    inner = partition.create_or_open(db, ("inner",))
    assert inner.key().startswith(partition._directory_layer._node_subspace.key()[:-1])
    for number in range(40):
        app.create(db, ("many", str(number)))
    assert len(app.list(db, ("many",))) == 40
    assert fdb.directory.remove(db, ("app",))
    assert not fdb.directory.exists(db, ("app",))
    assert list(db[moved.range()]) == []
    try:
        fdb.directory.open(db, ("app",))
    except ValueError:
        pass
    else:
        raise AssertionError("opened what was removed")


@program
def locality(db: Any) -> None:
    db[b"k"] = b"v"
    assert list(fdb.locality.get_boundary_keys(db, b"", b"\xff")) == [b""]
    assert list(fdb.locality.get_boundary_keys(db, b"a", b"z")) == []
    tr = db.create_transaction()
    assert list(fdb.locality.get_boundary_keys(tr, b"", b"\xff")) == [b""]
    assert list(fdb.locality.get_boundary_keys(tr, b"z", b"a")) == []
    (address,) = fdb.locality.get_addresses_for_key(db, b"k").wait()
    assert address


@program
def limits_and_errors(db: Any) -> None:
    tr = db.create_transaction()
    for code, write in [
        (2102, lambda tr: tr.set(b"k" * 10_001, b"")),
        (2103, lambda tr: tr.set(b"k", b"v" * 100_001)),
        (2004, lambda tr: tr.set(b"\xff/k", b"")),
        (2005, lambda tr: tr.clear_range(b"b", b"a")),
        (2000, lambda tr: tr.set_versionstamped_key(b"short", b"")),
    ]:
        tr = db.create_transaction()
        write(tr)
        fails(code, lambda tr=tr: tr[b"any"])
        fails(code, lambda tr=tr: tr.commit())
    fails(2004, lambda: db.create_transaction()[b"\xff/k"])
    fails(2005, lambda: db.create_transaction().add_read_conflict_range(b"b", b"a"))
    tr = db.create_transaction()
    tr.set_read_version(1 << 60)
    fails(1009, lambda: tr[b"k"])
    tr = db.create_transaction()
    for number in range(110):
        tr[b"%03d" % number] = b"v" * 99_000
    fails(2101, tr.commit)
    tr = db.create_transaction()
    tr.options.set_size_limit(1000)
    tr[b"k"] = b"v" * 2000
    fails(2101, tr.commit)
    error = fdb.FDBError(1020)
    assert (
        error.description == b"Transaction not committed due to conflict with another transaction"
    )
    for predicate, code, answer in [
        ("retryable", 1020, True),
        ("retryable", 1025, False),
        ("maybe_committed", 1021, True),
        ("maybe_committed", 1020, False),
        ("retryable_not_committed", 1020, True),
        ("retryable_not_committed", 1021, False),
    ]:
        is_one = getattr(fdb.predicates, f"is_{predicate}")
        assert is_one(fdb.FDBError(code)) == answer, (predicate, code)
    tr = db.create_transaction()
    tr[b"k"] = b"v"
    tr.commit().wait()
    fails(2017, lambda: tr[b"k"])
    tr.reset()
    assert tr[b"k"] == b"v"


@program
def timeouts_and_cancels(db: Any) -> None:
    tr = db.create_transaction()
    tr.options.set_timeout(20)
    version = tr.get_versionstamp()
    fails(1031, lambda: version)
    fails(1031, lambda: tr[b"k"])
    fails(1031, lambda: tr.on_error(fdb.FDBError(1020)))
    tr.reset()
    assert tr[b"k"] == None  # noqa: E711
    db.options.set_transaction_timeout(10_000)
    tr = db.create_transaction()
    tr.cancel()
    fails(1025, lambda: tr[b"k"])
    fails(1025, tr.commit)
    tr.reset()
    tr[b"k"] = b"v"
    tr.commit().wait()
    tr = db.create_transaction()
    tr.options.set_retry_limit(2)
    tr.options.set_max_retry_delay(1)
    for _ in range(2):
        tr.on_error(fdb.FDBError(1020)).wait()
    fails(1020, lambda: tr.on_error(fdb.FDBError(1020)))
    fails(1025, lambda: tr[b"k"])
    began = time.monotonic()
    tr = db.create_transaction()
    tr.options.set_timeout(30)
    waiting = tr.get_versionstamp()
    waiting.cancel()
    fails(1101, lambda: waiting)
    assert time.monotonic() - began < 10


@program
def tenants(db: Any) -> None:
    tenant = db.open_tenant(b"name")
    fails(2136, lambda: tenant.create_transaction()[b"k"])
    assert list(fdb.tenant_management.list_tenants(db, b"", b"\xff", 10)) == []
    fails(2136, lambda: fdb.tenant_management.create_tenant(db, b"name"))
    fails(2131, lambda: fdb.tenant_management.delete_tenant(db, b"name"))

    @fdb.transactional
    def clear(tr: Any) -> None:
        tr.options.set_special_key_space_enable_writes()
        del tr[b"\xff\xff/management/tenant/map/":b"\xff\xff/management/tenant/map0"]
        del tr[:]

    db[b"k"] = b"v"
    clear(db)
    assert db[b"k"] is None


@program
def status(db: Any) -> None:
    said = json.loads(bytes(db[b"\xff\xff/status/json"]))
    assert said["client"]["database_status"] == {"available": True, "healthy": True}
    assert said["cluster"]["database_available"] is True
    assert json.loads(bytes(db.get_client_status().wait()))["Healthy"] is True
    assert list(db[b"\xff\xff/worker_interfaces/":b"\xff\xff/worker_interfaces0"]) == []
    tr = db.create_transaction()
    tr.options.set_report_conflicting_keys()
    tr[b"read"].wait()
    db[b"read"] = b""
    tr[b"written"] = b""
    fails(1020, tr.commit)
    prefix = b"\xff\xff/transaction/conflicting_keys/"
    assert rows(tr.get_range_startswith(prefix)) == [
        (prefix + b"read", b"1"),
        (prefix + b"read\x00", b"0"),
    ]


@program
def sizes(db: Any) -> None:
    @fdb.transactional
    def fill(tr: Any) -> None:
        for number in range(1000):
            tr[b"k%04d" % number] = b"v" * 1000

    fill(db)
    tr = db.create_transaction()
    assert tr.get_approximate_size().wait() == 0
    size = tr.get_estimated_range_size_bytes(b"k", b"l").wait()
    assert 900_000 < size < 1_100_000, size
    points = tr.get_range_split_points(b"k", b"l", 100_000).wait()
    assert (points[0], points[-1]) == (b"k", b"l")
    assert 5 < len(points) < 20
    tr[b"k"] = b"v"
    assert tr.get_approximate_size().wait() > 0


@program
def count_up(db: Any) -> None:
    """What one process leaves for the next."""
    value = db[b"count"]
    count = 1 if value is None else int(value) + 1
    db[b"count"] = b"%d" % count
    print(count)


@program
def end_with_work_in_flight(db: Any) -> None:
    db[b"k"] = b"v"
    for _ in range(100):
        _, watch = db.get_and_watch(b"k")
        watch.on_ready(lambda _: None)
        KEPT.append(watch)
    for _ in range(10):
        tr = db.create_transaction()
        tr[b"w"] = b""
        KEPT.append((tr, tr.get_versionstamp(), tr.commit()))


KEPT: list[Any] = []


if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](fdb.open(*sys.argv[2:]))
    print("done")
