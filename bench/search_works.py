"""The searches of the pstore section in bm25s, tantivy and SQLite's FTS5: libraries in this process, all in memory."""

from __future__ import annotations

import importlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from bench.corpus import KEYWORDS, LIMIT, texts


def works(name: str) -> Mapping[str, Callable[[int], Any]]:
    make = {"bm25s": bm25s, "tantivy": tantivy, "FTS5": fts5}[name]
    fill, search = make()

    def searching(keywords: int, every: bool) -> Callable[[int], float]:
        def run(count: int) -> float:
            wanted = KEYWORDS[:keywords]
            got = 0
            began = time.perf_counter()
            for _ in range(count):
                got = search(wanted, every)
            seconds = time.perf_counter() - began
            assert 0 < got <= LIMIT, f"{got} documents"
            return seconds

        return run

    return {
        "version": lambda _: sqlite3.sqlite_version if name == "FTS5" else version(name),
        "fill": lambda _: fill(),
        "clear": lambda _: None,
        **{
            f"{keywords} {match} bm25": searching(keywords, match == "all")
            for keywords in (2, 3, 4)
            for match in (("all", "any") if name != "bm25s" else ("any",))
        },
    }


Made = tuple[Callable[[], None], Callable[[list[str], bool], int]]


def bm25s() -> Made:
    library = importlib.import_module("bm25s")
    retriever = library.BM25()

    def fill() -> None:
        retriever.index([text.split() for text in texts()], show_progress=False)

    def search(wanted: list[str], every: bool) -> int:
        found, _ = retriever.retrieve([wanted], k=LIMIT, show_progress=False)
        return found.shape[1]

    return fill, search


def tantivy() -> Made:
    library = importlib.import_module("tantivy")
    schema = library.SchemaBuilder()
    schema.add_integer_field("number", stored=True)
    schema.add_text_field("text")
    index = library.Index(schema.build())

    def fill() -> None:
        writer = index.writer(heap_size=200_000_000, num_threads=1)
        for number, text in enumerate(texts()):
            writer.add_document(library.Document(number=number, text=text))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()

    def search(wanted: list[str], every: bool) -> int:
        query = index.parse_query((" AND " if every else " OR ").join(wanted), ["text"])
        searcher = index.searcher()
        hits = searcher.search(query, LIMIT).hits
        return len([searcher.doc(address)["number"][0] for _, address in hits])

    return fill, search


def fts5() -> Made:
    connection = sqlite3.connect(":memory:")

    def fill() -> None:
        connection.execute("CREATE VIRTUAL TABLE pages USING fts5(text, content='')")
        rows = enumerate(texts())
        connection.executemany("INSERT INTO pages (rowid, text) VALUES (?, ?)", rows)
        connection.commit()

    def search(wanted: list[str], every: bool) -> int:
        match = (" AND " if every else " OR ").join(wanted)
        query = "SELECT rowid FROM pages WHERE pages MATCH ? ORDER BY bm25(pages), rowid LIMIT ?"
        return len(connection.execute(query, (match, LIMIT)).fetchall())

    return fill, search
