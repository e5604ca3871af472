"""An inverted index: documents by their words, the best first: `from found.ext import pstore`.

A document is indexed as how often it has each term, under an identifier of yours. `search` gives the identifiers of the
documents that have the keywords, ranked. `tokenize` makes terms of text.
"""

from found.ext.pstore._check import fsck
from found.ext.pstore._index import index, remove
from found.ext.pstore._model import PStore, PStoreException, make
from found.ext.pstore._search import search
from found.ext.pstore._tokenize import ENGLISH, tokenize

__all__ = [
    "ENGLISH",
    "PStore",
    "PStoreException",
    "fsck",
    "index",
    "make",
    "remove",
    "search",
    "tokenize",
]
