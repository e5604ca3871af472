"""Wrong arguments: each is told by its name and type, or by FoundationDB's code, at the moment FoundationDB would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from support import Space, fails_with

import found

KEY = b"found-test/never written"


class Mine:
    """What no function takes."""


# ---- wrong types: the function, by the name of the argument that is wrong

TAKES_KEY_AND_PARAM = [
    found.add,
    found.append_if_fits,
    found.bit_and,
    found.bit_or,
    found.bit_xor,
    found.byte_max,
    found.byte_min,
    found.compare_and_clear,
    found.max,
    found.min,
    found.set_versionstamped_key,
    found.set_versionstamped_value,
]

TAKES_TRANSACTION: dict[str, Callable[[Any], Any]] = {
    "get": lambda tx: found.get(tx, KEY),
    "set": lambda tx: found.set(tx, KEY, b""),
    "clear": lambda tx: found.clear(tx, KEY),
    "query": lambda tx: found.query(tx, KEY, KEY),
    "get_key": lambda tx: found.get_key(tx, found.gt(KEY)),
    "commit": found.commit,
    "on_error": lambda tx: found.on_error(tx, 1020),
    "reset": found.reset,
    "cancel": found.cancel,
    "get_committed_version": found.get_committed_version,
    "get_approximate_size": found.get_approximate_size,
    "get_versionstamp": found.get_versionstamp,
    "add_conflict_range": lambda tx: found.add_conflict_range(tx, KEY, KEY, 0),
    "set_option": lambda tx: found.set_option(tx, found.TransactionOption.TIMEOUT, 1),
    "watch": lambda tx: found.watch(tx, KEY),
    "get_range_split_points": lambda tx: found.get_range_split_points(tx, KEY, KEY, 1),
    "estimated_size_bytes": lambda tx: found.estimated_size_bytes(tx, KEY, KEY),
    "read_version": found.read_version,
    "set_read_version": lambda tx: found.set_read_version(tx, 1),
    "get_addresses_for_key": lambda tx: found.get_addresses_for_key(tx, KEY),
    **{
        function.__name__: lambda tx, function=function: function(tx, KEY, b"")
        for function in TAKES_KEY_AND_PARAM
    },
}


@pytest.mark.parametrize("name", TAKES_TRANSACTION)
async def test_what_is_no_transaction_is_refused_by_name(memory: found.Database, name: str) -> None:
    for foreign in (None, 1, b"tx", Mine(), memory, found.Transaction):
        with pytest.raises(TypeError) as raised:
            TAKES_TRANSACTION[name](foreign)
        text = str(raised.value)
        assert "tx" in text
        assert "Transaction" in text
        assert type(foreign).__name__ in text or "None" in text, text


Call = Callable[[found.Transaction, Any], Any]

# The argument that is wrong, and a call with it.
TAKES_BYTES: list[tuple[str, str, Call]] = [
    ("get", "key", lambda tx, wrong: found.get(tx, wrong)),
    ("set", "key", lambda tx, wrong: found.set(tx, wrong, b"")),
    ("set", "value", lambda tx, wrong: found.set(tx, KEY, wrong)),
    ("clear", "key", lambda tx, wrong: found.clear(tx, wrong)),
    ("clear", "other", lambda tx, wrong: found.clear(tx, KEY, wrong)),
    ("query", "key", lambda tx, wrong: found.query(tx, wrong, KEY)),
    ("query", "other", lambda tx, wrong: found.query(tx, KEY, wrong)),
    ("watch", "key", lambda tx, wrong: found.watch(tx, wrong)),
    ("get_addresses_for_key", "key", lambda tx, wrong: found.get_addresses_for_key(tx, wrong)),
    (
        "estimated_size_bytes",
        "begin",
        lambda tx, wrong: found.estimated_size_bytes(tx, wrong, KEY),
    ),
    ("estimated_size_bytes", "end", lambda tx, wrong: found.estimated_size_bytes(tx, KEY, wrong)),
    (
        "get_range_split_points",
        "begin",
        lambda tx, wrong: found.get_range_split_points(tx, wrong, KEY, 1),
    ),
    (
        "get_range_split_points",
        "end",
        lambda tx, wrong: found.get_range_split_points(tx, KEY, wrong, 1),
    ),
    (
        "add_conflict_range",
        "begin",
        lambda tx, wrong: found.add_conflict_range(tx, wrong, KEY, 0),
    ),
    ("add_conflict_range", "end", lambda tx, wrong: found.add_conflict_range(tx, KEY, wrong, 0)),
    ("lt", "key", lambda tx, wrong: found.lt(wrong)),
    ("lte", "key", lambda tx, wrong: found.lte(wrong)),
    ("gt", "key", lambda tx, wrong: found.gt(wrong)),
    ("gte", "key", lambda tx, wrong: found.gte(wrong)),
    ("KeySelector", "key", lambda tx, wrong: found.KeySelector(wrong, True, 1)),
    ("next_prefix", "key", lambda tx, wrong: found.next_prefix(wrong)),
    *(
        (function.__name__, "key", lambda tx, wrong, function=function: function(tx, wrong, b""))
        for function in TAKES_KEY_AND_PARAM
    ),
    *(
        (function.__name__, "param", lambda tx, wrong, function=function: function(tx, KEY, wrong))
        for function in TAKES_KEY_AND_PARAM
    ),
]


@pytest.mark.parametrize(
    ("argument", "call"),
    [(argument, call) for _, argument, call in TAKES_BYTES],
    ids=[f"{name}-{argument}" for name, argument, _ in TAKES_BYTES],
)
async def test_what_is_not_bytes_is_refused_by_name(
    memory: found.Database, argument: str, call: Call
) -> None:
    tx = found.make_transaction(memory)
    found.set(tx, KEY, b"kept")
    wrong: list[Any] = ["text", 1, 1.5, bytearray(b"k"), memoryview(b"k"), (b"k",), Mine()]
    if argument != "other":
        wrong.append(None)
    for value in wrong:
        with pytest.raises(TypeError) as raised:
            call(tx, value)
        text = str(raised.value)
        assert argument in text
        assert "bytes" in text
        assert type(value).__name__ in text
    # The transaction is none the worse.
    assert await found.get(tx, KEY) == b"kept"


NUMBERS: list[tuple[str, str, Call]] = [
    ("query", "limit", lambda tx, wrong: found.query(tx, KEY, KEY, limit=wrong)),
    ("query", "mode", lambda tx, wrong: found.query(tx, KEY, KEY, mode=wrong)),
    ("on_error", "code", lambda tx, wrong: found.on_error(tx, wrong)),
    (
        "add_conflict_range",
        "conflict_type",
        lambda tx, wrong: found.add_conflict_range(tx, KEY, KEY, wrong),
    ),
    ("set_read_version", "version", lambda tx, wrong: found.set_read_version(tx, wrong)),
    (
        "get_range_split_points",
        "chunk_size",
        lambda tx, wrong: found.get_range_split_points(tx, KEY, KEY, wrong),
    ),
    ("lt", "offset", lambda tx, wrong: found.lt(KEY, wrong)),
    ("lte", "offset", lambda tx, wrong: found.lte(KEY, wrong)),
    ("gt", "offset", lambda tx, wrong: found.gt(KEY, wrong)),
    ("gte", "offset", lambda tx, wrong: found.gte(KEY, wrong)),
    ("KeySelector", "offset", lambda tx, wrong: found.KeySelector(KEY, True, wrong)),
    ("error_predicate", "predicate", lambda tx, wrong: found.error_predicate(wrong, 1020)),
    ("error_predicate", "code", lambda tx, wrong: found.error_predicate(50_000, wrong)),
]


@pytest.mark.parametrize(
    ("argument", "call"),
    [(argument, call) for _, argument, call in NUMBERS],
    ids=[f"{name}-{argument}" for name, argument, _ in NUMBERS],
)
async def test_what_is_no_number_of_the_right_size_is_refused_by_name(
    memory: found.Database, argument: str, call: Call
) -> None:
    tx = found.make_transaction(memory)
    for value in ("1", None, 1.0, b"1", Mine(), found.FoundException(1020)):
        with pytest.raises(TypeError) as raised:
            call(tx, value)
        assert argument in str(raised.value)
        assert type(value).__name__ in str(raised.value)
    for number in (2**63, -(2**63) - 1, 10**40):
        with pytest.raises((OverflowError, ValueError)) as refused:
            call(tx, number)
        assert argument in str(refused.value)


@pytest.mark.parametrize("wrong", [1, "yes", b"", Mine()])
async def test_what_is_neither_true_nor_false_is_refused_by_name(
    memory: found.Database, wrong: Any
) -> None:
    tx = found.make_transaction(memory)
    calls: dict[str, list[Callable[[], Any]]] = {
        "snapshot": [
            lambda: found.get(tx, KEY, snapshot=wrong),
            lambda: found.get_key(tx, found.gt(KEY), snapshot=wrong),
            lambda: found.query(tx, KEY, KEY, snapshot=wrong),
            lambda: found.make_transaction(memory, snapshot=wrong),
        ],
        "reverse": [lambda: found.query(tx, KEY, KEY, reverse=wrong)],
        "or_equal": [lambda: found.KeySelector(KEY, wrong, 1)],
    }
    for argument, functions in calls.items():
        for call in functions:
            with pytest.raises(TypeError) as raised:
                call()
            assert argument in str(raised.value)
            assert type(wrong).__name__ in str(raised.value)


async def test_what_is_no_selector_is_refused_by_name(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    for wrong in (KEY, None, "k", (KEY, True, 1)):
        with pytest.raises(TypeError) as raised:
            found.get_key(tx, wrong)
        assert "key_selector" in str(raised.value)
        assert "KeySelector" in str(raised.value)


async def test_what_is_no_database_is_refused_by_name(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    for foreign in (None, "memory:", tx, Mine(), found.Database):
        for call in (
            found.make_transaction,
            found.transaction,
            lambda db: found.database_set_option(db, found.DatabaseOption.MAX_WATCHES, 1),
        ):
            with pytest.raises(TypeError) as raised:
                call(foreign)
            assert "db" in str(raised.value)
        with pytest.raises(TypeError, match="db"):
            await found.close(foreign)
    # Here None stands for the engine.
    with pytest.raises(TypeError) as raised:
        found.get_client_version(tx)
    assert "db" in str(raised.value)


async def test_missing_and_surplus_arguments_are_refused(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    with pytest.raises(TypeError, match="value"):
        found.set(tx, KEY)
    with pytest.raises(TypeError, match="3 positional"):
        found.set(tx, KEY, b"", b"")
    with pytest.raises(TypeError, match="ttl"):
        found.set(tx, KEY, b"", ttl=1)
    with pytest.raises(TypeError, match="positional"):
        found.query(tx, KEY, KEY, 10)
    assert await found.all(found.query(tx, b"", b"\xff")) == []


async def test_arguments_can_be_given_by_the_names_of_the_contract(space: Space) -> None:
    tx = found.make_transaction(space.db)
    await found.set(tx=tx, key=space(b"k"), value=b"\x01")
    await found.add(tx=tx, key=space(b"k"), param=b"\x01")
    assert await found.get(tx=tx, key=space(b"k")) == b"\x02"
    rows = found.query(tx=tx, key=space(), other=space.end, limit=0, mode=-1)
    assert await found.all(aiogenerator=rows) == [(space(b"k"), b"\x02")]
    assert await found.get_key(tx=tx, key_selector=found.gt(key=space(), offset=1)) == space(b"k")
    await found.clear(tx=tx, key=space(), other=space.end)
    found.add_conflict_range(tx=tx, begin=space(), end=space.end, conflict_type=0)
    await found.estimated_size_bytes(tx=tx, begin=space(), end=space.end)
    await found.get_range_split_points(tx=tx, begin=space(), end=space.end, chunk_size=10)
    found.set_option(tx=tx, option=found.TransactionOption.TIMEOUT, value=60_000)
    limited = found.limit(iterator=found.query(tx, space(), space.end), length=1)
    assert await found.all(limited) == []
    await found.commit(tx=tx)


class Bytes(bytes):
    """Bytes by another name."""


async def test_subclasses_of_bytes_are_bytes(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, Bytes(space(b"k")), Bytes(b"v"))
    value = await found.get(tx, Bytes(space(b"k")))
    assert value == b"v"
    assert type(value) is bytes
    assert len(await found.all(found.query(tx, Bytes(space()), Bytes(space.end)))) == 1


# ---- keys and values past their limits (rules 1, 3 and 4)


def past_the_end(tx: found.Transaction) -> Any:
    return found.set(tx, b"\xff", b"")


DEFERRED: dict[str, tuple[int, Callable[[found.Transaction], Any]]] = {
    "a key too long": (2102, lambda tx: found.set(tx, b"k" * 10_001, b"")),
    "a value too long": (2103, lambda tx: found.set(tx, KEY, bytes(100_001))),
    "a key too long to add to": (2102, lambda tx: found.add(tx, b"k" * 10_001, b"\x01")),
    "a key past the end": (2004, past_the_end),
    "a special key": (2114, lambda tx: found.set(tx, b"\xff\xff/mine", b"")),
    "a key past the end to add to": (2004, lambda tx: found.add(tx, b"\xff\x00", b"\x01")),
    "a key past the end to clear": (2004, lambda tx: found.clear(tx, b"\xff")),
    "a range past the end to clear": (2004, lambda tx: found.clear(tx, b"a", b"\xff\x00")),
    "an inverted range to clear": (2005, lambda tx: found.clear(tx, b"b", b"a")),
}


@pytest.mark.parametrize("name", DEFERRED)
async def test_a_write_that_cannot_be_fails_the_next_read_or_commit(
    space: Space, name: str
) -> None:
    code, write = DEFERRED[name]
    for use in (
        found.commit,
        found.read_version,
        lambda tx: found.get(tx, space(b"k")),
        lambda tx: found.get_key(tx, found.gt(space(b"k"))),
        lambda tx: found.all(found.query(tx, space(), space.end)),
    ):
        tx = found.make_transaction(space.db)
        found.set(tx, space(b"k"), b"v")
        # Not the call itself.
        assert await write(tx) is None
        for _ in range(2):
            with fails_with(code):
                await use(tx)
        # Everything of the transaction is lost, until it is reset.
        with fails_with(code):
            await found.commit(tx)
        found.reset(tx)
        assert await space.read(tx) == {}


async def test_the_first_of_several_such_errors_counts(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), bytes(100_001))
    found.set(tx, b"\xff", b"")
    found.clear(tx, b"b", b"a")
    with fails_with(2103):
        await found.commit(tx)


async def test_on_error_forgives_a_write_that_cannot_be(space: Space) -> None:
    # Rule 1: such an error is not on_error's.
    tx = found.make_transaction(space.db)
    past_the_end(tx)
    await found.on_error(tx, 1020)
    found.set(tx, space(b"k"), b"v")
    await found.commit(tx)
    assert await space.read() == {b"k": b"v"}


async def test_such_an_error_is_not_tried_again(space: Space) -> None:
    tries = 0

    async def function(tx: found.Transaction) -> None:
        nonlocal tries
        tries += 1
        await past_the_end(tx)

    with fails_with(2004):
        await found.transactional(space.db, function)
    assert tries == 1


async def test_the_limits_say_what_they_are(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set(tx, b"k" * 10_001, b"")
    with fails_with(2102) as raised:
        await found.commit(tx)
    assert "10,000 bytes" in str(raised.value)
    found.reset(tx)
    found.set(tx, space(b"k"), bytes(100_001))
    with fails_with(2103) as raised:
        await found.commit(tx)
    assert "100,000 bytes" in str(raised.value)


async def test_system_keys_may_be_longer(memory: found.Database) -> None:
    for length, fits in ((30_000, True), (30_001, False)):
        tx = found.make_transaction(memory)
        found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
        found.set(tx, b"\xff/" + b"k" * (length - 2), b"")
        if fits:
            await found.commit(tx)
        else:
            with fails_with(2102):
                await found.commit(tx)


async def test_reads_past_the_end_are_refused(space: Space) -> None:
    for failing in (
        lambda tx: found.get(tx, b"\xff"),
        lambda tx: found.get(tx, b"\xff\x00", snapshot=True),
        lambda tx: found.get_key(tx, found.gt(b"\xff\x00")),
        lambda tx: found.all(found.query(tx, b"", b"\xff\x00")),
        lambda tx: found.all(found.query(tx, b"\xff\x00", b"\xff\x01")),
        lambda tx: found.all(found.query(tx, b"\xff\x00", b"\xff", limit=1)),
    ):
        tx = found.make_transaction(space.db)
        with fails_with(2004):
            await failing(tx)
        # It is the read that failed, not the transaction.
        assert await found.get(tx, space(b"k")) is None


async def test_special_keys_that_are_none_are_refused(db: found.Database) -> None:
    # Rule 36; SpecialKeySpace.actor.cpp, getRangeAggregationActor.
    tx = found.make_transaction(db)
    with fails_with(2113):
        await found.get(tx, b"\xff\xff/no such module/k")
    with fails_with(2113):
        await found.all(found.query(tx, b"\xff\xff/x", b"\xff\xff/y"))
    for begin, end in [
        (b"\xff\xff/transaction/", b"\xff\xff/z"),
        (b"\xff\xff/a", b"\xff\xff/transaction/z"),
        (b"\xff\xff/a", b"\xff\xff/z"),
    ]:
        with fails_with(2112):
            await found.all(found.query(tx, begin, end))


async def test_conflict_ranges_that_are_none_are_refused(space: Space) -> None:
    for kind in (found.CONFLICT_RANGE_TYPE_READ, found.CONFLICT_RANGE_TYPE_WRITE):
        tx = found.make_transaction(space.db)
        # Inverted is told at once (rule 2) and does no harm.
        with fails_with(2005):
            found.add_conflict_range(tx, space(b"b"), space(b"a"), kind)
        assert await found.get(tx, space(b"k")) is None
        # Past the end is told by the next read or commit.
        found.add_conflict_range(tx, space(b"a"), b"\xff\x00", kind)
        with fails_with(2004):
            await found.commit(tx)


@pytest.mark.parametrize("kind", [2, 3, -1, 2**31])
async def test_a_kind_of_conflict_range_that_does_not_exist_is_refused(
    db: found.Database, kind: int
) -> None:
    tx = found.make_transaction(db)
    with pytest.raises((ValueError, OverflowError)) as raised:
        found.add_conflict_range(tx, b"a", b"b", kind)
    assert "conflict_type" in str(raised.value)


# ---- ranges


@pytest.mark.parametrize("limit", [-1, -(2**31)])
async def test_a_negative_limit_is_refused(space: Space, limit: int) -> None:
    tx = found.make_transaction(space.db)
    with pytest.raises(ValueError, match=f"limit must be .*, not {limit}"):
        found.query(tx, space(), space.end, limit=limit)


@pytest.mark.parametrize("mode", [-3, 5, 2**31 - 1, -(2**31)])
async def test_a_mode_that_does_not_exist_is_refused(space: Space, mode: int) -> None:
    tx = found.make_transaction(space.db)
    with pytest.raises(ValueError, match=f"mode must be .*, not {mode}"):
        found.query(tx, space(), space.end, mode=mode)


async def test_a_limit_past_32_bits_is_refused(space: Space) -> None:
    tx = found.make_transaction(space.db)
    rows = found.query(tx, space(), space.end, limit=2**31 - 1)
    assert await found.all(rows) == []
    with pytest.raises(OverflowError):
        found.query(tx, space(), space.end, limit=2**31)


async def test_a_query_is_no_plain_iterator(space: Space) -> None:
    query = found.query(found.make_transaction(space.db), space(), space.end)
    with pytest.raises(TypeError):
        iter(query)
    with pytest.raises(TypeError):
        len(query)


# ---- transactions that only read


@pytest.mark.parametrize(
    "function",
    [
        lambda tx: found.set(tx, KEY, b""),
        lambda tx: found.clear(tx, KEY),
        lambda tx: found.clear(tx, KEY, KEY),
        *(lambda tx, function=function: function(tx, KEY, b"") for function in TAKES_KEY_AND_PARAM),
    ],
)
async def test_a_snapshot_transaction_refuses_every_write_at_once(
    db: found.Database, function: Callable[[found.Transaction], Any]
) -> None:
    tx = found.make_transaction(db, snapshot=True)
    with pytest.raises(RuntimeError, match=r"only reads.*snapshot=True"):
        function(tx)
    assert await found.get(tx, KEY) is None


# ---- objects


@pytest.mark.parametrize("name", ["Database", "Transaction", "Query", "Operation"])
def test_what_only_the_module_makes_cannot_be_made(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        getattr(found, name)()


async def test_objects_take_no_attributes(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    for owner, name in [
        (tx, "vars"),
        (tx, "snapshot"),
        (tx, "db"),
        (tx, "mine"),
        (memory, "hooks"),
        (memory, "mine"),
        (found.gt(b"k"), "offset"),
        (found.gt(b"k"), "mine"),
    ]:
        with pytest.raises(AttributeError):
            setattr(owner, name, 1)


async def test_an_operation_outside_of_any_loop_is_told(memory: found.Database) -> None:
    def outside() -> None:
        tx = found.make_transaction(memory)
        # The call needs no loop, and what is there already could be had without one.
        found.set(tx, b"k", b"v")
        assert found.get(tx, b"k").result() == b"v"

    await asyncio.get_running_loop().run_in_executor(None, outside)
