"""Exceptions: their codes, what they say, and which of them a retry helps."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import pytest
from support import Space, fails_with

import found

# As FoundationDB's clients say them (documentation/sphinx/source/api-error-codes.rst).
TEXTS = {
    0: "Success",
    1000: "Operation failed",
    1004: "Operation timed out",
    1007: "Transaction is too old to perform reads or be committed",
    1009: "Request for future version",
    1020: "Transaction not committed due to conflict with another transaction",
    1021: "Transaction may or may not have committed",
    1025: "Operation aborted because the transaction was cancelled",
    1031: "Operation aborted because the transaction timed out",
    1032: "Too many watches currently set",
    1034: "Watches cannot be set if read your writes is disabled",
    1036: "Read or wrote an unreadable key",
    1037: "Storage process does not have recent mutations",
    1038: "Database is locked",
    1039: "The protocol version of the cluster has changed",
    1101: "Asynchronous operation cancelled",
    2000: "Invalid API call",
    2004: "Key outside legal range",
    2005: "Range begin key larger than end key",
    2006: "Option set with an invalid value",
    2007: "Option not valid in this context",
    2009: "Network can be configured only once",
    2010: "Transaction already has a read version set",
    2011: "Version not valid",
    2015: "Future not ready",
    2017: "Operation issued while a commit was outstanding",
    2018: "Unrecognized atomic mutation type",
    2020: "Transaction does not have a valid commit version",
    2021: "Transaction is read-only and therefore does not have a commit version",
    2101: "Transaction exceeds byte limit",
    2102: "Key length exceeds limit",
    2103: "Value length exceeds limit",
    2200: "API version is not set",
    2201: "API version may be set only once",
    2210: "EXACT streaming mode requires limits, but none were given",
    4000: "An unknown error occurred",
    4100: "An internal error occurred",
}

# Rule 22, fdb_c.cpp: fdb_error_predicate.
MAYBE_COMMITTED = {1021, 1039}
RETRYABLE_NOT_COMMITTED = {1007, 1009, 1020, 1037, 1038, 1042, 1051, 1078, 1213, 1223}


@pytest.mark.parametrize(("code", "text"), TEXTS.items())
def test_an_error_says_its_code_and_foundationdbs_text(code: int, text: str) -> None:
    error = found.FoundException(code)
    assert error.code == code
    assert error.text == text
    assert error.args == (code,)
    assert str(error).startswith(f"{code}: {text}")
    assert repr(error) == f"FoundException({code}, {text!r})"


def test_a_code_that_nobody_knows_is_an_error_all_the_same() -> None:
    for code in (-1, 5, 999, 12_345, 2**31 - 1):
        error = found.FoundException(code)
        assert str(error).startswith(f"{code}: ")
        assert error.text
        assert not error.retryable
        assert not error.maybe_committed


def test_each_predicate_is_true_for_its_codes_and_no_other() -> None:
    codes = range(-10, 5_000)

    def holds_for(predicate: int) -> set[int]:
        return {code for code in codes if found.error_predicate(predicate, code)}

    assert holds_for(found.ERROR_PREDICATE_MAYBE_COMMITTED) == MAYBE_COMMITTED
    assert holds_for(found.ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED) == RETRYABLE_NOT_COMMITTED
    retryable = MAYBE_COMMITTED | RETRYABLE_NOT_COMMITTED
    assert holds_for(found.ERROR_PREDICATE_RETRYABLE) == retryable
    errors = [found.FoundException(code) for code in codes]
    assert {error.code for error in errors if error.retryable} == retryable
    assert {error.code for error in errors if error.maybe_committed} == MAYBE_COMMITTED


def test_the_predicates_have_the_numbers_of_the_contract() -> None:
    assert found.ERROR_PREDICATE_RETRYABLE == 50_000
    assert found.ERROR_PREDICATE_MAYBE_COMMITTED == 50_001
    assert found.ERROR_PREDICATE_RETRYABLE_NOT_COMMITTED == 50_002
    assert found.error_predicate(50_000, 1020) is True
    assert found.error_predicate(50_001, 1020) is False


@pytest.mark.parametrize("predicate", [0, 1, 49_999, 50_003, -1])
def test_a_predicate_that_does_not_exist_is_refused(predicate: int) -> None:
    with pytest.raises(ValueError, match=f"predicate must be .*, not {predicate}"):
        found.error_predicate(predicate, 1020)


def test_every_exception_is_a_base_found_exception() -> None:
    assert issubclass(found.FoundException, found.BaseFoundException)
    assert issubclass(found.LibraryException, found.BaseFoundException)
    assert issubclass(found.BaseFoundException, Exception)
    assert not issubclass(found.LibraryException, found.FoundException)


@pytest.mark.parametrize("code", [1007, 1025, 1031, 2017, 2101, 2102, 2103])
def test_an_error_that_leaves_people_guessing_says_what_helps(code: int) -> None:
    error = found.FoundException(code)
    assert len(str(error)) > len(f"{code}: {error.text}") + 20
    # The text itself stays FoundationDB's.
    assert error.text == TEXTS[code]


def test_the_detail_is_part_of_what_an_error_says() -> None:
    error = found.FoundException(1510, "cannot write /data/db: the disk is full")
    assert str(error) == "1510: Disk i/o operation failed; cannot write /data/db: the disk is full"
    assert error.detail == "cannot write /data/db: the disk is full"
    assert found.FoundException(1510).detail is None


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling(protocol: int) -> None:
    for error in (
        found.FoundException(1020),
        found.FoundException(1510, "a file"),
        found.FoundException(1510, "a file", "another library's text"),
    ):
        back = pickle.loads(pickle.dumps(error, protocol))
        assert type(back) is found.FoundException
        assert (back.code, back.text, back.detail) == (error.code, error.text, error.detail)
        assert str(back) == str(error)
    assert str(pickle.loads(pickle.dumps(found.LibraryException("none")))) == "none"


def test_an_error_can_be_copied() -> None:
    error = found.FoundException(1510, "a file")
    for back in (copy.copy(error), copy.deepcopy(error)):
        assert (back.code, back.text, back.detail) == (error.code, error.text, error.detail)


@pytest.mark.parametrize("code", ["1020", None, 1.5, b"x"])
def test_a_code_is_a_number(code: Any) -> None:
    with pytest.raises(TypeError):
        found.FoundException(code)


async def test_an_error_of_an_operation_has_the_code_of_the_library(space: Space) -> None:
    with pytest.raises(found.FoundException) as raised:
        await found.get(found.make_transaction(space.db), b"\xff")
    assert raised.value.code == 2004
    assert raised.value.text == TEXTS[2004]
    assert raised.value.args == (2004,)


async def test_an_error_is_raised_where_it_is_awaited(space: Space) -> None:
    read = found.get(found.make_transaction(space.db), b"\xff")
    with fails_with(2004) as raised:
        await read
    line = traceback.extract_tb(raised.value.__traceback__)[0]
    assert line.line == "await read"
    # Awaiting it again raises the same again.
    with fails_with(2004) as again:
        await read
    assert again.value is raised.value


async def test_on_error_takes_the_code_of_an_exception(space: Space) -> None:
    tx = found.make_transaction(space.db)
    try:
        raise found.FoundException(1020)
    except found.FoundException as error:
        await found.on_error(tx, error.code)
    assert await found.get(tx, space(b"k")) is None


async def test_on_error_of_no_error_is_refused(db: found.Database) -> None:
    tx = found.make_transaction(db)
    with pytest.raises(ValueError, match="0 is success"):
        found.on_error(tx, 0)


@pytest.mark.parametrize("code", [-1, 5, 12_345, 40_000, 2**31 - 1])
async def test_on_error_of_a_code_that_nobody_knows_raises(space: Space, code: int) -> None:
    tx = found.make_transaction(space.db)
    with pytest.raises(found.FoundException):
        await found.on_error(tx, code)
    found.reset(tx)
    assert await found.get(tx, space(b"k")) is None


@pytest.mark.parametrize("code", sorted(MAYBE_COMMITTED | RETRYABLE_NOT_COMMITTED | {1079}))
async def test_on_error_retries_what_foundationdb_retries(
    memory: found.Database, code: int
) -> None:
    # Rule 22: not the same as the predicate, which lacks 1079. 1039 is for the multi-version client to
    # retry (MultiVersionTransaction.actor.cpp, onError).
    tx = found.make_transaction(memory)
    assert await found.on_error(tx, code) is None


def test_the_client_version_is_a_string_of_three_parts() -> None:
    version = found.get_client_version()
    assert isinstance(version, str)
    assert len(version.split(",")) == 3
    assert version.split(",")[0].count(".") == 2


async def test_the_client_version_of_a_database_is_its_librarys(memory: found.Database) -> None:
    assert found.get_client_version(memory) == found.get_client_version()
