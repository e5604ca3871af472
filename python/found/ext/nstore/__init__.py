"""A store of tuples of one width, searched by patterns.

A tuple is written under every index, of which there are as few as there can be so that each pattern, whatever columns
it has items for, is one range of one index.

    import found
    from found.ext import nstore

    triples = nstore.make("triples", ("triples",), 3)


    async def knows_whom(tx, somebody):
        friend, name = nstore.var("friend"), nstore.var("name")
        return await found.all(
            nstore.query(tx, triples, (somebody, "knows", friend), (friend, "name", name))
        )
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Optional

import found
from found import _found
from found.ext._fsck import Problem, Report
from found.ext.nstore._load import fsck, load
from found.ext.nstore._patterns import (
    Pattern,
    Variable,
    between,
    no,
    pattern,
    prefix,
    satisfying,
    var,
)
from found.ext.nstore._plans import Step
from found.ext.nstore._queries import Bindings, count, explain, query, select, where
from found.ext.nstore._tuples import (
    NStore,
    NStoreException,
    Scan,
    check_value,
    check_width,
    has_versionstamp,
    key,
    keys,
    make,
    permutations,
    versionstamped_keys,
)

__all__ = [
    "Bindings",
    "NStore",
    "NStoreException",
    "Pattern",
    "Problem",
    "Report",
    "Scan",
    "Step",
    "Variable",
    "add",
    "between",
    "count",
    "explain",
    "fsck",
    "get",
    "load",
    "make",
    "no",
    "pattern",
    "permutations",
    "prefix",
    "query",
    "remove",
    "satisfying",
    "select",
    "var",
    "where",
]


async def add(tx: found.Transaction, nstore: NStore, *items: Any, value: bytes = b"") -> None:
    """Add a tuple, or give the one that is there another value.

    It writes a key for each index and reads nothing. One item may be an incomplete found.Versionstamp, which the
    commit fills in; until then the transaction cannot read the store (1036).

    Args:
        tx: a found.Transaction.
        nstore: the store.
        items: what `found.pack` takes, as many as the store is wide.
        value: bytes, 100,000 at most.

    Raises:
        NStoreException: the width is another, an item cannot be packed, as a variable, or the keys would be larger than
            10,000 bytes, or the value is not bytes or too large. Nothing was written.
    """
    check_width(nstore, items, "tuple")
    check_value(nstore, value)
    try:
        _found._set_permuted(tx, nstore.heads, nstore.indices, items, value)
    except (TypeError, ValueError):
        # Nothing was written. What is wrong, if anything, is found out where time does not matter.
        if not has_versionstamp(nstore, items):
            keys(nstore, items)
            raise
    else:
        return
    for packed in versionstamped_keys(nstore, items):
        found.set_versionstamped_key(tx, packed, value)


async def remove(tx: found.Transaction, nstore: NStore, *items: Any) -> None:
    """Remove a tuple and its value; if it is not there, nothing changes.

    It clears a key for each index and reads nothing.

    Args:
        tx: a found.Transaction.
        nstore: the store.
        items: those of the tuple.

    Raises:
        NStoreException: the width is another, or no such tuple can be in the store.
    """
    for packed in keys(nstore, items):
        found.clear(tx, packed)


def get(tx: found.Transaction, nstore: NStore, *items: Any) -> Awaitable[Optional[bytes]]:
    """Return the value of a tuple.

    It reads one key, and the read is sent by the call: several are sent together.

    Args:
        tx: a found.Transaction.
        nstore: the store.
        items: those of the tuple.

    Returns:
        An operation; awaited, bytes, or None if there is no such tuple.

    Raises:
        NStoreException: from the call: the width is another, or no such tuple can be in the store.
    """
    check_width(nstore, items, "tuple")
    return found.get(tx, key(nstore, items))
