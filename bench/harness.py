"""How things are measured: in turns, so that a change of the machine's mood falls on everyone alike.

A figure is the median of its rounds; its spread is the middle half of them. A ratio is taken pair by pair, each round
of one against the same round of the other, and is the median of those.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Optional

ROOT = Path(__file__).resolve().parent.parent


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
    """One thing measured, on everyone who can do it. The first contender is this project."""

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
            if other in unrated:
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


class Report:
    """The rows measured so far, and whom they were measured on."""

    def __init__(self, command: Sequence[str], versions: Mapping[str, str]) -> None:
        self.command = list(command)
        self.versions = dict(versions)
        self.rows: list[Row] = []
        self.skipped: dict[str, str] = {}
        self.date = datetime.datetime.now(datetime.timezone.utc)

    def add(self, row: Row) -> None:
        self.rows.append(row)
        figures = "  ".join(f"{who} {shown(figure)}" for who, figure in row.figures.items())
        ratios = "".join(f"  {shown(ratio)}x of {who}" for who, ratio in row.ratios.items())
        say("", end="\r")
        say(f"  {row.name}, {row.unit}:  {figures}{ratios}")

    def skip(self, contender: str, what: str, reason: object) -> None:
        self.skipped[f"{contender} ({what})"] = str(reason)
        say(f"  {contender} is not measured ({what}): {reason}")

    def machine(self) -> dict[str, str]:
        return {
            "processor": processor(),
            "cores": str(os.cpu_count()),
            "system": platform.platform(),
            "python": f"{platform.python_implementation()} {platform.python_version()}",
        }

    def markdown(self) -> str:
        lines = [f"# Measured {self.date:%Y-%m-%d %H:%M} UTC", ""]
        lines += [f"- {name}: {value}" for name, value in self.machine().items()]
        lines += [f"- {name}: {value}" for name, value in self.versions.items()]
        lines += [f"- command: `{' '.join(self.command)}`", ""]
        lines.append(
            "Medians, with the middle half of the rounds. A ratio above 1 is in favour of found."
        )
        for section in dict.fromkeys(row.section for row in self.rows):
            lines += ["", f"## {section}", ""]
            rows = [row for row in self.rows if row.section == section]
            contenders = list(dict.fromkeys(who for row in rows for who in row.figures))
            compared = [who for who in contenders if any(who in row.ratios for row in rows)]
            heads = ["", "unit", *contenders, *(f"against {who}" for who in compared), ""]
            lines += ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
            for row in rows:
                cells = [row.name, row.unit]
                cells += [shown(row.figures.get(who)) for who in contenders]
                for who in compared:
                    ratio = row.ratios.get(who)
                    lost = ratio is not None and ratio.median < 1
                    cells.append(shown(ratio, times=True) + (" **slower**" if lost else ""))
                lines.append("| " + " | ".join([*cells, row.note]) + " |")
        if self.skipped:
            lines += ["", "## Not measured", ""]
            lines += [f"- {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.md").write_text(self.markdown(), encoding="utf-8")
        document = {
            "date": self.date.isoformat(),
            "machine": self.machine(),
            "versions": self.versions,
            "command": self.command,
            "rows": [
                {
                    **row._asdict(),
                    "figures": {who: figure._asdict() for who, figure in row.figures.items()},
                    "ratios": {who: ratio._asdict() for who, ratio in row.ratios.items()},
                }
                for row in self.rows
            ],
            "skipped": self.skipped,
        }
        text = json.dumps(document, indent=2, ensure_ascii=False)
        (folder / "bench.json").write_text(text + "\n", encoding="utf-8")


def say(text: str, end: str = "\n") -> None:
    """Progress goes beside the table, to stderr; `end="\\r"` is a line that the next one replaces."""
    if end == "\r" and not sys.stderr.isatty():
        return
    print(f"{text:<79}" if end == "\r" else text, end=end, file=sys.stderr, flush=True)


def shown(figure: Optional[Figure], *, times: bool = False) -> str:
    if figure is None:
        return "-"
    spread = (figure.high - figure.low) / 2
    if times:
        return f"{number(figure.median)}"
    return f"{number(figure.median)} ± {number(spread)}" if spread else number(figure.median)


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True
    )
    return run.stdout.strip() if run.returncode == 0 else "unknown"
