"""What the tests share: databases to test on, keys of their own, and tests that are `async def`.

The tests run on the embedded engine: in memory, in a file, and in memory with answers that come later, from the
network thread. `FOUND_TEST_CLUSTER_FILE` names a cluster to run them on instead; they keep to keys under a prefix of
their own there, and clear them. With `FOUND_LIBFDB_C` naming this project's own libfdb_c, they run on the same
databases through that library: it is reached by the path of a cluster file that holds the address.
`FOUND_TEST_EVENT_LOOP=uvloop` runs them on uvloop, and Python's own `-X dev` or `PYTHONASYNCIODEBUG=1` in asyncio's
debug mode.
"""

from __future__ import annotations

import inspect
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest
from stores import Place
from support import Space, run

import found

CLUSTER_FILE = os.environ.get("FOUND_TEST_CLUSTER_FILE")
LOADED = bool(os.environ.get("FOUND_LIBFDB_C"))
KINDS = ["cluster"] if CLUSTER_FILE else ["memory", "file", "latency"]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Optional[bool]:
    """Run an `async def` test in an event loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


async def _open(address: str, folder: Path) -> found.Database:
    if LOADED and not CLUSTER_FILE:
        cluster_file = folder / "fdb.cluster"
        cluster_file.write_text(address, encoding="utf-8")
        address = str(cluster_file)
    return await found.open(address)


async def _close(database: found.Database) -> None:
    await found.close(database)


@pytest.fixture(params=KINDS)
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[found.Database]:
    """A database, of each kind in turn. A cluster is not empty: keep to the keys of `space`."""
    addresses = {
        "cluster": CLUSTER_FILE or "",
        "memory": "memory:",
        "file": f"embedded:{tmp_path / 'db'}",
        "latency": "memory:?latency=7",
    }
    database = run(_open(addresses[request.param], tmp_path))
    yield database
    run(_close(database))


@pytest.fixture
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[found.Database]:
    """An embedded database in memory, empty: for what a shared cluster cannot show."""
    database = run(_open("memory:", tmp_path_factory.mktemp("memory")))
    yield database
    run(_close(database))


@pytest.fixture
def space(db: found.Database) -> Iterator[Space]:
    """Keys of `db` that no other test uses."""
    keys = Space(db, b"found-test/" + secrets.token_hex(6).encode() + b"/")
    yield keys
    if CLUSTER_FILE:
        run(_clear(keys))


@pytest.fixture
def place(db: found.Database) -> Iterator[Place]:
    """A prefix for the stores of a test in `db`, that no other test uses."""
    stores = Place(db)
    yield stores
    if CLUSTER_FILE:
        run(stores.clear())


async def _clear(keys: Space) -> None:
    # By hand: a test may have left hooks that fail.
    tx = found.make_transaction(keys.db)
    found.clear(tx, keys.prefix, keys.end)
    await found.commit(tx)
