"""Weather, `memory:?faults=SEED`: what it injects, that programs get through it, and that a seed gives one run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Optional

import pytest
from client_library import library
from support import fails_with, run
from weather import every_seed, log, seeds

import found

HERE = Path(__file__).resolve().parent


async def increment(tx: found.Transaction, key: bytes) -> None:
    value = int.from_bytes(await found.get(tx, key) or b"", "little")
    await found.set(tx, key, (value + 1).to_bytes(8, "little"))


async def incremented_once(tx: found.Transaction, key: bytes, marker: bytes) -> None:
    """As `increment`, and the same however often it is tried."""
    if await found.get(tx, marker) is None:
        await found.set(tx, marker, b"")
        await increment(tx, key)


async def busy(db: found.Database) -> None:
    """A program with all that makes runs differ: tasks in each other's way, gathers, timeouts, cancels, watches."""

    async def writer(number: int) -> None:
        for turn in range(6):
            marker = b"marker/%d/%d" % (number, turn)
            await found.transactional(db, incremented_once, b"count/%d" % (turn % 2), marker)

    async def reader(tx: found.Transaction) -> list[Optional[bytes]]:
        found.set_option(tx, found.TransactionOption.TAG, b"reader")
        first = found.query(tx, b"count/", b"count0")
        rest = [found.get(tx, b"count/%d" % number) for number in range(2)]
        rows = await found.all(first)
        return [value for _, value in rows] + list(await asyncio.gather(*rest))

    async def watcher() -> None:
        for _ in range(3):

            async def look(tx: found.Transaction) -> found.Future[None]:
                await found.get(tx, b"count/0")
                return found.watch(tx, b"count/0")

            changed = await found.transactional(db, look)
            asker = asyncio.ensure_future(found.transactional(db, increment, b"count/0"))
            # It may fail as any read does: either way it is time to look again.
            with contextlib.suppress(found.FoundException):
                await changed
            await asker

    async def fickle() -> None:
        tx = found.make_transaction(db)
        kept = found.get(tx, b"count/0")
        found.get(tx, b"count/1").cancel()
        gone = found.get(tx, b"count/2")
        found.cancel(tx)
        await asyncio.gather(kept, gone, return_exceptions=True)

    await asyncio.gather(
        *[writer(number) for number in range(4)],
        *[found.transactional(db, reader, snapshot=True) for _ in range(3)],
        watcher(),
        fickle(),
        asyncio.wait_for(found.transactional(db, increment, b"other"), 60),
    )


async def story_at(address: str) -> list[str]:
    async with await found.open(address) as db:
        await busy(db)
        return await log(db)


async def story(seed: int) -> list[str]:
    return await story_at(f"memory:?faults={seed}")


def told_by_child(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A child that prints what `code` gives, which sees this module as `t`."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys, test_weather as t; print('\\n'.join({code}))",
            *arguments,
        ],
        cwd=HERE,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_seed_gives_the_same_events_twice() -> None:
    threshold = gc.get_threshold()
    try:
        for seed in seeds(20):
            first = run(story(seed))
            # When the collector comes by is not up to the program.
            gc.set_threshold(1 + 7 * (seed % 50))
            assert run(story(seed)) == first, seed
    finally:
        gc.set_threshold(*threshold)


def test_seeds_differ() -> None:
    assert len({tuple(run(story(seed))) for seed in range(10)}) == 10


def test_a_seed_gives_the_same_events_in_other_processes() -> None:
    # With other hashes, under load, with the program's first steps slowed down: nothing of that shows.
    slowly = "sys.setswitchinterval(1e-6) or t.gc.set_threshold(1) or "
    children = [
        told_by_child("t.run(t.story(7))", PYTHONHASHSEED="1"),
        told_by_child("t.run(t.story(7))", PYTHONHASHSEED="2"),
        told_by_child(slowly + "t.run(t.story(7))", PYTHONHASHSEED="3"),
    ]
    told = [child.communicate()[0].splitlines() for child in children]
    assert told[0] == told[1] == told[2]
    assert told[0] == run(story(7))


def test_a_seed_gives_the_same_events_through_a_loaded_engine(tmp_path: Path) -> None:
    cluster_file = tmp_path / "fdb.cluster"
    cluster_file.write_text("memory:?faults=7", encoding="utf-8")
    children = [
        told_by_child(
            "t.run(t.story_at(sys.argv[1]))", str(cluster_file), FOUND_LIBFDB_C=str(library())
        )
        for _ in range(2)
    ]
    told = [child.communicate()[0].splitlines() for child in children]
    assert told[0] == told[1]
    assert len(told[0]) > 100


def test_what_one_transaction_does_moves_no_other_ones_weather() -> None:
    async def outcomes(seed: int, reads: int) -> list[int]:
        async with await found.open(f"memory:?faults={seed}") as db:
            first, second = found.make_transaction(db), found.make_transaction(db)
            seen: list[int] = []
            for tx, count in ((first, reads), (second, 10)):
                seen.clear()
                for _ in range(count):
                    try:
                        await found.get(tx, b"key")
                        found.set(tx, b"other", b"")
                        seen.append(0)
                    except found.FoundException as error:
                        seen.append(error.code)
                        await found.on_error(tx, error.code)
                try:
                    await found.commit(tx)
                except found.FoundException as error:
                    seen.append(error.code)
            return seen

    alone = [run(outcomes(seed, 0)) for seed in range(40)]
    assert alone == [run(outcomes(seed, 9)) for seed in range(40)]
    assert len({tuple(codes) for codes in alone}) > 3


def test_versions_and_stamps_are_those_of_the_seed() -> None:
    async def versions() -> list[object]:
        async with await found.open("memory:?faults=3") as db:
            tx = found.make_transaction(db)
            read = await found.read_version(tx)
            found.set(tx, b"a", b"")
            stamp = found.get_versionstamp(tx)
            try:
                await found.commit(tx)
            except found.FoundException as error:
                return [read, error.code]
            return [read, await stamp, found.get_committed_version(tx)]

    assert run(versions()) == run(versions())


def test_everything_that_is_promised_happens() -> None:
    seen: Counter[str] = Counter()
    for seed in range(60):
        for line in run(story(seed)):
            what = line.split(": ", 1)[1]
            seen[re.sub(' b".*"', "", what)] += 1
    for event in (
        "commit -> 1020 (by the weather)",
        "commit -> 1020",  # a real conflict
        "commit -> 1021 (it did commit)",
        "commit -> 1021 (it did not commit)",
        "commit -> 1039 (it did commit)",
        "commit -> 1039 (it did not commit)",
        "commit -> 1007 (by the weather)",
        "commit -> 1042 (by the weather)",
        "get -> 1007",
        "get -> 1009",
        "get -> 1037",
        "get_range -> 1213",
        "get -> 1078",
        "told of the commit",
    ):
        assert seen[event], (event, seen)


def test_watches_fire_for_nothing_but_not_for_ever() -> None:
    fired = 0

    async def program(db: found.Database) -> None:
        nonlocal fired

        async def look(tx: found.Transaction) -> found.Future[None]:
            return found.watch(tx, b"still")

        for _ in range(20):
            watch = await found.transactional(db, look)
            # Something to wait for, so that time goes by.
            for _ in range(5):
                await found.transactional(db, found.set, b"other", b"")
            if watch.done():
                fired += watch.exception() is None
            else:
                watch.cancel()
        changed = await found.transactional(db, look)
        await found.transactional(db, found.set, b"still", b"no more")
        with contextlib.suppress(found.FoundException):
            await changed

    every_seed(program, 10)
    assert 0 < fired < 20 * len(seeds(10)) / 2


def test_a_counter_that_is_not_idempotent_is_found_out_in_seconds() -> None:
    async def wrong(seed: int) -> bool:
        async with await found.open(f"memory:?faults={seed}") as db:
            for _ in range(10):
                await found.transactional(db, increment, b"count")
            value = await found.transactional(db, found.get, b"count", snapshot=True)
            return int.from_bytes(value or b"", "little") != 10

    assert any(run(wrong(seed)) for seed in range(20))


def test_a_counter_that_is_idempotent_is_right() -> None:
    async def program(db: found.Database) -> None:
        await busy(db)
        for number in range(4):
            for turn in range(6):
                marker = b"marker/%d/%d" % (number, turn)
                assert await found.transactional(db, found.get, marker) is not None
        value = await found.transactional(db, found.get, b"count/1", snapshot=True)
        assert int.from_bytes(value or b"", "little") == 12

    every_seed(program, 40)


def test_an_unknown_result_is_one_of_both_and_the_log_knows_which() -> None:
    async def program(db: found.Database) -> None:
        for number in range(30):
            tx = found.make_transaction(db)
            await found.set(tx, b"%d" % number, b"")
            code = 0
            try:
                await found.commit(tx)
            except found.FoundException as error:
                code = error.code
            line = [line for line in await log(db) if ": commit" in line][-1]
            happened = await found.transactional(db, found.get, b"%d" % number, snapshot=True)
            assert (happened is not None) == (code == 0 or "(it did commit)" in line)
            assert code in (0, 1021, 1039, 1007, 1042, 1078)

    every_seed(program, 20)


def test_what_a_cluster_never_does_does_not_happen() -> None:
    async def program(db: found.Database) -> None:
        found.database_set_option(db, found.DatabaseOption.TRANSACTION_AUTOMATIC_IDEMPOTENCY)
        for _ in range(30):
            tx = found.make_transaction(db)
            found.set(tx, b"blind", b"")
            try:
                await found.commit(tx)
            except found.FoundException as error:
                assert error.code not in (1020, 1021)
            tx = found.make_transaction(db)
            try:
                await found.get(tx, b"blind")
            except found.FoundException:
                continue
            await found.commit(tx)

    every_seed(program, 20)


def test_a_transaction_too_old_stays_it() -> None:
    async def too_old(seed: int) -> bool:
        async with await found.open(f"memory:?faults={seed}") as db:
            tx = found.make_transaction(db)
            try:
                for _ in range(70):
                    await found.get(tx, b"key")
            except found.FoundException as error:
                if error.code != 1007:
                    return False
                with fails_with(1007):
                    await found.get(tx, b"key")
                found.set(tx, b"key", b"")
                with fails_with(1007):
                    await found.commit(tx)
                return True
            return False

    assert sum(run(too_old(seed)) for seed in range(100)) > 1


def test_what_is_tried_again_gets_through() -> None:
    tries: Counter[int] = Counter()

    async def program(db: found.Database) -> None:
        count = 0

        async def long(tx: found.Transaction) -> None:
            nonlocal count
            count += 1
            for number in range(100):
                await found.get(tx, b"%d" % number)
            await found.set(tx, b"key", b"")

        await found.transactional(db, long)
        tries[count] += 1

    every_seed(program, 100)
    assert max(tries) <= 9  # a 1039 starts anew
    if sum(tries.values()) >= 100:
        assert tries[1] and tries[2] and tries[3]


def test_a_back_off_takes_no_time_but_counts() -> None:
    async def timed_out(seed: int) -> bool:
        async with await found.open(f"memory:?faults={seed}") as db:
            found.database_set_option(db, found.DatabaseOption.TRANSACTION_TIMEOUT, 1)
            try:
                await found.transactional(db, increment, b"count")
            except found.FoundException as error:
                assert error.code == 1031
                return True
            return False

    outcomes = [run(timed_out(seed)) for seed in range(60)]
    assert any(outcomes) and not all(outcomes)
    assert outcomes == [run(timed_out(seed)) for seed in range(60)]


def test_the_five_seconds_of_a_transaction_are_virtual() -> None:
    async def program(db: found.Database) -> None:
        old = found.make_transaction(db)
        try:
            await found.get(old, b"key")
        except found.FoundException:
            return
        patient = found.make_transaction(db)
        for _ in range(40):
            # Its back-off grows to a second.
            await found.on_error(patient, 1020)
        with fails_with(1007):
            await found.get(old, b"key")
        found.set(old, b"key", b"")
        with fails_with(1007):
            await found.commit(old)

    every_seed(program, 10)


def test_a_timeout_ends_who_waits_for_a_stamp_of_no_commit() -> None:
    async def program(db: found.Database) -> None:
        tx = found.make_transaction(db)
        found.set_option(tx, found.TransactionOption.TIMEOUT, 60_000)
        found.set(tx, b"a", b"")
        with fails_with(1031):
            await found.get_versionstamp(tx)

    every_seed(program, 3)


def test_a_name_can_be_looked_at_in_fair_weather() -> None:
    async def program(db: found.Database) -> None:
        async with await found.open("memory:fair") as fair:
            await found.transactional(fair, found.set, b"prepared", b"yes")
            assert await found.transactional(db, found.get, b"prepared") == b"yes"
            await found.transactional(db, found.set, b"done", b"yes")
            for _ in range(50):
                assert await found.get(found.make_transaction(fair), b"done") == b"yes"
            changed = found.make_transaction(db)
            watch = found.watch(changed, b"watched")
            try:
                await found.commit(changed)
            except found.FoundException:
                return
            await found.transactional(fair, found.set, b"watched", os.urandom(8))
            with contextlib.suppress(found.FoundException):
                await watch

    every_seed(program, 5, "fair")


def test_a_commit_nobody_waits_for_happens_as_on_a_cluster() -> None:
    async def program(db: found.Database) -> None:
        for number in range(20):
            tx = found.make_transaction(db)
            found.set(tx, b"%d" % number, b"")
            commit = found.commit(tx)
            for _ in range(100):
                await asyncio.sleep(0)
            assert commit.done()

    every_seed(program, 3)


def test_answers_come_to_who_only_looks() -> None:
    # Without a loop: time passes by the looking.
    async def opened() -> found.Database:
        return await found.open("memory:?faults=1")

    db = run(opened())
    read = found.read_version(found.make_transaction(db))
    while not read.done():
        pass
    assert read.result() > 0

    async def later() -> int:
        return await found.read_version(found.make_transaction(db))

    assert run(later()) > 0
    run(found.close(db))


def test_closing_ends_what_is_under_way() -> None:
    async def program(db: found.Database) -> None:
        tx = found.make_transaction(db)
        stamp = asyncio.ensure_future(asyncio.gather(found.get_versionstamp(tx)))
        reads = [asyncio.ensure_future(asyncio.gather(found.get(tx, b"a"))) for _ in range(3)]
        for _ in range(20):
            await asyncio.sleep(0)
        await found.close(db)
        done, pending = await asyncio.wait([stamp, *reads])
        assert not pending
        for task in done:
            task.exception()

    async def one(seed: int) -> None:
        await program(await found.open(f"memory:?faults={seed}"))

    for seed in range(5):
        run(one(seed))


def test_threads_with_loops_of_their_own_do_not_hang() -> None:
    import threading

    async def program(address: str, number: int) -> None:
        async with await found.open(address) as db:
            for turn in range(5):
                marker = b"marker/%d/%d" % (number, turn)
                await found.transactional(db, incremented_once, b"count", marker)

    failures: list[BaseException] = []

    def thread(number: int) -> None:
        try:
            run(program("memory:threads?faults=5", number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=thread, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []

    async def count() -> Optional[bytes]:
        async with await found.open("memory:threads") as db:
            return await found.get(found.make_transaction(db), b"count")

    assert int.from_bytes(run(count()) or b"", "little") == 20


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("memory:?faults=rain", "option faults does not take rain"),
        ("memory:?faults=1&latency=1", "leave latency out"),
    ],
)
def test_an_address_that_makes_no_sense_says_why(address: str, reason: str) -> None:
    with pytest.raises(found.FoundException, match=reason):
        run(found.open(address))


def test_a_file_has_no_weather(tmp_path: Path) -> None:
    with pytest.raises(found.FoundException, match="faults is for databases in memory"):
        run(found.open(f"embedded:{tmp_path / 'db'}?faults=1"))
