"""How things are measured: in turns, so that a change of the machine's mood falls on everyone alike.

A figure is the median of its rounds; its spread is the middle half of them. A ratio is taken pair by pair, each round
of one against the same round of the other, and is the median of those.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

OURS = "found"


class Figure(NamedTuple):
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(statistics.median(values), low, high)


class Row(NamedTuple):
    """One thing measured, on everyone who can do it. The first contender is this project.

    A contender whose name begins with `found, ` is this project too, in another setting: it is not rated.
    """

    section: str
    name: str
    unit: str
    larger_is_better: bool
    figures: dict[str, Figure]
    ratios: dict[str, Figure]
    """By contender: how many times better this project is."""
    note: str = ""

    @classmethod
    def of_rounds(
        cls,
        section: str,
        name: str,
        unit: str,
        rounds: Mapping[str, Sequence[float]],
        *,
        larger_is_better: bool = False,
        unrated: Collection[str] = (),
        note: str = "",
    ) -> Row:
        """`unrated` are the contenders that this project is not to be better than."""
        first, *others = rounds
        ratios: dict[str, Figure] = {}
        for other in others:
            if other in unrated or other.startswith(f"{OURS}, "):
                continue
            pairs = zip(rounds[first], rounds[other])
            ratio = [a / b if larger_is_better else b / a for a, b in pairs]
            ratios[other] = Figure.of(ratio)
        figures = {contender: Figure.of(values) for contender, values in rounds.items()}
        return cls(section, name, unit, larger_is_better, figures, ratios, note)


class Failure(Exception):
    """A contender that cannot do what is to be measured; the message is its own."""


def in_turns(
    contenders: Mapping[str, Callable[[], float]],
    rounds: int,
    progress: Callable[[int], None],
    failed: Callable[[str, Failure], None],
) -> dict[str, list[float]]:
    """Measure each once a round. Who begins changes with the round; one round before the first is not counted.

    A contender that fails is told to `failed`, and is not among the results.
    """
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-1, rounds):
        progress(number + 1)
        names = list(measured)
        start = number % max(len(names), 1)
        for name in names[start:] + names[:start]:
            try:
                figure = contenders[name]()
            except Failure as failure:
                failed(name, failure)
                del measured[name]
                continue
            if number >= 0:
                measured[name].append(figure)
    return measured


def figure(unit: str, pieces: float, seconds: float) -> float:
    """What `seconds` for `pieces` of work are in `unit`: `us each`, or so many a second."""
    if is_rate(unit):
        return pieces / seconds
    return seconds * {"ns": 1e9, "us": 1e6, "ms": 1e3}[unit.split()[0]] / pieces


def is_rate(unit: str) -> bool:
    """Whether more of it is better."""
    return unit.endswith("/s")


def say(text: str, end: str = "\n") -> None:
    """Progress goes beside the table, to stderr; `end="\\r"` is a line that the next one replaces."""
    if end == "\r" and not sys.stderr.isatty():
        return
    print(f"{text:<79}" if end == "\r" else text, end=end, file=sys.stderr, flush=True)
