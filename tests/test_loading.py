"""Loading a client library, and its bad days: each in a process of its own, for one is loaded and started once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client_library import NAME, TESTS, compile_c, in_front, library, linked_against
from opening import OPEN, child, environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="loads a libfdb_c.so")
makes_libraries = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="makes libraries as Linux has them"
)

MEMORY = "memory:loaded"


@pytest.fixture
def cluster_file(tmp_path: Path) -> Path:
    """A cluster file that names a database in memory: of the library that is loaded, and in no other."""
    path = tmp_path / "fdb.cluster"
    path.write_text(MEMORY)
    return path


def stub(folder: Path, **macros: Any) -> Path:
    """A library with what these macros of stub_client.c define in front of ours."""
    flags = [f"-D{name}={value}" for name, value in macros.items()]
    behind = ["-Wl,--no-as-needed", *linked_against(alone(folder))]
    return compile_c(TESTS / "stub_client.c", folder / "stub.so", *flags, *behind)


def alone(folder: Path) -> Path:
    """Our library in a folder of its own."""
    link = folder / "lib" / NAME
    link.parent.mkdir()
    link.symlink_to(library())
    return link


def opened(
    named: Any, *arguments: Any, code: str = OPEN, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """Run a program where `FOUND_LIBFDB_C` names a library."""
    return child(code, *arguments, env=environment(FOUND_LIBFDB_C=named, **variables))


def output_of(named: Any, *arguments: Any, code: str = OPEN, **variables: Any) -> str:
    """What such a program prints that ends well."""
    ended = opened(named, *arguments, code=code, **variables)
    assert ended.stderr == ""
    assert ended.returncode == 0
    return ended.stdout


# ---- a library that works


def test_the_library_that_is_named_answers_for_a_cluster(cluster_file: Path) -> None:
    assert output_of(library(), cluster_file) == f"<found.Database {cluster_file}> 1\n"
    said = output_of(library(), FDB_CLUSTER_FILE=cluster_file)
    assert said == f"<found.Database {cluster_file}> 1\n"


def test_the_linkers_folders_are_searched_where_none_is_named(
    cluster_file: Path, tmp_path: Path
) -> None:
    variables = in_front(alone(tmp_path))
    for named in ({}, {"FOUND_LIBFDB_C": ""}):
        ended = child(OPEN, cluster_file, env=environment(**named, **variables))
        assert ended.stdout == f"<found.Database {cluster_file}> 1\n"


TWO = """
import asyncio, sys
import found

async def write(db, value):
    async with found.transaction(db) as tx:
        found.set(tx, b"k", value)

async def read(db):
    return await found.get(found.make_transaction(db), b"k")

async def main():
    addresses = sys.argv[1:]
    databases = [await found.open(address) for address in addresses]
    for address, db in zip(addresses, databases):
        await write(db, address.encode())
    for number, (address, db) in enumerate(zip(addresses, databases)):
        async with found.transaction(db) as tx:
            watch = found.watch(tx, b"watched")
        async with found.transaction(db) as tx:
            found.set(tx, b"watched", b"%d" % number)
        await watch
        print((await read(db)).decode(), found.get_client_version(db).count(","))

asyncio.run(main())
"""


def test_both_libraries_can_be_open_in_one_process(cluster_file: Path) -> None:
    # One name, and two databases: memory belongs to the library.
    said = output_of(library(), MEMORY, cluster_file, code=TWO)
    assert said == f"{MEMORY} 2\n{cluster_file} 2\n"
    said = output_of(library(), cluster_file, MEMORY, code=TWO)
    assert said == f"{cluster_file} 2\n{MEMORY} 2\n"


def test_a_second_cluster_is_another_database(cluster_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.cluster"
    other.write_text(f"embedded:{tmp_path / 'db'}")
    said = output_of(library(), cluster_file, other, code=TWO)
    assert said == f"{cluster_file} 2\n{other} 2\n"
    # And the same one twice is the same.
    said = output_of(library(), cluster_file, cluster_file, code=TWO)
    assert said == f"{cluster_file} 2\n" * 2


# ---- libraries that are none, or not enough


@makes_libraries
@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (None, "cannot open shared object file: No such file or directory"),
        ("no library\n" * 100, "invalid ELF header"),
        ("", "file too short"),
    ],
)
def test_what_is_no_library_is_named_with_what_the_linker_says(
    cluster_file: Path, tmp_path: Path, content: str, cause: str
) -> None:
    path = tmp_path / "named.so"
    if content is not None:
        path.write_text(content)
    said = output_of(path, cluster_file)
    assert said.startswith(f"LibraryException: FOUND_LIBFDB_C names {path}, which cannot be used:")
    assert said.endswith(f"{cause}\n")


@makes_libraries
def test_a_library_of_something_else_is_no_client(cluster_file: Path, tmp_path: Path) -> None:
    other = compile_c(TESTS / "stub_client.c", tmp_path / "other.so")
    said = output_of(other, cluster_file)
    assert said == (
        f"LibraryException: FOUND_LIBFDB_C names {other}, which cannot be used: "
        "it is no FoundationDB client: it has no fdb_get_max_api_version\n"
    )


@makes_libraries
def test_a_client_that_is_too_old_says_which_is_not(cluster_file: Path, tmp_path: Path) -> None:
    old = compile_c(TESTS / "stub_client.c", tmp_path / "old.so", "-DAPI_VERSION=620")
    said = output_of(old, cluster_file)
    assert "it knows API versions up to 620, and found needs 710" in said
    assert "version 7.1 or later" in said


@makes_libraries
def test_a_client_without_a_function_that_all_have_says_which(
    cluster_file: Path, tmp_path: Path
) -> None:
    empty = compile_c(TESTS / "stub_client.c", tmp_path / "empty.so", "-DAPI_VERSION=730")
    assert "undefined symbol: fdb_create_database\n" in output_of(empty, cluster_file)


# ---- versions of the client


@makes_libraries
@pytest.mark.parametrize(
    ("newest", "selected"), [(710, 710), (720, 720), (730, 730), (740, 730), (800, 730)]
)
def test_the_newest_version_that_both_know_is_selected(
    cluster_file: Path, tmp_path: Path, newest: int, selected: int
) -> None:
    client = stub(tmp_path, API_VERSION=newest, EXPECTED_VERSION=selected)
    assert output_of(client, cluster_file) == f"<found.Database {cluster_file}> 1\n"


LACKS = """
import asyncio, sys
import found

async def main():
    db = await found.open(sys.argv[1])
    tx = found.make_transaction(db)
    for call in (
        lambda: found.open_tenant(db, b"name"),
        lambda: found.get_client_status(db),
        lambda: found.get_total_cost(tx),
        lambda: found.get_tag_throttled_duration(tx),
    ):
        try:
            call()
        except found.LibraryException as error:
            print(error)
        else:
            print("has it")
    print(await found.get(tx, b"k"), await found.get_server_protocol(db) > 0)

asyncio.run(main())
"""


@makes_libraries
def test_tenants_of_a_client_of_8_0_are_never_called(cluster_file: Path, tmp_path: Path) -> None:
    client = stub(tmp_path, API_VERSION=800, EXPECTED_VERSION=730, NO_TENANTS=1)
    tenants, *others = output_of(client, cluster_file, code=LACKS).splitlines()
    assert tenants.startswith(f"{client} (")
    assert tenants.endswith(
        "has no fdb_database_open_tenant: FoundationDB clients 7.1 to 7.4 have it"
    )
    assert others == ["has it"] * 3 + ["None True"]


@makes_libraries
def test_what_a_client_lacks_is_said_when_it_is_used(cluster_file: Path, tmp_path: Path) -> None:
    lacking = [
        b"fdb_database_get_client_status",
        b"fdb_transaction_get_total_cost",
        b"fdb_transaction_get_tag_throttled_duration",
        b"fdb_future_get_double",
    ]
    content = library().read_bytes()
    for name in lacking:
        # Under another name nobody finds it.
        assert b"\x00" + name + b"\x00" in content
        content = content.replace(b"\x00" + name + b"\x00", b"\x00x" + name[1:] + b"\x00")
    client = tmp_path / NAME
    client.write_bytes(content)
    tenant, status, cost, throttled, rest = output_of(client, cluster_file, code=LACKS).splitlines()
    assert (tenant, rest) == ("has it", "None True")
    assert status.endswith(
        "has no fdb_database_get_client_status: FoundationDB clients 7.3 or later have it"
    )
    assert "fdb_transaction_get_total_cost" in cost
    assert "fdb_transaction_get_tag_throttled_duration" in throttled


# ---- starting


ANOTHER_FIRST = (
    """
import sys, warnings
# What the other binding brings along makes every import after it warn.
warnings.simplefilter("ignore")
import fdb
fdb.api_version(730)
if sys.argv.pop(1) == "open":
    fdb.open("memory:")[b"k"] = b"v"
"""
    + OPEN
)


@pytest.mark.parametrize("how_far", ["select", "open"])
def test_a_library_that_another_binding_has_started_is_told(
    cluster_file: Path, tmp_path: Path, how_far: str
) -> None:
    named = alone(tmp_path)
    ended = opened(named, how_far, cluster_file, code=ANOTHER_FIRST, **in_front(named))
    assert ended.stdout == (
        f"LibraryException: {named} was started by another FoundationDB binding in this process, "
        "and a client can be started only once: use one binding a process\n"
    )
    # The engine that is linked in is another library.
    said = opened(named, how_far, "memory:", code=ANOTHER_FIRST, **in_front(named)).stdout
    assert said == "<found.Database memory:> 1\n"


OPTIONS = """
import asyncio, sys
import found

async def main():
    found.network_set_option(found.NetworkOption.TRACE_ENABLE, "")
    found.network_set_option(found.NetworkOption.TRACE_MAX_LOGS_SIZE, 1000)
    for address in sys.argv[1:]:
        try:
            await found.open(address)
        except found.LibraryException as error:
            print(error)
        else:
            print("open")
    try:
        found.network_set_option(found.NetworkOption.TRACE_ENABLE, "")
    except found.FoundException as error:
        print(error)

asyncio.run(main())
"""


@makes_libraries
def test_network_options_are_each_librarys_and_too_late_once_one_runs(
    cluster_file: Path, tmp_path: Path
) -> None:
    client = stub(tmp_path, REFUSED_OPTION=-1)
    late = "2009: Network can be configured only once\n"
    said = output_of(client, "memory:", cluster_file, cluster_file, code=OPTIONS)
    assert said == f"open\noption 30\noption 32\nopen\nopen\n{late}"


@makes_libraries
def test_a_network_option_that_a_client_refuses_is_named(
    cluster_file: Path, tmp_path: Path
) -> None:
    client = stub(tmp_path, REFUSED_OPTION=32)
    refusal, embedded, late = [
        line
        for line in output_of(client, cluster_file, "memory:", code=OPTIONS).splitlines()
        if line != "option 30"
    ]
    assert refusal.startswith(f"{client} (")
    assert refusal.endswith("refuses the network option 32: 2007: Option not valid in this context")
    assert embedded == "open"
    assert late.startswith("2009: ")


@makes_libraries
def test_a_network_that_cannot_be_set_up_is_told(cluster_file: Path, tmp_path: Path) -> None:
    client = stub(tmp_path, NO_NETWORK=1)
    said = output_of(client, cluster_file)
    assert said.startswith(f"LibraryException: {client} (")
    assert said.endswith("refuses to set up its network: 1512: Unable to bind to network\n")


# ---- the cluster file


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "1515: No cluster file found in current directory or default location; "),
        ("", "2104: Connection string invalid; "),
        ("# only a comment\n\n", "2104: Connection string invalid; "),
        ("nothing like it", "2104: Connection string invalid; "),
        ("test:test@127.0.0.1:1", "2108: Operation is not supported; "),
    ],
    ids=["missing", "empty", "comment", "malformed", "of a real cluster"],
)
def test_a_cluster_file_that_names_none_is_named(tmp_path: Path, content: str, error: str) -> None:
    path = tmp_path / "named.cluster"
    if content is not None:
        path.write_text(content)
    said = output_of(library(), path)
    assert said.startswith(f"FoundException: {error}")
    assert f"cluster file {path}" in said


def test_a_folder_is_no_cluster_file(tmp_path: Path) -> None:
    said = output_of(library(), tmp_path)
    assert said.startswith(f"FoundException: 1513: File could not be read; cluster file {tmp_path}")


@makes_libraries
def test_a_cluster_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "fdb.cluster"
    path.write_text(MEMORY)
    path.chmod(0)
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    # As somebody who may not: the client, and what else is needed, is read before.
    code = (
        """
import os
import concurrent.futures.thread
from found import _found
assert _found._client_is_installed()
if os.geteuid() == 0:
    os.seteuid(65534)
"""
        + OPEN
    )
    said = output_of(library(), path, code=code)
    assert said.startswith("FoundException: 1513: File could not be read; ")
    assert f"cluster file {path} cannot be read: Permission denied" in said


# ---- a cluster that does not answer


UNREACHABLE = """
import asyncio, sys
import found

async def main():
    db = await found.open(sys.argv[1])
    tx = found.make_transaction(db)
    for operation in (
        found.get(tx, b"k"),
        found.read_version(tx),
        found.all(found.query(tx, b"a", b"b")),
        found.commit(tx),
    ):
        try:
            await asyncio.wait_for(operation, 0.01)
        except asyncio.TimeoutError:
            print("given up")

    async def read(tx):
        found.set_option(tx, found.TransactionOption.TIMEOUT, 20)
        await found.get(tx, b"k")

    async def write(tx):
        found.set_option(tx, found.TransactionOption.TIMEOUT, 20)
        found.set(tx, b"k", b"v")

    found.database_set_option(db, found.DatabaseOption.TRANSACTION_TIMEOUT, 20)
    for function in (read, write, lambda tx: found.get(tx, b"k")):
        try:
            await found.transactional(db, function)
        except found.FoundException as error:
            print(error.code, error.detail)
    # Nobody waits for these.
    found.get(found.make_transaction(db), b"k")
    task = asyncio.ensure_future(found.get(found.make_transaction(db), b"k"))
    await asyncio.sleep(0)
    task.cancel()

asyncio.run(main())
"""


@makes_libraries
def test_a_cluster_that_does_not_answer_hangs_nobody_and_is_named(
    cluster_file: Path, tmp_path: Path
) -> None:
    client = stub(tmp_path, UNREACHABLE=1)
    said = output_of(client, cluster_file, code=UNREACHABLE)
    assert said == "given up\n" * 4 + f"1031 cluster file {cluster_file}\n" * 3


UNKNOWN = """
import asyncio, sys
import found

async def main():
    tries = []

    async def append(tx):
        tries.append(await found.get(tx, b"log"))
        found.append_if_fits(tx, b"log", b"x")

    db = await found.open(sys.argv[1])
    if sys.argv[2] == "retry":
        await found.transactional(db, append)
    else:
        try:
            async with found.transaction(db) as tx:
                await append(tx)
        except found.FoundException as error:
            print(error, error.maybe_committed)
    print(tries, await found.get(found.make_transaction(db), b"log"))

asyncio.run(main())
"""


@makes_libraries
@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1021, "Transaction may or may not have committed"),
        (1039, "The protocol version of the cluster has changed"),
    ],
)
def test_a_commit_of_unknown_result_may_have_happened(
    cluster_file: Path, tmp_path: Path, code: int, text: str
) -> None:
    client = stub(tmp_path, FIRST_COMMIT=code)
    # The retry finds what the first try has done: it is for the function to be idempotent.
    said = output_of(client, cluster_file, "retry", code=UNKNOWN)
    assert said == "[None, b'x'] b'xx'\n"
    said = output_of(client, cluster_file, "once", code=UNKNOWN)
    assert said == f"{code}: {text} True\n[None] b'x'\n"


FRAIL = """
import asyncio, struct, sys
import found

async def main():
    db = await found.open(sys.argv[1])
    for place in (2**31 - 1, 2**31 - 10, 2**31 - 11):
        stamped = bytes(10) + struct.pack("<i", place)
        for write in (
            lambda tx: found.set_versionstamped_key(tx, stamped, b""),
            lambda tx: found.set_versionstamped_value(tx, b"k", stamped),
        ):
            tx = found.make_transaction(db)
            write(tx)
            try:
                await found.commit(tx)
            except found.FoundException as error:
                print(error.code)
    tx = found.make_transaction(db)
    print(await found.estimated_size_bytes(tx, b"k", b"k"))
    print(await found.get_range_split_points(tx, b"k", b"k", 1000))
    try:
        found.database_set_option(db, found.DatabaseOption.MAX_WATCHES, -1)
    except found.FoundException as error:
        print(error.code)

asyncio.run(main())
"""


@makes_libraries
def test_what_apples_client_does_not_bear_does_not_reach_it(
    cluster_file: Path, tmp_path: Path
) -> None:
    said = output_of(stub(tmp_path, FRAIL=1), cluster_file, code=FRAIL)
    assert said.split("\n") == [*["2000"] * 6, "0", "[b'k']", "2006", ""]
