"""Text to terms: what is a word, in several scripts, and what is asked of the stemmer."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from found.ext import pstore
from found.ext.pstore import ENGLISH, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" ,.;--'' ", []),
        ("Hello, hello WORLD", ["hello", "hello", "world"]),
        ("snake_case x2 3.14", ["snake", "case", "x2", "3", "14"]),
        ("don't 'quoted' dogs'", ["don't", "quoted", "dogs"]),
        ("don\u2019t", ["don't"]),
        ("Stra\u00dfe \u00c9COLE e\u0301cole", ["stra\u00dfe", "\u00e9cole", "\u00e9cole"]),
        ("\ufb01ne \uff26\uff35\uff2c\uff2c", ["fine", "full"]),
        ("\u0130stanbul", ["i\u0307stanbul"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        (
            "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
            [*"\u65e5\u672c\u8a9e\u306e", "\u30c6\u30ad\u30b9\u30c8"],
        ),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            ["\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"],
        ),
        (
            "\u043c\u043e\u0436\u0435\u0442-\u0431\u044b\u0442\u044c",
            ["\u043c\u043e\u0436\u0435\u0442", "\u0431\u044b\u0442\u044c"],
        ),
        ("\U0001f600 smile\U0001f600", ["smile"]),
    ],
)
def test_words_of_many_scripts(text: str, words: list[str]) -> None:
    assert sorted(tokenize(text).elements()) == sorted(words)


def test_stop_words_are_left_out_before_stemming() -> None:
    text = "The connections of the connected are connecting"
    assert tokenize(text, stop=ENGLISH) == {"connections": 1, "connected": 1, "connecting": 1}
    assert tokenize(text, stop=["connected"])["the"] == 2
    pytest.importorskip("snowballstemmer")
    assert tokenize(text, stop=ENGLISH, stem="english") == {"connect": 3}
    assert tokenize("maisons maison", stem="french") == {"maison": 2}


def test_a_stemmer_that_is_asked_for_and_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    monkeypatch.setattr(pstore._tokenize, "_stemmers", type("Fresh", (), {})())
    with pytest.raises(ModuleNotFoundError, match=r"asyncio-foundationdb\[stem\]"):
        tokenize("word", stem="english")
    assert tokenize("word") == {"word": 1}


def test_what_is_no_text_no_set_of_words_and_no_language_is_refused() -> None:
    for text in (b"bytes", None, 7, ["list"]):
        with pytest.raises(TypeError, match="text must be a str, not"):
            tokenize(text)  # type: ignore[arg-type]
    stop: Any
    for stop in ("the", 7, None):
        with pytest.raises(TypeError, match="stop must be a set of str, not"):
            tokenize("text", stop=stop)
    pytest.importorskip("snowballstemmer")
    with pytest.raises(ValueError, match=r"stem must be one of .*english.*, not 'klingon'"):
        tokenize("text", stem="klingon")
