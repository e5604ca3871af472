"""Where the keys of a cluster are: the boundaries of its shards, and the servers that hold a key."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Union

from found import _found
from found._found import Database, Tenant, Transaction
from found._iteration import all as _all
from found._transactions import transactional
from found.errors import FoundException
from found.options import TransactionOption

__all__ = ["get_addresses_for_key", "get_boundary_keys"]

# The system keys that map where shards begin to their servers (fdbclient/SystemData.cpp, keyServersPrefix).
_PREFIX = b"\xff/keyServers/"

# How many boundaries are asked for at a time.
_BATCH = 1000

_TOO_OLD = 1007


def get_boundary_keys(
    db_or_tx: Union[Database, Transaction], begin: bytes, end: bytes
) -> AsyncGenerator[bytes, None]:
    """Generate the keys of `[begin, end)` at which a shard begins.

    A cluster keeps each shard on one set of servers, so that what is done shard by shard is spread over them. The
    boundaries are a hint: they move with the data, and those of a database too large to list within five seconds
    are not all of one version. The embedded engine has one shard, which begins at the empty key.

    Args:
        db_or_tx: a found.Database; or a found.Transaction, for the boundaries as of its read version. It is not used
            for more than that.
        begin: bytes, where to begin; included.
        end: bytes, where to end; excluded.

    Yields:
        bytes, a key, in order.

    Raises:
        FoundException: what found.Transaction names, and what `found.on_error` raises.
        TypeError: `db_or_tx` is neither a found.Database nor a found.Transaction, or `begin` or `end` is not bytes.

    Rule: bindings/python/fdb/locality.py, get_boundary_keys.
    """
    if not isinstance(db_or_tx, (Database, Transaction)):
        kind = type(db_or_tx).__name__
        raise TypeError(f"db_or_tx must be a found.Database or a found.Transaction, not {kind}")
    for name, key in (("begin", begin), ("end", end)):
        if not isinstance(key, bytes):
            raise TypeError(f"{name} must be bytes, not {type(key).__name__}")
    return _boundary_keys(db_or_tx, begin, end)


async def _boundary_keys(
    db_or_tx: Union[Database, Transaction], begin: bytes, end: bytes
) -> AsyncGenerator[bytes, None]:
    if isinstance(db_or_tx, Transaction):
        db = db_or_tx.db
        tx = _found.make_transaction(db)
        await _found.set_read_version(tx, await _found.read_version(db_or_tx))
    else:
        db = db_or_tx
        tx = _found.make_transaction(db)
    has_read = False
    while begin < end:
        _found.set_option(tx, TransactionOption.READ_SYSTEM_KEYS)
        _found.set_option(tx, TransactionOption.LOCK_AWARE)
        query = _found.query(tx, _PREFIX + begin, _PREFIX + end, limit=_BATCH, snapshot=True)
        try:
            rows = await _all(query)
        except FoundException as error:
            if error.code == _TOO_OLD and has_read:
                # It is not one version any more, but it goes on.
                tx, has_read = _found.make_transaction(db), False
            else:
                await _found.on_error(tx, error.code)
            continue
        has_read = True
        for key, _ in rows:
            boundary = key[len(_PREFIX) :]
            yield boundary
            begin = boundary + b"\x00"
        if len(rows) < _BATCH:
            return


async def get_addresses_for_key(
    db_or_tx: Union[Database, Tenant, Transaction], key: bytes
) -> list[str]:
    """Name the storage servers that hold `key`.

    As `found.get_addresses_for_key`, which it calls in a transaction of its own if it is given a database.

    Args:
        db_or_tx: a found.Database, a found.Tenant or a found.Transaction.
        key: bytes. It need not be there.

    Returns:
        A list of str, an address with its port each; the embedded engine's is `["embedded"]`.

    Raises:
        FoundException: what found.Transaction names.
        TypeError: `db_or_tx` is none of these, or `key` is not bytes.

    Rule: bindings/python/fdb/locality.py, get_addresses_for_key.
    """
    if isinstance(db_or_tx, Transaction):
        return await _found.get_addresses_for_key(db_or_tx, key)
    return await transactional(db_or_tx, _addresses, key)


async def _addresses(tx: Transaction, key: bytes) -> list[str]:
    return await _found.get_addresses_for_key(tx, key)
