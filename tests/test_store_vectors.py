"""The bytes of nstore and eavstore on disk, written out by hand: what others wrote is read, and the same is written.

The bytes are those of the tuple layer (FoundationDB's design/tuple.md): 00 None, 01 bytes and 02 text up to a NUL, 05 a
nested tuple up to a NUL, 14 zero, 15 an int of one byte, 21 a double, 27 true, 30 a UUID. A store's prefix here is
`("s",)`, which is `02 73 00`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

import found
from found.ext import eavstore, nstore

UID = UUID("00112233-4455-6677-8899-aabbccddeeff")
UID_HEX = "30 00112233445566778899aabbccddeeff"

# A width, the tuple, its value, and the keys of all indexes.
TUPLES: dict[str, tuple[int, tuple[Any, ...], bytes, list[str]]] = {
    "one column": (1, ("a",), b"v", ["027300 14 026100"]),
    "two columns": (
        2,
        ("a", 1),
        b"",
        ["027300 14 026100 1501", "027300 1501 1501 026100"],
    ),
    "a triple": (
        3,
        ("P4X432", "title", "hyper.dev"),
        b"value",
        [
            "027300 14 02 503458343332 00 02 7469746c65 00 02 68797065722e646576 00",
            "027300 1501 02 7469746c65 00 02 68797065722e646576 00 02 503458343332 00",
            "027300 1502 02 68797065722e646576 00 02 503458343332 00 02 7469746c65 00",
        ],
    ),
    "items of many kinds": (
        4,
        (None, b"\x00", ("n", None), 1.0),
        b"",
        [
            "027300 14 00 0100ff00 05 026e00 00ff 00 21 bff0000000000000",
            # 2031, 3012, 1230, 1302, 2310
            "027300 1501 05 026e00 00ff 00 00 21 bff0000000000000 0100ff00",
            "027300 1502 21 bff0000000000000 00 0100ff00 05 026e00 00ff 00",
            "027300 1503 0100ff00 05 026e00 00ff 00 21 bff0000000000000 00",
            "027300 1504 0100ff00 21 bff0000000000000 00 05 026e00 00ff 00",
            "027300 1505 05 026e00 00ff 00 21 bff0000000000000 0100ff00 00",
        ],
    ),
    "a flag and a uuid": (
        2,
        (True, UID),
        b"",
        [f"027300 14 27 {UID_HEX}", f"027300 1501 {UID_HEX} 27"],
    ),
}

# A uid, the dictionary, and the rows: the data's and the index's.
DICTIONARIES: dict[str, tuple[Any, dict[Any, Any], dict[str, str]]] = {
    "a record": (
        UID,
        {"name": "Ann", "age": 7},
        {
            # ((prefix, 01), uid, key) -> (value,)
            f"05 027300 010100 00 {UID_HEX} 02 61676500": "1507",
            f"05 027300 010100 00 {UID_HEX} 02 6e616d6500": "02 416e6e 00",
            # ((prefix, 02), key, value, uid) -> nothing
            f"05 027300 010200 00 02 61676500 1507 {UID_HEX}": "",
            f"05 027300 010200 00 02 6e616d6500 02 416e6e 00 {UID_HEX}": "",
        },
    ),
    "a uid of one's own, a value with a NUL": (
        5,
        {"k": "a\x00b"},
        {
            "05 027300 010100 00 1505 026b00": "02 61 00ff 62 00",
            "05 027300 010200 00 026b00 02 61 00ff 62 00 1505": "",
        },
    ),
}


async def everything(tx: found.Transaction) -> dict[bytes, bytes]:
    return dict(await found.all(found.query(tx, b"", b"\xff")))


@pytest.mark.parametrize("name", TUPLES)
async def test_nstore_writes_these_bytes(memory: found.Database, name: str) -> None:
    n, items, value, keys = TUPLES[name]
    tx = found.make_transaction(memory)
    await nstore.add(tx, nstore.make("s", ("s",), n), *items, value=value)
    assert await everything(tx) == {bytes.fromhex(key): value for key in keys}


@pytest.mark.parametrize("name", TUPLES)
async def test_nstore_reads_these_bytes(memory: found.Database, name: str) -> None:
    n, items, value, keys = TUPLES[name]
    store = nstore.make("s", ("s",), n)
    tx = found.make_transaction(memory)
    for key in keys:
        found.set(tx, bytes.fromhex(key), value)
    assert await nstore.get(tx, store, *items) == value
    for mask in range(1 << n):
        pattern = [items[i] if mask >> i & 1 else nstore.var(str(i)) for i in range(n)]
        expected = {str(i): items[i] for i in range(n) if not mask >> i & 1}
        bindings = await found.all(nstore.select(tx, store, *pattern, value="value"))
        assert bindings == [{**expected, "value": value}]
    await found.commit(tx)
    assert (await nstore.fsck(memory, store)).problems == 0
    tx = found.make_transaction(memory)
    await nstore.remove(tx, store, *items)
    assert await everything(tx) == {}


@pytest.mark.parametrize("name", DICTIONARIES)
async def test_eavstore_writes_these_bytes(memory: found.Database, name: str) -> None:
    uid, values, rows = DICTIONARIES[name]
    store = eavstore.make("s", ("s",))
    expected = {bytes.fromhex(key): bytes.fromhex(value) for key, value in rows.items()}
    tx = found.make_transaction(memory)
    assert await eavstore.create(tx, store, values, uid) == uid
    assert await everything(tx) == expected
    await eavstore.update(tx, store, uid, {"other": 1})
    await eavstore.patch(tx, store, uid, values, without=["other"])
    assert await everything(tx) == expected


@pytest.mark.parametrize("name", DICTIONARIES)
async def test_eavstore_reads_these_bytes(memory: found.Database, name: str) -> None:
    uid, values, rows = DICTIONARIES[name]
    store = eavstore.make("s", ("s",))
    tx = found.make_transaction(memory)
    for key, value in rows.items():
        found.set(tx, bytes.fromhex(key), bytes.fromhex(value))
    assert await eavstore.get(tx, store, uid) == values
    for key, value in values.items():
        assert await found.all(eavstore.query(tx, store, key, value)) == [uid]
    await found.commit(tx)
    assert (await eavstore.fsck(memory, store)).problems == 0
    tx = found.make_transaction(memory)
    await eavstore.remove(tx, store, uid)
    assert await everything(tx) == {}
