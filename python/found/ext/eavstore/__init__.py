"""A store of dictionaries, each under an identifier, looked up by what they hold.

import found
from found.ext import eavstore

people = eavstore.make("people", ("people",))


async def from_paris(tx):
    async for uid in eavstore.query(tx, people, "city", "Paris"):
        print(await eavstore.get(tx, people, uid))
"""

from __future__ import annotations

from found.ext._fsck import Problem, Report
from found.ext.eavstore._check import fsck
from found.ext.eavstore._entities import (
    EAVStore,
    EAVStoreException,
    create,
    get,
    make,
    patch,
    remove,
    update,
)
from found.ext.eavstore._find import Condition, Uids, between, fetch, find, has, prefix, query

__all__ = [
    "Condition",
    "EAVStore",
    "EAVStoreException",
    "Problem",
    "Report",
    "Uids",
    "between",
    "create",
    "fetch",
    "find",
    "fsck",
    "get",
    "has",
    "make",
    "patch",
    "prefix",
    "query",
    "remove",
    "update",
]
