"""The extension module: the driver and the tuple codec.

Signatures are written by hand, docstrings by scripts/sync_stubs.py from those of the module itself.
"""

import ctypes
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import Any, ClassVar, NoReturn, Optional, Union, final

from typing_extensions import Never, Self, TypeVar, disjoint_base

from found._transactions import Hooks

__all__ = [
    "Database",
    "Future",
    "KeySelector",
    "Operation",
    "Query",
    "SingleFloat",
    "Tenant",
    "Transaction",
    "Versionstamp",
    "_PackedRows",
    "_Rows",
    "_bind",
    "_call_completion_hook",
    "_check_file",
    "_client_is_installed",
    "_close",
    "_compact_file",
    "_completion_counts",
    "_error_text",
    "_in_child_after_fork",
    "_leading_postings",
    "_merge_postings",
    "_open",
    "_permute",
    "_rank_candidates",
    "_rank_postings",
    "_set_permuted",
    "_stop",
    "_time_pack",
    "_time_ready_gets",
    "_time_row_objects",
    "_time_rows",
    "add",
    "add_conflict_range",
    "append_if_fits",
    "bit_and",
    "bit_or",
    "bit_xor",
    "byte_max",
    "byte_min",
    "cancel",
    "clear",
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
    "lt",
    "lte",
    "make_transaction",
    "mapped_query",
    "max",
    "min",
    "network_set_option",
    "on_error",
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
    "unpack",
    "watch",
]

_Row = tuple[bytes, bytes]
_MappedRow = tuple[bytes, bytes, list[_Row]]
_T_co = TypeVar("_T_co", covariant=True)
_R_co = TypeVar("_R_co", covariant=True, default=_Row)
_Tuple = Union[tuple[Any, ...], list[Any]]
_Bytes = Union[bytes, bytearray, memoryview]

# What the driver gives.

@disjoint_base
class Future(Awaitable[_T_co]):
    """What the database will tell: an `asyncio.Future` in all but name; found.Operation is one.

    `found.watch` gives one. Await it, as often as needed, or hand it to `asyncio.wait`, `gather`,
    `wait_for` or `shield`. It belongs to the event loop that ran at the call, or to the first that
    asks for it if none did. An error of FoundationDB, a found.FoundException, is raised when it is
    awaited.
    """

    _asyncio_future_blocking: bool
    _cancel_message: Any
    def __await__(self) -> Generator[Any, None, _T_co]: ...
    def __iter__(self) -> Generator[Any, None, _T_co]: ...
    def __next__(self) -> Any: ...
    def cancel(self, msg: Any = None) -> bool:
        """Cancel the operation: whoever waits for it gets `asyncio.CancelledError`.

        It is cancelled at once, and its transaction can be used on. The database is told, but may
        be past stopping: a commit that was cancelled may have happened.

        Args:
            msg: an argument for the exception, or None.

        Returns:
            True; False if the operation was done already, and stays as it was.
        """

    def cancelled(self) -> bool:
        """Return whether the operation was cancelled."""

    def done(self) -> bool:
        """Return whether the operation has a result, has failed or was cancelled."""

    def result(self) -> _T_co:
        """Return the result, or raise what the operation has failed with.

        Raises:
            asyncio.CancelledError: the operation was cancelled.
            asyncio.InvalidStateError: the operation is not done.
        """

    def exception(self) -> Optional[BaseException]:
        """Return what the operation has failed with, or None if it has a result.

        Raises:
            asyncio.CancelledError: the operation was cancelled.
            asyncio.InvalidStateError: the operation is not done.
        """

    def get_loop(self) -> AbstractEventLoop:
        """Return the event loop that the operation belongs to."""

    def add_done_callback(
        self, fn: Callable[[Self], object], *, context: Optional[Context] = None
    ) -> None:
        """Have the event loop call `fn` with the operation once it is done; soon, if it is already.

        Args:
            fn: takes the operation.
            context: the `contextvars.Context` to call it in; None for a copy of the current one.
        """

    def remove_done_callback(self, fn: Callable[[Self], object]) -> int:
        """Take `fn` off the functions to be called, and return how often it was among them."""

    def _make_cancelled_error(self) -> BaseException: ...
    @classmethod
    def __class_getitem__(cls, key: Any) -> Any: ...

@final
class Operation(Future[_T_co], Coroutine[Any, Any, _T_co]):
    """What a call to the database gives: await it, or treat it as an `asyncio.Future`.

    The work begins at the call, not when it is awaited, so several operations can be under way at
    once. A result that is there already is had without a turn of the event loop. Awaited again, an
    operation gives the same result again.

    It is a found.Future, and a coroutine as well: `asyncio.gather`, `wait_for`, `shield`,
    `timeout`, `create_task`, `TaskGroup` and `asyncio.run` take it as it is. Only `asyncio.wait`
    refuses whatever is a coroutine since Python 3.11: hand it tasks.

    Wrong arguments raise at the call. What FoundationDB has to say, a found.FoundException, is
    raised when the operation is awaited. `found.Operation[bytes]` is the type of one that gives
    bytes.
    """

    def send(self, _value: Any) -> Any:
        """Take one step, as the coroutine protocol has it. What is sent is ignored."""

    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any:
        """Raise an exception, as the coroutine protocol has it. The operation goes on."""

    def close(self) -> None:
        """Cancel the operation unless it is done, as the coroutine protocol has it."""

@final
class Database:
    """A database, as `found.open` gives it: a FoundationDB cluster, or one embedded in this process.

    It belongs to no event loop, and several threads may use it at once. `async with await
    found.open(...) as db` closes it at the end, as `found.close` does; one that nobody refers to
    any more is closed as well.
    """

    @property
    def hooks(self) -> Hooks:
        """What is called on the way of each transaction: a found.Hooks, three lists to append to."""

    def __aenter__(self) -> Operation[Self]: ...
    def __aexit__(self, *_exception: object) -> Awaitable[None]: ...

@final
class Transaction:
    """A transaction: reads of one version of the database, writes committed together or not at all.

    `found.transactional` makes one and retries it until it is committed, `found.transaction` one
    for an `async with`, `found.make_transaction` one to manage by hand. It belongs to no event
    loop.

    Its reads are of the version that the first of them takes, and of what it has written itself.
    Its writes stay in this process until the commit, which fails (1020) if anything that was read
    has been changed by others since: reads and writes add conflict ranges, and the commit compares
    them.

    The call of a write tells nothing of what is wrong with it, such as a key that is too long. The
    error is kept, and raised by what is awaited of the transaction next: a read, a watch, the
    commit, but not `found.on_error`. Errors of FoundationDB, found.FoundException, are raised when
    an operation is awaited. Beside those that a function names, any operation of a transaction can
    raise

    - 1007, if it reads or commits later than five seconds after its read version,
    - 1025, once it was cancelled, by `found.cancel` or after `found.on_error` has raised,
    - 1031, once the time is over that `FDB_TR_OPTION_TIMEOUT` gave it,
    - 1037, 1009 and others that pass by themselves: `found.on_error` knows them,
    - 2017, once its commit has begun: it is done then, and `found.reset` starts another,
    - a RuntimeError, from the call, if the database is closed or the process was forked since it
      was opened.

    A key has 10,000 bytes at most (2102), a value 100,000 (2103), the writes and conflict ranges of
    a transaction 10,000,000 in all (2101).

    Rule: fdbclient/ThreadSafeTransaction.cpp, for when errors are raised; fdbclient/ClientKnobs.cpp
    and fdbclient/ServerKnobs.cpp, for the limits.
    """

    @property
    def db(self) -> Database:
        """The database that the transaction belongs to."""

    @property
    def snapshot(self) -> bool:
        """Whether it was made to read only, its reads adding no conflicts."""

    @property
    def vars(self) -> dict[Any, Any]:
        """A dict for what is to live as long as the transaction; cleared when it is tried again."""

@final
class Tenant:
    """A tenant of a database, as `found.open_tenant` gives it: a key space of its own, under a name.

    It takes the place of a database in `found.transactional`, `found.transaction` and
    `found.make_transaction`. Tenants are experimental in FoundationDB 7.1 to 7.4, and gone from 8.0
    on.
    """

    @property
    def db(self) -> Database:
        """The database that the tenant belongs to."""

    @property
    def hooks(self) -> Hooks:
        """What is called on the way of each transaction: the database's found.Hooks."""

    @property
    def name(self) -> bytes:
        """The name of the tenant, as bytes."""

@final
class KeySelector:
    """A key selector: a key of the database, named by its place next to a key that need not be there.

    It stands for the key that is `offset` keys after the last one less than `key`, or, if
    `or_equal` is true, less than or equal to it. `found.lt`, `found.lte`, `found.gt` and
    `found.gte` make the usual ones, `found.get_key` and `found.query` find the key. Adding an int
    to a selector, or subtracting one, moves it by as many keys. Selectors are equal if their parts
    are, can be keys of a dict and be pickled.

    Args:
        key: bytes.
        or_equal: bool.
        offset: int of 32 bits, negative to go back.

    Raises:
        OverflowError: the offset does not fit in 32 bits, from the start or after adding.
        TypeError: `key` is not bytes, `or_equal` no bool, `offset` no int.

    Rule: documentation of FDB_KEYSEL_LAST_LESS_THAN and its like, developer-guide.rst, Key
    selectors.
    """

    def __new__(cls, key: bytes, or_equal: bool, offset: int) -> Self: ...
    @property
    def key(self) -> bytes: ...
    @property
    def or_equal(self) -> bool: ...
    @property
    def offset(self) -> int: ...
    def __add__(self, value: int, /) -> KeySelector: ...
    def __sub__(self, value: int, /) -> KeySelector: ...
    # An int on the left is refused, but a type that has the one slot has the other.
    def __radd__(self, value: Never, /) -> NoReturn: ...
    def __rsub__(self, value: Never, /) -> NoReturn: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Query(AsyncIterator[_R_co]):
    """A range to be read: `async for key, value in query`, or `await found.all(query)`.

    `found.query` makes it, and nothing is read before it is iterated. It is read once: iterating it
    again goes on where it stood, and after the end, an error or `aclose` there is nothing left.
    Awaiting it gives the query itself, so that `async for key, value in await found.query(...)` is
    the same.
    """

    def __await__(self) -> Generator[Any, None, Self]: ...
    def __aiter__(self) -> _Rows[_R_co]: ...
    def __anext__(self) -> _Rows[_R_co]: ...
    def aclose(self) -> Operation[None]:
        """End the iteration: what is under way is cancelled, and there are no more rows.

        Returns:
            An operation that is done; awaited, None.
        """

    def _page(self) -> Operation[tuple[list[_R_co], bool]]:
        """Read the next batch: its rows, and whether there may be more.

        For the stores, which work on whole batches and send the first of many queries at once. One
        at a time: the next begins where the last one that has answered ended.
        """

    def _all(self) -> Operation[list[_R_co]]:
        """Read all rows of the range into a list: what `found.all` does with a query."""

    def _packed(self, skip: int) -> Operation[_PackedRows]:
        """Read all rows of the range, not a mapped one, into one piece of memory, their keys without
        the first `skip` bytes.

        For the stores, whose hot loops go through them in Rust.
        """

@final
class _Rows(AsyncIterator[_T_co], Coroutine[Any, Any, _T_co]):
    """The rows of a query, one after the other: what `async for` steps. Awaited, the next row, as a coroutine."""

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> _Rows[_T_co]: ...
    def aclose(self) -> Operation[None]:
        """End the iteration of the query: see `found.Query.aclose`."""

    def __await__(self) -> Generator[Any, None, _T_co]: ...
    def __iter__(self) -> Generator[Any, None, _T_co]: ...
    def __next__(self) -> Any: ...
    def send(self, _value: Any) -> Any: ...
    def throw(self, typ: Any, val: Any = None, tb: Any = None) -> Any: ...
    def close(self) -> None: ...

# Databases and the process.

def _open(address: str, hooks: Hooks) -> Database:
    """Opens `address`, which `found.open` has resolved. Blocks: recovering a file takes its time."""

def _close(db: Database) -> None:
    """Closes the database: see `found.close`. Blocks: a file takes its time."""

def _check_file(
    address: str, repair: bool, progress: Optional[Callable[[int, int], object]]
) -> tuple[int, int, int, bool, list[str]]:
    """Verifies a file: see `found.embedded.check`. `progress` takes rows and bytes; if it raises, that is the end."""

def _compact_file(address: str) -> tuple[int, int]:
    """Makes a file as small as it can be: see `found.embedded.compact`."""

def _client_is_installed() -> bool:
    """Whether a FoundationDB client library is on the machine, or is said to be."""

def _error_text(code: int) -> str:
    """FoundationDB's text for an error code."""

def _stop() -> None:
    """Stops the network of every library and waits for its thread. Called once, at exit."""

def _call_completion_hook(callback: Callable[[], object]) -> None:
    """Calls a hook at the end of the program: an exception is reported, since nobody is left to catch
    it.
    """

def _in_child_after_fork() -> bool:
    """Called in the child after a fork: whether the parent's networks, which are not here, had been started."""

def _completion_counts() -> tuple[int, int]:
    """How often loops were woken and how many completions arrived, over all loops that live: for tests."""

def _time_ready_gets(tx: Transaction, key: bytes, count: int) -> float:
    """Seconds that `count` gets of `key`, each ready at once, take from Rust: called, read, destroyed."""

def _bind(
    rows: list[tuple[bytes, bytes]],
    skip: int,
    names: tuple[str, ...],
    tests: Optional[tuple[Any, ...]],
    value: Optional[str],
    seed: dict[str, Any],
    path: Optional[tuple[Any, Any]],
) -> list[dict[str, Any]]:
    """The bindings of a page of rows.

    `rows` are pairs of key and value. After `skip` bytes a key has the items of `names`, in their
    order; one that has not, or that cannot be unpacked, is left out: a check of the store tells of
    it. `tests` has, if it is not None, for each item None, a pair of bytes that the packed item
    must lie between, or the number of an earlier item that it must equal. `value` names the row's
    value. Each binding is a new dict of what `seed` has and these; with a `path`, a pair of a name
    and of where `seed` was found, it has under that name a pair of this and the row's key.
    """

def _permute(
    heads: tuple[bytes, ...], orders: tuple[tuple[int, ...], ...], items: tuple[Any, ...]
) -> list[bytes]:
    """The keys of a tuple of `items`: for each of `heads`, its bytes and the items' in the order that
    `orders` has in its place.
    """

def _set_permuted(
    tx: Transaction,
    heads: tuple[bytes, ...],
    orders: tuple[tuple[int, ...], ...],
    items: tuple[Any, ...],
    value: bytes,
) -> None:
    """Sets the keys of `_permute` to `value`. Raises ValueError, and sets none, if one is too long."""

def _time_rows(tx: Transaction, begin: bytes, end: bytes) -> float:
    """Seconds that the rows of a range take from Rust, in the batches of `found.all`: called, looked at, destroyed."""

@final
class _PackedRows:
    """The rows of a range: what a query gives to the hot loops of the stores, without an object for each."""

    def __new__(cls) -> Self:
        """No rows."""

    def __len__(self) -> int: ...

_PostingLists = list[_PackedRows]
_Candidates = list[tuple[bytes, list[Optional[bytes]]]]
_Weights = Optional[tuple[list[float], float, float]]
_Scored = list[tuple[bytes, Union[int, float]]]

def _merge_postings(lists: _PostingLists, every: bool) -> _Candidates:
    """The documents of some lists, those in all of them with `every` and else those in any, with their
    postings: a list of tuples, the packed docuid and a list of a value or None for each list.

    `lists` are the rows of the terms, as `Query._packed` reads them: of their keys the docuid alone.
    """

def _rank_postings(
    lists: _PostingLists, every: bool, weights: _Weights, limit: int
) -> Optional[_Scored]:
    """The best `limit` documents of some lists, those in all of them with `every` and else those in
    any: a list of tuples, the packed docuid and the score, best first, ties in the order of the
    docuids. None if a posting does not say how often its document has the term.

    `lists` are as for `_merge_postings`. `weights` is None to score by the sum of the counts, else
    what each term weighs in the order of the lists, and the base and the slope by which a
    document's length dampens its counts.
    """

def _rank_candidates(candidates: _Candidates, weights: _Weights, limit: int) -> Optional[_Scored]:
    """The best `limit` of `candidates`, which are as `_merge_postings` gives them: as `_rank_postings`
    does, None included.
    """

def _leading_postings(
    lists: _PostingLists, weights: _Weights, limit: int, most: float
) -> Optional[_Candidates]:
    """The documents in any of some lists that can be among the best `limit`, if a document can have
    `most` more than what these lists give it, and one in none of them no more than that: as
    `_merge_postings` gives them.

    None if one that is in none of them can be among the best too, or if a posting does not say how
    often its document has the term.
    """

def _time_row_objects(key: bytes, value: bytes, count: int) -> float:
    """Seconds that `count` rows take to be built, and dropped: a tuple of two bytes."""

def _time_pack(packed: bytes, count: int) -> float:
    """Seconds that packing a tuple `count` times takes from Rust, and the bytes made of it; `packed` is the tuple."""

def open_tenant(db: Database, name: bytes) -> Tenant:
    """Open a tenant of a database.

    Nothing is asked of the cluster yet: a name that no tenant has fails the first operation of a
    transaction, with 2131.

    Args:
        db: a found.Database.
        name: bytes, the tenant's name.

    Returns:
        A found.Tenant, to be used where a database is.

    Raises:
        LibraryException: the client library has no tenants, as those from 8.0 on.
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `db` is no found.Database or `name` is not bytes.

    Rule: bindings/c/fdb_c.cpp, fdb_database_open_tenant.
    """

def get_client_status(db: Database) -> Operation[bytes]:
    """Tell what the client library knows of its connections to the cluster.

    Args:
        db: a found.Database.

    Returns:
        An operation; awaited, bytes: a JSON object.

    Raises:
        LibraryException: the client library is older than 7.3.
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `db` is no found.Database.

    Rule: fdbclient/ClientStatusReport.cpp; documentation of fdb_database_get_client_status.
    """

def get_server_protocol(db: Database, expected: int = 0) -> Operation[int]:
    """Tell the protocol version that the servers of the cluster speak.

    Args:
        db: a found.Database.
        expected: int, a protocol version: the answer comes once the servers speak another. 0, the
            default, to be told at once.

    Returns:
        An operation; awaited, an int of 64 bits without a sign.

    Raises:
        OverflowError: `expected` is negative or does not fit in 64 bits.
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `db` is no found.Database or `expected` no int.

    Rule: documentation of fdb_database_get_server_protocol.
    """

def get_main_thread_busyness(db: Database) -> float:
    """Return how busy the network thread of the client library is.

    Args:
        db: a found.Database.

    Returns:
        A float from 0.0, idle, to 1.0, with no time left.

    Raises:
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `db` is no found.Database.

    Rule: documentation of fdb_database_get_main_thread_busyness.
    """

def database_set_option(db: Database, option: int, value: Optional[bytes] = None) -> None:
    """Set a database option, its value encoded as C takes it: see `found.database_set_option`."""

def network_set_option(option: int, value: Optional[bytes] = None) -> None:
    """Set a network option, its value encoded as C takes it: see `found.network_set_option`."""

def get_client_version(db: Optional[Database] = None) -> str:
    """Return the version of the client library that serves a database.

    Args:
        db: a found.Database; None, the default, for the embedded engine.

    Returns:
        A str of three parts: the version, the revision of its source, and the protocol it speaks,
        in
        hexadecimal: `7.3.79,2a5e...,fdb00b073000000`.

    Raises:
        TypeError: `db` is no found.Database.

    Rule: fdbclient/ThreadSafeTransaction.cpp, ThreadSafeApi::getClientVersion.
    """

def error_predicate(predicate: int, code: int) -> bool:
    """Tell whether an error is of a kind, by its code.

    The answer is FoundationDB 7.3's. `found.on_error` goes by a list of its own, which differs in a
    few rare codes: leave it to that whether to try again.

    Args:
        predicate: int. `found.ERROR_PREDICATE_RETRYABLE`: trying the transaction again may help;
            `found.ERROR_PREDICATE_MAYBE_COMMITTED`: it may have been committed all the same;
            `found.ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED`: trying again may help, and it was not
            committed.
        code: int, the code of the error: `FoundException.code`.

    Returns:
        A bool; False for a code that there is not.

    Raises:
        TypeError: `predicate` or `code` is no int.
        ValueError: there is no such `predicate`.

    Rule: bindings/c/fdb_c.cpp, fdb_error_predicate.
    """

# Transactions.

def make_transaction(db: Union[Database, Tenant], *, snapshot: bool = False) -> Transaction:
    """Make a transaction to manage by hand: to commit, to retry and to forget.

    Nothing is asked of the database yet: the read version is taken by the first read. A transaction
    that is forgotten is cancelled. No hook of `db.hooks` is called.

    Args:
        db: a found.Database.
        snapshot: True for a transaction that only reads: its reads add no conflicts unless they ask
            for them with snapshot=False, and its writes raise RuntimeError.

    Returns:
        A found.Transaction.

    Raises:
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `db` is no found.Database.

    Rule: documentation of fdb_database_create_transaction.
    """

def commit(tx: Transaction) -> Operation[None]:
    """Commit the transaction.

    `found.transactional` does it by itself. The commit begins at the call and first waits for the
    reads that are under way; if one of them fails the commit fails too. A transaction that has
    written nothing and added no write conflicts has nothing to commit, and succeeds. A successful
    commit arms the watches of the transaction and answers `found.get_versionstamp`.

    The transaction can then be asked for its version, `found.get_committed_version`, but reads and
    writes raise 2017: to begin again, `found.reset` it or make another.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, None, once the writes are durable. Cancelled on its way, the commit
        may happen all the same.

    Raises:
        FoundException: 1020 if others have changed what was read; 1021 if the outcome is not known:
            it may have been committed; 1007 if the read version is older than five seconds; 2101 if
            writes and conflict ranges exceed 10,000,000 bytes; 2017 for a second commit; an error
            kept back from a write; and what else found.Transaction names. `found.on_error` knows
            which to retry.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::commitMutations and tryCommit.
    """

def on_error(tx: Transaction, code: int) -> Operation[None]:
    """Make the transaction ready for another try after an error, or raise the error again.

    For an error that passes the transaction is reset and the operation is done after a delay:
    random, its bound doubling from 10 milliseconds to a second (`FDB_TR_OPTION_MAX_RETRY_DELAY`)
    for a conflict (1020), an unknown outcome (1021) and what the cluster says when it is busy; 10
    milliseconds for a transaction too old (1007) or ahead of a server (1009). Options that outlive
    a retry stay: timeout, retry limit, greatest delay. `tx.vars` is the caller's to clear.

    Any other error is raised again, as any is once the retry limit is reached. The transaction is
    cancelled then: every use of it raises 1025 until `found.reset`.

    ```python
    import found

    async with await found.open("memory:") as db:
        await found.transactional(db, found.set, b"key", b"ab")
        tx = found.make_transaction(db)
        while True:
            try:
                value = await found.get(tx, b"key")
                found.set(tx, b"key", value * 2)
                await found.commit(tx)
                break
            except found.FoundException as error:
                await found.on_error(tx, error.code)
        assert await found.transactional(db, found.get, b"key") == b"abab"
    ```

    Args:
        tx: a found.Transaction.
        code: int, the code of the error: `FoundException.code`.

    Returns:
        An operation; awaited, None: the transaction is as new.

    Raises:
        FoundException: `code` again, if trying again does not help; 1025 or 1031 if the transaction
            was cancelled or timed out, whatever the code.
        TypeError: `tx` is no found.Transaction or `code` no int.
        ValueError: `code` is 0, which is success.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::onError, for the codes and the delays;
    fdbclient/ReadYourWrites.actor.cpp, RYWImpl::onError, for what becomes of the transaction.
    """

def reset(tx: Transaction) -> None:
    """Make the transaction as new, whatever became of it.

    What it has read and written is forgotten, its options are those of the database again, its
    timeout and its retries count from now. What it has under way fails with 1025, watches that no
    commit has armed among it. `tx.vars` stays. After `found.on_error` there is no need for it.

    Args:
        tx: a found.Transaction.

    Raises:
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::reset.
    """

def cancel(tx: Transaction) -> None:
    """Cancel the transaction: what it has under way, and all that is still asked of it, raises 1025.

    `found.on_error` raises 1025 as well; only `found.reset` makes the transaction usable again. A
    commit that is under way may happen all the same. Watches stay, those that a commit has armed for
    good, others until the transaction is reset or forgotten.

    Args:
        tx: a found.Transaction.

    Raises:
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::cancel.
    """

def get_committed_version(tx: Transaction) -> int:
    """Return the version that the transaction was committed at.

    Versions grow by about a million a second. Several transactions may share one, so they are no
    order of commits: versionstamps are. What it is for: a transaction that is made to read at this
    version, or a later one, by `found.set_read_version` sees the commit.

    Args:
        tx: a found.Transaction whose commit has succeeded.

    Returns:
        An int; -1 if there was nothing to commit, or the commit has not succeeded.

    Raises:
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::commitMutations; documentation of
    fdb_transaction_get_committed_version.
    """

def get_approximate_size(tx: Transaction) -> Operation[int]:
    """Tell about how large the commit of the transaction is, in bytes.

    Writes, read conflict ranges and write conflict ranges are counted, each with what it takes
    beside its bytes; every one of them adds to the size. A commit of more than 10,000,000 bytes, or
    of `FDB_TR_OPTION_SIZE_LIMIT`, fails with 2101. It can be asked as often as one likes.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, a number of bytes, an int.

    Raises:
        FoundException: an error kept back from a write.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/ReadYourWrites.actor.cpp, wherever approximateSize is added to.
    """

def get_versionstamp(tx: Transaction) -> Operation[bytes]:
    """Ask for the versionstamp that the commit will have: what `found.set_versionstamped_key` writes.

    Ask before the commit and await the operation after it, or in another task: it waits for the
    commit. A function that `found.transactional` runs can return the operation, to be awaited by
    its caller. For an example see `found.set_versionstamped_key`.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, ten bytes: eight of the version of the commit and two of the
        transaction's place in it, both big-endian. Versionstamps are unique and sort in the order
        of the commits.

    Raises:
        FoundException: 2021 if there was nothing to commit, 2020 if the commit has failed, 2017 if
            it had begun when this was called, 1100 if the transaction was reset or retried before
            it, 1025 if it was cancelled or forgotten.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::getVersionstamp and commitAndWatch.
    """

def read_version(tx: Transaction) -> Operation[int]:
    """Tell the version that the transaction reads at; take one if no read has yet.

    Every commit that had succeeded before the version was taken is seen by the transaction.
    Versions grow by about a million a second.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, the version as an int.

    Raises:
        FoundException: an error kept back from a write, and what found.Transaction names.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, TransactionState::getReadVersion.
    """

def set_read_version(tx: Transaction, version: int) -> Operation[None]:
    """Let the transaction read at `version`, rather than at the latest.

    For a transaction that has not read yet. It saves asking the cluster, and several transactions
    with one version see the same state of the database.

    Args:
        tx: a found.Transaction.
        version: int, one that `found.read_version` or `found.get_committed_version` gave; 1 or
            more.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation: 2010 if the transaction has a read version, 2011
            for a version below 1; from reads and the commit: 1007 for one older than five seconds,
            1009 for one that is still to come.
        OverflowError: `version` does not fit in 64 bits.
        TypeError: `tx` is no found.Transaction or `version` no int.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::setVersion.
    """

def set_option(tx: Transaction, option: int, value: Optional[bytes] = None) -> None:
    """Set a transaction option, its value encoded as C takes it: see `found.set_option`."""

def add_conflict_range(tx: Transaction, begin: bytes, end: bytes, conflict_type: int) -> None:
    r"""Add a range to what the transaction has read, or written, without doing so.

    A read conflict range makes the commit fail (1020) if others change a key in it; keys that the
    transaction has itself set or cleared before are left out, as in a read. A write conflict range
    lets the commits of others fail that have read in it; a transaction that has nothing else is
    committed all the same, and has a version. For one key let `end` be `key + b"\x00"`.

    Args:
        tx: a found.Transaction.
        begin: bytes, the first key of the range.
        end: bytes, the first key past it. A range that is empty adds nothing.
        conflict_type: `found.CONFLICT_RANGE_TYPE_READ` or `found.CONFLICT_RANGE_TYPE_WRITE`.

    Raises:
        FoundException: 2005, from the call, if `end` is less than `begin`. From the next operation:
            2004 for a range that goes past `\xff`, where the system's keys begin; 2017 once the
            commit has begun.
        RuntimeError: the database is closed, or the process was forked since it was opened.
        TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes, `conflict_type` no
            int.
        ValueError: there is no such `conflict_type`.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::addReadConflictRange and
    addWriteConflictRange; bindings/c/fdb_c.cpp, fdb_transaction_add_conflict_range, for 2005.
    """

def get_total_cost(tx: Transaction) -> Operation[int]:
    """Tell what the transaction has read and written so far, in bytes as throughput quotas count them.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, a number of bytes, an int: each read and each write rounded up to
        pages of 4,096. What it writes counts from its commit on.

    Raises:
        FoundException: an error kept back from a write.
        LibraryException: the client library is older than 7.3.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, wherever totalCost is added to.
    """

def get_tag_throttled_duration(tx: Transaction) -> Operation[float]:
    """Tell how long the transaction was held back because of its tags.

    Args:
        tx: a found.Transaction.

    Returns:
        An operation; awaited, a number of seconds, a float; 0.0 from the embedded engine.

    Raises:
        FoundException: an error kept back from a write.
        LibraryException: the client library is older than 7.3.
        TypeError: `tx` is no found.Transaction.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::getTagThrottledDuration.
    """

def watch(tx: Transaction, key: bytes) -> Future[None]:
    r"""Watch `key`: get a future that is done when others change its value.

    The value to differ from is the one that this transaction sees now, what it has written
    included. The commit of the transaction arms the watch, whether it writes or not, and from then
    on the watch outlives it. Setting the key to the value it has is no change, and a value that is
    changed and changed back may go unnoticed. A later write of this transaction itself is a change,
    and is told at once.

    Awaiting the future before the commit has begun gives the future itself, since waiting there
    would be waiting for ever: `watch = await found.watch(tx, key)`, as programs of the 0.13 series
    do, is `watch = found.watch(tx, key)`.

    A database has 10,000 watches at most that wait (`FDB_DB_OPTION_MAX_WATCHES`): cancel those that
    are not needed any more, `watch.cancel()`. Seeing the value is a read, and adds a read conflict.

    ```python
    import found

    async with await found.open("memory:") as db:
        tx = found.make_transaction(db)
        changed = found.watch(tx, b"key")
        await found.commit(tx)
        await found.transactional(db, found.set, b"key", b"value")
        await changed
    ```

    Args:
        tx: a found.Transaction, not one of `snapshot=True` that nobody commits.
        key: bytes, 10,000 at most.

    Returns:
        A found.Future; awaited once the commit has begun, None when the value has changed.

    Raises:
        FoundException: 1032 if too many watches wait; 1034 if
            `FDB_TR_OPTION_READ_YOUR_WRITES_DISABLE` is set; 1036 if the commit's versionstamp will
            decide about the key; 1025 if the transaction is reset, retried or forgotten before its
            commit; what the commit raises, if it fails; 2102 for a key too long; 2004 for the
            system's keys, from `\xff` on.
        TypeError: `tx` is no found.Transaction or `key` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, RYWImpl::watch and triggerWatches;
    fdbclient/NativeAPI.actor.cpp, Transaction::setupWatches and cancelWatches.
    """

# Keys.

def get(
    tx: Transaction, key: bytes, *, snapshot: Optional[bool] = None
) -> Operation[Optional[bytes]]:
    r"""Read the value of `key`.

    The read starts at the call, so several can be under way before the first is awaited. It sees
    what this transaction has written.

    Args:
        tx: a found.Transaction.
        key: bytes. One longer than 10,000 bytes cannot be there, and reads as absent.
        snapshot: True for a snapshot read, which adds no read conflict: others may change the key
            and this transaction is committed all the same. False for a read that adds one. None,
            the default, as the transaction was made.

    Returns:
        An operation; awaited, the value as bytes, or None if the key has none.

    Raises:
        FoundException: 2004 for the system's keys, from `\xff` on, unless an option lets the
            transaction read them; 1036 for a key that the commit's versionstamp will decide about,
            in snapshot reads too; and what found.Transaction names.
        TypeError: `tx` is no found.Transaction or `key` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::get.
    """

def get_key(
    tx: Transaction, key_selector: KeySelector, *, snapshot: Optional[bool] = None
) -> Operation[bytes]:
    r"""Find the key that a key selector stands for.

    It counts the keys that this transaction sees, what it has written included. A selector that
    goes past the first key gives `b""`, one that goes past the last `b"\xff"`, or `b"\xff\xff"` if
    an option lets the transaction read the system's keys.

    The read conflict covers the keys from the selector's own to the one that was found: it is any
    key coming or going between the two that could change the answer.

    Args:
        tx: a found.Transaction.
        key_selector: a found.KeySelector, made by `found.lt`, `lte`, `gt` or `gte`.
        snapshot: True for a snapshot read, without a read conflict; False for one with it; None,
            the default, as the transaction was made.

    Returns:
        An operation; awaited, the key as bytes.

    Raises:
        FoundException: 2004 for a selector of a key past `\xff`, unless an option lets the
            transaction read the system's keys; 1036 if the search meets keys that the commit's
            versionstamp will decide about; and what found.Transaction names.
        TypeError: `tx` is no found.Transaction or `key_selector` no found.KeySelector.

    Rule: fdbclient/ReadYourWrites.actor.cpp, RYWImpl::addConflictRange for GetKeyReq.
    """

def set(tx: Transaction, key: bytes, value: bytes) -> Operation[None]:
    r"""Set `key` to `value`.

    The write stays in this process until the commit. Its operation is done when the call returns,
    so it need not be awaited, and this transaction reads the value at once. What is wrong with the
    key or the value is raised by what is awaited of the transaction next, a read or the commit, and
    not by the call. The key is added to the write conflicts: transactions that have read it fail to
    commit after this one.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        value: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None.

    Raises:
        FoundException: from the next operation: 2102 for a key too long, 2103 for a value too long,
            2004 for the system's keys, from `\xff` on; 2017 once the commit has begun.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `value` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::set;
    fdbclient/ThreadSafeTransaction.cpp, ThreadSafeTransaction::set, for when errors are raised.
    """

def clear(tx: Transaction, key: bytes, other: Optional[bytes] = None) -> Operation[None]:
    r"""Clear `key`, or all keys from `key` up to `other`, which is not among them.

    Clearing a range costs no more than clearing a key, and reads nothing. As with `found.set`, the
    operation is done when the call returns, and what is wrong is raised by the next that is
    awaited. What is cleared is added to the write conflicts.

    Args:
        tx: a found.Transaction.
        key: bytes. One longer than 10,000 bytes cannot be there: nothing is cleared.
        other: bytes, the end of the range; None, the default, to clear `key` alone. If it equals
            `key` the range is empty, and nothing is done.

    Returns:
        An operation that is done; awaited, None.

    Raises:
        FoundException: from the next operation: 2005 if `other` is less than `key`; 2004 for a
            range that goes past `\xff`, where the system's keys begin; 2017 once the commit has
            begun.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `other` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::clear;
    fdbclient/ThreadSafeTransaction.cpp, ThreadSafeTransaction::clear, for the inverted range.
    """

def get_addresses_for_key(tx: Transaction, key: bytes) -> Operation[list[str]]:
    """Name the storage servers that hold `key`.

    Args:
        tx: a found.Transaction.
        key: bytes. It need not be there.

    Returns:
        An operation; awaited, a list of str, an address with its port each: `10.0.4.1:4500`. The
        embedded engine is the one place of all its keys, and answers `["embedded"]`.

    Raises:
        FoundException: what found.Transaction names.
        TypeError: `tx` is no found.Transaction or `key` is not bytes.

    Rule: fdbclient/NativeAPI.actor.cpp, getAddressesForKeyActor.
    """

def estimated_size_bytes(tx: Transaction, begin: bytes, end: bytes) -> Operation[int]:
    """Estimate the size of the keys and values in a range, in bytes.

    It is told from a sample that the storage servers keep, in which larger pairs are more likely:
    take it seriously from about 3,000,000 bytes on. What this transaction has written is not
    counted, and no conflict is added.

    Args:
        tx: a found.Transaction.
        begin: bytes, the first key of the range.
        end: bytes, the first key past it.

    Returns:
        An operation; awaited, a number of bytes, an int.

    Raises:
        FoundException: 2005 if `end` is less than `begin`; and what found.Transaction names.
        TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getEstimatedRangeSizeBytes;
    documentation of fdb_transaction_get_estimated_range_size_bytes, for the sample.
    """

def get_range_split_points(
    tx: Transaction, begin: bytes, end: bytes, chunk_size: int
) -> Operation[list[bytes]]:
    r"""Split a range into parts of about `chunk_size` bytes each, to work on them one by one.

    The keys come from the storage servers' sample, as in `found.estimated_size_bytes`. Two
    neighbours in the list are the begin and the end of a part.

    Args:
        tx: a found.Transaction.
        begin: bytes, the first key of the range.
        end: bytes, the first key past it.
        chunk_size: int, a number of bytes, 1 or more.

    Returns:
        An operation; awaited, a list of bytes in order. It begins with `begin` and ends with `end`,
        however small the range; if the two are equal it is that one key.

    Raises:
        FoundException: 2005 if `end` is less than `begin`, 2004 for a range that goes past `\xff`,
            where the system's keys begin; and what found.Transaction names.
        TypeError: `tx` is no found.Transaction, `begin` or `end` is not bytes, `chunk_size` no int.
        ValueError: `chunk_size` is less than 1.

    Rule: fdbclient/NativeAPI.actor.cpp, getRangeSplitPoints.
    """

def add(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Add `param` to the value of `key`, atomically.

    Both are little-endian integers of as many bytes as `param` has: the value is cut or filled
    up with zeros to that, and so is the sum; a key without a value counts as 0. Signed integers
    in two's complement add up as unsigned ones do.

    The database does it at the commit. Nothing is read, so that any number of transactions can
    add to the same key and none conflicts with another; reading the key in the same transaction
    gives that up. Where the outcome of a commit is unknown (1021) a retry may add twice.

    ```python
    import found

    async with await found.open("memory:") as db:
        for _ in range(10):
            await found.transactional(db, found.add, b"visits", (1).to_bytes(8, "little"))
        visits = await found.transactional(db, found.get, b"visits")
        assert int.from_bytes(visits, "little") == 10
    ```

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doLittleEndianAdd.
    """

def bit_and(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set the value of `key` to its bitwise and with `param`, atomically.

    The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    value is set to `param`. The database does it at the commit: nothing is read, and no read
    conflict is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doAndV2.
    """

def bit_or(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set the value of `key` to its bitwise or with `param`, atomically.

    The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    value is set to `param`. The database does it at the commit: nothing is read, and no read
    conflict is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doOr.
    """

def bit_xor(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set the value of `key` to its bitwise exclusive or with `param`, atomically.

    The value is first cut, or filled up with zeros, to the length of `param`; a key without a
    value is set to `param`. The database does it at the commit: nothing is read, and no read
    conflict is added. Where the outcome of a commit is unknown (1021) a retry may undo it.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doXor.
    """

def max(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set `key` to the larger of its value and `param` as unsigned integers, atomically.

    Both are little-endian. The value is first cut, or filled up with zeros, to the length of
    `param`; a key without a value is set to `param`. The database does it at the commit:
    nothing is read, and no read conflict is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doMax.
    """

def byte_max(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set `key` to the larger of its value and `param` as bytes, atomically.

    They are compared as keys are, byte by byte, whatever their lengths; a key without a value
    is set to `param`. The database does it at the commit: nothing is read, and no read conflict
    is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doByteMax.
    """

def min(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set `key` to the smaller of its value and `param` as unsigned integers, atomically.

    Both are little-endian. The value is first cut, or filled up with zeros, to the length of
    `param`; a key without a value is set to `param`. The database does it at the commit:
    nothing is read, and no read conflict is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doMinV2.
    """

def byte_min(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set `key` to the smaller of its value and `param` as bytes, atomically.

    They are compared as keys are, byte by byte, whatever their lengths; a key without a value
    is set to `param`. The database does it at the commit: nothing is read, and no read conflict
    is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doByteMin.
    """

def set_versionstamped_key(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set a key that holds the versionstamp of this commit to `param`.

    The last four bytes of `key`, a little-endian integer, say where in it the ten bytes of the
    versionstamp go; they are cut off. `found.pack_with_versionstamp` appends them; by hand it
    is `b"log/" + bytes(10) + (4).to_bytes(4, "little")`. A versionstamp is the version of the
    commit and the transaction's place in it, both big-endian: such keys are in the order of the
    commits.

    Until the commit nobody knows the key: reading where it may end up raises 1036 in this
    transaction. `found.get_versionstamp` tells it afterwards.

    ```python
    import found

    async with await found.open("memory:") as db:
        tx = found.make_transaction(db)
        key = found.pack_with_versionstamp(("log", found.Versionstamp()))
        found.set_versionstamped_key(tx, key, b"entry")
        stamp = found.get_versionstamp(tx)
        await found.commit(tx)
        key = found.pack(("log", found.Versionstamp(await stamp)))
        assert await found.transactional(db, found.get, key) == b"entry"
    ```

    Args:
        tx: a found.Transaction.
        key: bytes, with the place for the versionstamp and the four bytes that say where.
        param: bytes, 100,000 at most: the value.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation: 2000 if the four bytes are missing, or ten
            bytes from where they say do not fit in the key; else as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, getVersionstampKeyRange and transformVersionstampMutation.
    """

def set_versionstamped_value(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Set `key` to a value that holds the versionstamp of this commit.

    The last four bytes of `param`, a little-endian integer, say where in it the ten bytes of
    the versionstamp go; they are cut off. `found.pack_with_versionstamp` appends them; by hand
    `bytes(10) + bytes(4)` is a versionstamp and nothing else. Reading the key again in this
    transaction raises 1036, until it is cleared.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, with the place for the versionstamp and the four bytes that say where.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation: 2000 if the four bytes are missing, or ten
            bytes from where they say do not fit in the value; else as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::atomicOp.
    """

def append_if_fits(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Append `param` to the value of `key`, atomically, unless that would be too long.

    If the two together have more than 100,000 bytes the value stays as it is, and nothing
    tells. A key without a value is set to `param`. The database does it at the commit: nothing
    is read, and no read conflict is added. Where the outcome of a commit is unknown (1021) a
    retry may append twice.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doAppendIfFits.
    """

def compare_and_clear(tx: Transaction, key: bytes, param: bytes) -> Operation[None]:
    """Clear `key` if its value is `param`, atomically.

    With any other value it stays as it is. The database does it at the commit: nothing is read,
    and no read conflict is added.

    Args:
        tx: a found.Transaction.
        key: bytes, 10,000 at most.
        param: bytes, 100,000 at most.

    Returns:
        An operation that is done; awaited, None. Errors are raised by the next one, as in
        `found.set`.

    Raises:
        FoundException: from the next operation, as in `found.set`.
        RuntimeError: the transaction only reads: it was made with snapshot=True.
        TypeError: `tx` is no found.Transaction, `key` or `param` is not bytes.

    Rule: fdbclient/Atomic.h, doCompareAndClear.
    """

# Ranges.

def mapped_query(
    tx: Transaction,
    key: Union[bytes, KeySelector],
    other: Union[bytes, KeySelector],
    mapper: bytes,
    *,
    limit: int = 0,
    mode: int = -1,
    reverse: bool = False,
    snapshot: Optional[bool] = None,
) -> Query[_MappedRow]:
    """Read a range, and for each row of it the rows that the row names.

    The servers of a cluster do the second read, so that an index and what it points to take one
    trip. Keys and values are packed tuples. FoundationDB calls it experimental: the transaction
    must not have written what it reads, neither range.

    Args:
        tx: a found.Transaction.
        key: the begin of the range, as for `found.query`.
        other: the end of the range, as for `found.query`.
        mapper: bytes, `found.pack` of a tuple that makes the key to read of a row: `"{K[1]}"` and
            `"{V[0]}"` stand for elements of the row's key and value, `"{...}"` at the end for all
            rows under the key.
        limit: the most rows of the first range, as for `found.query`.
        mode: as for `found.query`.
        reverse: as for `found.query`.
        snapshot: as for `found.query`.

    Returns:
        A found.Query, which yields a tuple a row: key, value, and the list of the rows it names,
        tuples of key and value.

    Raises:
        FoundException: while it is read: 2108 from a database that cannot do it, the embedded one
            among them; and what `found.query` can.
        OverflowError: as in `found.query`.
        TypeError: as in `found.query`, or `mapper` is not bytes.
        ValueError: as in `found.query`.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getMappedRange;
    documentation of fdb_transaction_get_mapped_range.
    """

def query(
    tx: Transaction,
    key: Union[bytes, KeySelector],
    other: Union[bytes, KeySelector],
    *,
    limit: int = 0,
    mode: int = -1,
    reverse: bool = False,
    snapshot: Optional[bool] = None,
) -> Query[_Row]:
    r"""Read the keys and values of a range, in order.

    The range is half-open, the keys from `key` on that are less than `other`. Two keys given
    backwards, `key` greater than `other`, are read from `key` down to `other`, and both belong to
    the range: that is what the 0.13 series did. `reverse=True` reads the half-open range from its
    end. A range from a key to itself is empty.

    Rows come in batches, and a batch is read when the iteration gets there: it sees what the
    transaction has written by then. `found.all` reads a query in as few batches as there can be.
    The read conflict covers what was read, from the begin of the range to the last row of the last
    batch; all of it, gaps included, if the range was read to its end.

    ```python
    import found

    async with await found.open("memory:") as db:
        tx = found.make_transaction(db)
        for key in (b"a", b"b", b"c"):
            found.set(tx, key, key.upper())
        rows = [row async for row in found.query(tx, b"a", b"c")]
        assert rows == [(b"a", b"A"), (b"b", b"B")]
        rows = await found.all(found.query(tx, b"a", b"c", reverse=True, limit=1))
        assert rows == [(b"b", b"B")]
        rows = await found.all(found.query(tx, b"c", b"a"))
        assert rows == [(b"c", b"C"), (b"b", b"B"), (b"a", b"A")]
        rows = await found.all(found.query(tx, found.gt(b"a"), b"\xff"))
        assert rows == [(b"b", b"B"), (b"c", b"C")]
    ```

    Args:
        tx: a found.Transaction.
        key: bytes, the begin of the range; or a found.KeySelector of the first key of it.
        other: bytes, the end of the range; or a found.KeySelector of the first key that is not part
            of it.
        limit: int, the most rows to read; 0, the default, for all.
        mode: how many bytes a batch has, not which rows there are. `found.STREAMING_MODE_ITERATOR`,
            the default, begins with 4,096 bytes and grows by half from batch to batch up to
            120,000; SMALL has 256, MEDIUM 1,000, LARGE 4,096, SERIAL and WANT_ALL 80,000; EXACT
            reads `limit` rows at once. Each batch has at least a row.
        reverse: True to read from the end of the range to its begin.
        snapshot: True for snapshot reads, which add no read conflicts; False for reads that do;
            None, the default, as the transaction was made.

    Returns:
        A found.Query, which yields a tuple of two bytes a row, key and value.

    Raises:
        FoundException: while it is read: 2210 for EXACT without a limit; 2004 for a range that goes
            past `\xff`, unless an option lets the transaction read the system's keys; 1036 for rows
            that the commit's versionstamp will decide about; and what found.Transaction names.
        OverflowError: `limit` does not fit in 32 bits.
        TypeError: `tx` is no found.Transaction, or `key` or `other` is neither bytes nor a
            KeySelector.
        ValueError: `limit` is negative, there is no such `mode`, or `key` is greater than `other`
            and `reverse` is True.

    Rule: fdbclient/ReadYourWrites.actor.cpp, ReadYourWritesTransaction::getRange and
    RYWImpl::addConflictRange; bindings/c/fdb_c.cpp, validate_and_update_parameters, for the modes.
    """

def lt(key: bytes, offset: int = 0) -> KeySelector:
    """Select the last key that is less than `key`.

    Args:
        key: bytes. It need not be in the database.
        offset: int of 32 bits: 0, the default, is that key, -1 the one before it, 1 the one after.

    Returns:
        `found.KeySelector(key, False, offset)`.

    Raises:
        OverflowError: `offset` does not fit in 32 bits.
        TypeError: `key` is not bytes or `offset` no int.

    Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_LAST_LESS_THAN.
    """

def lte(key: bytes, offset: int = 0) -> KeySelector:
    """Select the last key that is less than or equal to `key`.

    Args:
        key: bytes. It need not be in the database.
        offset: int of 32 bits: 0, the default, is that key, -1 the one before it, 1 the one after.

    Returns:
        `found.KeySelector(key, True, offset)`.

    Raises:
        OverflowError: `offset` does not fit in 32 bits.
        TypeError: `key` is not bytes or `offset` no int.

    Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_LAST_LESS_OR_EQUAL.
    """

def gt(key: bytes, offset: int = 1) -> KeySelector:
    """Select the first key that is greater than `key`.

    Args:
        key: bytes. It need not be in the database.
        offset: int of 32 bits: 1, the default, is that key, 0 the one before it, 2 the one after.

    Returns:
        `found.KeySelector(key, True, offset)`.

    Raises:
        OverflowError: `offset` does not fit in 32 bits.
        TypeError: `key` is not bytes or `offset` no int.

    Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_FIRST_GREATER_THAN.
    """

def gte(key: bytes, offset: int = 1) -> KeySelector:
    """Select the first key that is greater than or equal to `key`.

    Args:
        key: bytes. It need not be in the database.
        offset: int of 32 bits: 1, the default, is that key, 0 the one before it, 2 the one after.

    Returns:
        `found.KeySelector(key, False, offset)`.

    Raises:
        OverflowError: `offset` does not fit in 32 bits.
        TypeError: `key` is not bytes or `offset` no int.

    Rule: bindings/c/foundationdb/fdb_c.h, FDB_KEYSEL_FIRST_GREATER_OR_EQUAL.
    """

# Tuples.

@disjoint_base
class Versionstamp:
    """The place of a commit in the order of all commits: ten bytes that FoundationDB chooses, unique
    and growing, and two that the user chooses to tell apart stamps of one transaction.

    Without `tr_version` the stamp is incomplete: pack it with `pack_with_versionstamp` and hand
    the result to `set_versionstamped_key` or `set_versionstamped_value`; the commit fills it in.
    `tr_version` is what `get_versionstamp` gives, `user_version` an int of 0 to 65535.

    Versionstamps compare by `tr_version`, then by `user_version`, incomplete ones after all
    others, as `fdb.tuple.Versionstamp` does. They cannot be changed and may be keys of a dict.

    Raises TypeError for other types, ValueError for a `tr_version` that has not ten bytes or a
    `user_version` out of range.
    """

    LENGTH: ClassVar[int]
    """The number of bytes of a versionstamp: 12."""
    def __new__(cls, tr_version: Optional[bytes] = None, user_version: int = 0) -> Self: ...
    @staticmethod
    def incomplete(user_version: int = 0) -> Versionstamp:
        """A versionstamp that the commit completes."""

    @staticmethod
    def from_bytes(v: bytes, start: int = 0) -> Versionstamp:
        """Reads the twelve bytes that `to_bytes` gives, from `start` on; ten 0xff are an incomplete
        stamp.

        Raises TypeError if `v` is not bytes, ValueError if fewer than twelve are left.
        """

    @property
    def tr_version(self) -> Optional[bytes]:
        """FoundationDB's ten bytes, or None while the stamp is incomplete."""

    @property
    def user_version(self) -> int:
        """The user's two bytes, as an int."""

    def is_complete(self) -> bool:
        """Whether FoundationDB's ten bytes are known."""

    def completed(self, new_tr_version: bytes) -> Versionstamp:
        """This stamp with FoundationDB's ten bytes filled in.

        Raises RuntimeError if they already are.
        """

    def to_bytes(self) -> bytes:
        """The twelve bytes of the stamp; ten 0xff stand for what is not known yet."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: Versionstamp, /) -> bool: ...
    def __le__(self, other: Versionstamp, /) -> bool: ...
    def __gt__(self, other: Versionstamp, /) -> bool: ...
    def __ge__(self, other: Versionstamp, /) -> bool: ...
    def __hash__(self) -> int: ...

@disjoint_base
class SingleFloat:
    """A single-precision float: four bytes where a float takes eight. `unpack` gives one for every
    single float another program has packed, so that packing it again gives the same bytes.

    `value` is a float, an int or a `ctypes.c_float`; it is rounded to the nearest single-precision
    float, beyond the largest to an infinity.

    SingleFloats compare, and are equal, as their packed bytes are: -0.0 sorts before 0.0 and is
    not equal to it, NaN sorts outside the infinities and is equal to a NaN of the same bits.

    Raises TypeError for other types, OverflowError for an int no float can hold.
    """

    def __new__(cls, value: Union[float, ctypes.c_float]) -> Self: ...
    @property
    def value(self) -> float:
        """The value as a float, exactly."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __lt__(self, other: SingleFloat, /) -> bool: ...
    def __le__(self, other: SingleFloat, /) -> bool: ...
    def __gt__(self, other: SingleFloat, /) -> bool: ...
    def __ge__(self, other: SingleFloat, /) -> bool: ...
    def __hash__(self) -> int: ...

def pack(tuple: _Tuple, prefix: Optional[_Bytes] = None) -> bytes:
    """Packs a tuple into bytes that sort as tuples do, element by element, whatever their types.

    `tuple` is a tuple or a list of None, bytes, str, int, float, bool, uuid.UUID,
    found.SingleFloat, complete found.Versionstamp, and tuples or lists of these, nested at most
    1000 deep. Subclasses are packed as what they derive from; bytearray and memoryview as bytes;
    ctypes.c_float and ctypes.c_double as floats of their width. `prefix`, bytes, is put in front.

    The bytes are those of `fdb.tuple.pack` in FoundationDB's Python binding
    (bindings/python/fdb/tuple.py) and of every other binding (design/tuple.md): type codes, NUL
    escaped as 00 FF, integers in as few bytes as they need, floats bit for bit with -0.0 before
    0.0 and NaN outside the infinities.

    Raises TypeError for anything else, and names the place of the element; ValueError for an int
    of more than 255 bytes, a str with a lone surrogate (it is a UnicodeEncodeError), an incomplete
    versionstamp, and nesting too deep.
    """

def pack_with_versionstamp(tuple: _Tuple, prefix: Optional[_Bytes] = None) -> bytes:
    """Packs a tuple with one incomplete versionstamp, for `set_versionstamped_key` and
    `set_versionstamped_value`.

    Takes what `pack` takes, and exactly one incomplete found.Versionstamp, nested or not. The
    result ends in four bytes, little-endian, that say where the ten bytes begin that the commit
    fills in, `prefix` included: the form of API versions from 520 on (fdbclient/Atomic.h).

    Raises ValueError if there is no incomplete versionstamp or more than one; else as `pack`.
    """

def unpack(bytes: _Bytes, prefix_len: int = 0) -> tuple[Any, ...]:
    """Unpacks bytes that `pack`, or any FoundationDB binding, has packed; the first `prefix_len` of
    them are skipped.

    Nested tuples and lists come back as tuples, single floats as found.SingleFloat, versionstamps
    as found.Versionstamp. bytearray and memoryview are taken as bytes.

    Reads all that `fdb.tuple.unpack` reads, integers with leading zeros included, but not bytes
    that end inside an element: a string, bytes or nested tuple whose terminator is missing.

    Raises TypeError for what is not bytes; ValueError, naming the offset, for an unknown type
    code, input that ends inside an element, text that is not UTF-8 (it is a UnicodeDecodeError)
    and tuples nested more than 1000 deep; ValueError for a `prefix_len` below 0 or past the end.
    """

def has_incomplete_versionstamp(tuple: _Tuple) -> bool:
    """Whether `tuple`, a tuple or a list, holds an incomplete found.Versionstamp, in itself or in a
    tuple or list nested in it: whether it is for `pack_with_versionstamp` and not for `pack`.

    Raises TypeError if `tuple` is neither a tuple nor a list, ValueError for nesting more than
    1000 deep.
    """

def range(tuple: _Tuple) -> tuple[bytes, bytes]:
    r"""The keys between which all tuples lie that begin with the elements of `tuple` and have more:
    `(pack(tuple) + b"\x00", pack(tuple) + b"\xff")`, as `fdb.tuple.range`. The key of `tuple`
    itself is not among them.

    Takes and raises what `pack` does.
    """
