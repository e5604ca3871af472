"""The neighbourhood of a value as a picture: where its nodes and edges are drawn. The template writes the SVG.

A tuple is an edge from what its first column holds to what its last one holds; the columns between are its label.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

WIDTH = 960
MOST_NEIGHBOURS = 32

_NODE_WIDTH = 168
_NODE_HEIGHT = 34
_SHOWN_LETTERS = 22


class Node(NamedTuple):
    """A value, and where the middle of its box is."""

    text: str
    """The value, as a form has it."""
    shown: str
    """Its beginning, as much as the box takes."""
    x: float
    y: float


class Edge(NamedTuple):
    """An arrow between the boxes of two nodes, and what is written on it."""

    source: str
    target: str
    labels: list[str]
    shown: str
    x1: float
    y1: float
    x2: float
    y2: float
    label_x: float
    label_y: float


class Picture(NamedTuple):
    """What is drawn, in a square of units that the browser scales."""

    width: int
    height: int
    node_width: int
    node_height: int
    centre: Node
    neighbours: list[Node]
    edges: list[Edge]
    more: int
    """How many tuples were left out, because their neighbours are too many to be drawn."""


def draw(centre: str, tuples: Iterable[Sequence[str]]) -> Picture:
    """Draw a value in the middle of those that tuples join it with.

    Args:
        centre: the value, as a form has it.
        tuples: those whose first or last column is the value.

    Returns:
        The picture.
    """
    joined: dict[tuple[str, str], list[str]] = {}
    others: dict[str, None] = {}
    more = 0
    for texts in tuples:
        source, target = texts[0], texts[-1]
        other = source if target == centre else target
        if other != centre and other not in others:
            if len(others) == MOST_NEIGHBOURS:
                more += 1
                continue
            others[other] = None
        joined.setdefault((source, target), []).append(", ".join(texts[1:-1]))
    height = max(300, 60 + 46 * len(others) // 2 + 80)
    nodes = {centre: Node(centre, _shorten(centre), WIDTH / 2, height / 2)}
    for index, text in enumerate(others):
        # Boxes are wide and low: on an ellipse, spread by height, half of them on each side.
        side = 1 if index % 2 == 0 else -1
        rank, ranks = index // 2, (len(others) + (side == 1)) // 2
        level = (rank + 1) / (ranks + 1) * 2 - 1
        x = WIDTH / 2 + side * (WIDTH / 2 - _NODE_WIDTH / 2 - 8) * math.sqrt(
            1 - (level * 0.75) ** 2
        )
        nodes[text] = Node(
            text, _shorten(text), round(x, 1), round(height / 2 + level * (height / 2 - 30), 1)
        )
    edges = [
        _edge(nodes[source], nodes[target], labels)
        for (source, target), labels in joined.items()
        if source != target
    ]
    edges += [
        _loop(nodes[source], labels)
        for (source, target), labels in joined.items()
        if source == target
    ]
    drawn = nodes.pop(centre)
    return Picture(
        WIDTH, height, _NODE_WIDTH, _NODE_HEIGHT, drawn, list(nodes.values()), edges, more
    )


def _edge(source: Node, target: Node, labels: list[str]) -> Edge:
    x1, y1 = _border(source, target)
    x2, y2 = _border(target, source)
    return Edge(
        source.text,
        target.text,
        labels,
        _shown(labels),
        x1,
        y1,
        x2,
        y2,
        round((x1 + x2) / 2, 1),
        round((y1 + y2) / 2 - 4, 1),
    )


def _loop(node: Node, labels: list[str]) -> Edge:
    top = node.y - _NODE_HEIGHT / 2
    return Edge(
        node.text,
        node.text,
        labels,
        f"⟲ {_shown(labels)}",
        node.x,
        top,
        node.x,
        top,
        node.x,
        top - 8,
    )


def _border(node: Node, towards: Node) -> tuple[float, float]:
    """Where the line between two nodes crosses the border of the first one's box."""
    dx, dy = towards.x - node.x, towards.y - node.y
    reach = min(
        _NODE_WIDTH / 2 / abs(dx) if dx else math.inf,
        _NODE_HEIGHT / 2 / abs(dy) if dy else math.inf,
    )
    return round(node.x + dx * reach, 1), round(node.y + dy * reach, 1)


def _shown(labels: list[str]) -> str:
    named = [label for label in labels if label]
    if len(named) > 1:
        return f"{_shorten(named[0])} +{len(named) - 1}"
    return _shorten(named[0]) if named else ""


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN_LETTERS else f"{text[: _SHOWN_LETTERS - 1]}…"
