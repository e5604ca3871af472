"""Opening and closing: which database it is, what keeps it from being opened, and what survives."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support import Space, fails_with, run

import found
from found import _found

TIMEOUT = 20

# A process that has heard of no database, whatever is set where the tests run.
HIDDEN = ("FOUND_DATABASE", "FDB_CLUSTER_FILE", "FOUND_LIBFDB_C", "XDG_DATA_HOME")


def environment(**added: Any) -> dict[str, str]:
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

no_client = pytest.mark.skipif(
    _found._client_is_installed() or Path("/etc/foundationdb/fdb.cluster").exists(),
    reason="a FoundationDB client or cluster file is installed",
)


# ---- which database


def test_the_argument_is_what_is_opened_whatever_the_environment_names(tmp_path: Path) -> None:
    env = environment(FOUND_DATABASE="embedded:/nowhere/x", FDB_CLUSTER_FILE="/nowhere/y")
    for _ in range(2):
        done = child(OPEN, "memory:", env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "<found.Database memory:> 1\n"


def test_found_database_comes_before_the_cluster_file(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    env = environment(FOUND_DATABASE=address, FDB_CLUSTER_FILE="/nowhere/fdb.cluster")
    for count in (1, 2):
        done = child(OPEN, env=env)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"<found.Database {address}> {count}\n"


def test_a_cluster_file_of_the_environment_that_is_missing_is_an_error(tmp_path: Path) -> None:
    missing = tmp_path / "fdb.cluster"
    for named in (missing, tmp_path):
        done = child(OPEN, env=environment(FDB_CLUSTER_FILE=named, XDG_DATA_HOME=tmp_path))
        assert (
            done.stdout == f"FileNotFoundError: FDB_CLUSTER_FILE names {named}, which is no file\n"
        )
    assert list(tmp_path.iterdir()) == []


@no_client
def test_a_cluster_needs_the_client_library_and_the_error_says_where_to_get_it(
    tmp_path: Path,
) -> None:
    cluster_file = tmp_path / "fdb.cluster"
    cluster_file.write_text("test:test@127.0.0.1:4500")
    for done in (
        child(OPEN, env=environment(FDB_CLUSTER_FILE=cluster_file)),
        child(OPEN, cluster_file, env=environment()),
    ):
        assert done.stdout.startswith("LibraryException: no FoundationDB client library was found")
        for part in ("libfdb_c", "foundationdb-clients", "FOUND_LIBFDB_C", "memory:"):
            assert part in done.stdout


def test_a_library_that_is_named_and_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    cluster_file = tmp_path / "fdb.cluster"
    cluster_file.write_text("test:test@127.0.0.1:4500")
    library = tmp_path / "libfdb_c.so"
    library.write_text("no library")
    for named in (library, tmp_path / "missing.so"):
        done = child(OPEN, cluster_file, env=environment(FOUND_LIBFDB_C=named))
        assert done.stdout.startswith(f"LibraryException: FOUND_LIBFDB_C names {named}, which")


@pytest.mark.skipif(
    Path("/etc/foundationdb/fdb.cluster").exists(), reason="a cluster file is installed"
)
def test_who_names_a_library_never_gets_a_file_instead(tmp_path: Path) -> None:
    # Production writes never go to a laptop's file, least of all for a library that is misspelt.
    env = environment(FOUND_LIBFDB_C=tmp_path / "missing.so", XDG_DATA_HOME=tmp_path / "data")
    done = child(OPEN, env=env)
    assert done.stdout.startswith("LibraryException: "), done.stdout
    assert not (tmp_path / "data").exists()


@no_client
def test_a_machine_without_foundationdb_uses_a_file_of_the_users_and_says_so(
    tmp_path: Path,
) -> None:
    path = tmp_path / "found" / "default.found"
    for count in (1, 2):
        done = child(OPEN, env=environment(XDG_DATA_HOME=tmp_path))
        assert done.stdout == f"<found.Database embedded:{path}> {count}\n"
        (warning,) = done.stderr.splitlines()
        assert warning.startswith("found WARNING ")
        for part in (str(path), "FOUND_DATABASE", "/etc/foundationdb/fdb.cluster"):
            assert part in warning
    assert path.is_file()


@no_client
def test_the_users_folder_is_that_of_the_platform(tmp_path: Path) -> None:
    done = child(OPEN, env=environment(HOME=tmp_path))
    path = tmp_path / ".local" / "share" / "found" / "default.found"
    assert done.stdout == f"<found.Database embedded:{path}> 1\n"


@pytest.mark.parametrize("address", [b"memory:", 1, object(), ["memory:"]])
async def test_an_address_of_the_wrong_type_is_refused(address: Any) -> None:
    with pytest.raises(TypeError, match=f"str.* not {type(address).__name__}"):
        await found.open(address)


async def test_an_empty_address_is_refused() -> None:
    with pytest.raises(ValueError, match="cluster_file must not be empty"):
        await found.open("")


async def test_an_address_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises((found.FoundException, ValueError)):
        await found.open(f"embedded:{tmp_path}/a\0b")
    assert list(tmp_path.iterdir()) == []


# ---- memory


async def write(db: found.Database, value: bytes) -> None:
    async with found.transaction(db) as tx:
        found.set(tx, b"k", value)


async def read(db: found.Database) -> Any:
    return await found.get(found.make_transaction(db), b"k")


async def test_memory_alone_is_a_new_database_each_time() -> None:
    async with await found.open("memory:") as one, await found.open("memory:") as two:
        await write(one, b"1")
        assert await read(two) is None
    async with await found.open("memory:") as three:
        assert await read(three) is None


async def test_memory_by_name_is_one_database_until_the_process_ends() -> None:
    name = "memory:test_memory_by_name"
    async with await found.open(name) as one, await found.open(name) as two:
        await write(one, b"1")
        assert await read(two) == b"1"
        # Transactions of both conflict with each other.
        loser = found.make_transaction(one)
        await found.get(loser, b"k")
        await write(two, b"2")
        found.set(loser, b"k", b"3")
        with fails_with(1020):
            await found.commit(loser)
        async with await found.open(name + "-other") as other:
            assert await read(other) is None
    async with await found.open(name) as again:
        assert await read(again) == b"2"


async def test_a_watch_fires_for_a_write_through_another_handle(tmp_path: Path) -> None:
    for address in ("memory:test_a_watch_fires", f"embedded:{tmp_path / 'db'}"):
        async with await found.open(address) as one, await found.open(address) as two:
            async with found.transaction(one) as tx:
                watch = found.watch(tx, b"k")
            await write(two, b"changed")
            await asyncio.wait_for(watch, TIMEOUT)


def test_memory_by_name_is_not_shared_between_processes() -> None:
    for _ in range(2):
        done = child(OPEN, "memory:shared", env=environment())
        assert done.stdout == "<found.Database memory:shared> 1\n"


# ---- files


async def test_a_file_keeps_its_data(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    versions = []
    for number in range(3):
        async with await found.open(address) as db:
            space = Space(db, b"k/")
            assert await space.read() == {b"%d" % n: b"v%d" % n for n in range(number)}
            versions.append(await found.read_version(found.make_transaction(db)))
            versions.append(await space.write({b"%d" % number: b"v%d" % number}))
    # Versions go on where they were left.
    assert versions == sorted(versions)
    assert [entry.name for entry in tmp_path.iterdir()] == ["db"]


@pytest.mark.parametrize("name", ["with space", "été", "a&b=c", "%41", "dots...", "-dash"])
async def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    async with await found.open(f"embedded:{tmp_path / name}") as db:
        await write(db, b"1")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    async with await found.open(f"embedded:{tmp_path / name}?cache=1m") as db:
        assert await read(db) == b"1"


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    # As tempfile and mktemp make them.
    path = tmp_path / "db"
    path.touch()
    async with await found.open(f"embedded:{path}") as db:
        await write(db, b"1")
    async with await found.open(f"embedded:{path}") as db:
        assert await read(db) == b"1"


async def test_the_folders_of_a_file_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "db"
    async with await found.open(f"embedded:{path}") as db:
        await write(db, b"1")
    assert path.is_file()


def test_a_path_is_relative_to_where_the_program_runs(tmp_path: Path) -> None:
    code = "import os, sys; os.chdir(sys.argv.pop(1))\n" + OPEN
    for _ in range(2):
        done = child(code, tmp_path, "embedded:db", env=environment())
    assert done.stdout == "<found.Database embedded:db> 2\n"
    assert (tmp_path / "db").is_file()


async def test_a_file_opened_twice_in_one_process_is_one_database(tmp_path: Path) -> None:
    path = tmp_path / "db"
    (tmp_path / "link").symlink_to(path)
    async with await found.open(f"embedded:{path}") as one:
        for other in (path, tmp_path / "." / "db", tmp_path / "link"):
            async with await found.open(f"embedded:{other}") as two:
                await write(two, str(other).encode())
                assert await read(one) == str(other).encode()
        # The last handle closes it, not the first.
        await write(one, b"still open")
        assert await read(one) == b"still open"


async def test_what_was_committed_survives_a_process_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "db"
    code = """
import asyncio, os, signal, sys
import found

async def main():
    db = await found.open(sys.argv[1])
    for number in range(20):
        tx = found.make_transaction(db)
        found.set(tx, b"%03d" % number, b"v")
        await found.commit(tx)
    tx = found.make_transaction(db)
    found.set(tx, b"never committed", b"v")
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
    done = child(code, f"embedded:{path}", env=environment())
    assert done.returncode == -signal.SIGKILL, done.stderr
    async with await found.open(f"embedded:{path}") as db:
        rows = await found.all(found.query(found.make_transaction(db), b"", b"\xff"))
        assert rows == [(b"%03d" % number, b"v") for number in range(20)]


async def test_a_program_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    code = OPEN.replace("await found.close(db)", "pass")
    for count in (1, 2):
        done = child(code, f"embedded:{tmp_path / 'db'}", env=environment())
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith(f"> {count}\n")


# ---- what is not one


def failing_to_open(address: str) -> found.FoundException:
    async def main() -> None:
        await found.open(address)

    with pytest.raises(found.FoundException) as raised:
        run(main())
    return raised.value


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("memory:?speed=1", "unknown option speed"),
        ("memory:?latency", "option latency has no value"),
        ("memory:?latency=-1", "option latency does not take -1"),
        ("memory:name?latency=soon", "option latency does not take soon"),
        ("memory:?cache=1m", "option cache is for files"),
        ("memory:?sync=off", "option sync is for files"),
        ("embedded:", "path of the file is missing"),
        ("embedded:?cache=1m", "path of the file is missing"),
        ("embedded:{}/db?cache=much", "option cache does not take much"),
        ("embedded:{}/db?cache=-1", "option cache does not take -1"),
        ("embedded:{}/db?sync=maybe", "option sync does not take maybe"),
        ("embedded:{}/db?a=b", "unknown option a"),
    ],
)
def test_an_address_that_is_wrong_says_what_is_wrong_with_it(
    tmp_path: Path, address: str, cause: str
) -> None:
    address = address.format(tmp_path)
    error = failing_to_open(address)
    assert error.code == 2006
    assert address in str(error)
    assert cause in str(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"this is not a database\n", b"\x00" * 100_000, b"\x7fELF" + bytes(5000), b"x"],
    ids=["text", "zeros", "binary", "one byte"],
)
def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "db"
    path.write_bytes(content)
    error = failing_to_open(f"embedded:{path}")
    assert error.code == 1522
    assert str(path) in str(error)
    assert path.read_bytes() == content


def fill(path: Path) -> bytes:
    async def main() -> None:
        async with await found.open(f"embedded:{path}") as db:
            space = Space(db, b"k/")
            for number in range(10):
                await space.write({b"%d/%d" % (number, n): bytes(1000) for n in range(100)})

    run(main())
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.9])
def test_a_truncated_database_is_told_and_left_alone(tmp_path: Path, part: float) -> None:
    path = tmp_path / "db"
    content = fill(path)
    path.write_bytes(content[: int(len(content) * part)])
    before = path.read_bytes()
    error = failing_to_open(f"embedded:{path}")
    assert error.code == 1522
    assert str(path) in str(error)
    assert path.read_bytes() == before
    # It can still be put right from a copy.
    path.write_bytes(content)
    done = child(OPEN, f"embedded:{path}", env=environment())
    assert done.stdout.endswith("> 1\n")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    error = failing_to_open(f"embedded:{tmp_path}")
    assert str(tmp_path) in str(error)
    assert "folder" in str(error)


def test_a_place_where_no_file_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "db"
    error = failing_to_open(f"embedded:{path}")
    assert str(path) in str(error)
    assert (tmp_path / "file").read_text() == "in the way"


AS_NOBODY = """
import os
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
def test_a_read_only_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "db"
    content = fill(path)
    path.chmod(0o444)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = OPEN.replace("async def main():", AS_NOBODY + "\nasync def main():", 1)
    done = child(code, f"embedded:{path}", env=environment())
    assert done.stdout.startswith("FoundException: 1514: "), (done.stdout, done.stderr)
    assert str(path) in done.stdout
    assert "read-only" in done.stdout
    assert path.read_bytes() == content


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "db"
    fill(path)
    path.chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = OPEN.replace("async def main():", AS_NOBODY + "\nasync def main():", 1)
    done = child(code, f"embedded:{path}", env=environment())
    assert done.stdout.startswith("FoundException: 1513: "), (done.stdout, done.stderr)
    assert str(path) in done.stdout
    assert "permission denied" in done.stdout


HOLD = """
import asyncio, sys
import found

async def main():
    async with await found.open(sys.argv[1]) as db:
        async with found.transaction(db) as tx:
            found.set(tx, b"k", b"of the holder")
        print("holding", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


@pytest.mark.parametrize("end", ["closes", "killed"])
def test_a_file_held_by_another_process_says_by_which(tmp_path: Path, end: str) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "holding\n"
        for _ in range(2):
            error = failing_to_open(address)
            assert error.code == 1529
            assert str(tmp_path / "db") in str(error)
            if sys.platform == "linux":
                assert f"process {holder.pid} " in str(error)
        if end == "killed":
            holder.kill()
        else:
            holder.stdin.close()
        holder.wait(TIMEOUT)

    async def main() -> None:
        async with await found.open(address) as db:
            assert await read(db) == b"of the holder"

    run(main())


FULL = """
import asyncio, os, resource, signal, sys
import found

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path = sys.argv[1]
    db = await found.open("embedded:" + path)
    async with found.transaction(db) as tx:
        found.set(tx, b"first", b"v")
    size = os.path.getsize(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    written = 0
    try:
        for number in range(1000):
            tx = found.make_transaction(db)
            found.set(tx, b"%04d" % number, os.urandom(90_000))
            await found.commit(tx)
            written += 1
    except found.FoundException as error:
        print(written, error, flush=True)
    else:
        print("never full")
    # The database answers still, if only with errors.
    try:
        await found.get(found.make_transaction(db), b"first")
    except found.FoundException:
        pass
    await asyncio.wait_for(found.close(db), 20)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit to the size of files")
def test_a_full_disk_is_told_and_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "db"
    done = child(FULL, path, env=environment())
    assert done.returncode == 0, done.stderr
    written, _, message = done.stdout.partition(" ")
    assert message.startswith("1510: "), done.stdout
    assert str(path) in message

    async def main() -> None:
        async with await found.open(f"embedded:{path}") as db:
            tx = found.make_transaction(db)
            assert await found.get(tx, b"first") == b"v"
            rows = await found.all(found.query(tx, b"0", b":"))
            assert [key for key, _ in rows] == [b"%04d" % n for n in range(int(written))]
            assert all(len(value) == 90_000 for _, value in rows)
            await write(db, b"and it goes on")

    run(main())


# ---- closing


async def test_async_with_closes(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    async with await found.open(address) as db:
        assert isinstance(db, found.Database)
        assert repr(db) == f"<found.Database {address}>"
    assert repr(db) == f"<found.Database {address} closed>"
    with pytest.raises(LookupError, match="mine"):
        async with await found.open(address) as db:
            raise LookupError("mine")
    assert "closed" in repr(db)


async def test_a_closed_database_says_so(memory: found.Database) -> None:
    async def function(tx: found.Transaction) -> None: ...

    tx = found.make_transaction(memory)
    await found.close(memory)
    for failing in (
        lambda: found.make_transaction(memory),
        lambda: found.transaction(memory),
        lambda: found.database_set_option(memory, found.DatabaseOption.MAX_WATCHES, 1),
        lambda: found.get(tx, b"k"),
        lambda: found.set(tx, b"k", b"v"),
        lambda: found.commit(tx),
        lambda: found.reset(tx),
        lambda: found.watch(tx, b"k"),
    ):
        with pytest.raises(RuntimeError, match="the database is closed: open it again"):
            failing()
    with pytest.raises(RuntimeError, match="closed"):
        await found.transactional(memory, function)
    with pytest.raises(RuntimeError, match="closed"):
        await found.all(found.query(tx, b"", b"\xff"))
    await found.close(memory)


async def test_closing_ends_what_is_under_way(db: found.Database) -> None:
    tx = found.make_transaction(db)
    stamp = found.get_versionstamp(tx)
    async with found.transaction(db) as other:
        watch = found.watch(other, b"found-test/never written")
    waiting = asyncio.gather(stamp, watch, return_exceptions=True)
    await found.close(db)
    errors = await asyncio.wait_for(waiting, TIMEOUT)
    assert all(isinstance(error, found.FoundException) for error in errors), errors
    assert errors[0].code == 1025


async def test_closing_one_handle_ends_its_watches_and_no_others() -> None:
    name = "memory:test_closing_one_handle"
    async with await found.open(name) as one, await found.open(name) as two:
        watches = []
        for db in (one, two):
            async with found.transaction(db) as tx:
                watches.append(found.watch(tx, b"k"))
        await found.close(one)
        with pytest.raises(found.FoundException):
            await asyncio.wait_for(watches[0], TIMEOUT)
        assert not watches[1].done()
        await write(two, b"changed")
        await asyncio.wait_for(watches[1], TIMEOUT)


async def test_an_iteration_of_a_closed_database_ends_with_an_error(memory: found.Database) -> None:
    await Space(memory, b"k").write({b"%04d" % number: bytes(100) for number in range(1000)})
    tx = found.make_transaction(memory)
    query = found.query(tx, b"", b"\xff", mode=found.STREAMING_MODE_SMALL)
    await query.__anext__()
    await found.close(memory)
    with pytest.raises(RuntimeError, match="closed"):
        async for _ in query:
            pass


async def test_two_that_close_at_once_both_end(memory: found.Database) -> None:
    await asyncio.wait_for(
        asyncio.gather(found.close(memory), found.close(memory), found.close(memory)), TIMEOUT
    )


async def test_a_closed_file_can_be_opened_by_another_process_at_once(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    for number in range(3):
        async with await found.open(address) as db:
            tx = found.make_transaction(db)
            await found.get(tx, b"k")
            query = found.query(tx, b"", b"\xff")
            async for _ in query:
                break
        done = await asyncio.get_running_loop().run_in_executor(
            None, lambda: child(OPEN, address, env=environment())
        )
        assert done.stdout.endswith(f"> {number + 1}\n"), done.stdout


async def test_many_databases_can_be_open(tmp_path: Path) -> None:
    databases = [
        await found.open(address)
        for number in range(20)
        for address in ("memory:", f"embedded:{tmp_path / str(number)}?cache=1m")
    ]
    for number, db in enumerate(databases):
        await write(db, b"%d" % number)
    for number, db in enumerate(databases):
        assert await read(db) == b"%d" % number
    await asyncio.gather(*map(found.close, databases))


async def test_databases_opened_at_once_all_open(tmp_path: Path) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    databases = await asyncio.gather(*[found.open(address) for _ in range(8)])
    await write(databases[0], b"1")
    for db in databases:
        assert await read(db) == b"1"
    await asyncio.gather(*map(found.close, databases))


def test_a_database_never_opened_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="found"):

        async def main() -> None:
            async with await found.open("memory:") as db:
                await write(db, b"1")

        run(main())
    assert caplog.records == []
