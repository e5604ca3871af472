"""Databases in portable files: from a laptop's database to a cluster, from a cluster to a test, into a drawer.

`dump` writes the rows of a database into a file, `load` writes those of a file into a database, `check` reads a file
and says whether it is whole. Both ends may be a cluster or an embedded database. `python -m found` offers the same to
a shell.
"""

from found.portable._check import check
from found.portable._dump import dump
from found.portable._format import (
    DamagedException,
    Header,
    NotPortableException,
    PortableException,
    RefusedException,
    Summary,
    UnfinishedException,
)
from found.portable._load import load
from found.portable._progress import Progress

__all__ = [
    "DamagedException",
    "Header",
    "NotPortableException",
    "PortableException",
    "Progress",
    "RefusedException",
    "Summary",
    "UnfinishedException",
    "check",
    "dump",
    "load",
]
