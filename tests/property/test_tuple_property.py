"""The codec against `fdb.tuple`, on whatever hypothesis thinks of."""

from __future__ import annotations

import re
import struct
from typing import Any

import pytest
from fdb_reference import reference, same, to_reference
from hypothesis import assume, given
from hypothesis import strategies as st

import found

powers = st.integers(0, 2040).map(lambda bits: 1 << bits)
integers = st.one_of(
    st.integers(-(2**80), 2**80),
    st.integers(-300, 300),
    st.builds(
        lambda power, offset, sign: sign * min(power + offset, 2**2040 - 1),
        powers,
        st.integers(-2, 2),
        st.sampled_from([-1, 1]),
    ),
)
doubles = st.one_of(
    st.floats(),
    st.binary(min_size=8, max_size=8).map(lambda bits: struct.unpack(">d", bits)[0]),
)
text = st.one_of(
    st.text(max_size=12), st.text(alphabet="\0\x01a\x7f\x80\xff\uffff\U0001f4a9", max_size=8)
)
binary = st.one_of(
    st.binary(max_size=20),
    st.lists(st.sampled_from([b"\0", b"\x01", b"\xfe", b"\xff"]), max_size=8).map(b"".join),
)
stamps = st.builds(
    found.Versionstamp,
    st.binary(min_size=10, max_size=10).filter(lambda version: version != b"\xff" * 10),
    st.integers(0, 2**16 - 1),
)
scalars = st.one_of(
    st.none(),
    binary,
    text,
    integers,
    doubles,
    doubles.map(found.SingleFloat),
    st.booleans(),
    st.uuids(),
    stamps,
)
elements = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=8)
# Two of one type, each time. Python's floats have one zero and no order of NaN: those are compared
# with fdb.tuple, and as SingleFloats, whose order is that of their bytes.
pairs: st.SearchStrategy[tuple[Any, Any]] = st.sampled_from(
    (
        binary,
        text,
        integers,
        st.floats(allow_nan=False).map(lambda value: value + 0.0),
        doubles.map(found.SingleFloat),
        st.uuids(),
        stamps,
    )
).flatmap(lambda kind: st.tuples(kind, kind))
tuples = st.lists(elements, max_size=5).map(tuple)


def unpacked(packed: bytes) -> Any:
    """What fdb.tuple makes of the bytes, or its exception."""
    try:
        return reference.unpack(packed)
    except (ValueError, IndexError, struct.error) as error:
        return error


@given(tuples)
def test_bytes_are_those_of_fdb_tuple(value: tuple[Any, ...]) -> None:
    assert found.pack(value) == reference.pack(to_reference(value))


@given(tuples)
def test_what_is_packed_is_what_is_unpacked(value: tuple[Any, ...]) -> None:
    packed = found.pack(value)
    assert same(found.unpack(packed), value)
    assert same(found.unpack(packed), reference.unpack(packed))


@given(tuples, tuples)
def test_bytes_sort_as_fdb_tuple_compares(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    packed_a, packed_b = found.pack(a), found.pack(b)
    order = (packed_a > packed_b) - (packed_a < packed_b)
    assert order == reference.compare(to_reference(a), to_reference(b))


@given(tuples, pairs)
def test_bytes_sort_as_python_compares(prefix: tuple[Any, ...], pair: tuple[Any, Any]) -> None:
    a, b = pair
    packed_a, packed_b = found.pack((*prefix, a)), found.pack((*prefix, b))
    assert (a > b) - (a < b) == (packed_a > packed_b) - (packed_a < packed_b)


@given(tuples, st.binary(max_size=30))
def test_a_prefix_only_stands_in_front(value: tuple[Any, ...], prefix: bytes) -> None:
    packed = found.pack(value, prefix=prefix)
    assert packed == prefix + found.pack(value)
    assert same(found.unpack(packed, prefix_len=len(prefix)), value)


@given(tuples, tuples)
def test_range_holds_the_longer_tuples_and_no_other(
    value: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    begin, end = found.range(value)
    theirs = reference.range(to_reference(value))
    assert (begin, end) == (theirs.start, theirs.stop)
    longer = (*value, *other)
    assert (begin <= found.pack(longer) < end) == (len(other) > 0)
    extends = len(other) > len(value) and same(other[: len(value)], value)
    assert (begin <= found.pack(other) < end) == extends


@given(tuples, tuples, st.integers(0, 2**16 - 1), st.integers(0, 3), st.binary(max_size=5))
def test_the_incomplete_versionstamp_is_found_where_fdb_tuple_finds_it(
    before: tuple[Any, ...], after: tuple[Any, ...], user: int, depth: int, prefix: bytes
) -> None:
    stamp: Any = found.Versionstamp(user_version=user)
    for _ in range(depth):
        stamp = (None, stamp, 7)
    value = (*before, stamp, *after)
    assert found.has_incomplete_versionstamp(value)
    assert not found.has_incomplete_versionstamp((before, after))
    theirs = reference.pack_with_versionstamp(to_reference(value), prefix)
    assert found.pack_with_versionstamp(value, prefix=prefix) == theirs
    with pytest.raises(ValueError, match="incomplete versionstamp"):
        found.pack(value)


def check_unpack(packed: bytes) -> None:
    """Our answer to any bytes is that of fdb.tuple, but for terminators that are missing."""
    theirs = unpacked(packed)
    try:
        ours = found.unpack(packed)
    except ValueError as error:
        offset = re.search(r"offset (\d+)", str(error))
        assert offset is not None and int(offset[1]) <= len(packed), error
        if not isinstance(theirs, Exception):
            assert "the input ends inside" in str(error)
        return
    assert same(ours, theirs)
    # Integers and terminators in another form are written in the usual one; no value changes.
    assert same(found.unpack(found.pack(ours)), ours)


@given(st.binary(max_size=60))
def test_junk_is_refused_or_read_as_fdb_tuple_reads_it(junk: bytes) -> None:
    check_unpack(junk)


codes = st.sampled_from([0x00, 0x01, 0x02, 0x05, *range(0x0B, 0x1E), 0x20, 0x21, 0x26, 0x27, 0x33])


@given(st.lists(st.one_of(codes, st.just(0), st.just(0xFF), st.integers(0, 255)), max_size=40))
def test_junk_of_type_codes_is_refused_or_read_as_fdb_tuple_reads_it(junk: list[int]) -> None:
    check_unpack(bytes(junk))


@given(tuples, st.data())
def test_a_changed_byte_is_refused_or_read_as_fdb_tuple_reads_it(
    value: tuple[Any, ...], data: st.DataObject
) -> None:
    packed = bytearray(found.pack(value))
    assume(packed)
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    check_unpack(bytes(packed))


@given(tuples)
def test_a_cut_is_refused_with_its_offset_or_is_a_whole_tuple(value: tuple[Any, ...]) -> None:
    packed = found.pack(value)
    for end in range(len(packed)):
        cut = packed[:end]
        try:
            whole = found.unpack(cut)
        except ValueError as error:
            assert re.search(r"offset \d+", str(error)), error
        else:
            assert found.pack(whole) == cut
