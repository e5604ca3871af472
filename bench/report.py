"""What a run has measured, on what and by which command: kept as JSON, shown as Markdown."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple, Optional

from bench.harness import OURS, ROOT, Failure, Figure, Row, in_turns, is_rate, say

FORMAT = 1
"""Of the JSON; a change that older readers would misread gets the next number."""


class Skip(NamedTuple):
    """A contender that was not measured, in a section or at one row of it, and what it said."""

    contender: str
    section: str
    row: Optional[str]
    reason: str


class Report:
    """The rows of one run so far."""

    def __init__(
        self,
        command: str,
        versions: Mapping[str, str],
        *,
        machine: Optional[Mapping[str, str]] = None,
        date: Optional[datetime.datetime] = None,
    ) -> None:
        self.command = command
        self.versions = dict(versions)
        self.machine = dict(machine or this_machine())
        self.date = date or datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.rows: list[Row] = []
        self.skipped: list[Skip] = []

    @property
    def sections(self) -> list[str]:
        """Those that have rows, in the order in which they were measured."""
        return list(dict.fromkeys(row.section for row in self.rows))

    def add(self, row: Row) -> None:
        self.rows.append(row)
        figures = "  ".join(f"{who} {shown(figure)}" for who, figure in row.figures.items())
        ratios = "".join(f"  {shown(ratio)}x of {who}" for who, ratio in row.ratios.items())
        say("", end="\r")
        say(f"  {row.name}, {row.unit}:  {figures}{ratios}")

    def measure(
        self,
        section: str,
        name: str,
        unit: str,
        contenders: Mapping[str, Callable[[], float]],
        rounds: int,
        *,
        unrated: Collection[str] = (),
        note: str = "",
    ) -> Optional[dict[str, list[float]]]:
        """Measure one row in turns and add it; a contender that fails is skipped. Returns the rounds of each.

        None, and no row, if this project itself failed.
        """
        measured = in_turns(
            contenders,
            rounds,
            lambda number: say(f"  {name} {number}/{rounds}", end="\r"),
            lambda who, failure: self.skip(who, section, failure, name),
        )
        if OURS not in measured:
            return None
        larger = is_rate(unit)
        row = Row.of_rounds(
            section, name, unit, measured, larger_is_better=larger, unrated=unrated, note=note
        )
        self.add(row)
        return measured

    def skip(
        self, contender: str, section: str, reason: Failure, row: Optional[str] = None
    ) -> None:
        # Where things lie on this machine is nobody else's.
        said = re.sub(r"(?<![\w.])/(?:[^\s/'\"`]+/)+", "", str(reason))
        self.skipped.append(Skip(contender, section, row, said))
        where = f"{section}, {row}" if row else section
        say(f"  {contender} is not measured ({where}): {reason}")

    def without(self, sections: Collection[str]) -> Report:
        """The same run, but for the sections named."""
        other = Report(self.command, self.versions, machine=self.machine, date=self.date)
        other.rows = [row for row in self.rows if row.section not in sections]
        other.skipped = [skip for skip in self.skipped if skip.section not in sections]
        return other

    def document(self) -> dict[str, Any]:
        """As JSON has it."""

        def plain(figures: Mapping[str, Figure]) -> dict[str, dict[str, float]]:
            return {
                who: {name: float(f"{value:.5g}") for name, value in figure._asdict().items()}
                for who, figure in figures.items()
            }

        rows = [
            {**row._asdict(), "figures": plain(row.figures), "ratios": plain(row.ratios)}
            for row in self.rows
        ]
        return {
            "format": FORMAT,
            "date": self.date.isoformat(),
            "machine": self.machine,
            "versions": self.versions,
            "command": self.command,
            "rows": rows,
            "skipped": [skip._asdict() for skip in self.skipped],
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Report:
        """Raises ValueError if it is of a format that this version does not know."""
        if document.get("format") != FORMAT:
            raise ValueError(f"a run in format {document.get('format')}, not {FORMAT}")
        report = cls(
            document["command"],
            document["versions"],
            machine=document["machine"],
            date=datetime.datetime.fromisoformat(document["date"]),
        )

        def figures(plain: Mapping[str, Mapping[str, float]]) -> dict[str, Figure]:
            return {who: Figure(**figure) for who, figure in plain.items()}

        def row(plain: Mapping[str, Any]) -> Row:
            fields: dict[str, Any] = dict(plain)
            for name in ("figures", "ratios"):
                fields[name] = figures(plain[name])
            return Row(**fields)

        report.rows = [row(plain) for plain in document["rows"]]
        report.skipped = [Skip(**skip) for skip in document["skipped"]]
        return report

    def markdown(self) -> str:
        lines = [f"# Measured {self.date:%Y-%m-%d %H:%M} UTC", "", *self.provenance(), "", LEGEND]
        for section in self.sections:
            lines += ["", f"## {section}", "", *self.table(section)]
        if self.skipped:
            lines += ["", "## Not measured", "", *self.not_measured()]
        return "\n".join(lines) + "\n"

    def provenance(self) -> list[str]:
        """The machine, the versions and the command, a line each."""
        facts = [*self.machine.items(), *self.versions.items(), ("command", f"`{self.command}`")]
        return [f"- {name}: {value}" for name, value in facts]

    def table(self, section: str) -> list[str]:
        """The rows of a section: figures, then ratios, and who was not measured, with the reason."""
        rows = [row for row in self.rows if row.section == section]
        contenders = ordered(rows, lambda row: row.figures)
        compared = ordered(rows, lambda row: row.ratios)
        absent = [
            skip
            for skip in self.skipped
            if skip.section == section and skip.row is None and skip.contender not in contenders
        ]
        heads = ["", "unit", *contenders, *(f"against {who}" for who in compared)]
        heads += [
            f"{skip.contender}, not measured: {shorten(cell(skip.reason), MOST, placeholder=' ...')}"
            for skip in absent
        ]
        noted = any(row.note for row in rows)
        lines = [line([*heads, ""] if noted else heads), "| --- " * (len(heads) + noted) + "|"]
        for row in rows:
            cells = [row.name, row.unit]
            cells += [shown(row.figures.get(who)) for who in contenders]
            cells += [against(row.ratios.get(who)) for who in compared]
            cells += ["-"] * len(absent)
            lines.append(line([*cells, row.note] if noted else cells))
        return lines

    def not_measured(self) -> list[str]:
        return [
            f"- {skip.contender} ({skip.section}{f', {skip.row}' if skip.row else ''}): {cell(skip.reason)}"
            for skip in self.skipped
        ]


MOST = 80
"""Characters of a reason in the head of a column; all of it is under the tables."""
LEGEND = "Medians, with the middle half of the rounds. A ratio above 1 is in favour of found."


def ordered(rows: Iterable[Row], names: Callable[[Row], Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in names(row)))


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def cell(text: str) -> str:
    """What somebody else said, as the text of a cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def against(ratio: Optional[Figure]) -> str:
    if ratio is None:
        return "-"
    return number(ratio.median) + (" **slower**" if ratio.median < 1 else "")


def shown(figure: Optional[Figure]) -> str:
    if figure is None:
        return "-"
    spread = (figure.high - figure.low) / 2
    return f"{number(figure.median)} ± {number(spread)}" if spread else number(figure.median)


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.md").write_text(report.markdown(), encoding="utf-8")
    (folder / "bench.json").write_text(as_json(report.document()), encoding="utf-8")


def as_json(document: object) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def this_machine() -> dict[str, str]:
    release = re.match(r"[\d.]*\d", platform.release())
    system = f"{platform.system()} {release.group() if release else ''}".strip()
    library, version = platform.libc_ver()
    return {
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "system": f"{system}, {platform.machine()}" + (f", {library} {version}" if library else ""),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Of the project, `-dirty` if files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else "unknown"
