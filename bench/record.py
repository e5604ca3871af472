"""The recorded runs: what docs/performance.md shows, and what a new run is compared with.

docs/performance/runs.json has every recorded section once, in the run that measured it last; the plot beside it and the
tables of the page are made from it.

    python -m bench.record          # makes them anew, after a change of how they look
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional

from bench import plot
from bench.harness import OURS, ROOT, Figure, Row
from bench.report import LEGEND, Report, as_json, number

FOLDER = ROOT / "docs" / "performance"
RUNS = "runs.json"
PLOT = "plot.svg"
PAGE = ROOT / "docs" / "performance.md"

ORDER = (
    "codec",
    "instructions",
    "floor",
    "driver",
    "ranges",
    "transactions",
    "nstore",
    "vnstore",
    "bstore",
    "pstore",
    "memory",
    "engine",
)
"""Of the sections, on the page and in a run."""

LEAST = 0.01
"""What no row is named for, as a part of the figure: what callgrind counts of the codec has no spread at all."""


def load(folder: Path = FOLDER) -> list[Report]:
    """The recorded runs, the oldest first; none if nothing was recorded."""
    file = folder / RUNS
    if not file.exists():
        return []
    return [Report.of_document(run) for run in json.loads(file.read_text(encoding="utf-8"))]


def merged(recorded: Sequence[Report], report: Report) -> list[Report]:
    """The sections of the new run in the place of those recorded."""
    kept = [run.without(report.sections) for run in recorded]
    return [*(run for run in kept if run.rows), report]


def keep(runs: Sequence[Report], folder: Path = FOLDER, page: Path = PAGE) -> None:
    """Write the runs, and what is made from them."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = [run.document() for run in runs]
    (folder / RUNS).write_text(as_json(documents), encoding="utf-8")
    # Of figures as they are kept, not as they were measured.
    runs = [Report.of_document(document) for document in documents]
    (folder / PLOT).write_text(drawn(runs), encoding="utf-8")
    page.write_text(filled(page.read_text(encoding="utf-8"), runs), encoding="utf-8")


# ---- the page ------------------------------------------------------------------------------------------------


def sections(runs: Sequence[Report]) -> list[tuple[str, Report]]:
    """Every section, with the run that measured it."""

    def place(section: str) -> tuple[int, str]:
        name = section.split(",")[0]
        return (ORDER.index(name) if name in ORDER else len(ORDER), section)

    of_run = {section: run for run in runs for section in run.sections}
    return [(section, of_run[section]) for section in sorted(of_run, key=place)]


def rows(runs: Sequence[Report]) -> list[Row]:
    return [row for name, run in sections(runs) for row in run.rows if row.section == name]


def drawn(runs: Sequence[Report]) -> str:
    return plot.draw(rows(runs))


def filled(page: str, runs: Sequence[Report]) -> str:
    """The page, with what stands between its marks replaced."""
    for name, lines in (("runs", summary(runs)), ("tables", tables(runs))):
        begin, end = f"<!-- {name}: made by bench/record.py -->\n", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text = "\n".join(["", *lines, "", end])
        if len(pattern.findall(page)) != 1:
            raise ValueError(f"the page has not one place for the {name}")
        page = pattern.sub(lambda _, text=begin + text: text, page)
    return page


def summary(runs: Sequence[Report]) -> list[str]:
    """The plot, the rows that are lost, and who measured what."""
    rated = [row for row in rows(runs) if row.ratios]
    lost = [row for row in rated if any(ratio.median < 1 for ratio in row.ratios.values())]
    lines = [f"![How many times as good as each peer, row by row]({FOLDER.name}/{PLOT})", ""]
    lines += [
        f"{len(rated)} rows have peers. Of these, the ones in which one of them is better:",
        "",
    ]
    for row in lost:
        better = [
            f"{who} ({number(ratio.median)})"
            for who, ratio in row.ratios.items()
            if ratio.median < 1
        ]
        lines.append(f"- {row.section}, {row.name}: {', '.join(better)}")
    lines += [] if lost else ["- none"]
    for run in reversed(runs):
        names = [section for section, of in sections(runs) if of is run]
        lines += ["", f"Measured {run.date:%Y-%m-%d %H:%M} UTC: {'; '.join(names)}.", ""]
        lines += run.provenance()
        if run.skipped:
            lines += ["", "Not measured:", "", *run.not_measured()]
    return lines


def tables(runs: Sequence[Report]) -> list[str]:
    lines = [LEGEND]
    for section, run in sections(runs):
        lines += ["", f"### {section}", "", *run.table(section)]
    return lines


# ---- the comparison --------------------------------------------------------------------------------------------


def compared(report: Report, recorded: Sequence[Report]) -> list[str]:
    """The rows that got worse since they were recorded, by more than they vary; what to tell whoever ran it.

    On another kind of machine a figure says nothing about the program: there the ratios to the peers are compared.
    """
    before = {(row.section, row.name): (row, run) for run in recorded for row in run.rows}
    known = [
        (row, *before[key]) for row in report.rows if (key := (row.section, row.name)) in before
    ]
    lines = ["## Against the recorded run", ""]
    if not known:
        return [*lines, "None of these rows was recorded."]
    differences = [text for _, _, run in known for text in other_machine(report, run)]
    for difference in dict.fromkeys(differences):
        lines.append(f"Recorded on another machine ({difference}): only ratios are compared.")
    worse: list[str] = []
    for row, old, run in known:
        if row.unit == old.unit:
            worse += (
                worse_ratios(row, old) if other_machine(report, run) else worse_figure(row, old)
            )
    if not worse:
        return [*lines, f"Of {len(known)} recorded rows none got worse by more than it varies."]
    lines.append(f"Of {len(known)} recorded rows these got worse by more than they vary:")
    return [*lines, "", *worse]


def other_machine(report: Report, run: Report) -> list[str]:
    """In what the machines differ."""
    return [
        f"{name} {run.machine.get(name, 'unknown')}, not {of}"
        for name, of in report.machine.items()
        if without_patch(of) != without_patch(run.machine.get(name, ""))
    ]


def without_patch(text: str) -> str:
    """Which patch of a kernel or an interpreter it is makes no other machine of it."""
    return re.sub(r"(\d+\.\d+)[\d.]*", r"\1", text)


def worse_figure(row: Row, old: Row) -> Iterator[str]:
    now, then = row.figures.get(OURS), old.figures.get(OURS)
    if now is None or then is None:
        return
    change = worsened(now, then, larger_is_better=row.larger_is_better)
    if change is not None:
        moved = [
            f"against {who} {number(old.ratios[who].median)} -> {number(ratio.median)}"
            for who, ratio in row.ratios.items()
            if who in old.ratios
        ]
        figures = f"{number(then.median)} -> {number(now.median)} {row.unit}"
        yield f"- {row.section}, {row.name}: {'; '.join([f'{figures}, {change:.0%} worse', *moved])}"


def worse_ratios(row: Row, old: Row) -> Iterator[str]:
    for who, now in row.ratios.items():
        then = old.ratios.get(who)
        if then is not None and worsened(now, then, larger_is_better=True) is not None:
            ratios = f"{number(then.median)} -> {number(now.median)}"
            yield f"- {row.section}, {row.name}: against {who} {ratios}"


def worsened(now: Figure, then: Figure, *, larger_is_better: bool) -> Optional[float]:
    """By what part it got worse, if that is more than the middle half of the rounds is wide in either run."""
    difference = (then.median - now.median) if larger_is_better else (now.median - then.median)
    varies = max(now.high - now.low, then.high - then.low, LEAST * abs(then.median))
    return difference / abs(then.median) if difference > varies else None


if __name__ == "__main__":
    keep(load())
