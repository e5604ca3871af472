"""FoundationDB for asyncio.

`await found.open()` gives a database: a FoundationDB cluster, or one embedded in this process. `found.transactional`
runs a function in a transaction; the functions of this module that take a transaction read and write in it.

    import asyncio
    import found


    async def main():
        async def set_and_get(tx):
            await found.set(tx, b"hello", b"world")
            return await found.get(tx, b"hello")

        async with await found.open("memory:") as db:
            assert await found.transactional(db, set_and_get) == b"world"


    asyncio.run(main())
"""

from typing import Final

from found import locality, options
from found._found import (
    Database,
    Future,
    KeySelector,
    Operation,
    Query,
    SingleFloat,
    Tenant,
    Transaction,
    Versionstamp,
    add,
    add_conflict_range,
    append_if_fits,
    bit_and,
    bit_or,
    bit_xor,
    byte_max,
    byte_min,
    cancel,
    clear,
    commit,
    compare_and_clear,
    error_predicate,
    estimated_size_bytes,
    get,
    get_addresses_for_key,
    get_approximate_size,
    get_client_status,
    get_client_version,
    get_committed_version,
    get_key,
    get_main_thread_busyness,
    get_range_split_points,
    get_server_protocol,
    get_tag_throttled_duration,
    get_total_cost,
    get_versionstamp,
    gt,
    gte,
    has_incomplete_versionstamp,
    lt,
    lte,
    make_transaction,
    mapped_query,
    max,
    min,
    on_error,
    open_tenant,
    pack,
    pack_with_versionstamp,
    query,
    range,
    read_version,
    reset,
    set,
    set_read_version,
    set_versionstamped_key,
    set_versionstamped_value,
    unpack,
    watch,
)
from found._iteration import all, co, limit, next_prefix
from found._opening import add_network_thread_completion_hook, close, open
from found._set_option import database_set_option, network_set_option, set_option
from found._transactions import (
    Hooks,
    TransactionStats,
    make_hooks,
    transaction,
    transactional,
)
from found.errors import (
    ERROR_PREDICATE_MAYBE_COMMITTED,
    ERROR_PREDICATE_RETRYABLE,
    ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED,
    BaseFoundException,
    FoundException,
    LibraryException,
)
from found.options import *  # noqa: F403

# How a range read is cut into batches (fdb_c.h, FDBStreamingMode).
STREAMING_MODE_WANT_ALL: Final = -2
STREAMING_MODE_ITERATOR: Final = -1
STREAMING_MODE_EXACT: Final = 0
STREAMING_MODE_SMALL: Final = 1
STREAMING_MODE_MEDIUM: Final = 2
STREAMING_MODE_LARGE: Final = 3
STREAMING_MODE_SERIAL: Final = 4

CONFLICT_RANGE_TYPE_READ: Final = 0
CONFLICT_RANGE_TYPE_WRITE: Final = 1

__all__ = [
    "BaseFoundException",
    "CONFLICT_RANGE_TYPE_READ",
    "CONFLICT_RANGE_TYPE_WRITE",
    "Database",
    "ERROR_PREDICATE_MAYBE_COMMITTED",
    "ERROR_PREDICATE_RETRYABLE",
    "ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED",
    "FoundException",
    "Future",
    "Hooks",
    "KeySelector",
    "LibraryException",
    "Operation",
    "Query",
    "STREAMING_MODE_EXACT",
    "STREAMING_MODE_ITERATOR",
    "STREAMING_MODE_LARGE",
    "STREAMING_MODE_MEDIUM",
    "STREAMING_MODE_SERIAL",
    "STREAMING_MODE_SMALL",
    "STREAMING_MODE_WANT_ALL",
    "SingleFloat",
    "Tenant",
    "Transaction",
    "TransactionStats",
    "Versionstamp",
    "add",
    "add_conflict_range",
    "add_network_thread_completion_hook",
    "all",
    "append_if_fits",
    "bit_and",
    "bit_or",
    "bit_xor",
    "byte_max",
    "byte_min",
    "cancel",
    "clear",
    "close",
    "co",
    "commit",
    "compare_and_clear",
    "database_set_option",
    "error_predicate",
    "estimated_size_bytes",
    "get",
    "get_addresses_for_key",
    "get_approximate_size",
    "get_client_status",
    "get_client_version",
    "get_committed_version",
    "get_key",
    "get_main_thread_busyness",
    "get_range_split_points",
    "get_server_protocol",
    "get_tag_throttled_duration",
    "get_total_cost",
    "get_versionstamp",
    "gt",
    "gte",
    "has_incomplete_versionstamp",
    "limit",
    "locality",
    "lt",
    "lte",
    "make_hooks",
    "make_transaction",
    "mapped_query",
    "max",
    "min",
    "network_set_option",
    "next_prefix",
    "on_error",
    "open",
    "open_tenant",
    "pack",
    "pack_with_versionstamp",
    "query",
    "range",
    "read_version",
    "reset",
    "set",
    "set_option",
    "set_read_version",
    "set_versionstamped_key",
    "set_versionstamped_value",
    "transaction",
    "transactional",
    "unpack",
    "watch",
]
__all__ += options.__all__
