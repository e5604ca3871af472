"""The tuple codec: each test is named after what it keeps from happening."""

from __future__ import annotations

import contextlib
import ctypes
import enum
import gc
import math
import re
import struct
import sys
import threading
import uuid
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import pytest
from fdb_reference import bits, reference, same, to_reference

import found

UUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
STAMP = found.Versionstamp(b"0123456789", 258)
# One of each type, as its bytes stand in FoundationDB's design/tuple.md or in fdb.tuple's output.
VECTORS: list[tuple[Any, str]] = [
    (None, "00"),
    (b"foo\x00bar", "01666f6f00ff62617200"),
    ("F\u00d4O\x00bar", "0246c3944f00ff62617200"),
    (("foo\x00bar", None, ()), "0502666f6f00ff6261720000ff050000"),
    (0, "14"),
    (-5551212, "11ab4b93"),
    (2**63, "1c8000000000000000"),
    (2**64 - 1, "1d08ffffffffffffffff"),
    (-(2**64) + 1, "0bf70000000000000000"),
    (found.SingleFloat(-42.0), "203dd7ffff"),
    (-42.0, "213fbaffffffffffff"),
    (False, "26"),
    (True, "27"),
    (UUID, "3000112233445566778899aabbccddeeff"),
    (STAMP, "33303132333435363738390102"),
]
BOUNDARIES = sorted(
    {
        sign * (2**power + offset)
        for power in [0, 1, 7, *range(8, 2033, 8), 31, 63, 64, 2039]
        for offset in (-2, -1, 0, 1, 2)
        for sign in (-1, 1)
    }
    | {0, 2**2040 - 1, 1 - 2**2040}
)


class Colour(enum.IntEnum):
    RED = 3


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Text(str):
    def encode(self, *arguments: Any) -> bytes:  # type: ignore[override]
        raise AssertionError("packing asks a str for its text, not for this")


class Number(int):
    def __index__(self) -> int:
        return 99

    def __abs__(self) -> int:
        return 99

    def __neg__(self) -> int:
        return 99

    def bit_length(self) -> int:
        return 1


class Real(float):
    def __float__(self) -> float:
        return 99.0


class Data(bytes):
    pass


class Row(list):  # type: ignore[type-arg]
    pass


class Id(uuid.UUID):
    pass


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(("value", "packed"), VECTORS)
def test_a_documented_encoding_changes(value: Any, packed: str) -> None:
    assert found.pack((value,)).hex() == packed
    assert same(found.unpack(bytes.fromhex(packed)), (value,))
    assert reference.pack((to_reference(value),)).hex() == packed


def test_an_integer_changes_at_a_boundary() -> None:
    for number in BOUNDARIES:
        packed = found.pack((number,))
        assert packed == reference.pack((number,))
        assert found.unpack(packed) == (number,)


def test_an_integer_sorts_wrongly_at_a_boundary() -> None:
    packed = [found.pack((number,)) for number in BOUNDARIES]
    assert packed == sorted(packed)


@pytest.mark.parametrize("number", [2**2040, -(2**2040), 2**40000], ids=int.bit_length)
def test_an_integer_too_long_is_written_cut(number: int) -> None:
    with pytest.raises(ValueError, match=r"element 1\[0\]: an integer of \d+ bytes is longer"):
        found.pack((0, (number,)))


@pytest.mark.parametrize(
    "packed",
    [
        "160001",
        "1c0000000000000000",
        "1cffffffffffffffff",
        "0c0000000000000000",
        "0cffffffffffffffff",
        "13ff",
        "12fffe",
        "1d00",
        "0bff",
        "1d020005",
        "0bf6fffffffffffffffffe",
    ],
)
def test_an_integer_not_in_its_shortest_form_is_refused(packed: str) -> None:
    key = bytes.fromhex(packed)
    assert found.unpack(key) == reference.unpack(key)


@pytest.mark.parametrize(
    "pattern",
    [
        0x0000000000000000,
        0x8000000000000000,
        0x0000000000000001,
        0x7FF0000000000000,
        0xFFF0000000000000,
        0x7FF8000000000000,
        0xFFF8000000000000,
        0x7FF8DEADBEEF1234,
        0xFFFFFFFFFFFFFFFF,
    ],
    ids=hex,
)
def test_a_float_loses_a_bit(pattern: int) -> None:
    (value,) = struct.unpack(">d", pattern.to_bytes(8, "big"))
    packed = found.pack((value,))
    assert packed == reference.pack((value,))
    (back,) = found.unpack(packed)
    assert bits(back) == pattern.to_bytes(8, "big")
    single = found.SingleFloat(value)
    assert found.pack((single,)) == reference.pack((reference.SingleFloat(value),))
    assert same(found.unpack(found.pack((single,))), (single,))


@pytest.mark.parametrize("pattern", ["7fa00001", "ff800001", "7fffffff", "00000001", "80000000"])
def test_a_single_float_loses_a_bit_between_unpack_and_pack(pattern: str) -> None:
    raw = bytes.fromhex(pattern)
    (word,) = struct.unpack(">L", raw)
    key = b"\x20" + struct.pack(">L", word ^ (0xFFFFFFFF if word >> 31 else 1 << 31))
    assert found.pack(found.unpack(key)) == key


def test_floats_sort_other_than_their_values() -> None:
    nan = math.nan
    values = [-nan, -math.inf, -1.5, -5e-324, -0.0, 0.0, 5e-324, 1.5, math.inf, nan]
    values[0] = math.copysign(nan, -1.0)
    for kind in (float, found.SingleFloat):
        packed = [found.pack((kind(value),)) for value in values]
        assert packed == sorted(packed)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, 3),
        (Flags.A | Flags.B, 3),
        (Text("text"), "text"),
        (Number(7), 7),
        (Number(2**70), 2**70),
        (Number(-(2**70)), -(2**70)),
        (Real(1.5), 1.5),
        (Data(b"a\0b"), b"a\0b"),
        (Point(1, "y"), (1, "y")),
        (Row([1, [2]]), (1, (2,))),
        ([1, [], [None]], (1, (), (None,))),
        (Id(int=UUID.int), UUID),
        (bytearray(b"a\0b"), b"a\0b"),
        (memoryview(b"a\0b"), b"a\0b"),
        (memoryview(b"a-b-c-")[::2], b"abc"),
        (ctypes.c_double(2.5), 2.5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_or_a_relative_is_refused_or_read_through_its_methods(
    value: Any, plain: Any
) -> None:
    assert found.pack((value,)) == found.pack((plain,)) == reference.pack((plain,))


def test_a_ctypes_float_is_packed_as_a_double() -> None:
    assert found.pack((ctypes.c_float(2.5),)) == found.pack((found.SingleFloat(2.5),))


def test_a_bool_is_packed_as_an_int() -> None:
    packed = found.pack((True, False, 1, 0))
    assert packed.hex() == "2726150114"
    assert [type(value) for value in found.unpack(packed)] == [bool, bool, int, int]


@pytest.mark.parametrize("function", ["pack", "pack_with_versionstamp", "range"])
@pytest.mark.parametrize("value", ["abc", b"abc", 7, None, {1}, {"a": 1}, iter(())])
def test_what_is_no_tuple_is_packed_element_by_element(function: str, value: Any) -> None:
    name = type(value).__name__
    message = rf"{function}\(\) argument 'tuple' must be a tuple or a list, not '{name}'"
    with pytest.raises(TypeError, match=message):
        getattr(found, function)(value)


def test_a_list_is_refused_as_the_tuple() -> None:
    assert found.pack([1, "a"]) == found.pack((1, "a"))
    assert found.range([1]) == found.range((1,))


@pytest.mark.parametrize("value", [{1}, object(), 1j, Colour, ..., range(3)], ids=repr)
def test_the_place_of_a_bad_element_is_not_told(value: Any) -> None:
    name = re.escape(type(value).__name__)
    with pytest.raises(TypeError, match=f"^element 2: cannot pack an object of type '{name}'$"):
        found.pack((0, 1, value, 3))
    with pytest.raises(TypeError, match=rf"^element 1\[0\]\[2\]: .* '{name}'$"):
        found.pack((0, [((), [], value), 1]))


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ude00\ud83d"])
def test_a_lone_surrogate_is_written(text: str) -> None:
    with pytest.raises(UnicodeEncodeError, match=r"surrogates not allowed \(element 1\)"):
        found.pack((0, text))
    with pytest.raises(UnicodeEncodeError, match=r"\(element 0\[1\]\)"):
        found.pack(((0, Text(text)),))


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ("1440", "unknown type code 0x40 at offset 1"),
        ("03", "unknown type code 0x03 at offset 0"),
        ("0514ff", "unknown type code 0xff at offset 2"),
        ("140161", "ends inside the bytes at offset 1"),
        ("140261", "ends inside the str at offset 1"),
        ("140261" + "00ff", "ends inside the str at offset 1"),
        ("14051502", "ends inside a nested tuple, at offset 4"),
        ("1416" + "00", "ends inside the int at offset 1"),
        ("141d", "ends inside the int at offset 1"),
        ("141d0200", "ends inside the int at offset 1"),
        ("140b0000", "ends inside the int at offset 1"),
        ("1420000000", "ends inside the single float at offset 1"),
        ("142100000000000000", "ends inside the float at offset 1"),
        ("1430" + "00" * 15, "ends inside the UUID at offset 1"),
        ("1433" + "00" * 11, "ends inside the versionstamp at offset 1"),
        ("1402ff00", "in the str at offset 1"),
        ("1402eda08000", "in the str at offset 1"),
        ("1402c000ff00", "in the str at offset 1"),
    ],
)
def test_the_offset_of_bad_bytes_is_not_told(packed: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        found.unpack(bytes.fromhex(packed))


def test_text_that_is_not_utf8_is_no_longer_a_decode_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        found.unpack(b"\x02\xff\x00")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, Data])
def test_a_kind_of_bytes_is_refused_by_unpack(kind: Callable[[bytes], Any]) -> None:
    assert found.unpack(kind(b"\x15\x07\x02a\x00")) == (7, "a")
    assert found.pack((1,), prefix=kind(b"p")) == b"p\x15\x01"


@pytest.mark.parametrize("value", ["abc", 7, None, (1,), [1]])
def test_what_is_no_bytes_is_unpacked(value: Any) -> None:
    name = type(value).__name__
    message = rf"unpack\(\) argument 'bytes' must be bytes, not '{name}'"
    with pytest.raises(TypeError, match=message):
        found.unpack(value)
    if value is not None:
        with pytest.raises(TypeError, match=r"pack\(\) argument 'prefix' must be bytes"):
            found.pack((), prefix=value)


def test_a_prefix_is_unpacked() -> None:
    packed = found.pack((1, "a"), b"prefix")
    assert packed == reference.pack((1, "a"), b"prefix")
    assert found.unpack(packed, 6) == (1, "a")
    assert found.unpack(packed, prefix_len=len(packed)) == ()
    with pytest.raises(ValueError, match="offset 8"):
        found.unpack(packed[:8] + b"\xff", 6)
    for length in (-1, len(packed) + 1):
        with pytest.raises(ValueError, match="'prefix_len' must be 0 to"):
            found.unpack(packed, length)


def nested(depth: int) -> tuple[Any, ...]:
    value: tuple[Any, ...] = ()
    for _ in range(depth):
        value = (value,)
    return value


def test_a_tuple_as_deep_as_may_be_is_refused() -> None:
    assert not found.has_incomplete_versionstamp(nested(1000))
    packed = found.pack(nested(1000))
    assert packed == b"\x05" * 1000 + b"\x00" * 1000
    value: Any = found.unpack(packed)
    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == 1000


def test_hostile_nesting_overflows_the_stack() -> None:
    with pytest.raises(ValueError, match="nested more than 1000 deep"):
        found.pack(nested(1001))
    with pytest.raises(ValueError, match="nested more than 1000 deep at offset 1000"):
        found.unpack(b"\x05" * 10_000_000)
    with pytest.raises(ValueError, match="nested more than 1000 deep"):
        found.has_incomplete_versionstamp(nested(1001))


def test_a_list_in_itself_is_packed_without_end() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    for function in (found.pack, found.range, found.has_incomplete_versionstamp):
        with pytest.raises(ValueError, match="nested more than 1000 deep"):
            function(loop)


class Meddler(uuid.UUID):
    """Runs Python code in the middle of packing."""

    action: Callable[[], object]

    def __init__(self, action: Callable[[], object]) -> None:
        object.__setattr__(self, "action", action)

    @property
    def int(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.action()
        return 5


def test_a_list_that_shrinks_while_it_is_packed_is_read_past_its_end() -> None:
    victims: list[Any] = []
    victims += [Meddler(victims.clear), "a" * 100, b"b" * 100, [1, 2, 3]]
    assert found.unpack(found.pack((victims, 7))) == ((uuid.UUID(int=5),), 7)


def test_a_pack_within_a_pack_mixes_their_bytes() -> None:
    inner: list[bytes] = []
    meddler = Meddler(lambda: inner.append(found.pack(("inner", 1))))
    assert found.pack(("outer", meddler, 2)) == found.pack(("outer", uuid.UUID(int=5), 2))
    assert inner == [found.pack(("inner", 1))]


def test_an_exception_inside_an_element_is_swallowed() -> None:
    def fail() -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        found.pack((1, Meddler(fail)))


def test_an_unpacked_uuid_differs_from_a_constructed_one() -> None:
    (made,) = found.unpack(found.pack((UUID,)))
    assert type(made) is uuid.UUID
    assert made == UUID and hash(made) == hash(UUID) and made.bytes == UUID.bytes
    assert made.is_safe is UUID.is_safe is uuid.SafeUUID.unknown
    assert repr(made) == repr(UUID) and made.version == UUID.version
    with pytest.raises(TypeError, match="immutable"):
        setattr(made, "int", 3)  # noqa: B010


def test_range_leaves_out_a_longer_tuple_or_takes_in_another() -> None:
    assert found.range(("a", 1)) == (found.pack(("a", 1)) + b"\x00", found.pack(("a", 1)) + b"\xff")
    begin, end = found.range(())
    assert (begin, end) == (b"\x00", b"\xff")
    with pytest.raises(ValueError, match="incomplete versionstamp"):
        found.range((found.Versionstamp(),))


def test_an_incomplete_versionstamp_gets_a_wrong_offset() -> None:
    value = ("a", (None, found.Versionstamp(user_version=7)), "z")
    packed = found.pack_with_versionstamp(value, prefix=b"prefix")
    assert packed == reference.pack_with_versionstamp(to_reference(value), b"prefix")
    (offset,) = struct.unpack("<L", packed[-4:])
    filled = packed[:offset] + b"0123456789" + packed[offset + 10 : -4]
    complete = ("a", (None, found.Versionstamp(b"0123456789", 7)), "z")
    assert found.unpack(filled, 6) == complete
    assert found.unpack(packed[:-4], 6) == value


def test_the_number_of_incomplete_versionstamps_is_not_checked() -> None:
    one, stamp = found.Versionstamp(), found.Versionstamp(b"\xff" * 10)
    with pytest.raises(ValueError, match="found none"):
        found.pack_with_versionstamp((1, stamp))
    for function in (found.pack, found.pack_with_versionstamp):
        with pytest.raises(ValueError, match="one incomplete versionstamp, found 2"):
            function((one, [one]))
    with pytest.raises(ValueError, match="needs pack_with_versionstamp"):
        found.pack((1, one))


def test_has_incomplete_versionstamp_overlooks_or_invents_one() -> None:
    one = found.Versionstamp()
    assert found.has_incomplete_versionstamp((1, [2, (one,)], 3))
    assert found.has_incomplete_versionstamp([one])
    for value in ((), (1, "a", None), (STAMP, [STAMP]), [[], ()]):
        assert found.has_incomplete_versionstamp(value) is False
    with pytest.raises(TypeError, match="argument 'tuple' must be a tuple or a list, not 'str'"):
        found.has_incomplete_versionstamp("abc")


# ---- references, memory, threads


EVERYTHING = (
    *(value for value, _ in VECTORS),
    "x" * 5000,
    b"\0" * 5000,
    2**1000,
    -(2**1000),
    [1, ["two", (3.0, found.Versionstamp(b"9876543210"))]],
    Number(2**70),
    Id(int=1),
    bytearray(b"bytes"),
    memoryview(b"bytes"),
    ctypes.c_float(1.5),
)
cpython = pytest.mark.skipif(sys.implementation.name != "cpython", reason="counts references")


def attempts() -> list[Callable[[], Any]]:
    """Every way through the codec, the failing ones included."""
    packed = found.pack(EVERYTHING)
    bad = [packed[:cut] for cut in range(0, len(packed), 97)] + [packed + b"\xff", b"\x02\xff\x00"]
    calls: list[Callable[[], Any]] = [
        lambda: found.pack(EVERYTHING),
        lambda: found.unpack(packed),
        lambda: found.range(EVERYTHING),
        lambda: found.pack((EVERYTHING, {1})),
        lambda: found.pack((EVERYTHING, ["\ud800"])),
        lambda: found.pack((EVERYTHING, 2**3000)),
        lambda: found.pack((EVERYTHING, found.Versionstamp())),
        lambda: found.pack_with_versionstamp((EVERYTHING, found.Versionstamp())),
        lambda: found.has_incomplete_versionstamp((EVERYTHING, [found.Versionstamp()])),
        lambda: found.pack("no tuple"),
        lambda: found.unpack("no bytes"),
        lambda: found.SingleFloat("no float"),
        lambda: found.Versionstamp(b"short"),
        lambda: found.Versionstamp.from_bytes(STAMP.to_bytes()).completed(b""),
    ]
    return calls + [lambda bad=bad: found.unpack(bad) for bad in bad]  # type: ignore[misc]


def run(calls: list[Callable[[], Any]]) -> None:
    for call in calls:
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            call()


@cpython
def test_a_reference_is_leaked_or_dropped_twice() -> None:
    calls = attempts()
    shared = [*EVERYTHING, uuid.SafeUUID.unknown, uuid.UUID, EVERYTHING, found.Versionstamp]

    def references() -> list[int]:
        # Without a GIL each thread counts the instances of a class for itself, until a collection adds them up.
        gc.collect()
        return [sys.getrefcount(value) for value in shared]

    run(calls)
    before = references()
    for _ in range(50):
        run(calls)
    assert references() == before


@cpython
def test_memory_grows_with_every_call() -> None:
    calls = attempts()
    for _ in range(20):
        run(calls)
    before = sys.getallocatedblocks()
    for _ in range(50):
        run(calls)
    assert sys.getallocatedblocks() - before < 50


def test_threads_write_into_one_buffer() -> None:
    values = [(number, "thread", str(number) * number, UUID, (number, None)) for number in range(8)]
    packed = [reference.pack(value) for value in values]
    start = threading.Barrier(len(values))

    def work(index: int) -> bool:
        start.wait()
        return all(
            found.pack(values[index]) == packed[index]
            and found.unpack(packed[index]) == values[index]
            for _ in range(2000)
        )

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(len(values)) as pool:
            assert all(pool.map(work, range(len(values))))
    finally:
        sys.setswitchinterval(interval)
