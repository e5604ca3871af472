"""The ratios of a run as a plot: a line for each row, a mark for each peer, on a logarithmic axis.

Plain SVG with its own colours for light and for dark, so that a page can show it as an image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple, Optional

from bench.harness import Figure, Row
from bench.report import number

WIDTH, LEFT, RIGHT = 860, 270, 700
"""Of the whole, and where the axis begins and ends; what is right of it has the ratios in figures."""
ROW, HEAD, TOP, BOTTOM = 17, 40, 60, 14
MOST_PEERS = 5

STYLE = """
svg { --paper: #fff; --ink: #1f2328; --faint: #59636e; --rule: #d8dee4; --lost: #cf222e; --tint: #ffebe9;
  --peer0: #0969da; --peer1: #8250df; --peer2: #1a7f37; --peer3: #9a6700; --peer4: #57606a; }
@media (prefers-color-scheme: dark) {
  svg { --paper: #0d1117; --ink: #e6edf3; --faint: #9198a1; --rule: #30363d; --lost: #ff7b72; --tint: #3c1618;
    --peer0: #58a6ff; --peer1: #bc8cff; --peer2: #3fb950; --peer3: #d29922; --peer4: #9198a1; }
}
text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.head { font-weight: 600; }
.faint { fill: var(--faint); font-size: 11px; }
.rule { stroke: var(--rule); } .one { stroke: var(--ink); }
.mark { stroke: var(--paper); stroke-width: 1; paint-order: stroke; }
.p0 { fill: var(--peer0); } .p1 { fill: var(--peer1); } .p2 { fill: var(--peer2); }
.p3 { fill: var(--peer3); } .p4 { fill: var(--peer4); }
.spread { stroke: var(--faint); stroke-opacity: .6; stroke-width: 2; }
.lost { fill: var(--lost); }
"""

MARKS = (
    "M-4.5,0a4.5,4.5 0 1,0 9,0a4.5,4.5 0 1,0 -9,0z",
    "M0,-5.5L5.5,0L0,5.5L-5.5,0z",
    "M-4,-4H4V4H-4z",
    "M0,-5L5,4.2H-5z",
    "M0,5L5,-4.2H-5z",
)
"""By shape too: colours alone not everybody can tell apart."""


class Axis(NamedTuple):
    low: float
    high: float

    @classmethod
    def of(cls, ratios: Sequence[Figure]) -> Axis:
        """From a number of 1, 2, 5 times a power of ten to another, around all and 1."""
        least = min([1.0, *(ratio.low for ratio in ratios if ratio.low > 0)])
        most = max([2.0, *(ratio.high for ratio in ratios)])
        steps = list(ticks(least / 10, most * 10))
        low = max(step for step in steps if step < least or step == 1 == least)
        return cls(low, min(step for step in steps if step >= most))

    def x(self, ratio: float) -> float:
        part = math.log(ratio / self.low) / math.log(self.high / self.low)
        return round(LEFT + (RIGHT - LEFT) * min(max(part, 0), 1), 1)


def ticks(low: float, high: float) -> Iterator[float]:
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        for digit in (1, 2, 5):
            tick = digit * 10.0**power
            if low <= tick <= high * (1 + 1e-9):
                yield tick


def draw(rows: Sequence[Row]) -> str:
    """The rows that have a peer, section by section."""
    rows = [row for row in rows if row.ratios]
    sections = list(dict.fromkeys(row.section for row in rows))
    axis = Axis.of([ratio for row in rows for ratio in row.ratios.values()])
    height = TOP + len(sections) * HEAD + len(rows) * ROW + BOTTOM
    one = axis.x(1)
    title = "How many times as good as each peer, row by row"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" style="fill: var(--paper)"/>',
        f'<rect x="{LEFT}" y="{TOP - 8}" width="{one - LEFT:g}" height="{height - TOP + 8 - BOTTOM}"'
        ' style="fill: var(--tint)"/>',
        text(16, 24, f"{title}: right of 1 found is better", "head"),
    ]
    for tick in ticks(axis.low, axis.high):
        x = axis.x(tick)
        kind = "one" if tick == 1 else "rule"
        lines.append(
            f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - BOTTOM}"/>'
        )
        lines.append(text(x, TOP - 14, f"{tick:,g}", "faint", "middle"))
    y = TOP
    for section in sections:
        of_section = [row for row in rows if row.section == section]
        peers = list(dict.fromkeys(peer for row in of_section for peer in row.ratios))
        y += HEAD
        lines += head(section, peers, y - 20)
        for row in of_section:
            lines += drawn(row, peers, axis, y)
            y += ROW
    return "\n".join([*lines, "</svg>", ""])


def head(section: str, peers: Sequence[str], y: float) -> Iterator[str]:
    """The name of a section over its rows, and the marks of its peers, where the axis is interrupted."""
    band = f'x="{LEFT - 1}" y="{y - 12:g}" width="{RIGHT - LEFT + 2}" height="22"'
    yield f'<rect {band} style="fill: var(--paper)"/>'
    yield text(16, y + 4, section, "head")
    x = LEFT + 12.0
    for index, peer in enumerate(peers):
        yield mark(index, x, y)
        yield text(x + 9, y + 4, peer, "faint")
        x += 30 + 6.2 * len(peer)


def drawn(row: Row, peers: Sequence[str], axis: Axis, y: float) -> Iterator[str]:
    lost = any(ratio.median < 1 for ratio in row.ratios.values())
    yield text(24, y + 4, row.name, "lost" if lost else "")
    for peer, ratio in row.ratios.items():
        low, high = axis.x(ratio.low), axis.x(ratio.high)
        if high - low > 2:
            yield f'<line class="spread" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        what = f"{row.name}, against {peer}: {number(ratio.median)}"
        yield mark(peers.index(peer), axis.x(ratio.median), y, what, lost=ratio.median < 1)
    ratios = [told(row.ratios.get(peer)) for peer in peers]
    yield f'<text class="faint" x="{RIGHT + 14}" y="{y + 4}">{" · ".join(ratios)}</text>'


def told(ratio: Optional[Figure]) -> str:
    if ratio is None:
        return "-"
    said = number(ratio.median)
    return f'<tspan class="lost">{said}</tspan>' if ratio.median < 1 else said


def mark(index: int, x: float, y: float, title: str = "", *, lost: bool = False) -> str:
    kind = "lost" if lost else f"p{index % MOST_PEERS}"
    path = f'<path class="mark {kind}" transform="translate({x:g},{y:g})" d="{MARKS[index % MOST_PEERS]}"'
    return f"{path}><title>{escape(title)}</title></path>" if title else f"{path}/>"


def text(x: float, y: float, said: str, kind: str = "", anchor: str = "") -> str:
    extra = (f' class="{kind}"' if kind else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:g}" y="{y:g}"{extra}>{escape(said)}</text>'
