"""`found.embedded`: files of embedded databases are checked and compacted."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest
from processes import Program
from support import Space, fails_with

import found
import found.embedded

ROWS = 5_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data.found"


async def fill(path: Path, rows: int = ROWS) -> None:
    async with await found.open(f"embedded:{path}") as db:
        space = Space(db, b"k/")
        for begin in range(0, rows, 1_000):
            some = range(begin, min(begin + 1_000, rows))
            await space.write({b"%06d" % number: bytes(200) for number in some})


async def contents(path: Path) -> list[tuple[bytes, bytes]]:
    async with await found.open(f"embedded:{path}") as db:
        return await found.all(found.query(found.make_transaction(db), b"", b"\xff"))


async def test_a_whole_file_has_no_problems_and_all_its_rows(path: Path) -> None:
    await fill(path)
    for address in (path, str(path), f"embedded:{path}", f"embedded:{path}?cache=1m"):
        checked = await found.embedded.check(address)
        assert checked.problems == []
        # Some are the engine's own.
        assert ROWS <= checked.rows <= ROWS + 10
        assert checked.bytes >= ROWS * 208
        assert checked.file_bytes == path.stat().st_size
        assert not checked.recovered


async def test_progress_is_told_and_comes_to_an_end(path: Path) -> None:
    await fill(path, 40_000)
    told: list[found.embedded.Progress] = []
    checked = await found.embedded.check(path, progress=told.append)
    assert [progress.rows for progress in told] == sorted(progress.rows for progress in told)
    assert all(0 < progress.rows <= checked.rows for progress in told)
    assert all(progress.total_bytes is None for progress in told)


async def test_an_exception_out_of_progress_ends_the_check(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(path)

    def told_at_once(address: str, repair: bool, tell: object) -> object:
        assert callable(tell)
        return tell(1, 1)

    monkeypatch.setattr("found._found._check_file", told_at_once)

    def stop(_: found.embedded.Progress) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await found.embedded.check(path, progress=stop)


async def test_a_damaged_block_is_a_problem_that_names_file_and_place(path: Path) -> None:
    await fill(path)
    sound = path.read_bytes()
    rows = await contents(path)
    found_out = 0
    for block in range(4, len(sound) // 4096, 7):
        damaged = bytearray(sound)
        damaged[block * 4096 + 2000] ^= 1
        path.write_bytes(damaged)
        checked = await found.embedded.check(path)
        if checked.problems:
            found_out += 1
            assert str(path) in checked.problems[0]
            assert "damaged" in checked.problems[0]
        else:
            assert await contents(path) == rows
    assert found_out > 20


async def test_checksums_that_are_damaged_are_repaired_where_the_data_is_right(path: Path) -> None:
    await fill(path)
    rows = await contents(path)
    damaged = bytearray(path.read_bytes())
    # The first block after the heads has the checksums of those that follow.
    damaged[4 * 4096 : 5 * 4096] = bytes(byte ^ 0xFF for byte in damaged[4 * 4096 : 5 * 4096])
    path.write_bytes(damaged)
    assert (await found.embedded.check(path)).problems != []
    repaired = await found.embedded.check(path, repair=True)
    assert repaired.problems == []
    assert repaired.rows >= ROWS
    assert (await found.embedded.check(path)).problems == []
    assert await contents(path) == rows


async def test_repair_does_not_make_lost_data_look_whole(path: Path) -> None:
    await fill(path)
    damaged = bytearray(path.read_bytes())
    at = damaged.index(b"k/002500") + 20
    damaged[at] ^= 1
    path.write_bytes(damaged)
    assert (await found.embedded.check(path, repair=True)).problems != []
    assert (await found.embedded.check(path)).problems != []


async def test_a_file_that_was_not_closed_is_recovered_and_whole(path: Path) -> None:
    program = Program(
        f"""
        import asyncio, os, found
        async def main():
            db = await found.open({f"embedded:{path}"!r})
            tx = found.make_transaction(db)
            found.set(tx, b"k", b"v")
            await found.commit(tx)
            print("committed", flush=True)
            os._exit(0)
        asyncio.run(main())
        """
    )
    assert program.read_line() == "committed"
    program.end()
    checked = await found.embedded.check(path)
    assert checked.recovered
    assert checked.problems == []
    assert not (await found.embedded.check(path)).recovered


async def test_what_cannot_be_checked_is_told(path: Path, tmp_path: Path) -> None:
    for call in (found.embedded.check, found.embedded.compact):
        with fails_with(1511) as missing:
            await call(path)
        assert str(path) in str(missing.value)
        assert not path.exists()
        with pytest.raises(ValueError, match="file"):
            await call("memory:name")
        with pytest.raises(TypeError, match="address"):
            await call(b"data")  # type: ignore[arg-type]
        with pytest.raises(found.FoundException, match="unknown option"):
            await call(f"embedded:{path}?speed=high")
    letter = tmp_path / "letter"
    letter.write_text("Dear database,")
    assert (await found.embedded.check(letter)).problems != []
    with fails_with(1522):
        await found.embedded.compact(letter)
    assert letter.read_text() == "Dear database,"


async def test_a_file_that_somebody_has_open_is_left_to_them(path: Path) -> None:
    async with await found.open(f"embedded:{path}") as db:
        for call in (found.embedded.check, found.embedded.compact):
            with fails_with(1529) as held:
                await call(path)
            assert str(path) in str(held.value)
        await Space(db, b"k").write({b"": b""})


async def test_a_check_that_is_cancelled_lets_go_of_the_file(path: Path) -> None:
    await fill(path, 20_000)
    task = asyncio.ensure_future(found.embedded.check(path))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while True:
        # It ends soon, in its thread.
        with contextlib.suppress(found.FoundException):
            assert len(await contents(path)) == 20_000
            break


async def test_compacting_gives_back_the_room_of_what_was_cleared(path: Path) -> None:
    await fill(path, 20_000)
    async with await found.open(f"embedded:{path}") as db:
        for begin in range(0, 20_000, 1_000):
            tx = found.make_transaction(db)
            found.clear(tx, b"k/%06d" % begin, b"k/%06d" % (begin + 950))
            await found.commit(tx)
    rows = await contents(path)
    before = path.stat().st_size
    compacted = await found.embedded.compact(path)
    assert compacted == (before, path.stat().st_size)
    assert compacted.after < compacted.before / 4
    assert compacted.after < 4 * 208 * 1_000
    assert await contents(path) == rows
    assert (await found.embedded.check(path)).problems == []


@pytest.mark.skipif(sys.platform == "win32", reason="kills")
async def test_compacting_that_is_killed_leaves_the_database_whole(path: Path) -> None:
    await fill(path, 20_000)
    async with await found.open(f"embedded:{path}") as db:
        for begin in range(0, 20_000, 100):
            tx = found.make_transaction(db)
            found.clear(tx, b"k/%06d" % begin, b"k/%06d" % (begin + 60))
            await found.commit(tx)
    rows = await contents(path)
    full = path.read_bytes()
    # Each moment of it is met by the engine's own tests, which lose power at every sync.
    for delay in range(4):
        path.write_bytes(full)
        program = Program(
            f"""
            import asyncio, os, threading, time, found.embedded
            def die():
                time.sleep({delay} * 0.02)
                os.kill(os.getpid(), {int(signal.SIGKILL)})
            async def main():
                threading.Thread(target=die, daemon=True).start()
                await found.embedded.compact({os.fspath(path)!r})
            asyncio.run(main())
            """
        )
        program.end()
        assert await contents(path) == rows
        assert (await found.embedded.check(path)).problems == []
