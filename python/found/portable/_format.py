"""The portable file, as docs/moving.md describes it: a header, blocks of rows in the order of their keys, an end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import os
import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Optional, Union, cast

from found._zstd import zstd
from found.errors import BaseFoundException

if os.name == "posix":
    import fcntl

# As a PNG begins: a byte that no text has and a line end that a transfer as text changes.
MAGIC = b"\x89FOUND\r\n"
FORMAT = 1
_PREAMBLE = struct.Struct("<8sI")

# Of each block: its kind, the length of its body, and its digest.
_FRAME = struct.Struct("<cI32s")
HEADER, ROWS, END = b"H", b"R", b"E"

# A body of rows: the read version, the number of rows, their bytes before compression, the lengths of both ends.
_ROWS = struct.Struct("<qIIII")

# A block is what one transaction writes: it stays well below the limit of 10,000,000 bytes, conflict ranges included.
BLOCK_BYTES = 2_000_000
BLOCK_ROWS = 20_000
_KEY_BYTES = 10_000
_VALUE_BYTES = 100_000
_BODY_BYTES = 4_000_000

USER_END = b"\xff"

Row = tuple[bytes, bytes]
Range = tuple[bytes, bytes]
StrPath = Union[str, "os.PathLike[str]"]


class PortableException(BaseFoundException):
    """Something is wrong with a portable file, or with what is asked of it. The message is for people."""


class NotPortableException(PortableException):
    """The file is none of found's, or of a format that this version does not read."""


class DamagedException(PortableException):
    """The file is not as it was written: the message names the block."""


class UnfinishedException(DamagedException):
    """The file ends before its end: a dump that was stopped, or a copy that was cut off."""


class RefusedException(PortableException):
    """Going on would overwrite something, or mix two things; the message says which argument allows it."""


class Header(NamedTuple):
    """What a portable file says of itself at its beginning."""

    ranges: tuple[Range, ...]
    """The ranges of keys that it covers, begin and end, in order."""
    source: str
    """Where the rows are from: an address, or whatever the caller of `dump` said."""
    created: str
    """When the dump began, in UTC, as ISO 8601."""


class Summary(NamedTuple):
    """What a portable file holds."""

    rows: int
    """How many rows."""
    bytes: int
    """The bytes of their keys and values."""
    blocks: int
    """How many blocks of rows."""
    first_version: int
    """The lowest read version of a block; -1 where there is no block."""
    last_version: int
    """The highest. If it is the same, the file shows the database as it was at one moment."""

    def plus(self, block: Packed) -> Summary:
        """This, with another block."""
        first = block.version if self.blocks == 0 else min(self.first_version, block.version)
        last = max(self.last_version, block.version)
        size = self.bytes + block.row_bytes
        return Summary(self.rows + block.row_count, size, self.blocks + 1, first, last)


NOTHING = Summary(0, 0, 0, -1, -1)


class Block(NamedTuple):
    """All rows of a range of keys, as of one read version."""

    begin: bytes
    end: bytes
    version: int
    rows: Sequence[Row]


class Packed(NamedTuple):
    """A block as it lies in the file."""

    begin: bytes
    end: bytes
    version: int
    row_count: int
    raw_bytes: int
    """The bytes of its rows before compression."""
    compressed: bytes

    @property
    def row_bytes(self) -> int:
        """The bytes of its keys and values."""
        return self.raw_bytes - 8 * self.row_count


def pack(block: Block, level: int) -> Packed:
    """Compress a block."""
    count = len(block.rows)
    keys, values = zip(*block.rows) if count else ((), ())
    lengths = struct.pack(f"<{2 * count}I", *map(len, keys), *map(len, values))
    raw = b"".join((lengths, *keys, *values))
    compressed = zstd.compress(raw, level)
    return Packed(block.begin, block.end, block.version, count, len(raw), compressed)


def unpack(packed: Packed) -> Block:
    """Undo `pack`.

    Raises:
        ValueError: it is no result of `pack`, or not one that `dump` writes; the message says why.
    """
    decompressor = zstd.ZstdDecompressor()
    try:
        raw = decompressor.decompress(packed.compressed, packed.raw_bytes + 1)
    except zstd.ZstdError as error:
        raise ValueError(f"its rows cannot be decompressed ({error})") from None
    if len(raw) != packed.raw_bytes or not decompressor.eof or decompressor.unused_data:
        raise ValueError("its rows are not as long as it says")
    count = packed.row_count
    lengths = struct.unpack_from(f"<{2 * count}I", raw)
    offsets = list(accumulate(lengths, initial=8 * count))
    if offsets[-1] != len(raw):
        raise ValueError("the lengths of its keys and values do not add up")
    pieces = [raw[begin:end] for begin, end in zip(offsets, offsets[1:])]
    keys, values = pieces[:count], pieces[count:]
    if count:
        if max(lengths[:count]) > _KEY_BYTES or max(lengths[count:]) > _VALUE_BYTES:
            raise ValueError("it has a key or a value longer than any can be")
        if keys[0] < packed.begin or keys[-1] >= packed.end:
            raise ValueError("it has keys outside its range")
        if not all(map(operator.lt, keys, keys[1:])):
            raise ValueError("its keys are not in order")
    return Block(packed.begin, packed.end, packed.version, list(zip(keys, values)))


def _encode(packed: Packed) -> bytes:
    lengths = (packed.row_count, packed.raw_bytes, len(packed.begin), len(packed.end))
    fixed = _ROWS.pack(packed.version, *lengths)
    return b"".join((fixed, packed.begin, packed.end, packed.compressed))


def _decode(body: bytes) -> Packed:
    if len(body) < _ROWS.size:
        raise ValueError("it is too short")
    version, count, raw_bytes, begin_bytes, end_bytes = _ROWS.unpack_from(body)
    if count > BLOCK_ROWS or not 8 * count <= raw_bytes <= BLOCK_BYTES + 8 * BLOCK_ROWS:
        raise ValueError("it has more than a block can have")
    middle = _ROWS.size + begin_bytes
    after = middle + end_bytes
    if after > len(body):
        raise ValueError("it is too short")
    begin, end = body[_ROWS.size : middle], body[middle:after]
    return Packed(begin, end, version, count, raw_bytes, body[after:])


# What a JSON document that is not the expected one ends in; a deeply nested one in a RecursionError.
_UNREADABLE = (ValueError, KeyError, TypeError, RecursionError)


def _encode_header(header: Header) -> bytes:
    ranges = [[begin.hex(), end.hex()] for begin, end in header.ranges]
    document = {"ranges": ranges, "source": header.source, "created": header.created}
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _decode_header(body: bytes) -> Header:
    """A ValueError says what is wrong with it."""
    try:
        document = cast("dict[str, Any]", json.loads(body.decode("utf-8", "surrogatepass")))
        ranges = tuple((bytes.fromhex(b), bytes.fromhex(e)) for b, e in document["ranges"])
        header = Header(ranges, str(document["source"]), str(document["created"]))
    except _UNREADABLE as error:
        raise ValueError(f"it cannot be read ({error})") from None
    if header.ranges != normalized(header.ranges):
        raise ValueError("its ranges are not in order")
    return header


def _encode_end(summary: Summary) -> bytes:
    return json.dumps(summary._asdict()).encode()


def _decode_end(body: bytes) -> Summary:
    try:
        document = cast("dict[str, Any]", json.loads(body))
        return Summary(*(int(document[name]) for name in Summary._fields))
    except _UNREADABLE as error:
        raise ValueError(f"it cannot be read ({error})") from None


def normalized(ranges: Sequence[Range]) -> tuple[Range, ...]:
    """The same keys in ranges that are in order, do not touch, and none of which is empty.

    Raises:
        ValueError: a range is empty or ends before it begins, goes past the user's keys, or there is none.
    """
    if not ranges:
        raise ValueError("ranges must have at least one range")
    merged: list[Range] = []
    for begin, end in sorted(ranges):
        if begin >= end:
            raise ValueError(f"a range must end after it begins: {begin!r} to {end!r}")
        if end > USER_END:
            raise ValueError(f"a range must end at {USER_END!r} at the latest, not at {end!r}")
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return tuple(merged)


class _Course:
    """Whether the blocks of a file cover its ranges, one after the other, without a gap."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._ranges = list(reversed(ranges))
        self._at = self._ranges[-1][0]

    def take(self, begin: bytes, end: bytes) -> bool:
        """Whether a block comes next that covers `[begin, end)`."""
        if not self._ranges or begin != self._at or not begin < end <= self._ranges[-1][1]:
            return False
        self._at = end
        if end == self._ranges[-1][1]:
            self._ranges.pop()
            if self._ranges:
                self._at = self._ranges[-1][0]
        return True

    def left(self) -> tuple[Range, ...]:
        """What is not covered yet."""
        ranges = self._ranges[::-1]
        return ((self._at, ranges[0][1]), *ranges[1:]) if ranges else ()


def _digest(previous: bytes, kind: bytes, body: bytes) -> bytes:
    """Each digest covers the one before it, so that the last one is that of the whole file."""
    state = hashlib.sha256(previous)
    state.update(kind + len(body).to_bytes(4, "little"))
    state.update(body)
    return state.digest()


class Reader:
    """A portable file that is read from its beginning. Every block is verified before it is looked at.

    Raises, as its iterator does, DamagedException, or UnfinishedException where the file ends too soon; and OSError.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = Path(path)
        self._file = self.path.open("rb")
        try:
            self.header = self._read_header()
        except BaseException:
            self._file.close()
            raise
        self.course = _Course(self.header.ranges)
        self.position = self._file.tell()
        """Where the last block ends that was taken; `digest` is that of the file up to there."""
        self.summary = NOTHING
        """Of the blocks read so far."""
        self.finished = False
        """Whether the end was read."""

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._file.close()

    def _read_header(self) -> Header:
        preamble = self._file.read(_PREAMBLE.size)
        if len(preamble) < _PREAMBLE.size:
            if MAGIC.startswith(preamble[: len(MAGIC)]):
                raise UnfinishedException(f"{self.path} ends within its first bytes")
            raise NotPortableException(f"{self.path} is no portable file of found")
        magic, number = _PREAMBLE.unpack(preamble)
        if magic != MAGIC:
            raise NotPortableException(f"{self.path} is no portable file of found")
        if number != FORMAT:
            raise NotPortableException(
                f"{self.path} has format {number}; this version of found reads {FORMAT}"
            )
        self.digest = hashlib.sha256(preamble).digest()
        frame = self._read_frame("the header")
        if frame is None:
            raise UnfinishedException(f"{self.path} ends before its header")
        kind, body, self.digest = frame
        if kind != HEADER:
            raise self._damaged("the header", "it is missing")
        try:
            return _decode_header(body)
        except ValueError as error:
            raise self._damaged("the header", str(error)) from None

    def _damaged(self, what: str, why: str) -> DamagedException:
        return DamagedException(f"{self.path} is damaged: {what}: {why}")

    def _read_frame(self, what: str) -> Optional[tuple[bytes, bytes, bytes]]:
        """The kind, the body and the digest of the next block; None where the file ends."""
        head = self._file.read(_FRAME.size)
        if not head:
            return None
        cut = UnfinishedException(f"{self.path} is cut off, or damaged: it ends within {what}")
        if len(head) < _FRAME.size:
            raise cut
        kind, length, digest = _FRAME.unpack(head)
        if length > _BODY_BYTES:
            raise self._damaged(what, f"it cannot have {length} bytes")
        body = self._file.read(length)
        if len(body) < length:
            raise cut
        if _digest(self.digest, kind, body) != digest:
            raise self._damaged(what, "its checksum does not match")
        return kind, body, digest

    def __iter__(self) -> Iterator[Packed]:
        """The blocks that are left, up to the end."""
        while not self.finished:
            name = f"block {self.summary.blocks + 1}"
            frame = self._read_frame(name)
            if frame is None:
                raise UnfinishedException(
                    f"{self.path} is not finished: there is nothing after {self.summary.blocks} blocks"
                )
            kind, body, digest = frame
            try:
                if kind == ROWS:
                    packed = _decode(body)
                    if not self.course.take(packed.begin, packed.end):
                        raise ValueError("its range does not follow on the one before")
                    self.summary = self.summary.plus(packed)
                    self.position, self.digest = self._file.tell(), digest
                    yield packed
                    continue
                name = "the end"
                if kind != END:
                    raise ValueError(f"there is no block of kind {kind!r}")
                if _decode_end(body) != self.summary or self.course.left():
                    raise ValueError("it does not say what was read")
                if self._file.read(1):
                    raise ValueError("something comes after it")
            except ValueError as error:
                raise self._damaged(name, str(error)) from None
            self.finished = True
            self.digest = digest

    def unpack(self, packed: Packed, number: int) -> Block:
        """The rows of a block, which is the file's `number`th."""
        try:
            return unpack(packed)
        except ValueError as error:
            raise self._damaged(f"block {number}", str(error)) from None


class Writer:
    """A portable file that is written: a new one, or one that goes on from its last whole block."""

    def __init__(self, path: StrPath, header: Header, *, overwrite: bool) -> None:
        """Begin a file, or go on with an unfinished one of the same source and ranges.

        Raises:
            RefusedException: there is another file already, and `overwrite` is false; or it is being written to.
            OSError: the file cannot be written.
        """
        self.path = Path(path)
        self.note: Optional[str] = None
        """What the user should know of the file that was there."""
        self._file = self._open()
        try:
            self._lock()
            if overwrite:
                self._file.truncate(0)
            if not self._resume(header):
                self._begin(header)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._file.close()

    def _open(self) -> IO[bytes]:
        with contextlib.suppress(FileExistsError):
            return self.path.open("x+b")
        return self.path.open("r+b")

    def _lock(self) -> None:
        if os.name == "posix":
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusedException(f"{self.path} is being written by another dump") from None

    def _begin(self, header: Header) -> None:
        preamble = _PREAMBLE.pack(MAGIC, FORMAT)
        self.header = header
        self.summary = NOTHING
        self._digest = hashlib.sha256(preamble).digest()
        self._course = _Course(header.ranges)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(preamble)
        self._write(HEADER, _encode_header(header))

    def _resume(self, header: Header) -> bool:
        """Take up the file that is there. False if there is nothing to take up."""
        why = "choose another file, or have it overwritten"
        try:
            reader = Reader(self.path)
        except UnfinishedException:
            # Stopped before its first rows: or empty, as a file that was just made.
            return False
        except PortableException as error:
            raise RefusedException(f"{error}: {why}") from None
        with reader:
            there = reader.header
            if (there.source, there.ranges) != (header.source, header.ranges):
                raise RefusedException(
                    f"{self.path} is a dump of other keys, or of another database, {there.source}: {why}"
                )
            try:
                for _ in reader:
                    pass
                raise RefusedException(f"{self.path} is a finished dump already: {why}")
            except UnfinishedException:
                pass
            except DamagedException as error:
                self.note = f"{error}; it is written again from there"
        self.header = there
        self.summary = reader.summary
        self._digest = reader.digest
        self._course = reader.course
        self._file.seek(reader.position)
        self._file.truncate()
        return True

    def left(self) -> tuple[Range, ...]:
        """The ranges that no block covers yet."""
        return self._course.left()

    def add(self, packed: Packed) -> None:
        """Write a block. Its range follows on that of the last."""
        body = _encode(packed)
        if not self._course.take(packed.begin, packed.end) or len(body) > _BODY_BYTES:
            raise ValueError(f"a block from {packed.begin!r} to {packed.end!r} does not come next")
        self._write(ROWS, body)
        self.summary = self.summary.plus(packed)

    def finish(self) -> None:
        """Write the end, and see to it that all is on the disk."""
        if self._course.left():
            raise ValueError("there are ranges that no block covers")
        self._write(END, _encode_end(self.summary))
        os.fsync(self._file.fileno())

    def _write(self, kind: bytes, body: bytes) -> None:
        digest = _digest(self._digest, kind, body)
        try:
            self._file.write(_FRAME.pack(kind, len(body), digest) + body)
            # Whoever ends the process now finds this block whole.
            self._file.flush()
        except OSError as error:
            # A full disk, say: the system does not name the file.
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._digest = digest
