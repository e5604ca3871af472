"""Options: their names and numbers, how their values are encoded, and what refuses them."""

from __future__ import annotations

import asyncio
import enum
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import Space, fails_with

import found
from found import options

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "generate_options.py"

KINDS: list[tuple[str, type[enum.IntEnum], dict[int, Any]]] = [
    ("FDB_NET_OPTION_", found.NetworkOption, options.NETWORK_PARAMETERS),
    ("FDB_DB_OPTION_", found.DatabaseOption, options.DATABASE_PARAMETERS),
    ("FDB_TR_OPTION_", found.TransactionOption, options.TRANSACTION_PARAMETERS),
]
each_kind = pytest.mark.parametrize(
    ("prefix", "options_of", "parameters"), KINDS, ids=[kind[1].__name__ for kind in KINDS]
)


# ---- names and numbers


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_options", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The dataclasses of the script look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


needs_cargo = pytest.mark.skipif(
    not SCRIPT.exists() or shutil.which("cargo") is None, reason="needs the repository and cargo"
)


@needs_cargo
def test_every_option_of_the_header_is_there_under_its_number_and_type() -> None:
    script = generator()
    enums = script.parse(script.header().read_text(encoding="utf-8"))
    types = {"Int": int, "String": str, "Bytes": bytes}
    for name, (class_name, _, _) in script.ENUMS.items():
        options_of = getattr(options, class_name)
        parameters = getattr(options, class_name.upper().replace("OPTION", "_PARAMETERS"))
        wanted = {option.name: option.code for option in enums[name]}
        assert {key: int(member) for key, member in options_of.__members__.items()} == wanted
        for option in enums[name]:
            assert parameters[option.code] == types.get(option.kind), option


@needs_cargo
@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="needs ruff")
def test_the_generated_file_is_what_the_script_writes() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["NetworkOption", "DatabaseOption", "TransactionOption"])
def test_apples_own_binding_has_the_same_numbers(name: str) -> None:
    fdboptions = pytest.importorskip("fdb.fdboptions")
    theirs = {key.upper(): option[0] for key, option in getattr(fdboptions, name).items()}
    ours = {key: int(member) for key, member in getattr(found, name).__members__.items()}
    # Its file is of 7.3, ours of 7.4, which has dropped one and added some.
    common = theirs.keys() & ours.keys()
    assert len(common) > len(theirs) * 0.9
    assert {key: ours[key] for key in common} == {key: theirs[key] for key in common}


@each_kind
def test_every_option_is_a_constant_under_its_c_name(
    prefix: str, options_of: type[enum.IntEnum], parameters: dict[int, Any]
) -> None:
    constants = {
        name[len(prefix) :]: getattr(found, name) for name in dir(found) if name.startswith(prefix)
    }
    assert constants == dict(options_of.__members__)
    assert {prefix + name for name in constants} <= set(found.__all__)
    assert set(parameters) == set(options_of)


def test_the_constants_of_the_contract_have_foundationdbs_numbers() -> None:
    assert found.FDB_TR_OPTION_TIMEOUT == 500
    assert found.FDB_TR_OPTION_RETRY_LIMIT == 501
    assert found.FDB_DB_OPTION_MAX_WATCHES == 20
    assert found.FDB_NET_OPTION_TRACE_ENABLE == 30
    assert (found.CONFLICT_RANGE_TYPE_READ, found.CONFLICT_RANGE_TYPE_WRITE) == (0, 1)
    assert [
        found.STREAMING_MODE_WANT_ALL,
        found.STREAMING_MODE_ITERATOR,
        found.STREAMING_MODE_EXACT,
        found.STREAMING_MODE_SMALL,
        found.STREAMING_MODE_MEDIUM,
        found.STREAMING_MODE_LARGE,
        found.STREAMING_MODE_SERIAL,
    ] == [-2, -1, 0, 1, 2, 3, 4]


# ---- values


async def accepted(tx: found.Transaction) -> bool:
    """Whether the options set so far were good: a bad value is told by the next call."""
    try:
        await found.read_version(tx)
    except found.FoundException as error:
        assert error.code == 2006, error
        return False
    return True


async def test_an_integer_may_be_given_as_such_or_as_its_eight_bytes(space: Space) -> None:
    for value in (50, (50).to_bytes(8, "little")):
        tx = found.make_transaction(space.db)
        found.set_option(tx, found.TransactionOption.SIZE_LIMIT, value)
        found.set(tx, space(b"k"), bytes(1_000))
        with fails_with(2101):
            await found.commit(tx)


@pytest.mark.parametrize("value", [b"", b"\x32", bytes(7), bytes(9)])
async def test_an_integer_of_another_length_is_refused_later(
    db: found.Database, value: bytes
) -> None:
    tx = found.make_transaction(db)
    found.set_option(tx, found.TransactionOption.TIMEOUT, value)
    assert not await accepted(tx)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (found.TransactionOption.TIMEOUT, -1),
        (found.TransactionOption.TIMEOUT, 2**31),
        (found.TransactionOption.RETRY_LIMIT, -2),
        (found.TransactionOption.MAX_RETRY_DELAY, -1),
    ],
)
async def test_a_number_out_of_bounds_is_refused_later(
    db: found.Database, option: found.TransactionOption, value: int
) -> None:
    # Rule 1: by the next read or commit, not by the call.
    tx = found.make_transaction(db)
    found.set_option(tx, option, value)
    assert not await accepted(tx)
    # And not for ever.
    found.reset(tx)
    assert await accepted(tx)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**30])
async def test_a_number_past_64_bits_is_refused_at_once(db: found.Database, value: int) -> None:
    tx = found.make_transaction(db)
    with pytest.raises(ValueError, match=f"TIMEOUT must fit in 64 bits, not {value}"):
        found.set_option(tx, found.TransactionOption.TIMEOUT, value)
    with pytest.raises(ValueError, match="TRANSACTION_TIMEOUT must fit in 64 bits"):
        found.database_set_option(db, found.DatabaseOption.TRANSACTION_TIMEOUT, value)


async def test_a_string_may_be_given_as_such_or_as_bytes(db: found.Database) -> None:
    tx = found.make_transaction(db)
    for value in ("été", "été".encode(), "x"):
        found.set_option(tx, found.TransactionOption.TAG, value)
        found.set_option(tx, found.TransactionOption.AUTO_THROTTLE_TAG, value)
    assert await accepted(tx)


WRONG: list[tuple[Any, Any, str]] = [
    (found.TransactionOption.TIMEOUT, "100", "value of option TIMEOUT must be int, not str"),
    (found.TransactionOption.TIMEOUT, None, "value of option TIMEOUT must be int, not NoneType"),
    (found.TransactionOption.TIMEOUT, 1.5, "value of option TIMEOUT must be int, not float"),
    (found.TransactionOption.TIMEOUT, True, "value of option TIMEOUT must be int, not bool"),
    (500, "100", "value of option TIMEOUT must be int, not str"),
    (found.TransactionOption.TAG, 1, "value of option TAG must be str, not int"),
    (found.TransactionOption.SPAN_PARENT, "x", "value of option SPAN_PARENT must be bytes"),
    (found.TransactionOption.SPAN_PARENT, bytearray(1), "must be bytes, not bytearray"),
    (found.TransactionOption.READ_SYSTEM_KEYS, 1, "option READ_SYSTEM_KEYS takes no value"),
    (found.TransactionOption.READ_SYSTEM_KEYS, b"", "option READ_SYSTEM_KEYS takes no value"),
    (99_999, 1, "value of option 99999 must be bytes, not int"),
    ("TIMEOUT", 1, "option must be an integer, not str"),
    (True, None, "option must be an integer, not bool"),
    (None, None, "option must be an integer, not NoneType"),
]


@pytest.mark.parametrize(("option", "value", "text"), WRONG)
async def test_a_value_of_the_wrong_type_is_refused_at_once_and_by_name(
    db: found.Database, option: Any, value: Any, text: str
) -> None:
    tx = found.make_transaction(db)
    with pytest.raises(TypeError, match=text):
        found.set_option(tx, option, value)
    assert await accepted(tx)


async def test_an_option_that_does_not_exist_is_refused_at_once(db: found.Database) -> None:
    for option in (0, -1, 99_999, 2**31 - 1):
        with fails_with(2007):
            found.set_option(found.make_transaction(db), option)
        with fails_with(2007):
            found.database_set_option(db, option)


@pytest.mark.parametrize("option", found.TransactionOption.__members__.values(), ids=str)
async def test_every_transaction_option_is_known_to_the_engine(
    memory: found.Database, option: found.TransactionOption
) -> None:
    takes = options.TRANSACTION_PARAMETERS[option]
    value = {int: 1_000, str: "0123456789abcdef", bytes: b"0123456789abcdef", None: None}[takes]
    found.set_option(found.make_transaction(memory), option, value)


@pytest.mark.parametrize("option", found.DatabaseOption.__members__.values(), ids=str)
async def test_every_database_option_is_known_to_the_engine(
    memory: found.Database, option: found.DatabaseOption
) -> None:
    takes = options.DATABASE_PARAMETERS[option]
    value = {int: 100, str: "somewhere", bytes: b"", None: None}[takes]
    if option is found.DatabaseOption.USE_CONFIG_DATABASE:
        # A cluster's configuration; here it would be the user's data.
        with fails_with(2108):
            found.database_set_option(memory, option, value)
    else:
        found.database_set_option(memory, option, value)
    # It works all the same.
    await Space(memory, b"k").write({b"k": b"v"})


async def test_a_bad_value_for_a_database_is_refused_at_once(db: found.Database) -> None:
    for option, value in [
        (found.DatabaseOption.TRANSACTION_TIMEOUT, -1),
        (found.DatabaseOption.MAX_WATCHES, -1),
        (found.DatabaseOption.MAX_WATCHES, 10**9),
        (found.DatabaseOption.TRANSACTION_SIZE_LIMIT, 1),
    ]:
        with fails_with(2006):
            found.database_set_option(db, option, value)


# ---- what some of them do


async def test_options_of_a_database_are_the_defaults_of_its_transactions(space: Space) -> None:
    found.database_set_option(space.db, found.DatabaseOption.SNAPSHOT_RYW_DISABLE)
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"v")
    assert await found.get(tx, space(b"k"), snapshot=True) is None
    assert await found.get(tx, space(b"k")) == b"v"
    found.database_set_option(space.db, found.DatabaseOption.SNAPSHOT_RYW_ENABLE)
    tx = found.make_transaction(space.db)
    found.set(tx, space(b"k"), b"v")
    assert await found.get(tx, space(b"k"), snapshot=True) == b"v"


async def test_read_your_writes_can_be_disabled_only_before_the_first_operation(
    space: Space,
) -> None:
    # Rule 11.
    for operation in (
        lambda tx: found.get(tx, space(b"k")),
        lambda tx: found.set(tx, space(b"k"), b"v"),
    ):
        tx = found.make_transaction(space.db)
        await operation(tx)
        found.set_option(tx, found.TransactionOption.READ_YOUR_WRITES_DISABLE)
        with fails_with(2000):
            await found.get(tx, space(b"k"))


async def test_system_keys_can_be_read_with_the_option(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    found.set_option(tx, found.TransactionOption.READ_SYSTEM_KEYS)
    assert await found.get(tx, b"\xff/mine") is None
    assert await found.all(found.query(tx, b"\xff/l", b"\xff/z")) == []
    found.set(tx, b"\xff/mine", b"v")
    with fails_with(2004):
        await found.commit(tx)


async def test_system_keys_can_be_written_with_the_option(memory: found.Database) -> None:
    tx = found.make_transaction(memory)
    found.set_option(tx, found.TransactionOption.ACCESS_SYSTEM_KEYS)
    found.set(tx, b"\xff/mine", b"v")
    await found.commit(tx)
    tx = found.make_transaction(memory)
    # Not part of what a program sees.
    assert await found.all(found.query(tx, b"", b"\xff")) == []
    found.set_option(tx, found.TransactionOption.READ_SYSTEM_KEYS)
    assert await found.get(tx, b"\xff/mine") == b"v"
    assert await found.all(found.query(tx, b"\xff/l", b"\xff0")) == [(b"\xff/mine", b"v")]


async def test_a_read_during_the_commit_fails_alone_without_the_protection(space: Space) -> None:
    # Rule 18; with the protection, the default, the commit may fail with 2017 too.
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.USED_DURING_COMMIT_PROTECTION_DISABLE)
    found.set(tx, space(b"k"), b"v")
    commit = found.commit(tx)
    with fails_with(2017):
        await found.get(tx, space(b"k"))
    await commit
    assert await space.get(b"k") == b"v"


@pytest.mark.parametrize("where", ["transaction", "database"])
async def test_a_timeout_ends_a_transaction_that_waits(space: Space, where: str) -> None:
    if where == "database":
        found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_TIMEOUT, 20)
    tx = found.make_transaction(space.db)
    if where == "transaction":
        found.set_option(tx, found.TransactionOption.TIMEOUT, 20)
    # A versionstamp is waited for until the commit, which does not come.
    with fails_with(1031) as raised:
        await found.get_versionstamp(tx)
    assert "TIMEOUT" in str(raised.value)
    for failing in (found.commit, found.read_version, lambda tx: found.get(tx, space(b"k"))):
        with fails_with(1031):
            await failing(tx)
    with fails_with(1031):
        await found.on_error(tx, 1020)
    found.database_set_option(space.db, found.DatabaseOption.TRANSACTION_TIMEOUT, 0)
    found.reset(tx)
    assert await found.get(tx, space(b"k")) is None


async def test_a_timeout_of_nothing_is_none(space: Space) -> None:
    tx = found.make_transaction(space.db)
    found.set_option(tx, found.TransactionOption.TIMEOUT, 200)
    found.set_option(tx, found.TransactionOption.TIMEOUT, 0)
    with pytest.raises(TimeoutError if sys.version_info >= (3, 11) else Exception):
        await asyncio.wait_for(found.get_versionstamp(tx), 0.4)
    assert await found.get(tx, space(b"k")) is None


# ---- the network's, which a process sets once

NETWORK = """
import asyncio
import found
from found import NetworkOption as Option
from found.options import NETWORK_PARAMETERS

samples = {int: 50, str: "1.2.3.4:4500", bytes: b"x", None: None}
special = {
    Option.TRACE_FORMAT: "json",
    Option.TRACE_CLOCK_SOURCE: "realtime",
    Option.TRACE_FILE_IDENTIFIER: "identifier",
    Option.DISTRIBUTED_CLIENT_TRACER: "none",
    Option.KNOB: "max_outstanding_watches=7",
    Option.TRACE_ENABLE: "",
}

def code(option, value):
    try:
        found.network_set_option(option, value)
    except found.FoundException as error:
        return error.code
    return 0

codes = {
    option.name: code(option, special.get(option, samples[takes]))
    for option, takes in NETWORK_PARAMETERS.items()
}
refused = {name: code for name, code in codes.items() if code}
# The only client that there is cannot be disabled.
assert refused == {"DISABLE_LOCAL_CLIENT": 2123}, refused

assert code(99999, None) == 2007
assert code(Option.TRACE_FORMAT, "yaml") == 2006
assert code(Option.KNOB, "nonsense") == 2006
assert code(Option.TRACE_ROLL_SIZE, -1) == 2006

async def main():
    async with await found.open("memory:") as db:
        tx = found.make_transaction(db)
        found.set(tx, b"k", b"v")
        await found.commit(tx)
    assert code(Option.TRACE_ENABLE, None) == 2009

asyncio.run(main())
"""


def test_network_options_are_taken_before_the_first_database_and_refused_after() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", NETWORK], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_network_option_of_the_wrong_type_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="value of option TRACE_ROLL_SIZE must be int, not str"):
        found.network_set_option(found.NetworkOption.TRACE_ROLL_SIZE, "1")
    with pytest.raises(TypeError, match="option must be an integer"):
        found.network_set_option("TRACE_ENABLE")
