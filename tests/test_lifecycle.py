"""From the first open to the exit, in processes of their own: what ends must end well and complain of nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from processes import Program, output_of, program, run_program
from support import run

import found

# The end of a program.


@pytest.mark.parametrize("flags", [(), ("-X", "dev"), ("-X", "dev", "-W", "error")])
def test_a_program_that_does_everything_right_is_silent(flags: tuple[str, ...]) -> None:
    output = output_of(
        program(
            """
            async def main():
                async with await filled() as db:
                    watch = await armed_watch(db)
                    async def change(tx):
                        assert await found.get(tx, b"k001") == b"v" * 100
                        assert len([row async for row in found.query(tx, b"k", b"l")]) == 100
                        await found.set(tx, b"watched", b"changed")
                    await found.transactional(db, change)
                    await watch
                    async with found.transaction(db) as tx:
                        found.add(tx, b"counter", b"\\x01")
                print("done")

            asyncio.run(main())
            """
        ),
        *flags,
    )
    assert output == "done\n"


@pytest.mark.parametrize("flags", [(), ("-X", "dev", "-W", "error")], ids=["plain", "dev"])
@pytest.mark.parametrize("kept", ["kept", "dropped"])
def test_exit_without_close_and_with_work_in_flight_is_silent(
    flags: tuple[str, ...], kept: str
) -> None:
    output = output_of(
        program(
            f"""
            keep = []

            async def main():
                db = await filled()
                operations = await work_in_flight(db)
                if {kept == "kept"}:
                    keep.extend([db, operations])
                print("done")

            asyncio.run(main())
            """
        ),
        *flags,
    )
    assert output == "done\n"


def test_exit_with_thousands_of_watches_is_silent() -> None:
    output = output_of(
        program(
            """
            keep = []

            async def main():
                db = await filled()
                tx = found.make_transaction(db)
                keep.append([found.watch(tx, b"%d" % number) for number in range(9000)])
                await found.commit(tx)
                for watch in keep[0][::2]:
                    watch.add_done_callback(print)
                keep.append(db)
                print("done")

            asyncio.run(main())
            """
        )
    )
    assert output == "done\n"


def test_exit_of_a_loop_that_was_never_closed_is_silent() -> None:
    output = output_of(
        program(
            """
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda *_: None)
            db = loop.run_until_complete(filled())
            operations = loop.run_until_complete(work_in_flight(db))
            print("done")
            """
        )
    )
    assert output == "done\n"


@pytest.mark.parametrize("way", ["sys.exit(3)", "raise SystemExit(3)", "os._exit(3)"])
@pytest.mark.parametrize("runner", ["asyncio.run", "uvloop.run"])
def test_an_exit_inside_a_task_is_the_exit_of_the_program(way: str, runner: str) -> None:
    if runner == "uvloop.run":
        pytest.importorskip("uvloop")
    ended = run_program(
        program(
            f"""
            {"import uvloop" if runner == "uvloop.run" else ""}
            async def main():
                db = await filled()
                operations = await work_in_flight(db)
                await asyncio.sleep(0)
                {way}

            {runner}(main())
            """
        )
    )
    assert ended.stderr == ""
    assert ended.returncode == 3


@pytest.mark.parametrize("where", ["a transaction", "a callback", "a hook", "a row"])
def test_an_exit_out_of_the_users_code_is_the_exit_of_the_program(where: str) -> None:
    ended = run_program(
        program(
            f"""
            async def main():
                db = await filled()

                async def leave(*_):
                    sys.exit(4)

                async def read(tx):
                    await found.get(tx, b"k001")

                if {where!r} == "a transaction":
                    await found.transactional(db, leave)
                elif {where!r} == "a callback":
                    get = found.get(found.make_transaction(db), b"k001")
                    get.add_done_callback(lambda _: sys.exit(4))
                    # Of a main() that ends in the same turn asyncio stops the next run of the loop.
                    await asyncio.Event().wait()
                elif {where!r} == "a hook":
                    db.hooks.on_commit.append(leave)
                    await found.transactional(db, read)
                else:
                    async for row in found.query(found.make_transaction(db), b"k", b"l"):
                        sys.exit(4)

            asyncio.run(main())
            """
        )
    )
    assert ended.stderr == ""
    assert ended.returncode == 4


def test_an_exception_with_work_in_flight_is_all_that_is_said() -> None:
    ended = run_program(
        program(
            """
            async def main():
                db = await filled()
                operations = await work_in_flight(db)
                raise KeyError("the users own")

            asyncio.run(main())
            """
        )
    )
    assert ended.stderr.rstrip().endswith("KeyError: 'the users own'")
    assert ended.stderr.count("Traceback") == 1
    assert ended.returncode == 1


@pytest.mark.parametrize("what", ["open", "close", "commit"])
def test_exit_in_the_middle_of_what_blocks_leaves_a_file_that_opens(
    what: str, tmp_path: Path
) -> None:
    path = tmp_path / "db"
    ended = run_program(
        program(
            f"""
            async def main():
                if {what!r} != "open":
                    db = await filled("embedded:" + {str(path)!r})
                if {what!r} == "open":
                    task = asyncio.ensure_future(found.open("embedded:" + {str(path)!r}))
                elif {what!r} == "close":
                    task = asyncio.ensure_future(found.close(db))
                else:
                    tx = found.make_transaction(db)
                    found.set(tx, b"last", b"v")
                    task = found.commit(tx)
                    task.add_done_callback(lambda _: None)
                await asyncio.sleep(0)
                loop = asyncio.get_running_loop()
                loop.stop()
                await loop.create_future()

            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda *_: None)
            task = loop.create_task(main())
            loop.run_forever()
            print("done", flush=True)
            """
        )
    )
    assert ended.stdout == "done\n"
    assert ended.stderr == ""
    assert ended.returncode == 0

    async def look() -> int:
        async with await found.open(f"embedded:{path}") as db:
            tx = found.make_transaction(db)
            return len(await found.all(found.query(tx, b"k", b"l")))

    assert run(look()) == (0 if what == "open" else 100)


def test_cycles_left_for_the_collector_of_the_exit_are_silent() -> None:
    output = output_of(
        program(
            """
            gc.disable()

            async def main():
                db = await filled()
                tx = found.make_transaction(db)
                tx.vars["self"] = tx
                db.hooks.on_begin.append(db)
                get = found.get(tx, b"k001")
                get.add_done_callback(lambda _, get=get: None)
                tx.vars["get"] = get
                watch = await armed_watch(db)
                watch.add_done_callback(lambda _, watch=watch: None)
                query = found.query(tx, b"k", b"l")
                tx.vars["query"] = query
                await query.__anext__()
                print("done")

            asyncio.run(main())
            """
        ),
        "-X",
        "dev",
    )
    assert output == "done\n"


def test_an_object_that_outlives_the_network_is_told_so() -> None:
    # A __del__ of the very end, and an atexit function from before the import, come after the network has stopped.
    output = output_of(
        program(
            """
            class Last:
                def __del__(self):
                    for call in [lambda: found.make_transaction(db), lambda: found.get(tx, b"k")]:
                        try:
                            call()
                        except RuntimeError as error:
                            print(error)

            db = asyncio.run(filled())
            tx = found.make_transaction(db)
            last = Last()
            """
        )
    )
    assert output == "the network has stopped: the program is ending\n" * 2


def test_functions_of_atexit_work_before_the_network_stops_and_fail_clearly_after() -> None:
    output = output_of(
        """
        import asyncio, atexit

        def after():
            try:
                asyncio.run(found.open("memory:"))
            except RuntimeError as error:
                print("open:", error)
            try:
                asyncio.run(pending)
            except RuntimeError as error:
                print("pending:", error)
            pending.cancel()

        # They run last in, first out: found registers its own when it is imported.
        atexit.register(after)
        import found

        def before():
            async def main():
                async with await found.open("memory:?latency=1") as other:
                    return await found.get(found.make_transaction(other), b"k")
            print("before:", asyncio.run(main()))

        atexit.register(before)

        async def main():
            return await found.open("memory:")

        db = asyncio.run(main())
        tx = found.make_transaction(db)
        pending = found.get_versionstamp(tx)
        """
    )
    assert output == (
        "before: None\n"
        "open: the network has stopped: the program is ending\n"
        "pending: the network has stopped: the program is ending\n"
    )


# Threads at the end.


@pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "thread"])
def test_exit_while_a_thread_runs_a_loop(daemon: bool) -> None:
    output = output_of(
        program(
            f"""
            ready, stop = threading.Event(), threading.Event()

            def thread():
                async def main():
                    db = await filled()
                    operations = await work_in_flight(db)
                    ready.set()
                    while not stop.is_set():
                        await found.get(found.make_transaction(db), b"k001")
                try:
                    asyncio.run(main())
                except RuntimeError as error:
                    # A daemon runs on until the interpreter stops it, and so may ask for more after the network's end.
                    if not {daemon} or "the program is ending" not in str(error):
                        raise

            threading.Thread(target=thread, daemon={daemon}).start()
            ready.wait()
            # A thread that is no daemon is waited for: it ends by itself.
            if not {daemon}:
                stop.set()
            print("done")
            """
        )
    )
    assert output == "done\n"


def test_sys_exit_in_a_thread_ends_the_thread_alone() -> None:
    output = output_of(
        program(
            """
            def thread():
                async def main():
                    db = await filled()
                    operations = await work_in_flight(db)
                    sys.exit(5)
                asyncio.run(main())

            other = threading.Thread(target=thread)
            other.start()
            other.join()
            async def main():
                async with await filled() as db:
                    return len(await found.all(found.query(found.make_transaction(db), b"k", b"l")))
            print(asyncio.run(main()))
            """
        )
    )
    assert output == "100\n"


def test_a_program_may_end_in_a_thread_while_the_main_thread_waits() -> None:
    output = output_of(
        program(
            """
            def thread():
                async def main():
                    db = await filled()
                    keep.append(await work_in_flight(db))
                asyncio.run(main())
                print("done", flush=True)
                os._exit(0)

            keep = []
            threading.Thread(target=thread).start()
            threading.Event().wait()
            """
        )
    )
    assert output == "done\n"


# Completion hooks.


def test_completion_hooks_run_in_order_after_the_network_has_ended() -> None:
    output = output_of(
        program(
            """
            def first():
                print("first", threading.current_thread() is threading.main_thread())
                try:
                    found.make_transaction(db)
                except RuntimeError as error:
                    print(error)
                found.add_network_thread_completion_hook(lambda: print("third"))

            found.add_network_thread_completion_hook(first)
            db = asyncio.run(filled())
            found.add_network_thread_completion_hook(lambda: print("second"))
            atexit.register(print, "before")
            """
        )
    )
    assert output.splitlines() == [
        "before",
        "first True",
        "the network has stopped: the program is ending",
        "second",
        "third",
    ]


def test_completion_hooks_run_although_nothing_was_opened() -> None:
    assert output_of(
        "import found; found.add_network_thread_completion_hook(lambda: print('hook'))"
    ) == ("hook\n")


@pytest.mark.parametrize("error", ["KeyError('hook')", "SystemExit(7)", "KeyboardInterrupt()"])
def test_a_completion_hook_that_raises_is_reported_and_the_others_run(error: str) -> None:
    ended = run_program(
        program(
            f"""
            def raises():
                raise {error}

            found.add_network_thread_completion_hook(raises)
            found.add_network_thread_completion_hook(lambda: print("second"))
            db = asyncio.run(filled())
            """
        )
    )
    assert ended.stdout == "second\n"
    assert "raises" in ended.stderr
    assert error.split("(")[0] in ended.stderr
    assert ended.returncode == 0


# Signals.


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT cannot be sent to one process")
@pytest.mark.parametrize("runner", ["asyncio.run", "uvloop.run"])
def test_ctrl_c_with_work_in_flight_ends_the_program(runner: str) -> None:
    if runner == "uvloop.run":
        pytest.importorskip("uvloop")
    running = Program(
        program(
            f"""
            {"import uvloop" if runner == "uvloop.run" else ""}
            async def main():
                db = await filled()
                operations = await work_in_flight(db)
                print("running", flush=True)
                await (await armed_watch(db, b"never"))

            try:
                {runner}(main())
            except KeyboardInterrupt:
                print("interrupted")
            """
        )
    )
    assert running.read_line() == "running"
    running.interrupt()
    ended = running.end()
    assert ended.stderr == ""
    assert ended.stdout == "interrupted\n"
    assert ended.returncode == 0


def test_the_end_of_the_main_loop_is_not_the_end_of_the_network() -> None:
    async def main() -> bytes:
        async with await found.open("memory:lifecycle?latency=1") as db:

            async def write(tx: found.Transaction) -> None:
                found.add(tx, b"counter", b"\x01")

            await found.transactional(db, write)
            return await found.get(found.make_transaction(db), b"counter") or b""

    assert [asyncio.run(main()) for _ in range(3)] == [b"\x01", b"\x02", b"\x03"]
