"""Blobs in a transaction: what is stored, what is read, and what both are on disk."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any
from uuid import UUID

import blobs
import pytest
from blobs import CHUNK, SIZES, blob
from conftest import CLUSTER_FILE
from reads import counted
from support import run

import found
from found.ext import bstore
from found.ext.bstore import BStore, BStoreException


@pytest.fixture
def store(db: found.Database) -> Iterator[BStore]:
    made = blobs.a_store()
    yield made
    if CLUSTER_FILE:
        run(blobs.clear(db, made))


async def stored(db: found.Database, store: BStore, content: Any) -> UUID:
    return await found.transactional(db, bstore.get_or_create, store, content)


async def content_of(db: found.Database, store: BStore, uid: Any, *span: Any, **how: Any) -> bytes:
    return await found.transactional(db, bstore.get, store, uid, *span, snapshot=True, **how)


# ---- the contract


@pytest.mark.parametrize("size", SIZES)
async def test_a_blob_is_read_as_it_was_stored(
    db: found.Database, store: BStore, size: int
) -> None:
    uid = await stored(db, store, blob(size))
    assert await content_of(db, store, uid) == blob(size)
    assert await content_of(db, store, uid, verify=True) == blob(size)
    digest = blake2b(blob(size)).digest()
    assert await found.transactional(db, bstore.stat, store, uid) == (uid, size, digest)


async def test_the_same_bytes_are_stored_once(db: found.Database, store: BStore) -> None:
    uid = await stored(db, store, blob(250_000))
    before = await blobs.rows(db, store)
    assert await stored(db, store, bytearray(blob(250_000))) == uid
    assert await stored(db, store, memoryview(blob(250_000))) == uid
    assert await blobs.rows(db, store) == before
    assert await stored(db, store, blob(250_000, seed=2)) != uid


async def test_a_blob_stored_earlier_in_the_same_transaction_is_found(
    db: found.Database, store: BStore
) -> None:
    async def twice(tx: found.Transaction) -> None:
        uid = await bstore.get_or_create(tx, store, b"again")
        assert await bstore.get_or_create(tx, store, b"again") == uid
        assert await bstore.get(tx, store, uid) == b"again"
        assert await bstore.delete(tx, store, uid)
        assert await bstore.get_or_create(tx, store, b"again") != uid

    await found.transactional(db, twice)


async def test_views_that_are_not_flat_are_stored_as_their_bytes(
    db: found.Database, store: BStore
) -> None:
    view = memoryview(b"abcdefgh")[::2]
    assert await content_of(db, store, await stored(db, store, view)) == b"aceg"
    numbers = memoryview(b"\x01\x00\x02\x00").cast("H")
    assert await content_of(db, store, await stored(db, store, numbers)) == b"\x01\x00\x02\x00"


async def test_stores_with_prefixes_that_begin_alike_do_not_meet(db: found.Database) -> None:
    name = blobs.a_store().prefix[1]
    stores = [bstore.make("s", (name, tail)) for tail in ("a", "a\0", "a\0b", "ab")]
    uids = [await stored(db, store, b"shared") for store in stores]
    assert len(set(uids)) == len(uids)
    await found.transactional(db, bstore.delete, stores[0], uids[0])
    for store, uid in zip(stores[1:], uids[1:]):
        assert await content_of(db, store, uid) == b"shared"
        await blobs.clear(db, store)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (0, 0),
        (0, 1),
        (CHUNK - 1, CHUNK + 1),
        (CHUNK, 2 * CHUNK),
        (1, 349_999),
        (2 * CHUNK, None),
        (350_000, 350_001),
        (350_001, None),
        (900_000, None),
        (900_000, 1_000_000),
        (300_000, 999_999),
        (200_000, 150_000),
    ],
)
async def test_a_range_is_what_slicing_gives(
    db: found.Database, store: BStore, begin: int, end: int
) -> None:
    content = blob(350_001)
    uid = await stored(db, store, content)
    assert await content_of(db, store, uid, begin, end) == content[begin:end]
    old = uuid.uuid4()
    other = blob(350_001, seed=2)
    await blobs.put(db, *blobs.as_0_13_has_it(store, old, other))
    assert await content_of(db, store, old, begin, end) == other[begin:end]


async def test_a_range_reads_only_the_chunks_that_hold_it(
    db: found.Database, store: BStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = await stored(db, store, blob(9 * CHUNK))
    read: list[int] = []
    collect = found.all

    async def counted(query: Any) -> Any:
        rows = await collect(query)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(found, "all", counted)
    await content_of(db, store, uid, 4 * CHUNK - 5, 4 * CHUNK + 5)
    assert read == [2]


async def test_the_reads_and_writes_of_each_operation(db: found.Database, store: BStore) -> None:
    with counted() as calls:
        uid = await stored(db, store, blob(250_000))
    assert calls == {"get": 1, "set": 3 + 2}
    for operation, expected in [
        (stored(db, store, blob(250_000)), {"get": 1}),
        (content_of(db, store, uid), {"get": 1, "query": 1}),
        (content_of(db, store, uid, 5, 7), {"get": 1, "query": 1}),
        (found.transactional(db, bstore.stat, store, uid), {"get": 1}),
        (found.transactional(db, bstore.delete, store, uid), {"get": 2, "clear": 3}),
    ]:
        with counted() as calls:
            await operation
        assert calls == expected


# ---- deleting


async def test_a_deleted_blob_leaves_no_row(db: found.Database, store: BStore) -> None:
    kept = await stored(db, store, blob(150_000, seed=2))
    before = await blobs.rows(db, store)
    for size in SIZES:
        uid = await stored(db, store, blob(size))
        assert await found.transactional(db, bstore.delete, store, uid)
        assert await blobs.rows(db, store) == before
        assert not await found.transactional(db, bstore.delete, store, uid)
        with pytest.raises(BStoreException, match=str(uid)):
            await content_of(db, store, uid)
    assert await content_of(db, store, kept) == blob(150_000, seed=2)


async def test_a_blob_deleted_while_it_is_stored_again_is_not_handed_out(
    db: found.Database, store: BStore
) -> None:
    """Whoever is given a uid in a transaction that commits can read the blob."""
    uid = await stored(db, store, b"content")
    tx = found.make_transaction(db)
    given = await bstore.get_or_create(tx, store, b"content")
    assert given == uid
    found.set(tx, blobs.state_row(store, uuid.uuid4()), b"a reference")
    await found.transactional(db, bstore.delete, store, uid)
    with pytest.raises(found.FoundException, match=r"^1020"):
        await found.commit(tx)


async def test_two_that_store_the_same_bytes_at_once_end_with_one_blob(
    db: found.Database, store: BStore
) -> None:
    uids = await asyncio.gather(*(stored(db, store, blob(120_000)) for _ in range(8)))
    assert len(set(uids)) == 1
    assert len(await blobs.rows(db, store)) == 4
    assert (await bstore.fsck(db, store)).problems == 0


# ---- what is on disk


async def test_a_blob_of_0_13_is_read(db: found.Database, store: BStore) -> None:
    for size in SIZES:
        uid, content = uuid.uuid4(), blob(size)
        await blobs.put(db, *blobs.as_0_13_has_it(store, uid, content))
        assert await content_of(db, store, uid) == content
        assert await content_of(db, store, uid, verify=True) == content
        assert await stored(db, store, content) == uid
        stat = await found.transactional(db, bstore.stat, store, uid)
        assert stat == (uid, size, blake2b(content).digest())
        assert await bstore.verify(db, store, uid) == stat
        assert b"".join(await found.all(bstore.read(db, store, uid))) == content
    assert (await bstore.fsck(db, store)).problems == 0
    assert await found.transactional(db, bstore.delete, store, uid)
    assert not set(dict(blobs.as_0_13_has_it(store, uid, content))) & set(
        await blobs.rows(db, store)
    )


async def test_what_is_written_is_what_0_13_reads_and_a_row_beside_it(
    db: found.Database, store: BStore
) -> None:
    for size in SIZES:
        content = blob(size)
        uid = await stored(db, store, content)
        expected = dict(blobs.as_0_13_has_it(store, uid, content))
        expected[blobs.state_row(store, uid)] = found.pack((blake2b(content).digest(), size))
        assert await blobs.rows(db, store) == expected
        await found.transactional(db, bstore.delete, store, uid)


async def test_the_bytes_of_the_rows(memory: found.Database) -> None:
    """Written out by hand, with the digest that RFC 7693 has in its appendix A."""
    store = bstore.make("b", ["b"])
    uid = UUID("00112233-4455-6677-8899-aabbccddeeff")
    digest = bytes.fromhex(
        "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    )
    escaped = digest.replace(b"\x00", b"\x00\xff")
    packed_uid = b"\x30" + uid.bytes
    at = b"\x05\x02b\x00\x01%b\x00\x00"
    await blobs.put(
        memory,
        (at % b"\x01" + b"\x01" + escaped + b"\x00", uid.bytes),
        (at % b"\x02" + packed_uid + b"\x14", b"abc"),
    )
    assert await content_of(memory, store, uid, verify=True) == b"abc"
    assert await stored(memory, store, b"abc") == uid
    await found.transactional(memory, bstore.delete, store, uid)

    new = await stored(memory, store, b"abc")
    packed_new = b"\x30" + new.bytes
    assert await found.all(found.query(found.make_transaction(memory), b"", b"\xff")) == [
        (at % b"\x01" + b"\x01" + escaped + b"\x00", new.bytes),
        (at % b"\x02" + packed_new + b"\x14", b"abc"),
        (at % b"\x03" + packed_new, b"\x01" + escaped + b"\x00\x15\x03"),
    ]


# ---- bad input, damage


@pytest.mark.parametrize("what", ["text", 7, None, [1], object()])
async def test_what_is_not_bytes_is_refused_and_named(
    db: found.Database, store: BStore, what: Any
) -> None:
    with pytest.raises(BStoreException, match=f"blob must be bytes, not {type(what).__name__}"):
        await stored(db, store, what)
    assert await blobs.rows(db, store) == {}


async def test_a_blob_past_a_transaction_is_refused_before_anything_is_written(
    db: found.Database, store: BStore
) -> None:
    tx = found.make_transaction(db)
    size = await found.get_approximate_size(tx)
    with pytest.raises(BStoreException, match=r"10,000,000 bytes does not fit.*bstore.write"):
        await bstore.get_or_create(tx, store, bytes(10_000_000))
    assert await found.get_approximate_size(tx) == size


async def test_the_largest_blob_that_is_taken_commits(db: found.Database, store: BStore) -> None:
    size = 9_990_000
    while True:
        try:
            uid = await stored(db, store, bytes(size))
            break
        except BStoreException:
            size -= 5_000
    assert size > 9_900_000
    assert await content_of(db, store, uid) == bytes(size)


@pytest.mark.parametrize("uid", ["x", b"0123456789abcdef", None, 5])
async def test_a_uid_of_another_type_is_refused(
    db: found.Database, store: BStore, uid: Any
) -> None:
    for operation in (bstore.get, bstore.stat, bstore.delete):
        with pytest.raises(BStoreException, match=r"uid must be a uuid.UUID"):
            await found.transactional(db, operation, store, uid)
    with pytest.raises(BStoreException, match=r"uid must be a uuid.UUID"):
        bstore.read(db, store, uid)


async def test_arguments_of_other_types_are_refused(db: found.Database, store: BStore) -> None:
    uid = await stored(db, store, b"x")
    for begin, end in [("0", None), (0, 1.5), (True, None), (None, None)]:
        with pytest.raises(TypeError, match="must be an int"):
            await content_of(db, store, uid, begin, end)
    with pytest.raises(ValueError, match="begin must be 0 or more, not -1"):
        await content_of(db, store, uid, -1)
    with pytest.raises(ValueError, match="end must be 0 or more, not -2"):
        bstore.read(db, store, uid, 0, -2)
    with pytest.raises(ValueError, match="verify"):
        await content_of(db, store, uid, 1, verify=True)
    with pytest.raises(ValueError, match="verify"):
        bstore.read(db, store, uid, 1, verify=True)
    with pytest.raises(TypeError, match=r"bstore must be what bstore.make returns, not tuple"):
        await stored(db, tuple(store), b"x")  # type: ignore[arg-type]


def test_a_prefix_is_a_tuple_or_a_list() -> None:
    assert bstore.make("b", ["x", 1]) == bstore.make("b", ("x", 1))
    with pytest.raises(TypeError, match="prefix must be a tuple or a list, not str"):
        bstore.make("b", "x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a str"):
        bstore.make(b"b", ("x",))  # type: ignore[arg-type]


async def test_a_blob_that_is_not_there_is_named(db: found.Database, store: BStore) -> None:
    uid = uuid.uuid4()
    for operation in (bstore.get, bstore.stat):
        with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
            await found.transactional(db, operation, store, uid)
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await found.all(bstore.read(db, store, uid))
    with pytest.raises(BStoreException, match=f"there is no blob {uid}"):
        await bstore.verify(db, store, uid)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("damage", ["first", "middle", "last", "short", "changed"])
async def test_bytes_that_are_missing_or_wrong_are_noticed(
    db: found.Database, store: BStore, damage: str, old: bool
) -> None:
    content = blob(350_001)
    if old:
        uid = uuid.uuid4()
        await blobs.put(db, *blobs.as_0_13_has_it(store, uid, content))
    else:
        uid = await stored(db, store, content)
    key = blobs.chunk_row(store, uid, {"first": 0, "last": 3}.get(damage, 1))
    if damage == "short":
        await blobs.put(db, (key, content[CHUNK : CHUNK + 7]))
    elif damage == "changed":
        await blobs.put(db, (key, content[:CHUNK]))
    else:
        await blobs.drop(db, key)
    with pytest.raises(BStoreException, match=f"blob {uid} is damaged"):
        await content_of(db, store, uid, verify=True)
    with pytest.raises(BStoreException, match=f"blob {uid} is damaged"):
        await bstore.verify(db, store, uid)
    if damage not in ("changed", "short", "last") or (damage != "changed" and not old):
        # Without the digest, what is missing is noticed all the same.
        with pytest.raises(BStoreException, match=f"blob {uid} is damaged"):
            await content_of(db, store, uid)
        with pytest.raises(BStoreException, match=f"blob {uid} is damaged"):
            await found.all(bstore.read(db, store, uid))
    assert await found.transactional(db, bstore.delete, store, uid)


async def test_a_damaged_row_of_a_digest_or_a_state_is_named(
    db: found.Database, store: BStore
) -> None:
    uid = await stored(db, store, b"x")
    await blobs.put(db, (blobs.hash_row(store, b"x"), b"no uuid"))
    with pytest.raises(BStoreException, match=r"row of digest .* is damaged"):
        await stored(db, store, b"x")
    for row in (b"\xfe\xfe", b"", found.pack((1, 2))):
        await blobs.put(db, (blobs.state_row(store, uid), row))
        with pytest.raises(BStoreException, match=f"state of blob {uid} is damaged"):
            await content_of(db, store, uid)
