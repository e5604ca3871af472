"""Processes that a program makes: by fork, where nothing works that worked, and by multiprocessing."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest
from operations import ATOMICS
from processes import complaints, output_of, program

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
# Python 3.12 and newer warn about a fork with threads, which is what these tests are about.
FORK = ("-W", "ignore::DeprecationWarning")


@needs_fork
@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit(0)"])
def test_every_call_in_a_forked_child_says_what_to_do(leave: str) -> None:
    output = output_of(
        program(
            f"""
            async def prepare():
                db = await filled()
                return db, found.make_transaction(db), await armed_watch(db)

            db, tx, watch = asyncio.run(prepare())
            pending = found.get_versionstamp(tx)
            query = found.query(tx, b"k", b"l")
            started = found.query(tx, b"k", b"l")

            async def nothing(tx):
                pass

            async def enter():
                async with found.transaction(db):
                    pass

            async def enter_database():
                async with db:
                    pass

            async def rows():
                return [row async for row in query]

            k, v = b"k", b"v"
            calls = dict(
                open=lambda: found.open("memory:"), close=lambda: found.close(db),
                make_transaction=lambda: found.make_transaction(db),
                transactional=lambda: found.transactional(db, nothing), transaction=enter,
                database=enter_database, rows=rows, all=lambda: found.all(started),
                pending=lambda: pending, pending_watch=lambda: watch,
                get=lambda: found.get(tx, k), get_key=lambda: found.get_key(tx, found.gt(k)),
                set=lambda: found.set(tx, k, v), clear=lambda: found.clear(tx, k),
                clear_range=lambda: found.clear(tx, k, v), commit=lambda: found.commit(tx),
                on_error=lambda: found.on_error(tx, 1020), reset=lambda: found.reset(tx),
                cancel=lambda: found.cancel(tx), watch=lambda: found.watch(tx, k),
                get_committed_version=lambda: found.get_committed_version(tx),
                get_approximate_size=lambda: found.get_approximate_size(tx),
                get_versionstamp=lambda: found.get_versionstamp(tx),
                read_version=lambda: found.read_version(tx),
                set_read_version=lambda: found.set_read_version(tx, 1),
                set_option=lambda: found.set_option(tx, found.FDB_TR_OPTION_TIMEOUT, 10),
                add_conflict_range=lambda: found.add_conflict_range(tx, k, v, 0),
                estimated_size_bytes=lambda: found.estimated_size_bytes(tx, k, v),
                get_range_split_points=lambda: found.get_range_split_points(tx, k, v, 10),
                get_addresses_for_key=lambda: found.get_addresses_for_key(tx, k),
                database_set_option=lambda: found.database_set_option(db, found.FDB_DB_OPTION_MAX_WATCHES, 10),
                network_set_option=lambda: found.network_set_option(found.FDB_NET_OPTION_TRACE_FORMAT, "json"),
            )
            for name in {ATOMICS!r}:
                calls[name] = lambda name=name: getattr(found, name)(tx, k + bytes(14), v + bytes(14))

            async def one(call):
                async def awaiting():
                    result = call()
                    if hasattr(result, "__await__"):
                        await result
                await asyncio.wait_for(awaiting(), 5)

            pid = os.fork()
            if pid == 0:
                for name, call in calls.items():
                    try:
                        asyncio.run(one(call))
                    except RuntimeError as error:
                        if "fork" not in str(error) or "spawn" not in str(error):
                            print(name, "says", error)
                    except BaseException as error:
                        print(name, "raises", repr(error))
                    else:
                        print(name, "succeeds")
                # What needs no network goes on.
                assert found.unpack(found.pack((1,))) == (1,)
                assert found.error_predicate(found.ERROR_PREDICATE_RETRYABLE, 1020)
                print("child", found.get_client_version() != "", repr(db) != "", flush=True)
                del db, tx, watch, pending, query, started, calls
                gc.collect()
                {leave}
            assert os.waitpid(pid, 0)[1] == 0, "the child ended badly"
            async def again():
                pending.cancel()
                return await found.get(found.make_transaction(db), b"k001")
            print("parent", len(asyncio.run(again())))
            """
        ),
        *FORK,
    )
    assert output == "child True True\nparent 100\n"


@needs_fork
def test_a_child_forked_before_anything_was_opened_may_open() -> None:
    output = output_of(
        program(
            """
            async def main():
                async with await filled() as db:
                    watch = await armed_watch(db)
                    async def change(tx):
                        await found.set(tx, b"watched", b"v")
                    await found.transactional(db, change)
                    await watch
                return "worked"

            # What was called before has started nothing.
            assert found.unpack(found.pack((1,))) == (1,)
            assert found.get_client_version()
            pid = os.fork()
            if pid == 0:
                print("child", asyncio.run(main()), flush=True)
                sys.exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            print("parent", asyncio.run(main()))
            """
        ),
        *FORK,
    )
    assert output == "child worked\nparent worked\n"


@needs_fork
def test_a_file_can_be_opened_again_while_a_child_lives_that_was_forked_meanwhile(
    tmp_path: Path,
) -> None:
    # The child has the file open too, and with it the lock.
    output = output_of(
        program(
            f"""
            address = "embedded:{tmp_path / "forked.found"}"
            read, write = os.pipe()

            async def main():
                db = await filled(address)
                pid = os.fork()
                if pid == 0:
                    os.close(write)
                    os.read(read, 1)
                    os._exit(0)
                await found.close(db)
                async with await found.open(address) as db:
                    tx = found.make_transaction(db)
                    print(len(await found.all(found.query(tx, b"k", b"l"))))
                os.write(write, b"x")
                assert os.waitpid(pid, 0)[1] == 0

            asyncio.run(main())
            """
        ),
        *FORK,
    )
    assert output == "100\n"


@needs_fork
@pytest.mark.parametrize("leave", ["os._exit(0)", "sys.exit(0)"])
def test_a_forked_child_that_ends_leaves_its_parent_the_lock_of_a_file(
    tmp_path: Path, leave: str
) -> None:
    address = f"embedded:{tmp_path / 'forked.found'}"
    output = output_of(
        program(
            f"""
            import subprocess
            db = asyncio.run(filled("{address}"))
            pid = os.fork()
            if pid == 0:
                db = None
                gc.collect()
                {leave}
            assert os.waitpid(pid, 0)[1] == 0
            check = [sys.executable, "-m", "found", "check", "{address}"]
            other = subprocess.run(check, capture_output=True, text=True)
            print(other.returncode, "1529" in other.stderr)
            asyncio.run(found.close(db))
            print(subprocess.run(check, capture_output=True).returncode)
            """
        ),
        *FORK,
    )
    assert output == "1 True\n0\n"


@needs_fork
def test_a_fork_under_load_ends_the_child_and_leaves_the_parent() -> None:
    output = output_of(
        program(
            """
            stop = threading.Event()
            counts = [0, 0]

            def thread(index):
                async def main():
                    db = await filled("memory:load" + str(index) + "?latency=1")
                    async def write(tx):
                        found.add(tx, b"counter", b"\\x01")
                        await found.get(tx, b"k001")
                    while not stop.is_set():
                        await found.transactional(db, write)
                        counts[index] += 1
                asyncio.run(main())

            threads = [threading.Thread(target=thread, args=(index,)) for index in range(2)]
            for each in threads:
                each.start()
            for _ in range(30):
                before = list(counts)
                while any(now <= then for now, then in zip(counts, before)):
                    stop.wait(0.001)
                pid = os.fork()
                if pid == 0:
                    try:
                        asyncio.run(found.open("memory:load0"))
                    except RuntimeError as error:
                        gc.collect()
                        os._exit(0 if "fork" in str(error) else 1)
                    os._exit(2)
                assert os.waitpid(pid, 0)[1] == 0
            stop.set()
            for each in threads:
                each.join()
            print("done")
            """
        ),
        *FORK,
    )
    assert output == "done\n"


@needs_fork
def test_a_fork_inside_a_running_loop_ends_the_child_and_leaves_the_parent() -> None:
    output = output_of(
        program(
            """
            async def main():
                db = await filled()
                operations = await work_in_flight(db)
                pending = found.get_versionstamp(found.make_transaction(db))
                pid = os.fork()
                if pid == 0:
                    # Closing the loop here would take the parent's descriptors off the selector they share.
                    try:
                        await pending
                    except RuntimeError as error:
                        operations.clear()
                        gc.collect()
                        os._exit(0 if "fork" in str(error) else 1)
                    os._exit(2)
                status = (await asyncio.get_running_loop().run_in_executor(None, os.waitpid, pid, 0))[1]
                results = await asyncio.gather(*operations[:100])
                print("parent", status, set(results) == {b"v" * 100})

            asyncio.run(main())
            """
        ),
        *FORK,
    )
    assert output == "parent 0 True\n"


SPAWNED = """\
import asyncio, multiprocessing, sys
import found

async def count(address):
    async with await found.open(address) as db:
        async def write(tx):
            await found.set(tx, b"k", b"v")
            return await found.get(tx, b"k")
        return await found.transactional(db, write)

def work(address):
    return asyncio.run(count(address))

if __name__ == "__main__":
    method, address = sys.argv[1:]
    # The parent has a database open already.
    print(work(address))
    with multiprocessing.get_context(method).Pool(2) as pool:
        print(pool.map(work, [address] * 4))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_processes_of_multiprocessing_open_databases_of_their_own(
    method: str, tmp_path: Path
) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    script = tmp_path / "spawned.py"
    script.write_text(SPAWNED)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", str(script), method, "memory:?latency=1"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert complaints(ended.stderr) == ""
    assert ended.stdout == f"b'v'\n{[b'v'] * 4}\n"
    assert ended.returncode == 0
