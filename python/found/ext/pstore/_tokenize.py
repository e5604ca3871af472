"""Text to terms: for who has text and no counter."""

from __future__ import annotations

import importlib
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Collection
from typing import Any, Optional

_ENGLISH = """
a about above after again against all am an and any are as at be because been before being below between both but by
can cannot could did do does doing don't down during each few for from further had has have having he her here hers
herself him himself his how i if in into is isn't it it's its itself just me more most my myself no nor not now of off
on once only or other our ours ourselves out over own same she should so some such than that the their theirs them
themselves then there these they this those through to too under until up very was wasn't we were what when where which
while who whom why will with would you your yours yourself yourselves
"""
ENGLISH = frozenset(_ENGLISH.split())
"""English words that are in most texts, and tell little of what a text is about: for `tokenize(stop=...)`."""

# Of scripts that put no space between words each character is a word, as Unicode's annex 29 has it by default.
_ALONE = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])[^\W_])+")
# What joins two letters to one word when it stands between them: apostrophes and joiners.
_JOINS = re.compile("['\u2019\u200c\u200d]")
_stemmers = threading.local()


def tokenize(
    text: str, *, stop: Collection[str] = frozenset(), stem: Optional[str] = None
) -> Counter[str]:
    """Return the words of a text and how often it has each: for `index`, and as keywords for `search`.

    Words are letters and digits of any script, with the marks that belong to them, and apostrophes between them. Forms
    of a character that only look different are one (Unicode's NFKC), and so are capitals and small letters. Of Chinese
    characters and hiragana, which are written without spaces, each is a word.

    Documents and keywords have to be tokenized alike, with the same `stop` and `stem`.

    Args:
        text: a str.
        stop: words to leave out, in small letters: `ENGLISH`, or a set of your own. They are left out before stemming.
        stem: a language, to have the words of one stem be one term: "english" makes "connection" and "connected"
            "connect". The algorithms are Snowball's, of the package snowballstemmer, which the extra `stem` installs.

    Raises:
        ModuleNotFoundError: `stem` is asked for, and snowballstemmer is not installed.
        TypeError: `text` is no str, or `stop` is one.
        ValueError: there is no algorithm for `stem`.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a str, not {type(text).__name__}")
    if isinstance(stop, str) or not isinstance(stop, Collection):
        raise TypeError(f"stop must be a set of str, not {type(stop).__name__}")
    words = _words(unicodedata.normalize("NFKC", text).lower())
    if stop:
        words = [word for word in words if word not in stop]
    counter = Counter(words)
    if stem is None:
        return counter
    stemmed: Counter[str] = Counter()
    stemmer = _stemmer(stem)
    for word, count in counter.items():
        stemmed[stemmer.stemWord(word)] += count
    return stemmed


def _words(text: str) -> list[str]:
    if text.isascii() and "'" not in text:
        return _WORD.findall(text)
    words: list[str] = []
    end = -1
    alone = True
    for match in _WORD.finditer(text):
        word = match.group()
        between = text[end : match.start()] if end >= 0 else " "
        was_alone, alone = alone, _is_alone(word)
        if not alone and not was_alone and _joins(between):
            words[-1] += between.replace("\u2019", "'") + word
        else:
            words.append(word)
        end = match.end()
        # The marks of the last letter.
        while end < len(text) and unicodedata.category(text[end]).startswith("M"):
            words[-1] += text[end]
            end += 1
    return words


def _is_alone(word: str) -> bool:
    return len(word) == 1 and re.match(f"[{_ALONE}]", word) is not None


def _joins(between: str) -> bool:
    """Whether what stands between two letters leaves them one word: nothing, since marks were taken, or one joiner."""
    return not between or (len(between) == 1 and _JOINS.match(between) is not None)


def _stemmer(language: str) -> Any:
    """A stemmer of this thread: it has state."""
    made: Any = getattr(_stemmers, "made", None)
    if made is None:
        made = _stemmers.made = {}
    if language not in made:
        try:
            snowball: Any = importlib.import_module("snowballstemmer")
        except ModuleNotFoundError as error:
            if error.name != "snowballstemmer":
                raise
            raise ModuleNotFoundError(
                "stem needs the package snowballstemmer: pip install 'asyncio-foundationdb[stem]'",
                name="snowballstemmer",
            ) from None
        if language not in snowball.algorithms():
            known = ", ".join(sorted(snowball.algorithms()))
            raise ValueError(f"stem must be one of {known}, not {language!r:.100}")
        made[language] = snowball.stemmer(language)
    return made[language]
