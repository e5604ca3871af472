"""Which database `found.open` opens, and the end of all of them."""

from __future__ import annotations

import asyncio
import atexit
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TypeVar, Union

from found import _found
from found._found import Database
from found._transactions import make_hooks

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    _P = ParamSpec("_P")

_T = TypeVar("_T")

_log = logging.getLogger("found")


async def open(cluster_file: Optional[Union[str, os.PathLike[str]]] = None) -> Database:
    """Open a database.

    What is opened, the first of these that is given:

    1. `cluster_file`;
    2. the environment variable `FOUND_DATABASE`;
    3. `FDB_CLUSTER_FILE`, which must name a file that exists;
    4. the platform's default cluster file (`/etc/foundationdb/fdb.cluster` on Linux);
    5. where neither that file nor a FoundationDB client library is on the machine, an embedded database in the
       user's data folder; the logger `found` warns that it is so.

    Args:
        cluster_file: the path of a cluster file; or `memory:` (a new database each time), `memory:NAME` (one
            database of the process), `embedded:PATH` (a database in a file). Options follow a `?`: `cache=64m` and
            `sync=off` of a file, `faults=SEED` of one in memory, which has the weather of a cluster.

    Returns:
        The database. `await found.close(db)` ends it, as `async with await found.open(...) as db` does.

    Raises:
        FoundException: the database cannot be opened; the message names the file and what is wrong with it.
        LibraryException: a cluster needs FoundationDB's client library, and there is none that works.
        TypeError: `cluster_file` is neither a string nor a path.

    Rule: fdbclient/ClusterConnectionFile.actor.cpp, ClusterConnectionFile::lookupClusterFileName.
    """
    address = _resolve() if cluster_file is None else os.fspath(cluster_file)
    if not isinstance(address, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"cluster_file must be a str or a path, not {type(address).__name__}")
    if not address:
        raise ValueError("cluster_file must not be empty")
    return await _in_thread(_found._open, address, make_hooks())


async def close(db: Database) -> None:
    """Close a database, without waiting for a collector.

    Its transactions end: what they have under way fails, and using them or the database raises RuntimeError. A file
    is released once every handle on it in this process is closed. Closing twice does nothing.

    Args:
        db: the database.

    Raises:
        TypeError: `db` is no database.
    """
    await _in_thread(_found._close, db)


async def _in_thread(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Call what blocks in a thread of the event loop's executor: one that the interpreter joins before it ends."""
    bound = functools.partial(call, *args, **kwargs)
    try:
        result = asyncio.get_running_loop().run_in_executor(None, bound)
    except RuntimeError:
        # At the end of the program no thread is started any more, and nobody else is kept waiting.
        return bound()
    return await result


def _resolve() -> str:
    named = os.environ.get("FOUND_DATABASE")
    if named:
        return named
    named = os.environ.get("FDB_CLUSTER_FILE")
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(f"FDB_CLUSTER_FILE names {named}, which is no file")
        return named
    default = _default_cluster_file()
    if default.exists() or _found._client_is_installed():
        # With a client installed a missing cluster file is an error: production never writes to a laptop's file.
        return str(default)
    path = _data_folder() / "found" / "default.found"
    _log.warning(
        "no cluster file at %s and no FoundationDB client library: using the embedded database %s. "
        "Set FOUND_DATABASE, or name a database to found.open(), to choose",
        default,
        path,
    )
    return f"embedded:{path}"


def _default_cluster_file() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("PROGRAMDATA", "C:/ProgramData"), "foundationdb", "fdb.cluster")
    if sys.platform == "darwin":
        return Path("/usr/local/etc/foundationdb/fdb.cluster")
    return Path("/etc/foundationdb/fdb.cluster")


def _data_folder() -> Path:
    """Where the platform keeps a user's data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


_completion_hooks: list[Callable[[], Any]] = []


def add_network_thread_completion_hook(callback: Callable[[], Any]) -> None:
    """Call `callback` once the network threads have ended, at the end of the program.

    It is called in the main thread, after every network thread was joined, so it may use Python freely. An
    exception out of it is reported (`sys.unraisablehook`) and keeps nothing else from running.

    Args:
        callback: takes no arguments.

    Raises:
        TypeError: `callback` is not callable.

    Rule: bindings/c/fdb_c.h, fdb_add_network_thread_completion_hook.
    """
    if not callable(callback):
        raise TypeError(f"callback must be callable, not {type(callback).__name__}")
    _completion_hooks.append(callback)


@atexit.register
def _stop() -> None:
    _found._stop()
    while _completion_hooks:
        _found._call_completion_hook(_completion_hooks.pop(0))


def _in_child_after_fork() -> None:
    if _found._in_child_after_fork():
        # The network threads that the hooks wait for are the parent's.
        _completion_hooks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child_after_fork)
