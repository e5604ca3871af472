"""How values look in forms, addresses and JSON: a compact text for every type that a tuple can hold.

`#none`, `#true`, `#false`, `#u` and the 32 hexadecimal digits of a UUID, `#i42`, `#f3.14`, and any other text for
itself, as 0.13 has them. What those leave out has an escape of its own: `#s` before a text that is empty or begins
with `#` or `_`; `#j` and a JSON string for a text with line ends and other controls, which forms change; `#b` and
hexadecimal digits for bytes; `#g` for a single float; `#v` and hexadecimal digits for a versionstamp; `#t` and a JSON
array of such texts for a tuple, with arrays in it for the tuples in that; `#p` and the hexadecimal digits of
`found.pack` for a tuple that is nested too deep to be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import found

T = TypeVar("T")

_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")

# The tuple layer holds integers of up to 255 bytes: 615 decimal digits and a sign.
_LONGEST_INTEGER = 616
_DEEPEST = 32

_CONSTANTS = {"#none": None, "#true": True, "#false": False}


def tostring(value: object) -> str:
    """The text of a value; `fromstring` reads it back.

    Args:
        value: what a tuple can hold: None, a bool, an int, a float, a str, bytes, a UUID, a `found.SingleFloat`, a
            complete `found.Versionstamp`, or a tuple of them.

    Returns:
        The text.

    Raises:
        TypeError: a tuple cannot hold `value`.
    """
    if value is None:
        return "#none"
    if isinstance(value, bool):
        return "#true" if value else "#false"
    if isinstance(value, str):
        if _CONTROL.search(value):
            # JSON escapes the first 32 of them by itself.
            return "#j" + _CONTROL.sub(_escape, json.dumps(value, ensure_ascii=False))
        return f"#s{value}" if value[:1] in ("", "#", "_") else value
    if isinstance(value, int):
        return f"#i{value}"
    if isinstance(value, float):
        return f"#f{value!r}"
    if isinstance(value, bytes):
        return f"#b{value.hex()}"
    if isinstance(value, UUID):
        return f"#u{value.hex.upper()}"
    if isinstance(value, found.SingleFloat):
        return f"#g{value.value!r}"
    if isinstance(value, found.Versionstamp):
        return f"#v{value.to_bytes().hex()}"
    if isinstance(value, (tuple, list)):
        if _depth(cast("Sequence[object]", value)) > _DEEPEST:
            return f"#p{found.pack(tuple(cast('Sequence[Any]', value))).hex()}"
        return f"#t{json.dumps(_array(cast('Sequence[object]', value)), ensure_ascii=False)}"
    raise TypeError(f"no text for a {type(value).__name__}")


def _escape(control: re.Match[str]) -> str:
    return f"\\u{ord(control[0]):04x}"


def _depth(items: Sequence[object]) -> int:
    """How deep tuples are nested, up to one more than is shown."""
    depth, level = 0, [items]
    while level and depth <= _DEEPEST:
        depth += 1
        level = [
            cast("Sequence[object]", i) for s in level for i in s if isinstance(i, (tuple, list))
        ]
    return depth


def _array(items: Sequence[object]) -> list[object]:
    return [
        _array(cast("Sequence[object]", item))
        if isinstance(item, (tuple, list))
        else tostring(item)
        for item in items
    ]


def fromstring(string: str) -> Any:
    """The value of a text, as `tostring` writes it. `_` alone is a fresh UUID.

    Args:
        string: the text.

    Returns:
        The value.

    Raises:
        ValueError: the text is no value; the message says why.
    """
    return uuid4() if string == "_" else literal(string)


def literal(string: str) -> Any:
    """The value of a text as `fromstring` has it, but for `_`: a text that is looked for is never fresh."""
    if not string.startswith("#"):
        return _text(string)
    if string in _CONSTANTS:
        return _CONSTANTS[string]
    kind, text = string[1:2], string[2:]
    try:
        if kind == "s":
            return _text(text)
        if kind == "j":
            return _text(_json(text, str))
        if kind == "i":
            return _integer(text)
        if kind == "f":
            return float(text)
        if kind == "g":
            return found.SingleFloat(float(text))
        if kind == "u":
            return UUID(hex=text)
        if kind == "b":
            return bytes.fromhex(text)
        if kind == "p":
            return found.unpack(bytes.fromhex(text))
        if kind == "v":
            return found.Versionstamp.from_bytes(bytes.fromhex(text))
        if kind == "t":
            return _items(cast("list[object]", _json(text, list)), 1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_shown(string)} is no value: {error}") from None
    raise ValueError(
        f"{_shown(string)} begins with # and is no value: write #s before a text that begins with #"
    )


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{_shown(text)} holds half of a surrogate pair, which no key can"
        ) from None
    return text


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError("integers have at most 255 bytes")
    number = int(text)
    if (abs(number).bit_length() + 7) // 8 > 255:
        raise ValueError("integers have at most 255 bytes")
    return number


def _json(text: str, kind: type[T]) -> T:
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(value, kind):
        raise ValueError(f"JSON of a {'string' if kind is str else 'array'} is asked for")
    return value


def _items(array: list[object], depth: int) -> tuple[Any, ...]:
    if depth > _DEEPEST:
        raise ValueError(f"tuples are nested deeper than {_DEEPEST}")
    items: list[Any] = []
    for item in array:
        if isinstance(item, list):
            items.append(_items(cast("list[object]", item), depth + 1))
        elif isinstance(item, str) and (item in _CONSTANTS or not item.startswith("#t")):
            items.append(literal(item))
        else:
            raise ValueError(
                f"{_shown(str(item))} in a tuple is no value: texts and arrays of them are"
            )
    return tuple(items)


def _shown(string: str) -> str:
    return ascii(string if len(string) <= 60 else f"{string[:57]}...")
