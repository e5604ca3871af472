"""A store of blobs by their content: `from found.ext import bstore`.

The same bytes are stored once, under a uid. `get_or_create` and `get` work in a transaction; `write` and `read` take
and give streams of any size, in as many transactions as they need.
"""

from found.ext.bstore._check import fsck
from found.ext.bstore._content import delete, get, get_or_create, make, stat
from found.ext.bstore._model import BStore, BStoreException, Stat
from found.ext.bstore._stream import read, verify, write

__all__ = [
    "BStore",
    "BStoreException",
    "Stat",
    "delete",
    "fsck",
    "get",
    "get_or_create",
    "make",
    "read",
    "stat",
    "verify",
    "write",
]
