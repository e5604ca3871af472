"""vnstore on disk: the keys of 0.13, written out by hand, read and written."""

from __future__ import annotations

from typing import Optional
from uuid import UUID

import pytest

import found
from found.ext import vnstore
from found.ext.vnstore import _significance, var

CHANGE = UUID("95623327-a3f3-46eb-98bf-22dd4c0f0354")
OTHER = UUID("a3ae35ed-3a3d-4ff8-93ee-dc796d0d9217")
THIRD = UUID("00000000-3a3d-4ff8-93ee-dc796d0d9217")
# As 0.13 wrote them: draft-02, seconds first.
FIRST = UUID("06b03e0a-02c4-78b3-8000-568d7317dcb6")
SECOND = UUID("06b03e0a-02d8-7261-8000-f9781db039d5")

# The prefix is ("v",), the columns are uid, key and value.
CHANGES = b"\x02v\x00\x02changes\x00"
TUPLES = b"\x02v\x00\x02tuples\x00"
BASES = b"\x02v\x00\x02bases\x00"
READS = b"\x02v\x00\x02reads\x00"
METADATA = b"\x02v\x00\x02metadata\x00"

Rows = dict[bytes, bytes]


def change_rows(uid: UUID, significance: Optional[UUID], message: Optional[str]) -> Rows:
    """What 0.13 writes of a change: three tuples in three indexes, 012, 120 and 201."""
    u = b"\x30" + uid.bytes
    place = b"\x00" if significance is None else b"\x30" + significance.bytes
    said = b"\x00" if message is None else b"\x02" + message.encode() + b"\x00"
    rows: Rows = {}
    for key, value in (
        (b"\x02type\x00", b"\x02change\x00"),
        (b"\x02significance\x00", place),
        (b"\x02message\x00", said),
    ):
        rows[CHANGES + b"\x14" + u + key + value] = b""
        rows[CHANGES + b"\x15\x01" + key + value + u] = b""
        rows[CHANGES + b"\x15\x02" + value + u + key] = b""
    return rows


def tuple_rows(uid: UUID, a: bytes, b: bytes, c: bytes, alive: bool) -> Rows:
    """What 0.13 writes of a tuple, its items packed: ten indexes."""
    u = b"\x30" + uid.bytes
    t = b"\x27" if alive else b"\x26"
    return dict.fromkeys(
        (
            TUPLES + b"\x14" + a + b + c + u + t,  # 01234
            TUPLES + b"\x15\x01" + c + a + u + t + b,  # 20341
            TUPLES + b"\x15\x02" + u + a + b + t + c,  # 30142
            TUPLES + b"\x15\x03" + t + a + b + c + u,  # 40123
            TUPLES + b"\x15\x04" + b + c + u + t + a,  # 12340
            TUPLES + b"\x15\x05" + b + u + t + a + c,  # 13402
            TUPLES + b"\x15\x06" + b + t + c + a + u,  # 14203
            TUPLES + b"\x15\x07" + c + u + t + b + a,  # 23410
            TUPLES + b"\x15\x08" + c + t + a + b + u,  # 24013
            TUPLES + b"\x15\x09" + u + t + a + c + b,  # 34021
        ),
        b"",
    )


U, K, ONE, TWO = b"\x02u\x00", b"\x02k\x00", b"\x15\x01", b"\x15\x02"


async def all_rows(db: found.Database) -> Rows:
    return dict(await found.all(found.query(found.make_transaction(db), b"", b"\xff")))


async def put(db: found.Database, rows: Rows) -> None:
    tx = found.make_transaction(db)
    for key, value in rows.items():
        found.set(tx, key, value)
    await found.commit(tx)


@pytest.fixture
def store() -> vnstore.VNStore:
    return vnstore.make("vectors", ("v",), ("uid", "key", "value"))


async def test_what_is_written_is_what_0_13_writes(
    memory: found.Database, store: vnstore.VNStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_significance, "now", lambda: CHANGE)

    async def build(tx: found.Transaction) -> None:
        assert await vnstore.change_create(tx, store) == CHANGE
        await vnstore.add(tx, store, "u", "k", 1)
        await vnstore.add(tx, store, "u", "k", 2)

    await found.transactional(memory, build)
    expected = {
        **change_rows(CHANGE, None, None),
        **tuple_rows(CHANGE, U, K, ONE, True),
        **tuple_rows(CHANGE, U, K, TWO, True),
        # New: what the change is built on, before any history.
        BASES + b"\x30" + CHANGE.bytes: bytes(16),
        BASES + b"\x30" + CHANGE.bytes + U + K + ONE: bytes(16),
        BASES + b"\x30" + CHANGE.bytes + U + K + TWO: bytes(16),
    }
    assert await all_rows(memory) == expected

    async def go_on(tx: found.Transaction) -> None:
        vnstore.change_continue(tx, store, CHANGE)
        assert await vnstore.remove(tx, store, "u", "k", 2) is True
        await vnstore.change_message(tx, store, CHANGE, "hello")
        await vnstore.change_annotate(tx, store, CHANGE, {"n": 1})

    await found.transactional(memory, go_on)
    for key in tuple_rows(CHANGE, U, K, TWO, True):
        del expected[key]
    for key in change_rows(CHANGE, None, None):
        del expected[key]
    expected |= change_rows(CHANGE, None, "hello")
    expected |= tuple_rows(CHANGE, U, K, TWO, False)
    expected[METADATA + b"\x30" + CHANGE.bytes + b"\x02n\x00"] = ONE
    assert await all_rows(memory) == expected

    monkeypatch.setattr(_significance, "now", lambda: FIRST)

    async def apply(tx: found.Transaction) -> found.Operation[bytes]:
        assert await vnstore.change_apply(tx, store, CHANGE) == FIRST
        return found.get_versionstamp(tx)

    stamp = b"\x33" + await (await found.transactional(memory, apply)) + b"\x00\x00"
    expected = {key: value for key, value in expected.items() if not key.startswith(BASES)}
    for key in change_rows(CHANGE, None, "hello"):
        del expected[key]
    expected |= change_rows(CHANGE, FIRST, "hello")
    u, name = b"\x30" + CHANGE.bytes, b"\x02versionstamp\x00"
    expected |= {
        CHANGES + b"\x14" + u + name + stamp: b"",
        CHANGES + b"\x15\x01" + name + stamp + u: b"",
        CHANGES + b"\x15\x02" + stamp + u + name: b"",
    }
    assert await all_rows(memory) == expected


async def test_a_database_of_0_13_opens_unchanged(
    memory: found.Database, store: vnstore.VNStore
) -> None:
    rows = {
        **change_rows(CHANGE, FIRST, "hello"),
        **tuple_rows(CHANGE, U, K, ONE, True),
        **tuple_rows(CHANGE, U, K, TWO, True),
        **change_rows(OTHER, SECOND, None),
        **tuple_rows(OTHER, U, K, ONE, False),
        **change_rows(THIRD, None, "not yet"),
        **tuple_rows(THIRD, U, K, TWO, False),
    }
    await put(memory, rows)

    async def look(tx: found.Transaction) -> None:
        for pattern in (("u", "k", var("v")), ("u", var("k"), var("v")), (var("u"), "k", var("v"))):
            (row,) = await found.all(vnstore.select(tx, store, *pattern))
            assert row["v"] == 2
        assert not await vnstore.ask(tx, store, "u", "k", 1)
        assert await vnstore.ask(tx, store, "u", "k", 1, as_of=FIRST)
        assert not await vnstore.ask(tx, store, "u", "k", 2, change=THIRD)
        history = await vnstore.history(tx, store)
        assert [change.uid for change in history.changes] == [THIRD, OTHER, CHANGE]
        assert [change.versionstamp for change in history.changes] == [None] * 3
        assert [change.created for change in history.changes] == [None] * 3
        assert history.changes[1].applied is not None
        assert await vnstore.head(tx, store) == SECOND
        assert await vnstore.change_list(tx, store) == [
            {"uid": THIRD, "type": "change", "significance": None, "message": "not yet"},
            {"uid": CHANGE, "type": "change", "significance": FIRST, "message": "hello"},
            {"uid": OTHER, "type": "change", "significance": SECOND, "message": None},
        ]
        assert await vnstore.change_changes(tx, store, OTHER) == [
            {"uid": "u", "key": "k", "value": 1, "alive?": False}
        ]

    await found.transactional(memory, look, snapshot=True)
    assert (await vnstore.fsck(memory, store)).problems == 0
    assert await all_rows(memory) == rows

    async def apply(tx: found.Transaction) -> UUID:
        return await vnstore.change_apply(tx, store, THIRD)

    assert await found.transactional(memory, apply) > SECOND

    async def empty(tx: found.Transaction) -> bool:
        return not await vnstore.count(tx, store, (var("u"), var("k"), var("v")))

    assert await found.transactional(memory, empty)


async def test_a_clock_that_went_back_puts_no_change_before_the_last(
    memory: found.Database, store: vnstore.VNStore
) -> None:
    """0.13 has applied a change far in the future, and what is no uuid7 at all stands in another's place."""
    for last in (
        UUID("0fffffff-ffff-7fff-bfff-ffffffffffff"),
        UUID("0fffffff-ffff-ffff-bfff-ffffffffffff"),
        UUID("ff000000-0000-7000-8000-000000000000"),
    ):
        await put(memory, change_rows(CHANGE, last, None))
        for _ in range(3):

            async def body(tx: found.Transaction) -> tuple[UUID, Optional[UUID]]:
                uid = await vnstore.change_create(tx, store)
                return await vnstore.change_apply(tx, store, uid), await vnstore.head(tx, store)

            point, head = await found.transactional(memory, body)
            assert point == head
            assert point > last
            assert (point.version, point.variant) == (7, "specified in RFC 4122")
            last = point
    await put(memory, change_rows(CHANGE, UUID(int=(1 << 128) - 1), None))
    with pytest.raises(vnstore.VNStoreException, match="no place after its last change"):
        await found.transactional(memory, body)


def test_a_significance_is_of_draft_02() -> None:
    """36 bits of seconds: RFC 9562's uuid7, of milliseconds, would sort before every change of 0.13."""
    import time

    before = int(time.time())
    point = _significance.now()
    assert before <= point.int >> 92 <= before + 5
    assert (point.version, point.variant) == (7, "specified in RFC 4122")
    rfc_9562 = UUID("019a9d4e-8a00-7000-8000-000000000000")
    assert rfc_9562 < FIRST < point


async def test_damage_of_0_13_is_passed_over_and_repaired(
    memory: found.Database, store: vnstore.VNStore, caplog: pytest.LogCaptureFixture
) -> None:
    sound = {
        **change_rows(CHANGE, FIRST, "hello"),
        **tuple_rows(CHANGE, U, K, ONE, True),
        **tuple_rows(CHANGE, U, K, TWO, True),
        **change_rows(OTHER, SECOND, None),
        **tuple_rows(OTHER, U, K, ONE, False),
    }
    stray = {
        # What 0.13 read as a removal: both rows of a tuple in one change.
        **tuple_rows(OTHER, U, K, ONE, True),
        # Rows of a change that is not there.
        **tuple_rows(THIRD, U, K, TWO, False),
        METADATA + b"\x30" + THIRD.bytes + b"\x02n\x00": ONE,
        BASES + b"\x30" + THIRD.bytes: bytes(16),
        READS + b"\x30" + THIRD.bytes + b"\x02...\x00" + U + K + ONE: bytes(16),
        # The place of an open change beside that of an applied one, and another message.
        **change_rows(CHANGE, None, "hell"),
        # What a change that is applied was built on.
        BASES + b"\x30" + CHANGE.bytes: bytes(16),
        BASES + b"\x30" + CHANGE.bytes + U + K + ONE: bytes(16),
    }
    # An index that lost a row.
    lost = next(key for key in sound if key.startswith(TUPLES + b"\x15\x04"))
    await put(memory, {**stray, **sound})
    tx = found.make_transaction(memory)
    found.clear(tx, lost)
    await found.commit(tx)

    async def look(tx: found.Transaction) -> None:
        rows = await found.all(vnstore.select(tx, store, "u", var("k"), var("v")))
        assert rows == [{"k": "k", "v": 2}]
        for number in (1, 2):
            rows = await found.all(vnstore.select(tx, store, var("u"), "k", number, limit=3))
            assert rows == [{"u": "u"}][: number - 1]
            assert await vnstore.ask(tx, store, "u", "k", number) is (number == 2)
        assert [change.uid for change in (await vnstore.history(tx, store)).changes] == [
            OTHER,
            CHANGE,
        ]
        assert [
            (change["significance"], change["message"])
            for change in await vnstore.change_list(tx, store)
        ] == [(FIRST, "hello"), (SECOND, None)]
        (event,) = (await vnstore.tuple_history(tx, store, "u", "k", 2))[:1]
        assert (event.change.uid, event.alive) == (CHANGE, True)
        assert [
            (edit.items[2], edit.alive)
            for edit in (await vnstore.change_diff(tx, store, OTHER)).edits
        ] == [(1, False)]

    await found.transactional(memory, look, snapshot=True)
    report = await vnstore.fsck(memory, store)
    assert report.problems > 5
    assert report.repaired == 0
    report = await vnstore.fsck(memory, store, repair=True)
    assert report.repaired == report.problems
    await found.transactional(memory, look, snapshot=True)
    assert await all_rows(memory) == sound
    assert (await vnstore.fsck(memory, store)).problems == 0


async def test_what_fsck_cannot_repair_is_told_and_left(
    memory: found.Database, store: vnstore.VNStore
) -> None:
    u = b"\x30" + CHANGE.bytes
    rows = {
        **change_rows(CHANGE, FIRST, None),
        b"\x02v\x00\x02unheard of\x00": b"",
        METADATA + u + b"\x02n\x00": b"\xfe",
        METADATA + b"\x15\x01": b"",
        BASES + b"\x15\x01": b"",
        CHANGES + b"\x14" + u + b"\x02": b"",
    }
    await put(memory, rows)
    heard: list[int] = []
    report = await vnstore.fsck(memory, store, repair=True, progress=heard.append)
    assert {problem.key for problem in report.examples} == set(rows) - set(
        change_rows(CHANGE, FIRST, None)
    )
    assert report.repaired == 0
    assert heard == sorted(heard)
    assert heard[-1] == report.rows
    assert await all_rows(memory) == rows


async def test_what_a_change_lacks_is_written(
    memory: found.Database, store: vnstore.VNStore
) -> None:
    whole = change_rows(CHANGE, None, None)
    await put(memory, {key: b"" for key in whole if b"significance" in key})
    report = await vnstore.fsck(memory, store, repair=True)
    assert report.problems == report.repaired == 2
    assert await all_rows(memory) == whole
