"""Options set by name or number, their values encoded as FoundationDB takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Optional, Union

from found import _found
from found._found import Database, Transaction
from found.options import (
    DATABASE_PARAMETERS,
    NETWORK_PARAMETERS,
    TRANSACTION_PARAMETERS,
)

Value = Optional[Union[bytes, int, str]]
_Parameters = Mapping[int, Optional[Union[type[int], type[str], type[bytes]]]]


def set_option(tx: Transaction, option: int, value: Value = None) -> None:
    """Set an option of a transaction.

    Args:
        tx: the transaction.
        option: a `found.TransactionOption`, or its number (`found.FDB_TR_OPTION_TIMEOUT`).
        value: what the option takes: an integer, a string, bytes, or nothing; bytes are passed on as they are.

    Raises:
        TypeError: `value` is not of the option's type.
        FoundException: 2007 if there is no such option. A bad value may be told only by the next read or commit.

    Rule: fdb_c_options.g.h; fdbclient/ThreadSafeTransaction.cpp, ThreadSafeTransaction::setOption.
    """
    _found.set_option(tx, option, _encode(option, value, TRANSACTION_PARAMETERS))


def database_set_option(db: Database, option: int, value: Value = None) -> None:
    """Set an option of a database; most are the defaults of its transactions.

    Args:
        db: the database.
        option: a `found.DatabaseOption`, or its number (`found.FDB_DB_OPTION_TRANSACTION_TIMEOUT`).
        value: what the option takes: an integer, a string, bytes, or nothing; bytes are passed on as they are.

    Raises:
        TypeError: `value` is not of the option's type.
        FoundException: 2007 if there is no such option, 2006 if it does not take the value.

    Rule: fdb_c_options.g.h; documentation of fdb_database_set_option.
    """
    _found.database_set_option(db, option, _encode(option, value, DATABASE_PARAMETERS))


def network_set_option(option: int, value: Value = None) -> None:
    """Set an option of the client library, before the first database is opened.

    Args:
        option: a `found.NetworkOption`, or its number (`found.FDB_NET_OPTION_TRACE_ENABLE`).
        value: what the option takes: an integer, a string, bytes, or nothing; bytes are passed on as they are.

    Raises:
        TypeError: `value` is not of the option's type.
        FoundException: 2009 once a database was opened, 2007 if there is no such option, 2006 if it does not
            take the value.

    Rule: fdb_c_options.g.h; documentation of fdb_network_set_option.
    """
    _found.network_set_option(option, _encode(option, value, NETWORK_PARAMETERS))


def _encode(option: int, value: Value, parameters: _Parameters) -> Optional[bytes]:
    if isinstance(option, bool) or not isinstance(option, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"option must be an integer, not {type(option).__name__}")
    if option not in parameters:
        # Not known here; the library may know it, and says so if not.
        if value is None or isinstance(value, bytes):
            return value
        raise TypeError(f"value of option {option} must be bytes, not {type(value).__name__}")
    takes = parameters[option]
    name = next(str(getattr(member, "name", member)) for member in parameters if member == option)
    if value is None and takes is not int:
        return None
    if takes is None:
        raise TypeError(f"option {name} takes no value")
    if isinstance(value, bytes):
        return value
    if takes is str and isinstance(value, str):
        return value.encode()
    if takes is int and isinstance(value, int) and not isinstance(value, bool):
        # Integers are 64 bits, little-endian (documentation of fdb_transaction_set_option).
        try:
            return value.to_bytes(8, "little", signed=True)
        except OverflowError:
            raise ValueError(f"value of option {name} must fit in 64 bits, not {value}") from None
    raise TypeError(f"value of option {name} must be {takes.__name__}, not {type(value).__name__}")
