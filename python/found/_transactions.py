"""Transactions from begin to commit: retried until they succeed, or once; and the hooks on their way."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, TypeVar, Union, cast, overload

from found import _found
from found._found import Database, Tenant, Transaction
from found.errors import FoundException

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    _P = ParamSpec("_P")
    _Func = Callable[..., Awaitable[Any]]

T = TypeVar("T")

Hook = Callable[[Transaction], Awaitable[Any]]
PostCommitHook = Callable[[Transaction, "TransactionStats"], Awaitable[Any]]


class Hooks(NamedTuple):
    """What a database calls on the way of each transaction: `db.hooks`. Append to the lists."""

    on_begin: list[Hook]
    """Called with the transaction at the start of each try."""
    on_commit: list[Hook]
    """Called with the transaction before each try to commit; its writes are part of the commit."""
    on_post_commit: list[PostCommitHook]
    """Called with the transaction and a `TransactionStats` once after a durable commit."""


class TransactionStats(NamedTuple):
    """What a transaction took until its commit."""

    retries: int
    """Tries before the one that was committed."""
    elapsed: float
    """Seconds from the transaction's making to its commit."""
    commit_bytes: int
    """Approximate size of the commit in bytes."""


def make_hooks() -> Hooks:
    """Return hooks with nothing in them. `found.open` gives each database its own."""
    return Hooks([], [], [])


def _error_of(exception: BaseException) -> Optional[FoundException]:
    """The FoundationDB error behind an exception, if there is nothing else behind it.

    A task group raises the errors of its tasks as a group. Several at once are one reason to try again if all
    are FoundationDB's; the first that a retry does not help decides.
    """
    if isinstance(exception, FoundException):
        return exception
    inner = cast("Optional[tuple[BaseException, ...]]", getattr(exception, "exceptions", None))
    if not inner or not isinstance(exception, Exception):
        return None
    errors = [_error_of(one) for one in inner]
    if any(error is None for error in errors):
        return None
    found = cast("list[FoundException]", errors)
    return next((error for error in found if not error.retryable), found[0])


async def _begin(tx: Transaction, hooks: Hooks) -> None:
    for hook in tuple(hooks.on_begin):
        await hook(tx)


def _commit(tx: Transaction, hooks: Hooks) -> Awaitable[Optional[int]]:
    """Run the on_commit hooks and commit; give the size if an on_post_commit hook wants to know."""
    if hooks.on_commit or hooks.on_post_commit:
        return _commit_with_hooks(tx, hooks)
    # Most have none, and what waits for a commit is woken sooner with one coroutine less in between.
    return _found.commit(tx)


async def _commit_with_hooks(tx: Transaction, hooks: Hooks) -> int:
    for hook in tuple(hooks.on_commit):
        await hook(tx)
    size = await _found.get_approximate_size(tx) if hooks.on_post_commit else 0
    await _found.commit(tx)
    return size


def _abandon(tx: Transaction) -> None:
    """End what the transaction has under way: the exception that ends it may keep it alive."""
    # Its watches end with the reset, the rest with either; a database that was closed meanwhile has ended it already.
    with contextlib.suppress(RuntimeError):
        _found.reset(tx)
        _found.cancel(tx)


async def _post_commit(tx: Transaction, hooks: Hooks, stats: TransactionStats) -> None:
    for hook in tuple(hooks.on_post_commit):
        await hook(tx, stats)


async def _retry(
    db: Union[Database, Tenant],
    func: Callable[..., Awaitable[Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    snapshot: bool,
) -> Any:
    began = time.monotonic()
    tx = _found.make_transaction(db, snapshot=snapshot)
    hooks = db.hooks
    retries = 0
    while True:
        try:
            if hooks.on_begin:
                await _begin(tx, hooks)
            result = await func(tx, *args, **kwargs)
            size = None if snapshot else await _commit(tx, hooks)
        except BaseException as exception:
            error = _error_of(exception)
            if error is None:
                # The caller's own error, a cancelled task, Ctrl-C: never tried again.
                _abandon(tx)
                raise
            refused: Optional[FoundException] = None
            try:
                await _found.on_error(tx, error.code)
            except FoundException as raised:
                refused = raised
            if refused is not None:
                if refused.code == error.code:
                    raise
                raise refused from exception
            tx.vars.clear()
            retries += 1
        else:
            break
    if not snapshot and hooks.on_post_commit:
        await _post_commit(
            tx, hooks, TransactionStats(retries, time.monotonic() - began, size or 0)
        )
    return result


@overload
def transactional(
    db: Union[Database, Tenant],
    func: Callable[Concatenate[Transaction, _P], Awaitable[T]],
    /,
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> Coroutine[Any, Any, T]: ...
@overload
def transactional(
    db: Union[Database, Tenant],
    func: Callable[..., Awaitable[T]],
    /,
    *args: Any,
    snapshot: bool = False,
    **kwargs: Any,
) -> Coroutine[Any, Any, T]: ...
@overload
def transactional(
    func: Callable[Concatenate[Transaction, _P], Awaitable[T]], /, *, snapshot: bool = False
) -> Callable[Concatenate[Union[Database, Tenant, Transaction], _P], Coroutine[Any, Any, T]]: ...
@overload
def transactional(
    db: None = None, func: None = None, /, *, snapshot: bool = False
) -> Callable[
    [Callable[Concatenate[Transaction, _P], Awaitable[T]]],
    Callable[Concatenate[Union[Database, Tenant, Transaction], _P], Coroutine[Any, Any, T]],
]: ...
def transactional(  # type: ignore[misc]
    db: Any = None, func: Any = None, /, *args: Any, snapshot: bool = False, **kwargs: Any
) -> Any:
    """Run `func` in a transaction and commit it, again and again until FoundationDB accepts it.

    `func(tx, *args, **kwargs)` may run several times, so it must be idempotent: after an error that FoundationDB
    says a retry helps (a conflict, a version too old, a commit whose outcome is unknown) it is run again, after a
    delay that grows. Any other exception abandons the transaction and is raised: the caller's own, a cancelled
    task, a KeyboardInterrupt. `tx.vars` is cleared between tries.

    As a decorator, `@found.transactional` or `@found.transactional(snapshot=True)` makes of `func(tx, ...)` a
    function to be called with a database; called with a transaction it runs inside that one.

    Args:
        db: the database.
        func: a coroutine function that takes the transaction first.
        snapshot: if true the transaction only reads, its reads add no conflicts, and it is not committed:
            no on_commit or on_post_commit hook runs.

    Returns:
        What `func` returned in the try that was committed.

    Raises:
        FoundException: an error that a retry does not help, or one past the retry limit or the timeout.
        TypeError: `func` is no callable or returns no awaitable.

    Rule: fdbclient/NativeAPI.actor.cpp, Transaction::onError; documentation of fdb_transaction_on_error.
    """
    if isinstance(db, (Database, Tenant)):
        if not callable(func):
            raise TypeError(f"func must be a coroutine function, not {type(func).__name__}")
        return _retry(db, cast("_Func", func), args, kwargs, snapshot)
    if func is not None or args or kwargs or not (db is None or callable(db)):
        raise TypeError(f"db must be a found.Database, not {type(db).__name__}")
    if db is None:
        return functools.partial(_decorate, snapshot=snapshot)
    return _decorate(cast("_Func", db), snapshot=snapshot)


def _decorate(func: Callable[..., Awaitable[Any]], *, snapshot: bool) -> Callable[..., Any]:
    @functools.wraps(func)
    async def in_transaction(
        db: Union[Database, Tenant, Transaction], *args: Any, **kwargs: Any
    ) -> Any:
        if isinstance(db, Transaction):
            return await func(db, *args, **kwargs)
        if not isinstance(db, (Database, Tenant)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(
                f"db must be a found.Database or a Transaction, not {type(db).__name__}"
            )
        return await _retry(db, func, args, kwargs, snapshot)

    return in_transaction


class transaction:
    """One transaction, without retries: `async with found.transaction(db) as tx`.

    It is committed on a clean exit and abandoned on an exception. The hooks of `db.hooks` run as in
    `transactional`. The caller is responsible for trying again.

    Args:
        db: the database.
        snapshot: if true the transaction only reads, its reads add no conflicts, and it is not committed.

    Raises:
        FoundException: from the exit, if the commit fails.
    """

    def __init__(self, db: Union[Database, Tenant], snapshot: bool = False) -> None:
        self._tx = _found.make_transaction(db, snapshot=snapshot)
        self._hooks = db.hooks
        self._began = time.monotonic()

    async def __aenter__(self) -> Transaction:
        await _begin(self._tx, self._hooks)
        return self._tx

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        tx = self._tx
        if error is not None:
            _abandon(tx)
            return
        if tx.snapshot:
            return
        size = await _commit(tx, self._hooks)
        if self._hooks.on_post_commit:
            stats = TransactionStats(0, time.monotonic() - self._began, size or 0)
            await _post_commit(tx, self._hooks, stats)
