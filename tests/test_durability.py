"""What was acknowledged stays: killed processes, with a witness outside; and disks that are full, and have room again.

FOUND_KILLS=N kills N times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import Program, output_of, program
from support import fails_with

import found
import found.embedded

# Transfers between accounts, and a log of them under versionstamps. Each acknowledgement is printed once it is there.
BANK = """
    ADDRESS = os.environ["BANK"]

    async def transfer(tx, worker, number):
        # The sum of all accounts is 0, however often one is made.
        found.add(tx, b"account/%d" % (number % 7), (number + 1).to_bytes(8, "little"))
        found.add(tx, b"account/%d" % (number % 5), (-number - 1 & 2**64 - 1).to_bytes(8, "little"))
        stamp = b"log/" + bytes(10) + (4).to_bytes(4, "little")
        found.set_versionstamped_key(tx, stamp, b"%d %d" % (worker, number))
        found.set(tx, b"done/%d/%08d" % (worker, number), bytes(number % 3000))

    async def work(db, worker):
        number = 0
        while await found.get(found.make_transaction(db), b"done/%d/%08d" % (worker, number)) is not None:
            number += 1
        while True:
            await found.transactional(db, transfer, worker, number)
            print(worker, number, flush=True)
            number += 1

    async def main():
        db = await found.open(ADDRESS)
        await asyncio.gather(*(work(db, worker) for worker in range(8)))

    asyncio.run(main())
"""


async def audit(address: str, acknowledged: set[tuple[int, int]]) -> int:
    """Nothing acknowledged is missing, and each transfer is there whole or not at all. How many there are."""
    async with await found.open(address) as db:
        tx = found.make_transaction(db)
        accounts = await found.all(found.query(tx, b"account/", b"account0"))
        log = await found.all(found.query(tx, b"log/", b"log0"))
        done = await found.all(found.query(tx, b"done/", b"done0"))
    sums = [int.from_bytes(value, "little", signed=True) for _, value in accounts]
    assert sum(sums) % 2**64 == 0
    logged = [(int(worker), int(number)) for worker, number in (value.split() for _, value in log)]
    kept = {(int(key.split(b"/")[1]), int(key.split(b"/")[2])) for key, _ in done}
    assert len(set(logged)) == len(logged), "each transfer once"
    assert set(logged) == kept
    assert all(len(value) == int(key.split(b"/")[2]) % 3000 for key, value in done)
    assert acknowledged <= kept, acknowledged - kept
    return len(kept)


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
async def test_a_program_that_is_killed_keeps_every_commit_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    address = f"embedded:{tmp_path / 'bank.found'}"
    acknowledged: set[tuple[int, int]] = set()
    for kill in range(int(os.environ.get("FOUND_KILLS", "5"))):
        bank = Program(program(BANK), environment={"BANK": address})
        for _ in range(1 + kill * 37 % 100):
            worker, number = bank.read_line().split()
            acknowledged.add((int(worker), int(number)))
        bank.kill()
        for line in bank.end().stdout.splitlines(keepends=True):
            # The last may have been cut.
            if line.endswith("\n"):
                worker, number = line.split()
                acknowledged.add((int(worker), int(number)))
        assert await audit(address, acknowledged) >= len(acknowledged)
    assert (await found.embedded.check(address)).problems == []


# Fills a database until its disk is full, reads, makes room, and goes on, all with one handle.
FILLS = """
    ADDRESS = os.environ["FILLED"]

    async def write(db, number):
        tx = found.make_transaction(db)
        for part in range(4):
            found.set(tx, b"row/%06d/%d" % (number, part), bytes([number % 256]) * 20_000)
        await found.commit(tx)

    async def numbers(db):
        rows = await found.all(found.query(found.make_transaction(db), b"row/", b"row0"))
        return [int(key[4:10]) for key, _ in rows]

    async def main():
        db = await found.open(ADDRESS)
        count = 0
        while True:
            try:
                await write(db, count)
            except found.FoundException as error:
                print(error.code, error, flush=True)
                break
            count += 1
        assert count > 10, count
        # Nothing more can be written, and all that was can be read.
        for _ in range(3):
            assert await numbers(db) == [number for number in range(count) for _ in range(4)]
            try:
                await write(db, count)
            except found.FoundException as error:
                assert error.code == 1510, error
            else:
                raise AssertionError("a full disk took more")
        make_room()
        # transactional goes on by itself: what was open when the file was opened anew is told that it is too old.
        async def go_on(tx):
            await found.get(tx, b"row/000000/0")
            found.set(tx, b"gone on", b"")
        await found.transactional(db, go_on)
        for _ in range(20):
            await found.transactional(db, lambda tx: write_again(tx, count))
            count += 1
        assert await numbers(db) == [number for number in range(count) for _ in range(4)]
        await found.close(db)
        print("went on", count, flush=True)

    async def write_again(tx, number):
        for part in range(4):
            found.set(tx, b"row/%06d/%d" % (number, part), bytes([number % 256]) * 20_000)
"""


async def check_rows(address: str, output: str) -> None:
    first, last = output.splitlines()
    assert first.startswith("1510 1510: ")
    assert address.partition(":")[2] in first
    count = int(last.rpartition(" ")[2])
    assert last.startswith("went on")
    async with await found.open(address) as db:
        rows = await found.all(found.query(found.make_transaction(db), b"row/", b"row0"))
    assert [(int(key[4:10]), len(value)) for key, value in rows] == [
        (number, 20_000) for number in range(count) for _ in range(4)
    ]
    assert (await found.embedded.check(address)).problems == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
async def test_a_file_that_may_not_grow_fails_what_does_not_fit_and_goes_on_once_it_may(
    tmp_path: Path,
) -> None:
    address = f"embedded:{tmp_path / 'filled.found'}"
    limit = """
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, hard))

    def make_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    asyncio.run(main())
    """
    output = output_of(program(FILLS + limit), environment={"FILLED": address})
    await check_rows(address, output)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 12 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if not made or made.returncode:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_fails_what_does_not_fit_and_goes_on_once_there_is_room(
    small_disk: Path,
) -> None:
    address = f"embedded:{small_disk / 'filled.found'}"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(6_000_000))
    room = f"""
    def make_room():
        os.remove({str(ballast)!r})

    asyncio.run(main())
    """
    output = output_of(program(FILLS + room), environment={"FILLED": address})
    assert "No space left" in output.splitlines()[0]
    await check_rows(address, output)


async def test_a_new_database_on_a_full_disk_is_refused_and_leaves_nothing(
    small_disk: Path,
) -> None:
    (small_disk / "ballast").write_bytes(bytes(12 * 2**20 - 8192))
    path = small_disk / "none.found"
    with fails_with(1510) as refused:
        await found.open(f"embedded:{path}")
    assert str(path) in str(refused.value)
    assert not path.exists()
