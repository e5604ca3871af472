"""Versionstamp and SingleFloat: each test is named after what it keeps from happening."""

from __future__ import annotations

import copy
import ctypes
import inspect
import itertools
import math
import pickle
import struct
from typing import Any

import pytest
from fdb_reference import bits, reference

import found

VERSION = b"0123456789"
FLOATS = [0.0, -0.0, 1.5, -1.5, 0.1, math.inf, -math.inf, math.nan, -math.nan, 1e40, -1e40, 1e-50]
STAMPS = [
    (b"\x00" * 10, 0),
    (VERSION, 0),
    (VERSION, 1),
    (VERSION, 65535),
    (b"\xff" * 9 + b"\xfe", 0),
    (None, 0),
    (None, 1),
    (None, 65535),
]


def test_a_versionstamp_has_other_defaults_or_names() -> None:
    stamp = found.Versionstamp()
    assert (stamp.tr_version, stamp.user_version, stamp.is_complete()) == (None, 0, False)
    stamp = found.Versionstamp(tr_version=VERSION, user_version=7)
    assert (stamp.tr_version, stamp.user_version, stamp.is_complete()) == (VERSION, 7, True)
    assert found.Versionstamp(None, 3) == found.Versionstamp.incomplete(3)
    assert found.Versionstamp.incomplete() == found.Versionstamp()
    assert found.Versionstamp.LENGTH == reference.Versionstamp.LENGTH == 12
    signature = str(inspect.signature(found.Versionstamp))
    assert signature == "(tr_version=None, user_version=0)"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("0123456789",), TypeError, "tr_version must be bytes, not 'str'"),
        ((7,), TypeError, "tr_version must be bytes, not 'int'"),
        ((b"012345678",), ValueError, "tr_version must have 10 bytes, not 9"),
        ((b"0123456789ab",), ValueError, "tr_version must have 10 bytes, not 12"),
        ((None, "7"), TypeError, "user_version must be an int, not 'str'"),
        ((None, None), TypeError, "user_version must be an int, not 'NoneType'"),
        ((None, 7.0), TypeError, "user_version must be an int, not 'float'"),
        ((None, -1), ValueError, "user_version must be 0 to 65535, not -1"),
        ((None, 65536), ValueError, "user_version must be 0 to 65535, not 65536"),
        ((None, 2**80), ValueError, "user_version must be 0 to 65535"),
    ],
)
def test_a_bad_versionstamp_is_made(
    arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        found.Versionstamp(*arguments)


@pytest.mark.parametrize(("version", "user"), STAMPS)
def test_the_bytes_of_a_versionstamp_differ(version: bytes | None, user: int) -> None:
    stamp = found.Versionstamp(version, user)
    raw = stamp.to_bytes()
    assert raw == reference.Versionstamp(version, user).to_bytes()
    assert found.Versionstamp.from_bytes(raw) == stamp
    assert found.Versionstamp.from_bytes(b"xyz" + raw + b"more", 3) == stamp
    assert found.Versionstamp.from_bytes(v=raw, start=0).is_complete() == (version is not None)


def test_a_versionstamp_is_read_past_the_end() -> None:
    for start in (1, 12, 2**40, -1, -12):
        with pytest.raises(ValueError, match="a versionstamp has 12 bytes, only"):
            found.Versionstamp.from_bytes(b"0" * 12, start)
    with pytest.raises(TypeError, match="v must be bytes, not 'str'"):
        found.Versionstamp.from_bytes("0" * 12)


def test_a_versionstamp_is_completed_twice() -> None:
    stamp = found.Versionstamp(user_version=7).completed(VERSION)
    assert stamp == found.Versionstamp(VERSION, 7)
    with pytest.raises(RuntimeError, match="already complete"):
        stamp.completed(VERSION)
    with pytest.raises(ValueError, match="10 bytes"):
        found.Versionstamp().completed(b"")
    with pytest.raises(TypeError, match="not 'NoneType'"):
        found.Versionstamp().completed(None)


def test_versionstamps_sort_other_than_their_keys() -> None:
    for (a, b), (ref_a, ref_b) in zip(
        itertools.product([found.Versionstamp(*stamp) for stamp in STAMPS], repeat=2),
        itertools.product([reference.Versionstamp(*stamp) for stamp in STAMPS], repeat=2),
    ):
        assert (a < b, a == b, a > b) == (ref_a < ref_b, ref_a == ref_b, ref_a > ref_b)
        assert (a <= b, a != b, a >= b) == (ref_a <= ref_b, ref_a != ref_b, ref_a >= ref_b)
        assert (a < b) == (a.to_bytes() < b.to_bytes())
        if a == b:
            assert hash(a) == hash(b)
    stamps = {found.Versionstamp(*stamp) for stamp in STAMPS}
    assert len(stamps) == len(STAMPS)


def test_our_types_equal_or_compare_with_others() -> None:
    for value in (found.Versionstamp(VERSION), found.SingleFloat(1.0)):
        for other in (None, 1.0, VERSION, "a", ()):
            assert value != other
            with pytest.raises(TypeError):
                assert value < other
    assert found.Versionstamp(VERSION) != found.SingleFloat(1.0)


def test_our_types_can_be_changed() -> None:
    for value, name in (
        (found.Versionstamp(VERSION), "tr_version"),
        (found.Versionstamp(VERSION), "user_version"),
        (found.SingleFloat(1.0), "value"),
    ):
        with pytest.raises(AttributeError):
            setattr(value, name, 7)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_our_types_are_lost_in_a_pickle(protocol: int) -> None:
    values = [found.Versionstamp(*stamp) for stamp in STAMPS]
    # Protocol 0 writes a float as text, and so a NaN without its sign.
    values += [found.SingleFloat(value) for value in FLOATS if protocol or not math.isnan(value)]
    assert pickle.loads(pickle.dumps(values, protocol)) == values
    assert copy.copy(values[0]) == values[0]
    assert copy.deepcopy(values) == values


class Stamp(found.Versionstamp):
    pass


class Single(found.SingleFloat):
    pass


def test_a_subclass_of_our_types_is_lost_or_refused() -> None:
    stamp, single = Stamp(VERSION, 7), Single(1.5)
    assert found.pack((stamp, single)) == found.pack(
        (found.Versionstamp(VERSION, 7), found.SingleFloat(1.5))
    )
    for value in (stamp, single):
        back = pickle.loads(pickle.dumps(value))
        assert type(back) is type(value) and back == value


def test_a_repr_cannot_be_evaluated() -> None:
    names = {"Versionstamp": found.Versionstamp, "SingleFloat": found.SingleFloat}
    for version, user in STAMPS:
        stamp = found.Versionstamp(version, user)
        assert eval(repr(stamp), names) == stamp
        assert str(stamp) == str(reference.Versionstamp(version, user))
    assert repr(found.SingleFloat(0.1)) == "SingleFloat(0.10000000149011612)"
    for value in FLOATS:
        assert repr(found.SingleFloat(value)) == repr(reference.SingleFloat(value))
        assert str(found.SingleFloat(value)) == str(reference.SingleFloat(value))


@pytest.mark.parametrize("value", FLOATS)
def test_a_single_float_is_rounded_otherwise(value: float) -> None:
    ours, theirs = found.SingleFloat(value), reference.SingleFloat(value)
    assert bits(ours.value) == bits(theirs.value) == bits(ctypes.c_float(value).value)
    assert found.SingleFloat(ctypes.c_float(value)) == ours
    assert found.SingleFloat(ours.value) == ours


def test_a_nan_loses_its_payload_on_the_way_to_a_single_float() -> None:
    for pattern in (0x7FF8DEADBEEF1234, 0xFFF8DEADBEEF1234, 0x7FF0000000000001, 0xFFF4000000000000):
        (value,) = struct.unpack(">d", pattern.to_bytes(8, "big"))
        theirs = reference.SingleFloat(value)
        assert bits(found.SingleFloat(value).value) == bits(theirs.value)
        assert found.pack((found.SingleFloat(value),)) == reference.pack((theirs,))


def test_a_single_float_takes_what_is_no_number() -> None:
    assert found.SingleFloat(3) == found.SingleFloat(3.0)
    assert found.SingleFloat(value=True).value == 1.0
    assert math.isinf(found.SingleFloat(10**300).value)
    for value in ("1.5", b"1", None, 1j, ctypes.c_double(1.0), found.SingleFloat(1.0)):
        name = type(value).__name__
        with pytest.raises(TypeError, match=f"value must be a float or an int, not '{name}'"):
            found.SingleFloat(value)
    with pytest.raises(OverflowError):
        found.SingleFloat(10**400)


def test_single_floats_sort_other_than_their_keys() -> None:
    values = [found.SingleFloat(value) for value in FLOATS]
    for a, b in itertools.product(values, repeat=2):
        ref_a, ref_b = reference.SingleFloat(a.value), reference.SingleFloat(b.value)
        assert (a < b, a == b, a > b) == (ref_a < ref_b, ref_a == ref_b, ref_a > ref_b)
        assert (a < b) == (found.pack((a,)) < found.pack((b,)))
        if a == b:
            assert hash(a) == hash(b)
    assert found.SingleFloat(0.0) != found.SingleFloat(-0.0)
    assert found.SingleFloat(math.nan) == found.SingleFloat(math.nan)


def test_the_signatures_hide_their_arguments() -> None:
    assert str(inspect.signature(found.pack)) == "(tuple, prefix=None)"
    assert str(inspect.signature(found.pack_with_versionstamp)) == "(tuple, prefix=None)"
    assert str(inspect.signature(found.unpack)) == "(bytes, prefix_len=0)"
    assert str(inspect.signature(found.range)) == "(tuple)"
    assert str(inspect.signature(found.has_incomplete_versionstamp)) == "(tuple)"
    assert found.unpack(bytes=found.pack(tuple=(1,), prefix=b"p"), prefix_len=1) == (1,)
