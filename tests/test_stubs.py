"""The stub says what the module says, and the module says what its functions take and raise.

Signatures are held against the module by mypy's stubtest, and what type checkers make of them by
tests/typing_sample.py: see `make test-stubs` and `make lint`.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import pytest

import found
from found import _found

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "sync_stubs.py"

FUNCTIONS = {
    name: value
    for name in found.__all__
    if callable(value := getattr(found, name)) and not isinstance(value, type)
}
# The codec's, which say in prose what they take, and which format they keep to.
TUPLES = {"has_incomplete_versionstamp", "pack", "pack_with_versionstamp", "range", "unpack"}
# FoundationDB has nothing to say about these.
OURS = {"all", "close", "co", "limit", "make_hooks"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """scripts/sync_stubs.py."""
    spec = importlib.util.spec_from_file_location("sync_stubs", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stub_has_the_docstrings_of_the_module() -> None:
    checked = subprocess.run(
        [sys.executable, SCRIPT, "--check"], capture_output=True, encoding="utf-8"
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""Commit the transaction.', '"""Commit it.'),
        ('        """The database that the transaction belongs to."""\n\n', "        ...\n"),
        ('    "Database",\n', ""),
        (
            'class Query(AsyncIterator[_R_co]):\n    """A range',
            'class Query(AsyncIterator[_R_co]):\n    """The range',
        ),
    ],
    ids=["function", "property", "__all__", "class"],
)
def test_a_stale_stub_is_noticed_and_mended(script: ModuleType, old: str, new: str) -> None:
    stub: str = script.STUB.read_text(encoding="utf-8")
    assert stub.count(old) == 1
    stale = stub.replace(old, new)
    assert script.synchronized(stale) == stub


def test_a_name_that_the_module_lacks_is_noticed(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r":2: the module has no nothing"):
        script.synchronized("import ctypes\ndef nothing() -> None: ...\n")


def test_a_function_without_a_docstring_stays_as_it_is(script: ModuleType) -> None:
    stub = (
        "class Future:\n"
        "    # Asyncio's.\n"
        "    @property\n"
        "    def _cancel_message(self) -> object: ...\n"
    )
    lines = script.synchronized(stub).splitlines()
    assert lines[:2] == ["class Future:", f'    """{_found.Future.__doc__.splitlines()[0]}']
    assert lines[-4:] == ["", *stub.splitlines()[1:]]


def test_every_name_of_the_module_is_in_the_stub(script: ModuleType) -> None:
    stub: str = script.STUB.read_text(encoding="utf-8")
    declared = re.findall(r"^(?:class|def) (\w+)", stub, re.MULTILINE)
    assert sorted(declared) == sorted(_found.__all__)


def sections(function: Callable[..., Any]) -> dict[str, str]:
    """The parts of a docstring by their headings, the first under an empty one."""
    text = inspect.getdoc(function) or ""
    parts = re.split(r"^(Args|Returns|Raises|Rule):\s", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - TUPLES))
def test_every_parameter_is_documented(name: str) -> None:
    told = re.findall(r"^    (\w+): ", sections(FUNCTIONS[name]).get("Args", ""), re.MULTILINE)
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    assert told == [
        each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]


@pytest.mark.parametrize("name", sorted(FUNCTIONS.keys() - TUPLES - OURS))
def test_the_rule_of_foundationdb_is_named(name: str) -> None:
    assert re.search(r"\w\.(cpp|h)\b|documentation of", sections(FUNCTIONS[name]).get("Rule", ""))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_codes_that_are_documented_exist(name: str) -> None:
    codes = re.findall(
        r"(?<![\d,.])[12]\d{3}(?![\d,.]\d)", sections(FUNCTIONS[name]).get("Raises", "")
    )
    unknown = found.FoundException(2999).text
    assert [code for code in codes if found.FoundException(int(code)).text == unknown] == []
