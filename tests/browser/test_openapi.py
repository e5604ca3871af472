"""schemathesis against found-vnstore: whatever is sent, the answer is as openapi.json says, and never a fault."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from serving_process import started

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None,
    reason="schemathesis is not installed (make test installs it)",
)


def test_answers_are_as_described(tmp_path: Path) -> None:
    with started("--database", "memory:", "--demo") as server:
        command = [
            Path(sys.executable).parent / "schemathesis",
            "run",
            f"{server.address}/openapi.json",
        ]
        options = [
            "--header",
            "Accept: application/json",
            "--max-examples",
            "8",
            "--seed",
            "7",
            "--no-color",
        ]
        # Whether a tuple is there to be removed, and what page follows another, no description can say.
        options += ["--exclude-checks", "positive_data_acceptance"]
        done = subprocess.run(
            [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not any("Traceback" in line for line in server.said)
