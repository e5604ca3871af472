"""Patterns of an nstore: variables, and which items of a tuple they stand for."""

from __future__ import annotations

import itertools


class Variable:
    """A place of a pattern that takes any item and gives it a name."""

    # Not a named tuple: `found.pack` would take one for a nested tuple, and write it.
    __slots__ = ("name",)

    name: str

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be a str, not {type(name).__name__}")
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.name == self.name

    def __hash__(self) -> int:
        return hash((type(self), self.name))

    def __repr__(self) -> str:
        return f"var({self.name!r})"


def permutations(n: int) -> tuple[tuple[int, ...], ...]:
    """The orders of the columns that the indexes of a store of width `n` have; they are on disk.

    Each set of columns is what some order begins with, so that every pattern is one range of one index. There are as
    few as there can be, n over n // 2: the chains of a symmetric chain decomposition of the columns' subsets.
    """
    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    middle = list(itertools.combinations(range(n), n // 2))
    return tuple(_chain(n, frozenset(columns)) for columns in middle)


def _chain(n: int, marked: frozenset[int]) -> tuple[int, ...]:
    """The order that begins, after some columns, with each set of the chain that `marked` is in the middle of."""
    first: list[int] = []
    last: list[int] = []
    left = list(range(n))
    index = 0
    while index + 1 < len(left):
        if left[index] not in marked and left[index + 1] in marked:
            first.append(left[index + 1])
            last.append(left[index])
            del left[index : index + 2]
            # The neighbours before them have new ones now.
            index = max(0, index - 1)
        else:
            index += 1
    return (*first, *left, *last)
