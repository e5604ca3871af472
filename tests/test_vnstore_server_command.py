"""`found-vnstore` as a process: its arguments, its start, and its end."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from serving_process import COMMAND, started


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def page(address: str) -> str:
    with urllib.request.urlopen(address) as response:
        return response.read().decode()


def test_help_tells_every_argument() -> None:
    done = run("--help")
    assert done.returncode == 0
    for argument in (
        "--host",
        "--port",
        "--database",
        "--prefix",
        "--columns",
        "--allowed-host",
        "--workers",
        "--demo",
    ):
        assert argument in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "2", "--database", "embedded:somewhere"], "belongs to one process"),
        (["--workers", "2", "--database", "memory:"], "belongs to one process"),
        (["--workers", "0"], "at least 1"),
        (["--columns", "a,,b"], "without a name"),
        (["--columns", "a,token"], "token"),
        (["--prefix", "("], "no tuple"),
        (["--prefix", "({},)"], "no tuple"),
        (["--port", "web"], "--port"),
    ],
)
def test_arguments_that_cannot_be_say_why(arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


def test_a_start_that_fails_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "no-folder").touch()
    done = run("--database", f"embedded:{tmp_path}/no-folder/file", "--port", "0")
    assert done.returncode != 0
    assert "found-vnstore cannot start" in done.stderr and "no-folder" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_serves_a_file_until_it_is_interrupted(tmp_path: Path) -> None:
    database = f"embedded:{tmp_path / 'db'}"
    with started("--database", database, "--demo") as server:
        assert "Roissy" in page(f"{server.address}/navigate/?uid=CDG")
        assert server.address.startswith("http://127.0.0.1:")
        # While it serves, another one is told who has the file.
        other = run("--database", database, "--port", "0")
        assert (
            other.returncode != 0
            and "cannot start" in other.stderr
            and str(tmp_path) in other.stderr
        )
    assert server.process.returncode == 0
    text = "".join(server.said)
    assert "GET /navigate/ 200" in text and "CDG" not in text and "Traceback" not in text
    with started("--database", database) as server:
        assert "Roissy" in page(f"{server.address}/navigate/?uid=CDG")


def test_listening_for_others_is_said() -> None:
    with started("--host", "0.0.0.0", "--database", "memory:") as server:
        pass
    assert any("whoever reaches this machine" in line for line in server.said)


def test_another_asgi_server_reads_the_same_settings() -> None:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "found.ext.vnstore.server:server",
        "--lifespan",
        "on",
    ]
    settings = {"FOUND_VNSTORE_DATABASE": "memory:", "FOUND_VNSTORE_COLUMNS": "subject,verb"}
    with started(command=command, **settings) as server:
        assert 'name="verb"' in page(f"{server.address}/navigate/")
