"""Programs run in a process of their own, whose end is looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from typing import Optional

# A child that takes longer hangs.
DEADLINE = 60.0

_PREAMBLE = """\
import faulthandler
faulthandler.dump_traceback_later(45, exit=True)
"""


class Program:
    """A Python program that runs. What it prints can be waited for."""

    def __init__(
        self, source: str, *flags: str, environment: Optional[dict[str, str]] = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-c", _PREAMBLE + textwrap.dedent(source)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            text=True,
        )

    def read_line(self) -> str:
        """The next line that the program prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for the end: its exit code, and what it has printed since."""
        try:
            output, errors = self._process.communicate(timeout=DEADLINE)
        finally:
            self._process.kill()
        return subprocess.CompletedProcess(
            self._process.args, self._process.returncode, output, errors
        )


def run_program(
    source: str, *flags: str, environment: Optional[dict[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    """Run a Python program to its end."""
    return Program(source, *flags, environment=environment).end()


def output_of(source: str, *flags: str, environment: Optional[dict[str, str]] = None) -> str:
    """What a program prints that must end well and complain of nothing."""
    ended = run_program(source, *flags, environment=environment)
    assert ended.stderr == ""
    assert ended.returncode == 0
    return ended.stdout
