"""What cannot be opened, or not any more: each says which file and why, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opening import OPEN, TIMEOUT, child, environment, read, write
from support import Space, run

import found


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
# What opening needs of the standard library, which nobody may not be allowed to read.
import concurrent.futures.thread
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
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
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
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
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
