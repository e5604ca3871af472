"""The libfdb_c built from the embedded engine, as programs that know nothing of this project load it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest
from client_library import (
    NAME,
    TESTS,
    TIMEOUT,
    compile_c,
    compiler,
    environment,
    in_front,
    include,
    library,
    linked_against,
)
from processes import output_of
from support import run

import found

SOURCE = TESTS / "fdb_programs.py"
PROGRAMS = [
    function.name
    for function in ast.parse(SOURCE.read_text(encoding="utf-8")).body
    if isinstance(function, ast.FunctionDef)
    and any(ast.unparse(decorator) == "program" for decorator in function.decorator_list)
]

needs_elf = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("nm") is None,
    reason="looks at an ELF file with nm",
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library in a folder of its own, to be put in front of others."""
    link = tmp_path_factory.mktemp("lib") / NAME
    link.symlink_to(library())
    return link


@pytest.fixture(params=["memory", "file", "latency"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    addresses = {
        "memory": "memory:",
        "file": f"embedded:{tmp_path / 'db'}",
        "latency": "memory:?latency=7",
    }
    return addresses[request.param]


def run_fdb(
    library: Path, name: str, *arguments: str, cwd: Path = TESTS, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of fdb_programs.py."""
    command = [sys.executable, str(SOURCE), name, *arguments]
    env = environment(**in_front(library), **variables)
    return subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=TIMEOUT
    )


# ---- FoundationDB's own Python binding


@pytest.mark.parametrize("name", PROGRAMS)
def test_foundationdbs_binding_works(alone: Path, name: str, address: str) -> None:
    ended = run_fdb(alone, name, address)
    assert ended.stderr == ""
    assert ended.stdout.endswith("done\n")
    assert ended.returncode == 0


def test_every_program_is_run() -> None:
    assert len(PROGRAMS) >= 16


async def test_a_file_that_one_binding_leaves_is_read_by_the_other(
    alone: Path, tmp_path: Path
) -> None:
    address = f"embedded:{tmp_path / 'db'}"
    for count in (1, 2):
        assert run_fdb(alone, "count_up", address).stdout == f"{count}\ndone\n"
    async with await found.open(address) as db:
        tx = found.make_transaction(db)
        assert await found.get(tx, b"count") == b"2"
        found.set(tx, b"count", b"41")
        await found.commit(tx)
    assert run_fdb(alone, "count_up", address).stdout == "42\ndone\n"


def test_a_file_that_this_process_holds_is_not_opened_by_the_library(
    alone: Path, tmp_path: Path
) -> None:
    async def main() -> None:
        async with await found.open(f"embedded:{tmp_path / 'db'}"):
            ended = run_fdb(alone, "count_up", f"embedded:{tmp_path / 'db'}")
            assert "(1529)" in ended.stderr

    run(main())


THREADS = """
import asyncio, os, found

async def once():
    db = await found.open(os.environ["ADDRESS"])
    await found.transactional(db, found.set, b"k", b"v")
    await found.close(db)

for _ in range(60):
    asyncio.run(once())
print("done")
"""


def test_threads_come_and_go_beside_two_copies_of_the_allocator(tmp_path: Path) -> None:
    """The driver and the library have one each; a loop of asyncio opens databases in threads of its own."""
    cluster_file = tmp_path / "fdb.cluster"
    cluster_file.write_text("memory:")
    given = {"FOUND_LIBFDB_C": str(library()), "ADDRESS": str(cluster_file)}
    assert output_of(THREADS, environment=given) == "done\n"


def test_a_cluster_file_may_hold_the_address(alone: Path, tmp_path: Path) -> None:
    cluster_file = tmp_path / "fdb.cluster"
    cluster_file.write_text(f"# the database\nembedded:{tmp_path / 'db'}\n")
    assert run_fdb(alone, "count_up", str(cluster_file)).stdout == "1\ndone\n"
    # Named by nobody but the environment, and by nobody at all.
    ended = run_fdb(alone, "count_up", FDB_CLUSTER_FILE=str(cluster_file))
    assert ended.stdout == "2\ndone\n"
    assert run_fdb(alone, "count_up", cwd=tmp_path).stdout == "3\ndone\n"
    ended = run_fdb(alone, "count_up", FDB_CLUSTER_FILE=f"embedded:{tmp_path / 'db'}")
    assert ended.stdout == "4\ndone\n"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, 1515),
        ("", 2104),
        ("# nothing but a comment\n", 2104),
        ("not a connection string", 2104),
        ("test:test@127.0.0.1:4500", 2108),
        ("memory:?no=option", 2006),
    ],
)
def test_a_cluster_file_that_names_none_is_an_error(
    alone: Path, tmp_path: Path, content: Optional[str], code: int
) -> None:
    cluster_file = tmp_path / "fdb.cluster"
    if content is not None:
        cluster_file.write_text(content)
    ended = run_fdb(alone, "count_up", str(cluster_file))
    assert ended.returncode == 1
    assert ended.stderr.endswith(f" ({code})\n")


# ---- C


@pytest.mark.parametrize("version", ["730", "740"])
def test_a_c_program_works(alone: Path, tmp_path: Path, version: str, address: str) -> None:
    flags = [f"-DFDB_API_VERSION={version}", f"-I{include() / version}", *linked_against(alone)]
    program = compile_c(TESTS / "libfdb_c.c", tmp_path / "program", *flags)
    ended = subprocess.run(
        [program, address], env=environment(), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def declared(version: str) -> set[str]:
    """The functions that the header of an API version declares."""
    command = [compiler(), "-E", "-P", f"-DFDB_API_VERSION={version}", "-x", "c", "fdb_c.h"]
    text = subprocess.run(
        command, cwd=include() / version, check=True, capture_output=True, text=True
    ).stdout
    return set(re.findall(r"\b(fdb_\w+)\s*\(", text))


@needs_elf
def test_the_library_exports_the_functions_of_the_headers_and_those_of_its_own_name() -> None:
    said = subprocess.run(
        ["nm", "-D", "--defined-only", library()], check=True, capture_output=True, text=True
    ).stdout
    exported = [line.split()[-1] for line in said.splitlines()]
    assert len(exported) > 90
    # Beside them only what no client of FoundationDB has, under a name that says whose it is.
    own = {"fdb_found_database_take_turns", "fdb_found_turn"}
    assert sorted(exported) == sorted(declared("730") | declared("740") | own)


@needs_elf
def test_the_library_has_its_name_and_nothing_of_python() -> None:
    said = subprocess.run(
        ["readelf", "-d", library()], check=True, capture_output=True, text=True
    ).stdout
    assert "soname: [libfdb_c.so]" in said
    needed = re.findall(r"Shared library: \[(.*?)\]", said)
    assert not [name for name in needed if "python" in name]
    undefined = subprocess.run(
        ["nm", "-D", "--undefined-only", library()], check=True, capture_output=True, text=True
    ).stdout
    assert not re.findall(r"\b_?Py\w+", undefined)
