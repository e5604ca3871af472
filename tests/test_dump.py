"""Dumps and loads: what leaves one database arrives in the other, whatever happens on the way."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from portable_files import Rows, blocks_of, fill, read_file, rows_of, write_file
from support import Space

import found
from found import portable
from found.portable import Progress, _dump, _format, _load

ADDRESSES: dict[str, Callable[[Path], str]] = {
    "memory": lambda _: "memory:",
    "file": lambda folder: f"embedded:{folder / 'target'}",
    "latency": lambda _: "memory:?latency=3",
}


def some_rows(space: Space, seed: int) -> Rows:
    """Rows of all sizes: none and the largest among them, keys of 0x00 and of 0xFF."""
    rand = random.Random(seed)
    rows = {
        space(): b"the prefix itself",
        space(b"\x00"): b"",
        space(b"\xff" * 200): b"after a lot of 0xff",
        space(b"k" * (10_000 - len(space.prefix))): b"the longest key",
        space(b"big"): rand.randbytes(100_000),
    }
    for _ in range(300):
        rows[space(rand.randbytes(rand.randrange(40)))] = rand.randbytes(rand.choice([0, 9, 900]))
    return sorted(rows.items())


@pytest.mark.parametrize("kind", ADDRESSES)
async def test_what_leaves_one_database_arrives_in_another(
    kind: str, db: found.Database, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dump, "_FULL_ROWS", 32)
    rows = some_rows(space, 1)
    await fill(db, rows)
    ranges = [(space.prefix, space.end)]
    path = tmp_path / "file"
    dumped = await portable.dump(db, path, ranges=ranges)
    header, checked = await portable.check(path)
    assert checked == dumped
    assert header.ranges == ((space.prefix, space.end),)
    assert (dumped.rows, dumped.first_version) == (len(rows), dumped.last_version)
    assert dumped.blocks > 3 and read_file(path) == rows
    async with await found.open(ADDRESSES[kind](tmp_path)) as target:
        assert await portable.load(path, target) == dumped
        assert await rows_of(target) == rows


async def test_a_block_of_many_rows_and_one_of_large_rows_are_transactions(
    memory: found.Database, tmp_path: Path
) -> None:
    rows = [(b"%06d" % n, b"") for n in range(25_000)]
    rows += [(b"x" * 9_990 + b"%03d" % n, b"y" * 100_000) for n in range(30)]
    await fill(memory, rows)
    path = tmp_path / "file"
    summary = await portable.dump(memory, path)
    assert summary.blocks >= 5
    async with await found.open("memory:") as target:
        await portable.load(path, target)
        assert await rows_of(target) == rows


async def test_an_empty_database_is_dumped_and_loaded(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    ranges = [(space(b"a"), space(b"b")), (space(b"c"), space(b"d"))]
    summary = await portable.dump(db, path, ranges=ranges)
    assert (summary.rows, summary.blocks) == (0, 2)
    assert await portable.load(path, db) == summary
    assert await space.read() == {}


async def test_only_the_ranges_that_are_asked_for_are_dumped_and_replaced(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    letters = {letter.encode(): b"old" for letter in "abcdefgh"}
    await space.write(letters)
    path = tmp_path / "file"
    ranges = [(space(b"f"), space(b"g")), (space(b"b"), space(b"d"))]
    await portable.dump(db, path, ranges=ranges)
    await space.write({b"a": b"new", b"b": b"new", b"c": None, b"bb": b"new", b"h": b"new"})
    await portable.load(path, db, replace=True)
    assert await space.read() == {**letters, b"a": b"new", b"h": b"new"}


async def test_merging_leaves_what_the_file_does_not_have(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    await space.write({b"a": b"1", b"b": b"1"})
    await portable.dump(db, path, ranges=[(space.prefix, space.end)])
    await space.write({b"a": b"2", b"b": None, b"c": b"2"})
    await portable.load(path, db, merge=True)
    assert await space.read() == {b"a": b"1", b"b": b"1", b"c": b"2"}


async def test_a_load_into_a_database_with_keys_is_refused_unless_it_is_said_how(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    await space.write({b"a": b"1"})
    await portable.dump(db, path, ranges=[(space.prefix, space.end)])
    await space.write({b"a": None, b"b": b"2"})
    with pytest.raises(portable.RefusedException, match="has keys where"):
        await portable.load(path, db)
    assert await space.read() == {b"b": b"2"}


async def test_loading_again_does_nothing_and_says_so(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    await space.write({b"a": b"1"})
    await portable.dump(db, path, ranges=[(space.prefix, space.end)])
    await space.write({b"a": None})
    await portable.load(path, db)
    await space.write({b"a": b"later"})
    notes: list[str] = []
    await portable.load(path, db, note=notes.append)
    assert "nothing to do" in notes[0]
    assert await space.read() == {b"a": b"later"}
    # In a database that is empty again it is loaded again.
    await space.write({b"a": None})
    await portable.load(path, db)
    assert await space.read() == {b"a": b"1"}


async def test_a_file_that_is_there_is_not_written_over(
    memory: found.Database, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_text("Dear diary, ...")
    with pytest.raises(portable.RefusedException, match="is no portable file"):
        await portable.dump(memory, path)
    assert path.read_text() == "Dear diary, ..."
    await portable.dump(memory, path, overwrite=True)
    with pytest.raises(portable.RefusedException, match="finished dump already"):
        await portable.dump(memory, path)
    assert (await portable.check(path))[1].rows == 0


async def test_a_dump_of_something_else_is_not_gone_on_with(
    memory: found.Database, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    rows = [(b"%d" % n, b"") for n in range(4)]
    write_file(path, blocks_of(rows, 2), finish=False, source="there")
    before = path.read_bytes()
    with pytest.raises(portable.RefusedException, match="another database, there"):
        await portable.dump(memory, path, source="here")
    with pytest.raises(portable.RefusedException, match="other keys"):
        await portable.dump(memory, path, source="there", ranges=[(b"a", b"b")])
    assert path.read_bytes() == before


async def test_two_dumps_into_one_file_do_not_mix(memory: found.Database, tmp_path: Path) -> None:
    header = _format.Header(((b"", b"\xff"),), "", "")
    with (
        _format.Writer(tmp_path / "file", header, overwrite=False),
        pytest.raises(portable.RefusedException, match="by another dump"),
    ):
        await portable.dump(memory, tmp_path / "file")


class Interrupted(Exception):
    """What ends a dump or a load half-way."""


def after(count: int) -> Callable[[Progress], None]:
    """A progress function that fails at its `count`th call."""
    calls = iter(range(count))

    def progress(_: Progress) -> None:
        if next(calls, None) is None:
            raise Interrupted

    return progress


async def test_a_dump_that_ended_goes_on(
    db: found.Database, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dump, "_FULL_ROWS", 20)
    rows = [(space(b"%04d" % n), b"v%d" % n) for n in range(500)]
    await fill(db, rows)
    path = tmp_path / "file"
    ranges = [(space.prefix, space.end)]
    for count in (0, 3, 1, 7):
        with pytest.raises(Interrupted):
            await portable.dump(db, path, ranges=ranges, progress=after(count))
    notes: list[str] = []
    summary = await portable.dump(db, path, ranges=ranges, note=notes.append)
    # Each of the four has written one block more than it was told of.
    assert notes == [f"{path} has 300 rows already: going on after them"]
    # A cluster answers several transactions of a moment with one version.
    assert summary.first_version <= summary.last_version
    assert read_file(path) == rows


class FullDisk:
    """A file on a disk that has room for so many bytes more: part of the last write is there."""

    def __init__(self, file: Any, room: int) -> None:
        self._file = file
        self._room = room

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        self._file.write(data[: max(self._room, 0)])
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(data)


async def test_a_disk_that_is_full_is_told_by_the_file_and_gone_on_after(
    memory: found.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dump, "_FULL_ROWS", 20)
    rows = [(b"%04d" % n, b"v%d" % n) for n in range(500)]
    await fill(memory, rows)
    path = tmp_path / "file"
    writer_open = _format.Writer._open
    with monkeypatch.context() as patch:
        patch.setattr(_format.fcntl, "flock", lambda *_: None)
        patch.setattr(_format.Writer, "_open", lambda self: FullDisk(writer_open(self), 1200))
        for _ in range(3):
            with pytest.raises(OSError, match="No space left") as raised:
                await portable.dump(memory, path)
            assert raised.value.filename == str(path)
    await portable.dump(memory, path)
    assert read_file(path) == rows


@pytest.mark.parametrize("how", ["new", "replace", "merge"])
async def test_a_load_that_ended_goes_on(
    how: str, db: found.Database, space: Space, tmp_path: Path
) -> None:
    rows = [(space(b"%04d" % n), b"v%d" % n) for n in range(300)]
    path = tmp_path / "file"
    await write_space(path, db, space, rows)
    if how != "new":
        await space.write({b"0001": b"old", b"x": b"old"})
    arguments: dict[str, Any] = {} if how == "new" else {how: True}
    for count in (0, 5, 2):
        with pytest.raises(Interrupted):
            await portable.load(path, db, progress=after(count), **arguments)
    if how != "new":
        with pytest.raises(portable.RefusedException, match="in another way"):
            await portable.load(path, db)
    notes: list[str] = []
    await portable.load(path, db, note=notes.append, **arguments)
    assert re.match(r"[1-9]\d* blocks are there already", notes[0])
    expected = dict(rows)
    if how == "merge":
        expected[space(b"x")] = b"old"
    assert await rows_of(db, space.prefix, space.end) == sorted(expected.items())
    assert await marks(db) == []


async def write_space(path: Path, db: found.Database, space: Space, rows: Rows) -> None:
    """A file of the keys of a space, in many blocks."""
    cuts = [space.prefix, *(rows[i][0] for i in range(10, len(rows), 10)), space.end]
    header = _format.Header(((space.prefix, space.end),), "test", "2026-01-01")
    with _format.Writer(path, header, overwrite=True) as writer:
        for number, (begin, end) in enumerate(zip(cuts, cuts[1:])):
            block = _format.Block(begin, end, 1, rows[10 * number : 10 * number + 10])
            writer.add(_format.pack(block, 1))
        writer.finish()


async def marks(db: found.Database) -> list[bytes]:
    """What is kept of loads beyond that they are over."""
    tx = found.make_transaction(db)
    found.set_option(tx, found.TransactionOption.READ_SYSTEM_KEYS)
    rows = await found.all(found.query(tx, _load._MARKS, found.next_prefix(_load._MARKS)))
    return [key for key, _ in rows]


async def test_a_load_that_goes_on_in_an_emptied_database_loads_all_of_it(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    """Who clears a half-loaded database to begin anew leaves the marks of the first try behind."""
    rows = [(space(b"%04d" % n), b"v%d" % n) for n in range(200)]
    path = tmp_path / "file"
    await write_space(path, db, space, rows)
    with pytest.raises(Interrupted):
        await portable.load(path, db, progress=after(12))
    await found.transactional(db, found.clear, space.prefix, space.end)
    await portable.load(path, db)
    assert await rows_of(db, space.prefix, space.end) == rows


async def test_a_load_does_not_go_on_in_what_another_file_has_written_over(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    """What of the first load is still there by its keys has the values of the second."""
    keys = [space(b"%04d" % n) for n in range(200)]
    first, second = tmp_path / "first", tmp_path / "second"
    await write_space(first, db, space, [(key, b"first") for key in keys])
    await write_space(second, db, space, [(key, b"second") for key in keys])
    with pytest.raises(Interrupted):
        await portable.load(first, db, progress=after(12))
    await portable.load(second, db, replace=True)
    with pytest.raises(portable.RefusedException, match="has keys where"):
        await portable.load(first, db)
    assert await rows_of(db, space.prefix, space.end) == [(key, b"second") for key in keys]
    # Nor is it taken for loaded once it was, and was written over.
    await portable.load(first, db, replace=True)
    with pytest.raises(portable.RefusedException, match="has keys where"):
        await portable.load(second, db)
    assert await rows_of(db, space.prefix, space.end) == [(key, b"first") for key in keys]


async def test_loads_of_different_ranges_go_on_beside_each_other(
    db: found.Database, space: Space, tmp_path: Path
) -> None:
    parts = [space.within(b"a"), space.within(b"b")]
    rows = [[(part(b"%04d" % n), b"") for n in range(200)] for part in parts]
    paths = [tmp_path / "a", tmp_path / "b"]
    for path, part, its in zip(paths, parts, rows):
        await write_space(path, db, part, its)
        with pytest.raises(Interrupted):
            await portable.load(path, db, progress=after(9))
    notes: list[str] = []
    await asyncio.gather(*(portable.load(path, db, note=notes.append) for path in paths))
    assert len(notes) == 2 and all("are there already" in note for note in notes)
    assert await rows_of(db, space.prefix, space.end) == rows[0] + rows[1]


async def test_a_load_that_was_taken_over_stops(
    db: found.Database, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_load, "_IN_FLIGHT", 1)
    rows = [(space(b"%04d" % n), b"v%d" % n) for n in range(300)]
    path = tmp_path / "file"
    await write_space(path, db, space, rows)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def hold(tx: found.Transaction) -> None:
        """Holds the first load at its third commit."""
        if len(seen := held) == 2 and not begun.is_set():
            begun.set()
            await go_on.wait()
        seen.append(1)

    held: list[int] = []
    db.hooks.on_commit.append(hold)
    first = asyncio.ensure_future(portable.load(path, db))
    await begun.wait()
    db.hooks.on_commit.clear()
    await portable.load(path, db)
    await space.write({b"0000": b"later"})
    go_on.set()
    with pytest.raises(portable.RefusedException, match="has taken over"):
        await first
    assert (await space.read())[b"0000"] == b"later"


class FlakyQuery:
    """A query that fails with an error after so many rows."""

    def __init__(self, query: AsyncIterator[Any], rows: int, code: int) -> None:
        self._query = query
        self._left = rows
        self._code = code

    def __aiter__(self) -> FlakyQuery:
        return self

    async def __anext__(self) -> tuple[bytes, bytes]:
        if self._left == 0:
            raise found.FoundException(self._code)
        self._left -= 1
        return await self._query.__anext__()


async def test_rows_are_read_at_as_many_versions_as_it_takes_each_block_at_one(
    db: found.Database, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every commit writes one number under all keys: a block whose values differ would mix versions."""
    query, rand = found.query, random.Random(2)
    keys = [b"%04d" % n for n in range(200)]
    written: dict[int, bytes] = {}

    async def write() -> None:
        value = b"%06d" % len(written)
        version = await space.write(dict.fromkeys(keys, value))
        written[version] = value

    codes = [1007, 1007, 1007, 1009, 1037, 1020]

    def flaky(*args: Any, **kwargs: Any) -> FlakyQuery:
        return FlakyQuery(query(*args, **kwargs), rand.randrange(60), rand.choice(codes))

    async def fresh(self: Any) -> int:
        await write()
        return await found.read_version(found.make_transaction(db))

    monkeypatch.setattr(found, "query", flaky)
    monkeypatch.setattr(_dump, "_FULL_ROWS", 25)
    monkeypatch.setattr(_dump._Versions, "current", fresh)
    path = tmp_path / "file"
    summary = await portable.dump(db, path, ranges=[(space.prefix, space.end)])
    monkeypatch.undo()
    assert summary.rows == len(keys)
    assert summary.first_version < summary.last_version
    with _format.Reader(path) as reader:
        for number, packed in enumerate(reader, 1):
            at = max(version for version in written if version <= packed.version)
            values = {value for _, value in reader.unpack(packed, number).rows}
            assert values <= {written[at]}


async def test_one_version_is_one_version_or_nothing(
    memory: found.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(memory, [(b"%04d" % n, b"") for n in range(100)])
    query = found.query
    monkeypatch.setattr(found, "query", lambda *a, **k: FlakyQuery(query(*a, **k), 90, 1007))
    monkeypatch.setattr(_dump, "_FULL_ROWS", 1)
    path = tmp_path / "file"
    with pytest.raises(portable.RefusedException, match="at one version"):
        await portable.dump(memory, path, one_version=True)
    monkeypatch.undo()
    with pytest.raises(portable.RefusedException, match="of an earlier version"):
        await portable.dump(memory, path, one_version=True)
    summary = await portable.dump(memory, path, one_version=True, overwrite=True)
    assert (summary.rows, summary.first_version) == (100, summary.last_version)


async def test_an_error_that_no_retry_helps_ends_a_dump(
    memory: found.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(memory, [(b"%04d" % n, b"") for n in range(100)])
    query = found.query
    monkeypatch.setattr(found, "query", lambda *a, **k: FlakyQuery(query(*a, **k), 5, 2004))
    with pytest.raises(found.FoundException, match=r"^2004"):
        await portable.dump(memory, tmp_path / "file")


async def test_shards_are_read_side_by_side_and_written_in_order(
    memory: found.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has one shard; a cluster's are played by keys."""
    rows = [(b"%05d" % n, b"v" * 50) for n in range(3000)]
    await fill(memory, rows)

    async def boundaries(db: Any, begin: bytes, end: bytes) -> AsyncIterator[bytes]:
        for key in (b"", b"00700", b"00701", b"01500", b"02999", b"1"):
            if begin <= key < end:
                yield key

    reading: set[bytes] = set()
    most = 0
    read = _dump._Dump._read

    async def counted(self: Any, begin: bytes, end: bytes) -> AsyncIterator[_format.Block]:
        nonlocal most
        reading.add(begin)
        most = max(most, len(reading))
        async for block in read(self, begin, end):
            await asyncio.sleep(0)
            yield block
        reading.discard(begin)

    monkeypatch.setattr(found.locality, "get_boundary_keys", boundaries)
    monkeypatch.setattr(_dump, "_PART_BYTES", 10_000)
    monkeypatch.setattr(_dump, "_FULL_ROWS", 30)
    monkeypatch.setattr(_dump._Dump, "_read", counted)
    totals: set[Any] = set()
    path = tmp_path / "file"
    await portable.dump(memory, path, progress=lambda p: totals.add(p.total_bytes))
    assert read_file(path) == rows
    assert 4 <= most <= _dump._READERS and reading == set()
    assert totals == {3000 * 55}


async def test_cancelling_leaves_nothing_running(
    db: found.Database, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_dump, "_FULL_ROWS", 5)
    rows = [(space(b"%04d" % n), b"") for n in range(1000)]
    await fill(db, rows)
    path = tmp_path / "file"
    started = asyncio.Event()
    ranges = [(space.prefix, space.end)]
    task = asyncio.ensure_future(
        portable.dump(db, path, ranges=ranges, progress=lambda _: started.set())
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await portable.dump(db, path, ranges=ranges)
    assert read_file(path) == rows


async def test_arguments_that_make_no_sense_are_refused_at_once(
    memory: found.Database, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    for error, arguments in (
        (ValueError, {"ranges": []}),
        (ValueError, {"ranges": [(b"b", b"a")]}),
        (ValueError, {"ranges": [(b"", b"\xff\xff")]}),
        (TypeError, {"ranges": [("a", "b")]}),
        (ValueError, {"level": 0}),
    ):
        with pytest.raises(error):
            await portable.dump(memory, path, **arguments)
    with pytest.raises(TypeError, match="db must be"):
        await portable.dump("memory:", path)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="exclude each other"):
        await portable.load(path, memory, replace=True, merge=True)
    assert not path.exists()
