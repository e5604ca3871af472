"""This project on other interpreters, `--python NAME=PYTHON`: a wheel of it for each, in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Optional

from bench import peers
from bench.harness import ROOT, Failure, say

MATURIN = ROOT / ".venv" / "bin" / "maturin"


def python(output: Path, name: str) -> str:
    """The interpreter of the environment that `name` is measured in."""
    return str(output / "pythons" / name / "bin" / "python")


@cache
def failure(output: Path, name: str, interpreter: str) -> Optional[str]:
    """Build and install for it, once in a run; returns why that failed, None if it did not."""
    say(f"  building for {name}", end="\r")
    try:
        install(output, name, interpreter)
    except Failure as failed:
        return str(failed)
    return None


def install(output: Path, name: str, interpreter: str) -> None:
    """Raises Failure."""
    environment = output / "pythons" / name
    wheels = environment / "wheels"
    shutil.rmtree(environment, ignore_errors=True)
    there = python(output, name)
    pip = [there, "-m", "pip"]
    try:
        run([interpreter, "-m", "venv", str(environment)])
    except Failure:
        # That of a distribution may bring no pip with it.
        run([interpreter, "-m", "venv", "--clear", "--without-pip", str(environment)])
        pip = [sys.executable, "-m", "pip", "--python", there]
    build = ["build", "--release", "--quiet", "--interpreter", there, "--out", str(wheels)]
    run([str(MATURIN), *build])
    run([*pip, "install", "--quiet", *(str(wheel) for wheel in wheels.iterdir())])


def run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Failure(str(error)) from error
    if done.returncode != 0:
        raise Failure(peers.reason(done.stderr))
