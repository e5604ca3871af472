"""Opening: which database it is, and what it keeps."""

from __future__ import annotations

import asyncio
import logging
import signal
from pathlib import Path
from typing import Any

import pytest
from opening import OPEN, TIMEOUT, child, environment, read, write
from support import Space, fails_with, run

import found
from found import _found

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


def test_a_database_that_was_named_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="found"):

        async def main() -> None:
            async with await found.open("memory:") as db:
                await write(db, b"1")

        run(main())
    assert caplog.records == []


# ---- memory


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
