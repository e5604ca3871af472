"""The portable file: what is written is read, and whatever else is in a file is told apart from it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import threading
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portable_files import blocks_of, read_file, write_file
from support import run

import found
from found import portable
from found._zstd import zstd
from found.portable import _check, _format

ROWS = [(b"key%02d" % number, b"value%d" % number) for number in range(12)]


def refusal(path: Path) -> portable.PortableException:
    """What reading a file to its end fails with: never a wrong answer, never another exception."""
    with pytest.raises(portable.PortableException) as raised:
        _check.read_through(path, None, threading.Event())
    assert str(path) in str(raised.value)
    return raised.value


def test_every_byte_that_is_changed_is_noticed_and_the_block_named(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    whole = path.read_bytes()
    frames = frames_of(path)
    ends = list(accumulate(map(len, frames)))
    names = ["the header", "block 1", "block 2", "block 3", "block 4"]
    for name, begin, end in zip(names, [12, *ends], ends):
        for at in range(begin, end):
            for change in (0x01, 0xFF):
                changed = bytearray(whole)
                changed[at] ^= change
                path.write_bytes(changed)
                error = refusal(path)
                assert isinstance(error, portable.DamagedException) and name in str(error), error
    assert ends[-1] == len(whole)


def test_every_byte_of_the_preamble_that_is_changed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    whole = path.read_bytes()
    for at in range(12):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "no portable file" in str(refusal(path)) or "has format" in str(refusal(path))


def test_every_truncation_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert isinstance(refusal(path), portable.UnfinishedException), length


def test_what_follows_the_end_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    path.write_bytes(path.read_bytes() + b"\x00")
    assert "the end" in str(refusal(path))


def test_blocks_that_are_left_out_doubled_or_exchanged_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 3))
    frames = frames_of(path)
    for at in range(1, 5):
        for changed in (
            frames[:at] + frames[at + 1 :],
            frames[: at + 1] + frames[at:],
            [*frames[:at], frames[at + 1], frames[at], *frames[at + 2 :]],
        ):
            path.write_bytes(b"".join(changed))
            refusal(path)


def frames_of(path: Path) -> list[bytes]:
    """The preamble with the header, each block, the end."""
    whole = path.read_bytes()
    frames: list[bytes] = []
    at = begin = 12
    while at < len(whole):
        length = struct.unpack_from("<I", whole, at + 1)[0]
        at += 37 + length
        frames.append(whole[begin:at])
        begin = at
    return [whole[:12] + frames[0], *frames[1:]]


def forged(path: Path, *bodies: tuple[bytes, bytes]) -> None:
    """A file of these bodies, with the right checksums: what only a bad writer makes."""
    preamble = struct.pack("<8sI", b"\x89FOUND\r\n", 1)
    digest = hashlib.sha256(preamble).digest()
    out = [preamble]
    for kind, body in bodies:
        digest = _format._digest(digest, kind, body)
        out.append(struct.pack("<cI32s", kind, len(body), digest) + body)
    path.write_bytes(b"".join(out))


HEADER = {"ranges": [["", "ff"]], "source": "", "created": ""}


def rows_body(raw: bytes, count: int, **changed: Any) -> bytes:
    fields = {"version": 1, "count": count, "raw_bytes": len(raw), "begin": b"", "end": b"\xff"}
    fields.update(changed)
    packed = _format.Packed(
        fields["begin"], fields["end"], fields["version"], fields["count"], fields["raw_bytes"],
        changed.get("compressed", zstd.compress(raw)),
    )  # fmt: skip
    return _format._encode(packed)


def raw_of(*rows: tuple[bytes, bytes]) -> bytes:
    keys, values = zip(*rows)
    lengths = struct.pack(f"<{2 * len(rows)}I", *map(len, keys), *map(len, values))
    return b"".join((lengths, *keys, *values))


GOOD = raw_of((b"a", b"1"), (b"b", b"2"))

FORGERIES = {
    "keys out of order": rows_body(raw_of((b"b", b""), (b"a", b"")), 2),
    "a key twice": rows_body(raw_of((b"a", b""), (b"a", b"")), 2),
    "a key outside": rows_body(raw_of((b"a", b""), (b"z", b"")), 2, end=b"m"),
    "a key of the system": rows_body(raw_of((b"\xff/x", b"")), 1),
    "a long key": rows_body(raw_of((b"a" * 10_001, b"")), 1),
    "a long value": rows_body(raw_of((b"a", b"a" * 100_001)), 1),
    "lengths past the end": rows_body(struct.pack("<II", 2, 9) + b"ab", 1),
    "more rows than bytes": rows_body(b"", 1),
    "a million rows": rows_body(GOOD, 1_000_000),
    "no compression": rows_body(GOOD, 2, compressed=GOOD),
    "two frames": rows_body(GOOD, 2, compressed=zstd.compress(GOOD) * 2),
    "half a frame": rows_body(GOOD, 2, compressed=zstd.compress(GOOD)[:-4]),
    "more than it says": rows_body(GOOD, 2, raw_bytes=len(GOOD) - 1),
    "less than it says": rows_body(GOOD, 2, raw_bytes=len(GOOD) + 1),
    "a bomb": rows_body(b"", 0, raw_bytes=10, compressed=zstd.compress(bytes(1 << 30), 1)),
    "a gap before it": rows_body(GOOD, 2, begin=b"a"),
    "past its range": rows_body(GOOD, 2, end=b"\xff\x01"),
    "backwards": rows_body(GOOD, 2, begin=b"\xff", end=b""),
    "too short": b"short",
    "ends past its own": struct.pack("<qIIII", 1, 0, 0, 1 << 31, 1 << 31),
}


@pytest.mark.parametrize("body", FORGERIES.values(), ids=FORGERIES)
def test_a_block_with_the_right_checksum_and_the_wrong_rows_is_refused(
    body: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    forged(path, (b"H", json.dumps(HEADER).encode()), (b"R", body))
    assert "block 1" in str(refusal(path))


HEADERS: dict[str, bytes] = {
    "no JSON": b"\xff",
    "no object": b"[]",
    "no ranges": json.dumps({**HEADER, "ranges": []}).encode(),
    "an odd range": json.dumps({**HEADER, "ranges": [["a"]]}).encode(),
    "ranges out of order": json.dumps({**HEADER, "ranges": [["62", "63"], ["61", "62"]]}).encode(),
    "keys of the system": json.dumps({**HEADER, "ranges": [["", "ffff"]]}).encode(),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", HEADERS.values(), ids=HEADERS)
def test_a_header_with_the_right_checksum_that_makes_no_sense_is_refused(
    body: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    forged(path, (b"H", body))
    assert "the header" in str(refusal(path))


def test_an_end_that_says_other_than_was_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    right = _format.Summary(2, 4, 1, 1, 1)
    for wrong in (right._replace(rows=3), right._replace(bytes=5), right._replace(last_version=2)):
        forged(
            path,
            (b"H", json.dumps(HEADER).encode()),
            (b"R", rows_body(GOOD, 2)),
            (b"E", json.dumps(wrong._asdict()).encode()),
        )
        assert "the end" in str(refusal(path))


def test_another_format_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(struct.pack("<8sI", b"\x89FOUND\r\n", 2) + bytes(100))
    assert "format 2" in str(refusal(path))


def test_a_file_transferred_as_text_is_no_portable_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    assert "no portable file" in str(refusal(path))


KEYS = st.binary(max_size=40).filter(lambda key: key < b"\xff")
TABLES = st.dictionaries(KEYS, st.binary(max_size=60), max_size=40).map(lambda d: sorted(d.items()))


@settings(max_examples=100, deadline=None)
@given(rows=TABLES, size=st.integers(1, 50), level=st.sampled_from([1, 3, 19]))
def test_whatever_is_packed_is_unpacked(
    rows: list[tuple[bytes, bytes]], size: int, level: int
) -> None:
    for block in blocks_of(rows, size):
        packed = _format.pack(block, level)
        assert _format._decode(_format._encode(packed)) == packed
        assert _format.unpack(packed) == block


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.randoms(use_true_random=False))
def test_a_body_of_any_bytes_is_a_value_error_or_a_block(body: bytes, rand: random.Random) -> None:
    good = bytearray(rows_body(GOOD, 2))
    for _ in range(rand.randrange(4)):
        good[rand.randrange(len(good))] = rand.randrange(256)
    for candidate in (body, bytes(good)):
        try:
            block = _format.unpack(_format._decode(candidate))
        except ValueError:
            continue
        assert block.rows == sorted(block.rows)


def test_ranges_that_touch_are_one() -> None:
    ranges = [(b"m", b"p"), (b"a", b"c"), (b"c", b"d"), (b"b", b"c"), (b"o", b"q")]
    assert _format.normalized(ranges) == ((b"a", b"d"), (b"m", b"q"))


def test_a_damaged_file_leaves_a_database_as_it_is(memory: found.Database, tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 5))
    whole = path.read_bytes()
    # In the last block: those before it are whole.
    path.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])

    async def load() -> None:
        with pytest.raises(portable.DamagedException):
            await portable.load(path, memory)
        tx = found.make_transaction(memory)
        assert await found.all(found.query(tx, b"", b"\xff")) == []

    run(load())


def test_an_unfinished_file_goes_on_wherever_it_was_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A disk takes its time over a thousand of them.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    path = tmp_path / "file"
    blocks = blocks_of(ROWS, 2)
    write_file(path, blocks, finish=False)
    whole = path.read_bytes()
    header = _format.Header(((b"", b"\xff"),), "test", "now")
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        with _format.Writer(path, header, overwrite=False) as writer:
            done = writer.summary.blocks
            left = writer.left()
            assert left == (((blocks[done].begin, b"\xff"),) if done < len(blocks) else ())
            for block in blocks[done:]:
                writer.add(_format.pack(block, 3))
            writer.finish()
        assert read_file(path) == ROWS


def test_damage_in_an_unfinished_file_is_written_anew_and_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, blocks_of(ROWS, 3), finish=False)
    frames = frames_of(path)
    frames[2] = frames[2][:-1] + bytes([frames[2][-1] ^ 1])
    path.write_bytes(b"".join(frames))
    header = _format.Header(((b"", b"\xff"),), "test", "now")
    with _format.Writer(path, header, overwrite=False) as writer:
        assert writer.note is not None and "block 2" in writer.note
        assert writer.summary.blocks == 1
