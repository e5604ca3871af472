"""The join of the nstore section in two stores of triples in memory, by SPARQL: rdflib's and oxigraph's."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from bench.triples import TRIPLES

BASE = "http://bench.example/"
QUERY = f"""
    SELECT ?who ?whom ?city ?country WHERE {{
        ?who <{BASE}knows> ?whom . ?whom <{BASE}city> ?city . ?city <{BASE}country> ?country
    }}
"""


def works(name: str) -> Mapping[str, Callable[[int], Any]]:
    if name == "rdflib":
        rdflib = importlib.import_module("rdflib")
        graph = rdflib.Graph()

        def fill(_: int) -> None:
            for row in TRIPLES:
                graph.add(tuple(rdflib.URIRef(BASE + part.replace(" ", "_")) for part in row))

        def run() -> int:
            return len([row.asdict() for row in graph.query(QUERY)])
    else:
        pyoxigraph = importlib.import_module("pyoxigraph")
        store = pyoxigraph.Store()

        def fill(_: int) -> None:
            for row in TRIPLES:
                terms = [pyoxigraph.NamedNode(BASE + part.replace(" ", "_")) for part in row]
                store.add(pyoxigraph.Quad(*terms))

        def run() -> int:
            solutions: Any = store.query(QUERY)
            names = [one.value for one in solutions.variables]
            return len([{name: one[name].value for name in names} for one in solutions])

    def join(count: int) -> float:
        began = time.perf_counter()
        found = run()
        seconds = time.perf_counter() - began
        assert found == count
        return seconds

    return {
        "version": lambda _: version(name),
        "fill": fill,
        "clear": lambda _: None,
        "join": join,
    }
