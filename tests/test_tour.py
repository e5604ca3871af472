"""The tour, as `make run` starts it: twice, on other input, stopped in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import DEFAULT_INTERRUPT

pytest.importorskip("airportsdata")
pytest.importorskip("rich")

TOUR = Path(__file__).resolve().parent.parent / "examples" / "tour"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FOUND_DATABASE")
}


def command(database: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(TOUR), "--database", str(database), *arguments]


def tour(database: Path, *arguments: str) -> str:
    run = subprocess.run(
        command(database, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8"},
        timeout=200,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def test_a_second_run_finds_what_the_first_one_loaded(tmp_path: Path) -> None:
    database = tmp_path / "airports.found"
    first = tour(database, "--limit", "1000")
    assert "Loading 1,000 airports" in first
    assert "0 seats are left" in first
    assert str(database) in first
    second = tour(database, "--limit", "1000")
    assert "The airports of the earlier run are here" in second
    assert "1,000 records read" in second
    for run in (first, second):
        for said in (
            "airports to end up at",
            "try (",
            "alone are this.py again",
            "most is needed by",
            "reverted: ",
        ):
            assert said in run
    assert "triples in" in first and "triples in" not in second
    assert "\x1b" not in first + second, "escape codes in a pipe"


def test_another_input_replaces_what_was_loaded(tmp_path: Path) -> None:
    database = tmp_path / "airports.found"
    tour(database, "--limit", "600")
    other = tour(database, "--limit", "500")
    assert "which was removed" in other
    assert "add up to 500," in other


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_a_load_that_was_interrupted_goes_on_where_it_stopped(tmp_path: Path) -> None:
    database = tmp_path / "airports.found"
    with subprocess.Popen(
        command(database, "--limit", "5000"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
        preexec_fn=DEFAULT_INTERRUPT,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if " airports, " in line and " of " in line:
                # A quarter is committed and three are not.
                process.send_signal(signal.SIGINT)
                break
        said += process.stdout.read()
    assert process.returncode == 130, said
    assert "Stopped." in said
    assert "Traceback" not in said

    after = tour(database, "--limit", "5000")
    assert "Loading goes on where the last run was stopped" in after
    assert "as many as there are airports" in after
    assert "Loading" not in tour(database, "--limit", "5000")
