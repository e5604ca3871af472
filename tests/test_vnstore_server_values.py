"""How the server writes values, and reads them back."""

from __future__ import annotations

import struct
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import found
from found.ext.vnstore.server import fromstring, tostring
from found.ext.vnstore.server.values import literal

scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**2039), 2**2039),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.uuids(),
    st.floats(width=32, allow_nan=False).map(found.SingleFloat),
    st.builds(found.Versionstamp, st.binary(min_size=10, max_size=10), st.integers(0, 65535)),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)


@given(values)
def test_every_value_that_is_shown_can_be_entered(value: Any) -> None:
    text = tostring(value)
    again = literal(text)
    assert found.pack((again,)) == found.pack((value,))
    assert type(again) is type(value)
    if text != "_":
        assert found.pack((fromstring(text),)) == found.pack((value,))


@given(values)
def test_a_value_survives_a_form_that_changes_line_ends(value: Any) -> None:
    text = tostring(value)
    assert text.splitlines() in ([text], [])


def test_a_tuple_too_deep_to_be_read_survives() -> None:
    value: tuple[Any, ...] = ()
    for _ in range(900):
        value = (value,)
    assert literal(tostring(value)) == value


def test_not_a_number_stays_one() -> None:
    assert struct.pack(">d", fromstring(tostring(float("nan")))) == struct.pack(">d", float("nan"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("hello", "hello"),
        ("#none", None),
        ("#true", True),
        ("#false", False),
        ("#i42", 42),
        ("#i-7", -7),
        ("#f3.14", 3.14),
        ("#u0102030405060708090a0b0c0d0e0f10", uuid.UUID("01020304-0506-0708-090a-0b0c0d0e0f10")),
        ("#s", ""),
        ("#s#hash", "#hash"),
        ("#s_", "_"),
        ("#b00ff", b"\x00\xff"),
        ('#t["a", ["#i1"]]', ("a", (1,))),
        ('#j"two\\nlines"', "two\nlines"),
    ],
)
def test_what_people_type(text: str, value: Any) -> None:
    assert fromstring(text) == value
    assert type(fromstring(text)) is type(value)


def test_an_underscore_is_a_fresh_uuid_where_something_is_made() -> None:
    first, second = fromstring("_"), fromstring("_")
    assert isinstance(first, uuid.UUID) and first != second
    assert literal("_") == "_"


@pytest.mark.parametrize(
    "text",
    [
        "#",
        "#x",
        "#nonesuch",
        "#i",
        "#i1.5",
        "#i" + "9" * 700,
        "#i" + "9" * 615,
        "#fx",
        "#u123",
        "#bzz",
        "#v00",
        "#t",
        "#t{}",
        "#t[1]",
        '#t["#x"]',
        '#t["#t[]"]',
        "#t" + "[" * 40 + "]" * 40,
        "#t" + "[" * 100_000,
        '#j"',
        "#j[]",
        "#pff",
        "half \ud800",
        '#j"\\ud800"',
        "#s\ud800",
    ],
)
def test_what_is_no_value_says_so(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        fromstring(text)


def test_what_no_tuple_holds_is_refused() -> None:
    with pytest.raises(TypeError):
        tostring(object())
