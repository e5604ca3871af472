"""Rules that only C shows, by a program linked against this project's libfdb_c, or against a cluster's.

The engine that is linked in is asked the same by the tests of rust/embedded, which rules.py names.
"""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import pytest
from client_library import TIMEOUT, compile_c, environment, include, library, linked_against
from conftest import CLUSTER_FILE

SOURCE = Path(__file__).with_name("rules.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    linked = ["-DFOUND_TEST_CLUSTER", "-lfdb_c"] if CLUSTER_FILE else linked_against(library())
    output = tmp_path_factory.mktemp("rules") / "rules"
    return compile_c(SOURCE, output, f"-I{include() / '730'}", *linked, "-lpthread")


@pytest.fixture(
    scope="module", params=["cluster"] if CLUSTER_FILE else ["memory", "file", "latency"]
)
def held(
    request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The rules that held."""
    address = {
        "cluster": CLUSTER_FILE or "",
        "memory": "memory:",
        "file": f"embedded:{tmp_path_factory.mktemp('held') / 'db'}",
        "latency": "memory:?latency=7",
    }[request.param]
    prefix = f"found-test/{secrets.token_hex(6)}/"
    command = [str(program), address, prefix]
    ended = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split()


def test_01_an_unknown_option_is_2007_at_once_and_a_bad_value_is_2006_later(
    held: list[str],
) -> None:
    assert "1" in held


def test_02_an_inverted_conflict_range_is_2005_at_once_and_an_inverted_clear_later(
    held: list[str],
) -> None:
    assert "2" in held


def test_08_more_is_true_when_the_limit_was_hit(held: list[str]) -> None:
    assert "8" in held


def test_10_modes_are_bytes_and_the_iterator_grows(held: list[str]) -> None:
    assert "10" in held


def test_29_an_unknown_operation_is_2018(held: list[str]) -> None:
    assert "29" in held


def test_32_futures(held: list[str]) -> None:
    assert "32" in held


def test_33_the_api_version_and_the_network(held: list[str]) -> None:
    assert "33" in held
