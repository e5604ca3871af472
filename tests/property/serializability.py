"""What is wrong with a history of transactions, if anything: two checkers that do not believe each other.

`cycles` takes nothing for granted but lists that were appended to: from what each transaction read it finds out in
which order they must have been, adds the order in which they ended and began, and looks for cycles (Adya's dependency
graph, as Elle builds it from lists). `replay` believes the versionstamps: it executes everything again, one transaction
after the other in their order, and compares what each has read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Optional

# ---- what happened


@dataclass
class Done:
    """A transaction: what it did, and when it was asked for and answered, by one clock for all."""

    name: int
    begun: int
    ended: int
    # ("append", key, element), ("read", key, value), of a list a tuple, and what `apply` knows beside these.
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    # None where nobody knows whether it committed.
    committed: Optional[bool] = True
    read_version: int = 0
    # Where it is in the order of commits; None for one that only read.
    stamp: Optional[bytes] = None


# ---- cycles


class Graph:
    """Transactions and why each is before another: `ww`, `wr`, `rw`, or `time`."""

    def __init__(self) -> None:
        self.edges: dict[Any, dict[Any, str]] = {}

    def add(self, before: Any, after: Any, why: str) -> None:
        if before != after:
            # The strongest reason is kept: anomalies are named by the weakest edges that they need.
            order = ("ww", "wr", "time", "rw")
            known = self.edges.setdefault(before, {}).get(after)
            if known is None or order.index(why) < order.index(known):
                self.edges[before][after] = why

    def cycle(self, kinds: Iterable[str]) -> Optional[list[Any]]:
        """A shortest cycle of edges of these kinds."""
        wanted = set(kinds)
        best: Optional[list[Any]] = None
        for component in self._components(wanted):
            for start in component:
                found = self._around(start, component, wanted)
                if found is not None and (best is None or len(found) < len(best)):
                    best = found
            if best is not None:
                return best
        return None

    def _next(self, node: Any, wanted: set[str]) -> list[Any]:
        return [other for other, why in self.edges.get(node, {}).items() if why in wanted]

    def _around(self, start: Any, within: set[Any], wanted: set[str]) -> Optional[list[Any]]:
        came = {start: start}
        queue = [start]
        for node in queue:
            for other in self._next(node, wanted):
                if other == start:
                    path = [node]
                    while path[-1] != start:
                        path.append(came[path[-1]])
                    return [*reversed(path), start]
                if other in within and other not in came:
                    came[other] = node
                    queue.append(other)
        return None

    def _components(self, wanted: set[str]) -> list[set[Any]]:
        """Strongly connected components of more than one node (Tarjan), without recursion."""
        index: dict[Any, int] = {}
        low: dict[Any, int] = {}
        stack: list[Any] = []
        on_stack: set[Any] = set()
        components = []
        for root in list(self.edges):
            if root in index:
                continue
            work = [(root, iter(self._next(root, wanted)))]
            index[root] = low[root] = len(index)
            stack.append(root)
            on_stack.add(root)
            while work:
                node, others = work[-1]
                for other in others:
                    if other not in index:
                        index[other] = low[other] = len(index)
                        stack.append(other)
                        on_stack.add(other)
                        work.append((other, iter(self._next(other, wanted))))
                        break
                    if other in on_stack:
                        low[node] = min(low[node], index[other])
                else:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == index[node]:
                        component = set()
                        while node not in component:
                            member = stack.pop()
                            on_stack.discard(member)
                            component.add(member)
                        if len(component) > 1:
                            components.append(component)
        return components


# From the worst on: what each allows more than the one before.
ANOMALIES = (
    ("G0: writes in no order", ("ww",)),
    ("G1c: information that goes around", ("ww", "wr")),
    ("G2: reads that no order explains", ("ww", "wr", "rw")),
    ("not in real time", ("ww", "wr", "rw", "time")),
)


def cycles(history: list[Done]) -> list[str]:
    """What is wrong with the lists of a history."""
    wrong: list[str] = []
    by_element: dict[tuple[Any, Any], Done] = {}
    appended: dict[tuple[int, Any], list[Any]] = {}
    for one in history:
        for kind, key, value in _lists(one):
            if kind == "append":
                assert (key, value) not in by_element, "an element is appended once"
                by_element[key, value] = one
                appended.setdefault((one.name, key), []).append(value)
    longest: dict[Any, list[Any]] = {}
    for one in history:
        if one.committed is not False:
            wrong += _internal(one)
        for key, elements in _reads(one):
            for element in elements:
                writer = by_element.get((key, element))
                if writer is None:
                    wrong.append(f"{one.name} read {element!r} in {key!r}, which nobody wrote")
                elif writer.committed is False:
                    wrong.append(f"G1a: {one.name} read {element!r} of {writer.name}, which failed")
            if elements:
                writer = by_element.get((key, elements[-1]))
                if writer and writer is not one and appended[writer.name, key][-1] != elements[-1]:
                    wrong.append(f"G1b: {one.name} read {key!r} in the middle of {writer.name}")
            known = longest.get(key, [])
            short, long = sorted((known, elements), key=len)
            if long[: len(short)] != short:
                wrong.append(f"{key!r} was read as {short} and as {long}: no order has both")
            longest[key] = long
    return wrong or _dependencies(history, longest, by_element)


def _lists(one: Done) -> list[tuple[Any, ...]]:
    return [
        step
        for step in one.steps
        if step[0] == "append" or (step[0] == "read" and isinstance(step[2], tuple))
    ]


def _reads(one: Done) -> list[tuple[Any, list[Any]]]:
    """What a transaction read of others, by key: its first reads, without what it appended before."""
    reads, own = [], dict[Any, int]()
    for kind, key, value in _lists(one):
        if kind == "append":
            own[key] = own.get(key, 0) + 1
        else:
            reads.append((key, list(value[: len(value) - own.get(key, 0)])))
    return reads


def _internal(one: Done) -> list[str]:
    """A transaction sees what it appended itself, and nothing else changes under it."""
    seen: dict[Any, list[Any]] = {}
    own: dict[Any, list[Any]] = {}
    for kind, key, value in _lists(one):
        if kind == "append":
            own.setdefault(key, []).append(value)
            if key in seen:
                seen[key] = [*seen[key], value]
        elif key in seen and list(value) != seen[key]:
            return [f"{one.name} read {key!r} as {seen[key]} and then as {list(value)}"]
        elif own.get(key) and list(value)[-len(own[key]) :] != own[key]:
            return [f"{one.name} did not read its own {own[key]} in {key!r}"]
        else:
            seen[key] = list(value)
    return []


def _dependencies(
    history: list[Done], longest: dict[Any, list[Any]], by_element: dict[tuple[Any, Any], Done]
) -> list[str]:
    graph = Graph()
    happened = [one for one in history if one.committed is not False]
    for key, elements in longest.items():
        writers = [by_element[key, element].name for element in elements]
        for before, after in zip(writers, writers[1:]):
            graph.add(before, after, "ww")
    for one in happened:
        for key, elements in _reads(one):
            if elements:
                graph.add(by_element[key, elements[-1]].name, one.name, "wr")
            order = longest[key]
            if len(elements) < len(order):
                graph.add(one.name, by_element[key, order[len(elements)]].name, "rw")
    # One was over before the other began. Moments stand between them, or there would be an edge for each pair.
    ends = sorted((one.ended, one.name) for one in happened if one.committed)
    for place, (_, name) in enumerate(ends):
        graph.add(name, ("moment", place), "time")
        if place:
            graph.add(("moment", place - 1), ("moment", place), "time")
    times = [ended for ended, _ in ends]
    for one in happened:
        place = sum(ended < one.begun for ended in times) - 1
        if place >= 0:
            graph.add(("moment", place), one.name, "time")
    for name, kinds in ANOMALIES:
        cycle = graph.cycle(kinds)
        if cycle is not None:
            path = [
                f"{node} -{graph.edges[node][after]}->" for node, after in zip(cycle, cycle[1:])
            ]
            return [f"{name}: {' '.join(path)} {cycle[-1]}"]
    return []


# ---- replay


def apply(state: dict[Any, Any], step: tuple[Any, ...]) -> Optional[str]:
    """Execute a step on a state, and say how what was read differs from it."""
    kind, key, *rest = step
    if kind == "set":
        state[key] = rest[0]
    elif kind == "append":
        state[key] = (*state.get(key, ()), rest[0])
    elif kind == "add":
        state[key] = state.get(key, 0) + rest[0]
    elif kind == "clear":
        for one in [one for one in state if key <= one < rest[0]]:
            del state[one]
    elif kind in ("read", "snapshot"):
        expected = state.get(key, () if isinstance(rest[0], tuple) else None)
        if rest[0] != expected:
            return f"{key!r} was {rest[0]!r} rather than {expected!r}"
    else:
        assert kind in ("range", "snapshot range"), kind
        expected = sorted((one, value) for one, value in state.items() if key <= one < rest[0])
        if rest[1] != expected:
            return f"[{key!r}, {rest[0]!r}) was {rest[1]!r} rather than {expected!r}"
    return None


def replay(history: list[Done]) -> list[str]:
    """What is wrong with a history whose commits are in the order of their versionstamps."""
    wrong = []
    happened = [one for one in history if one.committed is not False]
    writers = sorted((one for one in happened if one.stamp), key=lambda one: one.stamp or b"")
    readers = [one for one in happened if not one.stamp]
    states: list[tuple[bytes, dict[Any, Any]]] = [(b"", {})]
    for one in writers:
        assert one.stamp
        before = states[-1][1]
        state = dict(before)
        for step in one.steps:
            # Its own writes change what a snapshot read sees, of a state that may be older.
            if not step[0].startswith("snapshot"):
                difference = apply(state, step)
                if difference:
                    wrong.append(f"{one.name} at {one.stamp.hex()}: {difference}")
        states.append((one.stamp, state))
    for one in happened:
        version = one.read_version.to_bytes(8, "big")
        snapshots = any(step[0].startswith("snapshot") for step in one.steps)
        if snapshots or not one.stamp:
            state = dict([state for stamp, state in states if stamp[:8] <= version][-1])
            for step in one.steps:
                difference = apply(state, step)
                if difference and (not one.stamp or step[0].startswith("snapshot")):
                    wrong.append(f"{one.name} read at {one.read_version}: {difference}")
    wrong += _out_of_time(writers, readers)
    return wrong


def _out_of_time(writers: list[Done], readers: list[Done]) -> list[str]:
    """Who ended before another began, but is after it in the order of versions."""
    wrong = []
    ended: list[tuple[int, bytes, int]] = []
    for one in writers:
        if one.committed:
            ended.append((one.ended, one.stamp or b"", one.name))
    for one in readers:
        ended.append((one.ended, one.read_version.to_bytes(8, "big"), one.name))
    for one in [*writers, *readers]:
        # A read sees all that is of its version; a commit is after it.
        version = one.read_version.to_bytes(8, "big") + b"\xff\xff"
        place = min(version, one.stamp) if one.stamp else version
        for end, earlier, name in ended:
            late = earlier[:8] > place[:8] if one.stamp is None else earlier >= (one.stamp or b"")
            if end < one.begun and late:
                wrong.append(f"{name} ended before {one.name} began, and is not before it")
    return wrong
