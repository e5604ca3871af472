"""Random values, drawn as the official tests draw them."""

from __future__ import annotations

import math
import random
import unicodedata
import uuid
from typing import Any, Callable

import found


class Values:
    """Random values, as the official tests draw them."""

    def __init__(self, draw: random.Random, max_int_bits: int = 2040) -> None:
        self.draw = draw
        self.max_int_bits = max_int_bits

    def bytes(self, length: int) -> bytes:
        # The first byte is never 0xFF: such a key would be one of the system's.
        if not length:
            return b""
        return bytes([self.draw.randrange(255)]) + self.draw.randbytes(length - 1)

    def some_bytes(self) -> bytes:
        return self.bytes(self.draw.randint(0, 100))

    def integer(self) -> int:
        # As many small as large ones.
        bound = 1 << self.draw.randint(0, self.max_int_bits)
        return self.draw.randint(max(-bound, 1 - (1 << self.max_int_bits)), bound - 1)

    def double(self, exponent_bits: int = 11) -> float:
        if self.draw.random() < 0.05:
            return self.draw.choice([math.nan, -math.nan, math.inf, -math.inf, 0.0, -0.0])
        bias = 1 << (exponent_bits - 1)
        exponent = self.draw.randint(-bias - 10, bias - 1)
        value = self.draw.choice((-1, 1)) * math.ldexp(self.draw.random(), exponent)
        return float(int(value)) if self.draw.random() < 0.05 else value

    def single(self) -> found.SingleFloat:
        return found.SingleFloat(self.double(8))

    def text(self) -> str:
        return "".join(self._character() for _ in range(self.draw.randint(0, 100)))

    def _character(self) -> str:
        if self.draw.random() < 0.05:
            # Beyond the 16 bits that other languages store in one unit, and joined ones.
            return self.draw.choice(
                ["\U0001f4a9", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0002a2b2"]
            )
        while True:
            character = chr(self.draw.randrange(0x10000))
            if unicodedata.category(character)[0] in "LMNPSZ":
                return character

    def versionstamp(self, incomplete: bool) -> found.Versionstamp:
        known = None if incomplete and self.draw.random() < 0.5 else self.bytes(10)
        return found.Versionstamp(known, self.draw.randrange(0x10000))

    def tuple(self, longest: int, incomplete: bool = False) -> tuple[Any, ...]:
        size = self.draw.randint(1, longest)
        items: list[Callable[[], Any]] = [
            lambda: None,
            self.some_bytes,
            self.text,
            self.integer,
            lambda: uuid.UUID(int=self.draw.getrandbits(128)),
            lambda: self.draw.random() < 0.5,
            self.single,
            self.double,
            lambda: self._nested(longest - size),
            lambda: self.versionstamp(incomplete),
        ]
        return tuple(self.draw.choice(items)() for _ in range(size))

    def _nested(self, longest: int) -> tuple[Any, ...]:
        longest = self.draw.randint(0, longest)
        return self.tuple(longest) if longest else ()

    def tuples(self) -> list[tuple[Any, ...]]:
        """Tuples to sort, some of which begin as another does."""
        tuples = []
        for _ in range(self.draw.randint(1, 30)):
            one = self.tuple(10)
            tuples.append(one)
            if len(one) > 1 and self.draw.random() < 0.25:
                tuples.append(one[: self.draw.randint(1, len(one))])
        self.draw.shuffle(tuples)
        return tuples

    def range_parameters(self) -> tuple[int, int, int]:
        """A limit, whether to read backwards, and a mode; EXACT without a limit among them."""
        if self.draw.random() < 0.75:
            limit = self.draw.randint(1, 1_000)
        else:
            limit = 0 if self.draw.random() < 0.75 else self.draw.randint(10**8, 2**31 - 1)
        return limit, self.draw.randint(0, 1), self.draw.randint(-2, 4)

    def selector_parameters(self) -> tuple[int, int]:
        far = 20 if self.draw.random() < 0.9 else 1_000
        return self.draw.randint(0, 1), self.draw.randint(-far, far)
